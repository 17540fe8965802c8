-- about: 表三明细 · figures of applications with agency, year and the form's labels
-- grain: report, outcome and applicant
select
    fact_request.report_id,
    dim_report.agency_id,
    dim_report.agency_name,
    dim_report.report_year,
    dim_report.scope,
    fact_request.outcome,
    dim_outcome.path as outcome_label,
    dim_outcome.position as outcome_position,
    fact_request.applicant,
    dim_applicant.label as applicant_label,
    dim_applicant.position as applicant_position,
    fact_request.best_value,
    fact_request.value,
    fact_request.derived_value,
    fact_request.corrected_value,
    fact_request.status,
    fact_request.locator,
from fact_request
join dim_report using (report_id)
join dim_outcome on fact_request.outcome = dim_outcome.code
join dim_applicant on fact_request.applicant = dim_applicant.code
