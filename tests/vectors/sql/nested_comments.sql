-- statements: 3
/* one /* two; /* three; */ ; */ ; */ select 1;
select /* ' */ 2 /* " ; $$ */ /**/ /***/ /*/**/*/;
select 3 /*/ ; */ + 1 /* -- ; */
;
