"""Pictures: a file that is one, and pictures inside other files, read by OCR where it is installed.

Here: decoding pictures safely, pages of a TIFF, and putting what was read in a picture's place.
Not here: recognition itself (ocr_page and below). Without the extra ``gongkai[ocr]`` a picture is
``scanned``: seen, not read.
"""

from __future__ import annotations

import io
import struct
import warnings
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

from PIL import Image, ImageOps, UnidentifiedImageError

from pipeline.reading.document import Block, Document, Grid, Picture, ReadingError
from pipeline.reading.ocr_models import installed

MAX_PIXELS = 120_000_000
"""A4 at 600 dpi has 35 million; a whole report as one tall picture at 200 dpi about 40."""
MAX_PAGES = 100
SMALLEST = (120, 24)
"""Width and height below which a picture is an ornament."""
INSTALL = "a picture; to read it install the extra gongkai[ocr] (pip install 'gongkai[ocr]') and run again"
# Pillow's readers of formats have no faults of their own: a TIFF without a width is a TypeError.
_DAMAGED = (
    UnidentifiedImageError,
    OSError,
    ValueError,
    TypeError,
    LookupError,
    ArithmeticError,
    SyntaxError,
    EOFError,
    struct.error,
)


def ocr_available() -> bool:
    """Whether the engine and its models are installed on this machine."""
    return installed()


def read_image(path: Path) -> Document:
    """Read a picture file (PNG, JPG, BMP, WEBP, GIF, TIFF of one or more pages).

    Raises:
        ReadingError: ``scanned`` without the extra or where nothing can be read; ``unreadable`` for
            a damaged file or one too large.
    """
    if not ocr_available():
        raise ReadingError("scanned", INSTALL)
    blocks: list[Block] = []
    count = 0
    with path.open("rb") as file:
        for count, picture in enumerate(_frames(file), 1):
            blocks += _read(picture, Picture(f"image={count}", *picture.size, covers_page=True))
    if not any(not isinstance(block, Picture) for block in blocks):
        raise ReadingError("scanned", "a picture in which no text was found")
    return Document("image", tuple(blocks), pages=count)


def read_pictures(document: Document, page_picture: Callable[[Picture], bytes | None]) -> Document:
    """The document with what OCR reads in its pictures in their place.

    Args:
        page_picture: gives the encoded picture of a Picture that carries no data, or None.
    Returns:
        The same document without the extra, or where no picture holds any text. A Picture stays
        where nothing was read in it, and after its lines where a table in it has no rules to go by.
    """
    if not any(isinstance(block, Picture) for block in document.blocks) or not ocr_available():
        return document
    blocks: list[Block] = []
    for block in document.blocks:
        blocks += _replaced(block, page_picture) if isinstance(block, Picture) else [block]
    return replace(document, blocks=tuple(blocks))


def _replaced(block: Picture, page_picture: Callable[[Picture], bytes | None]) -> list[Block]:
    data = block.data if block.data is not None else page_picture(block)
    if data is None:
        return [block]
    try:
        picture = next(_frames(io.BytesIO(data)), None)
    except ReadingError:
        # One picture that cannot be decoded is no reason to lose the rest of the file.
        return [block]
    return [block] if picture is None else _read(picture, block)


def _read(picture: Image.Image, block: Picture) -> list[Block]:
    """What a decoded picture holds; the block itself where that is nothing."""
    import numpy as np

    from pipeline.reading.ocr_page import read_page

    if picture.width < SMALLEST[0] or picture.height < SMALLEST[1]:
        return [block]
    inner = block.locator if "image=" in block.locator else f"{block.locator};image=1"
    reading = read_page(np.asarray(picture), inner)
    has_grid = any(isinstance(b, Grid) for b in reading.blocks)
    if not reading.blocks:
        return [block]
    # A table without rules was read as lines only: the picture stays to say that a table is there.
    return [*reading.blocks, *([block] if reading.unread_table and not has_grid else [])]


def _frames(file: Any) -> Iterator[Image.Image]:
    """The pages of a picture file, RGB or grey, turned as the file says they are shown."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            with Image.open(file) as image:
                pages = getattr(image, "n_frames", 1) if image.format == "TIFF" else 1
                if pages > MAX_PAGES:
                    raise ReadingError("unreadable", f"{pages} pictures in one file; split it")
                for page in range(pages):
                    if page:
                        image.seek(page)
                    _check_size(image)
                    yield _plain(image)
    except Image.DecompressionBombError as error:
        raise ReadingError("unreadable", f"{error}; save it at 200 to 300 dpi") from error
    except _DAMAGED as error:
        raise ReadingError("unreadable", f"a damaged picture ({error}); save it anew") from error


def _check_size(image: Image.Image) -> None:
    wide, high = image.size
    if wide * high > MAX_PIXELS:
        raise ReadingError(
            "unreadable",
            f"a picture of {wide:,} × {high:,} pixels is too large; save it at 200 to 300 dpi",
        )


def _plain(image: Image.Image) -> Image.Image:
    """RGB or grey with eight bits, transparent parts white."""
    shown = ImageOps.exif_transpose(image)
    if shown.mode in ("I;16", "I;16B", "I;16L", "I"):
        # Sixteen bits a pixel: the upper eight are enough.
        return shown.convert("I").point(lambda level: level / 256).convert("L")
    if shown.mode in ("L", "RGB"):
        return shown.copy()
    if shown.mode == "1":
        return shown.convert("L")
    if "A" in shown.mode or "transparency" in shown.info:
        solid = shown.convert("RGBA")
        ground = Image.new("RGBA", solid.size, (255, 255, 255, 255))
        return Image.alpha_composite(ground, solid).convert("RGB")
    return shown.convert("RGB")
