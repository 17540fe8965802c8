-- about: 变化 · how one figure of the panel moved against the year before, largest movement first
-- parameters: figure_name, years := null
-- example: from changes_of('requests_unavailable_not_held', years := [2022, 2023, 2024])
-- cautions: form_change_2021, scope_differs, flagged_figures
select
    agency_id,
    agency_name,
    report_year,
    previous_figure,
    figure,
    change,
    change_share,
    is_flagged,
    null_reason,
from mart_changes
where measure = $figure_name
    and ($years is null or list_contains($years, report_year))
order by abs(change) desc nulls last, agency_id, report_year
