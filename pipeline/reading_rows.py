"""One file as read, as rows: who it is and what it says, before it is known which report it belongs to.

Here: the frames that a reading is kept as. Not here: keeping them (reading_cache.py), which file a
report's facts come from (assembly.py), or what fits the tables (frames.py).
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, fields
from functools import cache

import polars as pl
from pydantic import TypeAdapter

from pipeline import frames
from pipeline.cells.report import Note, Report
from pipeline.form.model import forms
from pipeline.reading.document import FileFormat

Row = dict[str, object]
FACT_TABLES = (*frames.FACTS.values(), frames.INDICATORS)
LONG = (*FACT_TABLES, "fact_narrative", "fact_section", "reading_note", "reading_log")
"""The tables with many rows a file."""
_REPORT = TypeAdapter(Report)
# Known only once all files are.
_LATER = ("report_id", "corrected_value")
_FIGURES = ("value", "derived_value", "best_value", "confidence")
IDENTITY: Mapping[str, pl.DataType | type[pl.DataType]] = {
    "document_id": pl.String,
    "name": pl.String,
    "format": pl.String,
    "only_under": pl.String,
    "status": pl.String,
    "message": pl.String,
    "form_version": pl.String,
    "headed": pl.Boolean,
    "title": pl.String,
    "agency_name": pl.String,
    "report_year": pl.Int64,
    "scope": pl.String,
    "full_name": pl.String,
    "level": pl.String,
    "kind": pl.String,
    "division_code": pl.String,
    "parent_name": pl.String,
    "evidence": pl.List(pl.String),
    "notes": pl.List(pl.Struct({f.name: pl.String for f in fields(Note)})),
    "figures": pl.Int64,
    "states": pl.List(pl.Struct({"table": pl.String, "state": pl.String})),
}
"""One row for each file: what it is and whose report. ``headed`` is whether a heading was looked for,
``evidence`` and ``notes`` are the heading's; ``figures`` counts the figures in its tables; ``states``
are those of the tables of the form."""
HEADING = "heading"
"""The name under which the evidence for a heading stands in ``reading_log``."""


@dataclass(frozen=True, slots=True)
class Reading:
    """One file as read. ``only_under`` limits the result to runs with these limits (a time-out, say);
    ``seconds`` is what reading it took this time."""

    document_id: str
    name: str
    format: FileFormat
    payload: str
    only_under: str | None = None
    seconds: float = 0.0

    @property
    def report(self) -> Report:
        """The report that the payload holds."""
        return _REPORT.validate_json(self.payload)

    @property
    def status(self) -> str:
        """How reading it ended: the report's status, and nothing else of the payload."""
        return str(json.loads(self.payload)["status"])


def pack(report: Report) -> str:
    """A report as the JSON text that ``Reading.report`` reads back."""
    return _REPORT.dump_json(report).decode()


def schema_of(table: str) -> dict[str, pl.DataType | type[pl.DataType]]:
    """The columns of a long table's rows: its place, then the table's own with figures as floats."""
    types: dict[str, pl.DataType | type[pl.DataType]] = {"path": pl.String, "document_id": pl.String}
    for name, column in frames.columns(table).items():
        if name not in _LATER:
            types[name] = pl.Float64 if name in _FIGURES else column.dtype
    return types


def as_rows(readings: Iterable[Reading]) -> tuple[pl.DataFrame, dict[str, pl.DataFrame]]:
    """Readings as one frame of ``IDENTITY`` and one for each long table."""
    identities: list[Row] = []
    rows: dict[str, list[Row]] = defaultdict(list)
    for reading in readings:
        report = reading.report
        identities.append(_identity(reading, report))
        place: Row = {"path": reading.name, "document_id": reading.document_id}
        for table, row in _long(report):
            rows[table].append(place | row)
    long = {table: pl.DataFrame(rows[table], schema=schema_of(table), orient="row") for table in LONG}
    return pl.DataFrame(identities, schema=dict(IDENTITY), orient="row"), long


def _identity(reading: Reading, report: Report) -> Row:
    found = report.heading
    heading: Row = {}
    if found is not None:
        heading = {name: getattr(found, name) for name in IDENTITY if hasattr(found, name)}
        heading["notes"] = [asdict(note) for note in found.notes]
    return {
        "document_id": reading.document_id,
        "name": reading.name,
        "format": reading.format,
        "only_under": reading.only_under,
        "status": report.status,
        "message": report.message,
        "form_version": report.form_version,
        "headed": found is not None,
        **heading,
        "figures": sum(fact.value is not None for table in report.tables for fact in table.facts),
        "states": [{"table": table.table, "state": table.state} for table in report.tables],
    }


def _long(report: Report) -> Iterator[tuple[str, Row]]:
    yield from _cells(report)
    for position, section in enumerate(report.sections, 1):
        yield (
            "fact_section",
            {
                "position": position,
                "section": section.code,
                "title": section.title,
                "text": section.text,
                "locator": section.locator,
            },
        )
    for stated in report.statements:
        yield (
            "fact_narrative",
            {
                "measure": stated.measure,
                "value": stated.value,
                "qualifier": stated.qualifier,
                "excerpt": stated.excerpt,
                "locator": stated.locator,
            },
        )
    for note in report.notes:
        yield "reading_note", note_row(None, note)
    for table in report.tables:
        for note in table.notes:
            yield "reading_note", note_row(table.table, note)
        for position, line in enumerate(table.log, 1):
            yield "reading_log", log_row(table.table, position, line)


def note_row(table: str | None, note: Note) -> Row:
    """A row of ``reading_note`` without its place; ``table`` is None for a note on the whole file."""
    return {"table_name": table, **asdict(note)}


def log_row(table: str, position: int, line: str) -> Row:
    """A row of ``reading_log`` without its place."""
    return {"table_name": table, "position": position, "line": line}


def _cells(report: Report) -> Iterator[tuple[str, Row]]:
    for table in report.tables:
        name = frames.FACTS.get(table.table, frames.INDICATORS)
        for fact in table.facts:
            if name == frames.INDICATORS:
                codes: Row = {"indicator": fact.row, "unit": _units(table.table).get(fact.row)}
            else:
                codes = dict(zip(_dimensions(table.table), (fact.row, fact.column), strict=True))
            yield (
                name,
                {
                    **codes,
                    "value": fact.value,
                    "derived_value": fact.derived_value,
                    "best_value": fact.best_value,
                    "status": fact.status,
                    "raw_text": fact.raw_text,
                    "locator": fact.locator,
                    "confidence": fact.confidence,
                },
            )


_dimensions = cache(frames.dimensions)


@cache
def _units(table: str) -> dict[str, str | None]:
    return {
        line.code: line.unit
        for form in forms().values()
        for t in form.tables
        if t.code == table
        for line in t.rows
    }
