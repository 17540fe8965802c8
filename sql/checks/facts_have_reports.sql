-- claim: every fact, statement and section belongs to a report that is there
-- severity: error, blocks publication
-- a row here: a report that facts name and dim_report does not have
with

facts as (

    select 'fact_disclosure' as fact_table, report_id from fact_disclosure
    union all
    select 'fact_request', report_id from fact_request
    union all
    select 'fact_dispute', report_id from fact_dispute
    union all
    select 'fact_indicator', report_id from fact_indicator
    union all
    select 'fact_narrative', report_id from fact_narrative
    union all
    select 'fact_section', report_id from fact_section

)

select
    fact_table,
    report_id,
    count(*) as facts,
from facts
anti join dim_report using (report_id)
group by all
