-- zh: 企业和自然人的申请，哪一类更常获得公开？（2023年，两类都有办理结果的报告）
-- en: Whose applications are granted more often, those of enterprises or of natural persons? (2023)
-- cautions: sum_over_known, bases_never_added
select
    applicant,
    sum(figure) filter (where outcome_group in ('granted', 'granted_in_part'))::bigint as granted,
    sum(figure) filter (where outcome_group = 'outcome_total')::bigint as decided,
    round(granted / nullif(decided, 0), 6) as share,
from mart_request_groups
join mart_report_basis using (report_id)
where report_year = 2023
    and basis = 'offices'
    and applicant in ('natural_person', 'enterprise')
    -- a sum over some of a report's figures would compare unlike with unlike
    and report_id in (
        select report_id
        from mart_request_groups
        where applicant in ('natural_person', 'enterprise')
            and outcome_group in ('granted', 'granted_in_part', 'outcome_total')
        group by report_id
        having count(figure) = 6
    )
group by applicant
order by applicant
