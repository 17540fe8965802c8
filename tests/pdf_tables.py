"""Small PDFs with a table of known cells, for the tests of the PDF readers.

Here: drawing one table in many manners of rules and grounds, and saying what a Grid should be.
Not here: whole reports (render/).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from reportlab.pdfbase import pdfmetrics
from reportlab.pdfbase.cidfonts import UnicodeCIDFont
from reportlab.pdfgen.canvas import Canvas

from pipeline.reading.document import Document, Grid

FONT = "STSong-Light"
WIDE, HIGH = 595.0, 842.0
COLUMNS = (60.0, 40.0, 140.0, 60.0, 60.0, 60.0)
ROW = 24.0
LEFT, TOP = 80.0, 150.0

Known = tuple[int, int, int, int, str]
"""row, column, row span, column span, text with lines parted by a newline"""

CELLS: tuple[Known, ...] = (
    (0, 0, 2, 3, "（合计等于各项之和，\n两行书写）"),
    (0, 3, 1, 3, "单位情况"),
    (1, 3, 1, 1, "个人"),
    (1, 4, 1, 1, "企业"),
    (1, 5, 1, 1, "总计"),
    (2, 0, 1, 3, "一、本年新收数量"),
    (2, 3, 1, 1, "11"),
    (2, 4, 1, 1, "100"),
    (2, 5, 1, 1, "111"),
    (3, 0, 3, 1, "三、办理\n结果"),
    (3, 1, 1, 2, "（一）公开"),
    (3, 3, 1, 1, "1234"),
    (3, 4, 1, 1, "0"),
    (3, 5, 1, 1, "1234"),
    (4, 1, 2, 1, "（二）"),
    (4, 2, 1, 1, "1.属于国家秘密"),
    (4, 3, 1, 1, "0"),
    (4, 4, 1, 1, ""),
    (4, 5, 1, 1, "0"),
    (5, 2, 1, 1, "2.其他"),
    (5, 3, 1, 1, "7"),
    (5, 4, 1, 1, "8"),
    (5, 5, 1, 1, "15"),
)
"""A table with merged cells both ways, repeated digits, zeros and an empty cell."""


def edges() -> tuple[list[float], list[float]]:
    """Edges of columns and rows from the top left of the page."""
    xs = [LEFT]
    for width in COLUMNS:
        xs.append(xs[-1] + width)
    return xs, [TOP + ROW * i for i in range(7)]


@dataclass(frozen=True)
class Box:
    """A cell's outline from the top left."""

    left: float
    top: float
    right: float
    bottom: float


def box(cell: Known) -> Box:
    """Where a cell of the table stands."""
    xs, ys = edges()
    row, column, rows, columns, _ = cell
    return Box(xs[column], ys[row], xs[column + columns], ys[row + rows])


def canvas(path: Path, size: tuple[float, float] = (WIDE, HIGH)) -> Canvas:
    """A canvas with the CJK font at hand."""
    if FONT not in pdfmetrics.getRegisteredFontNames():
        pdfmetrics.registerFont(UnicodeCIDFont(FONT))
    made = Canvas(str(path), pagesize=size, invariant=1, pageCompression=0)
    made.setFont(FONT, 10)
    return made


def write(c: Canvas, x: float, y: float, text: str, size: float = 10, font: str = FONT) -> None:
    """Text with its base line at y from the top."""
    c.setFont(font, size)
    c.drawString(x, HIGH - y, text)


Writer = Callable[[Canvas, float, float, str], None]


def texts(c: Canvas, cells: Iterable[Known] = CELLS, writer: Writer = write) -> None:
    """The cells' texts, centred."""
    for cell in cells:
        b = box(cell)
        lines = cell[4].split("\n")
        y = (b.top + b.bottom) / 2 - 12 * len(lines) / 2 + 9.5
        for line in lines:
            width = pdfmetrics.stringWidth(line, FONT, 10)
            writer(c, (b.left + b.right - width) / 2, y, line)
            y += 12


def sides(cells: Iterable[Known] = CELLS) -> Iterator[tuple[float, float, float, float]]:
    """The four sides of every cell as (x0, y0, x1, y1) from the top; shared ones come twice."""
    for cell in cells:
        b = box(cell)
        yield b.left, b.top, b.right, b.top
        yield b.left, b.bottom, b.right, b.bottom
        yield b.left, b.top, b.left, b.bottom
        yield b.right, b.top, b.right, b.bottom


def cell_lines(c: Canvas) -> None:
    """Four strokes for each cell."""
    c.setLineWidth(0.5)
    for x0, y0, x1, y1 in sides():
        c.line(x0, HIGH - y0, x1, HIGH - y1)


def cell_rects(c: Canvas) -> None:
    """A stroked rectangle for each cell."""
    for cell in CELLS:
        b = box(cell)
        c.rect(b.left, HIGH - b.bottom, b.right - b.left, b.bottom - b.top)


def thin_rects(c: Canvas) -> None:
    """A thin filled rectangle for each side, with a square at each corner, as word processors write."""
    for x0, y0, x1, y1 in sides():
        if y0 == y1:
            c.rect(x0 + 0.48, HIGH - y0 - 0.48, x1 - x0 - 0.48, 0.48, stroke=0, fill=1)
        else:
            c.rect(x0, HIGH - y1, 0.48, y1 - y0 - 0.48, stroke=0, fill=1)
        c.rect(x0, HIGH - y0 - 0.48, 0.48, 0.48, stroke=0, fill=1)


def one_path(c: Canvas) -> None:
    """All thin rectangles in one path."""
    path = c.beginPath()
    for x0, y0, x1, y1 in sides():
        path.rect(x0, HIGH - y1, max(x1 - x0, 0.5), max(y1 - y0, 0.5))
    c.drawPath(path, stroke=0, fill=1)


def white_on_black(c: Canvas) -> None:
    """White cells on a black ground, the old manner of web pages."""
    xs, ys = edges()
    c.setFillGray(0)
    c.rect(xs[0], HIGH - ys[-1], xs[-1] - xs[0], ys[-1] - ys[0], stroke=0, fill=1)
    c.setFillGray(1)
    for cell in CELLS:
        b = box(cell)
        c.rect(b.left + 0.5, HIGH - b.bottom + 0.5, b.right - b.left - 1, b.bottom - b.top - 1, 0, 1)
    c.setFillGray(0)


def tinted(c: Canvas) -> None:
    """Coloured cells with a little white between, no rule anywhere."""
    for number, cell in enumerate(CELLS):
        b = box(cell)
        c.setFillColorRGB(0.8, 0.9 - 0.1 * (number % 2), 1)
        c.rect(b.left + 0.7, HIGH - b.bottom + 0.7, b.right - b.left - 1.4, b.bottom - b.top - 1.4, 0, 1)
    c.setFillGray(0)


def no_frame(c: Canvas) -> None:
    """Inner rules only."""
    xs, ys = edges()
    for x0, y0, x1, y1 in sides():
        outer = (x0 == x1 and x0 in (xs[0], xs[-1])) or (y0 == y1 and y0 in (ys[0], ys[-1]))
        if not outer:
            c.line(x0, HIGH - y0, x1, HIGH - y1)


def double_rules(c: Canvas) -> None:
    """Each side drawn as two lines 1.5 points apart."""
    c.setLineWidth(0.4)
    for x0, y0, x1, y1 in sides():
        for shift in (-0.75, 0.75):
            dx, dy = (0.0, shift) if y0 == y1 else (shift, 0.0)
            c.line(x0 + dx, HIGH - y0 + dy, x1 + dx, HIGH - y1 + dy)


def dashed(c: Canvas) -> None:
    """Strokes with a dash pattern."""
    c.setDash(3, 2)
    cell_lines(c)
    c.setDash()


def pieces(c: Canvas) -> None:
    """Dashes drawn one by one, and a gap at each corner."""
    for x0, y0, x1, y1 in sides():
        length = max(x1 - x0, y1 - y0)
        at = 1.5
        while at < length - 1.5:
            end = min(at + 3, length - 1.5)
            if y0 == y1:
                c.line(x0 + at, HIGH - y0, x0 + end, HIGH - y0)
            else:
                c.line(x0, HIGH - y0 - at, x0, HIGH - y0 - end)
            at += 5.5


def dots(c: Canvas) -> None:
    """Dotted borders: squares of one point."""
    for x0, y0, x1, y1 in sides():
        length = max(x1 - x0, y1 - y0)
        for step in range(int(length // 2) + 1):
            x, y = (x0 + 2 * step, y0) if y0 == y1 else (x0, y0 + 2 * step)
            c.rect(x - 0.5, HIGH - y - 0.5, 1, 1, stroke=0, fill=1)


def lines_and_grounds(c: Canvas) -> None:
    """Ruled, with a ground under the head, and a ground of words that is no cell."""
    xs, ys = edges()
    c.setFillColorRGB(0.85, 0.9, 1)
    c.rect(xs[0], HIGH - ys[2], xs[-1] - xs[0], ys[2] - ys[0], stroke=0, fill=1)
    c.setFillColorRGB(1, 1, 0)
    c.rect(xs[0] + 30, HIGH - ys[3] + 6, 80, 12, stroke=0, fill=1)
    c.setFillGray(1)
    c.rect(xs[3] + 20, HIGH - ys[4] + 6, 30, 12, stroke=0, fill=1)
    c.setFillGray(0)
    cell_lines(c)


def in_form(c: Canvas) -> None:
    """Rules inside nested form XObjects, moved and scaled into place."""
    c.beginForm("inner")
    c.scale(2, 2)
    c.setLineWidth(0.25)
    for x0, y0, x1, y1 in sides():
        c.line((x0 - 10) / 2, (HIGH - y0 - 20) / 2, (x1 - 10) / 2, (HIGH - y1 - 20) / 2)
    c.endForm()
    c.beginForm("outer")
    c.translate(10, 0)
    c.doForm("inner")
    c.endForm()
    c.saveState()
    c.translate(0, 20)
    c.doForm("outer")
    c.restoreState()


STYLES: dict[str, Callable[[Canvas], None]] = {
    f.__name__: f
    for f in (
        cell_lines,
        cell_rects,
        thin_rects,
        one_path,
        white_on_black,
        tinted,
        no_frame,
        double_rules,
        dashed,
        pieces,
        dots,
        lines_and_grounds,
        in_form,
    )
}


def grids(document: Document) -> list[Grid]:
    """The document's grids in order."""
    return [b for b in document.blocks if isinstance(b, Grid)]


def known(grid: Grid) -> tuple[Known, ...]:
    """A grid's cells as ``CELLS`` gives them."""
    return tuple((c.row, c.column, c.row_span, c.column_span, c.text) for c in grid.cells)


def squeezed(cells: Iterable[Known]) -> list[Known]:
    """Cells with white space out of their texts."""
    return [(r, c, rs, cs, re.sub(r"\s+", "", text)) for r, c, rs, cs, text in cells]
