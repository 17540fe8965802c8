"""The grid of a table in a picture, from its ruled lines.

Here: where tables stand in a picture, how far each is turned, and its cells, merged where no rule
parts them. Not here: what the cells hold (ocr_cells) or pages (ocr_page).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from pipeline.reading.ocr_engine import Pixels

SEEN = 0.6
"""Share of a cell's side that a rule must cover to part two cells."""
BROKEN = 0.25
"""Share that is enough where cells would else make no rectangle."""
MAX_LINES = 200
MAX_CELLS = 6000
"""The longest table of a report has some sixty rows and thirty columns; squared paper has more cells."""
PALE = 0.45
"""How dark a stroke must be beside the usual rule of the picture."""


@dataclass(frozen=True, slots=True)
class Slot:
    """A cell's place: row, column and spans in the grid, ``box`` (left, top, right, bottom) in pixels.

    ``certain`` is false where rules are so broken that its bounds are doubtful.
    """

    row: int
    column: int
    row_span: int
    column_span: int
    box: tuple[int, int, int, int]
    certain: bool = True


@dataclass(frozen=True, slots=True)
class Ruled:
    """A ruled table set upright: ``picture`` (grey, rules wiped out), its slots, and the way back.

    ``back`` is the affine map (2 × 3) from its pixels to those of the picture it was found in.
    """

    picture: Pixels
    slots: tuple[Slot, ...]
    back: npt.NDArray[Any]
    box: tuple[int, int, int, int]


def ink_of(picture: Pixels) -> Pixels:
    """A mask (0 or 1) of what is darker than the paper, by the noise of the paper itself."""
    return np.asarray(picture < ink_level(picture)).astype(np.uint8)


def ink_level(picture: Pixels) -> float:
    """The grey level below which a pixel is ink rather than grain of the paper."""
    paper, grain = paper_of(picture)
    return float(np.clip(paper - max(45.0, 6.0 * grain), 110.0, 215.0))


def paper_of(picture: Pixels) -> tuple[float, float]:
    """Grey level of the paper and the spread of its grain."""
    sample = picture[::4, ::4]
    light = sample[sample >= 150]
    if light.size < 100:
        return 200.0, 10.0
    paper = float(np.median(light))
    return paper, 1.4826 * float(np.median(np.abs(light.astype(np.float32) - paper)))


def _rules(picture: Pixels, length: int) -> tuple[Pixels, Pixels]:
    """Masks of the horizontal and the vertical strokes of at least ``length`` pixels.

    Thin and faint strokes count as well: the picture is smoothed along them, so that the grain of
    the paper evens out, and only what is thinner than letters are high stands out across them.
    """
    _, grain = paper_of(picture)
    smooth, thick = max(5, length // 3), max(9, length // 3)
    least = max(28.0, 9.0 * grain / smooth**0.5)
    masks = []
    for way in (0, 1):
        along = (smooth, 1) if way == 0 else (1, smooth)
        across = (thick, 1) if way == 0 else (1, thick)
        even = cv2.blur(picture, along)
        ridge = cv2.morphologyEx(even, cv2.MORPH_BLACKHAT, np.ones(across, np.uint8))
        shape = np.ones((1, length) if way == 0 else (length, 1), np.uint8)
        mask = cv2.morphologyEx(np.asarray(ridge > least).astype(np.uint8), cv2.MORPH_OPEN, shape)
        if mask.any():
            # Rules of one picture are about as dark as one another; letters smoothed are paler.
            usual = float(np.median(ridge[mask > 0]))
            strokes = np.asarray(ridge > max(least, PALE * usual)).astype(np.uint8)
            mask = cv2.morphologyEx(strokes, cv2.MORPH_OPEN, shape)
        masks.append(mask)
    return masks[0], masks[1]


def rule_length(picture: Pixels) -> int:
    """How long a stroke must be to be a rule, longer than those of letters, in pixels."""
    return max(20, round(0.02 * min(picture.shape)))


def without_streaks(picture: Pixels) -> Pixels:
    """The picture without the lines that dirt on a scanner's glass draws from its top to its bottom.

    They run on above and below all tables; a table's own rules end with it.
    """
    length = rule_length(picture)
    across, down = _rules(picture, length)
    rows = np.nonzero(across.any(axis=1))[0]
    if not len(rows):
        return picture
    high = picture.shape[0]
    joined = cv2.morphologyEx(down, cv2.MORPH_CLOSE, np.ones((2 * length, 3), np.uint8))
    count, labels, stats, _ = cv2.connectedComponentsWithStats(joined, connectivity=8)
    streaks = np.zeros_like(picture)
    for index in range(1, count):
        _, y, w, h, _area = (int(v) for v in stats[index])
        beyond = y < rows[0] - length and y + h > rows[-1] + length
        if beyond and h >= 0.93 * high and w <= 0.02 * high:
            streaks[labels == index] = 1
    if not streaks.any():
        return picture
    return cv2.inpaint(picture, cv2.dilate(streaks, np.ones((1, 3), np.uint8)), 3, cv2.INPAINT_TELEA).astype(
        np.uint8
    )


def find_tables(picture: Pixels) -> list[Ruled]:
    """All ruled tables of a picture (grey, about upright), from top to bottom."""
    length = rule_length(picture)
    across, down = _rules(picture, length)
    joined = cv2.dilate(cv2.bitwise_or(across, down), np.ones((5, 5), np.uint8))
    count, labels, stats, _ = cv2.connectedComponentsWithStats(joined, connectivity=8)
    boxes = []
    for index in range(1, count):
        x, y, w, h, _area = (int(v) for v in stats[index])
        if w < 8 * length or h < 1.2 * length:
            continue
        boxes.append((x, y, x + w, y + h, index))
    tables = []
    for box in boxes:
        if any(_inside(box, other) for other in boxes if other is not box):
            continue
        table = _upright(picture, box[:4], labels == box[4], length)
        if table is not None:
            tables.append(table)
    return sorted(tables, key=lambda t: t.box[1])


def _inside(box: tuple[int, ...], other: tuple[int, ...]) -> bool:
    inside = box[0] >= other[0] and box[1] >= other[1] and box[2] <= other[2] and box[3] <= other[3]
    return inside and box[:4] != other[:4]


def _upright(
    picture: Pixels, box: tuple[int, int, int, int], mask: npt.NDArray[np.bool_], length: int
) -> Ruled | None:
    edge = 12
    left, top = max(0, box[0] - edge), max(0, box[1] - edge)
    right, bottom = min(picture.shape[1], box[2] + edge), min(picture.shape[0], box[3] + edge)
    part = picture[top:bottom, left:right]
    across, down = _rules(part, length)
    own: Pixels = mask[top:bottom, left:right].astype(np.uint8)
    angle = _lean(across & own)
    high, wide = part.shape
    turn = cv2.getRotationMatrix2D((wide / 2, high / 2), angle, 1.0)
    if abs(angle) > 0.02:
        part = cv2.warpAffine(part, turn, (wide, high), flags=cv2.INTER_CUBIC, borderValue=255)
        own = cv2.warpAffine(own, turn, (wide, high), flags=cv2.INTER_NEAREST)
        across, down = _rules(part, length)
    else:
        turn = np.array([[1.0, 0, 0], [0, 1.0, 0]])
    across &= own
    down &= own
    slots = slots_of(across, down, length)
    if len(slots) < 2:
        return None
    back = cv2.invertAffineTransform(turn)
    back[:, 2] += (left, top)
    wiped = part.copy()
    wiped[cv2.dilate(cv2.bitwise_or(across, down), np.ones((3, 3), np.uint8)) > 0] = 255
    return Ruled(wiped, tuple(slots), back, box)


def _lean(across: Pixels) -> float:
    """Degrees by which the long horizontal rules fall to the right, by their weighted median."""
    joined = cv2.dilate(across, np.ones((3, 9), np.uint8))
    count, labels, stats, _ = cv2.connectedComponentsWithStats(joined, connectivity=8)
    if count < 2:
        return 0.0
    longest = int(stats[1:, cv2.CC_STAT_WIDTH].max())
    found: list[tuple[float, int]] = []
    for index in range(1, count):
        x, y, w, h = (int(v) for v in stats[index][:4])
        if w < max(0.4 * longest, 40) or h > 0.15 * w:
            continue
        rows, columns = np.nonzero(
            (labels[y : y + h, x : x + w] == index) & (across[y : y + h, x : x + w] > 0)
        )
        if len(rows) < 20:
            continue
        slope = float(np.polyfit(columns, rows, 1)[0])
        found.append((math.degrees(math.atan(slope)), w))
    if not found:
        return 0.0
    found.sort()
    half, seen = sum(w for _, w in found) / 2, 0
    for angle, weight in found:
        seen += weight
        if seen >= half:
            return angle
    return 0.0


def slots_of(across: Pixels, down: Pixels, length: int) -> list[Slot]:
    """The cells between rules; empty where the rules make none."""
    near = max(4, length // 5)
    xs = _positions(down, across, vertical=True, near=near)
    ys = _positions(across, down, vertical=False, near=near)
    if len(xs) < 2 or len(ys) < 2 or max(len(xs), len(ys)) > MAX_LINES or len(xs) * len(ys) > MAX_CELLS:
        return []
    right = _cover(down, xs, ys, near, vertical=True)
    below = _cover(across, xs, ys, near, vertical=False)
    return _merged(xs, ys, right, below)


def _positions(mask: Pixels, crossing: Pixels, vertical: bool, near: int) -> list[int]:
    """Where rules of one direction stand: pixel columns of vertical ones, rows of horizontal ones."""
    if not vertical:
        mask, crossing = mask, crossing
    else:
        mask, crossing = mask.T.copy(), crossing.T.copy()
    # From here on rules run from left to right.
    touch = cv2.dilate(crossing, np.ones((2 * near + 1, 2 * near + 1), np.uint8))
    count, _, stats, centres = cv2.connectedComponentsWithStats(
        cv2.morphologyEx(mask, cv2.MORPH_CLOSE, np.ones((1, 2 * near + 1), np.uint8)), connectivity=8
    )
    found: list[tuple[float, int]] = []
    total = mask.shape[1]
    for index in range(1, count):
        x, _, w, h, _area = (int(v) for v in stats[index])
        if h > 3 * near:
            continue
        row = min(max(round(float(centres[index][1])), 0), mask.shape[0] - 1)
        ends = touch[row, x], touch[row, min(x + w - 1, total - 1)]
        if w >= 0.5 * total or all(ends):
            found.append((float(centres[index][1]), w))
    found.sort()
    groups: list[list[tuple[float, int]]] = []
    for place, weight in found:
        if groups and place - groups[-1][-1][0] <= near:
            groups[-1].append((place, weight))
        else:
            groups.append([(place, weight)])
    lines = [round(sum(p * w for p, w in g) / sum(w for _, w in g)) for g in groups]
    # A table without rules at its sides ends where the rules that cross it end.
    rows = np.nonzero(crossing.any(axis=1))[0]
    if len(rows):
        first, last = int(rows[0]), int(rows[-1])
        if not lines or first < lines[0] - 3 * near:
            lines.insert(0, first)
        if last > lines[-1] + 3 * near:
            lines.append(last)
    return lines


def _cover(
    mask: Pixels, xs: Sequence[int], ys: Sequence[int], near: int, vertical: bool
) -> npt.NDArray[np.float32]:
    """How far each inner side is ruled, 0 to 1: [row, column] is the side to the right, or below."""
    if not vertical:
        return _cover(mask.T, ys, xs, near, vertical=True).T
    shares = np.zeros((len(ys) - 1, len(xs)), dtype=np.float32)
    reach = max(2, near // 2 + 1)
    for column, x in enumerate(xs):
        strip = np.asarray(mask[:, max(0, x - reach) : x + reach + 1].any(axis=1))
        for row in range(len(ys) - 1):
            side = strip[ys[row] + reach : ys[row + 1] - reach + 1]
            shares[row, column] = side.mean() if side.size else 1.0
    return shares[:, 1:]


def _merged(
    xs: Sequence[int],
    ys: Sequence[int],
    right: npt.NDArray[np.float32],
    below: npt.NDArray[np.float32],
) -> list[Slot]:
    rows, columns = len(ys) - 1, len(xs) - 1
    group = np.arange(rows * columns)

    def root(i: int) -> int:
        while group[i] != i:
            i = int(group[i])
        return i

    def join(needed: float, only: set[int] | None) -> None:
        for r in range(rows):
            for c in range(columns):
                at = r * columns + c
                if only is not None and at not in only:
                    continue
                if c + 1 < columns and right[r, c] < needed and (only is None or at + 1 in only):
                    group[root(at + 1)] = root(at)
                under = at + columns
                if r + 1 < rows and below[r, c] < needed and (only is None or under in only):
                    group[root(under)] = root(at)

    join(SEEN, None)
    slots: list[Slot] = []
    for members in _groups(group, root):
        slot = _slot(members, columns, xs, ys)
        if slot is not None:
            slots.append(slot)
            continue
        # No rectangle: some rule is broken. Take weak traces of rules for rules.
        for i in members:
            group[i] = i
        join(BROKEN, members)
        for part in _groups(group, root, members):
            again = _slot(part, columns, xs, ys)
            if again is not None:
                slots.append(again)
                continue
            for i in sorted(part):
                single = _slot({i}, columns, xs, ys, certain=False)
                assert single is not None
                slots.append(single)
    return sorted(slots, key=lambda s: (s.row, s.column))


def _groups(group: npt.NDArray[np.intp], root, within: set[int] | None = None) -> list[set[int]]:  # type: ignore[no-untyped-def]
    found: dict[int, set[int]] = {}
    for i in range(len(group)) if within is None else within:
        found.setdefault(root(i), set()).add(i)
    return list(found.values())


def _slot(
    members: set[int], columns: int, xs: Sequence[int], ys: Sequence[int], certain: bool = True
) -> Slot | None:
    places = [divmod(i, columns) for i in members]
    top, bottom = min(r for r, _ in places), max(r for r, _ in places) + 1
    left, right = min(c for _, c in places), max(c for _, c in places) + 1
    if (bottom - top) * (right - left) != len(members):
        return None
    return Slot(top, left, bottom - top, right - left, (xs[left], ys[top], xs[right], ys[bottom]), certain)
