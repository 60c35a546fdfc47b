-- The tables of the pipeline, and the sales of the day; can be run again.
begin transaction;

create table if not exists pipeline_sales (
    sale_id integer not null,
    region varchar(20) not null,
    sold_on varchar(10) not null,
    amount decimal(10, 2) not null,
    note varchar(100)
);

create table if not exists pipeline_daily_sales (
    sold_on varchar(10) not null,
    region varchar(20) not null,
    sales integer not null,
    amount decimal(12, 2) not null
);

/* A semicolon in a comment; it ends nothing. Nor does one in a text. */
delete from pipeline_sales where sold_on = '{job_run_date}';
insert into pipeline_sales (sale_id, region, sold_on, amount, note) values
    (1, 'north', '{job_run_date}', 10.50, 'paid; sent'),
    (2, 'north', '{job_run_date}', 20.00, '{"coupon": 7}'),
    (3, 'south', '{job_run_date}', 5.25, null);

commit;
