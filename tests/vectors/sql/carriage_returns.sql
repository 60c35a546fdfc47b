-- statements: 2
select 1; -- one;

select 2;
-- end
