-- zh: 各层级机关的公开率（予以公开和部分公开占办理结果的比例）中位数是多少？只用无存疑的表三。
-- en: What is the median grant rate at each level of government, over reports whose table 3 is not in doubt?
-- cautions: small_denominators
select
    level,
    count(*) as reports,
    round(median(grant_rate), 6) as median_grant_rate,
from grant_rate(years := [2022, 2023])
where not is_flagged and denominator >= 10 and grant_rate is not null and level is not null
group by level
order by level
