"""Which of a page's glyphs are text that a reader of the page sees.

Here: invisible and covered text, watermarks and stamps, characters printed twice for bold,
characters that the font does not name. Not here: lines, tables, or what the text says.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from pipeline.reading.pdf_objects import WHITE, Box, Glyphs, PageContent

INVISIBLE = (3, 7)
"""Text render modes that leave no mark: invisible, and clip only."""
UNKNOWN = 0xFFFD
UNREAD = chr(UNKNOWN)
"""Stands for a character that is there but cannot be told."""
_FAINT = 0.8
_LIGHT = 0.45
_LARGE = 2.2
_TINY = 1.5
"""Points of a font below which nobody reads it."""
_BULLETS = (0xF06C, 0xF06E, 0xF071, 0xF075, 0xF076, 0xF0A7, 0xF0A8, 0xF0B2, 0xF0B7, 0xF0D8, 0xF0E8, 0xF0FC)
"""List ornaments of the symbol fonts that word processors use; lone ones say nothing."""
_SPACES = frozenset([0x20, 0xA0, 0x3000, 0x09, 0x0A, 0x0D, 0x2028, 0x2029, *range(0x2000, 0x2010), 0xFEFF])

_COMPARED = 1_000_000
"""Glyphs times boxes compared at once: a bound on memory."""

Mask = NDArray[np.bool_]
_IS_SPACE = np.zeros(0x10001, dtype=bool)
_IS_SPACE[list(_SPACES)] = True


@dataclass(frozen=True, slots=True)
class Cleaned:
    """The page with its readable glyphs only, and what was left out.

    ``hidden`` and ``marks`` count glyphs: invisible or covered, and of watermarks; ``dropped`` are
    their boxes (left, top, right, bottom), for another engine that cannot tell. ``illegible`` is
    the share of the remaining glyphs whose character is not known.
    """

    content: PageContent
    hidden: int
    marks: int
    dropped: NDArray[np.float64]
    illegible: float


def clean(content: PageContent) -> Cleaned:
    """Leave out what is not seen or not text of the page; unknown characters become U+FFFD."""
    glyphs = content.glyphs
    if not len(glyphs):
        return Cleaned(content, 0, 0, np.zeros((0, 4)), 0.0)
    hidden = np.isin(glyphs.mode, INVISIBLE) | _covered(content) | _off_page(content) | _tiny(glyphs)
    marks = _watermarks(content, ~hidden) & ~hidden
    out = hidden | marks
    dropped = np.column_stack((glyphs.left, glyphs.top, glyphs.right, glyphs.bottom))[out]
    kept = _named(_single(glyphs.take(~out)))
    kept = _struck(kept, content.across)
    solid = ~spaces(kept)
    illegible = float((kept.code[solid] == UNKNOWN).mean()) if solid.any() else 0.0
    ink = int((~spaces(glyphs) & hidden).sum())
    return Cleaned(replace(content, glyphs=kept), ink, int(marks.sum()), dropped, illegible)


def spaces(glyphs: Glyphs) -> Mask:
    """Which glyphs are white space."""
    return _IS_SPACE[np.minimum(glyphs.code, len(_IS_SPACE) - 1)]


def _inside(glyphs: Glyphs, placed: Sequence[tuple[Box, int]], under: bool) -> Mask:
    """Which glyphs stand in a box that was drawn later (``under``), or else earlier, than they.

    Args:
        placed: boxes with their places in drawing order.
    """
    found = np.zeros(len(glyphs), dtype=bool)
    x, y = glyphs.cx, glyphs.cy
    at_once = max(_COMPARED // max(len(glyphs), 1), 1)
    for begin in range(0, len(placed), at_once):
        some = placed[begin : begin + at_once]
        left, top, right, bottom = np.array([box for box, _ in some]).T[:, :, None]
        order = np.array([order for _, order in some])[:, None]
        inside = (x > left) & (x < right) & (y > top) & (y < bottom)
        found |= (inside & (glyphs.order < order if under else glyphs.order > order)).any(axis=0)
    return found


def _covered(content: PageContent) -> Mask:
    """Text under something opaque drawn later: figures painted over, a scan laid on its own recognition."""
    glyphs = content.glyphs
    if not len(glyphs):
        return np.zeros(0, dtype=bool)
    first = int(glyphs.order.min())
    page = content.width * content.height
    covers = [(fill.box, fill.order) for fill in content.fills if fill.opaque and fill.order > first]
    for image in content.images:
        left, top, right, bottom = image.box
        # Small pictures on text are stamps and signatures, which let it through.
        if image.opaque and image.order > first and (right - left) * (bottom - top) > 0.5 * page:
            covers.append((image.box, image.order))
    return _inside(glyphs, covers, under=True)


def _off_page(content: PageContent) -> Mask:
    glyphs = content.glyphs
    x, y = glyphs.cx, glyphs.cy
    return (x < -1) | (x > content.width + 1) | (y < -1) | (y > content.height + 1)


def _tiny(glyphs: Glyphs) -> Mask:
    """Text too small to be seen, beside text that is not."""
    usual = float(np.median(glyphs.em))
    return (glyphs.em < _TINY) & (glyphs.em < 0.25 * usual)


def _watermarks(content: PageContent, seen: Mask) -> Mask:
    """Askew, faint, or large and light text; and words that lie across other text."""
    glyphs = content.glyphs
    marks = glyphs.quarter < 0
    body = seen & ~marks & (glyphs.ink < _LIGHT) & ~spaces(glyphs)
    usual = float(np.median(glyphs.em[body])) if body.any() else 12.0
    pale = (glyphs.ink > _FAINT) | ((glyphs.em > _LARGE * usual) & (glyphs.ink > _LIGHT))
    if (pale & seen & ~marks).any():
        marks |= pale & _on_paper(content)
    # What is larger or lighter than the text and lies on it was stamped on it.
    odd = seen & ~marks & ~spaces(glyphs) & ((glyphs.em > 1.5 * usual) | (glyphs.ink > 0.2))
    if odd.any():
        marks |= _across_text(glyphs, odd, body & ~(glyphs.em > 1.5 * usual))
    return marks


def _across_text(glyphs: Glyphs, odd: Mask, body: Mask) -> Mask:
    """Odd glyphs that lie on body text, with all of the same size and shade where every fifth does."""
    marks = np.zeros(len(glyphs), dtype=bool)
    shades = np.round(glyphs.em, 1) * 1000 + np.round(glyphs.ink, 2)
    x, y = glyphs.cx, glyphs.cy
    order = np.flatnonzero(body)[np.argsort(y[body], kind="stable")]
    heights = y[order]
    for shade in np.unique(shades[odd]):
        mine = np.flatnonzero(odd & (shades == shade))
        reach = 0.45 * glyphs.em[mine]
        first = np.searchsorted(heights, y[mine] - reach)
        last = np.searchsorted(heights, y[mine] + reach)
        hits = 0
        for i, low, high in zip(mine.tolist(), first.tolist(), last.tolist(), strict=True):
            if low < high:
                near = order[low:high]
                inside = (x[near] > glyphs.left[i]) & (x[near] < glyphs.right[i]) & (shades[near] != shade)
                hits += bool((inside & (glyphs.code[near] != glyphs.code[i])).any())
        if hits >= 0.2 * len(mine):
            marks[mine] = True
    return marks


def _on_paper(content: PageContent) -> Mask:
    """Whether a glyph stands on white rather than on a dark ground (a fill or a small picture)."""
    glyphs = content.glyphs
    page = content.width * content.height
    grounds = [(f.box, f.order) for f in content.fills if f.ink < 0.7]
    for image in content.images:
        left, top, right, bottom = image.box
        if (right - left) * (bottom - top) < 0.5 * page:
            grounds.append((image.box, image.order))
    if not grounds:
        return np.ones(len(glyphs), dtype=bool)
    # White painted over a dark ground before the text is paper again.
    whites = [(fill.box, fill.order) for fill in content.fills if fill.ink > WHITE and fill.opaque]
    return ~_inside(glyphs, grounds, under=False) | _inside(glyphs, whites, under=False)


def _single(glyphs: Glyphs) -> Glyphs:
    """Drop the second print of a character that was printed twice almost on the same spot.

    A real repeated character stands a whole width further, so the bound is a fraction of both its
    width and its size.
    """
    count = len(glyphs)
    if count < 2:
        return glyphs
    wide = np.minimum(glyphs.right - glyphs.left, glyphs.bottom - glyphs.top)
    near = np.clip(np.minimum(0.35 * np.where(wide > 0, wide, glyphs.em), 0.16 * glyphs.em), 0.1, None)
    drop = np.zeros(count, dtype=bool)
    for offset in (0.0, 0.5):
        # Sorted by character, line and place, doubles are near neighbours; the second pass meets
        # those that fell on the two sides of a line's bound.
        order = np.lexsort((glyphs.x, np.floor(glyphs.base / 4 + offset), glyphs.code))
        for shift in (1, 2):
            a, b = order[:-shift], order[shift:]
            same = (
                (glyphs.code[a] == glyphs.code[b])
                & (np.abs(glyphs.x[a] - glyphs.x[b]) < near[a])
                & (np.abs(glyphs.base[a] - glyphs.base[b]) < near[a])
                & (np.abs(glyphs.em[a] - glyphs.em[b]) < 0.15 * glyphs.em[a])
                & (glyphs.quarter[a] == glyphs.quarter[b])
            )
            drop[np.maximum(a[same], b[same])] = True
    return glyphs.take(~drop) if drop.any() else glyphs


def _struck(glyphs: Glyphs, across: NDArray[np.float64]) -> Glyphs:
    """Figures that are struck out become U+FFFD: which figure holds then is for a person to say.

    A stroke as long as the figures and no longer; a table's rule that runs through is longer.
    """
    figures = np.flatnonzero((glyphs.code >= 0x30) & (glyphs.code <= 0x39) & (glyphs.quarter == 0))
    if not len(figures) or not len(across):
        return glyphs
    x, em = glyphs.cx[figures], glyphs.em[figures]
    y = glyphs.base[figures] - 0.33 * em
    struck = np.zeros(len(figures), dtype=bool)
    for line, first, last in across[across[:, 2] - across[:, 1] < 120].tolist():
        on = (np.abs(y - line) < 0.16 * em) & (x > first) & (x < last)
        if on.any():
            mine = figures[on]
            slack = 0.35 * float(em[on].max())
            fits = first > glyphs.left[mine].min() - slack and last < glyphs.right[mine].max() + slack
            struck |= on & fits
    if not struck.any():
        return glyphs
    code = glyphs.code.copy()
    code[figures[struck]] = UNKNOWN
    return replace(glyphs, code=code)


def _named(glyphs: Glyphs) -> Glyphs:
    """Characters that the font does not name, or only in its own terms, become U+FFFD."""
    code = glyphs.code
    private = ((code >= 0xE000) & (code <= 0xF8FF)) | (code >= 0xF0000)
    control = (code < 0x20) & ~spaces(glyphs)
    surrogate = (code >= 0xD800) & (code < 0xE000)
    unknown = glyphs.bad | private | control | surrogate | (code == UNKNOWN)
    unknown &= ~spaces(glyphs)
    if not unknown.any():
        return glyphs
    bullets = np.isin(code, _BULLETS)
    if bullets.sum() > 0.05 * len(glyphs):
        bullets[:] = False
    kept = replace(glyphs, code=np.where(unknown, UNKNOWN, code).astype(np.int32))
    return kept.take(~bullets)
