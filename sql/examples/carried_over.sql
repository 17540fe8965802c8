-- zh: 哪些报告的“上年结转”与上一年度报告的“结转下年度”不一致？
-- en: Which reports carry in another number than the report of the year before carried out?
-- cautions: scope_differs
select now.agency_id, now.report_year, before.requests_carried_out as carried_out_before, now.requests_carried_in,
from mart_panel as now
join mart_panel as before on now.agency_id = before.agency_id and now.report_year = before.report_year + 1
where now.requests_carried_in <> before.requests_carried_out
order by now.agency_id, now.report_year
