-- statements: 4
create table sales (id bigint identity(0,1), day date encode az64) diststyle key distkey(id) sortkey(day);
copy sales from 's3://bucket/sales;.csv' iam_role default csv quote as '"' nulls '\\N' ignoreheader 1;
analyze compression sales;
select :day::date, :limit, listagg(id, ';') within group (order by id) from sales where doc."a;b"[0].c = ':x;';
