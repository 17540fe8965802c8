-- zh: 某地区自己的汇总报告与所属各机关报告之和相差多少？（两者不能相加）
-- en: How far is a region's own report from the sum of its offices' reports? (the two must not be added)
-- cautions: bases_never_added, sum_over_known
select
    regions.region_code,
    regions.report_year,
    regions.figure::bigint as region_report,
    offices.figure::bigint as offices,
    offices.reports as office_reports,
    offices.reports_with_figure as office_reports_with_figure,
from mart_region_year as regions
join mart_region_year as offices using (region_code, report_year, measure)
where regions.basis = 'region_report' and offices.basis = 'offices' and measure = 'requests_received'
    and regions.figure is not null
order by region_code, report_year
