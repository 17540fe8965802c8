-- about: 表二明细 · figures of what was disclosed with agency, year, the form's labels and flags
-- grain: report, item and measure
-- cautions: form_change_2021, null_is_not_zero, flagged_figures, fee_unit, procurement_unit, scope_differs
select
    cells.report_id,
    dim_report.agency_id,
    dim_report.agency_name,
    dim_report.report_year,
    dim_report.form_version,
    dim_report.scope,
    cells.row_code as item,
    dim_item.path as item_label,
    dim_item.label_en as item_label_en,
    dim_item.position as item_position,
    cells.column_code as measure,
    dim_measure.label as measure_label,
    dim_measure.label_en as measure_label_en,
    dim_measure.position as measure_position,
    dim_measure.form_versions as measure_form_versions,
    cells.figure,
    cells.best_value,
    cells.printed as value,
    cells.derived_value,
    cells.corrected_value,
    cells.status,
    cells.is_flagged,
    cells.locator,
from mart_figures as cells
join dim_report using (report_id)
join dim_item on cells.row_code = dim_item.code
join dim_measure on cells.column_code = dim_measure.code
where cells.table_name = 'disclosure'
