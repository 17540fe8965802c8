-- claim: whatever is settled or corrected leads back to a decision that can be used
-- severity: error, blocks publication
-- a row here: a settled finding or a corrected figure without a decision for the report's file
with

marked as (

    select 'check_result' as table_name, report_id, settled as decision
    from check_result
    where settled is not null
    union
    select 'fact_disclosure', report_id, 'corrected'
    from fact_disclosure
    where corrected_value is not null
    union
    select 'fact_request', report_id, 'corrected'
    from fact_request
    where corrected_value is not null
    union
    select 'fact_dispute', report_id, 'corrected'
    from fact_dispute
    where corrected_value is not null
    union
    select 'fact_indicator', report_id, 'corrected'
    from fact_indicator
    where corrected_value is not null

),

decided as (

    select
        dim_report.report_id,
        dim_report.agency_id,
        decisions.decision,
    from decisions
    join dim_report using (document_id)
    where decisions.fault is null

),

-- a figure corrected in another year's report of the body, or in a report of one of its bodies,
-- settles what was found by comparing them
compared as (

    select
        dim_report.report_id,
        'corrected' as decision,
    from decided
    join dim_agency using (agency_id)
    join dim_report on dim_report.agency_id in (dim_agency.agency_id, dim_agency.parent_agency_id)
    where decided.decision = 'corrected'

)

select marked.*
from marked
anti join decided using (report_id, decision)
where
    marked.table_name <> 'check_result'
    or not exists (
        from compared
        where compared.report_id = marked.report_id and compared.decision = marked.decision
    )
