-- statements: 2
do $$
begin
    perform 1;
    if true then null; end if;
end
$$;
do 'begin null; end;';
