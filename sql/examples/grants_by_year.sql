-- zh: 2021—2024年，予以公开、不予公开和“本机关不掌握”各有多少？（只计单个机关，不含地区汇总）
-- en: How many applications were granted, refused or not held, 2021 to 2024? (single offices only, no region's sums)
-- cautions: sum_over_known, bases_never_added, flagged_figures
select
    report_year,
    sum(figure) filter (where measure = 'requests_granted')::bigint as granted,
    sum(figure) filter (where measure = 'requests_refused')::bigint as refused,
    sum(figure) filter (where measure = 'requests_unavailable_not_held')::bigint as not_held,
    count(figure) filter (where measure = 'requests_granted') as reports_counted,
    count(*) filter (where measure = 'requests_granted') as reports,
from mart_measures
where basis = 'offices' and report_year between 2021 and 2024
group by report_year
order by report_year
