"""Tables without upright rules: columns that only white space parts.

Here: runs of lines whose short fields stand below each other. Not here: ruled tables (pdf_geometry).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from pipeline.reading.document import Cell, Grid
from pipeline.reading.pdf_objects import Box, Floats
from pipeline.reading.pdf_text import Segment, TextLine, union

LEAST_LINES = 4
LEAST_FIELDS = 3
_FIGURE = re.compile(r"^[+\-−]?[\d０-９][\d０-９,，.．]*$|^[/—-]+$")
_SHORT = 20


@dataclass(frozen=True, slots=True)
class Run:
    """Lines ``start`` to ``end`` (exclusive) that make a table."""

    start: int
    end: int


def column_runs(lines: Sequence[TextLine]) -> list[Run]:
    """Runs of at least four lines with three or more fields, figures among them, in common columns.

    Lines with one field (a label's first or second line) may stand between; lines with two or
    more fields just above are the header.
    """
    found: list[Run] = []
    at = 0
    while at < len(lines):
        if not _figures(lines[at]):
            at += 1
            continue
        members = [at]
        scan = at + 1
        while scan < len(lines) and scan - members[-1] <= 4:
            if _figures(lines[scan]):
                if not _aligned(lines[members[-1]], lines[scan]):
                    break
                members.append(scan)
            elif len(lines[scan].segments) == 1 and len(lines[scan].text) > 2 * _SHORT:
                break
            scan += 1
        if len(members) >= LEAST_LINES:
            start = members[0]
            while start > 0 and members[0] - start < 4 and len(lines[start - 1].segments) >= 2:
                start -= 1
            found.append(Run(start, members[-1] + 1))
        at = members[-1] + 1
    return found


def _figures(line: TextLine) -> bool:
    short = [s for s in line.segments if len(s.text) <= _SHORT]
    figures = sum(1 for s in short if _FIGURE.match(s.text))
    return len(line.segments) >= LEAST_FIELDS and figures >= 2


def _aligned(a: TextLine, b: TextLine) -> bool:
    """Whether most figures of the shorter line stand below figures of the other."""
    first = [s.box for s in a.segments if _FIGURE.match(s.text)]
    second = [s.box for s in b.segments if _FIGURE.match(s.text)]
    if len(first) > len(second):
        first, second = second, first
    hits = sum(1 for f in first if any(f[0] < s[2] + 2 and s[0] < f[2] + 2 for s in second))
    return hits >= 0.6 * len(first)


def fields_grid(
    lines: Sequence[TextLine], rules: Floats, locate: Callable[[Box], str], engine: str
) -> Grid | None:
    """A run of lines as a Grid of fields; each field in the column below which it stands.

    Args:
        rules: level rules of the page (line, from, to), which part rows where they are drawn.
    """
    columns = _columns(lines)
    if len(columns) < LEAST_FIELDS:
        return None
    cells: list[Cell] = []
    for row, group in enumerate(_rows(lines, rules)):
        fields: dict[int, list[Segment]] = {}
        for line in group:
            for segment in line.segments:
                fields.setdefault(_column(segment.box, columns), []).append(segment)
        for column, segments in sorted(fields.items()):
            box = union([s.box for s in segments])
            reach = sum(1 for left, _ in columns[column + 1 :] if left < box[2] - 2) if segments else 0
            text = "\n".join(s.text for s in segments)
            cells.append(Cell(row, column, text, locate(box), 1, 1 + reach))
        taken = {c.column + i for c in cells if c.row == row for i in range(c.column_span)}
        blank = (min(line.box[1] for line in group), max(line.box[3] for line in group))
        for column, (left, right) in enumerate(columns):
            if column not in taken:
                cells.append(Cell(row, column, "", locate((left, blank[0], right, blank[1]))))
    cells.sort(key=lambda c: (c.row, c.column))
    return Grid(tuple(cells), "fields", locate(union([line.box for line in lines])), engine)


def _columns(lines: Sequence[TextLine]) -> list[tuple[float, float]]:
    """(left, right) of the columns: where fields of the lines with figures stand below each other."""
    boxes = sorted((s.box[0], s.box[2]) for line in lines if _figures(line) for s in line.segments)
    columns: list[tuple[float, float]] = []
    for left, right in boxes:
        if columns and left < columns[-1][1]:
            columns[-1] = (columns[-1][0], max(columns[-1][1], right))
        else:
            columns.append((left, right))
    return columns


def _column(box: Box, columns: Sequence[tuple[float, float]]) -> int:
    shared = [min(box[2], right) - max(box[0], left) for left, right in columns]
    overlapping = [i for i, s in enumerate(shared) if s > 0]
    if overlapping:
        # A heading over several columns begins at the first of them.
        return overlapping[0]
    return int(np.argmax(shared))


def _rows(lines: Sequence[TextLine], rules: Floats) -> list[list[TextLine]]:
    """Lines grouped to rows: a label's further lines go to the nearest line with figures, within rules."""
    anchors = [i for i, line in enumerate(lines) if len(line.segments) >= 2]
    if not anchors:
        return [[line] for line in lines]
    home: dict[int, list[int]] = {a: [a] for a in anchors}
    for i, line in enumerate(lines):
        if i in home:
            continue
        reachable = [a for a in anchors if not _parted(lines[a], line, rules)] or anchors
        nearest = min(reachable, key=lambda a: (abs(lines[a].middle - line.middle), a))
        if abs(lines[nearest].middle - line.middle) > 2.2 * line.em:
            home[i] = [i]
        else:
            home[nearest].append(i)
    return [[lines[i] for i in sorted(home[a])] for a in sorted(home, key=lambda a: min(home[a]))]


def _parted(a: TextLine, b: TextLine, rules: Floats) -> bool:
    low, high = sorted((a.middle, b.middle))
    between = (rules[:, 0] > low) & (rules[:, 0] < high)
    return bool((between & (rules[:, 1] < b.box[2]) & (rules[:, 2] > b.box[0])).any())
