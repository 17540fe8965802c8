"""DuckDB for the browser, put beside the explorer so that its page answers SQL without a server.

Here: which release of the npm package is taken, that its bytes are the known ones, the pieces that a page
from disk can load. Not here: fetching the package (`npm pack`), or how the page uses it (explore_sql.js).
"""

from __future__ import annotations

import base64
import gzip
import hashlib
import tarfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

PACKAGE = "@duckdb/duckdb-wasm@1.32.0"
# sha256 of the two files of that release that are used, by their path in the package.
_FILES = {
    "dist/duckdb-browser-blocking.cjs": "5d6ea37317c4de1c00f7549f7766be761aa7bb81b5035a0117dadeb66d330b78",
    "dist/duckdb-eh.wasm": "4c221bfa59c11f24dbd750e70c90b9252eca6eec5633936e6a2ec766e55fd879",
}
_LIBRARY, _MODULE = _FILES
# Bytes of a piece before base64: a browser reads a script whole.
_PIECE = 6_000_000
# A browser holds the whole database in memory, and a page of 32-bit code no more than this.
MAX_DATABASE = 1_000_000_000


class PackageFault(Exception):
    """The package cannot be used; the message is one line for a person."""


@dataclass(frozen=True, slots=True)
class Engine:
    """The library as a script, and the module that it runs."""

    library: bytes
    module: bytes


def engine(package: Path) -> Engine:
    """The known release, from its folder, a ``node_modules`` that has it, or its ``.tgz``.

    Raises:
        PackageFault: it is not there, or is not byte for byte the known one.
    """
    found = {name: _bytes(package.expanduser(), name) for name in _FILES}
    for name, digest in _FILES.items():
        if hashlib.sha256(found[name]).hexdigest() != digest:
            raise PackageFault(f"{package}: {name} is not that of {PACKAGE}")
    return Engine(found[_LIBRARY], found[_MODULE])


def _bytes(package: Path, name: str) -> bytes:
    try:
        if package.is_dir():
            inner = package / "node_modules" / PACKAGE.rpartition("@")[0]
            return ((inner if inner.is_dir() else package) / name).read_bytes()
        with tarfile.open(package) as archive:
            # Read in memory and checked by hash: nothing of an archive is unpacked.
            member = archive.extractfile(f"package/{name}")
            return b"" if member is None else member.read()
    except (OSError, KeyError, tarfile.TarError) as error:
        raise PackageFault(f"{package} has no {name}; `npm pack {PACKAGE}` fetches the package") from error


def files(found: Engine, database: Path) -> Iterator[tuple[str, str]]:
    """The files of the explorer's folder ``sql/``: library, module and database as scripts, and their list.

    Raises:
        PackageFault: the database is larger than a browser can hold.
    """
    if database.stat().st_size > MAX_DATABASE:
        raise PackageFault(f"{database} is larger than a browser can hold; `gongkai explore` serves it")
    counts: dict[str, int] = {}
    for name, content in (
        ("library", found.library),
        ("module", found.module),
        ("database", database.read_bytes()),
    ):
        packed = gzip.compress(content, 6, mtime=0)
        starts = range(0, len(packed), _PIECE)
        counts[name] = len(starts)
        for number, start in enumerate(starts):
            piece = base64.b64encode(packed[start : start + _PIECE]).decode()
            yield f"sql/{name}.{number}.js", f'gongkai.take("sql/{name}.{number}","{piece}");\n'
    told = ",".join(f'"{name}":{count}' for name, count in counts.items())
    yield "sql/list.js", f'gongkai.take("sql/list",{{{told}}});\n'
