"""The year that a report is about, from all places that tell it, and where they disagree.

Here: statements of the year and their order. Not here: the year of a notice that a report cites,
which says nothing, nor the form in use (found from the tables).
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath

from pipeline.cells.report import Note
from pipeline.form.headings import headings

EARLIEST, LATEST = 2003, 2099
"""Reports have been published since 2004 (Shanghai); what is outside is no report's year."""


@dataclass(frozen=True, slots=True)
class Said:
    """A year and where it stands.

    ``weak`` places do not contradict a stronger one; ``outside`` is outside the report's own words.
    """

    place: str
    year: int
    weak: bool = False
    outside: bool = False


@dataclass(frozen=True, slots=True)
class PostingDate:
    """When a report was put up or signed."""

    place: str
    year: int
    month: int
    day: int

    @property
    def report_year(self) -> int | None:
        """The year before; the same on 31 December; of other days in December nothing follows."""
        if self.month < 12:
            return self.year - 1
        return self.year if self.day == 31 else None


def years_of_title(place: str, years: Sequence[int]) -> list[Said]:
    """The title's year; where it names several, none is the report's."""
    return [Said(place, years[0])] if len(years) == 1 and _possible(years[0]) else []


def year_of_period(preface: str) -> list[Said]:
    """The year of the period that the figures cover: its beginning, else the day it ends.

    A period whose two ends name different years gives both.
    """
    words = headings().period
    place = "统计期限 (period)"
    for match in words.start.finditer(preface):
        years = [int(match["year"])] + ([int(match["end"])] if match["end"] else [])
        return [Said(place, year) for year in dict.fromkeys(years) if _possible(year)]
    last = words.end.search(preface)
    return [Said(place, int(last["year"]))] if last and _possible(int(last["year"])) else []


def years_stated(text: str) -> Counter[int]:
    """How often the text speaks of each year, without notices' numbers, titles of documents and days."""
    words = headings()
    bare = words.not_statements.sub("", text)
    found = (int(found[:4]) for found in words.statement.findall(bare))
    return Counter(year for year in found if _possible(year))


def year_of_statements(counts: Counter[int]) -> list[Said]:
    """The year that the text speaks of most; none where two are spoken of as often."""
    top = counts.most_common(2)
    if not top or (len(top) == 2 and top[0][1] == top[1][1]):
        return []
    return [Said("正文 (text)", top[0][0], weak=True)]


def posting_date(place: str, text: str) -> PostingDate | None:
    """The first date in a text without spaces."""
    match = headings().date.search(text)
    if match is None:
        return None
    return PostingDate(place, int(match["year"]), int(match["month"]), int(match["day"]))


def date_line(place: str, text: str) -> PostingDate | None:
    """The date of a line that holds nothing else."""
    words = headings()
    rest = words.date.sub("\n", text)
    if "\n" not in rest or not all(words.date_labels.match(part) for part in rest.split("\n")):
        return None
    return posting_date(place, text)


def year_of_file_name(name: str) -> list[Said]:
    """A year in the file's own name, never in its folders, which may be the year of posting."""
    stem = PurePosixPath(name).stem
    years = {int(y) for y in headings().year.findall(stem)}
    return [Said("文件名 (file name)", years.pop(), weak=True, outside=True)] if len(years) == 1 else []


def choose(said: Sequence[Said]) -> Said | None:
    """The first statement: they come in the order of evidence."""
    return said[0] if said else None


def conflicts(
    chosen: Said | None, said: Sequence[Said], counts: Counter[int], posted: PostingDate | None, url: str
) -> list[Note]:
    """Notes on every place that names another year than the one chosen."""
    notes = []
    if chosen is None:
        message = "年度 (year): no place in the file names it"
        return [Note("plausibility.year_missing", "year", "warn", message)]
    if chosen.outside:
        message = f"年度 (year): {chosen.year} only by {chosen.place}; the report itself names none"
        notes.append(Note("plausibility.year_source", "year", "info", message))
    for other in said:
        if other.year == chosen.year or other.place == chosen.place:
            continue
        # A file is often named or filed by the year in which it was put up.
        if other.weak and (other.year == chosen.year + 1 or counts[chosen.year]):
            continue
        notes.append(_conflict(chosen, other.place, other.year, "info" if other.outside else "warn"))
    for other in said:
        if other.place == chosen.place and other.year != chosen.year:
            notes.append(_conflict(chosen, f"{other.place} also", other.year, "warn"))
    if posted is not None and (posted.year, posted.month) < (chosen.year, 12):
        notes.append(_conflict(chosen, f"{posted.place} before the year was over,", posted.year, "warn"))
    for year in {int(y) for y in re.findall(r"/(20\d{2})(?:年|n|nb|nd)?(?=/)", url)}:
        if year not in (chosen.year, chosen.year + 1):
            notes.append(_conflict(chosen, "网址 (address or folder)", year, "info"))
    return notes


def _conflict(chosen: Said, place: str, year: int, severity: str) -> Note:
    message = f"年度 (year): {chosen.place} says {chosen.year}, {place} says {year}; {chosen.year} is taken"
    return Note("plausibility.year_conflict", "year", "info" if severity == "info" else "warn", message)


def _possible(year: int) -> bool:
    return EARLIEST <= year <= LATEST
