"""A point that recognition does not see makes an amount many times as large: then it is not believed."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageFont

from pipeline.cells.placing import HIDDEN_POINT, trust
from pipeline.cells.solving import SURE_READING
from pipeline.reading.document import Cell
from pipeline.reading.ocr_cells import _with_a_point
from pipeline.reading.ocr_engine import Pixels


def ink(text: str, size: float) -> Pixels:
    """The text's ink as a mask, without white around it."""
    font = ImageFont.load_default(size)
    picture = Image.new("L", (40 + round(size) * len(text), 3 * round(size)), 255)
    ImageDraw.Draw(picture).text((20, size), text, font=font, fill=0)
    mask = (np.asarray(picture) < 128).astype(np.uint8)
    rows, columns = np.nonzero(mask.any(axis=1))[0], np.nonzero(mask.any(axis=0))[0]
    return np.ascontiguousarray(mask[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1])


@pytest.mark.parametrize("size", [24, 32, 48])
@pytest.mark.parametrize("text", ["66326", "20", "358", "9042", "80265", "300"])
def test_digits_with_nothing_between_them_have_no_point(text: str, size: float) -> None:
    assert _with_a_point(text, ink(text, size)) is None


@pytest.mark.parametrize("size", [24, 32, 48])
@pytest.mark.parametrize("printed", ["6.6326", "2.0", "35.8", "904.2", "802.65"])
def test_a_point_that_was_not_recognised_is_seen(printed: str, size: float) -> None:
    assert _with_a_point(printed.replace(".", ""), ink(printed, size)) == printed


@pytest.mark.parametrize("printed", ["6.6326", "35.8", "802.65"])
def test_a_point_that_left_no_mark_shows_in_where_the_digits_stand(printed: str) -> None:
    mask = ink(printed, 48)
    # What is left of a faint point is nothing: only marks as high as digits stay.
    high = mask.shape[0]
    gone = [x for x in range(mask.shape[1]) if mask[:, x].any() and not mask[: high // 2, x].any()]
    mask[:, gone] = 0
    assert _with_a_point(printed.replace(".", ""), mask) == printed


def test_digits_that_touch_may_hide_a_point() -> None:
    mask = ink("66326", 32)
    mask[mask.shape[0] // 2, :] = 1
    assert _with_a_point("66326", mask) is not None


@pytest.mark.parametrize("text", ["8", "6.6326", "1,024", "无", ""])
def test_only_several_digits_alone_can_hide_one(text: str) -> None:
    assert _with_a_point(text, ink("8", 32)) is None


def test_only_amounts_are_doubted() -> None:
    cell = Cell(0, 0, "66326", "image=1;box=0,0,1,1", confidence=0.99, alternatives=("6.6326", "66826"))
    assert trust(cell, "amount") == HIDDEN_POINT < SURE_READING
    assert trust(cell, "count") == trust(cell, "signed") == 0.99
    assert trust(Cell(0, 0, "66326", "image=1", confidence=0.99, alternatives=("66826",)), "amount") == 0.99
