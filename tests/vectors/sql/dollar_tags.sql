-- statements: 4
create function outer_one() returns text as $outer$
begin
    execute $inner$ select 'x; y'; $inner$;
    return $$;$$ || $x$$$;$x$;
end;
$outer$ language plpgsql;
select $Tag$ $tag$ ; $tag$ $Tag$, $_1$;$_1$;
select $a$ ; $b$a$, $$$a;$$;
select $q$it's "fine"; /* really */ -- so$q$;
