"""The explorer: a folder with a page and its data that opens from disk, without a server or the network.

Here: the folder's files by name, made one at a time or written whole. Not here: the queries
(explore_data.py), the page itself (explore.html, .css, .js), serving it (explore_server.py).
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import duckdb

from pipeline import warehouse
from pipeline.publish import explore_data as data
from pipeline.publish import explore_wasm
from pipeline.terminal import unturned_in

PAGE = "index.html"
# The parts of the page that are the same for every warehouse, and the files that they stand in here.
STATIC = {
    PAGE: "explore.html",
    "house.css": "house.css",
    "explore.css": "explore.css",
    "explore.js": "explore.js",
    "sql.js": "explore_sql.js",
}
TYPES = {".html": "text/html", ".css": "text/css", ".js": "text/javascript"}
# Nothing from elsewhere, no script in the page itself. A file on disk is no origin of its own in every
# browser, hence the scheme; a worker and the database in the browser come from memory (blob:).
POLICY = (
    "default-src 'none'; img-src data:; style-src 'self' file:;"
    " script-src 'self' file: blob: 'wasm-unsafe-eval'; worker-src blob:;"
    " connect-src 'self' blob:; base-uri 'none'; form-action 'none'"
)
_HERE = Path(__file__).parent
_KEPT = 64

Progress = Callable[[int, int], None]


class ExploreFault(Exception):
    """The explorer cannot be written or served; the message is one line for a person."""


@dataclass(frozen=True, slots=True)
class Written:
    """What was written: how many files, reports and bytes."""

    files: int
    reports: int
    bytes: int


class Explorer:
    """The files of an explorer over an open warehouse, each made when it is asked for."""

    def __init__(self, connection: duckdb.DuckDBPyConnection, sql: str = "") -> None:
        """Ask what all files have in common.

        Args:
            sql: who answers queries: ``server``, ``wasm``, or nobody.
        Raises:
            ExploreFault: the warehouse is of an older version.
        """
        self.connection = connection
        self.sql = sql
        try:
            self.book = data.book(connection)
        except duckdb.Error as error:
            raise ExploreFault(
                "the warehouse is of an older version; `gongkai build` makes it anew"
            ) from error
        self._made = lru_cache(maxsize=_KEPT)(self._make)

    @property
    def names(self) -> Iterator[str]:
        """Every file, with ``/``."""
        yield from STATIC
        yield "data/index.js"
        yield from (f"data/reports/{piece}.js" for piece in range(len(self.book.pieces)))
        yield from (f"data/league/{year}/{measure}.js" for year, measure in self.book.leagues)

    def file(self, name: str) -> str | None:
        """The text of one file; None where there is no such file."""
        return self._made(name)

    def _make(self, name: str) -> str | None:
        if name in STATIC:
            text = (_HERE / STATIC[name]).read_text(encoding="utf-8")
            return text.replace("{{ policy }}", POLICY) if name == PAGE else text
        match name.removesuffix(".js").split("/") if name.isascii() else []:
            case ["data", "index"]:
                return _script("index", {**self.book.index, "sql": self.sql})
            case ["data", "reports", piece] if piece.isdecimal() and int(piece) < len(self.book.pieces):
                found = data.reports(self.connection, self.book, int(piece))
                return _script(f"reports/{int(piece)}", found)
            case ["data", "league", year, measure] if year.isdecimal():
                if (int(year), measure) in set(self.book.leagues):
                    table = data.league(self.connection, self.book, int(year), measure)
                    return _script(f"league/{int(year)}/{measure}", table)
        return None


def _script(name: str, content: Any) -> str:
    """Data as a script, since a page from disk may load those and nothing else."""
    text = json.dumps(unturned_in(content), ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    # Neither ends a script element nor a line, wherever the text may come to stand.
    for character in "<>\u2028\u2029":
        text = text.replace(character, f"\\u{ord(character):04x}")
    return f"gongkai.take({json.dumps(name)},{text});\n"


def write(path: Path, to: Path, sql_from: Path | None = None, progress: Progress | None = None) -> Written:
    """Write the folder, in place of an explorer that is there.

    Args:
        path: the warehouse file.
        sql_from: the npm package of DuckDB-WASM, as a folder or a .tgz: the page then answers SQL itself.
        progress: told how many files of how many are written.
    Raises:
        ExploreFault: the folder holds something else, or the package is not the one that is known.
        WarehouseFault: the warehouse cannot be opened.
        OSError: the folder cannot be written.
    """
    to = to.expanduser().absolute()
    if to.exists() and not _replaceable(to):
        raise ExploreFault(f"{to} holds something else; name a new folder, or an explorer to replace")
    engine = explore_wasm.engine(sql_from) if sql_from else None
    fresh = to.with_name(f".{to.name}.{os.getpid()}.new")
    shutil.rmtree(fresh, ignore_errors=True)
    try:
        with warehouse.connect(path, read_only=True) as connection:
            explorer = Explorer(connection, "wasm" if engine else "")
            names = list(explorer.names)
            for done, name in enumerate(names, 1):
                text = explorer._make(name)
                assert text is not None
                _put(fresh / name, text)
                if progress:
                    progress(done, len(names))
        if engine:
            for name, text in explore_wasm.files(engine, path):
                _put(fresh / name, text)
        sizes = [file.stat().st_size for file in fresh.rglob("*") if file.is_file()]
        _swap(fresh, to)
    finally:
        shutil.rmtree(fresh, ignore_errors=True)
    return Written(len(sizes), sum(map(len, explorer.book.pieces)), sum(sizes))


def _put(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8", newline="\n")


def _replaceable(to: Path) -> bool:
    """Whether a folder is empty or an explorer, and nothing else."""
    if not to.is_dir() or to.is_symlink():
        return False
    there = {entry.name for entry in to.iterdir()}
    return not there or ({*STATIC, "data"} <= there <= {*STATIC, "data", "sql"})


def _swap(fresh: Path, to: Path) -> None:
    old = to.with_name(f".{to.name}.{os.getpid()}.old")
    if to.exists():
        to.rename(old)
    fresh.rename(to)
    shutil.rmtree(old, ignore_errors=True)
