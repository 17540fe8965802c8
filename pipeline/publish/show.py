"""One report in the terminal, as the form prints it, with doubtful cells marked.

Here: finding the report that a person means, and drawing it. Not here: the figures or findings themselves.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import duckdb
from rich.console import Console
from rich.table import Table as Grid
from rich.text import Text

from pipeline import frames
from pipeline.form.model import Block, Form, Identity, Node, Table, forms, terms
from pipeline.terminal import cell, printable

Connection = duckdb.DuckDBPyConnection
Record = dict[str, object]
_AGENCY_YEAR = re.compile(r"(.+?)(\d{4})年?度?$")
_ID_LENGTH = 6
_LEGEND = {
    "!": ("bold red", "in a sum that does not close, or another error"),
    "~": ("yellow", "moved back into its column, or questioned"),
    "+": ("cyan", "not printed: the only figure that the form's sums leave"),
    "?": ("magenta", "lost or illegible"),
    "⇒": ("green", "the right figure, as a person settled it"),
}
_SEVERITY = {"error": "bold red", "warn": "yellow", "info": "dim"}


@dataclass(frozen=True, slots=True)
class Match:
    """A report or, where a file gave none, its document."""

    report_id: str | None
    name: str
    about: str


def find(connection: Connection, words: str) -> list[Match]:
    """What a person may mean by a report id, an agency and year, or a file's path or id; best first.

    Exact matches leave out all others; an empty list where there are none.
    """
    said = words.strip()
    by_id = _records(connection, "select * from dim_report where report_id = ?", [said])
    if by_id:
        return [_report_match(by_id[0])]
    documents = _records(connection, "select * from dim_document where path = ?", [said])
    if not documents and re.fullmatch(rf"[0-9a-f]{{{_ID_LENGTH},64}}", said):
        query = "select * from dim_document where starts_with(document_id, ?) order by path"
        documents = _records(connection, query, [said])
    if documents:
        return [_document_match(connection, document) for document in documents]
    squeezed = "".join(said.split())
    dated = _AGENCY_YEAR.fullmatch(squeezed)
    agency, year = (dated[1], int(dated[2])) if dated else (squeezed, None)
    query = """
        select dim_report.* from dim_report left join dim_agency using (agency_id)
        where ($name in (dim_report.agency_name, dim_agency.agency_name, dim_agency.full_name)
               or ($part and contains(coalesce(dim_agency.full_name, dim_report.agency_name), $name)))
          and ($year is null or report_year = $year)
        order by report_id
    """
    for part in (False, True):
        found = _records(connection, query, {"name": agency, "year": year, "part": part})
        if found:
            return [_report_match(record) for record in found]
    return []


def _report_match(record: Record) -> Match:
    return Match(str(record["report_id"]), f"{record['agency_name']} {record['report_year']}", "")


def _document_match(connection: Connection, document: Record) -> Match:
    found = _records(connection, "select * from dim_report where report_id = ?", [document["report_id"]])
    if found:
        return _report_match(found[0])
    about = f"{document['status']}: {document['message'] or 'no report'}"
    return Match(None, str(document["path"]), about)


def show(console: Console, connection: Connection, report_id: str, why: bool = False) -> None:
    """Print one report: its heading, the form's tables, the findings, and with ``why`` the reading log."""
    (report,) = _records(connection, "select * from dim_report where report_id = ?", [report_id])
    findings = _records(
        connection,
        """select * from check_result where report_id = ? and status = 'fail'
           order by case severity when 'error' then 1 when 'warn' then 2 else 3 end, check_code, scope""",
        [report_id],
    )
    _heading(console, connection, report)
    form = forms().get(str(report["form_version"])) or list(forms().values())[-1]
    for table in form.tables:
        state = report.get(f"{table.code}_table") or _state(connection, table, report_id)
        console.print()
        console.print(
            cell(table.title, "bold"), Text(f"[{state}]", style="" if state == "complete" else "yellow")
        )
        facts = _facts(connection, table, report_id)
        if facts:
            marks = _marks(form, table, findings)
            for block in table.blocks:
                console.print(_grid(table, block, facts, marks))
    _findings(console, findings)
    if why:
        _why(console, connection, report_id)


def _heading(console: Console, connection: Connection, report: Record) -> None:
    agency = f"{report['agency_name'] or 'agency unknown'} {report['report_year'] or 'year unknown'}"
    console.print(cell(agency, "bold"))
    if report["title"]:
        console.print(cell(report["title"]))
    console.print(cell(f"report {report['report_id']} · form {report['form_version'] or 'unknown'}", "dim"))
    query = "select path, status, message from dim_document where report_id = ? order by path"
    for document in _records(connection, query, [report["report_id"]]):
        note = f" · {document['message']}" if document["message"] else ""
        console.print(cell(f"file {document['path']} · {document['status']}{note}", "dim"))


def _state(connection: Connection, table: Table, report_id: str) -> object:
    """What was found of a table that dim_report has no column for, as its check says."""
    query = "select scope from check_result where report_id = ? and check_code = ?"
    found = _records(connection, query, [report_id, f"completeness.{table.code}"])
    return found[0]["scope"] if found else "unknown"


def _facts(connection: Connection, table: Table, report_id: str) -> dict[tuple[str, str], Record]:
    query = f"select * from {table.facts} where report_id = ?"
    rows = _records(connection, query, [report_id])
    # A list of indicators has one column, which its facts do not name.
    only = table.columns[0].code
    return {(str(r[table.row_dimension]), str(r.get(table.column_dimension, only))): r for r in rows}


def _marks(form: Form, table: Table, findings: Sequence[Record]) -> dict[tuple[str, str], str]:
    """The mark of each cell that a finding is about; errors win."""
    identities = {i.code: i for i in (*table.identities, *table.across_years)}
    marks: dict[tuple[str, str], str] = {}
    for finding in reversed(findings):
        code, scope = str(finding["check_code"]), str(finding["scope"])
        mark = "!" if finding["severity"] == "error" else "~"
        places: list[tuple[str, str]] = []
        if code in identities:
            places = list(_members(table, identities[code], scope))
        elif code == f"lost_cells.{table.code}":
            places = [(scope, column.code) for column in table.columns]
        for place in places:
            if marks.get(place) != "!":
                marks[place] = mark
    return marks


def _members(table: Table, identity: Identity, scope: str) -> Iterator[tuple[str, str]]:
    """The cells of this year's report that an identity is about, in one column or row."""
    left, right = terms(identity)
    for term in (*left, *right):
        if term.previous:
            continue
        if identity.for_each == "row":
            yield scope, term.code
        else:
            yield term.code, scope
            for part in table.row(term.code).parts:
                yield part, scope


def _grid(
    table: Table, block: Block, facts: Mapping[tuple[str, str], Record], marks: Mapping[tuple[str, str], str]
) -> Grid:
    columns = [node for node in _leaves(block.columns) if node.code]
    grid = Grid(title=block.title and printable(block.title), title_justify="left", show_lines=False)
    grid.add_column(Text(block.corner or ""), overflow="fold", max_width=44)
    for node in columns:
        grid.add_column(cell(node.label), justify="right", overflow="fold")
    for node, depth in _walk(block.rows):
        unit = f"（{node.unit}）" if table.layout == "indicators" and node.unit else ""
        label = cell("  " * depth + node.label + unit)
        figures = [facts.get((node.code or "", column.code or "")) for column in columns]
        drawn = [
            _figure(fact, marks.get((node.code or "", column.code or "")))
            for fact, column in zip(figures, columns, strict=True)
        ]
        grid.add_row(label, *drawn)
    return grid


def _walk(nodes: Sequence[Node], depth: int = 0) -> Iterator[tuple[Node, int]]:
    for node in nodes:
        yield node, depth
        yield from _walk(node.children, depth + 1)


def _leaves(nodes: Sequence[Node]) -> Iterator[Node]:
    for node, _ in _walk(nodes):
        if not node.children:
            yield node


def _figure(fact: Record | None, mark: str | None) -> Text:
    if fact is None:
        return Text("")
    status = fact["status"]
    if fact["value"] is None and fact["derived_value"] is not None:
        mark = mark or "+"
    elif status in ("lost", "illegible"):
        mark = mark or "?"
    elif status == "realigned":
        mark = mark or "~"
    figure = fact["best_value"]
    shown = str(fact["raw_text"]) if figure is None else f"{figure:,.10g}"
    style = _LEGEND[mark][0] if mark else ""
    drawn = cell(f"{shown}{mark or ''}" if shown or mark else "", style)
    if fact.get("corrected_value") is not None:
        drawn.append_text(cell(f" ⇒{fact['corrected_value']:,.10g}", "green"))
    return drawn


def _findings(console: Console, findings: Sequence[Record]) -> None:
    console.print()
    legend = Text("  ").join(
        Text.assemble((mark, style), f" {text}") for mark, (style, text) in _LEGEND.items()
    )
    console.print(legend)
    if not findings:
        console.print(Text("no check failed", style="green"))
        return
    grid = Grid(title="Findings", title_justify="left")
    for name in ("severity", "check", "scope", "message"):
        grid.add_column(name, overflow="fold")
    for finding in findings:
        style, decided = _SEVERITY[str(finding["severity"])], finding.get("settled")
        grid.add_row(
            cell(finding["severity"], style),
            cell(finding["check_code"]),
            cell(finding["scope"]),
            Text.assemble(cell(f"[{decided}] ", "green") if decided else "", cell(finding["message"])),
        )
    console.print(grid)


def _why(console: Console, connection: Connection, report_id: str) -> None:
    console.print()
    console.print(Text("Why it was read so", style="bold"))
    order = ["heading", *frames.FACTS]
    steps = _records(connection, "select * from reading_log where report_id = ?", [report_id])
    steps.sort(key=lambda s: (str(s["path"]), _place(order, str(s["table_name"])), int(str(s["position"]))))
    for step in steps:
        console.print(cell(f"{step['path']} · {step['table_name']} · {step['line']}"))


def _place(order: Sequence[str], name: str) -> int:
    return order.index(name) if name in order else len(order)


def _records(connection: Connection, query: str, parameters: object) -> list[Record]:
    cursor = connection.execute(query, parameters)
    names = [column[0] for column in cursor.description or ()]
    return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]
