-- statements: 3
-- don't; stop
select 1 -- it's; a quote
;
--;
select 2--;
--"
--$$
--/*
;
select 3 --
