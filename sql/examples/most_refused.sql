-- zh: 2023年哪些机关不予公开最多？其中哪些报告有存疑之处？
-- en: Which agencies refused most in 2023, and which of those reports have findings?
-- cautions: flagged_figures, scope_differs
select
    league.place,
    league.agency_name,
    league.figure::bigint as refused,
    league.errors,
    league.warnings,
    league.is_flagged,
    league.grade,
    (
        select string_agg(distinct check_code, ', ' order by check_code)
        from mart_findings
        where agency_id = league.agency_id and report_year = 2023 and severity <> 'info' and settled is null
    ) as findings,
from league('requests_refused', 2023) as league
order by place, agency_id
limit 20
