-- zh: 哪些报告的表内勾稽关系不成立且尚未处理？差多少？
-- en: Which reports break a sum that the form prints, unsettled so far, and by how much?
-- cautions: flagged_figures
select agency_id, report_year, check_code, scope, left_value, right_value, difference
from mart_findings
where severity = 'error' and settled is null and not starts_with(check_code, 'completeness.')
order by agency_id, report_year, check_code, scope
