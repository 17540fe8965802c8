"""The lines that a report opens with, and the titles among them.

Here: lines without spaces, titles over several lines and what they name. Not here: which of several
statements about agency or year is believed (heading.py).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from pipeline.agencies import is_agency_like, is_bare, squeeze
from pipeline.form.headings import headings
from pipeline.reading.document import Block, Document, Grid, Paragraph

MOST_BLOCKS = 80
LONGEST_TITLE = 90
LONGEST_LINE = 60
_PAGE_NUMBER = re.compile(r"^[-—–·第]*\d{1,3}[-—–·页]*$")
_MARKDOWN = re.compile(r"^[#>*_\s]+|[*_#]+$")
_CRUMBS = re.compile(r"[>›»→]")
_ENDS = tuple("。!?:)》")
_WIDE = str.maketrans("()", "（）")


@dataclass(frozen=True, slots=True)
class TextLine:
    """A line of the file without spaces, widths folded, years in digits; and the block it is of."""

    text: str
    block: int


@dataclass(frozen=True, slots=True)
class ReportTitle:
    """A title of a yearly report and what it names; ``years`` are all that stand in it."""

    text: str
    agency: str | None
    years: tuple[int, ...]
    start: int = 0
    end: int = 0
    """The lines that it takes up, ``start`` to before ``end``."""
    names_information: bool = True
    """Whether it says 信息公开, not only 政务公开."""


def plain(text: str) -> str:
    """Text without spaces and Markdown marks, widths folded, years in Chinese digits as numbers."""
    squeezed = _MARKDOWN.sub("", squeeze(text))
    words = headings()
    if "二" in squeezed or "一九" in squeezed:
        digits = words.chinese_digits
        squeezed = words.chinese_year.sub(lambda m: "".join(str(digits.get(c, c)) for c in m[0]), squeezed)
    return squeezed


def lines_of(blocks: Sequence[Block], start: int = 0, end: int | None = None) -> Iterator[TextLine]:
    """Lines of paragraphs and of cells, page numbers left out; a label and its value are one line."""
    labels = headings().metadata
    known = labels.agency | labels.title | labels.date
    for index in range(start, len(blocks) if end is None else min(end, len(blocks))):
        block = blocks[index]
        if isinstance(block, Paragraph):
            texts = [plain(part) for part in block.text.split("\n")]
        elif isinstance(block, Grid):
            texts = _cell_lines(block, known)
        else:
            continue
        yield from (TextLine(text, index) for text in texts if text and not _PAGE_NUMBER.match(text))


def _cell_lines(grid: Grid, labels: frozenset[str]) -> list[str]:
    found: list[str] = []
    for row in grid.rows():
        texts = [plain(cell.text) for cell in row]
        label = ""
        for text in texts:
            bare = text.rstrip(":")
            if label and text:
                found.append(f"{label}:{text}")
                label = ""
            elif bare in labels:
                label = bare
            elif text:
                found.append(text)
    return found


def opening_lines(document: Document, sections_start: int | None) -> list[TextLine]:
    """The lines before the first section, or the first of the file where no section is known."""
    end = min(sections_start, 4 * MOST_BLOCKS) if sections_start else MOST_BLOCKS
    return list(lines_of(document.blocks, 0, end))


def parse_title(text: str) -> ReportTitle | None:
    """The title that a text without spaces is; None where it is no yearly report's.

    ``2023年度衢州市农业农村局政府信息公开年度报告`` → 衢州市农业农村局, 2023. An agency that the
    title names without saying of which region (市房管局) is given as it stands.
    """
    words = headings()
    text = text.strip("-—·")
    if len(text) > LONGEST_TITLE or not text:
        return None
    match = words.title.pattern.match(text)
    if (
        match is None
        or words.title.sentence.match(text)
        or any(kind.search(text) for kind in words.other_kinds.values())
    ):
        return None
    years = tuple(dict.fromkeys(int(y) for y in words.year.findall(match["before"] + match["middle"])))
    agency = _title_agency(match["before"], match["after"])
    shown = text[match.start("before") :].strip('《》"“”')
    for pattern in (words.title.lead,):
        shown = pattern.sub("", shown) if agency or years else shown
    return ReportTitle(shown.translate(_WIDE), agency, years, names_information="信息" in match["core"])


def _title_agency(before: str, after: str) -> str | None:
    words = headings()
    name = words.year.sub("", re.sub(f"(?:{words.year.pattern})(?:年度?|度)?", "", before))
    while True:
        shorter = words.title.tail.sub("", words.title.lead.sub("", name))
        if shorter == name:
            break
        name = shorter
    if name.endswith(words.title.shared.ends):
        name += words.title.shared.word
    # （机关） after the title says of whom the figures are: it belongs to the name.
    scope = re.search(r"\((?:机关|本级|本级机关|汇总)\)", after)
    if name and not words.not_names.search(name) and is_agency_like(name):
        return name + (scope[0] if scope else "")
    for second in re.findall(r"\(([^()]{3,40})\)", after):
        if is_agency_like(second) and not is_bare(second):
            return str(second)
    return None


def titles_in(lines: Sequence[TextLine]) -> list[ReportTitle]:
    """Every title among the lines, over up to four lines each, in order; overlapping ones too."""
    found = []
    for start in range(len(lines)):
        if len(lines[start].text) > LONGEST_LINE:
            continue
        joined = ""
        for end in range(start, min(start + 4, len(lines))):
            if len(lines[end].text) > LONGEST_LINE:
                break
            joined += lines[end].text
            title = parse_title(joined)
            if title is not None:
                if not _within_sentence(lines, start, end + 1):
                    found.append(replace(title, start=start, end=end + 1))
                break
    return found


def _within_sentence(lines: Sequence[TextLine], start: int, end: int) -> bool:
    """Whether what looks like a title is a piece of running text between two line breaks."""
    goes_on = headings().title.goes_on
    if end < len(lines) and goes_on.match(lines[end].text):
        return True
    before = lines[start - 1].text if start else ""
    return len(before) >= 12 and "," in before and not before.endswith(_ENDS)


def main_title(lines: Sequence[TextLine]) -> ReportTitle | None:
    """The report's own title: the first, in the fullest of its wordings.

    A line before it belongs to it where it makes an agency's name; a repetition right after
    that names more is taken instead.
    """
    found = titles_in(lines)
    if not found:
        return None
    first = min(found, key=lambda t: (t.end, -t.start))
    near = [t for t in found if t.start <= first.end + 2]

    def fullness(title: ReportTitle) -> tuple[bool, bool, bool, int, int]:
        named = title.agency is not None
        return (
            named,
            named and not is_bare(title.agency or ""),
            bool(title.years),
            -title.end,
            title.start,
        )

    return max(near, key=fullness)


def page_title(text: str) -> ReportTitle | None:
    """The report's title in what a page says of itself, with the site's name after it."""
    squeezed = plain(text)
    whole = parse_title(squeezed)
    if whole is not None:
        return whole
    parts = (parse_title(part) for part in headings().title.separators.split(squeezed))
    return next((title for title in parts if title is not None), None)


def labelled(lines: Sequence[TextLine], labels: frozenset[str]) -> Iterator[str]:
    """Values after labels such as 发布机构: in the lines."""
    for line in lines:
        label, colon, value = line.text.partition(":")
        if colon and value and label.strip("[]【】") in labels:
            yield value


def crumbs(text: str) -> list[str]:
    """The stations of a breadcrumb, outermost first; empty for a text that is none."""
    parts = _CRUMBS.split(plain(text))
    return parts if len(parts) > 1 else []
