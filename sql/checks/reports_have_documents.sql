-- claim: the file that a report's facts come from is there, and is a copy of that report
-- severity: error, blocks publication
-- a row here: a report without its file
select
    dim_report.report_id,
    dim_report.document_id,
from dim_report
anti join dim_document
    on dim_report.report_id = dim_document.report_id and dim_report.document_id = dim_document.document_id
