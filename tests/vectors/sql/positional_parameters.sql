-- statements: 3
prepare one (int, text) as select $1, $2 || ';';
execute one(1, 'a;b');
deallocate one;
