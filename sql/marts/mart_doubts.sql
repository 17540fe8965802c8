-- about: 存疑之处 · where findings of severity error or warn point that are unsettled or confirmed: a cell, or a whole row or column
-- grain: report, table of the form and place; row_code is a row's or a column's code where column_code is NULL
-- cautions: flagged_figures
with

failed as (

    select
        report_id,
        check_code,
        scope,
        string_split(scope, '.') as place,
        string_split(check_code, '.') as code,
    from check_result
    where status = 'fail' and severity in ('error', 'warn') and (settled is null or settled = 'confirmed')

),

places as (

    -- the scope is a cell
    select report_id, place[1] as table_name, place[2] as row_code, place[3] as column_code,
    from failed
    where len(place) = 3
    union
    -- last year's carry-over against this year's: one row only
    select report_id, 'requests', 'carried_in', scope,
    from failed
    where check_code = 'requests.carry_over'
    union
    -- an identity of one row or column, or a row that lost cells
    select report_id, if(code[1] = 'lost_cells', code[2], code[1]), scope, null,
    from failed
    where len(place) = 1 and check_code <> 'requests.carry_over'
    union
    -- a figure of the text against the table's
    select report_id, code[2], code[3], coalesce(code[4], if(code[2] = 'requests', 'total', null)),
    from failed
    where code[1] = 'narrative' and len(code) >= 3

),

-- what the text says of a whole is about each of its parts
parts as (

    select heads.code as whole, lines.code as part, 'requests' as table_name
    from dim_outcome as heads
    join dim_outcome as lines on starts_with(lines.code, heads.code || '_')
    where heads.code in ('refused', 'unavailable', 'declined', 'other')
    union all
    select 'litigation', code, 'disputes'
    from dim_forum
    where contains(code, 'litigation')

)

select report_id, table_name, row_code, column_code,
from places
where table_name in ('disclosure', 'requests', 'disputes')
union
select places.report_id, places.table_name, parts.part, places.column_code,
from places
join parts on places.row_code = parts.whole and places.table_name = parts.table_name
