-- zh: 每年有多少件复议后又起诉？与已审结的复议相比如何？
-- en: How many lawsuits followed a reconsideration each year, against the reconsiderations decided?
-- cautions: cohorts_differ, sum_over_known
select
    report_year,
    sum(litigation_after_reconsideration_total)::bigint as lawsuits,
    sum(reconsideration_decided)::bigint as decided,
    round(lawsuits / nullif(decided, 0), 6) as lawsuits_per_decision,
from mart_dispute_rates
join mart_report_basis using (report_id)
where basis = 'offices'
    and litigation_after_reconsideration_total is not null
    and reconsideration_decided is not null
group by report_year
order by report_year
