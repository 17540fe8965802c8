"""What Word files and pages share: text, tables and pictures in order, and how they become blocks.

Here: the flow that both readers fill, layout tables taken apart, tables as grids, lines cleaned.
Not here: the markup of a kind of file (word, html).
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace

from pipeline.reading.document import Block, Cell, Grid, Paragraph, Picture

LONG_CELL = 400
"""Characters and paragraphs from which a cell is running text, not a cell of a form."""
LONG_CELL_LINES = 5
FULL_ROW_TEXT = 120
"""Characters from which a row of one cell over the whole width is running text between two tables."""
FILLED = 3
"""Filled cells in a row that make it a row of data."""

# Joiners, directions, soft hyphens, byte order marks: characters that take no room.
_UNSEEN = dict.fromkeys(
    [0x00AD, 0x061C, 0x180E, 0xFEFF, *range(0x200B, 0x2010), *range(0x202A, 0x202F), *range(0x2060, 0x2070)]
)
_SPACES = re.compile(r"[ \t\f\v\u00a0\u2002-\u200a\u202f]+")
_RAISED = str.maketrans("0123456789+-()", "⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻⁽⁾")
_LOWERED = str.maketrans("0123456789+-()", "₀₁₂₃₄₅₆₇₈₉₊₋₍₎")


@dataclass(frozen=True, slots=True)
class Line:
    """A line of text; ``locator`` is its own place, empty inside a table, where the cell's counts."""

    text: str
    locator: str = ""
    level: int | None = None


@dataclass(frozen=True, slots=True)
class Shown:
    """A picture: its number in the file, size as shown, encoded bytes where at hand."""

    number: int
    width: float
    height: float
    data: bytes | None = None
    locator: str = ""
    covers_page: bool = False


@dataclass(slots=True)
class Box:
    """A cell in its place, counted from 0, with what it holds."""

    row: int
    column: int
    row_span: int = 1
    column_span: int = 1
    flow: list[Line | Shown | Table] = field(default_factory=list)

    @property
    def lines(self) -> list[str]:
        """Its lines, those of nested frames among them."""
        found: list[str] = []
        for item in self.flow:
            if isinstance(item, Line):
                found.append(item.text)
            elif isinstance(item, Table) and item.is_frame:
                found.extend(line for box in item.boxes for line in box.lines)
        return found

    @property
    def holds_table(self) -> bool:
        """Whether a table with columns stands in it, however deep."""
        return any(isinstance(item, Table) and not item.is_frame for item in self.flow)


@dataclass(slots=True)
class Table:
    """A table by its number in the file, its boxes row by row."""

    number: int
    boxes: list[Box]

    @property
    def is_column(self) -> bool:
        """Whether no row has more than one box, so that there are no columns to tell apart."""
        rows = [box.row for box in self.boxes]
        return len(rows) == len(set(rows))

    @property
    def is_frame(self) -> bool:
        """Whether it is a column without a table in it: a frame around text."""
        return self.is_column and not any(box.holds_table for box in self.boxes)

    @property
    def is_layout(self) -> bool:
        """Whether it only arranges the page, so that its cells are read one after another."""
        if self.is_column:
            return True
        filled: dict[int, int] = {}
        nested = running = False
        for box in self.boxes:
            inner = box.holds_table
            lines = [line for line in box.lines if line]
            nested = nested or inner
            running = running or (len(lines) >= LONG_CELL_LINES and sum(map(len, lines)) >= LONG_CELL)
            filled[box.row] = filled.get(box.row, 0) + (bool(lines) and not inner)
        rows = sum(1 for count in filled.values() if count)
        data = sum(1 for count in filled.values() if count >= FILLED)
        if nested:
            return not (data >= 2 and 2 * data >= rows)
        return running and data < 2


def blocks(flow: Sequence[Line | Shown | Table], engine: str, place: str = "") -> Iterator[Block]:
    """Blocks in reading order; what stands in a layout table has its cell for a place."""
    for item in flow:
        if isinstance(item, Line):
            yield Paragraph(item.text, item.locator or place, item.level)
        elif isinstance(item, Shown):
            yield _picture(item, place)
        elif item.is_layout:
            for box in item.boxes:
                yield from blocks(box.flow, engine, box_locator(item, box))
        else:
            yield from _table_blocks(item, engine)


def box_locator(table: Table, box: Box) -> str:
    """Where a cell stands: table, row and grid column, each from 1."""
    return f"table={table.number};row={box.row + 1};column={box.column + 1}"


def placed(item: Line | Shown | Table, locator: str) -> Line | Shown | Table:
    """A line or picture with a place where it has none; a table has its own."""
    return item if isinstance(item, Table) or item.locator else replace(item, locator=locator)


def _picture(item: Shown, place: str) -> Picture:
    outer = item.locator or place
    locator = f"{outer};image={item.number}" if outer else f"image={item.number}"
    return Picture(locator, item.width, item.height, item.data, item.covers_page)


def _table_blocks(table: Table, engine: str) -> Iterator[Block]:
    """Grids with the rows of running text between them, then pictures and tables that cells hold."""
    texts = _running_rows(table)
    rows = [text.row for text in texts]
    parts: list[list[Box]] = [[] for _ in range(len(rows) + 1)]
    for box in table.boxes:
        parts[bisect_right(rows, box.row)].append(box)
    ends = [*rows, None]
    yield from _grid(table, parts[0], 0, ends[0], engine)
    for text, part, end in zip(texts, parts[1:], ends[1:], strict=True):
        yield from blocks(text.flow, engine, box_locator(table, text))
        yield from _grid(table, [box for box in part if box is not text], text.row + 1, end, engine)
    apart = {id(text) for text in texts}
    for box in table.boxes:
        if id(box) in apart:
            continue
        place = box_locator(table, box)
        for item in box.flow:
            if isinstance(item, Shown):
                yield _picture(item, place)
            elif isinstance(item, Table):
                # The lines of a frame already stand in the cell, its pictures do not.
                inner = blocks([item], engine, place)
                yield from (b for b in inner if not (item.is_frame and isinstance(b, Paragraph)))


def _running_rows(table: Table) -> list[Box]:
    """Boxes that are whole rows of running text in the middle of a table."""
    long = [b for b in table.boxes if b.row_span == 1 and sum(map(len, b.lines)) >= FULL_ROW_TEXT]
    if not long:
        return []
    # How many boxes cover each row, from where spans begin and end.
    change: Counter[int] = Counter()
    for box in table.boxes:
        change[box.row] += 1
        change[box.row + box.row_span] -= 1
    alone: set[int] = set()
    covering = 0
    for row in range(max(change)):
        covering += change[row]
        if covering == 1:
            alone.add(row)
    return sorted((box for box in long if box.row in alone), key=lambda box: box.row)


def _grid(table: Table, boxes: Sequence[Box], start: int, end: int | None, engine: str) -> Iterator[Grid]:
    """The rows from ``start`` to before ``end`` as a grid, unless they are a part without text."""
    cells = tuple(
        Cell(
            row=box.row - start,
            column=box.column,
            text="\n".join(line for line in box.lines if line),
            locator=box_locator(table, box),
            row_span=box.row_span if end is None else min(box.row_span, end - box.row),
            column_span=box.column_span,
        )
        for box in boxes
    )
    if cells and (start == 0 or any(cell.text for cell in cells)):
        locator = f"table={table.number}" + (f";row={start + 1}" if start else "")
        yield Grid(cells, "spans", locator, engine)


def without_unseen(text: str) -> str:
    """Text without characters that take no room."""
    return text.translate(_UNSEEN)


def tidy(text: str) -> str:
    """A line without unseen characters, runs of blanks as one, no blanks at its ends."""
    return _SPACES.sub(" ", without_unseen(text)).strip()


def raised(text: str) -> str:
    """Digits set above the line as such characters, so that a note's mark never joins a figure."""
    return text.translate(_RAISED)


def lowered(text: str) -> str:
    """Digits set below the line as such characters."""
    return text.translate(_LOWERED)
