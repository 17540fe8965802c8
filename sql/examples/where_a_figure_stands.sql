-- zh: 某机关2023年“不予公开”各行的数字在文件何处？
-- en: Where in its file does each figure of a report's refusals stand?
-- cautions: totals_beside_parts
select cells.report_id, cells.row_code, cells.printed, cells.figure, cells.origin, dim_document.path, cells.locator
from mart_figures as cells
join dim_report using (report_id)
join dim_document on dim_report.document_id = dim_document.document_id and dim_document.report_id = cells.report_id
where dim_report.report_year = 2023 and starts_with(cells.row_code, 'refused_') and cells.column_code = 'total'
order by cells.report_id, cells.row_code
limit 40
