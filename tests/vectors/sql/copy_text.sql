-- statements: 3
create table "load" (a text);
insert into "load" values ('a\\;b'), ('c''\\'), ('\\\\;');
select 1 / (count(*) - 2) from "load" where a like '%;%' or a like '%\\\\';
