"""The recognition engine: text lines found in a picture, and lines read with how sure each character is.

Here: the packaged models, loaded once per process on one thread, and the decoding of their output.
Not here: where a cell's picture comes from (ocr_rules, ocr_cells) or what its text means.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from pipeline.reading.ocr_models import model

Pixels = npt.NDArray[Any]
"""A grey picture, high × wide, one byte a pixel, or a mask of 0 and 1 of the same kind."""

HEIGHT = 48
"""Height in pixels of a line as the recognition model takes it."""
STEP = 8
"""Pixels of a line's width for each step of the model's output."""
BATCH = 16
DETECT_SIDE = 1280
"""Longest side, in pixels, of a picture that lines are looked for in; larger ones are reduced."""
LEAST_SIDE = 2
"""Pixels: what is lower or narrower is no line."""
LIKELY = 0.02
"""Probability from which another character is an alternative."""

# One thread here as in the engine: the same sums in the same order, and one core for each worker.
cv2.setNumThreads(1)


@dataclass(frozen=True, slots=True)
class Line:
    """A line as read. ``scores``: for each character of ``text`` its probability, 0 to 1.

    ``missed``: the highest probability of a character that was not taken. ``others``: for each
    character the ones held possible beside it, with theirs.
    """

    text: str
    scores: tuple[float, ...] = ()
    missed: float = 0.0
    others: tuple[tuple[tuple[str, float], ...], ...] = ()

    @property
    def confidence(self) -> float:
        """The least sure character's probability; 0.0 where nothing was read."""
        return min((*self.scores, 1.0 - self.missed)) if self.text else 0.0


EMPTY = Line("")


@cache
def _recogniser() -> tuple[Any, str, tuple[str, ...]]:
    """The recognition session, the name of its input, and its characters; index 0 is the blank."""
    import onnxruntime

    path = model("rec")
    options = onnxruntime.SessionOptions()
    # One thread: documents are read by a pool of workers, one for each core.
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.use_deterministic_compute = True
    options.enable_cpu_mem_arena = False
    options.log_severity_level = 4
    session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    characters = session.get_modelmeta().custom_metadata_map["character"].splitlines()
    return session, session.get_inputs()[0].name, ("", *characters, " ")


@cache
def _detector() -> Any:
    from rapidocr import RapidOCR

    path = model("det")
    return RapidOCR(
        params={
            "Global.log_level": "critical",
            "Global.max_side_len": DETECT_SIDE * 2,
            "EngineConfig.onnxruntime.intra_op_num_threads": 1,
            "EngineConfig.onnxruntime.inter_op_num_threads": 1,
            # A path given outright is loaded as it is; a default one may be fetched anew.
            "Det.model_path": str(path),
        }
    )


def detect(picture: Pixels, side: int = DETECT_SIDE) -> list[npt.NDArray[np.float32]]:
    """Find the lines of text of a grey picture, reduced to ``side`` pixels at most.

    Returns:
        For each line its corners (4 × 2, pixels): top left, top right, bottom right, bottom left.
    """
    high, wide = picture.shape
    scale = min(1.0, side / max(high, wide))
    small = (
        cv2.resize(picture, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA) if scale < 1 else picture
    )
    # The detector blows a picture up until its short side has 736 pixels: give flat ones room instead.
    least = max(small.shape) // 2
    below, right = max(0, least - small.shape[0]), max(0, least - small.shape[1])
    small = cv2.copyMakeBorder(small, 0, below, 0, right, cv2.BORDER_CONSTANT, value=255)
    found = _detector()(cv2.cvtColor(small, cv2.COLOR_GRAY2BGR), use_det=True, use_cls=False, use_rec=False)
    if getattr(found, "boxes", None) is None:
        return []
    return [box / scale for box in _sound(found.boxes, small.shape)]


def _sound(boxes: Iterable[Any], shape: tuple[int, ...]) -> Iterator[npt.NDArray[np.float32]]:
    """The corners that can be those of a line, within the picture: the model promises nothing."""
    high, wide = shape
    for box in boxes:
        corners = np.asarray(box, dtype=np.float32)
        if np.isfinite(corners).all():
            inside = np.clip(corners, 0, np.array([wide, high], dtype=np.float32))
            if np.ptp(inside, axis=0).min() >= LEAST_SIDE:
                yield inside


def recognise(lines: Sequence[Pixels]) -> list[Line]:
    """Read pictures of single lines (grey, dark on white), in the order given."""
    shaped = [_shaped(line) for line in lines]
    order = sorted(range(len(lines)), key=lambda i: shaped[i].shape[1])
    read: list[Line] = [EMPTY] * len(lines)
    if not lines:
        return []
    session, name, characters = _recogniser()
    for start in range(0, len(order), BATCH):
        batch = order[start : start + BATCH]
        wide = max(shaped[i].shape[1] for i in batch)
        stack = np.zeros((len(batch), 3, HEIGHT, wide), dtype=np.float32)
        for at, i in enumerate(batch):
            stack[at, :, :, : shaped[i].shape[1]] = shaped[i]
        for i, steps in zip(batch, session.run(None, {name: stack})[0], strict=True):
            read[i] = _decoded(steps, characters)
    return read


def _shaped(line: Pixels) -> npt.NDArray[np.float32]:
    high, wide = line.shape
    to = max(HEIGHT, math.ceil(wide * HEIGHT / high / STEP) * STEP)
    method = cv2.INTER_AREA if high > HEIGHT else cv2.INTER_CUBIC
    scaled = cv2.resize(line, (max(1, round(wide * HEIGHT / high)), HEIGHT), interpolation=method)
    whole = np.full((HEIGHT, to), 255, dtype=np.uint8)
    whole[:, : min(to, scaled.shape[1])] = scaled[:, :to]
    return whole.astype(np.float32) / 127.5 - 1.0


def _decoded(steps: npt.NDArray[np.float32], characters: Sequence[str]) -> Line:
    """The best path through the model's output (steps × characters, probabilities)."""
    # What is no probability is none of a character's: argmax would take NaN for the highest.
    steps = np.nan_to_num(steps, nan=0.0, posinf=0.0, neginf=0.0).clip(0.0, 1.0)
    best = steps.argmax(axis=1)
    text: list[str] = []
    scores: list[float] = []
    others: list[tuple[tuple[str, float], ...]] = []
    runs = list(_runs(best))
    missed = 0.0
    for at, (index, begin, end) in enumerate(runs):
        if index == 0:
            near = {runs[i][0] for i in (at - 1, at + 1) if 0 <= i < len(runs)}
            part = steps[begin:end].copy()
            part[:, [0, *near]] = 0.0
            missed = max(missed, float(part.max()))
            continue
        peak = begin + int(steps[begin:end, index].argmax())
        text.append(characters[index])
        scores.append(float(steps[peak, index]))
        rivals = [int(i) for i in _highest(steps[peak], 4) if i not in (0, index)]
        others.append(
            tuple((characters[i], float(steps[peak, i])) for i in rivals if steps[peak, i] >= LIKELY)
        )
    return Line("".join(text), tuple(scores), missed, tuple(others))


def _highest(row: npt.NDArray[np.float32], count: int) -> npt.NDArray[np.intp]:
    """Indices of the highest values, falling."""
    some = np.argpartition(row, -count)[-count:]
    return some[np.argsort(row[some])[::-1]]


def _runs(best: npt.NDArray[np.intp]) -> Iterator[tuple[int, int, int]]:
    begin = 0
    for at in range(1, len(best) + 1):
        if at == len(best) or best[at] != best[begin]:
            yield int(best[begin]), begin, at
            begin = at
