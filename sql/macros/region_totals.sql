-- about: 地区合计 · the figures of a region by year, of its own report and of its offices, side by side and not added
-- parameters: region, figure_name, years := null
-- example: from region_totals('230103', 'requests_received')
-- cautions: bases_never_added, sum_over_known, scope_differs
select
    region_code,
    report_year,
    measure,
    max(figure) filter (where basis = 'region_report') as region_report,
    max(figure) filter (where basis = 'offices') as offices,
    max(figure) filter (where basis = 'unclear') as unclear,
    coalesce(max(reports) filter (where basis = 'offices'), 0) as office_reports,
    coalesce(max(reports_with_figure) filter (where basis = 'offices'), 0) as office_reports_with_figure,
    sum(reports_flagged)::bigint as reports_flagged,
from mart_region_year
where region_code = $region
    and measure = $figure_name
    and ($years is null or list_contains($years, report_year))
group by all
order by report_year
