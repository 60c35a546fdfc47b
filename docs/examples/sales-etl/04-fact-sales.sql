-- request: {"mode":"transaction"}
-- Sales: what arrived today replaces what an earlier run of today has loaded.

delete from demo_fact_sales
where loaded_on = (select business_date from demo_day);

-- A sale belongs to the customer as he was on the day of the sale, which matters for late ones.
-- Members that the warehouse does not know have key 0. A sale sent twice is loaded once.
insert into demo_fact_sales (sale_id, sold_on, loaded_on, customer_key, product_key, customer_id, product_id,
                             quantity, unit_price, amount)
select s.sale_id, s.sold_on, d.business_date,
       coalesce(c.customer_key, 0), coalesce(p.product_key, 0), s.customer_id, s.product_id,
       s.quantity, s.unit_price, round(s.quantity * s.unit_price, 2)
from (
    select distinct sale_id, sold_on, arrived_on, customer_id, product_id, quantity, unit_price
    from demo_src_sale
) s
cross join demo_day d
left join demo_dim_customer c
       on c.customer_id = s.customer_id and s.sold_on >= c.valid_from and s.sold_on < c.valid_to
left join demo_dim_product p on p.product_id = s.product_id
where s.arrived_on = d.business_date;

-- Earlier sales whose member has arrived since then leave the unknown member.
update demo_fact_sales
set product_key = p.product_key
from demo_dim_product p
where demo_fact_sales.product_key = 0
  and p.product_id = demo_fact_sales.product_id;

update demo_fact_sales
set customer_key = c.customer_key
from demo_dim_customer c
where demo_fact_sales.customer_key = 0
  and c.customer_id = demo_fact_sales.customer_id
  and demo_fact_sales.sold_on >= c.valid_from
  and demo_fact_sales.sold_on < c.valid_to;
