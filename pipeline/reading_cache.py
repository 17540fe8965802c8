"""What was read of each file, kept between runs in Parquet parts.

Here: the store of readings by content, name and version of the readers.
Not here: how a file is read (reading/, cells/) or by whom (reading_pool.py).
"""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cache
from importlib import metadata
from pathlib import Path

import polars as pl
from pydantic import TypeAdapter

from pipeline.cells.report import Report
from pipeline.reading.document import FileFormat

HERE = Path(__file__).parent
# Whatever in these folders changes may change what is read.
_SOURCES = ("form", "reading", "cells", "agencies")
# Libraries and programs that read files: another version, or one newly installed, reads anew.
_LIBRARIES = (
    "pypdfium2", "pdfplumber", "python-docx", "lxml", "html5lib", "rapidfuzz", "ortools",
    "rapidocr", "onnxruntime",
)  # fmt: skip
_PROGRAMS = ("soffice", "libreoffice")
_MANY_PARTS = 16
_REPORT = TypeAdapter(Report)
_SCHEMA = {
    "document_id": pl.String,
    "name": pl.String,
    "version": pl.String,
    "format": pl.String,
    "only_under": pl.String,
    "payload": pl.String,
}
Key = tuple[str, str]
"""document_id and path: what a file is called may tell whose report it is, so both count."""


AGAIN = "this run"
"""What ``Reading.only_under`` says of a file that could not be had: the next run tries it again."""


@dataclass(frozen=True, slots=True)
class Reading:
    """One file as read. ``only_under`` limits the result to runs with these limits (a time-out, say)."""

    document_id: str
    name: str
    format: FileFormat
    payload: str
    only_under: str | None = None

    @property
    def report(self) -> Report:
        """The report that the payload holds."""
        return _REPORT.validate_json(self.payload)


def pack(report: Report) -> str:
    """A report as the JSON text that ``Reading.report`` reads back."""
    return _REPORT.dump_json(report).decode()


@cache
def reader_version() -> str:
    """A name for everything that decides how a file is read: our sources, libraries, programs."""
    digest = hashlib.sha256()
    for folder in _SOURCES:
        for path in sorted((HERE / folder).rglob("*")):
            if path.is_file() and "__pycache__" not in path.parts:
                digest.update(path.relative_to(HERE).as_posix().encode() + b"\0")
                digest.update(hashlib.sha256(path.read_bytes()).digest())
    for library in _LIBRARIES:
        digest.update(f"{library}={_installed(library)}\0".encode())
    for program in _PROGRAMS:
        digest.update(f"{program}={shutil.which(program) is not None}\0".encode())
    return digest.hexdigest()[:16]


def _installed(library: str) -> str | None:
    try:
        return metadata.version(library)
    except metadata.PackageNotFoundError:
        return None


class ReadingCache:
    """Readings in ``folder``; later parts win over earlier ones.

    Only readings of this ``version`` and, where they depend on them, these ``limits`` are found.
    A part that cannot be read (a full disk, a crash of the machine) is as if it were not there.
    """

    def __init__(self, folder: Path, version: str, limits: str = "") -> None:
        self.folder = folder
        self.version = version
        self.limits = limits

    def keys(self) -> set[Key]:
        """What need not be read again."""
        found: set[Key] = set()
        for part in self._parts():
            frame = self._usable(part, ["document_id", "name", "only_under"])
            for document, name, only_under in frame.iter_rows():
                # The last reading of a file is the one that counts.
                (found.discard if only_under == AGAIN else found.add)((document, name))
        return found

    def add(self, readings: Iterable[Reading]) -> None:
        """Keep readings as one more part; whole or not at all."""
        rows = [(r.document_id, r.name, self.version, r.format, r.only_under, r.payload) for r in readings]
        if rows:
            self._write(pl.DataFrame(rows, schema=_SCHEMA, orient="row"), self._next_part())

    def load(self, wanted: Iterable[Key], batch: int = 500) -> Iterator[list[Reading]]:
        """The readings of ``wanted``, in batches, each once; the order is the parts'."""
        left = set(wanted)
        for part in reversed(self._parts()):
            keys = self._usable(part, ["document_id", "name"])
            here = [key for key in keys.iter_rows() if key in left]
            left.difference_update(here)
            for start in range(0, len(here), batch):
                some = pl.DataFrame(here[start : start + batch], schema=["document_id", "name"], orient="row")
                frame = self._usable(part, ["document_id", "name", "format", "payload"], some)
                yield [Reading(*row) for row in frame.iter_rows()]

    def compact(self) -> None:
        """Many small parts into one; readings by other versions of the readers go."""
        parts = self._parts()
        if len(parts) < _MANY_PARTS:
            return
        columns = list(_SCHEMA)
        whole = pl.concat([self._usable(part, columns) for part in parts])
        newest = whole.unique(["document_id", "name"], keep="last", maintain_order=True)
        self._write(newest, self._next_part())
        for part in parts:
            part.unlink(missing_ok=True)

    def _parts(self) -> list[Path]:
        return sorted(self.folder.glob("part-*.parquet"))

    def _next_part(self) -> Path:
        last = max((int(part.stem.removeprefix("part-")) for part in self._parts()), default=0)
        return self.folder / f"part-{last + 1:08d}.parquet"

    def _write(self, frame: pl.DataFrame, part: Path) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        temporary = part.with_suffix(".tmp")
        frame.write_parquet(temporary, compression="zstd")
        temporary.replace(part)

    def _usable(self, part: Path, columns: list[str], only: pl.DataFrame | None = None) -> pl.DataFrame:
        limits = pl.col("only_under").is_null() | pl.col("only_under").is_in([self.limits, AGAIN])
        try:
            rows = pl.scan_parquet(part).filter(pl.col("version") == self.version, limits)
            if only is not None:
                rows = rows.join(only.lazy(), on=["document_id", "name"], how="semi")
            return (
                rows.select(columns)
                .unique(["document_id", "name"], keep="last", maintain_order=True)
                .collect()
            )
        except (OSError, pl.exceptions.PolarsError):
            return pl.DataFrame(schema={column: _SCHEMA[column] for column in columns})
