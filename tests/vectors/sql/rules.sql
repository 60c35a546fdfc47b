-- statements: 5
create table a (id int);
create table b (id int);
create rule both_of_them as on insert to a do also (
    insert into b values (new.id);
    delete from b where id < 0;
);
insert into a values (1);
select 1 / count(*) from b;
