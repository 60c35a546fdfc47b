-- statements: 8
create table target (id int, name varchar(20));
create temp table stage (like target);
insert into stage values (1, 'a;'), (2, 'b'';'), (3, null);
delete from target using stage where target.id = stage.id;
insert into target select * from stage;
update target set name = replace(name, ';', ',') where position(';' in name) > 0;
select id, name from target order by id;
drop table stage, target;
