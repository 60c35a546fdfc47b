-- statements: 2
;;
;
select 1;; -- nothing; behind it
/* nothing ; here */ ;
select 2;
;

