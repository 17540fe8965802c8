"""A warehouse of invented reports, made in SQL: as many as a test wants, with gaps, findings and regions.

Here: rows straight into the tables, marts and macros over them. Not here: reading, or checks.
"""

from __future__ import annotations

from functools import cache

import duckdb
import polars as pl

from pipeline import assembly, frames, warehouse
from pipeline.publish import codebook

YEARS = (2020, 2021, 2022, 2023)
# Figures come from hashes, so that a warehouse of one size is always the same.
_REPORTS = """
insert into dim_agency by name
select
    'a' || n as agency_id,
    case n % 5 when 0 then '甲' || n || '区' when 1 then '乙' || n || '区政府办' else '丙' || n || '局' end
        as agency_name,
    '某省' || agency_name as full_name,
    ['county', 'prefecture', 'township'][1 + n % 3] as level,
    case n % 5 when 0 then 'region' when 1 then 'office' else 'department' end as kind,
    if(n % 11 = 0, null, (990100 + n // 10)::varchar) as division_code,
from range({agencies}) as numbers (n);

insert into dim_report by name
select
    agency_id || '-' || year as report_id,
    agency_id,
    agency_name,
    year as report_year,
    if(year = 2020, '2019', '2021') as form_version,
    case when kind = 'region' then ['aggregate', 'aggregate', 'unknown'][(1 + hash(agency_id) % 3)::int]
        else ['own', 'unknown'][(1 + hash(agency_id) % 2)::int] end as scope,
    'd-' || agency_id || year as document_id,
    'complete' as disclosure_table,
    case hash(agency_id, year) % 17 when 0 then 'missing' when 1 then 'partial' else 'complete' end
        as requests_table,
    'complete' as disputes_table,
from dim_agency, (select unnest({years}) as year)
where hash(agency_id, year, 'here') % 9 > 0;

insert into dim_document by name
select document_id, report_id || '.pdf' as path, 'local' as source, 'pdf' as format, 1 as bytes,
    'parsed' as status, report_id,
from dim_report;
"""
_REQUESTS = """
create temp table leaves as
select report_id, document_id, dim_outcome.code as outcome, dim_applicant.code as applicant,
    (hash(report_id, dim_outcome.code, dim_applicant.code) % 7)::bigint as value,
from dim_report
join dim_outcome on contains(dim_outcome.form_versions, dim_report.form_version)
cross join dim_applicant
where requests_table <> 'missing' and dim_applicant.code <> 'total'
    and dim_outcome.code not in ('received', 'outcome_total', 'refused', 'unavailable', 'declined')
    and not (dim_outcome.code = 'other' and dim_report.form_version <> '2019');

create temp table sums as
select report_id, document_id, 'outcome_total' as outcome, applicant,
    sum(value) filter (where outcome not in ('carried_in', 'carried_out'))::bigint as value,
from leaves group by all
union all
select report_id, document_id, 'received', applicant,
    (sum(value) filter (where outcome <> 'carried_in')
        - sum(value) filter (where outcome = 'carried_in'))::bigint,
from leaves group by all;

insert into fact_request by name
select *, coalesce(value, derived_value) as best_value, coalesce(value::varchar, '') as raw_text,
    'table=1' as locator, 1 as confidence,
from (
    select report_id, document_id, outcome, applicant,
        if(fate in (0, 1), null, value) as value,
        if(fate = 1, value, null) as derived_value,
        if(fate = 2, value + 1, null) as corrected_value,
        case when fate in (0, 1) then 'lost' when fate = 3 then 'realigned' else 'reported' end as status,
    from (
        select *, hash(report_id, outcome, applicant, 'fate') % 300 as fate
        from (
            from leaves union all by name from sums union all by name
            (select report_id, document_id, outcome, 'total' as applicant, sum(value)::bigint as value
            from (from leaves union all by name from sums) group by all)
        )
    )
);
"""
_OTHERS = """
insert into fact_dispute by name
with parts as (
    select report_id, document_id, dim_forum.code as forum, dim_result.code as result,
        (hash(report_id, dim_forum.code, dim_result.code) % 5)::bigint as value,
    from dim_report cross join dim_forum cross join dim_result
    where dim_result.code <> 'total'
)
select *, value as best_value, 'reported' as status, value::varchar as raw_text, 'table=2' as locator,
    1 as confidence,
from (from parts union all by name
    (select report_id, document_id, forum, 'total' as result, sum(value)::bigint as value
    from parts group by all));

insert into fact_disclosure by name
select report_id, document_id, row_code as item, column_code as measure,
    (hash(report_id, row_code, column_code) % 50)::double as value, value as best_value,
    'reported' as status, value::varchar as raw_text, 'table=0' as locator, 1 as confidence,
from dim_report join on_form using (form_version);

insert into check_result by name
select report_id, 'requests.balance' as check_code, 'natural_person' as scope, 'fail' as status,
    'error' as severity, if(hash(report_id, 's') % 3 = 0, 'dismissed', null) as settled,
from dim_report where hash(report_id, 'e') % 10 = 0
union all
select report_id, 'lost_cells.requests', 'granted', 'fail', 'warn', null,
from dim_report where hash(report_id, 'w') % 6 = 0
union all
select report_id, 'requests.applicant_total', 'refused_state_secret', 'fail', 'error', null,
from dim_report where hash(report_id, 'r') % 8 = 0
union all
select report_id, 'disputes.total', 'reconsideration', 'pass', 'error', null,
from dim_report;

insert into fact_section by name
select report_id, position, 'overview' as section, '一、总体情况' as title,
    repeat('全年收到申请并依法办理，', (4 + hash(report_id, position) % 30)::int)
        || if(hash(report_id, position) % 20 = 0, '新媒体矩阵发布解读。', '')
        || if(hash(report_id, position, 'b') % 30 = 0, '培训两次，培训人员到位。', '') as text,
    document_id, 'line=1' as locator,
from dim_report, range(1, 4) as positions (position);
"""


def empty() -> duckdb.DuckDBPyConnection:
    """A warehouse in memory with the form's labels and no report, marts and macros included."""
    connection = duckdb.connect()
    codebook.prepare(connection)
    return connection


def bare() -> duckdb.DuckDBPyConnection:
    """The tables in memory with the form's labels and no report, without marts."""
    connection = duckdb.connect()
    for table in frames.SCHEMAS:
        warehouse.load(connection, table, frames.empty(table))
    for table, rows in _labels().items():
        warehouse.load(connection, table, rows)
    return connection


@cache
def _labels() -> dict[str, pl.DataFrame]:
    return assembly.labels()


def filled(agencies: int) -> duckdb.DuckDBPyConnection:
    """A warehouse in memory of about 3.5 invented reports for each agency, without marts."""
    connection = bare()
    pairs = [
        (version, item, measure)
        for version in ("2019", "2021")
        for item, measure in codebook.printed_cells("disclosure", version)
    ]
    connection.execute(
        "create temp table on_form (form_version varchar, row_code varchar, column_code varchar)"
    )
    connection.executemany("insert into on_form values (?, ?, ?)", pairs)
    script = _REPORTS.format(agencies=agencies, years=list(YEARS)) + _REQUESTS + _OTHERS
    for statement in script.split(";\n"):
        if statement.strip():
            connection.execute(statement)
    return connection


def with_marts(connection: duckdb.DuckDBPyConnection) -> duckdb.DuckDBPyConnection:
    """The same with its marts and macros."""
    for mart in warehouse.statements("marts"):
        warehouse.make_mart(connection, mart)
    for macro in warehouse.statements("macros"):
        warehouse.make_macro(connection, macro)
    return connection
