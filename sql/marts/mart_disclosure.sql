-- about: 表二明细 · figures of what was disclosed with agency, year and the form's labels
-- grain: report, item and measure
select
    fact_disclosure.report_id,
    dim_report.agency_id,
    dim_report.agency_name,
    dim_report.report_year,
    dim_report.form_version,
    dim_report.scope,
    fact_disclosure.item,
    dim_item.path as item_label,
    dim_item.position as item_position,
    fact_disclosure.measure,
    dim_measure.label as measure_label,
    dim_measure.position as measure_position,
    fact_disclosure.best_value,
    fact_disclosure.value,
    fact_disclosure.derived_value,
    fact_disclosure.corrected_value,
    fact_disclosure.status,
    fact_disclosure.locator,
from fact_disclosure
join dim_report using (report_id)
join dim_item on fact_disclosure.item = dim_item.code
join dim_measure on fact_disclosure.measure = dim_measure.code
