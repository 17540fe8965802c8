"""From a table's lattice and the page's glyphs to a Grid.

Here: which glyph belongs to which cell, figures that a lost rule put into one cell, cells whose
content is drawn without text. Not here: finding the lattice (pdf_geometry) or lines (pdf_text).
"""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from pipeline.reading.document import Cell, Grid
from pipeline.reading.pdf_clean import UNKNOWN, UNREAD, spaces
from pipeline.reading.pdf_geometry import Lattice
from pipeline.reading.pdf_objects import Box, Floats, Glyphs, PageContent
from pipeline.reading.pdf_text import Mark, cell_text, marks, text_lines

ENGINE = "pdfium"
TOO_GARBLED = 0.3
_FIGURE = re.compile(r"^[+\-−]?[\d０-９][\d０-９,，.．]*$")

Locate = Callable[[Box], str]
Spans = list[tuple[int, int, int, int]]
ByCell = Mapping[int, list[Mark]]


def in_table(lattice: Lattice, glyphs: Glyphs) -> NDArray[np.bool_]:
    """Which glyphs stand inside the table's outline."""
    left, top, right, bottom = lattice.box
    x, y = glyphs.cx, glyphs.cy
    return (x > left - 1) & (x < right + 1) & (y > top) & (y < bottom)


def grid(lattice: Lattice, glyphs: Glyphs, content: PageContent, locate: Locate) -> Grid | None:
    """The table with its text.

    Args:
        glyphs: those inside the table.
        locate: from a box on this content to a locator.
    Returns:
        None where the table's text is not to be had from the file (drawn as shapes or pictures, or
        set in fonts that do not name their characters): it wants to be read as a picture.
    """
    found = marks(glyphs)
    lattice, by_cell = _with_lost_rows(lattice, glyphs, found)
    lattice, by_cell = _with_lost_rules(lattice, glyphs, found, by_cell)
    drawn = _drawn(lattice, content)
    cells = []
    unread = 0
    for k, (row, column, rows, columns) in enumerate(lattice.spans):
        text = cell_text(by_cell.get(k, ()))
        if not text and drawn[k]:
            text, unread = UNREAD, unread + 1
        confidence = 0.0 if UNREAD in text else 1.0
        cells.append(Cell(row, column, text, locate(lattice.cell_box(k)), rows, columns, confidence))
    solid = glyphs.code[~spaces(glyphs)]
    if not len(solid) and not unread:
        return Grid(tuple(cells), "spans", locate(lattice.box), ENGINE) if _worth_keeping(lattice) else None
    garbled = (solid == UNKNOWN).mean() if len(solid) else 0.0
    if garbled > TOO_GARBLED or unread > TOO_GARBLED * len(cells):
        return None
    return Grid(tuple(cells), "spans", locate(lattice.box), ENGINE)


def _worth_keeping(lattice: Lattice) -> bool:
    """An empty piece of a table (the last rows of a continued one) is still a table."""
    return len(lattice.ys) > 1 and len(lattice.xs) > 3


def owners(lattice: Lattice, glyphs: Glyphs) -> NDArray[np.intp]:
    """For each glyph, the cell in which its centre stands."""
    column = np.clip(np.searchsorted(lattice.xs, glyphs.cx) - 1, 0, len(lattice.xs) - 2)
    row = np.clip(np.searchsorted(lattice.ys, glyphs.cy) - 1, 0, len(lattice.ys) - 2)
    return lattice.owner[row, column]


def _by_cell(lattice: Lattice, glyphs: Glyphs, found: Sequence[Mark]) -> ByCell:
    cells: dict[int, list[Mark]] = {}
    homes = owners(lattice, glyphs).tolist()
    for run in _runs_over_rules(lattice, found, homes):
        widths: dict[int, float] = {}
        for i in run:
            widths[homes[i]] = widths.get(homes[i], 0.0) + found[i].right - found[i].left
        home = max(widths, key=lambda k: widths[k])
        for i in run:
            homes[i] = home
    for k, mark in zip(homes, found, strict=True):
        cells.setdefault(k, []).append(mark)
    return cells


def _runs_over_rules(lattice: Lattice, found: Sequence[Mark], homes: Sequence[int]) -> list[list[int]]:
    """Figures wider than their cell: digits in a row, one with a rule through it or written in one go.

    Each run is to stay whole; digits written apart that meet at a rule are figures of tight cells.
    """
    edges = lattice.xs[1:-1].tolist()
    figures = [i for i, m in enumerate(found) if m.char in _FIGURE_CHARS]
    crossing = []
    for i in figures:
        left, _, right, _, _, em, *_ = found[i]
        if bisect_right(edges, left - 0.1 * em) < bisect_left(edges, right + 0.1 * em):
            crossing.append(i)
    runs = []
    for start in crossing:
        middle, slack = found[start].middle, 0.2 * found[start].em
        near = [i for i in figures if abs(found[i][4] - middle) < slack]
        near.sort(key=lambda i: found[i].left)
        at = near.index(start)
        low = high = at
        while low > 0 and _adjoin(found[near[low - 1]], found[near[low]], edges):
            low -= 1
        while high + 1 < len(near) and _adjoin(found[near[high]], found[near[high + 1]], edges):
            high += 1
        run = near[low : high + 1]
        if len({homes[i] for i in run}) > 1:
            runs.append(run)
    return runs


def _adjoin(a: Mark, b: Mark, edges: Sequence[float]) -> bool:
    """Whether two digits side by side are of one figure."""
    if abs(b.left - a.right) >= 0.1 * a.em:
        return False
    if a.piece == b.piece:
        return True
    slack = 0.15 * (a.right - a.left)
    return not any(a.right - slack <= x <= b.left + slack for x in edges)


def _drawn(lattice: Lattice, content: PageContent) -> NDArray[np.bool_]:
    """Cells that hold shapes or pictures as high as writing: what they say is not in the text."""
    drawn = np.zeros(len(lattice.spans), dtype=bool)
    boxes = [tuple(b) for b in content.outlines.tolist()] + [i.box for i in content.images]
    if not boxes:
        return drawn
    left, top, right, bottom = lattice.box
    for b in boxes:
        x, y = (b[0] + b[2]) / 2, (b[1] + b[3]) / 2
        if not (left < x < right and top < y < bottom and 3 <= b[3] - b[1] <= 60):
            continue
        column = int(np.searchsorted(lattice.xs, x)) - 1
        row = int(np.searchsorted(lattice.ys, y)) - 1
        k = int(lattice.owner[row, column])
        cell = lattice.cell_box(k)
        if b[0] > cell[0] - 2 and b[2] < cell[2] + 2 and b[1] > cell[1] - 2 and b[3] < cell[3] + 2:
            drawn[k] = True
    return drawn


def _with_lost_rules(
    lattice: Lattice, glyphs: Glyphs, found: Sequence[Mark], by_cell: ByCell
) -> tuple[Lattice, ByCell]:
    """Cut a merged cell that holds several figures, each within a place of its own: its rules were lost."""
    merged = [k for k, (_, _, rows, columns) in enumerate(lattice.spans) if rows * columns > 1]
    cut: set[int] = set()
    for k in merged:
        mine = by_cell.get(k, [])
        if len(mine) < 2 or not all(m.blank or m.char in _FIGURE_CHARS for m in mine):
            continue
        pieces = [s.box for line in text_lines(mine) for s in line.segments]
        places = {_place(lattice, box) for box in pieces}
        if len(pieces) > 1 and None not in places and len(places) == len(pieces):
            cut.add(k)
    if not cut:
        return lattice, by_cell
    spans: Spans = []
    for k, span in enumerate(lattice.spans):
        row, column, rows, columns = span
        if k in cut:
            spans += [(r, c, 1, 1) for r in range(row, row + rows) for c in range(column, column + columns)]
        else:
            spans.append(span)
    lattice = _rebuilt(lattice.xs, lattice.ys, spans)
    return lattice, _by_cell(lattice, glyphs, found)


_FIGURE_CHARS = frozenset("0123456789０１２３４５６７８９,，.．-−+")


def _place(lattice: Lattice, box: Box) -> tuple[int, int] | None:
    """The place (row, column) that holds the whole box."""
    column = int(np.searchsorted(lattice.xs, (box[0] + box[2]) / 2)) - 1
    row = int(np.searchsorted(lattice.ys, (box[1] + box[3]) / 2)) - 1
    if not (0 <= row < len(lattice.ys) - 1 and 0 <= column < len(lattice.xs) - 1):
        return None
    fits = box[0] >= lattice.xs[column] - 1 and box[2] <= lattice.xs[column + 1] + 1
    return (row, column) if fits else None


def _with_lost_rows(lattice: Lattice, glyphs: Glyphs, found: Sequence[Mark]) -> tuple[Lattice, ByCell]:
    """Cut a row in which several cells hold figures one below the other on common base lines.

    So print tables that rule their columns only. Figures that were wrapped for want of room stand
    in lines as wide as their cell, and are left alone.
    """
    by_cell = _by_cell(lattice, glyphs, found)
    crowded = {
        lattice.spans[k][0] for k, mine in by_cell.items() if lattice.spans[k][2] == 1 and _stacked(mine)
    }
    for row in sorted(crowded, reverse=True):
        cuts = _row_cuts(lattice, by_cell, row)
        if cuts:
            lattice = _cut_row(lattice, by_cell, row, cuts)
            by_cell = _by_cell(lattice, glyphs, found)
    return lattice, by_cell


def _stacked(mine: Sequence[Mark]) -> bool:
    """Whether a cell's characters stand on more than one line."""
    heights = [m[4] for m in mine if not m[8]]
    return bool(heights) and max(heights) - min(heights) >= 0.8 * max([m[5] for m in mine])


def _row_cuts(lattice: Lattice, by_cell: Mapping[int, list[Mark]], row: int) -> list[float]:
    middles: list[list[float]] = []
    labelled = 0
    for k, (first, _, rows, _) in enumerate(lattice.spans):
        if first != row or rows != 1 or k not in by_cell or len(by_cell[k]) < 2:
            continue
        mine = by_cell[k]
        if not _stacked(mine):
            continue
        lines = text_lines(mine)
        if all(_FIGURE.match(line.text) for line in lines):
            left, _, right, _ = lattice.cell_box(k)
            room = right - left - max(line.box[2] - line.box[0] for line in lines)
            if room > 0.5 * lines[0].em + 11:
                middles.append([line.middle for line in lines])
        else:
            labelled = max(labelled, len(lines))
    if len(middles) < 2 or len({len(m) for m in middles}) != 1 or labelled < len(middles[0]):
        return []
    levels = np.array(middles)
    if (levels.max(axis=0) - levels.min(axis=0)).max() > 4:
        return []
    usual = levels.mean(axis=0)
    return [float(h) for h in (usual[:-1] + usual[1:]) / 2]


def _cut_row(lattice: Lattice, by_cell: Mapping[int, list[Mark]], row: int, cuts: list[float]) -> Lattice:
    more = len(cuts)
    ys = np.concatenate((lattice.ys[: row + 1], cuts, lattice.ys[row + 1 :]))
    spans: Spans = []
    for k, (first, column, rows, columns) in enumerate(lattice.spans):
        if first > row:
            spans.append((first + more, column, rows, columns))
        elif first + rows - 1 < row:
            spans.append((first, column, rows, columns))
        elif rows == 1 and k in by_cell and len(text_lines(by_cell[k])) > more:
            spans += [(row + i, column, 1, columns) for i in range(more + 1)]
        else:
            spans.append((first, column, rows + more, columns))
    return _rebuilt(lattice.xs, ys, spans)


def _rebuilt(xs: Floats, ys: Floats, spans: Spans) -> Lattice:
    spans = sorted(spans)
    owner = np.zeros((len(ys) - 1, len(xs) - 1), dtype=np.intp)
    for k, (row, column, rows, columns) in enumerate(spans):
        owner[row : row + rows, column : column + columns] = k
    return Lattice(xs, ys, owner, tuple(spans))
