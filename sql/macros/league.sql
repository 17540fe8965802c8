-- about: 排名 · agencies by one figure of the panel, highest first; ties share a place
-- parameters: figure_name, year, level := null
-- example: from league('requests_refused', 2023) limit 20
-- cautions: flagged_figures, scope_differs, null_is_not_zero
select
    rank() over (order by mart_measures.figure desc) as place,
    mart_measures.agency_id,
    mart_panel.agency_name,
    mart_panel.full_name,
    mart_panel.level,
    mart_measures.scope,
    mart_measures.figure,
    mart_measures.is_flagged,
    mart_panel.errors,
    mart_panel.warnings,
    mart_panel.grade,
from mart_measures
join mart_panel using (report_id)
where mart_measures.measure = $figure_name
    and mart_measures.report_year = $year
    and mart_measures.figure is not null
    and ($level is null or mart_panel.level = $level)
order by place, mart_measures.agency_id
