"""A recognition engine that may say anything, for fuzzing what is made of its answers.

Here: stand-ins for the two models, put where ocr_engine calls them; what they say follows from the bytes of
the file alone. Not here: the pictures (fuzz_pictures.py), or what may not happen (fuzz_watch.py).
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from types import SimpleNamespace
from typing import Any
from unittest.mock import patch

import numpy as np
import numpy.typing as npt

# What the recogniser knows: index 0 is the blank, as in the real one, and the last is a space.
LETTERS = (
    "",
    *"0123456789.,，．·、-—/%OolSsZzB|丨()（）一二三四本年新收到行政许可处罚总计年月日:：?\t\n\0\x0b\x1f\u200b\u2028",
    " ",
)
_TEXTS = (
    *("", " ", "0", "1", "12", "1,234", "0.5", "1.234.567", "....", "-", "/", "—", "?", "\t", "\0", "0" * 40),
    *("12\n34", "O", "lO", "S5", "|", "1/2", "（一）本年", "一、总计", "一"),
    *("行政许可12年", "行政处罚", "\u200b1\u2028", "收到12年3月45日", "()", "、、、", "1 2", "\x0b\x1f"),
)  # fmt: skip
_SCORES = (0.0, 0.02, 0.5, 0.59, 0.6, 0.85, 0.9, 0.95, 0.98, 0.99, 1.0)
_NO_SCORES = (float("nan"), float("inf"), -float("inf"), -1.0, 2.0, 1e30)
_FAR = (-1e30, -1e9, -40.0, 0.0, 1e5, 1e9, 1e30, float("nan"), float("inf"), -float("inf"))


@contextmanager
def saying(data: bytes) -> Iterator[None]:
    """The engine gives answers drawn from these bytes for as long as this is open."""
    from pipeline.reading import ocr_engine

    rng = random.Random(data)
    session = _Session(rng)
    with patch.multiple(
        ocr_engine,
        _detector=lambda: lambda picture, **_: SimpleNamespace(boxes=boxes(rng, picture.shape)),
        _recogniser=lambda: (session, "x", LETTERS),
    ):
        yield


class _Session:
    """Stands for the recognition model: probabilities of letters at each step of each line."""

    def __init__(self, rng: random.Random) -> None:
        self.rng = rng
        # A few texts a file, so that looks at one cell often agree.
        self.texts = [text(rng) for _ in range(rng.choice((1, 2, 3, 8)))]
        self.sure = rng.random() < 0.5
        self.sound = rng.random() < 0.9

    def run(self, _: None, given: Mapping[str, npt.NDArray[Any]]) -> list[npt.NDArray[np.float32]]:
        (lines,) = given.values()
        said = [self._steps() for _ in lines]
        whole = np.zeros((len(said), max(map(len, said)), len(LETTERS)), dtype=np.float32)
        whole[:, :, 0] = 1.0
        for at, steps in enumerate(said):
            whole[at, : len(steps)] = steps
        return [whole]

    def _steps(self) -> npt.NDArray[np.float32]:
        rng = self.rng
        shown = rng.choice(self.texts)
        steps = np.zeros((2 * len(shown) + 1, len(LETTERS)), dtype=np.float32)
        steps[:, 0] = 1.0
        for at, letter in enumerate(shown):
            row = steps[2 * at + 1]
            score = rng.choice((0.99, 1.0)) if self.sure else rng.choice((*_SCORES, rng.random()))
            row[0] = rng.choice((0.0, 0.0, 1.0 - score))
            row[rng.randrange(1, len(LETTERS))] = rng.choice((0.0, 0.019, 0.02, score / 2, score))
            row[LETTERS.index(letter)] = score
            if not self.sound and rng.random() < 0.1:
                row[rng.randrange(len(LETTERS))] = rng.choice(_NO_SCORES)
        if rng.random() < 0.1:  # a letter that was nearly taken
            steps[rng.randrange(len(steps)), rng.randrange(1, len(LETTERS))] = rng.random()
        return steps


def text(rng: random.Random) -> str:
    """What a line says: figures, words, dots, control characters, nothing; rarely thousands of them."""
    kind = rng.random()
    if kind < 0.6:
        return rng.choice(_TEXTS)
    if kind < 0.8:
        return str(rng.randrange(10 ** rng.randrange(1, 9)))
    if kind < 0.999:
        return "".join(rng.choices(LETTERS[1:], k=rng.randrange(30)))
    return "".join(rng.choices(rng.choice((LETTERS[1:], "0", "01")), k=rng.randrange(1000, 4000)))


def boxes(rng: random.Random, shape: Sequence[int]) -> npt.NDArray[Any] | None:
    """Corners of lines, most of them in a picture of this shape; None for none, rarely thousands."""
    high, wide = shape[:2]
    count = rng.choice((0, 1, 1, 2, 2, 3, 4, 6, 12)) if rng.random() < 0.999 else rng.randrange(500, 3000)
    if count == 0:
        return rng.choice((None, np.zeros((0, 4, 2), dtype=np.float32)))
    odd = rng.choice((0.0, 0.05, 0.4))
    em = rng.uniform(2, max(3, high / 8))
    found: list[list[tuple[float, float]]] = []
    for at in range(count):
        left, top = rng.uniform(0, wide), (at * 1.3 * em) % high
        right, bottom = rng.uniform(left, wide), top + em
        match rng.randrange(6):
            case 0 | 1:  # a row from side to side
                left, right = rng.uniform(0, 0.1 * wide), rng.uniform(0.7 * wide, wide)
            case 2:  # in columns
                left = wide * rng.randrange(4) / 4
                right, top = left + wide / 5, (at // 4 * 1.3 * em) % high
            case 3:  # upright, as on a page that lies on its side
                bottom, right = rng.uniform(top, high), left + em
            case 4 if found:  # over another
                (left, top), _, (right, bottom), _ = found[-1]
        lean = rng.choice((0.0, 0.0, rng.uniform(-em, em)))
        corners = [(left, top), (right, top + lean), (right, bottom + lean), (left, bottom)]
        found.append(_odd(rng, corners, wide, high) if rng.random() < odd else corners)
    kind = (
        np.float64
        if not np.isfinite(np.array(found)).all()
        else rng.choice((np.float32, np.float64, np.int64))
    )
    return np.clip(found, -1e18, 1e18).astype(kind) if kind is np.int64 else np.array(found).astype(kind)


def _odd(
    rng: random.Random, corners: list[tuple[float, float]], wide: int, high: int
) -> list[tuple[float, float]]:
    """The corners as no line has them."""
    (left, top), _, (right, bottom), _ = corners
    match rng.randrange(7):
        case 0:
            return [(left, top)] * 4
        case 1:
            return [(left, top), (right, top), (right, top), (left, top)]
        case 2:
            return [(left, top), (left, top), (left, bottom), (left, bottom)]
        case 3:
            return rng.sample(corners, 4)
        case 4:
            return [(x + rng.choice((-1, 1)) * wide, y + rng.choice((0, 1)) * high) for x, y in corners]
        case 5:
            return [(0.0, 0.0), (wide, 0.0), (wide, high), (0.0, high)]
        case _:
            at = rng.randrange(4)
            spoilt = rng.choice(((rng.choice(_FAR), corners[at][1]), (corners[at][0], rng.choice(_FAR))))
            return [*corners[:at], spoilt, *corners[at + 1 :]]
