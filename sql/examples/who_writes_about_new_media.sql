-- zh: 哪些报告的正文提到“新媒体”和“解读”？
-- en: Which reports' texts speak of both 新媒体 (new media) and 解读 (explaining policies)?
-- cautions: text_as_read
select agency_name, report_year, section, snippet, score, report_id, position
from search_sections('新媒体 解读')
order by score desc, report_id, position
limit 50
