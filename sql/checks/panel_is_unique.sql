-- claim: the panel has one row for each agency and year
-- severity: error, blocks publication
-- a row here: an agency and year that stand more than once
select
    agency_id,
    report_year,
    count(*) as copies,
from mart_panel
group by all
having count(*) > 1
