-- statements: 4
create table loaded (day date);
insert into loaded values ('2021-06-26');
select 1/count(1) as validation from loaded where day = '2021-06-26';
drop table loaded;
