-- about: 申请面板 · the figures of applications for each agency and year, with flags
-- parameters: level := null, years := null
-- example: from requests_panel(level := 'county', years := [2022, 2023])
-- cautions: totals_beside_parts, null_is_not_zero, flagged_figures, scope_differs
select
    agency_id,
    agency_name,
    mart_panel.level,
    division_code,
    report_year,
    scope,
    requests_received,
    requests_carried_in,
    requests_granted,
    requests_granted_in_part,
    requests_refused,
    requests_unavailable,
    requests_declined,
    requests_other,
    requests_outcome_total,
    requests_carried_out,
    requests_findings > 0 as is_flagged,
    errors,
    warnings,
    grade,
from mart_panel
where ($level is null or mart_panel.level = $level)
    and ($years is null or list_contains($years, report_year))
order by agency_id, report_year
