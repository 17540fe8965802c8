-- about: 地区年度 · figures by region and year: of the region's own summed report, or of its offices; never of both
-- grain: region, year, basis and figure; take one basis, never add two: a region's report holds its offices'
-- cautions: bases_never_added, totals_beside_parts, sum_over_known, scope_differs, form_change_2021
with

reports as (

    select
        mart_measures.*,
        dim_agency.division_code as region_code,
    from mart_measures
    join dim_agency using (agency_id)
    where dim_agency.division_code is not null

)

select
    region_code,
    case length(region_code) when 9 then region_code[:6] when 6 then
        case when region_code[3:] = '0000' then null
            when region_code[5:] = '00' then region_code[:2] || '0000'
            else region_code[:4] || '00' end
    end as region_above,
    report_year,
    basis,
    measure,
    -- of several reports for a whole region one figure is taken, and only where they agree
    case
        when basis = 'offices' then sum(figure)
        when count(distinct figure) = 1 then min(figure)
    end as figure,
    case
        when basis = 'offices' then sum(printed)
        when count(distinct printed) = 1 then min(printed)
    end as printed,
    count(*) as reports,
    count(figure) as reports_with_figure,
    count(*) filter (where is_flagged) as reports_flagged,
    case
        when count(figure) = 0 then min(null_reason)
        when basis <> 'offices' and count(distinct figure) > 1 then 'region_reports_disagree'
    end as null_reason,
from reports
group by region_code, report_year, basis, measure
