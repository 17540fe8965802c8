-- claim: every entry of the curation files can be used
-- severity: warn
-- a row here: an entry that does not count, with the reason
select
    file,
    entry,
    fault,
from decisions
where fault is not null
