-- statements: 5
create table "semi;colon" ("a;b" int, "quote"";d" int, "--x" int, "/*" int, "it's" int);
insert into "semi;colon" values (1, 2, 3, 4, 5);
select "a;b", "quote"";d", "--x", "/*", "it's" from "semi;colon";
select 1 as "back\", 2 as ";";
drop table "semi;colon";
