"""One door to all readers: what kind of file it is by its bytes, then its reader.

Here: sniffing, and which reader takes what. Not here: reading itself.
"""

from __future__ import annotations

import zipfile
from pathlib import Path

from pipeline.reading.document import Document, FileFormat, ReadingError

HEAD = 4096
_IMAGES = (b"\x89PNG", b"\xff\xd8\xff", b"GIF8", b"BM", b"II*\0", b"MM\0*")
_TEXT_ENDINGS = (".txt", ".md", ".markdown", ".text")
_HTML_ENDINGS = (".html", ".htm", ".shtml", ".xhtml", ".jhtml", ".jsp", ".aspx", ".mht", ".mhtml")


def sniff(path: Path) -> FileFormat:
    """The kind of a file by its first bytes, its ending only where bytes do not tell.

    Raises:
        ReadingError: ``unreadable`` for an empty file.
        OSError: where the file cannot be opened.
    """
    with path.open("rb") as file:
        head = file.read(HEAD)
    if not head:
        raise ReadingError("unreadable", "the file is empty")
    ending = path.suffix.lower()
    if b"%PDF-" in head[:1024]:
        return "pdf"
    if head.startswith(_IMAGES) or (head.startswith(b"RIFF") and head[8:12] == b"WEBP"):
        return "image"
    if head.startswith(b"PK"):
        return _zip_kind(path)
    if head.startswith(b"\xd0\xcf\x11\xe0"):
        return "docx" if ending == ".docx" else "doc"
    if head.lstrip().startswith(b"{\\rtf"):
        return "doc"
    text = head.lstrip(b"\xef\xbb\xbf\r\n\t ").lower()
    if text.startswith(
        (b"<!doctype", b"<html", b"<?xml", b"<head", b"<body", b"<div", b"<table", b"<meta", b"<!--")
    ):
        return "html"
    if ending in _HTML_ENDINGS:
        return "html"
    if ending in (".md", ".markdown"):
        return "md"
    if ending in _TEXT_ENDINGS:
        return "txt"
    if ending == ".pdf":
        return "pdf"
    return "other"


def _zip_kind(path: Path) -> FileFormat:
    try:
        with zipfile.ZipFile(path) as archive:
            names = set(archive.namelist()[:2000])
    except (zipfile.BadZipFile, OSError, ValueError):
        return "docx" if path.suffix.lower() == ".docx" else "other"
    return "docx" if "word/document.xml" in names else "other"


def read_document(path: Path) -> Document:
    """Read a file of any kind that there is a reader for.

    Raises:
        ReadingError: with the status and the message that dim_document shows.
    """
    kind = sniff(path)
    # Readers are imported where they are used: a worker that meets only PDFs loads no HTML parser.
    if kind in ("txt", "md"):
        from pipeline.reading.text import read_text

        return read_text(path)
    if kind == "pdf":
        from pipeline.reading.pdf import read_pdf

        return read_pdf(path)
    if kind == "docx":
        from pipeline.reading.word import read_docx

        return read_docx(path)
    if kind == "html":
        from pipeline.reading.html import read_html

        return read_html(path)
    if kind == "image":
        from pipeline.reading.image import read_image

        return read_image(path)
    if kind == "doc":
        raise ReadingError("unsupported", "an old Word file; save it as .docx")
    raise ReadingError("unsupported", f"no reader for {path.suffix or 'files without an ending'}")


def second_opinion(path: Path, document: Document) -> Document | None:
    """The same file by another engine, where there is one: asked only where the identities do not close."""
    if document.format == "pdf":
        from pipeline.reading.pdf_second import read_pdf_again

        return read_pdf_again(path)
    return None
