-- claim: a table that is called complete has figures, and one that is called missing has none
-- severity: warn
-- a row here: a report and table where the state and the cells disagree
with

cells as (

    select 'disclosure_table' as table_name, report_id, count(best_value) as figures from fact_disclosure group by all
    union all
    select 'requests_table', report_id, count(best_value) from fact_request group by all
    union all
    select 'disputes_table', report_id, count(best_value) from fact_dispute group by all

),

states as (

    unpivot (select report_id, disclosure_table, requests_table, disputes_table from dim_report)
    on disclosure_table, requests_table, disputes_table
    into name table_name value state

)

select
    states.report_id,
    states.table_name,
    states.state,
    coalesce(cells.figures, 0) as figures,
from states
left join cells using (report_id, table_name)
where
    (states.state = 'complete' and coalesce(cells.figures, 0) = 0)
    or (states.state in ('missing', 'header_only', 'image_only') and coalesce(cells.figures, 0) > 0)
