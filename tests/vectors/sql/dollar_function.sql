-- statements: 3
create function add_em(int, int) returns int as $$
    select $1 + $2; -- a comment; in the body
$$ language sql;
select add_em(1, 2);
create or replace function twice(a int) returns int language sql as 'select $1 * 2;';
