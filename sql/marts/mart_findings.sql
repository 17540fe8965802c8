-- about: 发现的问题 · checks that failed, worst first within a report, with agency, year and file
-- grain: report, check and place
select
    check_result.report_id,
    dim_report.agency_id,
    dim_report.agency_name,
    dim_report.report_year,
    check_result.severity,
    check_result.check_code,
    check_result.scope,
    check_result.left_value,
    check_result.right_value,
    check_result.difference,
    check_result.message,
    check_result.settled,
    (
        select min(dim_document.path)
        from dim_document
        where dim_document.report_id = dim_report.report_id and dim_document.document_id = dim_report.document_id
    ) as path,
from check_result
join dim_report using (report_id)
where check_result.status = 'fail'
order by
    check_result.report_id,
    case check_result.severity when 'error' then 1 when 'warn' then 2 else 3 end,
    check_result.check_code,
    check_result.scope
