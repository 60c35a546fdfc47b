-- statements: 4
create table größe (höhe int, "naïve;名前" text);
insert into größe values (1, 'Ω; ß; 日本;語');
select höhe, "naïve;名前", $é$ ; $é$ from größe;
drop table größe;
