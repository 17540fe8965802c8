"""Running headers, footers and page numbers: what stands in the margin of page after page.

Here: which lines of the margins are not the document's own text. Not here: anything inside tables,
except a page number in dashes or words that a table runs into.
"""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from pipeline.reading.pdf_text import TextLine

ZONE = 0.1
"""The share of a page's height, at top and bottom, that is margin."""
_DASH = r"[-—–－─~·•\s]"
_DRESSED = re.compile(
    rf"^(?:{_DASH}+(?P<a>\d{{1,4}}){_DASH}+|{_DASH}*第\s*(?P<b>\d{{1,4}})\s*页(?:[,/\s]*共\s*\d{{1,4}}\s*页)?{_DASH}*"
    rf"|(?P<c>\d{{1,4}})\s*/\s*\d{{1,4}})$"
)
_PLAIN = re.compile(r"^\d{1,4}$")


@dataclass(frozen=True, slots=True)
class MarginLine:
    """A line in a margin of a page (counted from 0), its box on the page as shown.

    ``tabled``: it stands inside a table.
    """

    page: int
    line: TextLine
    tabled: bool

    @property
    def text(self) -> str:
        """The text without differences of width."""
        return unicodedata.normalize("NFKC", self.line.text).strip()


def running(lines: Sequence[MarginLine], pages: int) -> list[MarginLine]:
    """The margin lines to leave out: page numbers, and lines that return at one height."""
    offsets = Counter(number - line.page for line in lines if (number := _number(line)) is not None)
    places = Counter(place for line in lines if not line.tabled for place in {_place(line)})
    found = []
    for line in lines:
        number = _number(line)
        if number is not None:
            dressed = _DRESSED.match(line.text) is not None
            in_step = offsets[number - line.page] >= 2 or (number == line.page + 1 and not line.tabled)
            if (dressed and not line.tabled) or (in_step and (dressed or not line.tabled)):
                found.append(line)
        elif not line.tabled and places[_place(line)] >= max(2, min(3, (pages + 1) // 2)):
            found.append(line)
    return found


def _number(line: MarginLine) -> int | None:
    match = _DRESSED.match(line.text)
    if match is not None:
        return int(match["a"] or match["b"] or match["c"])
    return int(line.text) if _PLAIN.match(line.text) else None


def _place(line: MarginLine) -> tuple[str, int]:
    """The line's wording with figures as one sign, and its height on the page (3 point steps)."""
    return re.sub(r"\d+", "#", line.text), round(line.line.middle / 3)
