"""The straight parts of a page's paths, all at once: strokes that are rules, outlines that are rectangles.

Here: arithmetic on arrays of path points. Not here: PDFium (pdf_objects) or what rules make of a
page (pdf_geometry).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Indices = NDArray[np.intp]
Mask = NDArray[np.bool_]
THIN = 4.0
"""A filled rectangle no thicker than this (points) is a rule."""


@dataclass(frozen=True, slots=True)
class Segments:
    """Path segments in order, as points: where each leads, whether it is a line, whether it closes.

    ``path`` is the number of the path that each belongs to; segments of a path stand together.
    """

    path: Indices
    x: Floats
    y: Floats
    line: Mask
    close: Mask

    def parts(self) -> Parts:
        """The straight parts; whatever is no line begins one."""
        count = len(self.path)
        at = np.arange(count)
        opens = ~self.line | (np.diff(self.path, prepend=-1) != 0)
        begin = np.maximum.accumulate(np.where(opens, at, 0))
        back = (self.close & ~opens) & ((self.x[begin] != self.x) | (self.y[begin] != self.y))
        # A part that is closed runs back to where it began.
        order = np.sort(np.concatenate((2 * at, 2 * at[back] + 1)))
        which = order // 2
        source = np.where(order % 2 == 1, begin[which], which)
        return Parts(self.path[which], begin[which], self.x[source], self.y[source])


@dataclass(frozen=True, slots=True)
class Parts:
    """Corner points of straight parts: those of one part stand together and share ``part``."""

    path: Indices
    part: Indices
    x: Floats
    y: Floats


def strokes(parts: Parts, stroked: Mask) -> tuple[Indices, Floats, Indices, Floats]:
    """Level and upright pieces of stroked paths.

    Args:
        stroked: for each path's number, whether its line is drawn.
    Returns:
        paths and rows (y, x0, x1) of level pieces, paths and rows (x, y0, y1) of upright ones.
    """
    joint = (parts.part[1:] == parts.part[:-1]) & stroked[parts.path[1:]]
    end = np.flatnonzero(joint) + 1
    x0, y0, x1, y1 = parts.x[end - 1], parts.y[end - 1], parts.x[end], parts.y[end]
    wide, high = np.abs(x1 - x0), np.abs(y1 - y0)
    level = (high <= 0.5) & (wide > high)
    plumb = ~level & (wide <= 0.5) & (high > wide)
    across = np.column_stack(((y0 + y1) / 2, np.minimum(x0, x1), np.maximum(x0, x1)))[level]
    down = np.column_stack(((x0 + x1) / 2, np.minimum(y0, y1), np.maximum(y0, y1)))[plumb]
    return parts.path[end[level]], across, parts.path[end[plumb]], down


def rectangles(parts: Parts, painted: Mask) -> tuple[Indices, Floats]:
    """Parts of filled paths that are upright rectangles, or bars with mitred ends.

    Args:
        painted: for each path's number, whether it is filled.
    Returns:
        paths and boxes (left, top, right, bottom).
    """
    begin = np.flatnonzero(np.diff(parts.part, prepend=-1) != 0)
    length = np.diff(begin, append=len(parts.part))
    x, y = parts.x, parts.y
    last = np.minimum(begin + 4, len(x) - 1)
    closed = (np.abs(x[begin] - x[last]) < 0.1) & (np.abs(y[begin] - y[last]) < 0.1)
    begin = begin[painted[parts.path[begin]] & ((length == 4) | ((length == 5) & closed))]
    corner = begin[:, None] + np.arange(4)
    xs, ys = np.sort(x[corner], axis=1), np.sort(y[corner], axis=1)
    wide, high = xs[:, 3] - xs[:, 0], ys[:, 3] - ys[:, 0]
    short, long = np.minimum(wide, high), np.maximum(wide, high)
    bar = (short <= THIN) & (long > 3 * short)
    uneven = np.maximum(
        np.maximum(xs[:, 1] - xs[:, 0], xs[:, 3] - xs[:, 2]),
        np.maximum(ys[:, 1] - ys[:, 0], ys[:, 3] - ys[:, 2]),
    )
    good = bar | (uneven <= 0.5)
    return parts.path[begin[good]], np.column_stack((xs[:, 0], ys[:, 0], xs[:, 3], ys[:, 3]))[good]
