"""PDF files, second opinion: characters as pdfminer decodes them, tables as pdfplumber finds them.

Here: another engine's word, asked for where the form's identities do not close on the first.
Not here: what is a page's own text: which pages are pictures, what is invisible, a watermark or a
running line is taken from the first engine, since this one cannot tell.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pdfplumber
from numpy.typing import NDArray
from pdfminer.pdfexceptions import PDFException
from pdfminer.psexceptions import PSException
from pdfplumber.page import Page
from pdfplumber.utils.exceptions import PdfminerException

from pipeline.reading.document import Block, Cell, Document, Grid, Paragraph, Picture
from pipeline.reading.pdf import PageReading, box_of, page_blocks, read_pages, whole_page
from pipeline.reading.pdf_clean import UNREAD
from pipeline.reading.pdf_objects import THIN, Box
from pipeline.reading.pdf_text import Mark, cell_text, paragraphs, text_lines, union

ENGINE = "pdfplumber"
_SETTINGS = {"snap_tolerance": 3, "join_tolerance": 4, "intersection_tolerance": 4, "edge_min_length": 3}
MAX_DRAWN = 4_000
"""Rules and grounds on a page beyond which pdfplumber takes minutes: the first engine's word stands."""
_UNMAPPED = re.compile(r"^\(cid:\d+\)$")
_ERRORS = (PDFException, PSException, PdfminerException, ValueError, KeyError, TypeError, IndexError)
"""What pdfminer lets out for files that are out of order."""


def read_pdf_again(path: Path) -> Document:
    """Read a PDF by pdfplumber; same blocks and locators as ``read_pdf``, engine ``pdfplumber``.

    A page or file that this engine cannot read is given as the first engine read it.

    Raises:
        ReadingError: as ``read_pdf``.
    """
    pages, hints, count = read_pages(path)
    # pdfminer reports every oddity of a font; what matters shows in the reading.
    logging.getLogger("pdfminer").setLevel(logging.ERROR)
    blocks = [block for page, found in _both(path, pages) for block in found or page_blocks(page)]
    return Document("pdf", tuple(blocks), hints, count)


def _both(path: Path, pages: Sequence[PageReading]) -> Iterator[tuple[PageReading, list[Block]]]:
    """Each page with this engine's blocks; with none where this engine cannot open the file."""
    try:
        pdf = pdfplumber.open(path)
    except _ERRORS:
        yield from ((page, []) for page in pages)
        return
    with pdf:
        try:
            by_number = dict(enumerate(_page_makers(pdf), 1))
        except _ERRORS:
            by_number = {}
        for page in pages:
            yield page, _blocks(page, by_number.get(page.number))


def _page_makers(pdf: pdfplumber.PDF) -> Iterator[Callable[[int], Page]]:
    """For each page, how to make it turned by some more quarter turns."""
    from pdfminer.pdfpage import PDFPage

    for number, found in enumerate(PDFPage.create_pages(pdf.doc), 1):

        def make(quarter: int, found: PDFPage = found, number: int = number) -> Page:
            found.rotate = (found.rotate - 90 * quarter) % 360
            return Page(pdf, found, page_number=number, initial_doctop=0)

        yield make


def _blocks(page: PageReading, make: Callable[[int], Page] | None) -> list[Block]:
    if page.pictured:
        return [whole_page(page)]
    drawn = len(page.content.across) + len(page.content.down) + len(page.content.fills)
    if make is None or drawn > MAX_DRAWN:
        return page_blocks(page)
    # Turned so that the text runs upright, its coordinates are those of the first engine's content.
    other = make(page.quarter)
    try:
        found = _other_marks(other)
        tables = _other_tables(other)
    except _ERRORS:
        return page_blocks(page)
    finally:
        other.close()
    return _page_blocks(page, _seen(found, page), tables)


def _other_marks(other: Page) -> list[Mark]:
    return _marks(other.dedupe_chars(tolerance=1).chars, _corner(other))


def _other_tables(other: Page) -> list[list[Box]]:
    """The cells of each table that pdfplumber finds."""
    found = other.filter(_is_rule_or_text).find_tables(_SETTINGS)
    return [[_moved(cell, _corner(other)) for cell in table.cells] for table in found]


def _corner(other: Page) -> tuple[float, float]:
    return (float(other.bbox[0]), float(other.bbox[1]))


def _page_blocks(page: PageReading, found: list[Mark], tables: Sequence[Sequence[Box]]) -> list[Block]:
    first = page_blocks(page)
    unread = [box_of(c.locator) for g in first if isinstance(g, Grid) for c in g.cells if UNREAD in c.text]
    pictures = [block for block in first if isinstance(block, Picture)]
    hidden = [box_of(picture.locator) for picture in pictures]
    placed: list[tuple[float, Block]] = []
    taken: set[int] = set()
    for cells in tables:
        made = _grid(cells, found, page, taken)
        if made is not None and not any(_holds(box_of(made[1].locator), box) for box in hidden):
            placed.append((made[0], _with_unread(made[1], unread)))
    breaks = sorted(top for top, _ in placed)
    free = [m for i, m in enumerate(found) if i not in taken]
    groups: dict[int, list[Any]] = {}
    for line in text_lines(free):
        groups.setdefault(int(np.searchsorted(breaks, line.middle)), []).append(line)
    for lines in groups.values():
        for group in paragraphs(lines):
            place = page.locate(union([line.box for line in group]))
            placed.append((group[0].middle, Paragraph("\n".join(line.text for line in group), place)))
    for picture, box in zip(pictures, hidden, strict=True):
        placed.append((page.content_box(box)[1], picture))
    return [block for _, block in sorted(placed, key=lambda entry: entry[0])]


def _holds(outer: Box, inner: Box) -> bool:
    x, y = (inner[0] + inner[2]) / 2, (inner[1] + inner[3]) / 2
    return outer[0] < x < outer[2] and outer[1] < y < outer[3]


def _with_unread(grid: Grid, unread: Sequence[Box]) -> Grid:
    """The grid with cells marked that hold something which the first engine found to be no text."""
    cells = tuple(
        replace(cell, text=UNREAD, confidence=0.0)
        if UNREAD not in cell.text and any(_holds(box_of(cell.locator), box) for box in unread)
        else cell
        for cell in grid.cells
    )
    return replace(grid, cells=cells)


def _is_rule_or_text(thing: dict[str, Any]) -> bool:
    """White grounds, which word processors put under words and cells alike, show no table."""
    if thing["object_type"] != "rect" or thing.get("stroke") or min(thing["width"], thing["height"]) <= THIN:
        return True
    colour = thing.get("non_stroking_color")
    return colour is None or not all(part == 1 for part in np.atleast_1d(np.asarray(colour, dtype=object)))


def _moved(box: Sequence[float], shift: tuple[float, float]) -> Box:
    left, top, right, bottom = (float(side) for side in box)
    return (left - shift[0], top - shift[1], right - shift[0], bottom - shift[1])


def _marks(chars: Sequence[dict[str, Any]], shift: tuple[float, float]) -> list[Mark]:
    found = []
    for char in chars:
        left, top, right, bottom = _moved((char["x0"], char["top"], char["x1"], char["bottom"]), shift)
        text = UNREAD if _UNMAPPED.match(char["text"]) else char["text"]
        em = float(char["size"]) or bottom - top
        for part in text or UNREAD:
            blank = part.isspace() or part == "\0"
            found.append(Mark(left, top, right, bottom, (top + bottom) / 2, em, part, 0, blank, 0))
    return found


def _seen(found: list[Mark], page: PageReading) -> list[Mark]:
    """Leave out characters at places where the first engine left some out, and those off its text."""
    boxes: NDArray[np.float64] = page.dropped
    if not len(boxes) or not found:
        return found
    shown = [page.shown_box((m.left, m.top, m.right, m.bottom)) for m in found]
    x = np.array([(b[0] + b[2]) / 2 for b in shown])
    y = np.array([(b[1] + b[3]) / 2 for b in shown])
    kept = page.content.glyphs
    out = np.zeros(len(found), dtype=bool)
    for left, top, right, bottom in boxes.tolist():
        out |= (x > left - 0.5) & (x < right + 0.5) & (y > top - 0.5) & (y < bottom + 0.5)
    for i in np.flatnonzero(out):
        # A watermark lies across text: the text's own characters stay.
        mark = found[i]
        near = (np.abs(kept.cx - (mark.left + mark.right) / 2) < 1.5) & (
            np.abs(kept.cy - mark.middle) < 0.4 * mark.em
        )
        same = kept.code[near] == ord(mark.char)
        if same.any() and (np.abs(kept.em[near][same] - mark.em) < 0.2 * mark.em).any():
            out[i] = False
    return [m for i, m in enumerate(found) if not out[i]]


def _grid(
    boxes: Sequence[Box], found: Sequence[Mark], page: PageReading, taken: set[int]
) -> tuple[float, Grid] | None:
    """A table's cells as a Grid: edges of all cells make rows and columns, a cell spans those it covers."""
    if len(boxes) < 2:
        return None
    xs = _edges([side for b in boxes for side in (b[0], b[2])])
    ys = _edges([side for b in boxes for side in (b[1], b[3])])
    if len(xs) < 3:
        return None
    outline = union(boxes)
    inside = [
        i
        for i, m in enumerate(found)
        if outline[0] <= (m.left + m.right) / 2 <= outline[2] and outline[1] <= m.middle <= outline[3]
    ]
    cells = []
    for box in boxes:
        column, right = _nearest(xs, box[0]), _nearest(xs, box[2])
        row, bottom = _nearest(ys, box[1]), _nearest(ys, box[3])
        mine = [
            i
            for i in inside
            if i not in taken
            and box[0] <= (found[i].left + found[i].right) / 2 < box[2]
            and box[1] <= found[i].middle < box[3]
        ]
        taken.update(mine)
        text = cell_text([found[i] for i in mine])
        place = page.locate(box)
        cells.append(Cell(row, column, text, place, max(bottom - row, 1), max(right - column, 1)))
    cells.sort(key=lambda c: (c.row, c.column))
    return outline[1], Grid(tuple(cells), "spans", page.locate(outline), ENGINE)


def _edges(sides: Sequence[float]) -> list[float]:
    edges: list[float] = []
    for side in sorted(sides):
        if not edges or side - edges[-1] > 2:
            edges.append(side)
    return edges


def _nearest(edges: Sequence[float], at: float) -> int:
    return min(range(len(edges)), key=lambda i: abs(edges[i] - at))
