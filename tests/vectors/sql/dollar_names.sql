-- statements: 4
create table t$1 (a$b int, c$$d int);
insert into t$1 values (1, 2);
select a$b, c$$d from t$1;
drop table t$1;
