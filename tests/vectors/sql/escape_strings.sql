-- statements: 3
select E'a\';b', e'\\', ';';
select E'\x3b', E'\u003b;', E''';';
select b'101', x'3b', n';';
