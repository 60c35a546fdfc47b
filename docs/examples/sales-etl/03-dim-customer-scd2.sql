-- request: {"mode":"transaction"}
-- Customers, type 2: a change of city or segment closes the current version and opens another.
-- A version holds from valid_from to the day before valid_to.

delete from demo_stg_customer;

insert into demo_stg_customer (customer_id, name, city, segment)
select customer_id, name, city, segment
from (
    select customer_id, name, city, segment,
           row_number() over (partition by customer_id order by changed_at desc) as recency
    from demo_src_customer
) latest
where recency = 1;

-- A version opened today is corrected in place: a day has one version.
update demo_dim_customer
set name = s.name, city = s.city, segment = s.segment
from demo_stg_customer s, demo_day d
where demo_dim_customer.customer_id = s.customer_id
  and demo_dim_customer.is_current
  and demo_dim_customer.valid_from = d.business_date;

-- An older one is closed.
update demo_dim_customer
set valid_to = d.business_date, is_current = false
from demo_stg_customer s, demo_day d
where demo_dim_customer.customer_id = s.customer_id
  and demo_dim_customer.is_current
  and demo_dim_customer.valid_from < d.business_date
  and (demo_dim_customer.city <> s.city or demo_dim_customer.segment <> s.segment);

-- Whoever has no current version now gets one. The first version of a new customer holds from the
-- beginning, so that late sales find it.
insert into demo_dim_customer (customer_key, customer_id, name, city, segment, valid_from, valid_to, is_current)
select k.last_key + row_number() over (order by s.customer_id),
       s.customer_id, s.name, s.city, s.segment,
       case when known.customer_id is null then d.begin_of_time else d.business_date end,
       d.end_of_time, true
from demo_stg_customer s
cross join demo_day d
cross join (select max(customer_key) as last_key from demo_dim_customer) k
left join (select distinct customer_id from demo_dim_customer) known on known.customer_id = s.customer_id
left join demo_dim_customer c on c.customer_id = s.customer_id and c.is_current
where c.customer_key is null;
