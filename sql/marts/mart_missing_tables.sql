-- about: 缺失的表 · tables of the form that a report does not give whole
-- grain: report and table of the form
with

states as (

    unpivot dim_report
    on disclosure_table, requests_table, disputes_table
    into name table_name value state

)

select
    states.report_id,
    states.agency_id,
    states.agency_name,
    states.report_year,
    replace(states.table_name, '_table', '') as table_name,
    states.state,
    min(dim_document.path) as path,
from states
left join dim_document
    on states.report_id = dim_document.report_id and states.document_id = dim_document.document_id
where states.state <> 'complete'
group by all
