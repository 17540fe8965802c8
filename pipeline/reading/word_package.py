"""A DOCX file as a package: opened within bounds, its XML parts and relationships.

Here: what a file that is no DOCX really is, sizes, XML without entities, targets of relationships.
Not here: what the parts say (word, word_numbering).

The package is read part by part, not through python-docx, which refuses whole files for a picture
that is missing, a macro-enabled content type or the strict namespaces.
"""

from __future__ import annotations

import posixpath
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType

from lxml import etree

from pipeline.reading.document import ReadingError
from pipeline.reading.zips import DAMAGED

MAX_XML = 60_000_000
MAX_PICTURE = 30_000_000
MAX_PICTURES = 120_000_000
MAX_TOTAL = 800_000_000
MAX_RATIO = 300
"""Times that a large part may have been packed; real Word text stays below 60."""
RATIO_FROM = 5_000_000
MAX_PARTS = 20_000

_STRICT_ROOT = b"http://purl.oclc.org/ooxml/"
_ROOT = b"http://schemas.openxmlformats.org/"
# Files saved as "Strict Open XML" name the same elements in other namespaces.
_STRICT = (
    (_STRICT_ROOT + b"spreadsheetml/main", _ROOT + b"spreadsheetml/2006/main"),
    (_STRICT_ROOT + b"wordprocessingml/main", _ROOT + b"wordprocessingml/2006/main"),
    (_STRICT_ROOT + b"officeDocument/relationships", _ROOT + b"officeDocument/2006/relationships"),
    (_STRICT_ROOT + b"drawingml/wordprocessingDrawing", _ROOT + b"drawingml/2006/wordprocessingDrawing"),
    (_STRICT_ROOT + b"drawingml/main", _ROOT + b"drawingml/2006/main"),
)
_OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
_AGAIN = "Open it in Word or WPS and save it again as .docx."


@dataclass(frozen=True, slots=True)
class Relation:
    """A relationship of a part: the last word of its type, and the part it leads to."""

    kind: str
    target: str
    external: bool


@dataclass(slots=True)
class Package:
    """An open DOCX; close it, or use it in a ``with``."""

    archive: zipfile.ZipFile
    names: Mapping[str, str]
    """Part names in lower case to their names in the archive."""
    picture_bytes: int = 0
    _relations: dict[str, dict[str, Relation]] = field(default_factory=dict)

    def __enter__(self) -> Package:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.archive.close()

    def bytes_of(self, name: str, limit: int) -> bytes | None:
        """A part's bytes; None where there is no such part or it is larger than ``limit``.

        Raises:
            ReadingError: ``unreadable`` for a damaged part, ``encrypted`` for a locked one.
        """
        stored = self.names.get(name.lstrip("/").lower())
        if stored is None:
            return None
        info = self.archive.getinfo(stored)
        if info.flag_bits & 1:
            raise ReadingError("encrypted", "a part of the file needs a password. Save it without one.")
        if info.file_size > limit:
            return None
        try:
            with self.archive.open(info) as part:
                # As many bytes as it says: a part that lies about its size is never unpacked whole.
                return part.read(info.file_size + 1)
        except DAMAGED as fault:
            raise ReadingError("unreadable", f"damaged Office file: {name} ({fault}). {_AGAIN}") from None

    def xml(self, name: str) -> etree._Element | None:
        """The root of an XML part; None where there is none.

        Raises:
            ReadingError: ``unreadable`` where it is no well-formed XML or too large.
        """
        data = self.bytes_of(name, MAX_XML)
        if data is None:
            if name.lstrip("/").lower() in self.names:
                raise ReadingError("unreadable", f"{name} is larger than any report's text. Split the file.")
            return None
        return parse_xml(data, name)

    def relations(self, part: str) -> dict[str, Relation]:
        """Relationships of a part by their id."""
        if part not in self._relations:
            folder, _, base = part.rpartition("/")
            path = f"{folder}/_rels/{base}.rels" if folder else f"_rels/{base}.rels"
            root = self.xml(path)
            found: dict[str, Relation] = {}
            for element in root if root is not None else ():
                target = element.get("Target", "")
                external = element.get("TargetMode") == "External"
                if not external:
                    target = posixpath.normpath(posixpath.join("/" + folder, target)).lstrip("/")
                kind = element.get("Type", "").rsplit("/", 1)[-1]
                found[element.get("Id", "")] = Relation(kind, target, external)
            self._relations[part] = found
        return self._relations[part]

    def related(self, part: str, kind: str) -> str | None:
        """The part that a relationship of this kind leads to."""
        relations = self.relations(part).values()
        return next((r.target for r in relations if r.kind == kind and not r.external), None)

    def picture(self, part: str, relation_id: str) -> bytes | None:
        """The bytes of an embedded picture; None for one that is linked, missing or too large."""
        relation = self.relations(part).get(relation_id)
        if relation is None or relation.external or self.picture_bytes > MAX_PICTURES:
            return None
        data = self.bytes_of(relation.target, MAX_PICTURE)
        self.picture_bytes += len(data or b"")
        return data or None


def open_package(path: Path) -> Package:
    """Open a DOCX.

    Raises:
        ReadingError: ``encrypted``, ``unsupported`` (what the file really is), or ``unreadable``.
    """
    with path.open("rb") as file:
        head = file.read(4096)
    if not head.startswith(b"PK"):
        raise _not_a_package(path, head)
    try:
        archive = zipfile.ZipFile(path)
    except DAMAGED as fault:
        raise ReadingError(
            "unreadable", f"a damaged or cut-off Word file ({fault}). Fetch it again, or: {_AGAIN}"
        ) from None
    try:
        _check_sizes(archive)
    except ReadingError:
        archive.close()
        raise
    names = {
        info.filename.replace("\\", "/").lstrip("/").lower(): info.filename for info in archive.infolist()
    }
    return Package(archive, names)


def _check_sizes(archive: zipfile.ZipFile) -> None:
    parts = archive.infolist()
    total = sum(info.file_size for info in parts)
    bomb = any(
        info.file_size > RATIO_FROM and info.file_size > MAX_RATIO * max(info.compress_size, 1)
        for info in parts
    )
    if bomb or total > MAX_TOTAL or len(parts) > MAX_PARTS:
        raise ReadingError(
            "unreadable",
            f"unpacks to {total:,} bytes in {len(parts):,} parts, more than a report holds. "
            "Open it in Word and save only the report.",
        )


def _not_a_package(path: Path, head: bytes) -> ReadingError:
    """What a file without a zip's beginning is."""
    text = head.lstrip(b"\xef\xbb\xbf\r\n\t ").lower()
    if head.startswith(_OLE):
        if _holds_name(path, "EncryptedPackage"):
            return ReadingError(
                "encrypted", "a Word file that needs a password. Open it, take the password off and save it."
            )
        return ReadingError("unsupported", "an old Word file (.doc) named .docx. Save it as .docx.")
    if text.startswith(b"{\\rtf"):
        return ReadingError("unsupported", "an RTF file named .docx. Save it as .docx.")
    if text.startswith(b"%pdf"):
        return ReadingError("unsupported", "a PDF named .docx. Give it the ending .pdf.")
    if text.startswith(b"mime-version:") or b"content-type: multipart/related" in text:
        return ReadingError("unsupported", "a web archive (MHT) named .docx. Save it as .docx.")
    if b"worddocument" in text[:2000] or b"<pkg:package" in text or b"word.document" in text[:2000]:
        return ReadingError("unsupported", "a Word XML file named .docx. Save it as .docx.")
    if text.startswith(
        (b"<!doctype html", b"<html", b"<head", b"<body", b"<div", b"<table", b"<meta", b"<?xml")
    ):
        return ReadingError("unsupported", "a web page named .docx. Give it the ending .html.")
    if not text:
        return ReadingError("unreadable", "the file is empty. Fetch it again.")
    return ReadingError("unreadable", "no Word file: it is not a zip package. Fetch it again.")


def _holds_name(path: Path, name: str) -> bool:
    """Whether an OLE container has a stream of this name: its directory holds names as UTF-16."""
    wanted = name.encode("utf-16-le")
    keep = b""
    with path.open("rb") as file:
        while block := file.read(1 << 20):
            if wanted in keep + block:
                return True
            keep = block[-len(wanted) :]
    return False


def parse_xml(data: bytes, name: str) -> etree._Element:
    """An XML part's root: no entities, no network, depth and text bounded by the parser.

    Raises:
        ReadingError: ``unreadable``.
    """
    if _STRICT_ROOT in data:
        for strict, usual in _STRICT:
            data = data.replace(strict, usual)
    parser = etree.XMLParser(
        resolve_entities=False, no_network=True, load_dtd=False, remove_comments=True, remove_pis=True
    )
    if b"<!DOCTYPE" in data[:10_000] or b"<!ENTITY" in data[:10_000]:
        raise ReadingError("unreadable", f"{name} declares entities, which Word never does. {_AGAIN}")
    try:
        root = etree.fromstring(data, parser)
    except (etree.XMLSyntaxError, ValueError) as fault:
        raise ReadingError("unreadable", f"damaged Office file: {name} ({fault}). {_AGAIN}") from None
    if root.getroottree().docinfo.doctype:
        raise ReadingError("unreadable", f"{name} declares entities, which Word never does. {_AGAIN}")
    return root
