"""Renderers for PDF: text and ruled tables drawn page by page, with a CJK font that is not embedded.

Here: pages, rules (lines, thin rectangles, fills), tables over page breaks, turned pages, pictures of
tables. Not here: PDFs made by other programs (external.py) or scans (out_scan.py).
"""

from __future__ import annotations

import io
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import pypdfium2
from reportlab.lib.utils import ImageReader
from reportlab.pdfbase import pdfmetrics
from reportlab.pdfbase.cidfonts import UnicodeCIDFont
from reportlab.pdfgen.canvas import Canvas

from tests.render.layout import Cell, PrintedTable
from tests.render.report import Report

Rules = Literal["lines", "rects", "fills", "none"]
FONT = "STSong-Light"
A4 = (595.0, 842.0)
MARGIN = 58.0
_PAD = 2.0


@dataclass(frozen=True)
class Style:
    """How the pages look. ``rotate``: the page is stored sideways and turned by its /Rotate.

    ``rule_grey``: how pale stroked rules are, 0 to 1; ``figure_font``: the font of figures alone, one
    of the fourteen that every reader has.
    """

    rules: Rules = "lines"
    size: tuple[float, float] = A4
    rotate: bool = False
    table_font: float = 8.0
    text_font: float = 11.0
    numbers: bool = True
    rule_grey: float = 0.0
    figure_font: str = ""


def _font() -> None:
    if FONT not in pdfmetrics.getRegisteredFontNames():
        pdfmetrics.registerFont(UnicodeCIDFont(FONT))


def _width(text: str, size: float) -> float:
    _font()
    return float(pdfmetrics.stringWidth(text, FONT, size))


def wrap(text: str, room: float, size: float) -> list[str]:
    """The text in lines no wider than ``room`` points; a newline always breaks."""
    lines = []
    for part in text.split("\n"):
        line = ""
        for char in part:
            if line and _width(line + char, size) > room:
                lines.append(line)
                line = ""
            line += char
        lines.append(line)
    return lines


class Pages:
    """A canvas measured from the top left, with a cursor that goes down the page."""

    def __init__(self, target: str | io.BytesIO, style: Style, title: str = "", author: str = "") -> None:
        _font()
        self.style = style
        self.width, self.height = style.size
        # The canvas itself swaps the sides of a page with /Rotate 90.
        self.canvas = Canvas(target, pagesize=style.size, invariant=1, pageCompression=1)
        self.canvas.setTitle(title)
        self.canvas.setAuthor(author)
        self.y = MARGIN
        self.number = 1
        self._begin()

    def _begin(self) -> None:
        if self.style.rotate:
            self.canvas.setPageRotation(90)
            self.canvas.transform(0, 1, -1, 0, self.height, 0)
        self.y = MARGIN

    @property
    def bottom(self) -> float:
        """Where text must end."""
        return self.height - MARGIN

    def next_page(self) -> None:
        """Close the page with its number, go to the next."""
        self._footer()
        self.canvas.showPage()
        self.number += 1
        self._begin()

    def finish(self) -> None:
        """Close the last page and write the file."""
        self._footer()
        self.canvas.showPage()
        self.canvas.save()

    def _footer(self) -> None:
        if self.style.numbers:
            self.text(self.width / 2, self.height - MARGIN / 2, f"— {self.number} —", 9, centre=True)

    def text(self, x: float, base: float, text: str, size: float, centre: bool = False) -> None:
        """A line of text with its base line at ``base``."""
        font = self.style.figure_font if self.style.figure_font and text.isascii() else FONT
        self.canvas.setFont(font, size)
        at = x - float(pdfmetrics.stringWidth(text, font, size)) / 2 if centre else x
        self.canvas.drawString(at, self.height - base, text)

    def paragraph(self, text: str, size: float, indent: float = 0.0, centre: bool = False) -> None:
        """Lines of text, broken where the page ends."""
        leading = size * 1.6
        room = self.width - 2 * MARGIN
        lines = wrap("　" * round(indent) + text, room, size)
        for line in lines:
            if self.y + leading > self.bottom:
                self.next_page()
            self.y += leading
            self.text(self.width / 2 if centre else MARGIN, self.y - size * 0.4, line, size, centre)
        self.y += size * 0.4

    def box(self, left: float, top: float, right: float, bottom: float) -> None:
        """The outline (or ground) of a cell in the style's rules."""
        canvas, high = self.canvas, self.height
        if self.style.rules == "lines":
            canvas.setLineWidth(0.5)
            if self.style.rule_grey:
                canvas.setStrokeGray(self.style.rule_grey)
            for x0, y0, x1, y1 in (
                (left, top, right, top),
                (left, bottom, right, bottom),
                (left, top, left, bottom),
                (right, top, right, bottom),
            ):
                canvas.line(x0, high - y0, x1, high - y1)
        elif self.style.rules == "rects":
            thin = 0.48
            for x, y, w, h in (
                (left, top, right - left, thin),
                (left, bottom, right - left + thin, thin),
                (left, top, thin, bottom - top),
                (right, top, thin, bottom - top),
            ):
                canvas.rect(x, high - y - h, w, h, stroke=0, fill=1)
        elif self.style.rules == "fills":
            canvas.rect(left, high - bottom, right - left, bottom - top, stroke=0, fill=1)
            canvas.setFillGray(1)
            inset = 0.3
            canvas.rect(
                left + inset,
                high - bottom + inset,
                right - left - 2 * inset,
                bottom - top - 2 * inset,
                stroke=0,
                fill=1,
            )
            canvas.setFillGray(0)


def column_lefts(table: PrintedTable, room: float) -> list[float]:
    """Left edges of the grid columns and the right edge of the last, from 0 to ``room``."""
    weights = [1.0] * table.width
    for column in range(table.width):
        single = [c for _, c in table.cells() if c.column == column and c.column_span == 1]
        if single and not any(c.role in ("figure", "extra", "column") for c in single):
            longest = max(max(map(len, c.text.split("\n"))) for c in single)
            weights[column] = 0.6 if "\n" in single[0].text else min(max(longest / 5, 0.9), 2.6)
    lefts, at = [0.0], 0.0
    for weight in weights:
        at += weight * room / sum(weights)
        lefts.append(at)
    return lefts


@dataclass(frozen=True)
class _Slice:
    """A row, or a part of one, as it stands on a page; ``lines`` limits its label's lines."""

    row: int
    height: float
    lines: tuple[int, int] | None = None


def _heights(table: PrintedTable, lefts: list[float], size: float) -> list[float]:
    leading = size * 1.25
    heights = [size * 1.9] * len(table.rows)

    def need(cell: Cell) -> float:
        room = lefts[cell.column + cell.column_span] - lefts[cell.column] - 2 * _PAD
        return len(wrap(cell.text, room, size)) * leading + 2 * _PAD

    for spanning in (False, True):
        for index, cell in table.cells():
            if (cell.row_span > 1) != spanning:
                continue
            end = min(index + cell.row_span, len(heights))
            lacking = need(cell) - sum(heights[index:end])
            if lacking > 0:
                heights[end - 1] += lacking
    return heights


def _pages(
    table: PrintedTable, heights: list[float], room: float, page: float, traits: frozenset[str], size: float
) -> Iterator[list[_Slice]]:
    """Rows by page: ``room`` is left on the first, ``page`` on each further one."""
    head = [_Slice(i, heights[i]) for i in range(table.head_rows)]
    repeat = head if "repeat_header" in traits else []
    cut = _row_to_cut(table) if "cut_label" in traits else None
    current: list[_Slice] = []
    left = room
    for index, height in enumerate(heights):
        if index == cut:
            # The break falls inside this row: one line of its label stays, the rest goes over.
            first = size * 1.25 + _PAD
            if first > left:
                yield current
                current, left = list(repeat), page
            yield [*current, _Slice(index, first, (0, 1))]
            rest = max(height - first, size * 1.9)
            current = [*repeat, _Slice(index, rest, (1, 99))]
            left = page - sum(s.height for s in current)
            continue
        if height > left and current:
            yield current
            current = list(repeat) if index >= table.head_rows else []
            left = page - sum(s.height for s in current)
        current.append(_Slice(index, height))
        left -= height
    yield current


def _row_to_cut(table: PrintedTable) -> int | None:
    labels = [(len(c.text), i) for i, c in table.cells() if c.role == "row" and c.row_span == 1]
    return max(labels)[1] if labels and max(labels)[0] > 15 else None


def draw_table(pages: Pages, table: PrintedTable, traits: frozenset[str] = frozenset()) -> None:
    """Draw a table from the cursor on, over as many pages as it takes."""
    size = pages.style.table_font
    lefts = [MARGIN + x for x in column_lefts(table, pages.width - 2 * MARGIN)]
    heights = _heights(table, lefts, size)
    written: dict[tuple[int, int], int] = {}
    room = pages.bottom - pages.y
    chunks = [c for c in _pages(table, heights, room, pages.bottom - MARGIN, traits, size) if c]
    for number, chunk in enumerate(chunks):
        if number or sum(s.height for s in chunk) > pages.bottom - pages.y:
            pages.next_page()
        _draw_chunk(pages, table, chunk, lefts, size, written)
    pages.y += 6


def _draw_chunk(
    pages: Pages,
    table: PrintedTable,
    chunk: list[_Slice],
    lefts: list[float],
    size: float,
    written: dict[tuple[int, int], int],
) -> None:
    tops: dict[int, tuple[float, float]] = {}
    y = pages.y
    for part in chunk:
        tops[part.row] = (y, y + part.height)
        y += part.height
    limits = {part.row: part.lines for part in chunk}
    repeated = {row for row in tops if row < table.head_rows and row < min(tops) + table.head_rows}
    for index, cell in table.cells():
        rows = [r for r in range(index, index + cell.row_span) if r in tops]
        if not rows:
            continue
        top, bottom = tops[rows[0]][0], tops[rows[-1]][1]
        left, right = lefts[cell.column], lefts[cell.column + cell.column_span]
        pages.box(left, top, right, bottom)
        lines = wrap(cell.text, right - left - 2 * _PAD, size)
        key = (index, cell.column)
        done = 0 if index in repeated else written.get(key, 0)
        leading = size * 1.25
        fit = max(int((bottom - top - _PAD) / leading), 1)
        limit = limits.get(index) if cell.row_span == 1 else None
        now = lines[limit[0] : limit[1]] if limit else lines[done : done + fit]
        if limit and cell.role != "row":
            now = lines if limit[0] == 0 else []
        written[key] = done + len(now)
        base = top + (bottom - top - len(now) * leading) / 2 + size
        for line in now:
            centre = cell.role != "row" or cell.row_span > 1
            pages.text((left + right) / 2 if centre else left + _PAD, base, line, size, centre)
            base += leading
    pages.y = y


def draw(report: Report, target: str | io.BytesIO, style: Style) -> None:
    """Draw a report into a file or a buffer."""
    pages = Pages(target, style, report.page_title, report.agency)
    for block in report.blocks:
        if isinstance(block, PrintedTable):
            if block.picture:
                _picture(pages, table_png(block))
            else:
                draw_table(pages, block, report.traits)
        elif block.kind == "title":
            pages.paragraph(block.text, style.text_font * 1.6, centre=True)
        elif block.kind == "section":
            pages.paragraph(block.text, style.text_font * 1.15, indent=2)
        else:
            pages.paragraph(block.text, style.text_font, indent=0 if block.kind == "sign" else 2)
    pages.finish()


def _picture(pages: Pages, png: bytes) -> None:
    image = ImageReader(io.BytesIO(png))
    wide, high = image.getSize()
    width = pages.width - 2 * MARGIN
    height = min(width * high / wide, pages.bottom - MARGIN)
    if pages.y + height > pages.bottom:
        pages.next_page()
    pages.canvas.drawImage(image, MARGIN, pages.height - pages.y - height, width, height)
    pages.y += height + 6


def table_png(table: PrintedTable, dpi: int = 110) -> bytes:
    """A picture of one table, as offices paste it; needs a CJK font on the machine to show its characters."""
    lefts = column_lefts(table, A4[0] - 2 * MARGIN)
    tall = sum(_heights(table, lefts, 8.0)) + 2 * MARGIN + 20
    buffer = io.BytesIO()
    pages = Pages(buffer, Style(size=(A4[0], tall), numbers=False))
    draw_table(pages, table)
    pages.finish()
    with pypdfium2.PdfDocument(buffer.getvalue()) as pdf:
        image = pdf[0].render(scale=dpi / 72, grayscale=True).to_pil()
    edge = int((MARGIN - 6) * dpi / 72)
    image = image.crop((edge, edge, image.width - edge, image.height - edge))
    image = image.convert("L").point([level // 16 * 17 for level in range(256)])
    out = io.BytesIO()
    image.save(out, "PNG", optimize=True)
    return out.getvalue()


def pdf_lines(report: Report, path: Path) -> None:
    """Portrait pages, tables ruled by stroked lines."""
    draw(report, str(path), Style())


def pdf_rects(report: Report, path: Path) -> None:
    """Tables ruled by thin filled rectangles, as WPS writes them."""
    draw(report, str(path), Style(rules="rects", text_font=14, table_font=9))


def pdf_fills(report: Report, path: Path) -> None:
    """Cells as white fields on black ground: no line anywhere."""
    draw(report, str(path), Style(rules="fills"))


def pdf_landscape(report: Report, path: Path) -> None:
    """Landscape pages; tables go over page breaks sooner."""
    draw(report, str(path), Style(size=(A4[1], A4[0]), text_font=12, table_font=10))


def pdf_rotated(report: Report, path: Path) -> None:
    """Pages stored sideways and shown upright by /Rotate."""
    draw(report, str(path), Style(rotate=True))
