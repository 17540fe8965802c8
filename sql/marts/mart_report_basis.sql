-- about: 口径 · whose figures a report gives: a region's summed up, one office's own, or nobody knows
-- grain: report
-- cautions: bases_never_added, scope_differs
select
    dim_report.report_id,
    case
        when dim_report.scope = 'aggregate' then 'region_report'
        when dim_report.scope = 'own' then 'offices'
        -- a government, its office or a zone may sum up what lies in it: without a word of it, nobody knows
        when dim_agency.kind is null or dim_agency.kind in ('region', 'office', 'zone') then 'unclear'
        else 'offices'
    end as basis,
from dim_report
left join dim_agency using (agency_id)
