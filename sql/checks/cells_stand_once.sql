-- claim: every cell of a report stands once
-- severity: error, blocks publication
-- a row here: a cell that stands more than once
with

cells as (

    select 'fact_disclosure' as fact_table, report_id, item as row_code, measure as column_code
    from fact_disclosure
    union all
    select 'fact_request', report_id, outcome, applicant
    from fact_request
    union all
    select 'fact_dispute', report_id, forum, result
    from fact_dispute
    union all
    select 'fact_indicator', report_id, indicator, ''
    from fact_indicator

)

select
    fact_table,
    report_id,
    row_code,
    column_code,
    count(*) as copies,
from cells
group by all
having count(*) > 1
