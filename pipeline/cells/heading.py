"""Whose report it is, of which year, with what title and scope.

Here: the places that name agency and year, their order, and notes where they disagree. Not here:
what a title is (heading_text.py), years (heading_year.py), what a name tells (agencies/).
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import PurePosixPath

from pipeline.agencies import Agency, canonical_agency, is_agency_like, is_bare, short_name
from pipeline.cells.heading_text import (
    ReportTitle,
    TextLine,
    crumbs,
    labelled,
    lines_of,
    main_title,
    opening_lines,
    page_title,
    plain,
    titles_in,
)
from pipeline.cells.heading_year import (
    PostingDate,
    Said,
    choose,
    conflicts,
    date_line,
    posting_date,
    year_of_file_name,
    year_of_period,
    year_of_statements,
    years_of_title,
    years_stated,
)
from pipeline.cells.report import Heading, Note, Scope
from pipeline.cells.report_kind import has_sections_twice, looks_like_report
from pipeline.form.headings import headings
from pipeline.reading.document import Document, Grid

__all__ = ["find_heading", "looks_like_report"]

PREFACE = 2500
BODY = 4000
LAST_LINES = 6
LONGEST_NAME = 45
FILE_NAME = "文件名 (file name)"


@dataclass(frozen=True, slots=True)
class _Named:
    """A name for the agency and where it stands. ``own``: the place speaks of the report itself."""

    place: str
    name: str
    own: bool


@dataclass(frozen=True, slots=True)
class _Opening:
    """What a document opens and closes with, without spaces."""

    lines: list[TextLine]
    title: ReportTitle | None
    page: ReportTitle | None
    preface: str
    body: str
    last: list[str]


def find_heading(document: Document, name: str = "", sections_start: int | None = None) -> Heading:
    """Find agency, year, title and scope of a report.

    Evidence in order: the page's own title and the title lines; the preface, then the sentence on
    whom to ask; the publisher in the metadata and the breadcrumb; the signature; the file's name.
    For the year: titles, the period of the figures, the text, the day of posting, the file's name.

    Args:
        document: as read.
        name: the file's path relative to the raw folder, the weakest evidence.
        sections_start: index of the block that opens the first section, where one was found.
    Returns:
        A Heading; what nothing tells is None and noted, and every disagreement is a Note.
    """
    opening = _opening(document, sections_start)
    titles = _titles(document, opening)
    named = _names(document, opening, titles, name)
    texts = _texts(document, opening, name)
    chosen, agency = _agency(named, texts)
    counts = years_stated(opening.preface + opening.body)
    said, posted = _years(document, opening, titles, counts, name)
    year = choose(said)
    scope, scope_place = _scope(agency, opening)
    url = f"{document.hints.get('url', '')}/{PurePosixPath(name).parent}/"
    notes = [
        *conflicts(year, said, counts, posted, url),
        *_agency_notes(chosen, agency, named, texts),
        *_self_word_notes(agency, opening),
        *_several_notes(document, agency, year.year if year else None, texts),
    ]
    evidence = [f"{n.place}: {n.name}" for n in named] + [f"{s.place}: {s.year}" for s in said]
    if posted is not None:
        evidence.append(f"{posted.place}: {posted.year}-{posted.month:02}-{posted.day:02}")
    if scope_place:
        evidence.append(f"scope {scope}: {scope_place}")
    return Heading(
        title=titles[0][1].text if titles else None,
        agency_name=agency.agency_name if agency else None,
        report_year=year.year if year else None,
        scope=scope,
        full_name=agency.full_name if agency else None,
        level=agency.level if agency else None,
        kind=agency.kind if agency else None,
        division_code=agency.division_code if agency else None,
        parent_name=(agency.parent_full_name or agency.parent_name) if agency else None,
        evidence=tuple(evidence),
        notes=tuple(notes),
    )


def _opening(document: Document, sections_start: int | None) -> _Opening:
    lines = opening_lines(document, sections_start)
    title = main_title(lines)
    if title is None and sections_start:
        # A section's title in a table of contents, or text out of order: the title may stand later.
        lines = opening_lines(document, None)
        title = main_title(lines)
    page = page_title(document.hints.get("title", ""))
    after = lines[title.end if title else 0 :]
    skipped = {i for t in titles_in(after) for i in range(t.start, t.end)}
    preface = "".join(line.text for i, line in enumerate(after) if i not in skipped)[:PREFACE]
    return _Opening(lines, title, page, preface, _body(document, sections_start), _last_lines(document))


def _body(document: Document, sections_start: int | None) -> str:
    """Running text from the first section to the first table after it."""
    if sections_start is None:
        return ""
    blocks = document.blocks
    end = next((i for i in range(sections_start, len(blocks)) if isinstance(blocks[i], Grid)), len(blocks))
    parts: list[str] = []
    size = 0
    for line in lines_of(blocks, sections_start, end):
        parts.append(line.text)
        size += len(line.text)
        if size > BODY:
            break
    return "".join(parts)


def _last_lines(document: Document) -> list[str]:
    """The last lines of text, the last first."""
    blocks = document.blocks
    found: list[str] = []
    for index in range(len(blocks) - 1, -1, -1):
        if isinstance(blocks[index], Grid) or len(found) >= LAST_LINES:
            break
        found.extend(reversed([line.text for line in lines_of(blocks, index, index + 1)]))
    return found[:LAST_LINES]


def _titles(document: Document, opening: _Opening) -> list[tuple[str, ReportTitle]]:
    """Titles in the order of evidence: a page's metadata is made for it, that of an office file is
    often left over from the file that it was copied from."""
    page = [("网页标题 (title of the page)", opening.page)]
    lines = [("标题 (title)", opening.title)]
    ordered = page + lines if document.format == "html" else lines + page
    return [(place, title) for place, title in ordered if title is not None]


def _names(
    document: Document, opening: _Opening, titles: Sequence[tuple[str, ReportTitle]], name: str
) -> list[_Named]:
    """All names for the agency in the order of evidence."""
    words = headings()
    found = [_Named(place, title.agency, True) for place, title in titles if title.agency]
    if opening.title is not None and opening.title.agency is None:
        found.extend(_Named("署名 (byline)", byline, True) for byline in _bylines(opening))
    found.extend(_preface_names(opening.preface))
    found.extend(_contact_names(opening))
    labels = labelled(opening.lines, words.metadata.agency)
    for text in (document.hints.get("agency", ""), *islice(labels, 2)):
        text = plain(text)
        if is_name(text):
            found.append(_Named("发布机构 (publisher)", text, False))
    trail = [line.text for line in opening.lines if words.breadcrumb.match(line.text)]
    for stations in map(crumbs, (document.hints.get("breadcrumb", ""), *trail)):
        station = next((s for s in reversed(stations) if is_name(s) and not is_bare(s)), None)
        if station is not None:
            found.append(_Named("导航 (breadcrumb)", station, False))
    found.extend(_signatures(opening.last))
    found.extend(_file_names(name))
    return found


def is_name(text: str) -> bool:
    """Whether a text without spaces can be the name of a body that reports, and nothing else."""
    return (
        2 <= len(text) <= LONGEST_NAME
        and re.fullmatch(r"[一-龥()、·]+", text) is not None
        and headings().not_names.search(text) is None
        and is_agency_like(text)
    )


def _bylines(opening: _Opening) -> list[str]:
    """Names right after a title that names none, each on a line of its own, dates between them."""
    assert opening.title is not None
    found: list[str] = []
    for line in opening.lines[opening.title.end : opening.title.end + 3]:
        if is_name(line.text) and not headings().not_bylines.match(line.text):
            found.append(line.text)
        elif date_line("", line.text) is None:
            break
    return found


def _preface_names(preface: str) -> list[_Named]:
    shared = headings().title.shared
    for pattern in headings().preface.agency:
        for match in pattern.finditer(preface):
            name = match["agency"]
            name += shared.word if name.endswith(shared.ends) else ""
            if is_name(name):
                return [_Named("导语 (preface)", name, True)]
    return []


def _contact_names(opening: _Opening) -> list[_Named]:
    for pattern in headings().preface.contact:
        for match in pattern.finditer(opening.preface):
            name = _body_of_contact(match["agency"], opening)
            if is_name(name):
                return [_Named("联系方式 (contact)", name, False)]
    return []


def _body_of_contact(name: str, opening: _Opening) -> str:
    """The body that a contact is of: 南岗区工业信息科技局办公室 → 南岗区工业信息科技局.

    A government's own office is a body itself; it speaks for the whole region where the report says
    我区 and never 我办.
    """
    words = headings()
    while True:
        shorter = next((head for head in _heads(name) if is_agency_like(head)), None)
        if shorter is None:
            break
        name = shorter
    if _is_office(name):
        text = opening.preface + opening.body
        if words.scope.region_words.search(text) and not words.scope.own_words.search(text):
            name = re.sub(f"{words.preface.contact_office}$", "", name)
    return name


def _heads(name: str) -> list[str]:
    """What is left of a name when a part of a body is taken off its end, the longest first."""
    words = headings().preface
    whole = words.contact_whole.search(name) or (
        is_agency_like(name) and canonical_agency(name).kind == "office"
    )
    if whole:
        return []
    return [name[:cut] for cut in range(len(name) - 1, 1, -1) if words.contact_units.fullmatch(name[cut:])]


def _is_office(name: str) -> bool:
    return is_agency_like(name) and canonical_agency(name).kind == "office"


def _signatures(last: Sequence[str]) -> list[_Named]:
    """The name that closes the text: its last line, or a line with its date on it or below it."""
    date = headings().date
    for index, line in enumerate(last):
        name = date.sub("", line, count=1)
        dated = name != line or (index > 0 and date_line("", last[index - 1]) is not None)
        if is_name(name) and (dated or index == 0):
            return [_Named("落款 (signature)", name, True)]
    return []


def _file_names(name: str) -> list[_Named]:
    stem = plain(PurePosixPath(name).stem)
    title = page_title(stem)
    if title is not None:
        return [_Named(FILE_NAME, title.agency, False)] if title.agency else []
    left = re.sub(r"[\d_\-()年度]|报告|年报", "", stem)
    return [_Named(FILE_NAME, left, False)] if is_name(left) and not is_bare(left) else []


def _texts(document: Document, opening: _Opening, name: str) -> tuple[str, ...]:
    """Texts whose mentions of places settle which region is meant, the nearest to the report first."""
    hints = document.hints
    near = [title.text for title in (opening.title, opening.page) if title is not None]
    near += [opening.preface, *opening.last]
    page = [plain(hints.get(key, "")) for key in ("agency", "breadcrumb", "title", "url")]
    return tuple(text for text in (*near, *page, plain(name)) if text)


def _agency(named: Sequence[_Named], texts: tuple[str, ...]) -> tuple[_Named | None, Agency | None]:
    """The first name, kept as printed, with what fuller names of the same body tell of its region."""
    if not named:
        return None, None
    chosen = named[0]
    if not is_bare(chosen.name):
        return chosen, canonical_agency(chosen.name, texts)
    own = short_name(chosen.name)
    if not own:
        # 市政府 and no more: any place that names a body says as much.
        fuller = next((n for n in named if not is_bare(n.name)), None)
        chosen = fuller or chosen
        return chosen, canonical_agency(chosen.name, texts)
    same = [n for n in named[1:] if not is_bare(n.name) and short_name(n.name) == own]
    agency = canonical_agency(same[0].name if same else chosen.name, texts)
    printed = canonical_agency(chosen.name).agency_name
    return chosen, replace(agency, agency_name=printed)


def _years(
    document: Document,
    opening: _Opening,
    titles: Sequence[tuple[str, ReportTitle]],
    counts: Counter[int],
    name: str,
) -> tuple[list[Said], PostingDate | None]:
    said = [s for place, title in titles for s in years_of_title(place, title.years)]
    said += year_of_period(opening.preface)
    said += year_of_statements(counts)
    posted = _posted(document, opening)
    if posted is not None and posted.report_year is not None and not said:
        said.append(Said(posted.place, posted.report_year, weak=True, outside=True))
    if opening.title is None or not headings().template.search(opening.title.text):
        said += year_of_file_name(name)
    return said, posted


def _posted(document: Document, opening: _Opening) -> PostingDate | None:
    found = [posting_date("发布日期 (posting date)", plain(document.hints.get("date", "")))]
    dates = labelled(opening.lines, headings().metadata.date)
    found += [posting_date("发布日期 (posting date)", text) for text in dates]
    if opening.title is not None:
        lines = opening.lines[opening.title.end : opening.title.end + 3]
        found += [date_line("标题下日期 (date below the title)", line.text) for line in lines]
    for text in opening.last:
        name = "" if date_line("", text) else headings().date.sub("", text, count=1)
        if not name or is_name(name):
            found.append(posting_date("落款日期 (date of the signature)", text))
    return next((date for date in found if date is not None), None)


def _scope(agency: Agency | None, opening: _Opening) -> tuple[Scope, str]:
    """What the figures cover, by phrases and by the name; unknown where neither tells."""
    words = headings().scope
    if agency is not None and agency.scope is not None:
        return agency.scope, "the agency's name"
    text = opening.preface + opening.body[:1500]
    for scope, patterns in (("own", words.own), ("aggregate", words.aggregate)):
        for pattern in patterns:
            match = pattern.search(text)
            if match is not None:
                return ("own" if scope == "own" else "aggregate"), match[0][:40]
    if agency is None or agency.kind == "region":
        return "unknown", ""
    if agency.kind in ("township", "street"):
        return "own", "no body below it reports"
    match = words.own_words.search(text)
    return ("own", match[0]) if match and agency.kind in ("department", "office") else ("unknown", "")


def _agency_notes(
    chosen: _Named | None, agency: Agency | None, named: Sequence[_Named], texts: tuple[str, ...]
) -> list[Note]:
    if chosen is None or agency is None:
        message = "机关 (agency): no place in the file names it"
        return [Note("plausibility.agency_missing", "agency", "warn", message)]
    if chosen.place == FILE_NAME:
        message = f"机关 (agency): {chosen.name} only by the file's name; the report itself names none"
        return [Note("plausibility.agency_source", "agency", "info", message)]
    for other in named:
        if not other.own or other.name == chosen.name or is_bare(other.name) or is_bare(chosen.name):
            continue
        second = canonical_agency(other.name, texts)
        if same_body(agency, second):
            continue
        message = (
            f"机关 (agency): {chosen.place} says {chosen.name}, {other.place} says {other.name}; "
            f"{chosen.name} is taken"
        )
        return [Note("plausibility.agency_conflict", "agency", "warn", message)]
    return []


def same_body(one: Agency, other: Agency) -> bool:
    """Whether two names can be of one body, or of a region and the office that writes for it."""
    if one.full_name.endswith(other.canonical) or other.full_name.endswith(one.canonical):
        return True
    writes = {one.kind, other.kind} == {"region", "office"}
    shared = {*one.aliases, one.agency_name} & {*other.aliases, other.agency_name}
    return bool(shared) or (writes and one.division_code == other.division_code)


def _self_word_notes(agency: Agency | None, opening: _Opening) -> list[Note]:
    """A word for itself that a body of this kind does not use: a sign of copied text."""
    if agency is None:
        return []
    words = headings()
    text = opening.preface + opening.body
    for word, kinds in words.self_words.items():
        if agency.kind in kinds or not re.search(word + words.self_words_after, text):
            continue
        message = f"自称 (self-reference): the text says {word}, the report is {agency.agency_name}'s"
        return [Note("plausibility.self_reference", word, "warn", message)]
    return []


def _several_notes(
    document: Document, agency: Agency | None, year: int | None, texts: tuple[str, ...]
) -> list[Note]:
    """A note where the file holds a second report: another title, and the form's sections twice."""
    if not has_sections_twice(document):
        return []
    others: list[str] = []
    for title in titles_in([line for line in lines_of(document.blocks) if len(line.text) <= 60]):
        other_year = bool(title.years) and year is not None and year not in title.years
        other_body = (
            title.agency is not None
            and agency is not None
            and not is_bare(title.agency)
            and not same_body(agency, canonical_agency(title.agency, texts))
        )
        if (other_year or other_body or len(title.years) > 1) and title.text not in others:
            others.append(title.text)
    if not others:
        return []
    message = f"多份报告 (several reports): the file also holds {'; '.join(others[:3])}"
    return [Note("plausibility.several_reports", "document", "warn", message)]
