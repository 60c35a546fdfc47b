-- statements: 4
select 2*/* ; */3, 6/-- ;
2, 1 - -1, 7 % 3;
select '{1,2}'::int[], array[1,2,3], (array[1,2,3])[1:2];
select 5 <> 4, not 1 != 2, @ -5.0, |/ 25.0, 2 ^ 3;
select '{"a": {"b": 1}}'::json -> 'a' ->> 'b', '[1;2]' ~ ';';
