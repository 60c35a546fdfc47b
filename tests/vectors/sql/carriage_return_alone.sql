-- statements: 2
select 1; -- ends hereselect 2;
