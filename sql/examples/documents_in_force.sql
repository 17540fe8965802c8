-- zh: 2021年起各年现行有效的行政规范性文件有多少件？更早的报告为何没有这个数？
-- en: How many normative documents are in force by year, and why is there no figure before 2021?
-- cautions: form_change_2021, sum_over_known
select
    report_year,
    sum(figure)::bigint as in_force,
    count(figure) as reports_with_figure,
    count(*) as reports,
    string_agg(distinct null_reason, ', ' order by null_reason) as why_absent,
from mart_disclosure_fees
where measure = 'normative_documents_in_force'
group by report_year
order by report_year
