"""Tables of a build for the tests of checks: a report is an agency, a year and some cells."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import polars as pl

from pipeline import frames
from pipeline.form.model import forms

Cells = Mapping[str, float | None]
"""``table.row.column`` to the figure; None is a cell that is printed without one."""


@dataclass(frozen=True)
class One:
    """One report. ``stated``: (measure, value[, qualifier[, excerpt]]) of its text."""

    agency: str = "示例市教育局"
    year: int | None = 2023
    cells: Cells = field(default_factory=dict)
    stated: Sequence[tuple] = ()
    kind: str | None = "department"
    level: str | None = "county"
    scope: str = "own"
    parent: str | None = None
    form: str = "2021"
    states: Mapping[str, str] = field(default_factory=dict)
    zero: bool = False
    """Whether every cell of the form that is not given is 0."""
    further: Mapping[str, Cells] = field(default_factory=dict)
    """Further files of the report by path."""

    @property
    def report_id(self) -> str:
        return f"{self.agency}-{self.year}"

    def figures(self) -> dict[str, float | None]:
        found: dict[str, float | None] = {}
        if self.zero:
            for table in forms()[self.form].tables:
                found |= {f"{table.code}.{c.row}.{c.column}": 0 for c in table.cells}
        return found | dict(self.cells)


def tables(*reports: One) -> dict[str, pl.DataFrame]:
    """The frames that the checks take; every table is there."""
    rows: dict[str, list[dict]] = {name: [] for name in frames.SCHEMAS}
    agencies: dict[str, dict] = {}
    for one in reports:
        document = f"document of {one.report_id}"
        rows["dim_report"].append(
            {
                "report_id": one.report_id,
                "agency_id": one.agency,
                "agency_name": one.agency,
                "report_year": one.year,
                "form_version": one.form,
                "scope": one.scope,
                "document_id": document,
                **{f"{t}_table": one.states.get(t, "complete") for t in frames.FACTS},
            }
        )
        agencies[one.agency] = {
            "agency_id": one.agency,
            "agency_name": one.agency,
            "kind": one.kind,
            "level": one.level,
            "parent_agency_id": one.parent,
        }
        for path, document_id in [
            (f"{one.report_id}.pdf", document),
            *((path, f"document at {path}") for path in one.further),
        ]:
            rows["dim_document"].append(
                {"path": path, "document_id": document_id, "report_id": one.report_id, "status": "parsed"}
            )
        for name, value in one.figures().items():
            table, row, column = name.split(".")
            rows[frames.FACTS[table]].append(
                {
                    **dict(zip(frames.dimensions(table), (row, column), strict=True)),
                    "report_id": one.report_id,
                    "value": value,
                    "best_value": value,
                    "status": "blank" if value is None else "reported",
                }
            )
        for path, cells in one.further.items():
            for name, value in cells.items():
                table, row, column = name.split(".")
                cell = {"table_name": table, "row_code": row, "column_code": column, "value": value}
                rows["other_fact"].append(
                    {**cell, "report_id": one.report_id, "path": path, "document_id": f"document at {path}"}
                )
        for measure, value, *more in one.stated:
            qualifier = more[0] if more else "exact"
            excerpt = more[1] if len(more) > 1 else f"{value:g}件"
            said = {"measure": measure, "value": value, "qualifier": qualifier, "excerpt": excerpt}
            rows["fact_narrative"].append({**said, "report_id": one.report_id})
    rows["dim_agency"] = list(agencies.values())
    return {
        name: pl.DataFrame(some, schema={c: k.dtype for c, k in frames.columns(name).items()}, orient="row")
        for name, some in rows.items()
    }


Family = Callable[[Mapping[str, pl.DataFrame]], pl.DataFrame]


def found(family: Family, *reports: One, of: One | None = None, code: str = "") -> list[dict]:
    """What a family finds of these reports, of one of them or by one code."""
    rows = family(tables(*reports))
    if of is not None:
        rows = rows.filter(pl.col("report_id") == of.report_id)
    if code:
        rows = rows.filter(pl.col("check_code") == code)
    return rows.sort("check_code", "scope").to_dicts()


def row(table: str, code: str, **columns: float | None) -> dict[str, float | None]:
    """Some cells of one row."""
    return {f"{table}.{code}.{column}": value for column, value in columns.items()}
