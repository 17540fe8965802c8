-- about: 分组申请 · applications by outcome group and kind of applicant; a group's sum only where every part is known
-- grain: report, outcome group and applicant
-- cautions: totals_beside_parts, null_is_not_zero, flagged_figures, scope_differs
with

lines as (

    select
        heads.code as outcome_group,
        parts.code as part,
        count(*) over (partition by heads.code) as part_count,
    from dim_outcome as heads
    join dim_outcome as parts on starts_with(parts.code, heads.code || '_')
    where heads.code in ('refused', 'unavailable', 'declined', 'other')

),

own as (

    select report_id, row_code as outcome_group, column_code as applicant, figure, printed, is_flagged,
    from mart_figures
    where table_name = 'requests'
        and row_code in (
            'received', 'carried_in', 'granted', 'granted_in_part', 'refused', 'unavailable', 'declined', 'other',
            'outcome_total', 'carried_out'
        )

),

sums as (

    -- a sum over some of the parts would be too low in silence
    select
        cells.report_id,
        lines.outcome_group,
        cells.column_code as applicant,
        if(count(cells.figure) = any_value(lines.part_count), sum(cells.figure), null) as figure,
        if(count(cells.printed) = any_value(lines.part_count), sum(cells.printed), null) as printed,
        bool_or(cells.is_flagged) as is_flagged,
    from mart_figures as cells
    join lines on cells.row_code = lines.part
    where cells.table_name = 'requests'
    group by cells.report_id, lines.outcome_group, cells.column_code

),

groups as (

    -- a group printed as one row has a figure of its own
    select
        report_id,
        outcome_group,
        applicant,
        coalesce(max(figure) filter (where is_own), max(figure)) as figure,
        coalesce(max(printed) filter (where is_own), max(printed)) as printed,
        bool_or(is_flagged) as is_flagged,
    from (select *, true as is_own from own union all select *, false from sums)
    group by report_id, outcome_group, applicant

)

select
    groups.report_id,
    dim_report.agency_id,
    dim_report.agency_name,
    dim_report.report_year,
    dim_report.scope,
    groups.outcome_group,
    dim_outcome.path as outcome_group_label,
    dim_outcome.label_en as outcome_group_label_en,
    groups.applicant,
    dim_applicant.label as applicant_label,
    dim_applicant.label_en as applicant_label_en,
    groups.applicant = 'total' as is_applicant_total,
    groups.figure::bigint as figure,
    groups.printed::bigint as printed,
    groups.is_flagged,
from groups
join dim_report using (report_id)
join dim_outcome on groups.outcome_group = dim_outcome.code
join dim_applicant on groups.applicant = dim_applicant.code
