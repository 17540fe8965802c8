"""From what was read of each file to the rows of every table.

Here: which agency and report a file belongs to, which file a report's facts come from, and the rows.
Not here: types and rules of the tables (frames.py), or what the figures mean (checks/).
"""

from __future__ import annotations

import hashlib
import json
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

import polars as pl

from pipeline import frames
from pipeline.agencies import is_bare
from pipeline.cells.hinted import Hints, hinted
from pipeline.cells.report import DocumentStatus, Heading, Note, Report
from pipeline.collection import RawFile
from pipeline.form.model import forms
from pipeline.manifest import Provenance
from pipeline.reading.document import FileFormat
from pipeline.reading_cache import Reading

# Of two files with as many figures, the one whose kind carries a table's structure better.
_BETTER = ("docx", "html", "pdf", "doc", "md", "txt", "image", "other")
# A file with one of these states is a report, even where no agency or year was found.
_REPORTS: tuple[DocumentStatus, ...] = ("parsed", "partial", "no_tables")
_STATES = tuple(f"{table}_table" for table in frames.FACTS)

Row = dict[str, object]
Rows = dict[str, list[Row]]


@dataclass(frozen=True, slots=True)
class _Identified:
    """A file with its report's identity, without the figures."""

    file: RawFile
    format: FileFormat
    status: DocumentStatus
    message: str
    form_version: str | None = None
    heading: Heading | None = None
    states: dict[str, str] = field(default_factory=dict)
    agency_id: str | None = None
    report_id: str | None = None
    figures: int = 0
    origin: Provenance | None = None

    @property
    def worth(self) -> tuple[int, int, str]:
        """Sorts the better file of a report first."""
        return -self.figures, _BETTER.index(self.format), self.file.path


def agency_id(heading: Heading, source: str = "") -> str | None:
    """A stable name for an agency: of its full name and division; None where no name was found.

    A name that leaves its region open (区教育局) is one body within a source, never across sources.
    """
    name = heading.full_name or heading.agency_name
    if not name:
        return None
    canonical = "".join(name.split()) + "|" + (heading.division_code or "")
    if heading.division_code is None and is_bare(name):
        canonical += "|" + source
    return hashlib.sha256(canonical.encode()).hexdigest()[:12]


def report_id(heading: Heading | None, document_id: str, source: str = "") -> str:
    """``agency-year``; the beginning of the document's id stands for what is unknown."""
    unknown = document_id[:12]
    agency = agency_id(heading, source) if heading else None
    year = heading.report_year if heading else None
    if agency is None and year is None:
        return unknown
    return f"{agency or unknown}-{year or unknown}"


def assemble(
    files: Sequence[RawFile],
    batches: Iterable[Sequence[Reading]],
    origins: Mapping[str, Provenance] | None = None,
) -> dict[str, pl.DataFrame]:
    """Rows of every table that reading fills, untyped: pass each frame to ``frames.typed``.

    Args:
        files: all files of the raw folder with their ``document_id``.
        batches: the readings of those that were read, in any order.
        origins: by path, where fetched files come from; an older version of an address gives no rows
            but its own in ``dim_document``.
    Returns:
        Frames by table name. Facts are those of each report's chosen file; cells of its further
        files are in ``other_fact``.
    """
    by_path = {file.path: file for file in files}
    known = origins or {}
    found = [_refused(file, known.get(file.path)) for file in files if file.refused]
    parts: dict[str, list[pl.DataFrame]] = defaultdict(list)
    for batch in batches:
        rows: Rows = defaultdict(list)
        for reading in sorted(batch, key=lambda r: r.name):
            file = by_path[reading.name]
            one = _read(file, reading, rows, known.get(file.path))
            found.append(one)
        for table, some in rows.items():
            parts[table].append(_frame(table, some))
    long = {table: pl.concat(some) for table, some in parts.items()}
    found.sort(key=lambda one: one.file.path)
    chosen = _choose(found)
    return {**_dimensions(found, chosen), **_long(long, found, chosen)}


def _refused(file: RawFile, origin: Provenance | None) -> _Identified:
    assert file.refused is not None
    return _Identified(file, "other", file.refused, file.message, origin=origin)


def _read(file: RawFile, reading: Reading, rows: Rows, origin: Provenance | None) -> _Identified:
    """Adds the long rows of one file, keyed by its path; gives what it is."""
    assert file.document_id is not None
    report = reading.report
    if origin is not None and origin.superseded:
        return _Identified(file, reading.format, report.status, report.message, origin=origin)
    if origin is not None:
        report = _with_origin(report, origin)
    heading = report.heading
    is_report = report.status in _REPORTS or (report.status == "scanned" and heading is not None)
    place: Row = {"path": file.path, "document_id": file.document_id}
    for table, row in _cells(report):
        rows[table].append({**place, **row})
    for position, section in enumerate(report.sections, 1):
        text: Row = {
            "position": position,
            "section": section.code,
            "title": section.title,
            "text": section.text,
        }
        rows["fact_section"].append({**place, **text, "locator": section.locator})
    for stated in report.statements:
        said: Row = {"measure": stated.measure, "value": stated.value, "qualifier": stated.qualifier}
        rows["fact_narrative"].append({**place, **said, "excerpt": stated.excerpt, "locator": stated.locator})
    for name, note in _notes(report):
        rows["reading_note"].append({**place, **_note(name, note)})
    for name, position, line in _log(report):
        rows["reading_log"].append({**place, "table_name": name, "position": position, "line": line})
    return _Identified(
        file=file,
        format=reading.format,
        status=report.status,
        message=report.message,
        form_version=report.form_version,
        heading=heading,
        states={table.table: table.state for table in report.tables},
        agency_id=agency_id(heading, file.source) if heading and is_report else None,
        report_id=report_id(heading, file.document_id, file.source) if is_report else None,
        figures=sum(fact.value is not None for table in report.tables for fact in table.facts),
        origin=origin,
    )


def _with_origin(report: Report, origin: Provenance) -> Report:
    """What the site said of a fetched file, where the report itself is silent; how safely it came.

    Applied to what was read, not while reading: the site's words may change, the reading holds.
    """
    report = hinted(report, Hints(origin.title, origin.agency, origin.published or "", origin.url))
    if not origin.unchecked:
        return report
    message = f"fetched from {origin.url} without a check of the site's certificate"
    note = Note("plausibility.certificate", "document", "warn", message)
    return replace(report, notes=(*report.notes, note))


def _cells(report: Report) -> Iterator[tuple[str, Row]]:
    for table in report.tables:
        name = frames.FACTS.get(table.table, frames.INDICATORS)
        units = _units(table.table) if name == frames.INDICATORS else {}
        for fact in table.facts:
            if name == frames.INDICATORS:
                codes: Row = {"indicator": fact.row, "unit": units.get(fact.row)}
            else:
                codes = dict(zip(frames.dimensions(table.table), (fact.row, fact.column), strict=True))
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


def _units(table: str) -> dict[str, str | None]:
    return {
        line.code: line.unit
        for form in forms().values()
        for t in form.tables
        if t.code == table
        for line in t.rows
    }


def _notes(report: Report) -> Iterator[tuple[str | None, Note]]:
    for note in (*report.notes, *(report.heading.notes if report.heading else ())):
        yield None, note
    for table in report.tables:
        for note in table.notes:
            yield table.table, note


def _note(table: str | None, note: Note) -> Row:
    return {
        "table_name": table,
        "check_code": note.check_code,
        "scope": note.scope,
        "status": note.status,
        "severity": note.severity,
        "message": note.message,
    }


def _log(report: Report) -> Iterator[tuple[str, int, str]]:
    for position, line in enumerate(report.heading.evidence if report.heading else (), 1):
        yield "heading", position, line
    for table in report.tables:
        for position, line in enumerate(table.log, 1):
            yield table.table, position, line


_FIGURES = ("value", "derived_value", "best_value", "confidence")


def _frame(table: str, rows: list[Row]) -> pl.DataFrame:
    """Rows as read: figures as floats, to be typed later; everything else as the table has it."""
    types: dict[str, pl.DataType | type[pl.DataType]] = {"path": pl.String, "document_id": pl.String}
    for name, column in frames.columns(table).items():
        types[name] = pl.Float64 if name in _FIGURES else column.dtype
    return pl.DataFrame(rows, schema={name: types[name] for name in types if name in rows[0]}, orient="row")


def _choose(found: Sequence[_Identified]) -> dict[str, _Identified]:
    """For each report the file that its facts come from."""
    copies: dict[str, list[_Identified]] = defaultdict(list)
    for one in found:
        if one.report_id is not None:
            copies[one.report_id].append(one)
    return {report: min(files, key=lambda one: one.worth) for report, files in copies.items()}


def _dimensions(found: Sequence[_Identified], chosen: dict[str, _Identified]) -> dict[str, pl.DataFrame]:
    documents = [_document(one, chosen, found) for one in found]
    reports = [_report(one) for one in chosen.values()]
    return {
        "dim_document": _rows("dim_document", documents),
        "dim_report": _rows("dim_report", reports),
        "dim_agency": _rows("dim_agency", _agencies(chosen.values())),
    }


def _rows(table: str, rows: Sequence[Row]) -> pl.DataFrame:
    schema = {name: column.dtype for name, column in frames.columns(table).items()}
    return pl.DataFrame(rows, schema=schema, orient="row")


def _document(one: _Identified, chosen: dict[str, _Identified], found: Sequence[_Identified]) -> Row:
    file, said = one.file, [one.message] if one.message else []
    best = chosen.get(one.report_id) if one.report_id else None
    if best is not None and best is not one:
        same = best.file.document_id == file.document_id
        said.append(
            f"{'the same bytes as' if same else 'the facts of this report come from'} {best.file.path}"
        )
    origin = one.origin
    if origin is not None and origin.superseded:
        said.append(f"an older version of {origin.url}; its figures are not used")
    return {
        "document_id": file.document_id,
        "path": file.path,
        "source": file.source,
        "url": (origin.url or None) if origin else None,
        "format": one.format,
        "bytes": file.bytes,
        "status": one.status,
        "message": "; ".join(said) or None,
        "report_id": one.report_id,
        "fetched_at": origin.fetched_at if origin else None,
        "published": origin.published if origin else None,
        "version": origin.version if origin else None,
        "superseded_by": origin.superseded_by if origin else None,
    }


def _report(one: _Identified) -> Row:
    heading = one.heading or Heading(None, None, None, "unknown")
    return {
        "report_id": one.report_id,
        "agency_id": one.agency_id,
        "agency_name": "".join((heading.agency_name or "").split()) or None,
        "report_year": heading.report_year,
        "title": heading.title,
        "form_version": one.form_version,
        "scope": heading.scope,
        "document_id": one.file.document_id,
        **{column: one.states.get(column.removesuffix("_table"), "missing") for column in _STATES},
    }


def _agencies(reports: Iterable[_Identified]) -> list[Row]:
    """One row for each agency, described as its newest report does."""
    newest: dict[str, _Identified] = {}
    for one in sorted(reports, key=lambda o: (-((o.heading and o.heading.report_year) or 0), o.file.path)):
        if one.agency_id is not None:
            newest.setdefault(one.agency_id, one)
    named: dict[str, set[str]] = defaultdict(set)
    for agency, one in newest.items():
        assert one.heading is not None
        for name in (one.heading.full_name, one.heading.agency_name):
            if name:
                named[name].add(agency)
    rows: list[Row] = []
    for agency, one in newest.items():
        heading = one.heading
        assert heading is not None
        above = named.get(heading.parent_name or "", set()) - {agency}
        rows.append(
            {
                "agency_id": agency,
                "agency_name": "".join((heading.agency_name or "").split()),
                "full_name": heading.full_name,
                "level": heading.level,
                "kind": heading.kind,
                "division_code": heading.division_code,
                # Two bodies of one name: which is meant is not known, so no link.
                "parent_agency_id": above.pop() if len(above) == 1 else None,
            }
        )
    return rows


def _long(
    long: dict[str, pl.DataFrame], found: Sequence[_Identified], chosen: dict[str, _Identified]
) -> dict[str, pl.DataFrame]:
    """The long tables with their report: facts and text of the chosen files, the rest beside them."""
    source = {one.file.path for one in chosen.values()}
    files = pl.DataFrame(
        [(one.file.path, one.report_id, one.file.path in source) for one in found],
        schema={"path": pl.String, "report_id": pl.String, "is_source": pl.Boolean},
        orient="row",
    )
    known = {table: rows.join(files, on="path", how="left") for table, rows in long.items()}
    result: dict[str, pl.DataFrame] = {}
    for table in (*frames.FACTS.values(), frames.INDICATORS, "fact_narrative", "fact_section"):
        result[table] = known[table].filter("is_source") if table in known else frames.empty(table)
    # A note on a file without a report stands; one on a further file would repeat the chosen file's.
    notes = known.get("reading_note")
    wanted = pl.col("is_source") | pl.col("report_id").is_null()
    result["reading_note"] = notes.filter(wanted) if notes is not None else frames.empty("reading_note")
    result["reading_log"] = known.get("reading_log", frames.empty("reading_log"))
    others = [
        rows.filter(~pl.col("is_source"), pl.col("report_id").is_not_null()).with_columns(_generic(table))
        for table in frames.FACTS
        if (rows := known.get(frames.FACTS[table])) is not None
    ]
    columns = list(frames.columns("other_fact"))
    result["other_fact"] = (
        pl.concat([rows.select(columns) for rows in others]) if others else frames.empty("other_fact")
    )
    return result


def _generic(table: str) -> list[pl.Expr]:
    row, column = frames.dimensions(table)
    return [
        pl.lit(table, pl.String).alias("table_name"),
        pl.col(row).alias("row_code"),
        pl.col(column).alias("column_code"),
    ]


def notes_of_rejected(rejected: pl.DataFrame, documents: pl.DataFrame) -> pl.DataFrame:
    """A note for each cell that did not fit its table, so that a missing figure is a finding.

    Args:
        rejected: rows of ``rejected_row``.
        documents: ``dim_document``.
    """
    tables = {fact: table for table, fact in frames.FACTS.items()}
    paths = dict(documents.select("document_id", "path").reverse().iter_rows())
    notes: list[Row] = []
    for name, reason, row in rejected.iter_rows():
        if name not in tables:
            continue
        cell = json.loads(row)
        codes = [str(cell[dimension]) for dimension in frames.dimensions(tables[name])]
        notes.append(
            {
                "report_id": cell["report_id"],
                "document_id": cell["document_id"],
                "path": paths.get(cell["document_id"], ""),
                "table_name": tables[name],
                "check_code": f"lost_cells.{tables[name]}",
                "scope": codes[0],
                "status": "fail",
                "severity": "warn",
                "message": f"{'.'.join(codes)}: {cell['raw_text']!r} does not fit the table ({reason})",
            }
        )
    return _rows("reading_note", notes)


def labels() -> dict[str, pl.DataFrame]:
    """The label tables: each code of the facts with what the form prints."""
    result: dict[str, pl.DataFrame] = {}
    for table in frames.FACTS:
        for side, dimension in zip(("rows", "columns"), frames.dimensions(table), strict=True):
            lines: dict[str, Row] = {}
            versions: dict[str, list[str]] = defaultdict(list)
            for form in reversed(forms().values()):
                for known in (t for t in form.tables if t.code == table):
                    for line in getattr(known, side):
                        versions[line.code].insert(0, form.form)
                        row: Row = {"code": line.code, "label": line.label, "path": " › ".join(line.path)}
                        lines.setdefault(line.code, {**row, "position": len(lines) + 1})
            rows = [{**row, "form_versions": ", ".join(versions[code])} for code, row in lines.items()]
            result[f"dim_{dimension}"] = _rows(f"dim_{dimension}", rows)
    return result
