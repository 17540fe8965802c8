-- about: 面板 · one row for each agency and year, with the totals of its tables and how far they can be trusted
-- grain: agency and year; reports whose agency or year is unknown are left out
-- stored as: table
with

reports as (

    select *
    from dim_report
    where agency_id is not null and report_year is not null

),

outcome_groups as (

    select
        heads.code as outcome,
        parts.code as part,
        count(*) over (partition by heads.code) as part_count,
    from dim_outcome as heads
    join dim_outcome as parts on starts_with(parts.code, heads.code || '_')
    where heads.code in ('refused', 'unavailable', 'declined', 'other')

),

totals as (

    select
        report_id,
        outcome,
        best_value,
    from fact_request
    where applicant = 'total'

),

group_sums as (

    -- known only where every part is: a sum over some of them would be too low in silence
    select
        totals.report_id,
        outcome_groups.outcome,
        sum(totals.best_value)::bigint as best_value,
    from outcome_groups
    join totals on outcome_groups.part = totals.outcome
    group by totals.report_id, outcome_groups.outcome, outcome_groups.part_count
    having count(totals.best_value) = outcome_groups.part_count

),

outcomes as (

    -- a group printed as one row has a figure of its own
    select * from totals where best_value is not null
    union all
    select * from group_sums
    anti join (select report_id, outcome from totals where best_value is not null) using (report_id, outcome)

),

requests as (

    select
        report_id,
        max(best_value) filter (where outcome = 'received') as requests_received,
        max(best_value) filter (where outcome = 'carried_in') as requests_carried_in,
        max(best_value) filter (where outcome = 'granted') as requests_granted,
        max(best_value) filter (where outcome = 'granted_in_part') as requests_granted_in_part,
        max(best_value) filter (where outcome = 'refused') as requests_refused,
        max(best_value) filter (where outcome = 'unavailable') as requests_unavailable,
        max(best_value) filter (where outcome = 'declined') as requests_declined,
        max(best_value) filter (where outcome = 'other') as requests_other,
        max(best_value) filter (where outcome = 'outcome_total') as requests_outcome_total,
        max(best_value) filter (where outcome = 'carried_out') as requests_carried_out,
    from outcomes
    group by report_id

),

disputes as (

    select
        report_id,
        max(best_value) filter (where forum = 'reconsideration' and result = 'total') as reconsideration_total,
        max(best_value) filter (where forum = 'reconsideration' and result = 'corrected') as reconsideration_corrected,
        max(best_value) filter (where forum = 'direct_litigation' and result = 'total') as direct_litigation_total,
        max(best_value) filter (where forum = 'direct_litigation' and result = 'corrected')
            as direct_litigation_corrected,
        max(best_value) filter (where forum = 'litigation_after_reconsideration' and result = 'total')
            as litigation_after_reconsideration_total,
        max(best_value) filter (where forum = 'litigation_after_reconsideration' and result = 'corrected')
            as litigation_after_reconsideration_corrected,
    from fact_dispute
    group by report_id

),

disclosure as (

    select
        report_id,
        max(best_value) filter (where item = 'normative_documents' and measure = 'issued')
            as normative_documents_issued,
        max(best_value) filter (where item = 'normative_documents' and measure = 'repealed')
            as normative_documents_repealed,
        max(best_value) filter (where item = 'normative_documents' and measure = 'in_force')
            as normative_documents_in_force,
        max(best_value) filter (where item = 'administrative_licensing' and measure = 'decisions')
            as licensing_decisions,
        max(best_value) filter (where item = 'administrative_penalties' and measure = 'decisions')
            as penalty_decisions,
        max(best_value) filter (where item = 'administrative_coercion' and measure = 'decisions')
            as coercion_decisions,
        max(best_value) filter (where item = 'administrative_fees' and measure = 'amount_10k_yuan')
            as fees_10k_yuan,
    from fact_disclosure
    group by report_id

),

findings as (

    -- a dismissed finding was none; under a confirmed or corrected one the printed figures stay wrong
    select
        report_id,
        count(*) filter (where severity = 'error' and settled is null) as errors,
        count(*) filter (where severity = 'warn' and settled is null) as warnings,
        count(*) filter (where settled is not null) as settled_findings,
        count(*) filter (where severity = 'error' and settled is distinct from 'dismissed') as faults,
    from check_result
    where status = 'fail'
    group by report_id

)

select
    reports.agency_id,
    reports.report_year,
    reports.report_id,
    dim_agency.agency_name,
    dim_agency.full_name,
    dim_agency.level,
    dim_agency.kind,
    dim_agency.division_code,
    reports.form_version,
    reports.scope,
    reports.disclosure_table,
    reports.requests_table,
    reports.disputes_table,
    requests.* exclude (report_id),
    disputes.* exclude (report_id),
    disclosure.* exclude (report_id),
    coalesce(findings.errors, 0) as errors,
    coalesce(findings.warnings, 0) as warnings,
    coalesce(findings.settled_findings, 0) as settled_findings,
    reports.disclosure_table = 'complete'
        and reports.requests_table = 'complete'
        and reports.disputes_table = 'complete'
        and coalesce(findings.faults, 0) = 0 as is_clean,
from reports
left join dim_agency using (agency_id)
left join requests using (report_id)
left join disputes using (report_id)
left join disclosure using (report_id)
left join findings using (report_id)
order by reports.agency_id, reports.report_year
