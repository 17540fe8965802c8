-- claim: all facts of a report come from the one file that dim_report names
-- severity: error, blocks publication
-- a row here: a report with facts from another file
with

facts as (

    select distinct 'fact_disclosure' as fact_table, report_id, document_id from fact_disclosure
    union all
    select distinct 'fact_request', report_id, document_id from fact_request
    union all
    select distinct 'fact_dispute', report_id, document_id from fact_dispute
    union all
    select distinct 'fact_indicator', report_id, document_id from fact_indicator

)

select
    facts.fact_table,
    facts.report_id,
    facts.document_id,
from facts
join dim_report using (report_id)
where facts.document_id <> dim_report.document_id
