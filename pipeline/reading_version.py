"""A name for everything that decides how a file is read, so that only what may be read otherwise is.

Here: which of our sources, libraries and programs count for which kind of file. Not here: what was
read (reading_cache.py).
"""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Iterator
from functools import cache
from importlib import metadata
from pathlib import Path
from typing import get_args

from pipeline.reading.document import FileFormat
from pipeline.settings import SQL

HERE = Path(__file__).parent
# Whatever in these folders changes may change what is read of any file.
_SHARED = ("form", "cells", "agencies")
_READING = "reading"
# The modules of reading/ that only these kinds need, by the beginnings of their names; the others
# count for every kind. tests/test_reading_version.py holds this against what the modules import.
OWN: dict[str, tuple[FileFormat, ...]] = {
    "pdf": ("pdf",),
    "word": ("docx", "doc"),
    "html": ("html", "txt", "md"),
    "text": ("txt", "md"),
    "office": ("doc",),
    "sheet": (),
    "bundle": (),
}
# Another version of these, or one newly installed, reads anew.
_LIBRARIES = (
    "pypdfium2", "pdfplumber", "lxml", "html5lib", "rapidfuzz", "ortools", "rapidocr", "onnxruntime",
)  # fmt: skip
_BUILDERS = ("duckdb", "polars", "dataframely", "ortools")
_PROGRAMS = ("soffice", "libreoffice")
_CONVERTED: tuple[FileFormat, ...] = ("doc", "other")
BUNDLES = (".mht", ".mhtml", ".eml")
"""Endings of files that may hold a file of any kind, whatever kind they themselves are."""


@cache
def reader_versions() -> dict[FileFormat, str]:
    """What reads each kind of file: 16 hex digits that change with anything that it may depend on.

    That of ``other`` changes with all of them.
    """
    return {kind: _version(kind) for kind in get_args(FileFormat)}


@cache
def program_version() -> str:
    """Everything that decides what is built of what was read: all our code, data and SQL, and libraries."""
    digest = hashlib.sha256()
    for root in (HERE, SQL):
        for path in sorted(root.rglob("*")):
            if path.is_file() and "__pycache__" not in path.parts:
                digest.update(path.relative_to(root.parent).as_posix().encode() + b"\0")
                digest.update(hashlib.sha256(path.read_bytes()).digest())
    for library in _BUILDERS:
        digest.update(f"{library}={_installed(library)}\0".encode())
    return digest.hexdigest()[:16]


@cache
def _version(kind: FileFormat) -> str:
    digest = hashlib.sha256()
    for path in _sources(kind):
        digest.update(path.relative_to(HERE).as_posix().encode() + b"\0")
        digest.update(hashlib.sha256(path.read_bytes()).digest())
    for library in _LIBRARIES:
        digest.update(f"{library}={_installed(library)}\0".encode())
    if kind in _CONVERTED:
        for program in _PROGRAMS:
            digest.update(f"{program}={shutil.which(program) is not None}\0".encode())
    return digest.hexdigest()[:16]


def _sources(kind: FileFormat) -> Iterator[Path]:
    for folder in _SHARED:
        for path in sorted((HERE / folder).rglob("*")):
            if path.is_file() and "__pycache__" not in path.parts:
                yield path
    for path in sorted((HERE / _READING).iterdir()):
        if path.is_file() and (kind == "other" or kind in owners(path.stem)):
            yield path


def owners(module: str) -> tuple[FileFormat, ...]:
    """The kinds of file that a module of reading/ counts for: those that name it, else all."""
    for prefix, kinds in OWN.items():
        if module == prefix or module.startswith(prefix + "_"):
            return kinds
    return get_args(FileFormat)


def _installed(library: str) -> str | None:
    try:
        return metadata.version(library)
    except metadata.PackageNotFoundError:
        return None
