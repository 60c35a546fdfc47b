-- statements: 2
select 1;
select 2;
