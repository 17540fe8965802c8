-- about: 质量等级 · the quality grade of each report, A to E, with the reasons; rules are dim_grade_reason
-- grain: report
-- cautions: grade_of_reading_and_office
with

cells as (

    select report_id, corrected_value, best_value, value, status, coalesce(corrected_value, best_value) as figure
    from fact_disclosure
    union all
    select report_id, corrected_value, best_value, value, status, coalesce(corrected_value, best_value),
    from fact_request
    union all
    select report_id, corrected_value, best_value, value, status, coalesce(corrected_value, best_value),
    from fact_dispute

),

states as (

    unpivot (select report_id, form_version, disclosure_table, requests_table, disputes_table from dim_report)
    on disclosure_table, requests_table, disputes_table
    into name table_name value state

),

reasons as (

    -- a report on the list of 2014 to 2018 has none of the three tables
    select report_id, 'table_absent' as reason,
    from states
    where state in ('missing', 'header_only', 'image_only') and form_version is distinct from '2014'
    union
    select report_id, 'table_absent',
    from dim_report
    where form_version = '2014' and report_id not in (select report_id from fact_indicator)
    union
    select report_id, 'table_not_whole',
    from states
    where state in ('partial', 'blank')
    union
    -- what was dismissed was no fault; what was confirmed still is one in the figures
    select report_id, 'sum_broken',
    from check_result
    where status = 'fail' and severity = 'error' and settled is distinct from 'dismissed'
        and not starts_with(check_code, 'completeness.')
    union
    select report_id, 'warnings',
    from check_result
    where status = 'fail' and severity = 'warn' and settled is null
    union
    select report_id, unnest(found)
    from (
        select
            report_id,
            list_concat(
                if(bool_or(figure is null and status in ('lost', 'illegible', 'realigned')), ['cells_unknown'], []),
                if(bool_or(best_value is not null and (value is null or status = 'realigned')), ['put_back'], []),
                if(bool_or(corrected_value is not null), ['corrected'], [])
            ) as found,
        from cells
        group by report_id
    )

)

select
    dim_report.report_id,
    dim_report.agency_id,
    dim_report.agency_name,
    dim_report.report_year,
    max(dim_grade_reason.grade) as grade,
    list(dim_grade_reason.reason order by dim_grade_reason.grade desc, dim_grade_reason.reason) as reasons,
    string_agg(dim_grade_reason.label, '；' order by dim_grade_reason.grade desc, dim_grade_reason.reason) as why,
    string_agg(dim_grade_reason.label_en, '; ' order by dim_grade_reason.grade desc, dim_grade_reason.reason)
        as why_en,
from dim_report
left join reasons using (report_id)
join dim_grade_reason on coalesce(reasons.reason, 'nothing_wrong') = dim_grade_reason.reason
group by all
