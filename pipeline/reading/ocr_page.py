"""One picture of a page or table: turned upright, its tables as grids, its other lines as paragraphs.

Here: light and colour evened out, quarter turns and skew, lines outside tables, reading order.
Not here: the engine (ocr_engine), rules (ocr_rules), cells (ocr_cells) or files (image).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from difflib import SequenceMatcher
from functools import cached_property
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from pipeline.reading.document import Cell, Grid, Paragraph
from pipeline.reading.ocr_cells import UNREAD, padded, read_cells
from pipeline.reading.ocr_engine import Line, Pixels, detect, recognise
from pipeline.reading.ocr_rules import Ruled, find_tables, ink_of, without_streaks
from pipeline.reading.spread import Box, fold_of

Matrix = npt.NDArray[Any]

ENGINE = "rapidocr"
WORK_WIDTH = (1240, 2480)
"""Widths between which a picture is worked on: A4 at 150 and 300 dots an inch."""
SURE_LETTER = 0.9
GUESS = 0.6
"""Probability below which a character of a word is left out of a line outside tables."""
PLAIN_LETTER = 0.98
"""Probability of every digit of a line from which it is not read a second time."""
MAX_SKEW = 7.0
GLANCE_SIDE = 832
"""Size at which lines are looked for to see which way a picture is turned."""
_DIGITS = re.compile(r"[\d.,，．]*\d[\d.,，．]*")
# A section's title opens a paragraph, however far the line above it reaches.
_HEADING = re.compile(r"[一二三四五六七八九十]{1,3}[、．.]|[(（][一二三四五六七八九十]{1,3}[)）]")


@dataclass(frozen=True, slots=True)
class PageReading:
    """What a picture says, in reading order; ``unread_table``: words stand in columns, but without rules."""

    blocks: tuple[Grid | Paragraph, ...]
    unread_table: bool = False


def read_page(picture: npt.NDArray[np.uint8], locator: str) -> PageReading:
    """Read a picture.

    Args:
        picture: RGB (high × wide × 3) or grey (high × wide) pixels as shown.
        locator: the picture's own locator, before which ``box`` is put for each part.
    """
    page, back = _prepared(picture)
    page = without_streaks(page)
    size = picture.shape[1], picture.shape[0]
    tables = find_tables(page)
    rest = page.copy()
    for table in tables:
        x0, y0, x1, y1 = table.box
        rest[max(0, y0 - 3) : y1 + 3, max(0, x0 - 3) : x1 + 3] = 255
    lines = _lines(rest)
    high, wide = page.shape
    fold = fold_of([*(line.box for line in lines), *(_floats(t.box) for t in tables)], (wide, high))
    placed: list[tuple[int, float, Grid | Paragraph]] = []
    for table in tables:
        side = int(fold is not None and table.box[0] > fold)
        placed.append((side, table.box[1], _grid(table, back, size, locator)))
    # Two pages on one picture are read one after the other.
    sides = [(lines, wide)] if fold is None else list(_parted(lines, fold, wide))
    for side, (mine, width) in enumerate(sides):
        for line in _paragraphs(mine, width):
            box = _mapped(line.box, back, size)
            placed.append((side, line.box[1], Paragraph(line.text, _place(locator, box))))
    placed.sort(key=lambda item: item[:2])
    columns = not tables and any(_in_columns(mine) for mine, _ in sides)
    return PageReading(tuple(block for _, _, block in placed), columns)


def _floats(box: tuple[int, int, int, int]) -> Box:
    x0, y0, x1, y1 = box
    return float(x0), float(y0), float(x1), float(y1)


def _parted(lines: Sequence[_Written], fold: float, wide: int) -> Iterator[tuple[list[_Written], int]]:
    """The lines of the left and of the right page, each with its page's width."""
    yield [line for line in lines if line.box[2] <= fold], round(fold)
    yield [line for line in lines if line.box[2] > fold], wide - round(fold)


def _place(locator: str, box: Box) -> str:
    return f"{locator};box=" + ",".join(str(round(v)) for v in box)


def _mapped(box: Box, back: Matrix, size: tuple[int, int]) -> Box:
    """The upright box around a box's corners, taken back to the picture's own pixels."""
    x0, y0, x1, y1 = box
    corners = np.array([[x0, y0, 1], [x1, y0, 1], [x0, y1, 1], [x1, y1, 1]]) @ back.T
    low, high = corners.min(axis=0), corners.max(axis=0)
    wide, tall = size
    return (
        float(np.clip(low[0], 0, wide)),
        float(np.clip(low[1], 0, tall)),
        float(np.clip(high[0], 0, wide)),
        float(np.clip(high[1], 0, tall)),
    )


def _after(second: Matrix, first: Matrix) -> Matrix:
    """The affine map that does ``first`` and then ``second``."""
    return (np.vstack([second, [0, 0, 1]]) @ np.vstack([first, [0, 0, 1]]))[:2]


# Light, size and turn


def _prepared(picture: npt.NDArray[np.uint8]) -> tuple[Pixels, Matrix]:
    """The picture grey, even, of a workable size and upright, and the map back to its own pixels."""
    grey = _even(_grey(picture))
    high, wide = grey.shape
    least, most = WORK_WIDTH
    short = min(high, wide)
    scale = least / wide if wide < least else min(1.0, most / short)
    scale = min(scale, 2.5)
    if scale != 1.0:
        method = cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC
        grey = cv2.resize(grey, None, fx=scale, fy=scale, interpolation=method).astype(np.uint8)
    back = np.array([[wide / grey.shape[1], 0, 0], [0, high / grey.shape[0], 0]])
    turns = _quarter_turns(grey)
    if turns:
        before = grey.shape
        grey = np.ascontiguousarray(np.rot90(grey, turns))
        back = _after(back, _turned_back(turns, before))
    angle = skew_of(grey)
    if abs(angle) >= 0.8:
        grey, undo = _rotated(grey, angle)
        back = _after(back, undo)
    return grey, back


def _grey(picture: npt.NDArray[np.uint8]) -> Pixels:
    if picture.ndim == 2:
        return picture
    red, green, blue = (picture[:, :, i].astype(np.int16) for i in range(3))
    grey = cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY)
    # Red ink is a seal: in the red channel it fades and the black print under it stays.
    seal = red - np.maximum(green, blue) > 40
    if seal.any():
        seal = cv2.dilate(seal.astype(np.uint8), np.ones((3, 3), np.uint8)) > 0
        grey = np.where(seal, picture[:, :, 0], grey)
    return grey.astype(np.uint8)


def _even(grey: Pixels) -> Pixels:
    """Paper white everywhere: the picture divided by its light, as seen from far."""
    high, wide = grey.shape
    step = max(1, min(high, wide) // 150)
    small = cv2.resize(grey, (max(1, wide // step), max(1, high // step)), interpolation=cv2.INTER_AREA)
    side = min(31, min(small.shape) // 2 * 2 - 1)
    if side < 3:
        return grey
    light = cv2.medianBlur(cv2.dilate(small, np.ones((3, 3), np.uint8)), side)
    # What is dark over a wide area is a scanner's lid or a photograph, not paper in the shade.
    light = np.where(light < 90, 255, light).astype(np.uint8)
    full = cv2.resize(light, (wide, high), interpolation=cv2.INTER_LINEAR)
    return cv2.divide(grey, full, scale=250).astype(np.uint8)


def _quarter_turns(grey: Pixels) -> int:
    """How many quarter turns to the left set the picture upright: lines lie across and can be read."""
    part = _densest(grey)
    boxes = detect(part, GLANCE_SIDE)
    shapes = [_sides(box) for box in boxes]
    long = [(box, w, h) for box, (w, h) in zip(boxes, shapes, strict=True) if max(w, h) > 2.5 * min(w, h)]
    if not long:
        return 0
    upright = sum(w for _, w, h in long if w > h)
    lying = sum(h for _, w, h in long if h > w)
    sideways = lying > 2 * upright
    long = sorted((b for b in long if (b[2] > b[1]) == sideways), key=lambda b: -max(b[1], b[2]))[:5]
    crops = [_short(_cut(part, box), sideways) for box, _, _ in long]
    ways = (1, 3) if sideways else (0, 2)
    scores: list[float] = []
    for way in ways:
        read = recognise([np.ascontiguousarray(np.rot90(crop, way)) for crop in crops])
        scores.append(sum(sum(r.scores) for r in read))
        if not way and scores[0] > 0.9 * sum(len(r.scores) for r in read) > 10:
            return 0
    # Upside down only where that reads clearly better.
    return ways[1] if scores[1] > 1.15 * scores[0] else ways[0]


def _short(crop: Pixels, sideways: bool) -> Pixels:
    """The first part of a line, enough to see whether it can be read."""
    return crop[: crop.shape[1] * 10] if sideways else crop[:, : crop.shape[0] * 10]


def _densest(grey: Pixels) -> Pixels:
    """A part of about square shape with much print: enough to see which way it is turned."""
    high, wide = grey.shape
    if max(high, wide) <= 1.6 * min(high, wide):
        return grey
    ink = ink_of(grey)
    along = ink.sum(axis=1 if high > wide else 0).astype(np.float64)
    side = min(len(along), int(1.2 * min(high, wide)))
    sums = np.convolve(along, np.ones(side), "valid")
    start = int(sums.argmax())
    return grey[start : start + side] if high > wide else grey[:, start : start + side]


def _turned_back(turns: int, shape: tuple[int, ...]) -> Matrix:
    """The map from a picture after ``turns`` quarter turns to the left to the one before (its shape)."""
    high, wide = shape
    if turns == 1:
        return np.array([[0.0, -1.0, wide], [1.0, 0.0, 0.0]])
    if turns == 2:
        return np.array([[-1.0, 0.0, wide], [0.0, -1.0, high]])
    return np.array([[0.0, 1.0, 0.0], [-1.0, 0.0, high]])


def skew_of(grey: Pixels) -> float:
    """Degrees by which lines fall to the right, by where the sums of rows differ most; 0 where unclear."""
    scale = min(1.0, 900 / max(grey.shape))
    ink = cv2.resize(ink_of(grey) * 255, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    high, wide = ink.shape

    def sharpness(angle: float) -> float:
        turn = cv2.getRotationMatrix2D((wide / 2, high / 2), angle, 1.0)
        rows = cv2.warpAffine(ink, turn, (wide, high)).sum(axis=1, dtype=np.float64)
        return float(((rows[1:] - rows[:-1]) ** 2).sum())

    coarse = max(np.arange(-MAX_SKEW, MAX_SKEW + 0.1, 0.5), key=sharpness)
    fine = max(np.arange(coarse - 0.4, coarse + 0.41, 0.1), key=sharpness)
    return float(fine) if sharpness(float(fine)) > 1.05 * sharpness(0.0) else 0.0


def _rotated(grey: Pixels, angle: float) -> tuple[Pixels, Matrix]:
    high, wide = grey.shape
    turn = cv2.getRotationMatrix2D((wide / 2, high / 2), angle, 1.0)
    cos, sin = abs(turn[0, 0]), abs(turn[0, 1])
    new = int(high * sin + wide * cos), int(high * cos + wide * sin)
    turn[:, 2] += (new[0] - wide) / 2, (new[1] - high) / 2
    rotated = cv2.warpAffine(grey, turn, new, flags=cv2.INTER_CUBIC, borderValue=255)
    return rotated.astype(np.uint8), cv2.invertAffineTransform(turn)


# Tables


def _grid(table: Ruled, back: Matrix, size: tuple[int, int], locator: str) -> Grid:
    to_picture = _after(back, table.back)
    cells = []
    for slot, text in zip(table.slots, read_cells(table), strict=True):
        x0, y0, x1, y1 = slot.box
        box = _mapped((x0, y0, x1, y1), to_picture, size)
        cells.append(
            Cell(
                slot.row,
                slot.column,
                text.text,
                _place(locator, box),
                slot.row_span,
                slot.column_span,
                round(text.confidence, 4),
                text.alternatives,
            )
        )
    whole = _mapped(_floats(table.box), back, size)
    return Grid(tuple(cells), "spans", _place(locator, whole), ENGINE)


# Lines outside tables


@dataclass(frozen=True)
class _Written:
    """A line of text and the upright box around it."""

    text: str
    box: Box

    @cached_property
    def high(self) -> float:
        return self.box[3] - self.box[1]


def _sides(box: npt.NDArray[np.float32]) -> tuple[float, float]:
    """Width and height of a line's corners."""
    return (
        float(max(np.linalg.norm(box[0] - box[1]), np.linalg.norm(box[3] - box[2]))),
        float(max(np.linalg.norm(box[0] - box[3]), np.linalg.norm(box[1] - box[2]))),
    )


def _cut(grey: Pixels, box: npt.NDArray[np.float32]) -> Pixels:
    """The line between four corners, straightened."""
    wide, high = (max(2, round(v)) for v in _sides(box))
    to: Any = np.array([[0, 0], [wide, 0], [wide, high], [0, high]], dtype=np.float32)
    turn = cv2.getPerspectiveTransform(box.astype(np.float32), to)
    return cv2.warpPerspective(grey, turn, (wide, high), flags=cv2.INTER_CUBIC, borderValue=255).astype(
        np.uint8
    )


def _windows(grey: Pixels) -> list[tuple[int, int]]:
    """Parts (top, bottom) of a tall picture, cut where no print is, each about a page high."""
    high, wide = grey.shape
    most = int(1.5 * wide)
    if high <= most:
        return [(0, high)]
    free = ~(ink_of(grey).sum(axis=1) > 0.002 * wide)
    found, start = [], 0
    while high - start > most:
        gaps = np.nonzero(free[start + most // 2 : start + most])[0]
        end = start + (most // 2 + int(gaps[-1]) if len(gaps) else most)
        found.append((start, end))
        start = end
    return [*found, (start, high)]


def _lines(grey: Pixels) -> list[_Written]:
    """All lines of text of a picture, figures in them that are not sure as question marks."""
    boxes = []
    for top, bottom in _windows(grey):
        if not ink_of(grey[top:bottom]).any():
            continue
        boxes += [box + np.array([0, top], dtype=np.float32) for box in detect(grey[top:bottom])]
    crops = [_cut(grey, box) for box in boxes]
    read = recognise(crops)
    figured = [
        i
        for i, line in enumerate(read)
        if any(c.isdigit() and s < PLAIN_LETTER for c, s in zip(line.text, line.scores, strict=True))
    ]
    second = dict(
        zip(figured, recognise([padded(crops[i], crops[i].shape[0]) for i in figured]), strict=True)
    )
    found = []
    for at, (box, raw) in enumerate(zip(boxes, read, strict=True)):
        line = _without_guesses(raw)
        text = _without_doubtful(line, second[at]) if at in second else line.text
        if text.strip():
            low, high = box.min(axis=0), box.max(axis=0)
            found.append(
                _Written(text.strip(), (float(low[0]), float(low[1]), float(high[0]), float(high[1])))
            )
    return found


def _without_guesses(line: Line) -> Line:
    """The line with a mark for each character of a word that is hardly more than a guess."""
    text = "".join(
        UNREAD if score < GUESS and "\u4e00" <= char <= "\u9fff" else char
        for char, score in zip(line.text, line.scores, strict=True)
    )
    return replace(line, text=text)


def _without_doubtful(line: Line, again: Line) -> str:
    """The line with every figure that is not sure, or read otherwise the second time, as one mark."""
    same = [False] * len(line.text)
    for begin, _, size in SequenceMatcher(None, line.text, again.text, autojunk=False).get_matching_blocks():
        same[begin : begin + size] = [True] * size
    other = set(_DIGITS.findall(again.text))

    def mark(match: re.Match[str]) -> str:
        span = range(*match.span())
        sure = all(same[i] and line.scores[i] >= SURE_LETTER for i in span) and match[0] in other
        return match[0] if sure else UNREAD

    return _DIGITS.sub(mark, line.text)


def _in_columns(lines: Sequence[_Written]) -> bool:
    """Whether three or more rows of separate pieces stand under one another, as in a table without rules."""
    return sum(1 for row in _rows(lines) if len(row) >= 3) >= 3


def _rows(lines: Sequence[_Written]) -> list[list[_Written]]:
    """Lines by the row they stand on, top to bottom, each left to right."""
    rows: list[list[_Written]] = []
    for line in sorted(lines, key=lambda w: (w.box[1] + w.box[3]) / 2):
        middle = (line.box[1] + line.box[3]) / 2
        if rows and middle <= rows[-1][0].box[3] - 0.3 * rows[-1][0].high:
            rows[-1].append(line)
        else:
            rows.append([line])
    return [sorted(row, key=lambda w: w.box[0]) for row in rows]


def _paragraphs(lines: Sequence[_Written], width: int) -> list[_Written]:
    """Lines of a row joined, and rows that run on to the right margin with the next."""
    rows: list[_Written] = []
    for pieces in _rows(lines):
        whole = pieces[0]
        for piece in pieces[1:]:
            gap = "" if piece.box[0] - whole.box[2] < 0.8 * whole.high else " "
            whole = _Written(whole.text + gap + piece.text, _union(whole.box, piece.box))
        rows.append(whole)
    if not rows:
        return []
    left, right = min(r.box[0] for r in rows), max(r.box[2] for r in rows)
    found: list[_Written] = []
    last: _Written | None = None
    for row in rows:
        em = row.high
        runs_on = (
            last is not None
            and last.box[2] > right - 1.6 * em
            and last.box[2] - last.box[0] > 0.5 * width
            and row.box[0] < left + 1.4 * em
            and row.box[1] - last.box[3] < 1.5 * em
            and 0.8 < row.high / last.high < 1.25
            and not _HEADING.match(row.text)
        )
        if runs_on:
            found[-1] = replace(found[-1], text=found[-1].text + row.text, box=_union(found[-1].box, row.box))
        else:
            found.append(row)
        last = row
    return found


def _union(a: Box, b: Box) -> Box:
    return min(a[0], b[0]), min(a[1], b[1]), max(a[2], b[2]), max(a[3], b[3])
