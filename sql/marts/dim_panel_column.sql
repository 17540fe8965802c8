-- about: 面板列 · the figures of the panel: which cell of the form each is, with labels and unit
-- grain: figure of the panel
with

cells as (

    select
        'requests_' || code as measure, 'requests' as table_name, code as row_code, 'total' as column_code,
        path as label, label_en, form_versions, '件' as unit, 2000 + position as position,
    from dim_outcome
    union all
    select
        'requests_received_' || dim_applicant.code, 'requests', dim_outcome.code, dim_applicant.code,
        dim_outcome.path || ' › ' || dim_applicant.path, dim_outcome.label_en || ' · ' || dim_applicant.label_en,
        dim_applicant.form_versions, '件', 3000 + dim_applicant.position,
    from dim_outcome cross join dim_applicant
    where dim_outcome.code = 'received' and dim_applicant.code <> 'total'
    union all
    select
        dim_forum.code || '_' || dim_result.code, 'disputes', dim_forum.code, dim_result.code,
        dim_forum.path || ' › ' || dim_result.path, dim_forum.label_en || ' · ' || dim_result.label_en,
        dim_result.form_versions, '件', 4000 + 100 * dim_forum.position + dim_result.position,
    from dim_forum cross join dim_result
    union all
    select
        case dim_item.code
            when 'administrative_licensing' then 'licensing'
            when 'administrative_penalties' then 'penalty'
            when 'administrative_coercion' then 'coercion'
            when 'administrative_fees' then 'fees'
            else dim_item.code
        end || '_' || replace(dim_measure.code, 'amount_', ''),
        'disclosure', dim_item.code, dim_measure.code,
        dim_item.path || ' › ' || dim_measure.label, dim_item.label_en || ' · ' || dim_measure.label_en,
        dim_measure.form_versions, if(dim_measure.code = 'amount_10k_yuan', '万元', '件'),
        1000 + 100 * dim_item.position + dim_measure.position,
    from dim_item cross join dim_measure
    where (dim_item.code in ('regulations', 'normative_documents') and dim_measure.code in ('issued', 'repealed', 'in_force'))
        or (dim_item.code in ('administrative_licensing', 'administrative_penalties', 'administrative_coercion')
            and dim_measure.code = 'decisions')
        or (dim_item.code = 'administrative_fees' and dim_measure.code = 'amount_10k_yuan')

)

select * from cells
order by position
