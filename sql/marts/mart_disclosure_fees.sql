-- about: 公开与收费 · normative documents, decisions and fees as the form of 2021 defines them, with why a figure is absent
-- grain: report and figure of table 2 of the form of 2021
-- cautions: form_change_2021, null_is_not_zero, flagged_figures, fee_unit
select
    mart_measures.report_id,
    mart_measures.agency_id,
    dim_report.agency_name,
    mart_measures.report_year,
    mart_measures.form_version,
    mart_measures.scope,
    mart_measures.measure,
    dim_panel_column.label as measure_label,
    dim_panel_column.label_en as measure_label_en,
    dim_panel_column.unit,
    mart_measures.figure,
    mart_measures.printed,
    mart_measures.origin,
    mart_measures.is_flagged,
    mart_measures.null_reason,
from mart_measures
join dim_panel_column using (measure)
join dim_report using (report_id)
where dim_panel_column.table_name = 'disclosure'
