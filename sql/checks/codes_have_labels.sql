-- claim: every code of the facts is on the form
-- severity: error, blocks publication
-- a row here: a code without a label
with

codes as (

    select distinct 'dim_item' as label_table, item as code from fact_disclosure
    union all
    select distinct 'dim_measure', measure from fact_disclosure
    union all
    select distinct 'dim_outcome', outcome from fact_request
    union all
    select distinct 'dim_applicant', applicant from fact_request
    union all
    select distinct 'dim_forum', forum from fact_dispute
    union all
    select distinct 'dim_result', result from fact_dispute

),

labels as (

    select 'dim_item' as label_table, code from dim_item
    union all
    select 'dim_measure', code from dim_measure
    union all
    select 'dim_outcome', code from dim_outcome
    union all
    select 'dim_applicant', code from dim_applicant
    union all
    select 'dim_forum', code from dim_forum
    union all
    select 'dim_result', code from dim_result

)

select
    codes.label_table,
    codes.code,
from codes
anti join labels using (label_table, code)
