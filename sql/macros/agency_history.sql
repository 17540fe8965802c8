-- about: 机关历年 · the panel's figures of the agencies whose name holds these words, year by year
-- parameters: words
-- example: from agency_history('教育局')
-- cautions: null_is_not_zero, form_change_2021, flagged_figures, scope_differs
select
    mart_measures.agency_id,
    dim_agency.agency_name,
    mart_measures.report_year,
    mart_measures.measure,
    dim_panel_column.label,
    dim_panel_column.label_en,
    mart_measures.figure,
    mart_measures.printed,
    mart_measures.is_flagged,
    mart_measures.null_reason,
from mart_measures
join dim_panel_column using (measure)
join dim_agency using (agency_id)
where contains(dim_agency.agency_name, $words) or contains(dim_agency.full_name, $words)
order by mart_measures.agency_id, dim_panel_column.position, mart_measures.report_year
