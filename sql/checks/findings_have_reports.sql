-- claim: every finding is about a report that is there
-- severity: error, blocks publication
-- a row here: a report that findings name and dim_report does not have
select
    report_id,
    count(*) as findings,
from check_result
anti join dim_report using (report_id)
group by all
