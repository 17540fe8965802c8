-- about: 检索正文 · sections' text as search_sections compares it, in small letters, without wide digits and blanks
-- grain: report and section with any text
-- stored as: table
-- cautions: text_as_read
select
    report_id,
    position,
    -- letters of one kind, and no blanks inside words that a page broke apart; lines stay apart
    lower(translate(fact_section.text, '０１２３４５６７８９ 　' || chr(9) || chr(13), '0123456789')) as folded,
from fact_section
where fact_section.text <> ''
order by report_id, position
