-- about: 表三明细 · figures of applications with agency, year, the form's labels and flags
-- grain: report, outcome and applicant
-- cautions: totals_beside_parts, null_is_not_zero, flagged_figures, form_change_2021, scope_differs
select
    cells.report_id,
    dim_report.agency_id,
    dim_report.agency_name,
    dim_report.report_year,
    dim_report.scope,
    cells.row_code as outcome,
    dim_outcome.path as outcome_label,
    dim_outcome.label_en as outcome_label_en,
    dim_outcome.position as outcome_position,
    cells.column_code as applicant,
    dim_applicant.label as applicant_label,
    dim_applicant.label_en as applicant_label_en,
    dim_applicant.position as applicant_position,
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
join dim_outcome on cells.row_code = dim_outcome.code
join dim_applicant on cells.column_code = dim_applicant.code
where cells.table_name = 'requests'
