-- zh: 行政事业性收费最多的机关是哪些？（万元）
-- en: Which agencies charged the most administrative fees? (10,000 yuan)
-- cautions: fee_unit, flagged_figures
select agency_name, report_year, figure as fees_10k_yuan, is_flagged
from mart_disclosure_fees
where measure = 'fees_10k_yuan' and figure > 0
order by figure desc, report_id
limit 20
