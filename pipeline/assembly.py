"""From what was read of each file to the rows of every table.

Here: which agency and report a file belongs to, which file a report's facts come from, and the rows
of the dimensions. Not here: the rows of one file (reading_rows.py), types and rules of the tables
(frames.py), or what the figures mean (checks/).
"""

from __future__ import annotations

import hashlib
import json
import sys
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from functools import cache
from itertools import islice
from typing import Any

import polars as pl

from pipeline import frames
from pipeline.agencies import is_bare
from pipeline.cells.hinted import Hints, hinted
from pipeline.cells.report import DocumentStatus, Heading, Note, Report
from pipeline.collection import RawFile
from pipeline.form.english import english
from pipeline.form.model import forms
from pipeline.manifest import Provenance
from pipeline.reading.document import FileFormat
from pipeline.reading_rows import (
    HEADING,
    IDENTITY,
    LONG,
    Reading,
    Row,
    as_rows,
    log_row,
    note_row,
    schema_of,
)

# Of two files with as many figures, the one whose kind carries a table's structure better.
_BETTER = ("docx", "html", "pdf", "doc", "md", "txt", "image", "other")
# A file with one of these states is a report, even where no agency or year was found.
_REPORTS: tuple[DocumentStatus, ...] = ("parsed", "partial", "no_tables")
_HEADING = tuple(
    f.name for f in fields(Heading) if f.name in IDENTITY and f.name not in ("evidence", "notes")
)
# Files whose rows lie in memory as objects at one time.
_AT_ONCE = 5000
_STATES = tuple(f"{table}_table" for table in frames.FACTS)


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
    notes: tuple[Note, ...] = ()
    origin: Provenance | None = None

    @property
    def superseded(self) -> bool:
        """Whether its address gives another file now."""
        return self.origin is not None and self.origin.superseded

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


@dataclass(frozen=True, slots=True)
class Identified:
    """All files with the report that each belongs to."""

    dimensions: Mapping[str, pl.DataFrame]
    """``dim_document``, ``dim_report`` and ``dim_agency``, untyped."""
    files: pl.DataFrame
    """path, report_id, is_source: files whose rows count. ``is_source`` where the facts of the report
    come from the file; ``report_id`` is NULL where it is no report."""
    said: Mapping[str, pl.DataFrame]
    """Of ``reading_note`` and ``reading_log``, the rows about whose reports the files are, unplaced."""


def identify(
    files: Iterable[RawFile],
    readings: Iterable[pl.DataFrame],
    origins: Mapping[str, Provenance] | None = None,
) -> Identified:
    """Which report each file belongs to.

    Args:
        files: all files of the raw folder with their ``document_id``.
        readings: ``reading_rows.IDENTITY`` of those that were read, in any pieces.
        origins: by path, where fetched files come from; an older version of an address gives no rows
            but its own in ``dim_document``.
    """
    by_path = {file.path: file for file in files}
    known = origins or {}
    found = [_refused(file, known.get(file.path)) for file in by_path.values() if file.refused]
    said: list[dict[str, pl.DataFrame]] = []
    for piece in readings:
        for rows in piece.iter_slices(_AT_ONCE):
            some = [
                _identified(by_path[row["name"]], row, known.get(row["name"]))
                for row in rows.iter_rows(named=True)
            ]
            # What was said of a heading is most of it, and wanted no more once it stands in rows.
            said.append(_said(some))
            found += map(_brief, some)
    found.sort(key=lambda one: one.file.path)
    chosen = _choose(found)
    source = {one.file.path for one in chosen.values()}
    placed = pl.DataFrame(
        ((one.file.path, one.report_id, one.file.path in source) for one in found if not one.superseded),
        schema={"path": pl.String, "report_id": pl.String, "is_source": pl.Boolean},
        orient="row",
    )
    return Identified(_dimensions(found, chosen), placed, _together(said))


def placed(table: str, rows: pl.DataFrame, files: pl.DataFrame) -> pl.DataFrame:
    """Rows of a long table with their report, untyped: facts and text of the chosen files only.

    Args:
        rows: as ``reading_rows`` makes them.
        files: ``Identified.files``.
    """
    known = rows.join(files, on="path", maintain_order="left")
    if table == "reading_note":
        # A note on a file without a report stands; one on a further file would repeat the chosen file's.
        return known.filter(pl.col("is_source") | pl.col("report_id").is_null())
    return known if table == "reading_log" else known.filter("is_source")


def further(table: str, rows: pl.DataFrame, files: pl.DataFrame) -> pl.DataFrame:
    """Rows of ``other_fact``: cells of one table of the form in files that are not the chosen ones.

    Args:
        table: the form's table.
        rows, files: as for ``placed``, rows those of the table's facts.
    """
    known = rows.join(files, on="path", maintain_order="left")
    others = known.filter(~pl.col("is_source"), pl.col("report_id").is_not_null())
    row, column = frames.dimensions(table)
    return others.with_columns(
        table_name=pl.lit(table, pl.String), row_code=pl.col(row), column_code=pl.col(column)
    ).select(frames.columns("other_fact").keys())


def assemble(
    files: Sequence[RawFile],
    readings: Iterable[Reading],
    origins: Mapping[str, Provenance] | None = None,
) -> dict[str, pl.DataFrame]:
    """Rows of every table that reading fills, of few files at once: pass each to ``frames.typed``.

    Args:
        files, origins: as for ``identify``.
        readings: of those that were read.
    """
    identities, long = as_rows(readings)
    found = identify(files, [identities], origins)
    others = [further(table, long[facts], found.files) for table, facts in frames.FACTS.items()]
    whole = {
        table: pl.concat([long[table], found.said[table]]) if table in found.said else long[table]
        for table in LONG
    }
    return {
        **found.dimensions,
        **{table: placed(table, rows, found.files) for table, rows in whole.items()},
        "other_fact": pl.concat(others),
    }


def _refused(file: RawFile, origin: Provenance | None) -> _Identified:
    assert file.refused is not None
    return _Identified(file, "other", file.refused, file.message, origin=origin)


def _identified(file: RawFile, row: Mapping[str, Any], origin: Provenance | None) -> _Identified:
    """What a file is, by its row of ``IDENTITY``."""
    assert file.document_id is not None
    kind, status = row["format"], row["status"]
    if origin is not None and origin.superseded:
        return _Identified(file, kind, status, row["message"], origin=origin)
    report = Report(status, row["message"], heading=_heading(row) if row["headed"] else None)
    if origin is not None:
        report = _with_origin(report, origin)
    heading = report.heading
    is_report = status in _REPORTS or (status == "scanned" and heading is not None)
    return _Identified(
        file=file,
        format=kind,
        status=status,
        message=row["message"],
        form_version=row["form_version"],
        heading=heading,
        states={sys.intern(one["table"]): sys.intern(one["state"]) for one in row["states"]},
        agency_id=agency_id(heading, file.source) if heading and is_report else None,
        report_id=report_id(heading, file.document_id, file.source) if is_report else None,
        figures=row["figures"],
        notes=report.notes,
        origin=origin,
    )


def _heading(row: Mapping[str, Any]) -> Heading:
    notes = tuple(Note(**note) for note in row["notes"])
    told: dict[str, Any] = {name: _shared(row[name]) for name in _HEADING}
    return Heading(**told, evidence=tuple(row["evidence"]), notes=notes)


def _shared(value: Any) -> Any:
    """The same text once in memory: an agency is named alike in all its years."""
    return sys.intern(value) if isinstance(value, str) else value


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


def _said(found: Iterable[_Identified]) -> dict[str, pl.DataFrame]:
    """What was found out about headings: notes and evidence, as ``reading_rows`` makes rows."""
    rows: dict[str, list[Row]] = {"reading_note": [], "reading_log": []}
    for one in found:
        if one.superseded:
            continue
        place: Row = {"path": one.file.path, "document_id": one.file.document_id}
        heading = one.heading
        notes = (*one.notes, *(heading.notes if heading else ()))
        rows["reading_note"] += [place | note_row(None, note) for note in notes]
        lines = enumerate(heading.evidence if heading else (), 1)
        rows["reading_log"] += [place | log_row(HEADING, position, line) for position, line in lines]
    return {table: pl.DataFrame(some, schema=schema_of(table), orient="row") for table, some in rows.items()}


def _together(said: Sequence[dict[str, pl.DataFrame]]) -> dict[str, pl.DataFrame]:
    empty = _said(())
    whole = {table: pl.concat([rows, *(some[table] for some in said)]) for table, rows in empty.items()}
    return {table: rows.sort("path", maintain_order=True) for table, rows in whole.items()}


def _brief(one: _Identified) -> _Identified:
    """The same without what was said of it."""
    heading = replace(one.heading, evidence=(), notes=()) if one.heading else None
    return replace(one, heading=heading, notes=())


def _choose(found: Sequence[_Identified]) -> dict[str, _Identified]:
    """For each report the file that its facts come from."""
    copies: dict[str, list[_Identified]] = defaultdict(list)
    for one in found:
        if one.report_id is not None:
            copies[one.report_id].append(one)
    return {report: min(files, key=lambda one: one.worth) for report, files in copies.items()}


def _dimensions(found: Sequence[_Identified], chosen: dict[str, _Identified]) -> dict[str, pl.DataFrame]:
    documents = (_document(one, chosen) for one in found)
    reports = (_report(one) for one in chosen.values())
    return {
        "dim_document": _rows("dim_document", documents),
        "dim_report": _rows("dim_report", reports),
        "dim_agency": _rows("dim_agency", _agencies(chosen.values())),
    }


def _rows(table: str, rows: Iterable[Row]) -> pl.DataFrame:
    schema = {name: column.dtype for name, column in frames.columns(table).items()}
    left, pieces = iter(rows), [pl.DataFrame(schema=schema)]
    while some := list(islice(left, _AT_ONCE)):
        pieces.append(pl.DataFrame(some, schema=schema, orient="row"))
    return pl.concat(pieces)


def _document(one: _Identified, chosen: dict[str, _Identified]) -> Row:
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


def notes_of_rejected(rejected: pl.DataFrame, documents: pl.DataFrame) -> pl.DataFrame:
    """A note for each cell that did not fit its table, so that a missing figure is a finding.

    Args:
        rejected: rows of ``rejected_row``.
        documents: ``dim_document``.
    """
    places = {
        **{fact: (table, frames.dimensions(table)) for table, fact in frames.FACTS.items()},
        frames.INDICATORS: (frames.indicators().code, (frames.indicators().row_dimension,)),
    }
    paths = dict(documents.select("document_id", "path").reverse().iter_rows())
    notes: list[Row] = []
    for name, reason, row in rejected.iter_rows():
        if name not in places:
            continue
        cell = json.loads(row)
        table, dimensions = places[name]
        codes = [str(cell[dimension]) for dimension in dimensions]
        notes.append(
            {
                "report_id": cell["report_id"],
                "document_id": cell["document_id"],
                "path": paths.get(cell["document_id"], ""),
                "table_name": table,
                "check_code": f"lost_cells.{table}",
                "scope": codes[0],
                "status": "fail",
                "severity": "warn",
                "message": f"{'.'.join(codes)}: {cell['raw_text']!r} does not fit the table ({reason})",
            }
        )
    return _rows("reading_note", notes)


@cache
def labels() -> Mapping[str, pl.DataFrame]:
    """The label tables: each code of the facts with what the form prints."""
    result: dict[str, pl.DataFrame] = {}
    for table, side, dimension in frames.labelled():
        lines: dict[str, Row] = {}
        versions: dict[str, list[str]] = defaultdict(list)
        for form in reversed(forms().values()):
            for known in (t for t in form.tables if t.code == table):
                for line in getattr(known, side):
                    versions[line.code].insert(0, form.form)
                    row: Row = {
                        "code": line.code,
                        "label": line.label,
                        "label_en": english()[dimension][line.code],
                        "path": " › ".join(line.path),
                    }
                    lines.setdefault(line.code, {**row, "position": len(lines) + 1})
        rows = [{**row, "form_versions": ", ".join(versions[code])} for code, row in lines.items()]
        result[f"dim_{dimension}"] = _rows(f"dim_{dimension}", rows)
    return result
