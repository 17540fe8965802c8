-- claim: no cell has both a printed and a derived figure, and best_value is the one that it has
-- severity: error, blocks publication
-- a row here: a cell where that is not so
with

facts as (

    select 'fact_disclosure' as fact_table, report_id, locator, value, derived_value, best_value
    from fact_disclosure
    union all
    select 'fact_request', report_id, locator, value, derived_value, best_value
    from fact_request
    union all
    select 'fact_dispute', report_id, locator, value, derived_value, best_value
    from fact_dispute
    union all
    select 'fact_indicator', report_id, locator, value, derived_value, best_value
    from fact_indicator

)

select *
from facts
where
    (value is not null and derived_value is not null)
    or best_value is distinct from coalesce(value, derived_value)
