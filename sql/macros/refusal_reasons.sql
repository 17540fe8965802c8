-- about: 不予公开理由 · applications refused by ground, summed over the reports of one basis, those of single offices if not told otherwise
-- parameters: years := null, level := null, reports_of := 'offices'
-- example: from refusal_reasons(years := [2023])
-- cautions: bases_never_added, sum_over_known, scope_differs, flagged_figures
select
    mart_measures.report_year,
    dim_panel_column.row_code as outcome,
    dim_panel_column.label,
    dim_panel_column.label_en,
    sum(mart_measures.figure)::bigint as applications,
    count(mart_measures.figure) as reports_with_figure,
    count(*) as reports,
    count(*) filter (where mart_measures.is_flagged) as reports_flagged,
from mart_measures
join dim_panel_column using (measure)
join dim_agency using (agency_id)
where starts_with(dim_panel_column.row_code, 'refused_')
    and ($years is null or list_contains($years, mart_measures.report_year))
    and ($level is null or dim_agency.level = $level)
    and mart_measures.basis = $reports_of
group by all
order by mart_measures.report_year, applications desc nulls last, outcome
