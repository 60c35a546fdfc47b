-- statements: 1
select 1;



