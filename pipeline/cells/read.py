"""One file in, one Report out: the whole of reading and cells for a document.

Here: the order of the steps, second opinions, the document's status. Not here: any of the steps.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from functools import cache
from pathlib import Path, PurePosixPath

from pipeline.cells.alternatives import reconsidered
from pipeline.cells.facts import finish
from pipeline.cells.heading import find_heading, looks_like_report
from pipeline.cells.indicators import IndicatorReading, read_indicators
from pipeline.cells.narrative import find_statements
from pipeline.cells.report import DocumentStatus, Heading, Report, TableReading
from pipeline.cells.sections import Opening, find_sections, section_paragraphs, section_texts
from pipeline.cells.solving import Reading, best_of
from pipeline.cells.tables import read_tables
from pipeline.form.model import forms
from pipeline.reading.document import Document, Paragraph, Picture, ReadingError, recognised
from pipeline.reading.open import read_document, second_opinion
from pipeline.reading.pictures import with_pictures_read

Year = Callable[[], int | None]

CLEAN = 0.5
"""Cost of a reading below which no second engine is asked."""
# What a crawl keeps is named by its hash, in which any four digits may look like a year.
_HASH = re.compile(r"[0-9a-f]{64}")


def read_file(path: Path, name: str) -> Report:
    """Read one report file.

    Args:
        path: the file.
        name: its path relative to the raw folder, the weakest hint for agency and year.
    Returns:
        A Report; a file that cannot be read gives one with its status and message and nothing else.
    """
    try:
        document = read_document(path)
    except ReadingError as error:
        return Report(error.status, error.message)
    except OSError as error:
        return Report("unreadable", f"cannot be opened: {error.strerror or error}")
    return read_report(document, _telling(name), path)


def _telling(name: str) -> str:
    """What of a file's path may tell agency or year: a hash tells neither, its folders may."""
    path = PurePosixPath(name)
    return path.parent.as_posix() if _HASH.fullmatch(path.stem) else name


def read_report(document: Document, name: str = "", path: Path | None = None) -> Report:
    """The Report of a document already read; with ``path`` a second engine may be asked."""
    year = _year_of(document, name)
    readings, older = _weighed(document, path, year), _older(document, path)
    if older is None and any(reading is None for reading in readings.values()):
        # A table is missing: perhaps it is one of the pictures.
        seen = with_pictures_read(document, path)
        if seen is not None:
            document, readings, older = (
                seen,
                _with_pictures(readings, _newer(seen, year)),
                read_indicators(seen),
            )
    openings = find_sections(document)
    tables = tuple(
        finish(reconsidered(reading)) if reading is not None else _absent(code, document, openings)
        for code, reading in readings.items()
    )
    if older is not None:
        tables += (finish(reconsidered(older.reading)),)
    is_report, reason = looks_like_report(document)
    found = any(t.state in ("complete", "partial", "blank", "header_only") for t in tables)
    if not is_report and not found:
        if _pictured(document):
            return Report(
                "scanned",
                "the pages are pictures and no text was recognised; is the extra gongkai[ocr] installed?",
                tables=tables,
            )
        return Report("not_a_report", reason)
    heading = find_heading(document, name, openings[0].block if openings else None)
    form_version = next((t.form for t in tables if t.form is not None), None) or _form_of(heading, tables)
    status, message = _status([t for t in tables if _prints(form_version, t.table)])
    return Report(
        status,
        message,
        form_version,
        heading,
        tables,
        tuple(section_texts(document, openings)),
        find_statements(section_paragraphs(document, openings)),
    )


def _year_of(document: Document, name: str) -> Year:
    """The year reported on, found where it is asked for: only files that print a table twice need it here."""

    @cache
    def year() -> int | None:
        openings = find_sections(document)
        return find_heading(document, name, openings[0].block if openings else None).report_year

    return year


def _newer(document: Document, year: Year) -> dict[str, Reading | None]:
    """The tables of the forms since 2019, read from what the list of indicators leaves."""
    older = read_indicators(document)
    return read_tables(document if older is None else older.without(document), year)


def _older(document: Document, path: Path | None) -> IndicatorReading | None:
    """The list of indicators of the older form, with the second engine's word where there is doubt."""
    first = read_indicators(document)
    if first is None or path is None or first.reading.cost < CLEAN:
        return first
    other = second_opinion(path, document)
    second = read_indicators(other) if other is not None else None
    if second is None:
        return first
    second.reading.source = f"second engine, {second.reading.source}"
    best = best_of([first.reading, second.reading])
    return second if best is second.reading else first


def _form_of(heading: Heading, tables: Sequence[TableReading]) -> str | None:
    """The form of a report that prints no table, by its year, where a form was for those years alone."""
    if heading.report_year is None or any(t.state != "missing" for t in tables):
        return None
    return next((f.form for f in forms().values() if f.covers(heading.report_year)), None)


def _prints(form_version: str | None, table: str) -> bool:
    return form_version is None or any(t.code == table for t in forms()[form_version].tables)


def _weighed(document: Document, path: Path | None, year: Year) -> dict[str, Reading | None]:
    """The best reading of each table, with the second engine's word where the first leaves doubt."""
    readings = _newer(document, year)
    doubtful = [c for c, r in readings.items() if r is None or r.cost >= CLEAN]
    if path is None or not doubtful or all(readings[c] is None for c in readings):
        return readings
    other = second_opinion(path, document)
    if other is None:
        return readings
    again = _newer(other, year)
    for code in doubtful:
        first, second = readings[code], again[code]
        if second is not None:
            second.source = f"second engine, {second.source}"
            readings[code] = best_of([r for r in (first, second) if r is not None])
    return readings


def _with_pictures(
    printed: dict[str, Reading | None], seen: dict[str, Reading | None]
) -> dict[str, Reading | None]:
    """Tables that the text does not print, as the pictures show them."""
    for reading in seen.values():
        if reading is not None:
            reading.source = f"pictures, {reading.source}"
    return {code: reading or seen[code] for code, reading in printed.items()}


def _absent(code: str, document: Document, openings: Sequence[Opening]) -> TableReading:
    """A table that was not found: a picture where it should stand, or nothing."""
    pictures = [
        i
        for i, block in enumerate(document.blocks)
        if isinstance(block, Picture) or (isinstance(block, Paragraph) and recognised(block.locator))
    ]
    start = next((o.block for o in openings if o.code == code), None)
    if start is not None:
        end = next((o.block for o in openings if o.block > start), len(document.blocks))
        in_place = any(start < i < end for i in pictures)
    else:
        in_place = any(getattr(document.blocks[i], "covers_page", False) for i in pictures)
    return TableReading(code, "image_only" if in_place else "missing")


def _pictured(document: Document) -> bool:
    return any(isinstance(b, Picture) and b.covers_page for b in document.blocks)


def _status(tables: Sequence[TableReading]) -> tuple[DocumentStatus, str]:
    states = [t.state for t in tables]
    if all(s in ("missing", "image_only") for s in states):
        if "image_only" in states:
            return (
                "no_tables",
                "the tables are pictures and were not recognised; is the extra gongkai[ocr] installed?",
            )
        return "no_tables", "none of the form's tables is in the file"
    if all(s in ("complete", "blank", "header_only") for s in states):
        return "parsed", ""
    return "partial", "tables missing or incomplete: " + ", ".join(
        f"{t.table} {t.state}" for t in tables if t.state not in ("complete", "blank", "header_only")
    )
