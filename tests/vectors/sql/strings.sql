-- statements: 4
select 'a;b', ';', ';;', '';
select 'it''s; fine', '''', ''';''';
select '-- no comment;
still; the string', '/* neither; */';
select 'a' /* between */ || ';' -- ; there
   ';continued' from (values (1)) v(x);
