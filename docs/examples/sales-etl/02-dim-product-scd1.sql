-- request: {"mode":"transaction"}
-- Products, type 1: a changed product is overwritten, a new one added.

delete from demo_stg_product;

-- The feed may hold a product more than once: the latest row counts.
insert into demo_stg_product (product_id, name, category, list_price)
select product_id, name, category, list_price
from (
    select product_id, name, category, list_price,
           row_number() over (partition by product_id order by changed_at desc) as recency
    from demo_src_product
) latest
where recency = 1;

update demo_dim_product
set name = s.name, category = s.category, list_price = s.list_price, updated_on = d.business_date
from demo_stg_product s, demo_day d
where demo_dim_product.product_id = s.product_id
  and (demo_dim_product.name <> s.name
       or demo_dim_product.category <> s.category
       or demo_dim_product.list_price <> s.list_price);

insert into demo_dim_product (product_key, product_id, name, category, list_price, created_on, updated_on)
select k.last_key + row_number() over (order by s.product_id),
       s.product_id, s.name, s.category, s.list_price, d.business_date, d.business_date
from demo_stg_product s
cross join demo_day d
cross join (select max(product_key) as last_key from demo_dim_product) k
left join demo_dim_product p on p.product_id = s.product_id
where p.product_key is null;
