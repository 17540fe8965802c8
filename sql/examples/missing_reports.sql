-- zh: 哪些已知机关哪一年没有报告，或报告缺表？
-- en: Which known agencies have no report for a year, or one without its tables?
-- cautions: coverage_of_known
select agency_id, agency_name, report_year, coverage
from mart_coverage
where coverage <> 'report'
order by agency_id, report_year
