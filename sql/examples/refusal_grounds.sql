-- zh: 2023年单个机关依哪些理由不予公开？
-- en: On which grounds did single offices refuse in 2023?
-- cautions: sum_over_known
select outcome, label, label_en, applications, reports_with_figure, reports
from refusal_reasons(years := [2023])
order by applications desc, outcome
