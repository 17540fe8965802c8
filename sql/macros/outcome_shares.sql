-- about: 办理结果构成 · for each agency and year, how its decided applications divide into the six outcome groups
-- parameters: applicants := 'total', years := null
-- example: from outcome_shares(applicants := 'enterprise')
-- cautions: totals_beside_parts, null_is_not_zero, small_denominators, flagged_figures
select
    parts.agency_id,
    parts.agency_name,
    parts.report_year,
    parts.outcome_group,
    parts.outcome_group_label,
    parts.outcome_group_label_en,
    parts.figure,
    whole.figure as outcome_total,
    parts.figure / nullif(whole.figure, 0) as share,
    parts.is_flagged or whole.is_flagged as is_flagged,
from mart_request_groups as parts
join mart_request_groups as whole
    on parts.report_id = whole.report_id
    and parts.applicant = whole.applicant
    and whole.outcome_group = 'outcome_total'
where parts.applicant = $applicants
    and parts.outcome_group in ('granted', 'granted_in_part', 'refused', 'unavailable', 'declined', 'other')
    and ($years is null or list_contains($years, parts.report_year))
order by parts.agency_id, parts.report_year, parts.outcome_group
