-- statements: 4
create table events (doc json, pattern text);
insert into events values ('{"type": "a;b", "list": [{"x": 1}, {"y": "{z}"}]}', '^[a-z]{2,3};$');
select doc -> 'list' -> 0 ->> 'x', pattern from events where doc ->> 'type' = 'a;b';
select '{}'::json, '{job_run_date}', '{{}}';
