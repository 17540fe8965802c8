"""Printed rows: labels and values of a grid's rows, or of a stream of short texts.

Here: splitting what is printed into rows without yet saying which row of the form each one is.
Not here: similarity (labels), assignment (matching), columns (placing).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

from pipeline.cells.numbers import is_value, parse_value
from pipeline.form.folding import fold
from pipeline.reading.document import Cell, Document, Grid, Paragraph, recognised

MAX_LABEL = 80
MAX_OUTER = 6
"""Labels kept before a row's own: its headings, or the pieces of a cut label."""
# A word, then one figure: 行政许可 12.
_LABEL_AND_VALUE = re.compile(r"\D{0,40}[\u4e00-\u9fff）)]\s+[+\-]?\d[\d,.]*")
_WIDE_GAP = re.compile(r"[\s\u3000]{2,}|\u3000")
_TRAILING_FIELDS = re.compile(r"\s+(?=[+\-]?\d[\d,.]*(?:\([^)]*\))?(?:\s|$)|[/—-]+(?:\s|$))")


@dataclass(frozen=True, slots=True)
class PrintedRow:
    """One printed row: label cells from the outermost heading to its own, then value cells as they follow.

    ``source`` and ``index`` say where it stands (which grid, which row of it; -1 for a stream).
    """

    labels: tuple[Cell, ...]
    values: tuple[Cell, ...]
    source: int
    index: int


def matrix(grid: Grid) -> list[list[Cell | None]]:
    """The grid as rows × columns, each place holding the cell that covers it."""
    width = grid.column_count
    places: list[list[Cell | None]] = [[None] * width for _ in range(grid.row_count)]
    for cell in grid.cells:
        for r in range(cell.row, min(cell.row + cell.row_span, len(places))):
            for c in range(cell.column, min(cell.column + cell.column_span, width)):
                if places[r][c] is None:
                    places[r][c] = cell
    return places


def distinct(cells: Iterable[Cell | None]) -> list[Cell]:
    """The cells of a row or column of a matrix, each once, in order."""
    found: list[Cell] = []
    for cell in cells:
        if cell is not None and (not found or found[-1] is not cell):
            found.append(cell)
    return found


def grid_rows(grid: Grid, source: int) -> Iterator[PrintedRow]:
    """Rows of a grid; one that holds label-value groups side by side gives one printed row for each.

    In fields of a text a label may stand on a line before its values.
    """
    if grid.layout == "fields":
        grid = _rejoined(grid)
    for index, places in enumerate(matrix(grid)):
        labels: list[Cell] = []
        values: list[Cell] = []
        cells = distinct(places)
        if not any(cell.row == index and cell.text.strip() for cell in cells):
            # Nothing but cells that span down into it: a rule drawn through them, no row.
            continue
        for cell in cells:
            if not cell.text.strip():
                if labels:
                    values.append(cell)
            elif is_value(cell.text) and labels:
                if cell.row == index:
                    values.append(cell)
            elif is_value(cell.text):
                continue
            elif any(v.text.strip() for v in values):
                if _is_remark_column(cell, values):
                    values.append(cell)
                    continue
                yield PrintedRow(tuple(labels), tuple(values), source, index)
                labels, values = [cell], []
            else:
                # Blank fields between two labels are fillers of a span.
                labels.append(cell)
                values = []
        if labels:
            yield PrintedRow(tuple(labels), tuple(values), source, index)


def _rejoined(grid: Grid) -> Grid:
    """The grid with lines of values alone put behind a line that is one label without values."""
    lines: dict[int, list[Cell]] = {}
    for cell in sorted(grid.cells, key=lambda c: (c.row, c.column)):
        lines.setdefault(cell.row, []).append(cell)
    moved: dict[int, Cell] = {}
    taken: int | None = None
    for row, cells in lines.items():
        filled = [c for c in cells if c.text.strip()]
        before = [c for c in lines.get(row - 1, ()) if c.text.strip()]
        alone = len(before) == 1 and not is_value(before[0].text) and row - 1 != taken
        if filled and all(is_value(c.text) for c in filled) and filled[0] is cells[0] and alone:
            first = before[0].column + before[0].column_span
            moved |= {id(c): replace(c, row=row - 1, column=c.column + first) for c in cells}
            taken = row
    if not moved:
        return grid
    cells = [moved.get(id(c), c) for c in grid.cells]
    fresh = {(c.row, c.column) for c in moved.values()}
    kept = [c for c in cells if id(c) not in {id(m) for m in moved.values()}]
    kept = [c for c in kept if (c.row, c.column) not in fresh or c.text.strip()]
    return replace(grid, cells=(*kept, *moved.values()))


def _is_remark_column(cell: Cell, values: Sequence[Cell]) -> bool:
    """Words that hold a figure (约5件) stand among values and are no label."""
    return any(ch.isdigit() for ch in fold(cell.text)) and len(cell.text.strip()) <= 12 and len(values) >= 1


def stream_items(document: Document) -> Iterator[Cell]:
    """All that the document prints, one short text after another; blanks where a cell holds them.

    An item's row is the index of the block that prints it. Lines recognised in a picture are left out:
    they carry no confidence, and which of them stand together is a guess.
    """
    for index, block in enumerate(document.blocks):
        if isinstance(block, Paragraph) and not recognised(block.locator):
            if not block.text:
                yield Cell(index, 0, "", block.locator)
            for line in block.text.split("\n"):
                yield from _line_items(line, block.locator, index)
        elif isinstance(block, Grid):
            for cell in sorted(block.cells, key=lambda c: (c.row, c.column)):
                yield replace(cell, row=index, column=0)


def _line_items(line: str, locator: str, block: int) -> Iterator[Cell]:
    """A text line as items: figures that trail a label, and columns that wide gaps part, each their own."""
    text = line.strip()
    if not text:
        return
    parts = [p for p in _TRAILING_FIELDS.split(text) if p.strip()]
    values = len(parts) > 1 and all(parse_value(p, "amount").status != "text" for p in parts[1:])
    if not values or (len(parts) == 2 and not _LABEL_AND_VALUE.fullmatch(text)):
        parts = _WIDE_GAP.split(text)
        parts = parts if len(parts) > 3 else [text]
    for part in parts:
        yield Cell(block, 0, part, locator)


def stream_rows(items: Iterable[Cell]) -> list[PrintedRow]:
    """Rows of a stream: a label with the figures up to the next one. Long text ends a row.

    A label that others follow at once is a row too, without figures: a heading, or a row left blank.
    """
    rows: list[PrintedRow] = []
    labels: list[Cell] = []
    values: list[Cell] = []

    def close() -> None:
        if labels:
            rows.append(PrintedRow(tuple(labels[-MAX_OUTER:]), tuple(values), -1, len(rows)))

    for item in items:
        if is_value(item.text) and len(item.text) <= 30:
            if labels and item.text.strip():
                values.append(item)
        elif len(item.text) > MAX_LABEL:
            close()
            labels, values = [], []
        else:
            close()
            if values:
                labels, values = [], []
            labels.append(item)
    close()
    return rows


def joined(upper: Grid, lower: Grid) -> Grid:
    """Two grids as one, the second below the first: a table that goes on after a page break."""
    moved = (replace(c, row=c.row + upper.row_count) for c in lower.cells)
    return replace(upper, cells=(*upper.cells, *moved))


def transposed(grid: Grid) -> Grid:
    """The grid with rows and columns changed places."""
    return replace(
        grid,
        cells=tuple(
            replace(c, row=c.column, column=c.row, row_span=c.column_span, column_span=c.row_span)
            for c in grid.cells
        ),
    )
