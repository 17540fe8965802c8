-- about: 面板 · one row for each agency and year, with the totals of its tables and how far they can be trusted
-- grain: agency and year; reports whose agency or year is unknown are left out
-- stored as: table
-- cautions: totals_beside_parts, null_is_not_zero, flagged_figures, form_change_2021, scope_differs, settled_figures
with

reports as (

    select *
    from dim_report
    where agency_id is not null and report_year is not null

),

wide as (

    select report_id, columns('^(requests|reconsideration|direct_litigation|litigation_after)_')::bigint, columns('^(normative_documents|regulations|licensing|penalty|coercion|fees)_'),
    from (
        pivot (select report_id, measure, figure from mart_measures)
        on measure in (
            'requests_received', 'requests_carried_in', 'requests_granted', 'requests_granted_in_part',
            'requests_refused', 'requests_unavailable', 'requests_declined', 'requests_other',
            'requests_outcome_total', 'requests_carried_out', 'reconsideration_total',
            'reconsideration_corrected', 'direct_litigation_total', 'direct_litigation_corrected',
            'litigation_after_reconsideration_total', 'litigation_after_reconsideration_corrected',
            'normative_documents_issued', 'normative_documents_repealed', 'normative_documents_in_force',
            'licensing_decisions', 'penalty_decisions', 'coercion_decisions', 'fees_10k_yuan',
            'requests_refused_state_secret', 'requests_refused_prohibited_by_law',
            'requests_refused_security_stability', 'requests_refused_third_party_rights',
            'requests_refused_internal_affairs', 'requests_refused_process_information',
            'requests_refused_enforcement_file', 'requests_refused_administrative_query',
            'requests_unavailable_not_held', 'requests_unavailable_needs_creation',
            'requests_unavailable_unclear', 'requests_declined_petition_complaint',
            'requests_declined_repeated', 'requests_declined_publication', 'requests_declined_excessive',
            'requests_declined_confirmation', 'requests_other_correction_overdue',
            'requests_other_fee_overdue', 'requests_other_other', 'requests_received_natural_person',
            'requests_received_enterprise', 'requests_received_research_institution',
            'requests_received_public_interest_organization', 'requests_received_legal_service_organization',
            'requests_received_other_organization', 'reconsideration_upheld', 'reconsideration_other',
            'reconsideration_pending', 'direct_litigation_upheld', 'direct_litigation_other',
            'direct_litigation_pending', 'litigation_after_reconsideration_upheld',
            'litigation_after_reconsideration_other', 'litigation_after_reconsideration_pending',
            'regulations_issued', 'regulations_repealed', 'regulations_in_force'
        )
        using first(figure)
        group by report_id
    )

),

doubts as (

    select
        report_id,
        string_agg(measure, ', ' order by measure) filter (where is_flagged) as flagged_figures,
        string_agg(measure || ': ' || null_reason, ', ' order by measure) filter (where null_reason is not null)
            as null_reasons,
    from mart_measures
    where is_flagged or null_reason is not null
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
        count(*) filter (where severity <> 'info' and settled is null and contains(check_code || '.', 'disclosure.'))
            as disclosure_findings,
        count(*) filter (where severity <> 'info' and settled is null and contains(check_code || '.', 'requests.'))
            as requests_findings,
        count(*) filter (where severity <> 'info' and settled is null and contains(check_code || '.', 'disputes.'))
            as disputes_findings,
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
    wide.* exclude (report_id),
    coalesce(findings.errors, 0) as errors,
    coalesce(findings.warnings, 0) as warnings,
    coalesce(findings.settled_findings, 0) as settled_findings,
    reports.disclosure_table = 'complete'
        and reports.requests_table = 'complete'
        and reports.disputes_table = 'complete'
        and coalesce(findings.faults, 0) = 0 as is_clean,
    mart_grades.grade,
    coalesce(findings.disclosure_findings, 0) as disclosure_findings,
    coalesce(findings.requests_findings, 0) as requests_findings,
    coalesce(findings.disputes_findings, 0) as disputes_findings,
    mart_report_basis.basis,
    doubts.flagged_figures,
    doubts.null_reasons,
from reports
left join dim_agency using (agency_id)
left join wide using (report_id)
left join doubts using (report_id)
left join findings using (report_id)
left join mart_report_basis using (report_id)
left join mart_grades using (report_id)
order by reports.agency_id, reports.report_year
