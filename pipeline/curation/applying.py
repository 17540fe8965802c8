"""What decisions do to the tables: corrected values beside the facts, findings settled, stale ones told.

Here: whether a decision still fits its file, and what it settles. Nothing here changes a figure.
Not here: reading decisions (decisions.py) or writing them (writing.py).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

import polars as pl

from pipeline.checks import beside
from pipeline.checks.identities import RESULT, TOLERANCE
from pipeline.curation.decisions import BREAKS, STALE
from pipeline.form.model import Table, forms, terms

Check = Callable[[Mapping[str, pl.DataFrame]], pl.DataFrame]
Row = Mapping[str, Any]


@cache
def fact_tables() -> dict[str, Table]:
    """Each table of facts with a table of the form that it holds."""
    return {table.facts: table for form in forms().values() for table in form.tables}


def cell_name(facts: str) -> pl.Expr:
    """``table.row.column`` of the rows of a table of facts."""
    table = fact_tables()[facts]
    if table.layout == "indicators":
        column: pl.Expr = pl.lit(table.columns[0].code)
    else:
        column = pl.col(table.column_dimension)
    return pl.concat_str(pl.lit(table.code), pl.col(table.row_dimension), column, separator=".")


def with_corrections(facts: str, rows: pl.DataFrame, decisions: pl.DataFrame) -> pl.DataFrame:
    """The rows of a table of facts with ``corrected_value``, where a decision fits file, cell and figure.

    Args:
        rows: as made of readings, with ``document_id``, the codes and ``value``.
        decisions: the table of that name.
    """
    wanted = decisions.filter(pl.col("fault").is_null(), pl.col("decision") == "corrected").select(
        "document_id", "cell", "printed_value", "corrected_value"
    )
    if wanted.is_empty() or rows.is_empty():
        return rows
    keys = ["document_id", "cell", "printed_value"]
    return (
        rows.with_columns(cell=cell_name(facts), printed_value=pl.col("value").cast(pl.Float64))
        .join(wanted, on=keys, how="left", nulls_equal=True, maintain_order="left")
        .drop("cell", "printed_value")
    )


@cache
def cells_of_finding(check_code: str, scope: str) -> frozenset[str]:
    """The cells of this year's report that a finding is about, by ``table.row.column``.

    Those of an identity, with a group's parts; the one that the scope names; else none.
    """
    found = {scope} if scope.count(".") == 2 else set()
    for form in forms().values():
        for table in form.tables:
            for identity in (*table.identities, *table.across_years):
                if identity.code != check_code:
                    continue
                for term in (term for side in terms(identity) for term in side if not term.previous):
                    if identity.for_each == "row":
                        found.add(f"{table.code}.{scope}.{term.code}")
                    else:
                        lines = (term.code, *table.row(term.code).parts)
                        found.update(f"{table.code}.{line}.{scope}" for line in lines)
    return frozenset(found)


def settled_findings(
    found: pl.DataFrame, tables: Mapping[str, pl.DataFrame], decisions: pl.DataFrame, check: Check
) -> pl.DataFrame:
    """The findings with ``settled``, and the findings about decisions themselves.

    A decision on a finding settles it while both sides are the same. A corrected cell settles what no
    longer fails with its value in place of the printed one; what fails only then is ``curation.breaks``.
    A confirmed cell settles the identities that it stands in and what is said of it alone, a dismissed
    one the latter only. A decision that no longer fits is ``curation.stale`` at its report; one whose
    file is not there at all waits for it.

    Args:
        found: rows of check_result.
        tables: what the checks look at, facts with ``corrected_value``.
        decisions: the table of that name.
        check: makes rows of check_result out of such tables.
    """
    sound = decisions.filter(pl.col("fault").is_null())
    corrected = _has_corrected(tables)
    if sound.is_empty() and not corrected:
        return found.with_columns(settled=pl.lit(None, pl.String))
    placed = _placed(sound, tables)
    told = [_stale(one) for one in placed if one.report_id and one.stale]
    live = [one for one in placed if not one.stale]
    numbered = found.with_row_index("number")
    reports = [one.report_id for one in live]
    failing: dict[str, list[Row]] = defaultdict(list)
    for row in numbered.filter(pl.col("status") == "fail", pl.col("report_id").is_in(reports)).iter_rows(
        named=True
    ):
        failing[row["report_id"]].append(row)
    settled: dict[int, str] = {}
    for one in live:
        if one.row["check_code"] is None:
            continue
        mine = [row for row in failing[one.report_id] if _same(row, one.row)]
        settled |= {row["number"]: one.row["decision"] for row in mine}
        if not mine:
            told.append(_stale(one.because("it is no longer found, or with other figures")))
    by_cells = dict(_by_cells(live, failing))
    if corrected:
        closed, broken = _if_corrected(numbered, tables, check)
        by_cells |= dict.fromkeys(closed, "corrected")
        told += broken
    settled = by_cells | settled
    schema = {"number": pl.UInt32, "settled": pl.String}
    marks = pl.DataFrame(list(settled.items()), schema=schema, orient="row")
    marked = numbered.with_columns(pl.col("number").cast(pl.UInt32)).join(
        marks, on="number", how="left", maintain_order="left"
    )
    notes = pl.DataFrame(told, schema=RESULT, orient="row").with_columns(settled=pl.lit(None, pl.String))
    return pl.concat([marked.drop("number"), notes])


# Whether a decision still fits.


@dataclass(frozen=True, slots=True)
class _Placed:
    """A decision at a report; ``stale`` says why it no longer applies there."""

    row: Row
    report_id: str
    stale: str = ""

    def because(self, why: str) -> _Placed:
        return _Placed(self.row, self.report_id, why)


def _placed(sound: pl.DataFrame, tables: Mapping[str, pl.DataFrame]) -> list[_Placed]:
    """Each decision at the reports that it is about, in the order of files and entries."""
    chosen: dict[str, list[str]] = defaultdict(list)
    for report, document in tables["dim_report"].select("report_id", "document_id").iter_rows():
        chosen[document].append(report)
    known = {report for reports in chosen.values() for report in reports}
    further: dict[str, str] = {}
    by_path: dict[str, str] = {}
    for path, document, report in (
        tables["dim_document"].select("path", "document_id", "report_id").drop_nulls("report_id").iter_rows()
    ):
        further.setdefault(document, report)
        by_path[path] = report
    figures = _figures(sound, tables)
    found = []
    for row in sound.iter_rows(named=True):
        document = row["document_id"]
        for report in chosen.get(document, []):
            found.append(_Placed(row, report, _changed(row, report, figures)))
        if document in chosen:
            continue
        if document in further:
            why = "the facts of the report now come from another file"
            found.append(_Placed(row, further[document], why))
            continue
        report = by_path.get(row["path"] or "") or row["report_id"]
        if report in known:
            found.append(_Placed(row, report, "the file is another one now, or has been changed"))
    return found


def _figures(sound: pl.DataFrame, tables: Mapping[str, pl.DataFrame]) -> dict[tuple[str, str], float | None]:
    """The figures of the files that cells are decided on, by report and cell."""
    documents = sound.filter(pl.col("cell").is_not_null())["document_id"].unique().to_list()
    found: dict[tuple[str, str], float | None] = {}
    for facts in fact_tables():
        rows = tables[facts].filter(pl.col("document_id").is_in(documents))
        for report, cell, value in rows.select(
            "report_id", cell_name(facts).alias("cell"), pl.col("value").cast(pl.Float64)
        ).iter_rows():
            found[report, cell] = value
    return found


def _changed(row: Row, report: str, figures: Mapping[tuple[str, str], float | None]) -> str:
    if row["cell"] is None:
        return ""
    if (report, row["cell"]) not in figures:
        return "the cell is no longer read"
    value = figures[report, row["cell"]]
    if value == row["printed_value"]:
        return ""
    return f"the cell now has {_said(value)}, not {_said(row['printed_value'])}"


def _said(figure: float | None) -> str:
    return "no figure" if figure is None else f"{figure:.15g}"


def target(row: Row) -> str:
    """The cell or finding that a row of ``decisions`` is about, as people name it."""
    return row["cell"] or f"{row['check_code']}/{row['scope']}"


def _stale(one: _Placed) -> tuple[object, ...]:
    message = (
        f"{target(one.row)} was settled as {one.row['decision']} on {one.row['decided_on']}"
        f" ({one.row['file']}, entry {one.row['entry']}), but {one.stale}: the decision does not apply"
    )
    return one.report_id, STALE, target(one.row), "fail", "warn", None, None, None, message


# What it settles.


def _same(finding: Row, decision: Row) -> bool:
    if (finding["check_code"], finding["scope"]) != (decision["check_code"], decision["scope"]):
        return False
    return all(same_figure(finding[side], decision[side]) for side in ("left_value", "right_value"))


def same_figure(one: float | None, other: float | None) -> bool:
    """Whether two figures are one, up to floating point."""
    if one is None or other is None:
        return one is other
    return abs(one - other) <= TOLERANCE


def _by_cells(live: Sequence[_Placed], failing: Mapping[str, Sequence[Row]]) -> Iterator[tuple[int, str]]:
    """What confirmed and dismissed cells settle; where both would, the confirmed one does."""
    for verdict in ("dismissed", "confirmed"):
        for one in live:
            cell = one.row["cell"]
            if cell is None or one.row["decision"] != verdict:
                continue
            for row in failing.get(one.report_id, ()):
                whole = cells_of_finding(row["check_code"], row["scope"])
                if cell == row["scope"] or (verdict == "confirmed" and cell in whole):
                    yield row["number"], verdict


def _if_corrected(
    numbered: pl.DataFrame, tables: Mapping[str, pl.DataFrame], check: Check
) -> tuple[list[int], list[tuple[object, ...]]]:
    """The findings that corrected values close, and findings about those that they open."""
    key = ["report_id", "check_code", "scope"]
    before = numbered.filter(pl.col("status") == "fail")
    facts = _fact_names()
    after = check({name: _corrected(rows) if name in facts else rows for name, rows in tables.items()})
    after = after.filter(pl.col("status") == "fail")
    closed = before.join(after, on=key, how="anti")["number"].to_list()
    opened = after.join(before, on=key, how="anti").filter(pl.col("severity") != "info")
    told: list[tuple[object, ...]] = []
    for row in opened.iter_rows(named=True):
        message = f"with the corrected values: {row['message'] or row['check_code']}"
        sides = (row["left_value"], row["right_value"], row["difference"])
        scope = f"{row['check_code']}/{row['scope']}"
        told.append((row["report_id"], BREAKS, scope, "fail", "warn", *sides, message))
    return closed, told


@cache
def _fact_names() -> frozenset[str]:
    return frozenset(name for table in fact_tables() for name in (table, beside(table)))


def _has_corrected(tables: Mapping[str, pl.DataFrame]) -> bool:
    """Whether a cell is corrected: of these reports, or of those that their sums are compared with."""
    return any(
        "corrected_value" in rows.columns and rows["corrected_value"].null_count() < rows.height
        for name, rows in tables.items()
        if name in _fact_names()
    )


def _corrected(facts: pl.DataFrame) -> pl.DataFrame:
    """The facts as if the corrected values were printed."""
    if "corrected_value" not in facts.columns:
        return facts
    known = pl.col("corrected_value").is_not_null()
    value = pl.when(known).then("corrected_value")
    return facts.with_columns(
        value=value.otherwise("value"),
        derived_value=pl.when(~known).then("derived_value"),
        best_value=value.otherwise("best_value"),
        status=pl.when(known).then(pl.lit("reported")).otherwise("status"),
    )
