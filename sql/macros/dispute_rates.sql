-- about: 纠错率 · shares of decided reconsiderations and lawsuits that were corrected
-- parameters: years := null, at_least := 1
-- example: from dispute_rates(years := [2023], at_least := 10)
-- cautions: small_denominators, cohorts_differ, flagged_figures
select *
from mart_dispute_rates
where reconsideration_decided >= $at_least
    and ($years is null or list_contains($years, report_year))
order by reconsideration_corrected_share desc, report_id
