-- about: 年度变化 · each figure of the panel against the same agency's of the year before
-- grain: report and figure of the panel, where the year before has a report too
-- cautions: form_change_2021, scope_differs, flagged_figures, small_denominators
select
    now.report_id,
    now.agency_id,
    dim_report.agency_name,
    now.report_year,
    now.measure,
    now.figure,
    before.figure as previous_figure,
    case when now.scope = before.scope then now.figure - before.figure end as change,
    case when now.scope = before.scope then (now.figure - before.figure) / nullif(before.figure, 0) end
        as change_share,
    now.is_flagged or before.is_flagged as is_flagged,
    case
        when now.figure is null then now.null_reason
        when before.figure is null then 'previous_' || before.null_reason
        when now.scope <> before.scope then 'scope_changed'
    end as null_reason,
from mart_measures as now
join mart_measures as before
    on now.agency_id = before.agency_id
    and now.report_year = before.report_year + 1
    and now.measure = before.measure
join dim_report on now.report_id = dim_report.report_id
