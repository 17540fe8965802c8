-- about: 面板（原文） · the panel with figures as printed only: none derived, none corrected
-- grain: agency and year; reports whose agency or year is unknown are left out
-- cautions: totals_beside_parts, null_is_not_zero, as_printed, form_change_2021, scope_differs
with

wide as (

    select report_id, columns('^(requests|reconsideration|direct_litigation|litigation_after)_')::bigint, columns('^(normative_documents|regulations|licensing|penalty|coercion|fees)_'),
    from (
        pivot (select report_id, measure, printed from mart_measures)
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
        using first(printed)
        group by report_id
    )

)

select
    mart_panel.agency_id,
    mart_panel.report_year,
    mart_panel.report_id,
    mart_panel.agency_name,
    mart_panel.full_name,
    mart_panel.level,
    mart_panel.kind,
    mart_panel.division_code,
    mart_panel.form_version,
    mart_panel.scope,
    wide.* exclude (report_id),
    mart_panel.errors,
    mart_panel.warnings,
    mart_panel.is_clean,
    mart_panel.grade,
    mart_panel.flagged_figures,
from mart_panel
left join wide using (report_id)
order by mart_panel.agency_id, mart_panel.report_year
