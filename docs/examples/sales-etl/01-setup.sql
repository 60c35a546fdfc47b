-- request: {"mode":"transaction"}
-- The warehouse as it was last night, and what the shops sent today.

-- Everything is made anew, so that the example can be run again.
drop table if exists demo_check;
drop table if exists demo_fact_sales;
drop table if exists demo_dim_customer;
drop table if exists demo_dim_product;
drop table if exists demo_stg_customer;
drop table if exists demo_stg_product;
drop table if exists demo_src_sale;
drop table if exists demo_src_customer;
drop table if exists demo_src_product;
drop table if exists demo_day;
drop table if exists demo_number;
drop table if exists demo_digit;

-- 0 to 999: what the rows below are generated from.
create table demo_digit (d integer not null);
insert into demo_digit (d) values (0), (1), (2), (3), (4), (5), (6), (7), (8), (9);
create table demo_number (n integer not null);
insert into demo_number (n)
select a.d + 10 * b.d + 100 * c.d
from demo_digit a cross join demo_digit b cross join demo_digit c;

-- The day that is loaded, and the other dates that the load needs: no stage does date arithmetic.
create table demo_day (
    business_date date not null,
    previous_date date not null,
    begin_of_time date not null,
    end_of_time date not null,
    morning timestamp not null,
    evening timestamp not null
);
insert into demo_day (business_date, previous_date, begin_of_time, end_of_time, morning, evening)
values ('2026-11-03', '2026-11-02', '2000-01-01', '9999-12-31', '2026-11-03 06:00:00', '2026-11-03 18:00:00');

-- Source: 50 products, every tenth sent again in the evening with another price.
create table demo_src_product (
    product_id integer not null,
    name varchar(60) not null,
    category varchar(20) not null,
    list_price decimal(10, 2) not null,
    changed_at timestamp not null
);
insert into demo_src_product (product_id, name, category, list_price, changed_at)
select n, 'Product ' || cast(1000 + n as varchar(10)),
       case n % 4 when 0 then 'tea' when 1 then 'coffee' when 2 then 'cocoa' else 'spice' end,
       round(2.50 + n * 0.35, 2), morning
from demo_number cross join demo_day
where n between 1 and 50;
insert into demo_src_product (product_id, name, category, list_price, changed_at)
select s.product_id, s.name, s.category, round(s.list_price + 1.10, 2), d.evening
from demo_src_product s cross join demo_day d
where s.product_id % 10 = 0;

-- Source: 200 customers; every ninth has moved, every fiftieth has become a key account.
create table demo_src_customer (
    customer_id integer not null,
    name varchar(60) not null,
    city varchar(40) not null,
    segment varchar(20) not null,
    changed_at timestamp not null
);
insert into demo_src_customer (customer_id, name, city, segment, changed_at)
select n, 'Customer ' || cast(1000 + n as varchar(10)),
       case when n % 9 = 0 then 'Hamburg' when n % 2 = 0 then 'Leipzig' else 'Bremen' end,
       case when n % 50 = 0 then 'key account' else 'retail' end, morning
from demo_number cross join demo_day
where n between 1 and 200;

-- Source: the 1,000 sales of the day. Some name a product (990 to 999) or a customer (995 to 999)
-- nobody knows, and every hundredth has no customer at all.
create table demo_src_sale (
    sale_id bigint not null,
    sold_on date not null,
    arrived_on date not null,
    customer_id integer,
    product_id integer not null,
    quantity integer not null,
    unit_price decimal(10, 2) not null
);
insert into demo_src_sale (sale_id, sold_on, arrived_on, customer_id, product_id, quantity, unit_price)
select 20000 + n, business_date, business_date,
       case when n % 100 = 0 then null when n >= 995 then n else 1 + n % 200 end,
       case when n >= 990 then n else 1 + n % 50 end,
       1 + n % 3, round(2.50 + (1 + n % 50) * 0.35, 2)
from demo_number cross join demo_day;

-- 60 more were sold yesterday and come late; every hundredth sale of the day is sent twice.
insert into demo_src_sale (sale_id, sold_on, arrived_on, customer_id, product_id, quantity, unit_price)
select 10500 + n, previous_date, business_date, 1 + n % 200, 1 + n % 40, 1, 4.75
from demo_number cross join demo_day
where n between 1 and 60;
insert into demo_src_sale (sale_id, sold_on, arrived_on, customer_id, product_id, quantity, unit_price)
select s.sale_id, s.sold_on, s.arrived_on, s.customer_id, s.product_id, s.quantity, s.unit_price
from demo_src_sale s
where s.sale_id % 100 = 7 and s.sale_id >= 20000;

-- Staging: one row per member, the latest.
create table demo_stg_product (
    product_id integer not null,
    name varchar(60) not null,
    category varchar(20) not null,
    list_price decimal(10, 2) not null
);
create table demo_stg_customer (
    customer_id integer not null,
    name varchar(60) not null,
    city varchar(40) not null,
    segment varchar(20) not null
);

-- Dimensions as of last night. Key 0 is the unknown member.
create table demo_dim_product (
    product_key integer not null primary key,
    product_id integer not null,
    name varchar(60) not null,
    category varchar(20) not null,
    list_price decimal(10, 2) not null,
    created_on date not null,
    updated_on date not null
);
insert into demo_dim_product (product_key, product_id, name, category, list_price, created_on, updated_on)
select n, n, case when n = 0 then 'unknown' else 'Product ' || cast(1000 + n as varchar(10)) end,
       case when n = 0 then 'unknown' when n % 8 = 0 then 'seasonal'
            when n % 4 = 0 then 'tea' when n % 4 = 1 then 'coffee' when n % 4 = 2 then 'cocoa'
            else 'spice' end,
       case when n = 0 then 0.00 else round(2.50 + n * 0.35, 2) end, begin_of_time, begin_of_time
from demo_number cross join demo_day
where n between 0 and 40;
create table demo_dim_customer (
    customer_key integer not null primary key,
    customer_id integer not null,
    name varchar(60) not null,
    city varchar(40) not null,
    segment varchar(20) not null,
    valid_from date not null,
    valid_to date not null,
    is_current boolean not null
);
insert into demo_dim_customer (customer_key, customer_id, name, city, segment, valid_from, valid_to, is_current)
select n, n, case when n = 0 then 'unknown' else 'Customer ' || cast(1000 + n as varchar(10)) end,
       case when n = 0 then 'unknown' when n % 2 = 0 then 'Leipzig' else 'Bremen' end,
       case when n = 0 then 'unknown' else 'retail' end, begin_of_time, end_of_time, true
from demo_number cross join demo_day
where n between 0 and 180;

-- Facts as of last night: 300 sales of yesterday. Those of the products 41 to 43, which the
-- warehouse had not heard of, wait on the unknown member.
create table demo_fact_sales (
    sale_id bigint not null,
    sold_on date not null,
    loaded_on date not null,
    customer_key integer not null,
    product_key integer not null,
    customer_id integer,
    product_id integer not null,
    quantity integer not null,
    unit_price decimal(10, 2) not null,
    amount decimal(12, 2) not null
);
insert into demo_fact_sales (sale_id, sold_on, loaded_on, customer_key, product_key, customer_id, product_id,
                             quantity, unit_price, amount)
select 10000 + n, previous_date, previous_date, 1 + n % 180,
       case when 1 + n % 43 > 40 then 0 else 1 + n % 43 end, 1 + n % 180, 1 + n % 43, 2, 3.25, 6.50
from demo_number cross join demo_day
where n < 300;

-- What must hold after a load, one column per rule. A rule that does not hold is NULL, which no
-- column takes: the insert fails, and the database's message names the rule.
create table demo_check (
    checked_on date not null,
    every_sale_is_loaded_once boolean not null,
    amounts_add_up boolean not null,
    every_key_has_a_member boolean not null,
    products_equal_their_source boolean not null,
    one_current_version_per_customer boolean not null,
    versions_do_not_overlap boolean not null
);
