-- about: 指标长表 · every figure of the panel, one a row, with why it is absent where it is
-- grain: report and figure of the panel; reports whose agency or year is unknown are left out
-- stored as: table
-- cautions: totals_beside_parts, null_is_not_zero, flagged_figures, form_change_2021, scope_differs
with

cells as (

    -- groups are printed as one row or summed up; everything else is one cell
    select report_id, 'requests' as table_name, outcome_group as row_code, applicant as column_code,
        figure::double as figure, printed::double as printed, is_flagged, null as origin, null as status,
    from mart_request_groups
    where applicant = 'total' and outcome_group in ('refused', 'unavailable', 'declined', 'other')
    union all
    select report_id, table_name, row_code, column_code, figure, printed, is_flagged, origin, status,
    from mart_figures
    where table_name <> 'requests'
        or (column_code = 'total' and row_code not in ('refused', 'unavailable', 'declined', 'other'))
        or row_code = 'received'

),

wanted as (

    select
        dim_report.report_id,
        dim_report.agency_id,
        dim_report.report_year,
        dim_report.form_version,
        dim_report.scope,
        mart_report_basis.basis,
        dim_panel_column.* exclude (label, label_en, unit, position),
        case dim_panel_column.table_name
            when 'disclosure' then dim_report.disclosure_table
            when 'requests' then dim_report.requests_table
            else dim_report.disputes_table
        end as table_state,
    from dim_report
    join mart_report_basis using (report_id)
    cross join dim_panel_column
    where dim_report.agency_id is not null and dim_report.report_year is not null

)

select
    wanted.report_id,
    wanted.agency_id,
    wanted.report_year,
    wanted.form_version,
    wanted.scope,
    wanted.basis,
    wanted.measure,
    cells.figure,
    cells.printed,
    cells.origin,
    coalesce(cells.is_flagged, false) as is_flagged,
    case
        when cells.figure is not null then null
        when wanted.form_version is not null and not contains(wanted.form_versions, wanted.form_version)
            then 'not_on_form_' || wanted.form_version
        when wanted.table_state in ('missing', 'image_only', 'header_only', 'blank') then 'table_' || wanted.table_state
        when cells.report_id is null then 'row_absent'
        when cells.status is null then 'part_unknown'
        when cells.status in ('blank', 'not_applicable', 'lost', 'illegible') then 'cell_' || cells.status
        else 'cell_lost'
    end as null_reason,
from wanted
left join cells using (report_id, table_name, row_code, column_code)
order by wanted.measure, wanted.report_id
