"""The text of a ruled table's cells, each cell read by itself, figures more than once.

Here: ink and lines in a cell, readings of a figure under several treatments, how far they are to be
trusted. Not here: where the cells are (ocr_rules) or what a figure is for.

A cell is blank only where it shows no ink. Ink that gives no text is ``?`` with confidence 0.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

import cv2
import numpy as np

from pipeline.reading.ocr_engine import Line, Pixels, recognise
from pipeline.reading.ocr_rules import Ruled, ink_level, paper_of

UNREAD = "?"
SURE = 0.9
GOOD_TABLE = 0.75
"""Share of a table's figures that must be read surely; below it the picture is too poor for any of them."""
POOR = 0.85
"""Confidence at most of a figure in such a picture: only an identity can confirm it."""
DISPUTED = 0.6
"""Confidence at most given to a figure on which readings or the count of its strokes disagree."""
NEAR_SIDE = 3
"""Pixels between a figure and its cell's side within which a stroke across it may pass for a rule."""
MAX_ALTERNATIVES = 5
UNEVEN = 1.15
"""How much farther than the usual two digits may stand apart with nothing between them."""
WIDE_PITCH = 0.95
"""The same in heights of a digit, for figures of two digits."""
_FIGURE = re.compile(r"[\d.,，．·、\-—–－−+/%\s]*\d[\d.,，．·、\-—–－−+/%\s]*")
# What may stand in a cell for figures: a figure, a mark for none, a word.
_TELLING = re.compile(rf"{_FIGURE.pattern}|[/\\\-—–－−_.·*×\s]+|.*[\u4e00-\u9fff].*")
# Letters and signs that engines take digits for; a cell of nothing else is read as digits, in doubt.
_ALIKE = {
    **dict.fromkeys(map(ord, "OoQD〇○◯口"), "0"),
    **dict.fromkeys(map(ord, "lI|i丨"), "1"),
    **dict.fromkeys(map(ord, "Zz乙"), "2"),
    **dict.fromkeys(map(ord, "Ss"), "5"),
    ord("B"): "8",
}


@dataclass(frozen=True, slots=True)
class CellText:
    """What a cell holds. ``alternatives`` are other readings, likeliest first."""

    text: str
    confidence: float
    alternatives: tuple[str, ...] = ()


BLANK = CellText("", 1.0)
FAINT = CellText(UNREAD, 0.0)


@dataclass(frozen=True, slots=True)
class _Strip:
    """One line of a cell: its picture on white, without the noise at its sides.

    ``cut``: it reaches a side of the cell, so that a rule may hide a part of it.
    """

    picture: Pixels
    marks: Pixels
    cut: bool = False


@dataclass(slots=True)
class _Looks:
    """A line of a cell that looks like a figure, and how it was read so far."""

    strip: _Strip
    lines: list[Line]

    @property
    def settled(self) -> bool:
        """Whether two looks gave the same and both are sure."""
        texts = {line.text.strip() for line in self.lines}
        if not all(_TELLING.fullmatch(text) for text in texts):
            return False
        return len(self.lines) > 1 and len(texts) == 1 and min(x.confidence for x in self.lines) >= SURE


def read_cells(table: Ruled) -> list[CellText]:
    """The text of each slot of a table, in their order."""
    level, paper = ink_level(table.picture), paper_of(table.picture)
    strips = [_strips(table.picture, slot.box, level) for slot in table.slots]
    em = _letter_height([s.marks.shape[0] for cell in strips for s in cell])
    flat = [strip for cell in strips for strip in cell]
    lines = recognise([padded(s.picture, em) for s in flat])
    texts: list[CellText] = []
    at = 0
    figures: dict[int, list[_Looks]] = {}
    for index, cell in enumerate(strips):
        mine = lines[at : at + len(cell)]
        at += len(cell)
        if not cell:
            texts.append(FAINT if _faint(table.picture, table.slots[index].box, paper, em) else BLANK)
            continue
        texts.append(_joined(mine))
        if _like_figure(texts[index].text):
            figures[index] = [_Looks(strip, [line]) for strip, line in zip(cell, mine, strict=True)]
    _look_again([looks for cell_looks in figures.values() for looks in cell_looks], em)
    for index, looks in figures.items():
        texts[index] = _weighed(looks)
    sure = sum(texts[index].confidence >= SURE for index in figures)
    if sure < GOOD_TABLE * len(figures):
        for index in figures:
            texts[index] = replace(texts[index], confidence=min(texts[index].confidence, POOR))
    return [
        text if slot.certain or not text.text else CellText(text.text, 0.0, text.alternatives)
        for text, slot in zip(texts, table.slots, strict=True)
    ]


def alternatives(picture: Pixels) -> tuple[tuple[str, float], ...]:
    """All readings of a picture of one figure with their scores, best first.

    Args:
        picture: one line, grey, dark on white, without rules.
    """
    found: dict[str, float] = {}
    em = float(picture.shape[0])
    for line in recognise([padded(picture, em), _sharpened(picture, em), _black(picture, em)]):
        for text, score in _possible(line):
            found[text] = max(score, found.get(text, 0.0))
    return tuple(sorted(found.items(), key=lambda item: -item[1]))


def padded(picture: Pixels, em: float) -> Pixels:
    """A line with white around it, at least as high as a line of letters is."""
    high = picture.shape[0]
    room = max(round(0.18 * max(high, em)), 2)
    more = max(0, round((0.9 * em - high) / 2))
    return cv2.copyMakeBorder(
        picture, room + more, room + more, 2 * room, 2 * room, cv2.BORDER_CONSTANT, value=255
    ).astype(np.uint8)


def _letter_height(heights: Sequence[int]) -> float:
    """Height of the letters from the heights of lines: most lines of words are as high as they."""
    return float(np.percentile(heights, 75)) if heights else 16.0


def _strips(picture: Pixels, box: tuple[int, int, int, int], level: float) -> list[_Strip]:
    """The lines of a cell from top to bottom; none where there is no ink."""
    left, top, right, bottom = box
    cell = picture[top + 1 : bottom, left + 1 : right]
    if min(cell.shape, default=0) < 5:
        return []
    ink = _letters((cell < level).astype(np.uint8))
    columns = np.nonzero(ink.any(axis=0))[0]
    if not len(columns):
        return []
    first, last = int(columns[0]), int(columns[-1]) + 1
    found = []
    for begin, end in _bands(ink):
        across = np.nonzero(ink[begin:end].any(axis=0))[0]
        first, last = int(across[0]), int(across[-1]) + 1
        marks = ink[begin:end, first:last]
        edge = 2
        part = cell[
            max(0, begin - edge) : end + edge,
            max(0, first - edge) : last + edge,
        ]
        found.append(_Strip(part.copy(), marks, first <= NEAR_SIDE or last >= cell.shape[1] - NEAR_SIDE))
    return found


def _letters(ink: Pixels) -> Pixels:
    """The mask without grains of noise and what is left of rules at the border."""
    count, labels, stats, _ = cv2.connectedComponentsWithStats(ink, connectivity=8)
    high, wide = ink.shape
    kept = np.zeros(count, dtype=np.uint8)
    for index in range(1, count):
        x, y, w, h, area = (int(v) for v in stats[index])
        if area < 4 or max(w, h) < 3:
            continue
        at_side = x == 0 or y == 0 or x + w == wide or y + h == high
        if at_side and min(w, h) <= 2:
            continue
        kept[index] = 1
    # Grains stand alone; a stop or a comma stands by letters.
    sizes = [max(int(stats[i][2]), int(stats[i][3])) for i in range(1, count) if kept[i]]
    if sizes and max(sizes) < 5:
        return np.zeros_like(ink)
    return kept[labels]


def _faint(picture: Pixels, box: tuple[int, int, int, int], paper: tuple[float, float], em: float) -> bool:
    """Whether something too pale to be read stands in a cell: then it is not blank."""
    left, top, right, bottom = box
    cell = picture[top + 3 : bottom - 2, left + 3 : right - 2]
    if min(cell.shape, default=0) < 5:
        return False
    tone, grain = paper
    smooth = cv2.blur(cell, (3, 3))
    pale = np.asarray(smooth < tone - max(14.0, 3.0 * grain)).astype(np.uint8)
    count, _, stats, _ = cv2.connectedComponentsWithStats(pale, connectivity=8)
    high, wide = cell.shape
    for index in range(1, count):
        x, y, w, h, _ = (int(v) for v in stats[index])
        inside = x > 0 and y > 0 and x + w < wide and y + h < high
        if inside and max(w, h) >= 0.4 * em:
            return True
    return False


def _bands(ink: Pixels) -> list[tuple[int, int]]:
    """Top and bottom of each line of text in a cell's mask."""
    rows = ink.any(axis=1)
    bounds = np.nonzero(np.diff(np.concatenate(([0], rows.astype(np.int8), [0]))))[0]
    runs = [(int(bounds[i]), int(bounds[i + 1])) for i in range(0, len(bounds), 2)]
    if len(runs) < 2:
        return runs
    tallest = max(end - begin for begin, end in runs)
    joined: list[tuple[int, int]] = [runs[0]]
    for begin, end in runs[1:]:
        first, last = joined[-1]
        slight = min(end - begin, last - first) < 0.55 * tallest
        if end - first <= 1.2 * tallest and (slight or begin - last <= 1):
            joined[-1] = (first, end)
        else:
            joined.append((begin, end))
    return joined


def _joined(lines: Sequence[Line]) -> CellText:
    text = "\n".join(line.text.strip() or UNREAD for line in lines)
    return CellText(text, min(line.confidence if line.text.strip() else 0.0 for line in lines))


def _like_figure(text: str) -> bool:
    bare = re.sub(r"\s", "", text)
    if bare == UNREAD or _FIGURE.fullmatch(bare) or _FIGURE.fullmatch(bare.translate(_ALIKE)):
        return True
    return len(bare) <= 2 and not re.search(r"[\u4e00-\u9fff]{2}", bare)


def _sharpened(picture: Pixels, em: float) -> Pixels:
    """The line with harder edges and smaller on its ground: another look at it."""
    sharp = cv2.addWeighted(picture, 1.7, cv2.GaussianBlur(picture, (0, 0), 1.2), -0.7, 0)
    return cv2.copyMakeBorder(padded(sharp, em), 3, 3, 8, 8, cv2.BORDER_CONSTANT, value=255)


def _black(picture: Pixels, em: float) -> Pixels:
    """The line in black on white, twice as large."""
    large = cv2.resize(picture, None, fx=2.0, fy=2.0, interpolation=cv2.INTER_CUBIC)
    _, plain = cv2.threshold(cv2.GaussianBlur(large, (0, 0), 1.0), 0, 255, cv2.THRESH_OTSU)
    return padded(cv2.GaussianBlur(plain, (0, 0), 0.8), 2 * em)


def _look_again(looks: Sequence[_Looks], em: float) -> None:
    """Read each line a second way, and where that is not the same or not sure a third."""
    for way in (_sharpened, _black):
        open_looks = [look for look in looks if not look.settled]
        for look, line in zip(
            open_looks, recognise([way(look.strip.picture, em) for look in open_looks]), strict=True
        ):
            look.lines.append(line)


def _weighed(looks: Sequence[_Looks]) -> CellText:
    """One text from the readings of each line of a cell."""
    texts = [CellText(*_choice(look.lines, look.strip)) for look in looks]
    if len(texts) == 1:
        return texts[0]
    # A figure on two lines is not one figure unless an identity says so.
    return CellText("\n".join(t.text for t in texts), min(DISPUTED, *(t.confidence for t in texts)))


def _choice(lines: Sequence[Line], strip: _Strip) -> tuple[str, float, tuple[str, ...]]:
    votes: dict[str, list[float]] = {}
    rivals: dict[str, float] = {}
    doubt = False
    for line in lines:
        text = line.text.strip()
        plain = text.translate(_ALIKE)
        if plain != text and _FIGURE.fullmatch(plain):
            rivals[text] = line.confidence
            text, doubt = plain, True
        if not text:
            votes.setdefault(UNREAD, []).append(0.0)
            continue
        votes.setdefault(text, []).append(line.confidence)
        for other, score in _possible(line):
            rivals[other] = max(score, rivals.get(other, 0.0))
    best = max(votes, key=lambda t: (bool(_TELLING.fullmatch(t)), len(votes[t]), sum(votes[t])))
    if not _FIGURE.fullmatch(best) and min(votes[best]) < SURE:
        # Poor digits look like letters: a figure seen in any look is likelier, and disputed.
        figures = [t for t in votes if _FIGURE.fullmatch(t)]
        best = max(figures, key=lambda t: (len(votes[t]), sum(votes[t])), default=best)
    # Of three that agree the middle one counts: the black and white look is often less sure.
    agreed = sorted(votes[best])
    confidence = agreed[len(agreed) // 2] if len(agreed) > 2 else agreed[0]
    if len(votes) > 1 or doubt:
        confidence = min(confidence, DISPUTED)
    if not _TELLING.fullmatch(best):
        # A stray letter is a figure that was not read, not a word.
        best, confidence = UNREAD, 0.0
    elif _FIGURE.fullmatch(best) and (strip.cut or not _fits(best, strip.marks)):
        confidence = min(confidence, DISPUTED)
    for text in votes:
        if text != UNREAD:
            rivals[text] = max(max(votes[text]), rivals.get(text, 0.0))
    pointed = _with_a_point(best, strip.marks)
    if pointed:
        # First, so that it is kept: a point that was not seen makes the figure a thousand times as large.
        rivals[pointed] = 1.0
    rivals.pop(best, None)
    ordered = sorted(rivals, key=lambda t: -rivals[t])
    return best, confidence, tuple(ordered[:MAX_ALTERNATIVES])


def _with_a_point(text: str, marks: Pixels) -> str | None:
    """The digits with a point where the ink may hide one; None where it cannot.

    It cannot where each digit is a mark of its own, nothing small lies low between them, and they stand
    as evenly as digits do (all of a font's digits are as wide as each other).
    """
    if not (text.isascii() and text.isdigit()) or len(text) < 2:
        return None
    count, _, stats, _ = cv2.connectedComponentsWithStats(marks, connectivity=8)
    high = max((int(stats[i][cv2.CC_STAT_HEIGHT]) for i in range(1, count)), default=0)
    tall, low = [], []
    for x, y, w, h, _ in (map(int, stats[i]) for i in range(1, count)):
        if h >= 0.6 * high:
            tall.append(x + w / 2)
        elif y + h >= 0.75 * marks.shape[0]:
            low.append(x + w / 2)
    tall.sort()
    if len(tall) != len(text):
        # Digits that touch, or in pieces: no telling what stands between them.
        return f"{text[0]}.{text[1:]}"
    for mark in low:
        before = sum(x < mark for x in tall)
        if 0 < before < len(text):
            return f"{text[:before]}.{text[before:]}"
    pitches = np.diff(tall)
    widest = int(pitches.argmax())
    even = min(float(np.median(pitches)) * UNEVEN, WIDE_PITCH * high)
    return f"{text[: widest + 1]}.{text[widest + 1 :]}" if pitches[widest] > even else None


def _possible(line: Line) -> list[tuple[str, float]]:
    """The line's text and those with one character exchanged for one held possible, with scores."""
    text = line.text
    if not text.strip():
        return []
    found = [(text.strip(), line.confidence)]
    for at, others in enumerate(line.others):
        for other, score in others:
            if other.isdigit():
                found.append(((text[:at] + other + text[at + 1 :]).strip(), score))
    return found


def _fits(text: str, marks: Pixels) -> bool:
    """Whether the ink can be that many digits: separate marks and the width they take."""
    digits = sum(c.isdigit() for c in text)
    small = len(re.sub(r"\s", "", text)) - digits
    count, _, stats, _ = cv2.connectedComponentsWithStats(marks, connectivity=8)
    heights = [int(stats[i][cv2.CC_STAT_HEIGHT]) for i in range(1, count)]
    high = max(heights, default=0)
    if not high:
        return False
    tall = sum(h >= 0.6 * high for h in heights)
    wide = marks.shape[1] / high
    least = 0.45 * (digits - 1) + 0.12
    most = 0.95 * digits + 0.75 * small
    return tall <= digits and least <= wide <= most
