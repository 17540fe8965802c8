"""What was fetched: bytes named by their hash, and a manifest to which lines are only added.

Here: writing whole or not at all, the manifest, versions of a URL, the proof that both agree.
Not here: what is fetched (spider.py), or what of it is read later (pipeline/manifest.py).

    <raw>/<source>/ab/abcdef….pdf           a document, for the build to read
    <raw>/<source>/.gongkai/manifest.jsonl  one line for each fetch
    <raw>/<source>/.gongkai/kept/ab/…       pages and pictures that are no document of their own
"""

from __future__ import annotations

import hashlib
import io
import json
import os
import re
import tempfile
import zipfile
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Literal

from pipeline import locks

HIDDEN = ".gongkai"
MANIFEST = "manifest.jsonl"
JOURNAL = "crawl.jsonl"
"""Where a crawl that has not come to its end notes its steps (journal.py)."""
Outcome = Literal["new", "changed", "same", "empty", "failed", "refused", "gone"]
Kept = Literal["document", "aside"]
# Endings that a stored file may get; chosen by its bytes, never taken from the network.
_MAGIC = (
    (b"%PDF-", "pdf"),
    (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "doc"),
    (b"\x89PNG\r\n\x1a\n", "png"),
    (b"\xff\xd8\xff", "jpg"),
    (b"GIF8", "gif"),
    (b"BM", "bmp"),
    (b"II*\0", "tif"),
    (b"MM\0*", "tif"),
    (b"{\\rtf", "rtf"),
    (b"Rar!", "rar"),
    (b"7z\xbc\xaf", "7z"),
)
_MHT = b"MIME-Version: 1.0\r\n"
_MARKUP = re.compile(
    rb"<\s*(!doctype\s+html|html|head|body|div|table|p|meta|script|ul|span)\b", re.IGNORECASE
)


class StoreFault(RuntimeError):
    """The store cannot be used; the message says why in one line."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of the manifest: one fetch and what came of it.

    ``url`` is what was asked, ``key`` the one name of all twins of that address, ``path`` the file
    relative to the source's folder, ``supersedes`` the hash that this address had before,
    ``certificate`` is ``unchecked`` where the source lets TLS go without a check. Hints
    (``title``, ``agency``, ``published``, ``index_number``) are the site's words, not checked.
    """

    time: str
    crawl: str
    url: str
    key: str
    role: str
    outcome: Outcome
    status: int | None = None
    reason: str = ""
    final_url: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)
    sha256: str | None = None
    bytes: int | None = None
    path: str | None = None
    kept: Kept | None = None
    fetched: str | None = None
    supersedes: str | None = None
    referrer: str = ""
    title: str = ""
    agency: str = ""
    published: str = ""
    index_number: str = ""
    listed: str = ""
    certificate: str = ""


class Store:
    """The folder of one source. Opening it makes nothing; the first write does."""

    def __init__(self, raw: Path, source: str) -> None:
        self.folder = raw / source
        self.hidden = self.folder / HIDDEN
        self.manifest = self.hidden / MANIFEST
        self.latest: dict[str, Entry] = {}
        """Of each key the last fetch that gave bytes, with the time of the last look."""
        self.looked: dict[str, str] = {}
        for entry in entries(self.manifest):
            self._note(entry)

    def _note(self, entry: Entry) -> None:
        if entry.sha256 is not None:
            self.latest[entry.key] = entry
        if entry.outcome in ("new", "changed", "same", "empty"):
            self.looked[entry.key] = entry.time

    @contextmanager
    def lock(self) -> Iterator[None]:
        """One crawl at a time.

        Raises:
            StoreFault: another crawl holds it, or the folder cannot be written.
        """
        with ExitStack() as held:
            try:
                self.hidden.mkdir(parents=True, exist_ok=True)
                held.enter_context(locks.hold(self.hidden / "lock", "a crawl"))
            except locks.Busy as busy:
                raise StoreFault(
                    f"another crawl is writing to {self.folder} ({busy.holder}): wait for it to end"
                ) from None
            except OSError as fault:
                raise StoreFault(f"{self.folder}: {fault.strerror or fault}") from None
            self._sweep()
            yield

    def _sweep(self) -> None:
        """Remove what writes that were ended half-way left behind."""
        for left in (self.hidden / "tmp").glob("*"):
            left.unlink(missing_ok=True)

    def put(self, data: bytes, kept: Kept, ending: str) -> tuple[str, str]:
        """Keep bytes; whole or not at all. Their hash, and the path relative to the source's folder."""
        digest = hashlib.sha256(data).hexdigest()
        base = self.folder if kept == "document" else self.hidden / "kept"
        target = base / digest[:2] / f"{digest}.{ending}"
        if not (target.is_file() and target.stat().st_size == len(data)):
            self._write(target, data)
        return digest, target.relative_to(self.folder).as_posix()

    def _write(self, target: Path, data: bytes) -> None:
        scratch = self.hidden / "tmp"
        scratch.mkdir(parents=True, exist_ok=True)
        target.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(dir=scratch)
        with os.fdopen(handle, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        Path(name).chmod(0o644)
        Path(name).replace(target)
        _sync_folder(target.parent)

    def add(self, entry: Entry) -> None:
        """One more line of the manifest, on the disk when this returns."""
        self.hidden.mkdir(parents=True, exist_ok=True)
        append(self.manifest, _slim(asdict(entry)))
        self._note(entry)

    def read(self, path: str) -> bytes | None:
        """Bytes kept before; None where they are gone."""
        try:
            return (self.folder / path).read_bytes()
        except OSError:
            return None


def ending_of(data: bytes) -> str:
    """The ending that bytes deserve; ``bin`` where they do not tell."""
    for magic, ending in _MAGIC:
        if data.startswith(magic):
            return ending
    if data[8:12] == b"WEBP" and data.startswith(b"RIFF"):
        return "webp"
    if data.startswith(b"PK\x03\x04"):
        return _zipped(data)
    if data.startswith(_MHT):
        return "mht"
    if _MARKUP.search(data[:4096]):
        return "html"
    if not data.strip() or b"\0" in data[:4096]:
        return "bin"
    return "txt"


def _zipped(data: bytes) -> str:
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            names = archive.namelist()[:2000]
    except (zipfile.BadZipFile, ValueError, OSError):
        return "zip"
    for folder, ending in (("word/", "docx"), ("xl/", "xlsx"), ("Doc_0/", "ofd")):
        if any(name.startswith(folder) for name in names):
            return ending
    return "zip"


def _slim(line: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in line.items() if value not in (None, "", {})}


def append(path: Path, line: Mapping[str, Any], sync: bool = True) -> None:
    """Add one JSON line; a torn line before it, left by a crash, is closed first."""
    text = json.dumps(line, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "backslashreplace")
    with path.open("ab+") as file:
        end = file.seek(0, os.SEEK_END)
        if end:
            file.seek(end - 1)
            if file.read(1) != b"\n":
                text = b"\n" + text
        file.write(text + b"\n")
        file.flush()
        if sync:
            os.fsync(file.fileno())


def lines(path: Path) -> Iterator[tuple[int, dict[str, Any] | None]]:
    """The JSON lines of a file by number from 1; None for one that is torn. Nothing where it is absent."""
    try:
        file = path.open("rb")
    except OSError:
        return
    with file:
        for number, raw in enumerate(file, 1):
            if not raw.strip():
                continue
            try:
                line = json.loads(raw)
            except ValueError:
                line = None
            yield number, line if isinstance(line, dict) else None


def entries(manifest: Path) -> Iterator[Entry]:
    """The lines of a manifest that can be read."""
    for _, line in lines(manifest):
        if line is not None:
            try:
                yield Entry(**line)
            except TypeError:
                continue  # of another version: verify names it


def _sync_folder(folder: Path) -> None:
    if hasattr(os, "O_DIRECTORY"):
        handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


@dataclass(frozen=True, slots=True)
class Proof:
    """What verify found: how much was looked at, and each fault in one line.

    ``torn`` are lines that a crash left half written; what they told was fetched again. ``unlisted``
    are whole files of a crawl that has not come to its end: the next one writes their lines.
    """

    files: int
    lines: int
    torn: int
    faults: tuple[str, ...]
    unlisted: int = 0


def verify(raw: Path) -> Proof:
    """Prove that hashes, files and manifests of every fetched source under ``raw`` agree."""
    files = count = torn = unlisted = 0
    faults: list[str] = []
    for manifest in sorted(raw.glob(f"*/{HIDDEN}/{MANIFEST}")):
        folder = manifest.parent.parent
        named: dict[str, str] = {}
        for number, line in lines(manifest):
            count += 1
            if line is None:
                torn += 1
                continue
            try:
                entry = Entry(**line)
            except TypeError:
                faults.append(f"{folder.name}: line {number} of the manifest is not of a kind known here")
                continue
            if entry.path is not None and entry.sha256 is not None:
                named[entry.path] = entry.sha256
        for path, digest in sorted(named.items()):
            files += 1
            fault = _fault(folder, path, digest)
            if fault:
                faults.append(f"{folder.name}: {path}: {fault}")
        open_still = (folder / HIDDEN / JOURNAL).exists()
        for stray in _strays(folder, named):
            if open_still and _fault(folder, stray, Path(stray).name.partition(".")[0]) is None:
                unlisted += 1
            else:
                faults.append(
                    f"{folder.name}: {stray}: named by its hash, but no line of the manifest tells of it"
                )
    return Proof(files, count, torn, tuple(faults), unlisted)


def _fault(folder: Path, path: str, digest: str) -> str | None:
    place = folder / path
    if not place.resolve().is_relative_to(folder.resolve()):
        return "a path out of the folder"
    try:
        with place.open("rb") as file:
            found = hashlib.file_digest(file, "sha256").hexdigest()
    except FileNotFoundError:
        return "is missing"
    except OSError as fault:
        return f"cannot be read ({fault.strerror})"
    if found != digest:
        return f"its bytes have the hash {found[:12]}…, not {digest[:12]}…"
    return None


_STORED = re.compile(r"[0-9a-f]{64}\.\w+")


def _strays(folder: Path, named: Mapping[str, str]) -> Iterator[str]:
    """Stored files that no line names. A crash between file and line leaves one until it is fetched again."""
    for base in (folder, folder / HIDDEN / "kept"):
        for place in sorted(base.glob("[0-9a-f][0-9a-f]/*")):
            path = place.relative_to(folder).as_posix()
            if path not in named and _STORED.fullmatch(place.name):
                yield path
