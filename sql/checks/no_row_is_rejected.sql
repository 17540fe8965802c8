-- claim: every row that was read fits its table
-- severity: warn
-- a row here: a row that was kept apart, with the reason
select
    table_name,
    reason,
    row,
from rejected_row
