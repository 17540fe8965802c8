-- zh: 2023年哪些机关的行政复议纠错率最高？（已审结至少五件）
-- en: Which agencies had the largest share of reconsiderations corrected in 2023? (at least five decided)
-- cautions: small_denominators, cohorts_differ
select agency_name, reconsideration_decided, reconsideration_corrected,
    round(reconsideration_corrected_share, 6) as corrected_share,
from dispute_rates(years := [2023], at_least := 5)
order by corrected_share desc, report_id
limit 20
