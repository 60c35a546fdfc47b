-- statements: 6
create table audit (id int, note varchar(100));
create or replace procedure load_day(day date, inout rows int)
as $$
declare
    r record;
begin
    rows := 0;
    for r in select generate_series(1, 3) as n loop
        insert into audit values (r.n, 'loaded; ' || day);
        rows := rows + 1;
    end loop;
    if rows > 2 then
        raise info 'many; rows';
    end if;
exception when others then
    raise;
end;
$$ language plpgsql;
call load_day('2021-06-26', null);
select count(*) from audit;
drop procedure load_day(date, int);
drop table audit;
