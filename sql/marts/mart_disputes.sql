-- about: 表四明细 · figures of reconsideration and litigation with agency, year, the form's labels and flags
-- grain: report, forum and result
-- cautions: totals_beside_parts, null_is_not_zero, flagged_figures, scope_differs
select
    cells.report_id,
    dim_report.agency_id,
    dim_report.agency_name,
    dim_report.report_year,
    dim_report.scope,
    cells.row_code as forum,
    dim_forum.path as forum_label,
    dim_forum.label_en as forum_label_en,
    dim_forum.position as forum_position,
    cells.column_code as result,
    dim_result.label as result_label,
    dim_result.label_en as result_label_en,
    dim_result.position as result_position,
    cells.figure::bigint as figure,
    cells.best_value::bigint as best_value,
    cells.printed::bigint as value,
    cells.derived_value::bigint as derived_value,
    cells.corrected_value::bigint as corrected_value,
    cells.status,
    cells.is_flagged,
    cells.locator,
from mart_figures as cells
join dim_report using (report_id)
join dim_forum on cells.row_code = dim_forum.code
join dim_result on cells.column_code = dim_result.code
where cells.table_name = 'disputes'
