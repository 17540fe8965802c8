"""What the quality page shows, asked of a warehouse: coverage, findings, reports to look at first.

Here: queries and their answers as plain data, bounded in number. Not here: charts, pictures, HTML.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import duckdb
import polars as pl
import yaml

from pipeline import frames
from pipeline.agencies.divisions import divisions
from pipeline.checks.rules import MEASURE, rules
from pipeline.curation.applying import cells_of_finding
from pipeline.form.model import Form, Node, Table, forms

Connection = duckdb.DuckDBPyConnection
Record = dict[str, Any]
SEVERITIES = ("error", "warn", "info")
MAX_REGIONS = 40
# Beyond these a page opens slowly; the page says what it leaves out, and the SQL that shows it.
MAX_REPORTS = 20_000
MAX_MESSAGES = 12_000
_MESSAGES_EACH = 5
_MESSAGE_LENGTH = 240


@cache
def words() -> Mapping[str, Any]:
    """The page's words, from quality.yaml."""
    text = Path(__file__).with_name("quality.yaml").read_text(encoding="utf-8")
    return dict(yaml.safe_load(text))


@cache
def meaning(code: str) -> str:
    """What a check is about: the identity's clause, the rule's reason, else that of its area."""
    for form in reversed(forms().values()):
        for table in form.tables:
            for identity in (*table.identities, *table.across_years):
                if identity.code == code:
                    return identity.clause
    if code in rules().checks:
        return rules().checks[code].reason
    if code in rules().headings:
        return rules().headings[code].reason
    reasons = [rule.reason for rule in rules().plausibility if rule.code == code]
    if reasons:
        return reasons[0]
    area = code.split(".")[0]
    return str(words()["areas"].get(area) or (rules().checks[MEASURE].reason if area == "narrative" else ""))


# Coverage.


@dataclass(frozen=True, slots=True)
class Coverage:
    """For one table of the form: how many reports have it in each state, by region and year."""

    code: str
    title: str
    counts: Mapping[tuple[str, str], Counter[str]]

    def of(self, region: str | None, year: str) -> Counter[str]:
        """The states of a region's reports of one year; of all regions for None."""
        if region is not None:
            return self.counts.get((region, year), Counter())
        return sum((c for (_, y), c in self.counts.items() if y == year), Counter())


def reports(connection: Connection) -> pl.DataFrame:
    """One row for each report: names, year, region, file, states, and its open findings by severity.

    ``faults`` are errors that nobody dismissed: under a confirmed one the printed figures stay wrong.
    """
    query = """
        with open_findings as (
            select
                report_id,
                count(*) filter (severity = 'error' and settled is null) as error,
                count(*) filter (severity = 'warn' and settled is null) as warn,
                count(*) filter (severity = 'info' and settled is null) as info,
                count(*) filter (severity = 'error' and settled is distinct from 'dismissed') as faults,
            from check_result
            where status = 'fail'
            group by report_id
        ),
        files as (select document_id, min(path) as path from dim_document group by document_id)
        select
            dim_report.*,
            dim_agency.full_name,
            dim_agency.division_code,
            files.path,
            coalesce(error, 0) as error,
            coalesce(warn, 0) as warn,
            coalesce(info, 0) as info,
            coalesce(faults, 0) as faults,
        from dim_report
        left join dim_agency using (agency_id)
        left join files using (document_id)
        left join open_findings using (report_id)
        order by error desc, warn desc, info desc, report_id
    """
    found = connection.sql(query).pl()
    codes = found["division_code"].to_list()
    year = pl.col("report_year").cast(pl.String).fill_null(words()["unknown_year"])
    return found.with_columns(
        year=year,
        agency=pl.col("agency_name").fill_null(words()["unknown_agency"]),
        region=pl.Series(_regions(codes), dtype=pl.String),
    )


def _regions(codes: Sequence[str | None]) -> list[str]:
    """The region of each report: the widest level at which the collection has more than one."""
    known = [code for code in codes if code]
    length = next((n for n in (2, 4) if len({code[:n] for code in known}) > 1), 6)
    names: dict[str, str] = {}
    for code in set(known):
        path = divisions().path(code[:length])
        names[code] = path[-1].name if path else code[:length]
    often = [name for name, _ in Counter(names[code] for code in known).most_common(MAX_REGIONS)]
    unknown, other = words()["unknown_region"], words()["other_regions"]
    return [(names[c] if names[c] in often else other) if c else unknown for c in codes]


def coverage(found: pl.DataFrame) -> list[Coverage]:
    """The states of each table of the form.

    Args:
        found: what ``reports`` gives.
    """
    answers = []
    for table in list(forms().values())[-1].tables:
        counted = found.group_by("region", "year", f"{table.code}_table").len()
        counts: dict[tuple[str, str], Counter[str]] = {}
        for region, year, state, number in counted.iter_rows():
            counts.setdefault((region, year), Counter())[state] += number
        answers.append(Coverage(table.code, table.title, counts))
    return answers


# Findings.


def findings_by_code(connection: Connection) -> list[Record]:
    """How often each check failed, by severity, at how many reports of those that it could assess."""
    query = """
        select
            check_code,
            count(*) filter (status = 'fail' and settled is null and severity = 'error') as error,
            count(*) filter (status = 'fail' and settled is null and severity = 'warn') as warn,
            count(*) filter (status = 'fail' and settled is null and severity = 'info') as info,
            count(*) filter (status = 'fail' and settled is not null) as settled,
            count(distinct report_id) filter (status = 'fail' and settled is null) as reports,
            count(distinct report_id) filter (status in ('fail', 'pass')) as assessed,
        from check_result
        group by check_code
        having count(*) filter (status = 'fail') > 0
        order by error desc, warn desc, info desc, check_code
    """
    return [{**row, "meaning": meaning(row["check_code"])} for row in records(connection, query)]


_ORDER = (
    "settled is not null, case severity when 'error' then 1 when 'warn' then 2 else 3 end,"
    " check_code, scope, message"
)


def rows(connection: Connection, found: pl.DataFrame) -> tuple[list[Record], int]:
    """Reports with findings as the page's list holds them, worst first, and how many are left out.

    Each has its codes and the gravest messages, fewer of them in a large collection.
    """
    listed = found.filter(pl.col("error") + pl.col("warn") + pl.col("info") > 0)
    left_out = max(0, listed.height - MAX_REPORTS)
    listed = listed.head(MAX_REPORTS)
    query = f"""
        select
            report_id,
            list(distinct check_code order by check_code) as codes,
            list(
                severity || ' ' || left(message, {_MESSAGE_LENGTH})
                || if(length(message) > {_MESSAGE_LENGTH}, '…', '') order by {_ORDER}
            ) as messages,
        from check_result
        where status = 'fail' and settled is null
        group by report_id
    """
    told = {row["report_id"]: row for row in records(connection, query)}
    answers, room = [], MAX_MESSAGES
    for row in listed.iter_rows(named=True):
        about = told[row["report_id"]]
        messages = [m for m in about["messages"] if m][: min(_MESSAGES_EACH, room)]
        room -= len(messages)
        answers.append(
            {
                "id": row["report_id"],
                "agency": row["agency"],
                "name": row["full_name"] or "",
                "year": row["year"],
                "region": row["region"],
                "path": row["path"] or "",
                "counts": [row[severity] for severity in SEVERITIES],
                "codes": about["codes"],
                "messages": messages,
            }
        )
    return answers, left_out


# One report.


@dataclass(frozen=True, slots=True)
class Shown:
    """A cell of a printed table, its figure, what is said of it, and the findings that name it."""

    text: str
    status: str = ""
    mark: str = ""
    numbers: tuple[int, ...] = ()
    suggestion: str = ""
    locator: str = ""
    note: str = ""
    derived: bool = False
    corrected: str = ""
    place: tuple[str, str] = ("", "")


@dataclass(frozen=True, slots=True)
class Line:
    """A printed row: its label, how deep it stands, and its cells."""

    label: str
    depth: int
    cells: tuple[Shown, ...]


@dataclass(frozen=True, slots=True)
class Heading:
    """A column heading with the columns and heading rows that it spans."""

    label: str
    columns: int
    rows: int
    code: str = ""


@dataclass(frozen=True, slots=True)
class Part:
    """A part of a printed table: heading rows, then lines."""

    corner: str
    head: tuple[tuple[Heading, ...], ...]
    lines: tuple[Line, ...]


@dataclass(frozen=True, slots=True)
class Printed:
    """A table of the form as this report prints it."""

    code: str
    title: str
    state: str
    parts: tuple[Part, ...]

    @property
    def marked(self) -> list[Shown]:
        """The cells that a finding names, the gravest first."""
        cells = [cell for part in self.parts for line in part.lines for cell in line.cells if cell.mark]
        return sorted(cells, key=lambda cell: SEVERITIES.index(cell.mark))


@dataclass(frozen=True, slots=True)
class Detail:
    """One report in full: its findings, numbered from 1, and the tables that they are about."""

    report: Record
    files: tuple[Record, ...]
    findings: tuple[Record, ...]
    more_findings: int
    suggestions: tuple[Record, ...]
    tables: tuple[Printed, ...]


def details(
    connection: Connection, chosen: Sequence[Record], max_findings: int = 40, whole: bool = False
) -> list[Detail]:
    """The reports in full.

    Args:
        chosen: rows of ``reports``.
        max_findings: how many findings of each are told of.
        whole: with every table that was found; else with those that a finding names a cell of.
    """
    ids = [row["report_id"] for row in chosen]

    def of(table: str, order: str, where: str = "true") -> dict[str, list[Record]]:
        query = f"select * from {table} where report_id in (select unnest(?)) and {where} order by {order}"
        found: dict[str, list[Record]] = {}
        for row in records(connection, query, [ids]):
            found.setdefault(str(row["report_id"]), []).append(row)
        return found

    files = of("dim_document", "path")
    findings = of("check_result", _ORDER, "status = 'fail'")
    suggested = of("suggested_correction", "table_name, rank, row_code, column_code")
    facts = {name: of(name, "locator") for name in (*frames.FACTS.values(), frames.INDICATORS)}
    answers = []
    for row in chosen:
        name = row["report_id"]
        mine = findings.get(name, [])
        told = tuple({**f, "number": n} for n, f in enumerate(mine[:max_findings], 1))
        form = forms().get(str(row["form_version"])) or list(forms().values())[-1]
        tables = [
            printed(table, row, facts[table.facts][name], told, suggested.get(name, []))
            for table in form.tables
            if name in facts[table.facts]
        ]
        answers.append(
            Detail(
                row,
                tuple(files.get(name, [])),
                told,
                len(mine) - len(told),
                tuple(_suggestion(form, one) for one in suggested.get(name, [])),
                tuple(table for table in tables if whole or table.marked),
            )
        )
    return answers


def _suggestion(form: Form, row: Record) -> Record:
    """A suggestion with the official labels of its cell."""
    labels = [row["row_code"], row["column_code"]]
    for table in form.tables:
        if table.code == row["table_name"]:
            lines = {line.code: line.path[-1] for line in (*table.rows, *table.columns)}
            labels = [lines.get(code, code) for code in labels]
    return {**row, "labels": " · ".join(labels)}


def printed(
    table: Table,
    report: Record,
    facts: Sequence[Record],
    findings: Sequence[Record] = (),
    suggested: Sequence[Record] = (),
) -> Printed:
    """The table with every cell marked that an undismissed finding names; without facts, empty."""
    # A list of indicators has one column, which its table in the warehouse leaves out.
    only = table.columns[0].code
    figures = {(f[table.row_dimension], f.get(table.column_dimension, only)): f for f in facts}
    named: dict[tuple[str, str], list[Record]] = {}
    for finding in findings:
        for place in _places(table, finding):
            named.setdefault(place, []).append(finding)
    better = {
        (s["row_code"], s["column_code"]): s
        for s in reversed(suggested)
        if s["table_name"] == table.code and s["rank"] == 1
    }

    def shown(row: str | None, column: str | None) -> Shown:
        place = (row or "", column or "")
        fact = figures.get(place)
        about = named.get(place, []) if fact else []
        figure = fact["best_value"] if fact else None
        text = str(fact["raw_text"]) if fact else ""
        doubted = [f["severity"] for f in about if f["settled"] != "dismissed"]
        return Shown(
            text=text if figure is None else number(figure),
            status=str(fact["status"]) if fact else "",
            mark=min(doubted, key=SEVERITIES.index, default=""),
            numbers=tuple(f["number"] for f in about),
            suggestion=number(better[place]["suggested_value"]) if place in better else "",
            locator=str(fact["locator"]) if fact else "",
            note=f"{text} · {fact['status']} · {fact['locator']}" if fact else "",
            derived=bool(fact and fact["value"] is None and fact["derived_value"] is not None),
            corrected=number(fact.get("corrected_value")) if fact else "",
            place=place,
        )

    parts = []
    for block in table.blocks:
        columns = [node for node, _ in _walk(block.columns) if not node.children and node.code]
        lines = tuple(
            Line(node.label, depth, tuple(shown(node.code, c.code) for c in columns))
            for node, depth in _walk(block.rows)
        )
        parts.append(Part(block.corner or "", _head(block.columns), lines))
    return Printed(table.code, table.title, str(report.get(f"{table.code}_table")), tuple(parts))


def _places(table: Table, finding: Record) -> set[tuple[str, str]]:
    """The cells of a table that a finding is about: a sum's, the one named, or the whole row."""
    code, scope = str(finding["check_code"]), str(finding["scope"])
    cells = (cell.split(".") for cell in cells_of_finding(code, scope))
    found = {(row, column) for name, row, column in cells if name == table.code}
    if code in (f"lost_cells.{table.code}", f"reading.{table.code}"):
        row, _, column = scope.partition(".")
        found |= {(row, c.code) for c in table.columns if not column or c.code == column}
    return found


def _walk(nodes: Sequence[Node], depth: int = 0) -> list[tuple[Node, int]]:
    found = []
    for node in nodes:
        found += [(node, depth), *_walk(node.children, depth + 1)]
    return found


def _head(columns: Sequence[Node]) -> tuple[tuple[Heading, ...], ...]:
    """The heading rows of a tree of columns."""
    height = 1 + max(depth for _, depth in _walk(columns))
    levels: list[list[Heading]] = [[] for _ in range(height)]
    for node, depth in _walk(columns):
        leaves = sum(not inner.children for inner, _ in _walk([node]))
        rows = 1 if node.children else height - depth
        levels[depth].append(Heading(node.label, leaves, rows, node.code or ""))
    return tuple(tuple(level) for level in levels)


def number(value: float | None) -> str:
    """A figure as it is shown."""
    return "" if value is None else f"{value:,.10g}"


def records(connection: Connection, query: str, parameters: object = None) -> list[Record]:
    """The rows of a query by column name."""
    cursor = connection.execute(query, parameters)
    names = [column[0] for column in cursor.description or ()]
    return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]
