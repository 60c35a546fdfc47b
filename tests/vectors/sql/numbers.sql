-- statements: 2
select 1, 1., .5, 1.5e-3, 1E5, 5e+2, 1-1, 1--;
;
select 1.e0, -.5, 00, 1.0::numeric(10,2);
