-- about: 覆盖情况 · for each year and level, how many known agencies have a report, one without tables, or none
-- parameters: years := null
-- example: from coverage_of()
-- cautions: coverage_of_known
select
    report_year,
    level,
    count(*) as agencies,
    count(*) filter (where coverage = 'report') as with_report,
    count(*) filter (where coverage = 'report_without_tables') as without_tables,
    count(*) filter (where coverage = 'no_report') as without_report,
from mart_coverage
where $years is null or list_contains($years, report_year)
group by all
order by report_year, level
