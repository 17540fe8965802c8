"""The DuckDB file: built beside the published one, checked, and swapped in with one rename.

Here: the lock, the staging file, loading frames, running the SQL of sql/, the swap.
Not here: what the tables hold (frames.py, assembly.py) or what is written about them (publish/).
"""

from __future__ import annotations

import os
import re
import shutil
import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from itertools import pairwise, takewhile
from pathlib import Path

import duckdb
import polars as pl

from pipeline import frames, locks
from pipeline.settings import SQL
from pipeline.warehouse_version import BUILD_INFO, SCHEMA, newer, older, version_of

NAME = "gongkai.duckdb"
# Opens in DuckDB 1.x and in the browser build too.
_CONFIG = {"storage_compatibility_version": "v1.0.0"}
# About so many rows are sorted at once.
_SORTED = 2_000_000
_SAMPLE = 20_000
_TYPES = {pl.String: "varchar", pl.Int64: "bigint", pl.Float64: "double"}


class WarehouseFault(Exception):
    """The warehouse cannot be made; the message is one line for a person."""


@dataclass(frozen=True, slots=True)
class Statement:
    """A file of sql/: its name, the lines ``-- word: text`` of its header, and its select."""

    name: str
    header: Mapping[str, str]
    select: str

    @property
    def uses(self) -> tuple[str, ...]:
        """The tables and marts that it reads."""
        names = re.findall(r"\b(?:from|join|unpivot)\s+([a-z_]+)", self.select)
        return tuple(
            sorted({name for name in names if name in (*frames.SCHEMAS, BUILD_INFO, *_mart_names())})
        )

    @property
    def is_table(self) -> bool:
        """Whether a mart is stored; else it is a view."""
        return self.header.get("stored as", "view") == "table"

    @property
    def blocks(self) -> bool:
        """Whether a claim that does not hold bars publication."""
        return "blocks publication" in self.header.get("severity", "")


def statements(folder: str) -> tuple[Statement, ...]:
    """The statements of ``sql/<folder>``, each after those that it reads."""
    found = {path.stem: _statement(path) for path in sorted((SQL / folder).glob("*.sql"))}
    ordered: dict[str, Statement] = {}

    def place(statement: Statement) -> None:
        for name in statement.uses:
            if name in found and name != statement.name and name not in ordered:
                place(found[name])
        ordered.setdefault(statement.name, statement)

    for statement in found.values():
        place(statement)
    return tuple(ordered.values())


def _statement(path: Path) -> Statement:
    header: dict[str, str] = {}
    lines = path.read_text(encoding="utf-8").splitlines()
    for line in takewhile(lambda line: line.startswith("--"), lines):
        match = re.match(r"--\s*([a-z_ ]+):\s*(.+)", line)
        if match:
            header[match[1]] = match[2].strip()
        elif header:  # a line that goes on
            last = next(reversed(header))
            header[last] += " " + line.lstrip("- ")
    return Statement(path.stem, header, "\n".join(line for line in lines if not line.startswith("--")))


@cache
def _mart_names() -> tuple[str, ...]:
    return tuple(path.stem for path in (SQL / "marts").glob("*.sql"))


# The folder: lock, staging, swap.


def prepare(folder: Path) -> None:
    """Make the warehouse folder, and see that files can be written there.

    Raises:
        WarehouseFault: it cannot.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):  # one without a name, of which a kill leaves nothing
            pass
    except OSError as error:
        reason = error.strerror or str(error)
        raise WarehouseFault(f"cannot write to the warehouse folder {folder}: {reason}") from error


@contextmanager
def lock(folder: Path, wait: float = 0) -> Iterator[None]:
    """Hold the warehouse for one writer, after ``wait`` seconds at most; the lock goes with the process.

    Raises:
        WarehouseFault: another run holds it, or the folder cannot be written.
    """
    prepare(folder)
    with ExitStack() as held:
        try:
            held.enter_context(locks.hold(folder / ".lock", "a build", wait))
        except locks.Busy as busy:
            waited = f" after {wait:g} s" if wait else ""
            raise WarehouseFault(
                f"another run is writing to {folder}{waited} ({busy.holder}):"
                " wait for it to end, or let `gongkai build --wait SECONDS` wait for it"
            ) from busy
        except OSError as error:
            raise WarehouseFault(f"cannot write to {folder / '.lock'}: {error.strerror}") from error
        yield


@dataclass(frozen=True, slots=True)
class Stage:
    """The staging place of one run: a database to be, and frames on their way, as Parquet files."""

    warehouse: Path
    run: str

    @property
    def folder(self) -> Path:
        """Everything of this run; nothing of it outlives the run."""
        return self.warehouse / ".staging" / self.run

    @property
    def database(self) -> Path:
        """The file that is going to be the warehouse."""
        return self.warehouse / ".staging" / f"{self.run}.duckdb"

    @property
    def published(self) -> Path:
        """The warehouse that readers see."""
        return self.warehouse / NAME

    @property
    def spill(self) -> Path:
        """Where DuckDB puts what does not fit in its memory."""
        return self.folder / "spill"

    def put(self, name: str, frame: pl.DataFrame) -> None:
        """Hand a frame on to later steps of the run."""
        _write(frame, self.folder / f"{name}.parquet")

    def put_pieces(self, name: str, pieces: Iterable[pl.DataFrame]) -> int:
        """Hand a frame on that is made piece by piece, in place of an earlier one; how many rows it has."""
        folder = self.folder / name
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        height = 0
        for number, piece in enumerate(pieces):
            _write(piece, folder / f"{number:06d}.parquet")
            height += piece.height
        return height

    def pieces(self, name: str) -> list[Path]:
        """The files of what ``put_pieces`` handed on, in order."""
        return sorted((self.folder / name).glob("*.parquet"))

    def has(self, name: str) -> bool:
        """Whether a step of this run has handed this frame on."""
        return (self.folder / f"{name}.parquet").exists()

    def get(self, name: str) -> pl.DataFrame:
        """A frame that an earlier step of the run handed on."""
        return pl.read_parquet(self.folder / f"{name}.parquet")


def _write(frame: pl.DataFrame, path: Path) -> None:
    temporary = path.with_suffix(".tmp")
    frame.write_parquet(temporary, compression="lz4")
    temporary.replace(path)


def begin(warehouse: Path, run: str, fresh: bool) -> Stage:
    """A new staging place; what dead runs left is removed. Call it under the lock.

    Args:
        fresh: begin with empty tables; else with a copy of what is published.
    Raises:
        WarehouseFault: what is published is of a newer version; or of an older one, and not made anew.
    """
    shutil.rmtree(warehouse / ".staging", ignore_errors=True)
    stage = Stage(warehouse, run)
    known = _schema_version(stage.published)
    if known > SCHEMA:
        raise WarehouseFault(newer(stage.published, known))
    if known < SCHEMA and not fresh and stage.published.exists():
        raise WarehouseFault(older(stage.published))
    try:
        _fill(stage, fresh)
    except BaseException:
        discard(stage)  # as on a full disk, where room is short
        raise
    return stage


def _fill(stage: Stage, fresh: bool) -> None:
    stage.folder.mkdir(parents=True)
    if not fresh and stage.published.exists():
        shutil.copyfile(stage.published, stage.database)
    with connect(stage.database) as connection:
        there = tables(connection)
        for name in frames.SCHEMAS:
            if name not in there:
                load(connection, name, frames.empty(name))
            else:
                _widen(connection, name)
        if BUILD_INFO not in there:
            _load_build_info(connection, pl.DataFrame(schema=_BUILD_INFO_SCHEMA))


def _widen(connection: duckdb.DuckDBPyConnection, table: str) -> None:
    """Give a table that an earlier version published the columns that are new since."""
    known = set(columns(connection)[table])
    for name, column in frames.columns(table).items():
        if name not in known:
            connection.execute(f"alter table {table} add column {name} {_TYPES[type(column.dtype)]}")


def discard(stage: Stage) -> None:
    """Remove what a run has left in its staging place."""
    shutil.rmtree(stage.folder, ignore_errors=True)
    for path in stage.database.parent.glob(f"{stage.run}.duckdb*"):
        path.unlink(missing_ok=True)


@contextmanager
def connect(path: Path, read_only: bool = False) -> Iterator[duckdb.DuckDBPyConnection]:
    """An open warehouse file, closed afterwards.

    Raises:
        WarehouseFault: it is absent, no DuckDB file, or read and of a newer version.
    """
    connection = _open(path, read_only)
    try:
        yield connection
    finally:
        connection.close()


class Staged:
    """The staged file of a run, opened when it is first used and kept open until it is closed.

    Once it is published, what is left to do only reads, and reads the published file.
    """

    def __init__(self, stage: Stage, megabytes: int = 0, threads: int = 0) -> None:
        self.stage = stage
        self.megabytes = megabytes
        self.threads = threads
        self._connection: duckdb.DuckDBPyConnection | None = None

    @property
    def connection(self) -> duckdb.DuckDBPyConnection:
        """The one connection of the run."""
        if self._connection is None:
            staged = self.stage.database.exists()
            path = self.stage.database if staged else self.stage.published
            self._connection = _open(path, read_only=not staged)
            _bound(self._connection, self.stage.spill, self.megabytes, self.threads)
        return self._connection

    def close(self) -> None:
        """Write everything to the file and let go of it."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None


def _open(path: Path, read_only: bool) -> duckdb.DuckDBPyConnection:
    connection = _opened(path, read_only)
    if read_only and (known := version_of(connection)) > SCHEMA:
        connection.close()
        raise WarehouseFault(newer(path, known))
    return connection


def _opened(path: Path, read_only: bool) -> duckdb.DuckDBPyConnection:
    if read_only and not path.exists():
        raise WarehouseFault(f"there is no warehouse at {path}; `gongkai build` makes it")
    try:
        return duckdb.connect(str(path), read_only=read_only, config={} if read_only else dict(_CONFIG))
    except duckdb.Error as error:
        raise WarehouseFault(f"cannot open {path}: {str(error).splitlines()[0]}") from error


def _schema_version(path: Path) -> int:
    """The version of a published file's tables; 0 where there is no file that DuckDB opens."""
    if not path.exists():
        return 0
    try:
        connection = _opened(path, read_only=True)
    except WarehouseFault:
        return 0  # nothing that a build could lose
    with connection:
        return version_of(connection)


def _bound(connection: duckdb.DuckDBPyConnection, spill: Path, megabytes: int, threads: int) -> None:
    """Set what a connection may take; 0 is DuckDB's own choice."""
    connection.execute(f"set temp_directory = {_quoted(str(spill))}")
    if megabytes:
        connection.execute(f"set memory_limit = '{megabytes}MiB'")
    if threads:
        connection.execute(f"set threads = {threads}")


# Contents.


def tables(connection: duckdb.DuckDBPyConnection) -> set[str]:
    """Names of the tables and views that are there."""
    rows = connection.execute(
        "select table_name from information_schema.tables where table_schema = 'main'"
    ).fetchall()
    return {name for (name,) in rows}


def columns(connection: duckdb.DuckDBPyConnection) -> dict[str, list[str]]:
    """The columns of each table and view that is there."""
    found: dict[str, list[str]] = {}
    for table, column in connection.execute(
        "select table_name, column_name from information_schema.columns where table_schema = 'main'"
        " order by table_name, ordinal_position"
    ).fetchall():
        found.setdefault(table, []).append(column)
    return found


def load(connection: duckdb.DuckDBPyConnection, table: str, frame: pl.DataFrame) -> None:
    """Replace a table by the rows of a frame that fits its schema, in the frame's order."""
    _replace(connection, table, _types(table), frame)


def load_pieces(connection: duckdb.DuckDBPyConnection, table: str, pieces: Sequence[Path]) -> None:
    """Replace a table by the rows of Parquet files that fit its schema, in the order of its key."""
    _replace(connection, table, _types(table), pl.DataFrame())
    if not pieces:
        return
    files = ", ".join(_quoted(str(piece)) for piece in pieces)
    key = frames.key(table)
    order = ", ".join(f"{name} nulls last" for name in key)
    ((rows,),) = connection.execute(f"select count(*) from read_parquet([{files}])").fetchall()
    # Sorted in pieces of its first column, since sorting takes memory for all rows at once.
    count = -(-rows // _SORTED)
    lows: list[tuple[object, ...]] = []
    if count > 1:
        some = f"select {key[0]} from read_parquet([{files}]) using sample {_SAMPLE} rows"
        parts = [number / count for number in range(1, count)]
        lows = connection.execute(
            f"select distinct unnest(quantile_disc({key[0]}, {parts})) as low from ({some}) order by low"
        ).fetchall()
    ends = [None, *(low for (low,) in lows if low is not None), None]
    for low, high in pairwise(ends):
        wanted = " and ".join([f"{key[0]} >= ?"] * (low is not None) + [f"{key[0]} < ?"] * (high is not None))
        if high is None:  # what has none comes last
            wanted = f"({wanted or 'true'} or {key[0]} is null)"
        rows_of = f"select * from read_parquet([{files}]) where {wanted}"
        connection.execute(
            f"insert into {table} by name {rows_of} order by {order}",
            [end for end in (low, high) if end is not None],
        )


def _types(table: str) -> dict[str, str]:
    return {name: _TYPES[type(column.dtype)] for name, column in frames.columns(table).items()}


def _replace(
    connection: duckdb.DuckDBPyConnection, table: str, types: Mapping[str, str], frame: pl.DataFrame
) -> None:
    columns = ", ".join(f"{name} {kind}" for name, kind in types.items())
    connection.execute(f"create or replace table {table} ({columns})")
    if not frame.is_empty():
        connection.register("incoming", frame.to_arrow())
        connection.execute(f"insert into {table} by name select * from incoming")
        connection.unregister("incoming")


def read(connection: duckdb.DuckDBPyConnection, table: str, where: str = "true") -> pl.DataFrame:
    """A table as a frame, or those of its rows for which a condition holds."""
    return connection.sql(f"select * from {table} where {where}").pl()


def asked(connection: duckdb.DuckDBPyConnection, questions: Mapping[str, str]) -> dict[str, pl.DataFrame]:
    """The answers to queries, by their names."""
    return {name: connection.sql(query).pl() for name, query in questions.items()}


def asked_of_published(path: Path, questions: Mapping[str, str]) -> dict[str, pl.DataFrame] | None:
    """The same of a published file; None where it is no DuckDB file, or lacks a table or a column."""
    try:
        with connect(path, read_only=True) as connection:
            return asked(connection, questions)
    except (WarehouseFault, duckdb.Error):
        return None


_BUILD_INFO_SCHEMA: dict[str, type[pl.DataType] | pl.DataType] = {
    "run": pl.String,
    "started_at": pl.Datetime("us"),
    "finished_at": pl.Datetime("us"),
    "gongkai_version": pl.String,
    "reader_version": pl.String,
    "inputs": pl.String,
    "schema_version": pl.Int64,
}
_BUILD_INFO_TYPES = {
    name: "timestamp" if isinstance(kind, pl.Datetime) else "bigint" if kind is pl.Int64 else "varchar"
    for name, kind in _BUILD_INFO_SCHEMA.items()
}


def _load_build_info(connection: duckdb.DuckDBPyConnection, frame: pl.DataFrame) -> None:
    _replace(connection, BUILD_INFO, _BUILD_INFO_TYPES, frame)


def sign(
    connection: duckdb.DuckDBPyConnection,
    run: str,
    started_at: datetime,
    version: str,
    reader_version: str,
    inputs: str = "",
) -> None:
    """Say in ``build_info`` which run made the tables, when (UTC), and of what.

    Args:
        inputs: a digest of all that they are made of; empty where they are not of one set.
    """
    finished_at = datetime.now(UTC).replace(tzinfo=None)
    started = started_at.astimezone(UTC).replace(tzinfo=None)
    row = (run, started, finished_at, version, reader_version, inputs, SCHEMA)
    _load_build_info(connection, pl.DataFrame([row], schema=_BUILD_INFO_SCHEMA, orient="row"))


def made_of(path: Path) -> str:
    """The digest of what a published file is made of; empty where it is of another version, or not known."""
    question = f"select inputs from {BUILD_INFO} where schema_version = {SCHEMA}"
    found = asked_of_published(path, {BUILD_INFO: question})
    return "" if found is None else "".join(found[BUILD_INFO]["inputs"].drop_nulls())


def make_mart(connection: duckdb.DuckDBPyConnection, mart: Statement) -> None:
    """Make one mart anew."""
    kind = "table" if mart.is_table else "view"
    connection.execute(f"create or replace {kind} {mart.name} as {mart.select}")


def load_plain(connection: duckdb.DuckDBPyConnection, table: str, frame: pl.DataFrame) -> None:
    """Replace a table by a frame of texts that has no schema of its own."""
    _replace(connection, table, {name: _TYPES[type(kind)] for name, kind in frame.schema.items()}, frame)


def make_macro(connection: duckdb.DuckDBPyConnection, macro: Statement) -> None:
    """Make one table macro anew; the tables that it reads must be there.

    Its parameters stand in the header, ``$name`` in the select, so that none is taken for a column.
    """
    select = re.sub(r"\$([a-z_]+)", r"\1", macro.select)
    parameters = macro.header.get("parameters", "")
    connection.execute(f"create or replace macro {macro.name}({parameters}) as table {select}")


def violations(connection: duckdb.DuckDBPyConnection, claim: Statement, limit: int = 100) -> pl.DataFrame:
    """Rows that break a claim of sql/checks; none where it holds."""
    return connection.sql(claim.select).limit(limit).pl()


@dataclass(frozen=True, slots=True)
class Comment:
    """What is written about one table or view, and about its columns."""

    table: str
    text: str
    columns: Mapping[str, str]


def comment(connection: duckdb.DuckDBPyConnection, comments: Iterable[Comment]) -> None:
    """Write comments on tables, views and columns."""
    views = {
        name
        for (name,) in connection.execute(
            "select view_name from duckdb_views() where not internal"
        ).fetchall()
    }
    for about in comments:
        kind = "view" if about.table in views else "table"
        connection.execute(f"comment on {kind} {about.table} is {_quoted(about.text)}")
        for column, text in about.columns.items():
            connection.execute(f'comment on column {about.table}."{column}" is {_quoted(text)}')


def comment_macro(connection: duckdb.DuckDBPyConnection, macro: str, text: str) -> None:
    """Write a comment on a table macro."""
    connection.execute(f"comment on macro table {macro} is {_quoted(text)}")


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


def publish(stage: Stage, keep: bool = False, pages: Sequence[Path] = ()) -> None:
    """Swap the staged file in, once every claim that blocks publication holds.

    Args:
        keep: leave the staged file for later steps of the run, and swap a copy in.
        pages: files about it, which come to stand beside it. They go first: after a run that ends
            between them the file is still the old one, so the next run makes all of them anew.
    Raises:
        WarehouseFault: a claim does not hold; the published file stays.
    """
    with connect(stage.database) as connection:
        broken = [
            f"{claim.name} ({claim.header['claim']})"
            for claim in statements("checks")
            if claim.blocks and not violations(connection, claim, 1).is_empty()
        ]
        if broken:
            raise WarehouseFault("not published, since these do not hold: " + "; ".join(broken))
        connection.execute("checkpoint")
    ready = stage.database
    if keep:
        ready = stage.database.with_suffix(".duckdb.ready")
        shutil.copyfile(stage.database, ready)
    _sync(ready)
    # Of whoever wrote to the published file and was ended; beside another file it would bar its opening.
    stage.published.with_name(f"{NAME}.wal").unlink(missing_ok=True)
    for page in pages:
        _sync(page)
        page.replace(stage.warehouse / page.name)
    ready.replace(stage.published)
    _sync(stage.warehouse)


def _sync(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
