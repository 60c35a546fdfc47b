-- statements: 4
select 1;select'a;'';'as"b;",$$;$$as c;/*;*/select 2--;
;select(3);
