-- zh: “本机关不掌握”比上年增加最多的是哪些机关？
-- en: At which agencies did "information not held" grow most against the year before?
-- cautions: flagged_figures, scope_differs
select agency_id, agency_name, report_year, previous_figure::bigint as before, figure::bigint as now,
    change::bigint as change, is_flagged,
from changes_of('requests_unavailable_not_held')
where change > 0
order by change desc, agency_id, report_year
limit 20
