-- statements: 2
select 1;
select 2; -- and this is the end; really
/* the very end; */
-- done
