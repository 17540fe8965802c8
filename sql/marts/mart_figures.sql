-- about: 采用数 · every cell of the three tables with the figure to use: settled, else printed, else derived
-- grain: report and printed cell
-- cautions: totals_beside_parts, null_is_not_zero, flagged_figures
with

cells as (

    select report_id, 'disclosure' as table_name, item as row_code, measure as column_code,
        corrected_value, derived_value, best_value, value, status, locator,
    from fact_disclosure
    union all
    select report_id, 'requests', outcome, applicant, corrected_value, derived_value, best_value, value, status, locator,
    from fact_request
    union all
    select report_id, 'disputes', forum, result, corrected_value, derived_value, best_value, value, status, locator,
    from fact_dispute

)

select
    report_id,
    table_name,
    row_code,
    column_code,
    coalesce(corrected_value, best_value) as figure,
    value as printed,
    best_value,
    derived_value,
    corrected_value,
    case
        when corrected_value is not null then 'corrected'
        when best_value is null then null
        when value is null then 'derived'
        when status = 'realigned' then 'realigned'
        else 'printed'
    end as origin,
    status,
    -- the place itself, its whole row, or its whole column
    (report_id, table_name, row_code, column_code) in (
        select (report_id, table_name, row_code, column_code) from mart_doubts where column_code is not null
    )
    or (report_id, table_name, row_code) in (
        select (report_id, table_name, row_code) from mart_doubts where column_code is null
    )
    or (report_id, table_name, column_code) in (
        select (report_id, table_name, row_code) from mart_doubts where column_code is null
    ) as is_flagged,
    locator,
from cells
