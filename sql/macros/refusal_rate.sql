-- about: 不予公开率 · the share of decided applications that were refused
-- parameters: level := null, years := null
-- example: from refusal_rate(years := [2023]) order by refusal_rate desc
-- cautions: null_is_not_zero, small_denominators, flagged_figures, scope_differs
select
    agency_id,
    agency_name,
    mart_panel.level,
    report_year,
    scope,
    requests_refused as numerator,
    requests_outcome_total as denominator,
    numerator / nullif(requests_outcome_total, 0) as refusal_rate,
    requests_findings > 0 as is_flagged,
    grade,
from mart_panel
where ($level is null or mart_panel.level = $level)
    and ($years is null or list_contains($years, report_year))
order by agency_id, report_year
