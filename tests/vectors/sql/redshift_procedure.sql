-- statements: 2
create or replace procedure merge_it() as $$
begin
    create temp table s as select 1; commit; -- nonatomic
    execute 'insert into t values (\'a;\')';
end;
$$ language plpgsql nonatomic;
call merge_it();
