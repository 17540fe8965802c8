"""One door to all readers: what kind of file it is by its bytes, then its reader.

Here: sniffing, and which reader takes what. Not here: reading itself, or unpacking (bundle).
"""

from __future__ import annotations

import tempfile
import zipfile
from dataclasses import replace
from pathlib import Path
from typing import Literal

from pipeline.reading.document import Document, FileFormat, ReadingError
from pipeline.reading.zips import DAMAGED

HEAD = 4096
SEEN = 1 << 24
"""Bytes in which the names of an old Office file's streams are looked for."""
MANY_PARTS = 2000

Kind = Literal[FileFormat, "sheet", "old sheet", "mail", "zip"]
"""What a file is, finer than dim_document's ``format``."""

_IMAGES = (b"\x89PNG\r\n", b"\xff\xd8\xff", b"GIF8", b"II*\0", b"MM\0*")
_ARCHIVES = (b"Rar!", b"7z\xbc\xaf", b"\x1f\x8b", b"BZh", b"\xfd7zXZ")
_OLE = b"\xd0\xcf\x11\xe0"
_TEXT_ENDINGS = (".txt", ".text", ".md", ".markdown")
_HTML_ENDINGS = (".html", ".htm", ".shtml", ".xhtml", ".jhtml", ".jsp", ".aspx")
# What people name so is meant to be a report, whatever program wrote it.
_WORD_ENDINGS = (".doc", ".docx", ".docm", ".dot", ".dotx", ".wps", ".wpt", ".rtf", ".odt")
_TAGS = (b"<!doctype", b"<html", b"<?xml", b"<head", b"<body", b"<div", b"<table", b"<meta", b"<!--")
_HEADERS = (b"mime-version:", b"from:", b"received:", b"return-path:", b"x-unsent:", b"message-id:")
_WORD_XML = (b"word.document", b"<w:worddocument", b"<pkg:package", b"<office:document")

_OFD = "an OFD file (GB/T 33190), which is not read here. Open it in WPS or an OFD viewer and save it as PDF."
_ARCHIVED = "a packed archive. Unpack it into the raw folder."
_XML = "a Word file saved as one XML text. Open it in Word or WPS and save it as .docx."


def sniff(path: Path) -> FileFormat:
    """The kind of a file as dim_document names it, by its bytes; its ending only where they do not tell.

    Spreadsheets, archives, mail and whatever else stands outside the named kinds are ``other``.

    Raises:
        ReadingError: ``unreadable`` for an empty file.
        OSError: where the file cannot be opened.
    """
    kind = kind_of(path)
    if kind == "mail":
        return "html" if path.suffix.lower() in (".mht", ".mhtml") else "other"
    if kind == "sheet" or kind == "old sheet" or kind == "zip":
        return "other"
    return kind


def kind_of(path: Path) -> Kind:
    """What a file is, finer than ``sniff``.

    Raises:
        ReadingError: ``unreadable`` for an empty file.
        OSError: where the file cannot be opened.
    """
    with path.open("rb") as file:
        head = file.read(HEAD)
    if not head:
        raise ReadingError("unreadable", "the file is empty. Fetch it again.")
    ending = path.suffix.lower()
    if head.startswith(b"PK"):
        # Before PDF: an archive may hold one unpacked in its first bytes.
        return _zip_kind(path)
    if head.startswith(_OLE):
        return _ole_kind(path)
    if head.lstrip().startswith(b"%PDF-"):
        return "pdf"
    if head.startswith(_IMAGES) or (head.startswith(b"RIFF") and head[8:12] == b"WEBP"):
        return "image"
    if head.startswith(b"BM") and head[6:10] == b"\0\0\0\0":
        return "image"
    if head.lstrip().startswith(b"{\\rtf"):
        return "doc"
    text = head.lstrip(b"\xef\xbb\xbf\r\n\t ").lower()
    if text.startswith(_TAGS):
        # Pages that Word has written carry its marks in a comment; a Word file as XML is no page at all.
        whole_xml = text.startswith(b"<?xml") and b"<html" not in text
        return "other" if whole_xml and any(mark in text for mark in _WORD_XML) else "html"
    if b"%PDF-" in head[:1024]:
        return "pdf"
    if text.startswith(_HEADERS) and (b"\ncontent-type:" in text or text.startswith(b"mime-version:")):
        return "mail"
    return _kind_by_ending(ending, head)


def _kind_by_ending(ending: str, head: bytes) -> Kind:
    if ending in (".mht", ".mhtml", ".eml"):
        return "mail"
    if ending in _HTML_ENDINGS:
        return "html"
    if ending in (".md", ".markdown"):
        return "md"
    if ending in _TEXT_ENDINGS:
        return "txt"
    if ending == ".pdf":
        return "pdf"
    if ending in _WORD_ENDINGS and not head.startswith(_ARCHIVES) and _is_text(head):
        return "txt"
    return "other"


def _is_text(head: bytes) -> bool:
    """Whether bytes read as text: no control characters but those of lines, in a charset known here."""
    if any(byte < 32 and byte not in b"\t\n\v\f\r" for byte in head):
        return False
    for charset in ("utf-8", "gb18030"):
        for end in (0, 1, 2, 3):  # the head may end within a character
            try:
                head[: len(head) - end].decode(charset)
            except UnicodeDecodeError:
                continue
            return True
    return False


def _zip_kind(path: Path) -> Kind:
    try:
        with zipfile.ZipFile(path) as archive:
            names = {name.replace("\\", "/").lstrip("/").lower() for name in archive.namelist()[:MANY_PARTS]}
            is_odt = "mimetype" in names and b"opendocument.text" in _start(archive, "mimetype")
    except DAMAGED:
        # The directory at its end is gone; the ending is all that tells.
        return "docx" if path.suffix.lower() in (".docx", ".docm", ".dotx") else "zip"
    if any(name.startswith("word/document") for name in names):
        return "docx"
    if "xl/workbook.xml" in names:
        return "sheet"
    if is_odt:
        return "doc"
    if "ofd.xml" in names or "[content_types].xml" in names or "mimetype" in names:
        return "other"
    return "zip"


def _start(archive: zipfile.ZipFile, name: str) -> bytes:
    with archive.open(name) as part:
        return part.read(200)


def _ole_kind(path: Path) -> Kind:
    """Word's or a spreadsheet's: the directory of an old Office file names its streams in UTF-16."""
    with path.open("rb") as file:
        data = file.read(SEEN)
    if "WordDocument".encode("utf-16-le") in data or path.suffix.lower() in _WORD_ENDINGS:
        return "doc"
    if any(f"{name}\0".encode("utf-16-le") in data for name in ("Workbook", "Book")):
        return "old sheet"
    return "doc"


def read_document(path: Path) -> Document:
    """Read a file of any kind that there is a reader for.

    DOC, WPS, RTF and ODT files are converted to DOCX first, XLS and ET to XLSX: their locators name
    the paragraphs, tables and cells of the converted file, which are those that Word or Excel shows.
    Of an archive or message with one report in it that report is read; its locators are the
    report's own, and ``hints["member"]`` names it.

    Raises:
        ReadingError: with the status and the message that dim_document shows.
    """
    kind = kind_of(path)
    if kind in ("zip", "mail"):
        from pipeline.reading.bundle import unpacked

        with unpacked(path, kind_of) as (member, name):
            document = read_document(member)
        return replace(document, hints={**document.hints, "member": name})
    return _read(path, kind)


def _read(path: Path, kind: Kind) -> Document:
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
    if kind == "sheet":
        from pipeline.reading.sheet import read_sheets

        return read_sheets(path)
    if kind in ("doc", "old sheet"):
        return _read_converted(path, kind)
    raise ReadingError("unsupported", _unsupported(path))


def _read_converted(path: Path, kind: Kind) -> Document:
    """An old Office file by way of LibreOffice."""
    from pipeline.reading.office import read_office

    with tempfile.TemporaryDirectory(prefix="gongkai-") as folder:
        made = read_office([path], Path(folder))[path]
        if isinstance(made, ReadingError):
            raise made
        if kind == "doc":
            return replace(_read(made, "docx"), format="doc")
        return _read(made, "sheet")


def _unsupported(path: Path) -> str:
    """Why a file is not read, and what to do."""
    with path.open("rb") as file:
        head = file.read(HEAD)
    if head.startswith(b"PK"):
        with zipfile.ZipFile(path) as archive:
            names = {name.lower() for name in archive.namelist()[:MANY_PARTS]}
        if "ofd.xml" in names:
            return _OFD
        return "a package of another program. Save it as .docx or PDF."
    if head.startswith(_ARCHIVES):
        return _ARCHIVED
    if any(mark in head.lower() for mark in _WORD_XML):
        return _XML
    return f"no reader for {path.suffix or 'files without an ending'}"


def second_opinion(path: Path, document: Document) -> Document | None:
    """The same file by another engine, where there is one: asked only where the identities do not close.

    Raises:
        ReadingError, OSError: as ``read_document``, where the file has changed since.
    """
    if document.format != "pdf":
        return None
    from pipeline.reading.pdf_second import read_pdf_again

    if kind_of(path) in ("zip", "mail"):
        from pipeline.reading.bundle import unpacked

        with unpacked(path, kind_of) as (member, _):
            return read_pdf_again(member)
    return read_pdf_again(path)
