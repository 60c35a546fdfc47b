-- request: {"mode":"sequence","result":{"mode":"inline"}}
-- Fails when a rule does not hold, else shows what the day has brought.

delete from demo_check
where checked_on = (select business_date from demo_day);

insert into demo_check (checked_on, every_sale_is_loaded_once, amounts_add_up, every_key_has_a_member,
                        products_equal_their_source, one_current_version_per_customer, versions_do_not_overlap)
select d.business_date,
       case when sent.sale_count = loaded.sale_count and loaded.sale_count = loaded.row_count then true end,
       case when round(sent.amount - loaded.amount, 2) = 0 then true end,
       case when orphan.row_count = 0 then true end,
       case when differing.row_count = 0 then true end,
       case when history.one_current_count = history.customer_count then true end,
       case when overlap.row_count = 0 then true end
from demo_day d
cross join (
    select count(*) as sale_count, coalesce(sum(quantity * unit_price), 0) as amount
    from (
        select distinct s.sale_id, s.quantity, s.unit_price
        from demo_src_sale s cross join demo_day t
        where s.arrived_on = t.business_date
    ) once
) sent
cross join (
    select count(*) as row_count, count(distinct f.sale_id) as sale_count,
           coalesce(sum(f.amount), 0) as amount
    from demo_fact_sales f cross join demo_day t
    where f.loaded_on = t.business_date
) loaded
cross join (
    select count(*) as row_count
    from demo_fact_sales f
    left join demo_dim_customer c on c.customer_key = f.customer_key
    left join demo_dim_product p on p.product_key = f.product_key
    where c.customer_key is null or p.product_key is null
) orphan
cross join (
    select count(*) as row_count
    from demo_stg_product s
    left join demo_dim_product p
           on p.product_id = s.product_id and p.name = s.name
          and p.category = s.category and p.list_price = s.list_price
    where p.product_key is null
) differing
cross join (
    select count(*) as customer_count,
           sum(case when current_count = 1 then 1 else 0 end) as one_current_count
    from (
        select customer_id, sum(case when is_current then 1 else 0 end) as current_count
        from demo_dim_customer
        group by customer_id
    ) per_customer
) history
cross join (
    select count(*) as row_count
    from demo_dim_customer a
    join demo_dim_customer b
      on b.customer_id = a.customer_id and b.customer_key > a.customer_key
     and a.valid_from < b.valid_to and b.valid_from < a.valid_to
) overlap;

select line, what, how_many
from (
    select 1 as line, 'products' as what, count(*) as how_many
    from demo_dim_product where product_key <> 0
    union all
    select 2, 'products new today', count(*)
    from demo_dim_product p join demo_day d on p.created_on = d.business_date
    union all
    select 3, 'products overwritten today', count(*)
    from demo_dim_product p join demo_day d on p.updated_on = d.business_date and p.created_on < d.business_date
    union all
    select 4, 'customers', count(*)
    from demo_dim_customer where is_current and customer_key <> 0
    union all
    select 5, 'customer versions closed today', count(*)
    from demo_dim_customer c join demo_day d on c.valid_to = d.business_date
    union all
    select 6, 'sales loaded today', count(*)
    from demo_fact_sales f join demo_day d on f.loaded_on = d.business_date
    union all
    select 7, 'late sales of an earlier day', count(*)
    from demo_fact_sales f join demo_day d on f.loaded_on = d.business_date and f.sold_on < d.business_date
    union all
    select 8, 'late sales on a closed version', count(*)
    from demo_fact_sales f
    join demo_day d on f.loaded_on = d.business_date
    join demo_dim_customer c on c.customer_key = f.customer_key and c.valid_to = d.business_date
    union all
    select 9, 'sales of unknown customers', count(*)
    from demo_fact_sales where customer_key = 0
    union all
    select 10, 'sales of unknown products', count(*)
    from demo_fact_sales where product_key = 0
    union all
    select 11, 'turnover of the load in cents', cast(round(coalesce(sum(f.amount), 0) * 100) as bigint)
    from demo_fact_sales f join demo_day d on f.loaded_on = d.business_date
) report
order by line;
