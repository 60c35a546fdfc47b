-- statements: 8
begin transaction;
create table day_total (day date, total int);
delete from day_total where day = '2021-06-26';
insert into day_total values ('2021-06-26', 1);
commit;
begin;
drop table day_total;
end;
