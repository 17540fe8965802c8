-- zh: 哪些面板数字不是报告原文所印（推得或更正）？
-- en: Which figures of the panel are not those that the report prints (derived or corrected)?
-- cautions: as_printed, settled_figures
select report_id, measure, printed, figure, origin
from mart_measures
where figure is distinct from printed
order by report_id, measure
