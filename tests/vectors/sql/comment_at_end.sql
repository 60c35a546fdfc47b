-- statements: 2
select 1;
select 2 -- no line break behind this; at all