-- about: 覆盖 · which agencies should have a report for which year, and what is here
-- grain: agency and year, from the agency's first report here to the newest year of the warehouse
-- cautions: coverage_of_known
with

known as (

    select
        agency_id,
        min(report_year) as first_year,
        (select max(report_year) from dim_report) as last_year,
    from dim_report
    where agency_id is not null and report_year is not null
    group by agency_id

),

expected as (

    select agency_id, unnest(range(first_year, last_year + 1)) as report_year,
    from known

)

select
    expected.agency_id,
    dim_agency.agency_name,
    dim_agency.full_name,
    dim_agency.level,
    dim_agency.kind,
    dim_agency.division_code,
    expected.report_year,
    dim_report.report_id,
    case
        when dim_report.report_id is null then 'no_report'
        -- the list of 2014 to 2018 stands in place of the three tables
        when dim_report.form_version = '2014' then 'report'
        when 'missing' in (dim_report.disclosure_table, dim_report.requests_table, dim_report.disputes_table)
            or 'image_only' in (dim_report.disclosure_table, dim_report.requests_table, dim_report.disputes_table)
            then 'report_without_tables'
        else 'report'
    end as coverage,
    dim_report.disclosure_table,
    dim_report.requests_table,
    dim_report.disputes_table,
from expected
join dim_agency using (agency_id)
left join dim_report
    on expected.agency_id = dim_report.agency_id and expected.report_year = dim_report.report_year
