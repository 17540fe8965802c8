"""What the site said of a report when it was fetched, used where the report itself is silent.

Here: agency and year from the list's title, the publisher and the day of posting; notes where they
disagree. Not here: what the report says of itself (heading.py); its own words always win.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from pipeline.agencies import Agency, canonical_agency, is_bare, short_name
from pipeline.cells.heading import is_name, same_body
from pipeline.cells.heading_text import ReportTitle, page_title, plain
from pipeline.cells.heading_year import posting_date, years_of_title
from pipeline.cells.report import Heading, Note, Report

LISTED = "列表标题 (title on the site's list)"
_PUBLISHER = "列表发布机构 (publisher on the site)"
_POSTED = "列表日期 (date on the site's list)"
_MISSING = ("plausibility.agency_missing", "plausibility.year_missing")


@dataclass(frozen=True, slots=True)
class Hints:
    """The site's words on a file, none of them checked; empty where it said nothing."""

    title: str = ""
    agency: str = ""
    published: str = ""
    url: str = ""


def hinted(report: Report, hints: Hints) -> Report:
    """The report with agency and year from the hints where it names none, and notes on disagreement.

    A file whose pages are pictures gets a heading where the list calls it a yearly report, so that
    the report is there with its tables missing. A file that is no report stays none.
    """
    title = page_title(hints.title)
    heading = report.heading
    if heading is None:
        if report.status != "scanned" or title is None:
            return report
        heading = Heading(None, None, None, "unknown")
    year, year_place = _year(title, hints)
    names = _names(title, hints)
    said = [f"{place}: {name}" for place, name in names]
    said += [f"{year_place}: {year}"] if year is not None else []
    heading = replace(heading, evidence=(*heading.evidence, *said))
    heading = _with_agency(heading, names, hints)
    return replace(report, heading=_with_year(heading, year, year_place, hints))


def _year(title: ReportTitle | None, hints: Hints) -> tuple[int | None, str]:
    for found in years_of_title(LISTED, title.years if title else ()):
        return found.year, LISTED
    posted = posting_date(_POSTED, hints.published)
    return (posted.report_year if posted else None), _POSTED


def _names(title: ReportTitle | None, hints: Hints) -> list[tuple[str, str]]:
    found = [(LISTED, title.agency)] if title is not None and title.agency else []
    publisher = plain(hints.agency)
    return [*found, (_PUBLISHER, publisher)] if is_name(publisher) else found


def _with_agency(heading: Heading, names: Sequence[tuple[str, str]], hints: Hints) -> Heading:
    texts = tuple(text for text in (plain(hints.title), plain(hints.agency), hints.url) if text)
    if heading.agency_name is None:
        if not names:
            return heading
        place, name = names[0]
        message = f"机关 (agency): {name} only by {place}; the report itself names none"
        note = Note("plausibility.agency_source", "agency", "info", message)
        return _noted(_described(heading, canonical_agency(name, texts)), note, "agency")
    own = canonical_agency(heading.agency_name, texts)
    for _, name in names:
        # 区教育局 in the report and 南岗区教育局 on the list: one body, and its region is known.
        same = not is_bare(name) and short_name(name) == short_name(heading.agency_name)
        if heading.division_code is None and is_bare(heading.agency_name) and same:
            printed = heading.agency_name
            return replace(_described(heading, canonical_agency(name, texts)), agency_name=printed)
    for place, name in names:
        listed = canonical_agency(name, texts)
        if place != LISTED or is_bare(name) or is_bare(heading.agency_name) or same_body(own, listed):
            continue
        message = (
            f"机关 (agency): the report says {heading.agency_name}, {place} says {name}; "
            f"{heading.agency_name} is taken"
        )
        return _noted(heading, Note("plausibility.agency_conflict", "agency", "warn", message))
    return heading


def _described(heading: Heading, agency: Agency) -> Heading:
    return replace(
        heading,
        agency_name=agency.agency_name,
        full_name=agency.full_name,
        level=agency.level,
        kind=agency.kind,
        division_code=agency.division_code,
        parent_name=agency.parent_full_name or agency.parent_name,
    )


def _with_year(heading: Heading, year: int | None, place: str, hints: Hints) -> Heading:
    posted = posting_date(_POSTED, hints.published)
    if heading.report_year is None:
        if year is None:
            return heading
        message = f"年度 (year): {year} only by {place}; the report itself names none"
        note = Note("plausibility.year_source", "year", "info", message)
        return _noted(replace(heading, report_year=year), note, "year")
    own = heading.report_year
    if posted is not None and (posted.year, posted.month) < (own, 12):
        message = f"年度 (year): the report says {own}, the site's list has it from {hints.published}"
        return _noted(heading, Note("plausibility.year_conflict", "year", "warn", message))
    # A late posting tells nothing against a title; another year in the list's title does.
    if year is None or place != LISTED or year == own:
        return heading
    # A year that follows from a day of posting alone gives way to one that a title prints.
    weak = any(note.check_code == "plausibility.year_source" for note in heading.notes)
    taken = year if weak else own
    heading = replace(heading, report_year=taken)
    message = f"年度 (year): the report says {own}, {place} says {year}; {taken} is taken"
    return _noted(heading, Note("plausibility.year_conflict", "year", "warn", message))


def _noted(heading: Heading, note: Note, found: str = "") -> Heading:
    """With one more note; one that said that ``found`` is missing goes."""
    kept = tuple(n for n in heading.notes if not (n.check_code in _MISSING and n.scope == found))
    return replace(heading, notes=(*kept, note))
