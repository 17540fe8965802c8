-- about: 出处 · where a report's cells stand: the file, the place in it, what is printed there
-- parameters: report
-- example: from source_of('fa43879766c7-2023')
-- cautions: totals_beside_parts
select
    cells.table_name,
    cells.row_code,
    cells.column_code,
    cells.figure,
    cells.printed,
    cells.origin,
    cells.status,
    cells.is_flagged,
    dim_document.path,
    dim_document.url,
    cells.locator,
from mart_figures as cells
join dim_report using (report_id)
left join dim_document
    on dim_report.document_id = dim_document.document_id and dim_report.report_id = dim_document.report_id
where cells.report_id = $report
order by all
