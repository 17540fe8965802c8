-- zh: 各年报告的质量等级如何？
-- en: How are the grades of reports spread over the years?
-- cautions: grade_of_reading_and_office
select report_year, grade, count(*) as reports
from mart_grades
group by report_year, grade
order by report_year, grade
