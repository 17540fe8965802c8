"""The raw folder: which files are there, what each is, and the bytes' names.

Here: listing, hashing (with a table of sizes and times, so that an unchanged file is not hashed again).
Not here: reading them (reading_pool.py) and keeping what was read (reading_cache.py).
"""

from __future__ import annotations

import hashlib
import io
import os
import stat
import sys
import time
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path

import polars as pl

from pipeline.cells.report import DocumentStatus
from pipeline.files import write_whole
from pipeline.manifest import OWN_FOLDER

# A file changed less than this ago may change again without a new time: it is hashed each run.
_SETTLED_NS = 2_000_000_000
# Word and WPS put it before the name of a file that is open.
_OFFICE_NOTE = "~$"
_STAT_SCHEMA = {
    "file": pl.String,
    "bytes": pl.Int64,
    "mtime_ns": pl.Int64,
    "changed_ns": pl.Int64,
    "document_id": pl.String,
}
_SAME = ["file", "bytes", "mtime_ns", "changed_ns"]


@dataclass(frozen=True, slots=True)
class RawFile:
    """A file of the raw folder.

    ``path`` is relative to the folder, with ``/``; ``at`` is where the file lies, in the system's own
    words; ``document_id`` the sha256 of the bytes, None where they cannot be had. ``refused`` is set for
    what is not read at all, with the message. ``mtime_ns`` is the file's own time, which programs set as
    they like (`cp -p`, an archive); of any change ``changed_ns`` tells, which the system sets. ``url`` is
    where whoever reads the file fetches it (raw_url.py); empty for a file of this machine.
    """

    path: str
    at: str
    source: str
    bytes: int
    mtime_ns: int
    document_id: str | None = None
    refused: DocumentStatus | None = None
    message: str = ""
    changed_ns: int = 0
    url: str = ""

    @property
    def place(self) -> Path:
        """Where the file lies; kept as text, of which a collection of millions takes far less memory."""
        return Path(self.at)

    def is_still(self, info: os.stat_result) -> bool:
        """Whether a file that looks so now has the bytes that it had when it was listed."""
        return (info.st_size, info.st_mtime_ns, info.st_ctime_ns) == (
            self.bytes,
            self.mtime_ns,
            self.changed_ns,
        )


def list_files(root: Path) -> tuple[RawFile, ...]:
    """Every file under ``root`` in the order of its path, but for the project's own folders.

    Links are followed to files inside the folder only. What is not read (hidden files, hidden folders
    as a whole, the notes of programs that have a file open) is refused and says why.

    Raises:
        FileNotFoundError, NotADirectoryError: ``root`` is no folder.
    """
    inside = root.resolve(strict=True)
    if not inside.is_dir():
        raise NotADirectoryError(f"{root} is not a folder")
    return tuple(sorted(_walk(inside, inside), key=lambda file: file.path))


def _walk(folder: Path, root: Path) -> Iterator[RawFile]:
    try:
        entries = list(os.scandir(folder))
    except OSError as error:
        yield _describe(folder, root, refused="unreadable", message=f"folder: {_reason(error)}")
        return
    for entry in entries:
        if entry.name == OWN_FOLDER:
            continue
        place = Path(entry.path)
        refused = no_report(entry.name, entry.is_dir(follow_symlinks=False))
        if refused:
            yield _describe(place, root, refused="unsupported", message=refused)
        elif entry.is_symlink():
            yield _link(place, root)
        elif entry.is_dir():
            yield from _walk(place, root)
        else:
            yield _describe(place, root)


def no_report(name: str, folder: bool) -> str:
    """Why a file or folder is no report by its name alone, or an empty text."""
    if name.startswith(_OFFICE_NOTE):
        return "the note of an office program that has the file open, no report"
    if name.startswith("."):
        if folder:
            return "a hidden folder is not entered; give it a name without the dot in front"
        return "a hidden file is not read; if it is a report, give it a name without the dot in front"
    return ""


def _link(place: Path, root: Path) -> RawFile:
    try:
        target = place.resolve(strict=True)
    except (OSError, RuntimeError):
        return _describe(place, root, refused="unreadable", message="a link that leads nowhere")
    if not target.is_relative_to(root):
        message = "a link out of the raw folder is not followed"
        return _describe(place, root, refused="unsupported", message=message)
    if target.is_dir():
        message = "a link to a folder is not followed; its files stand under their own path"
        return _describe(place, root, refused="unsupported", message=message)
    return _describe(place, root)


def _describe(place: Path, root: Path, refused: DocumentStatus | None = None, message: str = "") -> RawFile:
    path = _text(place.relative_to(root).as_posix())
    first, *rest = path.split("/", 1)
    size = mtime_ns = changed_ns = 0
    if refused is None:
        try:
            info = place.stat()
        except OSError as error:
            refused, message = "unreadable", _reason(error)
        else:
            size, mtime_ns, changed_ns = info.st_size, info.st_mtime_ns, info.st_ctime_ns
            if not stat.S_ISREG(info.st_mode):
                refused, message = "unsupported", "not a regular file"
    return RawFile(
        path=path,
        at=str(place),
        source=sys.intern(first) if rest else "local",
        bytes=size,
        mtime_ns=mtime_ns,
        refused=refused,
        message=message,
        changed_ns=changed_ns,
    )


def _text(name: str) -> str:
    """A file name as text that any table can hold: bytes that are no UTF-8 are written out."""
    return os.fsencode(name).decode("utf-8", "backslashreplace")


def _reason(error: OSError) -> str:
    return error.strerror or type(error).__name__


def identify(
    files: Sequence[RawFile], stats: Path, threads: int = 1, trust: bool = True
) -> tuple[RawFile, ...]:
    """The files with their ``document_id``; those unchanged since the last call are not read.

    Args:
        stats: Parquet file that keeps sizes, times and hashes between runs; made when absent.
        trust: that a file of the same size and times is the same; else every file is read.
    """
    now = time.time_ns()
    known, listed = _known(stats), _stats(files)
    same = known if trust else known.clear()
    names = listed.drop("document_id").join(same, on=_SAME, how="left", maintain_order="left")["document_id"]

    def one(file: RawFile, name: str | None) -> RawFile:
        if file.refused:
            return file
        if name:
            return replace(file, document_id=name)
        try:
            with file.place.open("rb") as stream:
                digest = hashlib.file_digest(stream, "sha256").hexdigest()
        except OSError as error:
            return replace(file, refused="unreadable", message=_reason(error))
        return replace(file, document_id=digest)

    with ThreadPoolExecutor(max_workers=threads) as pool:
        found = tuple(pool.map(one, files, names))
    settled = _stats(
        file for file in found if file.document_id and now - max(file.mtime_ns, file.changed_ns) > _SETTLED_NS
    ).drop_nulls("file")
    # Of another raw folder's files, those that are there still.
    elsewhere = known.join(listed, on="file", how="anti", maintain_order="left")
    there = elsewhere.filter(pl.Series([Path(at).exists() for at in elsewhere["file"]], dtype=pl.Boolean))
    before = known.join(listed, on="file", how="semi", maintain_order="left")
    kept = pl.concat([there, before, settled]).unique("file", keep="last").sort("file")
    if not kept.equals(known):
        _keep(kept, stats)
    return found


def _stats(files: Iterable[RawFile]) -> pl.DataFrame:
    """Sizes, times and hashes of files, in their order; a place whose name is no text has no ``file``."""
    rows = (
        (
            file.at if _text(file.at) == file.at else None,
            file.bytes,
            file.mtime_ns,
            file.changed_ns,
            file.document_id,
        )
        for file in files
    )
    return pl.DataFrame(rows, schema=_STAT_SCHEMA, orient="row")


def _known(stats: Path) -> pl.DataFrame:
    try:
        return pl.read_parquet(stats, schema=_STAT_SCHEMA)
    except (OSError, pl.exceptions.PolarsError):
        return pl.DataFrame(schema=_STAT_SCHEMA)  # absent or spoilt: everything is hashed again


def _keep(entries: pl.DataFrame, stats: Path) -> None:
    stats.parent.mkdir(parents=True, exist_ok=True)
    whole = io.BytesIO()
    entries.write_parquet(whole)
    write_whole(stats, whole.getvalue())
