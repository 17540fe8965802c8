"""Two pages on one sheet, side by side: where the sheet is to be cut.

Here: the fold between the pages, from the boxes of what is printed. Not here: pictures (ocr_page) or PDF.
"""

from __future__ import annotations

from collections.abc import Sequence

Box = tuple[float, float, float, float]

_FOLD = (0.42, 0.58)
"""Part of the width in which the fold lies."""


def fold_of(boxes: Sequence[Box], size: tuple[float, float]) -> float | None:
    """The x of a free strip down the middle of a sheet that is wider than high, or None.

    Args:
        boxes: what stands on the sheet, ``(left, top, right, bottom)``: tables whole, lines of text.
        size: width and height of the sheet in the same units.

    Both sides must hold several lines: a page with a short line on one side is no spread.
    """
    wide, high = size
    if wide <= high:
        return None
    low, top = (share * wide for share in _FOLD)
    inside = sorted((max(x0, low), min(x1, top)) for x0, _, x1, _ in boxes if x1 > low and x0 < top)
    best, reached = (0.0, 0.0), low
    for x0, x1 in (*inside, (top, top)):
        best = max(best, (x0 - reached, (x0 + reached) / 2))
        reached = max(reached, x1)
    free, fold = best
    left = [box for box in boxes if box[2] <= fold]
    right = [box for box in boxes if box[0] >= fold]
    if free < 0.02 * wide or not _filled(left, high) or not _filled(right, high):
        return None
    return fold


def _filled(boxes: Sequence[Box], high: float) -> bool:
    """Whether a side holds more than a line or two: several pieces, or a table, over some height."""
    if not boxes:
        return False
    return max(b[3] for b in boxes) - min(b[1] for b in boxes) > 0.15 * high
