-- statements: 3
select '$$', ';', '$$';
select '$x$' as "$x$", $$'$$ as b, '; $$';
select 'price: $5; was $10' /* $$ */;
