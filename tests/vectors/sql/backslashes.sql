-- statements: 5
select 'it\'s; one';
select '\\', ';', '\\\'; still', 'a\\';
select 'tab\t; line\n; octal\047; end';
select * from (values ('100%')) v(x) where x like '%\\%' or x ~ '^[0-9]{1,3}\\;$';
select '\\;' || '\;';
