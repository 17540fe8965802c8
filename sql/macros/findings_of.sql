-- about: 某年问题 · what failed in the reports of agencies whose name holds these words
-- parameters: words, years := null
-- example: from findings_of('水利局', years := [2023])
-- cautions: flagged_figures
select *
from mart_findings
where contains(agency_name, $words)
    and ($years is null or list_contains($years, report_year))
order by report_id, case severity when 'error' then 1 when 'warn' then 2 else 3 end, check_code, scope
