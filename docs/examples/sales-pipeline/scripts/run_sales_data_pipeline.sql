-- One row per region and day: what is there of the day is replaced.
begin transaction;

delete from pipeline_daily_sales where sold_on = '{job_run_date}';

insert into pipeline_daily_sales (sold_on, region, sales, amount)
select sold_on, region, count(*), sum(amount)
from pipeline_sales
where sold_on = '{job_run_date}'
group by sold_on, region;

commit;
