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

),

-- Cells are counted by a mark first: their codes together would take the memory of the whole collection.
suspects as (

    select hash(fact_table, report_id, row_code, column_code) as mark
    from cells
    group by mark
    having count(*) > 1

)

select
    fact_table,
    report_id,
    row_code,
    column_code,
    count(*) as copies,
from cells
semi join suspects on hash(fact_table, report_id, row_code, column_code) = suspects.mark
group by all
having count(*) > 1
