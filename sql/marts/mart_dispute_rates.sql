-- about: 复议诉讼比率 · reconsiderations and lawsuits with the share corrected and the lawsuits after reconsideration
-- grain: report with an agency and a year
-- cautions: null_is_not_zero, small_denominators, cohorts_differ, flagged_figures, scope_differs
with

wide as (

    select
        report_id,
        max(figure) filter (where measure = 'reconsideration_total') as reconsideration_total,
        max(figure) filter (where measure = 'reconsideration_upheld') as reconsideration_upheld,
        max(figure) filter (where measure = 'reconsideration_corrected') as reconsideration_corrected,
        max(figure) filter (where measure = 'reconsideration_other') as reconsideration_other,
        max(figure) filter (where measure = 'reconsideration_pending') as reconsideration_pending,
        max(figure) filter (where measure = 'direct_litigation_total') as direct_total,
        max(figure) filter (where measure = 'direct_litigation_corrected') as direct_corrected,
        max(figure) filter (where measure = 'direct_litigation_pending') as direct_pending,
        max(figure) filter (where measure = 'litigation_after_reconsideration_total') as after_total,
        max(figure) filter (where measure = 'litigation_after_reconsideration_corrected') as after_corrected,
        max(figure) filter (where measure = 'litigation_after_reconsideration_pending') as after_pending,
        bool_or(is_flagged) as is_flagged,
        min(null_reason) as null_reason,
    from mart_measures
    where ends_with(measure, '_total') and not starts_with(measure, 'requests_')
        or starts_with(measure, 'reconsideration_')
        or starts_with(measure, 'direct_litigation_')
        or starts_with(measure, 'litigation_after_reconsideration_')
    group by report_id

)

select
    wide.report_id,
    dim_report.agency_id,
    dim_report.agency_name,
    dim_report.report_year,
    dim_report.scope,
    reconsideration_total,
    reconsideration_upheld + reconsideration_corrected + reconsideration_other as reconsideration_decided,
    reconsideration_corrected,
    reconsideration_corrected / nullif(reconsideration_decided, 0) as reconsideration_corrected_share,
    reconsideration_pending,
    -- the two kinds of lawsuit; NULL unless both are known
    direct_total + after_total as litigation_total,
    direct_corrected + after_corrected as litigation_corrected,
    litigation_corrected / nullif(direct_total + after_total - direct_pending - after_pending, 0)
        as litigation_corrected_share,
    after_total as litigation_after_reconsideration_total,
    after_total / nullif(reconsideration_decided, 0) as litigation_after_reconsideration_share,
    wide.is_flagged,
    wide.null_reason,
from wide
join dim_report using (report_id)
