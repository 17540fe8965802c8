"""From rules and fills to the cells of tables.

Here: short strokes joined into rules, rules that meet into tables, the cells that the rules leave,
with their spans. Not here: text (pdf_text), tables without rules (pdf_columns).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pipeline.reading.pdf_objects import WHITE, Box, Fill, Floats, PageContent

GAP = 4.0
"""Breaks in a rule up to this (points) are dashes or joints, not a missing rule."""
TOUCH = 3.0
"""Rules this near each other are one line (double rules) and meet at corners."""
OVERHANG = 8.0
"""Rules that stand out this far beyond the outermost cross rule show an open side."""
_LEAST = 5.0
MAX_PLACES = 20_000
MAX_MEETINGS = 20_000_000
MAX_FILLS = 4_000
"""Bounds on one page's drawing beyond which it is no form: a map, a chart, or made to tire a reader."""


@dataclass(frozen=True, slots=True)
class Lattice:
    """One table's cells.

    ``xs``, ``ys``: edges of columns and rows in points; ``owner[r, c]``: the cell that covers the
    place; ``spans[k]``: (row, column, row span, column span) of cell k, in reading order.
    """

    xs: Floats
    ys: Floats
    owner: NDArray[np.intp]
    spans: tuple[tuple[int, int, int, int], ...]

    @property
    def box(self) -> Box:
        """The table's outline."""
        return (float(self.xs[0]), float(self.ys[0]), float(self.xs[-1]), float(self.ys[-1]))

    def cell_box(self, k: int) -> Box:
        """The outline of cell k."""
        row, column, rows, columns = self.spans[k]
        return (
            float(self.xs[column]),
            float(self.ys[row]),
            float(self.xs[column + columns]),
            float(self.ys[row + rows]),
        )


def lattices(content: PageContent) -> list[Lattice]:
    """The ruled tables of a page, top to bottom; frames of a single cell are none."""
    across, down = joined(content.across), joined(content.down)
    drawn = (across, down)
    filled_across, filled_down = _fill_rules(content, across, down)
    if len(filled_across):
        across = joined(np.vstack((across, filled_across)))
        down = joined(np.vstack((down, filled_down)))
    if not len(across) or not len(down) or len(across) * len(down) > MAX_MEETINGS:
        return []
    found = []
    for rows, columns in _meeting(across, down):
        lattice = _lattice(across[rows], down[columns])
        if lattice is not None and (_touched(lattice.box, *drawn) or _tiled(lattice)):
            found.append(lattice)
    return sorted(found, key=lambda t: (t.box[1], t.box[0]))


def _touched(box: Box, across: Floats, down: Floats) -> bool:
    """Whether any drawn rule lies in the box."""
    left, top, right, bottom = box
    level = (across[:, 0] >= top - TOUCH) & (across[:, 0] <= bottom + TOUCH)
    level &= (across[:, 1] <= right) & (across[:, 2] >= left)
    plumb = (down[:, 0] >= left - TOUCH) & (down[:, 0] <= right + TOUCH)
    plumb &= (down[:, 1] <= bottom) & (down[:, 2] >= top)
    return bool(level.any() or plumb.any())


def _tiled(lattice: Lattice) -> bool:
    """Whether cells known by their grounds alone are enough to be a table rather than words set off."""
    return len(lattice.xs) > 2 and len(lattice.ys) > 2 and len(lattice.spans) >= 6


def joined(strokes: Floats) -> Floats:
    """Strokes on one line joined over small gaps: rows of (line, from, to); shorter than a cell left out."""
    if not len(strokes):
        return strokes.reshape(-1, 3)
    order = np.argsort(strokes[:, 0], kind="stable")
    strokes = strokes[order]
    # A new line begins where the next stroke is further off than a hairline's width.
    starts = np.flatnonzero(np.diff(strokes[:, 0], prepend=-1e9) > 0.8)
    found = []
    for start, end in zip(starts, [*starts[1:], len(strokes)], strict=True):
        group = strokes[start:end]
        at, first, last = 0.0, 0.0, -1e9
        for line, low, high in group[np.argsort(group[:, 1], kind="stable")].tolist():
            if low > last + GAP:
                if last - first >= _LEAST:
                    found.append((at, first, last))
                at, first, last = line, low, high
            else:
                last = max(last, high)
        if last - first >= _LEAST:
            found.append((at, first, last))
    return np.array(found, dtype=float).reshape(-1, 3)


def _fill_rules(content: PageContent, across: Floats, down: Floats) -> tuple[Floats, Floats]:
    """Edges of filled cells, as rules.

    A fill counts where it is seen (not white on white) and where two opposite sides lie on rules or
    on other fills' sides: the ground of a word or of a whole page does neither.
    """
    none = np.zeros((0, 3))
    fills = _seen([f for f in content.fills if min(f.box[2] - f.box[0], f.box[3] - f.box[1]) > THIN_CELL])
    page = content.width * content.height
    boxes = np.array([b for b in fills if (b[2] - b[0]) * (b[3] - b[1]) < 0.9 * page], dtype=float)
    if not 0 < len(boxes) <= MAX_FILLS:
        return none, none
    left, top, right, bottom = boxes.T
    tops = np.column_stack((top, left, right))
    bottoms = np.column_stack((bottom, left, right))
    lefts = np.column_stack((left, top, bottom))
    rights = np.column_stack((right, top, bottom))
    count = len(boxes)
    on_across = [_supported(s, across, np.vstack((tops, bottoms)), count) for s in (tops, bottoms)]
    on_down = [_supported(s, down, np.vstack((lefts, rights)), count) for s in (lefts, rights)]
    kept = (on_across[0] & on_across[1]) | (on_down[0] & on_down[1])
    kept |= (on_across[0] | on_across[1]) & (on_down[0] | on_down[1])
    return (
        np.vstack((tops[kept], bottoms[kept])),
        np.vstack((lefts[kept], rights[kept])),
    )


THIN_CELL = 5.0


def _seen(fills: Sequence[Fill]) -> list[Box]:
    """Boxes of fills that differ from what is under them: coloured ones, and white ones on colour."""
    dark = [f for f in fills if f.ink <= WHITE]
    found = [f.box for f in dark]
    if not dark or len(dark) == len(fills):
        return found
    left, top, right, bottom = np.array(found).T
    order = np.array([d.order for d in dark])
    for fill in fills:
        if fill.ink > WHITE:
            box = fill.box
            level = (left - 1 <= box[0]) & (right + 1 >= box[2])
            if (level & (top - 1 <= box[1]) & (bottom + 1 >= box[3]) & (order < fill.order)).any():
                found.append(box)
    return found


def _supported(sides: Floats, rules: Floats, others: Floats, count: int) -> NDArray[np.bool_]:
    """Which sides lie along a rule, or along a side of another fill, for most of their length."""
    along = np.zeros(len(sides), dtype=bool)
    lengths = sides[:, 2] - sides[:, 1]
    for lines, own in ((rules, False), (others, True)):
        if not len(lines):
            continue
        near = np.abs(sides[:, None, 0] - lines[None, :, 0]) <= TOUCH
        shared = np.minimum(sides[:, None, 2], lines[None, :, 2]) - np.maximum(
            sides[:, None, 1], lines[None, :, 1]
        )
        shared = np.where(near, np.clip(shared, 0, None), 0)
        if own:
            index = np.arange(len(sides))
            shared[index, index] = 0
            shared[index, index + count] = 0
        # Several neighbours may share one long side.
        along |= shared.sum(axis=1) >= 0.8 * lengths
    return along


def _meeting(across: Floats, down: Floats) -> Iterator[tuple[NDArray[np.intp], NDArray[np.intp]]]:
    """Groups of rules that meet, as (indices across, indices down)."""
    y, x0, x1 = across.T
    x, y0, y1 = down.T
    meets = (
        (x[None, :] >= x0[:, None] - TOUCH)
        & (x[None, :] <= x1[:, None] + TOUCH)
        & (y[:, None] >= y0[None, :] - TOUCH)
        & (y[:, None] <= y1[None, :] + TOUCH)
    )
    open_rows = np.ones(len(across), dtype=bool)
    while open_rows.any():
        rows = np.zeros(len(across), dtype=bool)
        rows[int(np.flatnonzero(open_rows)[0])] = True
        columns = np.zeros(len(down), dtype=bool)
        while True:
            columns = meets[rows].any(axis=0)
            grown = rows | meets[:, columns].any(axis=1)
            if (grown == rows).all():
                break
            rows = grown
        open_rows &= ~rows
        if columns.any():
            yield np.flatnonzero(rows), np.flatnonzero(columns)


def _edges(rules: Floats, crossing: Floats) -> Floats:
    """Positions of lines: near rules are one, and ends of crossing rules that stand out show an open side."""
    order = np.argsort(rules[:, 0])
    places, lengths = rules[order, 0], (rules[:, 2] - rules[:, 1])[order]
    at = places.tolist()
    edges: list[float] = []
    start = 0
    for i in range(1, len(at) + 1):
        if i == len(at) or at[i] - at[i - 1] > TOUCH or at[i] - at[start] > 1.8 * TOUCH:
            alone = i == start + 1
            mine = slice(start, i)
            edges.append(at[start] if alone else float(np.average(places[mine], weights=lengths[mine])))
            start = i
    low, high = float(crossing[:, 1].min()), float(crossing[:, 2].max())
    if low < edges[0] - OVERHANG:
        edges.insert(0, low)
    if high > edges[-1] + OVERHANG:
        edges.append(high)
    return np.array(edges)


def _lattice(across: Floats, down: Floats) -> Lattice | None:
    xs, ys = _edges(down, across), _edges(across, down)
    if len(xs) < 2 or len(ys) < 2 or len(xs) * len(ys) > MAX_PLACES:
        return None
    walls = _ruled(down, xs, ys)  # between columns: [edge, row]
    floors = _ruled(across, ys, xs)  # between rows: [edge, column]
    return build(xs, ys, walls, floors)


def build(xs: Floats, ys: Floats, walls: NDArray[np.bool_], floors: NDArray[np.bool_]) -> Lattice | None:
    """The cells between edges, given which pieces of the edges are ruled; None for a single cell.

    Args:
        walls: [edge of xs, row] whether the upright edge is ruled along the row.
        floors: [edge of ys, column] whether the level edge is ruled along the column.
    """
    rows, columns = len(ys) - 1, len(xs) - 1
    owner = [[-1] * columns for _ in range(rows)]
    spans: list[tuple[int, int, int, int]] = []
    region = _regions(rows, columns, walls.tolist(), floors.tolist())
    for row in range(rows):
        for column in range(columns):
            if owner[row][column] >= 0:
                continue
            # A region that is no rectangle (a rule lost in its midst) is cut into rectangles.
            here = region[row][column]
            wide = high = 1
            while (
                column + wide < columns
                and region[row][column + wide] == here
                and owner[row][column + wide] < 0
            ):
                wide += 1
            side = range(column, column + wide)
            while row + high < rows and all(
                region[row + high][c] == here and owner[row + high][c] < 0 for c in side
            ):
                high += 1
            for taken in owner[row : row + high]:
                taken[column : column + wide] = [len(spans)] * wide
            spans.append((row, column, high, wide))
    if len(spans) < 2:
        return None
    return Lattice(xs, ys, np.array(owner, dtype=np.intp), tuple(spans))


def _ruled(rules: Floats, edges: Floats, crossing: Floats) -> NDArray[np.bool_]:
    """[edge, piece]: whether rules at the edge run along half or more of the piece between crossing edges."""
    nearest = np.abs(rules[:, 0][:, None] - edges[None, :]).argmin(axis=1)
    low, high = crossing[:-1], crossing[1:]
    ruled = np.zeros((len(edges), len(low)), dtype=bool)
    for edge in range(len(edges)):
        mine = rules[nearest == edge]
        if not len(mine) or np.abs(mine[:, 0] - edges[edge]).min() > 2 * TOUCH:
            continue
        mine = mine[np.argsort(mine[:, 1])]
        covered = np.zeros(len(low))
        reach = -1e9
        for _, first, last in mine.tolist():
            first = max(first, reach)
            if last > first:
                covered += np.clip(np.minimum(last, high) - np.maximum(first, low), 0, None)
                reach = last
        ruled[edge] = covered >= 0.5 * (high - low)
    return ruled


def _regions(rows: int, columns: int, walls: list[list[bool]], floors: list[list[bool]]) -> list[list[int]]:
    """[row, column]: a number for each set of places with no rule between them."""
    parent = list(range(rows * columns))

    def find(i: int) -> int:
        while parent[i] != i:
            parent[i] = parent[parent[i]]
            i = parent[i]
        return i

    for row in range(rows):
        for column in range(columns):
            here = row * columns + column
            if column + 1 < columns and not walls[column + 1][row]:
                parent[find(here)] = find(here + 1)
            if row + 1 < rows and not floors[row + 1][column]:
                parent[find(here)] = find(here + columns)
    return [[find(row * columns + column) for column in range(columns)] for row in range(rows)]
