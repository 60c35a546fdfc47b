-- statements: 4
create view v as
with recursive n(i) as (
    select 1
    union all
    select i + 1 from n where i < 5 -- five; rows
)
select i, case when i % 2 = 0 then 'even;' else 'odd;' end as kind from n;
select * from v where kind in ('even;', ';');
(select 1) union all (select 2);
drop view v;
