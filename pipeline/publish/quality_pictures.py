"""Pictures of the places that findings are about, cut out of PDF files and scans.

Here: from cells' locators to a small picture with the cells framed, drawn in a process of its own,
since what draws a file may crash on it. Not here: which places are shown (quality.py).
"""

from __future__ import annotations

import hashlib
import io
import multiprocessing
import re
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures import TimeoutError as OutOfTime
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from pathlib import Path

from PIL import Image, ImageDraw, ImageOps, UnidentifiedImageError

from pipeline.reading.document import ReadingError
from pipeline.reading.image import MAX_PIXELS
from pipeline.reading.pdf import page_picture

Box = tuple[float, float, float, float]
DPI = 96
_OCR_DPI = 200
"""What scanned pages are drawn at before recognition: boxes inside them are pixels of that."""
_AROUND = 26.0
"""Points shown above and below the cells."""
_WIDTH = 900
_COLOURS = 24
_SECONDS = 15
_FAILURES = 3
_FRAME = (200, 30, 30)


@dataclass(frozen=True, slots=True)
class Place:
    """Cells of one file on one page or picture (from 1); boxes in points, or pixels of a picture."""

    path: Path
    document_id: str
    kind: str
    page: int
    boxes: tuple[Box, ...]


def place_of(path: Path, document_id: str, kind: str, locators: Sequence[str]) -> Place | None:
    """The place that most of the locators name; None where the file has no pages to show.

    Args:
        kind: the file's format, ``pdf`` or ``image``; others have no pictures.
    """
    pages: dict[int, list[Box]] = {}
    for locator in locators:
        found = _page_and_box(kind, locator)
        if found is not None:
            pages.setdefault(found[0], []).append(found[1])
    if not pages:
        return None
    page = max(pages, key=lambda number: len(pages[number]))
    return Place(path, document_id, kind, page, tuple(dict.fromkeys(pages[page])))


_PART = re.compile(r"(page|image)=(\d+)|box=(-?[\d.]+),(-?[\d.]+),(-?[\d.]+),(-?[\d.]+)")


def _page_and_box(kind: str, locator: str) -> tuple[int, Box] | None:
    """The page and the box on it, in points of a PDF's page or pixels of a picture."""
    numbers: dict[str, int] = {}
    outer: Box | None = None
    box: Box | None = None
    for match in _PART.finditer(locator):
        if match[1]:
            numbers[match[1]] = int(match[2])
            continue
        outer, box = box, (float(match[3]), float(match[4]), float(match[5]), float(match[6]))
    if box is None:
        return None
    if kind == "image":
        return (numbers["image"], box) if "image" in numbers else None
    if kind != "pdf" or "page" not in numbers:
        return None
    if "image" in numbers:
        # A cell read by OCR: pixels of the page's picture, which may be a part of the page.
        left, top = outer[:2] if outer else (0.0, 0.0)
        scale = 72 / _OCR_DPI
        box = (left + box[0] * scale, top + box[1] * scale, left + box[2] * scale, top + box[3] * scale)
    return numbers["page"], box


def pictures(places: Sequence[Place], most_bytes: int) -> Iterator[bytes | None]:
    """A PNG for each place, in order; None where it cannot be drawn, or when there is no more room.

    Args:
        most_bytes: how large all of them may be together.
    """
    room, failures = most_bytes, 0
    pool: ProcessPoolExecutor | None = None
    try:
        for place in places:
            drawn = None
            if room > 0 and failures < _FAILURES:
                pool = pool or ProcessPoolExecutor(1, multiprocessing.get_context("spawn"))
                future: Future[bytes | None] = pool.submit(draw, place)
                try:
                    drawn = future.result(timeout=_SECONDS)
                except (OutOfTime, BrokenProcessPool):
                    failures += 1
                    _end(pool)
                    pool = None
            if drawn is not None and len(drawn) > room:
                drawn = None
            room -= len(drawn or b"")
            yield drawn
    finally:
        if pool is not None:
            _end(pool)


def _end(pool: ProcessPoolExecutor) -> None:
    """End the pool with its worker, whatever that is doing."""
    workers = list((pool._processes or {}).values())
    pool.shutdown(wait=False, cancel_futures=True)
    for worker in workers:
        worker.terminate()


def draw(place: Place) -> bytes | None:
    """The strip of the page with the cells, framed, as PNG; None where the file is not what was read."""
    try:
        if hashlib.sha256(place.path.read_bytes()).hexdigest() != place.document_id:
            return None
        drawn = _of_pdf(place) if place.kind == "pdf" else _of_picture(place)
    except (ReadingError, OSError, ValueError, Image.DecompressionBombError, UnidentifiedImageError):
        return None
    out = io.BytesIO()
    drawn.quantize(_COLOURS).save(out, "PNG", optimize=True)
    return out.getvalue()


def _of_pdf(place: Place) -> Image.Image:
    top = max(0.0, min(box[1] for box in place.boxes) - _AROUND)
    bottom = max(box[3] for box in place.boxes) + _AROUND
    # As wide as the page: what is beyond its edge is cut off.
    strip = Image.open(io.BytesIO(page_picture(place.path, place.page, (0, top, 1e5, bottom), DPI)))
    return _framed(strip.convert("RGB"), place.boxes, (0, top), DPI / 72)


def _of_picture(place: Place) -> Image.Image:
    with Image.open(place.path) as file:
        if file.format == "TIFF" and place.page > 1:
            file.seek(place.page - 1)
        if file.width * file.height > MAX_PIXELS:
            raise ValueError("too large")
        whole = ImageOps.exif_transpose(file).convert("RGB")
    around = _AROUND * whole.width / 600
    top = max(0, int(min(box[1] for box in place.boxes) - around))
    bottom = min(whole.height, int(max(box[3] for box in place.boxes) + around))
    strip = whole.crop((0, top, whole.width, max(top + 1, bottom)))
    scale = min(1.0, _WIDTH / strip.width)
    small = strip.resize((max(1, int(strip.width * scale)), max(1, int(strip.height * scale))))
    return _framed(small, place.boxes, (0, top), scale)


def _framed(
    picture: Image.Image, boxes: Sequence[Box], origin: tuple[float, float], scale: float
) -> Image.Image:
    pen = ImageDraw.Draw(picture)
    for left, top, right, bottom in boxes:
        x0, y0 = (left - origin[0]) * scale - 2, (top - origin[1]) * scale - 2
        x1, y1 = (right - origin[0]) * scale + 2, (bottom - origin[1]) * scale + 2
        if x1 > x0 and y1 > y0:
            pen.rectangle((x0, y0, x1, y1), outline=_FRAME, width=2)
    return picture
