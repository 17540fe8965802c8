"""From glyphs to words, lines and paragraphs.

Here: which glyphs make a line, where a space stands, which lines make a paragraph.
Not here: which glyphs count (pdf_clean), cells (pdf_geometry), columns (pdf_columns).
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from operator import itemgetter
from typing import NamedTuple

import numpy as np

from pipeline.reading.pdf_clean import UNREAD, spaces
from pipeline.reading.pdf_objects import Box, Glyphs

COLUMN_GAP = 1.2
"""A gap this many times the type size parts two fields of a line."""
FIGURE_GAP = 0.25
"""A gap this many times the type size parts two figures: 1234 and 0 of close columns are no 12340."""
WORD_GAP = 0.4
_LEAST_GAP = min(COLUMN_GAP, FIGURE_GAP, WORD_GAP)
_SMALL = 0.78
"""Figures of up to this share of the line's largest type may be raised or lowered marks."""
_NUMBERED = re.compile(
    r"^(?:第[一二三四五六七八九十\d]+[章节部分条]|[一二三四五六七八九十]{1,3}[、.．]|[（(][一二三四五六七八九十\d]{1,3}[）)]|\d{1,2}[、.．](?!\d))"
)
_DIGITS = frozenset("0123456789０１２３４５６７８９,.，．%")


@dataclass(frozen=True, slots=True)
class Segment:
    """A part of a line without a wide gap."""

    text: str
    box: Box


@dataclass(frozen=True, slots=True)
class TextLine:
    """A line as seen. ``em`` its usual type size; ``segments`` its parts between wide gaps."""

    text: str
    box: Box
    em: float
    segments: tuple[Segment, ...]
    quarter: int = 0

    @property
    def middle(self) -> float:
        """Height of the line's middle on the page."""
        return (self.box[1] + self.box[3]) / 2


class Mark(NamedTuple):
    """One character for line building: its box, the height of its middle, its size.

    ``piece``: characters that the file writes in one go share it.
    """

    left: float
    top: float
    right: float
    bottom: float
    middle: float
    em: float
    char: str
    quarter: int
    blank: bool
    piece: int


_BY_LEFT, _BY_MIDDLE, _BY_SIZE = itemgetter(0), itemgetter(4), itemgetter(5)


def marks(glyphs: Glyphs) -> list[Mark]:
    """The glyphs one by one, in drawing order."""
    # Middles by the base line, so that types of different height share a line; vertical writing
    # has its origin above the character, and there the box counts.
    by_base = glyphs.base - 0.36 * glyphs.em
    level = (glyphs.quarter <= 0) & (np.abs(by_base - glyphs.cy) <= 0.6 * glyphs.em)
    columns = (
        glyphs.left.tolist(),
        glyphs.top.tolist(),
        glyphs.right.tolist(),
        glyphs.bottom.tolist(),
        np.where(level, by_base, glyphs.cy).tolist(),
        glyphs.em.tolist(),
        [chr(code) if code else UNREAD for code in glyphs.code.tolist()],
        glyphs.quarter.clip(0).tolist(),
        spaces(glyphs).tolist(),
        glyphs.order.tolist(),
    )
    return [Mark._make(values) for values in zip(*columns, strict=True)]


def upright(found: Sequence[Mark], quarter: int) -> list[Mark]:
    """Marks of text turned by ``quarter`` in coordinates in which it runs left to right."""
    for _ in range(quarter % 4):
        found = [
            m._replace(
                left=m.top,
                right=m.bottom,
                top=-m.right,
                bottom=-m.left,
                middle=-(m.left + m.right) / 2,
            )
            for m in found
        ]
    return list(found)


def untwist(box: Box, quarter: int) -> Box:
    """A box in the coordinates of ``upright`` back in those of the page content."""
    for _ in range(quarter % 4):
        left, top, right, bottom = box
        box = (-bottom, left, -top, right)
    return box


def text_lines(found: Sequence[Mark]) -> list[TextLine]:
    """The lines of upright characters, top to bottom. White space alone makes no line."""
    groups: list[list[Mark]] = []
    level = size = 0.0
    group: list[Mark] = []
    for mark in sorted(found, key=_BY_MIDDLE):
        middle, em = mark[4], mark[5]
        if group and middle - level <= 0.45 * (em if em > size else size):
            group.append(mark)
            if em > size:
                size = em
            # The line's height is that of its members so far; a slow drift is a slanted scan.
            level += (middle - level) / len(group)
        else:
            group = [mark]
            groups.append(group)
            level, size = middle, max(em, 1.0)
    return [line for group in groups if (line := _line(group)) is not None]


def turned_lines(found: Sequence[Mark], quarter: int) -> list[TextLine]:
    """Lines of text that stands turned, with their boxes on the content (not turned)."""
    turned = [m for m in found if m[7] == quarter]
    if not turned:
        return []
    lines = text_lines(upright(turned, quarter))
    return [
        replace(
            line,
            box=untwist(line.box, quarter),
            quarter=quarter,
            segments=tuple(replace(s, box=untwist(s.box, quarter)) for s in line.segments),
        )
        for line in lines
    ]


def _line(group: list[Mark]) -> TextLine | None:
    group.sort(key=_BY_LEFT)
    solid = [m for m in group if not m[8]]
    if not solid:
        return None
    ems = sorted([m[5] for m in solid])
    em = ems[len(ems) // 2] or 1.0
    tops, lows = sorted([m[1] for m in solid]), sorted([m[3] for m in solid])
    top, low = tops[len(tops) // 2], lows[len(lows) // 2]
    spaced = _letter_space(solid, em)
    tallest = max(solid, key=_BY_SIZE)
    one_size = ems[0] > _SMALL * ems[-1]
    words: list[str] = []
    segments: list[Segment] = []
    blank_before = False
    start = reach = solid[0].left
    last = ""
    for mark in group:
        left, _, right, _, _, _, char, _, blank, _ = mark
        if blank:
            blank_before = bool(last)
            continue
        gap = (left - reach) / em - spaced
        # Most characters follow closely; only a gap raises the question what it parts.
        if last and (blank_before or gap > _LEAST_GAP):
            figures = (char in _DIGITS) + (last in _DIGITS)
            if gap > (COLUMN_GAP, WORD_GAP, FIGURE_GAP)[figures]:
                segments.append(Segment("".join(words), (start, top, reach, low)))
                words, start = [], left
            elif blank_before or gap > WORD_GAP:
                words.append(" ")
        words.append(char if one_size else _with_height(mark, tallest))
        last, blank_before = char, False
        if right > reach:
            reach = right
    segments.append(Segment("".join(words), (start, top, reach, low)))
    text = " ".join(s.text for s in segments)
    return TextLine(text, (solid[0].left, top, reach, low), em, tuple(segments))


def _with_height(mark: Mark, tallest: Mark) -> str:
    """The character, raised or lowered where a small figure stands so beside larger type.

    A footnote's mark behind a figure must not become its last digit.
    """
    if mark.em > _SMALL * tallest.em or not mark.char.isascii() or not mark.char.isdigit():
        return mark.char
    rise = (tallest.middle + 0.36 * tallest.em) - (mark.middle + 0.36 * mark.em)
    if abs(rise) < 0.12 * tallest.em:
        return mark.char
    return ("⁰¹²³⁴⁵⁶⁷⁸⁹" if rise > 0 else "₀₁₂₃₄₅₆₇₈₉")[int(mark.char)]


def _letter_space(solid: Sequence[Mark], em: float) -> float:
    """By how much (in type sizes) a line of words is set apart letter by letter; 0 for ordinary lines.

    A row of single figures stands apart too, so words must prevail.
    """
    if len(solid) < 6 or 2 * sum(1 for m in solid if m.char in _DIGITS) > len(solid):
        return 0.0
    gaps = sorted((b.left - a.right) / em for a, b in pairwise(solid))
    usual = gaps[len(gaps) // 2]
    even = sum(1 for gap in gaps if abs(gap - usual) < 0.15)
    return usual if 0.2 < usual <= 1.0 and even >= 0.7 * len(gaps) else 0.0


def cell_text(found: Sequence[Mark]) -> str:
    """The text of one cell: a line of text for each line seen.

    Words set one character below the other are one line of text; figures are not, since two
    figures that a missing rule put into one cell stand so too.
    """
    if not found:
        return ""
    texts: list[str] = []
    by_quarter: dict[int, list[Mark]] = {}
    for mark in found:
        by_quarter.setdefault(mark.quarter, []).append(mark)
    for quarter, mine in sorted(by_quarter.items(), key=lambda entry: -len(entry[1])):
        texts += [line.text for line in text_lines(upright(mine, quarter))]
    if len(texts) > 1 and all(len(t) == 1 for t in texts) and not any(t in _DIGITS for t in texts):
        return "".join(texts)
    return "\n".join(texts)


def garbled(text: str) -> bool:
    """Whether a text holds a character that its font does not name."""
    return UNREAD in text


def union(boxes: Sequence[Box]) -> Box:
    """The box around boxes."""
    return (
        min(b[0] for b in boxes),
        min(b[1] for b in boxes),
        max(b[2] for b in boxes),
        max(b[3] for b in boxes),
    )


def paragraphs(lines: Sequence[TextLine]) -> list[list[TextLine]]:
    """Lines joined where a line ran full and the next goes on at the margin in the same type.

    ``lines`` come top to bottom and follow each other without a table between.
    """
    if not lines:
        return []
    left = float(np.percentile([line.box[0] for line in lines], 20))
    right = max(line.box[2] for line in lines)
    found: list[list[TextLine]] = [[lines[0]]]
    for before, line in pairwise(lines):
        em = before.em
        full = before.box[2] > right - 2.2 * em
        goes_on = line.box[0] < left + 1.2 * em and abs(line.em - em) < 0.15 * em
        close = line.box[1] - before.box[3] < 1.6 * em and line.middle > before.middle
        if full and goes_on and close and line.quarter == before.quarter and not _NUMBERED.match(line.text):
            found[-1].append(line)
        else:
            found.append([line])
    return found
