"""Several prints of one table in a file: which of them is the report's own.

Here: the words before each print, the section that it stands in. Not here: finding the prints
(tables, one_line) or reading them.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from pipeline.cells.labels import SIDES, SURE, likenesses
from pipeline.cells.numbers import is_value
from pipeline.cells.sections import find_sections
from pipeline.form.folding import fold
from pipeline.form.model import Table
from pipeline.reading.document import Document, Grid, Paragraph

At = tuple[int, int]
"""Where a print begins: index of the block in the document, row of the grid (0 outside grids)."""

NEAR = 8
"""Paragraphs before a print that may say what it is; where cells are paragraphs, labels do not count."""
_YEAR = re.compile(r"(?<!\d)(20\d\d)\s*年")
_LAST_YEAR = re.compile(r"(?:上一?|去|前一)年(?!度?结转)")
_THIS_YEAR = re.compile(r"(?:本|今)年(?!新收)")


@dataclass(frozen=True, slots=True)
class Surroundings:
    """The document around its tables; ``year`` is asked only where a table is printed more than once."""

    document: Document
    year: Callable[[], int | None]

    def own(self, table: Table, starts: Sequence[At], sizes: Sequence[int]) -> int:
        """The index of the print that is the report's own.

        Of the prints about as full as the fullest: the one whose caption names the report's year and
        no other, then the one in the table's section, then the fullest, then the first.

        Args:
            table: the table of the form.
            starts: where each print begins, in order.
            sizes: how many of the form's rows or cells each has.
        """
        if len(starts) < 2:
            return 0
        year = self.year()
        befores = [(-1, 0), *starts]
        sections = [(o.block, o.code) for o in find_sections(self.document)]

        def rank(i: int) -> tuple[bool, int, bool, int, int]:
            above = [code for block, code in sections if block < starts[i][0]]
            return (
                sizes[i] * 5 >= max(sizes) * 4,
                self._says_year(year, table, starts[i], befores[i]),
                above[-1:] == [table.code],
                sizes[i],
                -i,
            )

        return max(range(len(starts)), key=rank)

    def _says_year(self, year: int | None, table: Table, start: At, before: At) -> int:
        """1 where the nearest words that name a year name this one alone, -1 where another alone, else 0."""
        for years in self._years_before(year, table, start, before):
            if years:
                return 0 if year is None or len(years) > 1 else 1 if year in years else -1
        return 0

    def _years_before(self, year: int | None, table: Table, start: At, before: At) -> Iterator[set[int]]:
        block, row = start
        grid = self.document.blocks[block] if block < len(self.document.blocks) else None
        if isinstance(grid, Grid):
            above = [
                c for c in grid.cells if c.row < row and (block, c.row) > before and not is_value(c.text)
            ]
            for cell in sorted(above, key=lambda c: (-c.row, c.column)):
                yield _explicit(cell.text)
        paragraphs = [
            b.text
            for b in self.document.blocks[max(before[0], 0) : block]
            if isinstance(b, Paragraph) and b.text.strip() and not _is_label(b.text, table)
        ]
        for text in reversed(paragraphs[-NEAR:]):
            years = _explicit(text)
            if year is not None:
                years |= {year - 1} if _LAST_YEAR.search(text) else set()
                years |= {year} if _THIS_YEAR.search(text) else set()
            yield years


def _is_label(text: str, table: Table) -> bool:
    return any(
        score >= SURE for side in SIDES for score in likenesses(text.strip(), table, side).values()
    ) or is_value(text)


def _explicit(text: str) -> set[int]:
    return {int(year) for year in _YEAR.findall(fold(text))}
