"""Whether a document is a yearly report at all.

Here: reports told from notices about them, statistics of part of a year, summaries, explanations and
lists. Not here: what a report says. Where the form's sections or tables stand, it is a report.
"""

from __future__ import annotations

import re
from collections import Counter
from functools import cache

from pipeline.cells.heading_text import main_title, opening_lines, page_title, plain, titles_in
from pipeline.form.folding import label_key
from pipeline.form.headings import headings
from pipeline.form.lookups import lookups
from pipeline.form.model import forms
from pipeline.reading.document import Document, Grid, Paragraph

# Sections of the form whose titles stand in no other kind of document.
_TELLING = ("disclosure", "requests", "disputes")
_LONGEST_LABEL = 45
_ENOUGH_LABELS = 4
_LONG = 6
_SHORT = 5
_LIST = 4
_PREFACE = 800


def looks_like_report(document: Document) -> tuple[bool, str]:
    """Whether a document is a yearly report, and why or why not.

    A blank form is one; a page with the title and no more is one too, whose tables are elsewhere.

    Returns:
        (True, what shows it) or (False, what it is instead, for dim_document.message).
    """
    words = headings()
    sections, labels = _sections_and_labels(document)
    if labels >= _ENOUGH_LABELS:
        return True, "has the form's tables"
    telling = len(sections & set(_TELLING))
    if telling >= 2 or len(sections) >= 4 or (telling and len(sections) >= 3):
        return True, "has the form's sections"
    lines = opening_lines(document, None)
    if not lines:
        return False, "no text"
    hint = plain(document.hints.get("title", ""))
    title = main_title(lines)
    named = page_title(hint) if hint else None
    parts = re.split(r"[-_|—–]", hint) if named is None else []
    other = next((kind for kind in map(_other_kind, parts) if kind is not None), None)
    before = lines[: title.start] if title is not None else lines[:8]
    for line in before if named is None else ():
        other = other or (_other_kind(line.text) if re.search("年报|报告|统计|总结", line.text) else None)
    if other is not None:
        return False, f"not a yearly report: {other}"
    if len({t.text for t in titles_in(lines)}) >= _LIST and not sections:
        return False, "not a report but a list of reports"
    best = title if title is not None else named
    if best is not None and best.names_information:
        return True, "has the title of a yearly report"
    opening = "".join(line.text for line in lines)[:_PREFACE]
    if telling or all(pattern.search(opening) for pattern in words.preface_of_report):
        return True, "opens as a yearly report does"
    return False, "no title, section or table of a yearly report"


def has_sections_twice(document: Document) -> bool:
    """Whether two of the form's telling sections are opened more than once by their titles."""
    titles = _section_titles()
    counts: Counter[str] = Counter()
    for block in document.blocks:
        if isinstance(block, Paragraph) and 4 <= len(block.text) <= _LONGEST_LABEL:
            code = titles.get(label_key(block.text).words)
            counts[code or ""] += code in _TELLING
    return sum(count > 1 for count in counts.values()) >= 2


def _other_kind(text: str) -> str | None:
    if "公开" not in text or len(text) > 2 * _LONGEST_LABEL:
        return None
    return next((kind for kind, pattern in headings().other_kinds.items() if pattern.search(text)), None)


def _sections_and_labels(document: Document) -> tuple[set[str], int]:
    """The codes of sections whose titles stand in the text, and how many of the form's labels do."""
    titles, known = _section_titles(), _labels()
    sections: set[str] = set()
    labels: set[str] = set()
    for block in document.blocks:
        if isinstance(block, Paragraph):
            texts = [block.text]
        elif isinstance(block, Grid):
            texts = [cell.text for cell in block.cells]
        else:
            continue
        for text in texts:
            if not 4 <= len(text) <= _LONGEST_LABEL or text.isdecimal():
                continue
            words = label_key(text).words
            if words in known:
                labels.add(words)
            if words in titles:
                sections.add(titles[words])
        if len(labels) >= _ENOUGH_LABELS:
            break
    return sections, len(labels)


@cache
def _section_titles() -> dict[str, str]:
    titles: dict[str, str] = {}
    for form in forms().values():
        for section in form.sections:
            for text in (section.label, *lookups().sections.get(section.code, ())):
                titles[label_key(text).words] = section.code
    return titles


@cache
def _labels() -> frozenset[str]:
    """Labels of the forms that no other document has: long ones of rows, and the columns of 表二."""
    found: set[str] = set()
    for form in forms().values():
        for table in form.tables:
            lines = table.columns if table.code == _TELLING[0] else table.rows
            # The words of a list of indicators are short, and stand in no other table.
            shortest = _SHORT if table.layout == "indicators" else _LONG
            if table.layout != "one_line":
                found |= {w for line in lines for w in _words(line.label) if len(w) >= shortest}
    return frozenset(found)


def _words(label: str) -> tuple[str, str]:
    """A label's words, with and without the note in brackets behind them."""
    key = label_key(label)
    return key.words, key.stem
