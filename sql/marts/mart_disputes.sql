-- about: 表四明细 · figures of reconsideration and litigation with agency, year and the form's labels
-- grain: report, forum and result
select
    fact_dispute.report_id,
    dim_report.agency_id,
    dim_report.agency_name,
    dim_report.report_year,
    dim_report.scope,
    fact_dispute.forum,
    dim_forum.path as forum_label,
    dim_forum.position as forum_position,
    fact_dispute.result,
    dim_result.label as result_label,
    dim_result.position as result_position,
    fact_dispute.best_value,
    fact_dispute.value,
    fact_dispute.derived_value,
    fact_dispute.corrected_value,
    fact_dispute.status,
    fact_dispute.locator,
from fact_dispute
join dim_report using (report_id)
join dim_forum on fact_dispute.forum = dim_forum.code
join dim_result on fact_dispute.result = dim_result.code
