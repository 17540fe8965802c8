"""Pictures inside a document, read by OCR when a table is looked for and not found.

Here: whether it is worth the while, and where the pictures of a PDF come from.
Not here: recognition (image.py and below).
"""

from __future__ import annotations

from pathlib import Path

from pipeline.reading.document import Document, Picture

MAX_PICTURES = 60
"""A report has some ten pages; beyond this a file is an album, and reading it takes minutes."""


def with_pictures_read(document: Document, path: Path | None) -> Document | None:
    """The document with its pictures' text in place; None where there are none or no engine to read them.

    Args:
        path: the file, for pictures that are parts of a PDF's pages.
    """
    pictures = [block for block in document.blocks if isinstance(block, Picture)]
    if not 0 < len(pictures) <= MAX_PICTURES:
        return None
    from pipeline.reading.image import ocr_available, read_pictures

    if not ocr_available():
        return None

    def drawn(picture: Picture) -> bytes | None:
        if document.format != "pdf" or path is None:
            return None
        from pipeline.reading.pdf import picture_at

        return picture_at(path, picture.locator)

    return read_pictures(document, drawn)
