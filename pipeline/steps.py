"""The steps of a build as plain functions over one run's staging place.

Here: what each step takes from earlier ones and hands on; Dagster's assets are these, wrapped.
Not here: how any step does its work (collection, reading_pool, assembly, checks, warehouse).
"""

from __future__ import annotations

import hashlib
import heapq
import logging
import os
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from functools import partial
from importlib import metadata
from itertools import chain
from typing import Any

import polars as pl

from pipeline import assembly, frames, reading_share, shards, warehouse
from pipeline.cells.read import read_file
from pipeline.check_cache import CheckCache
from pipeline.checks import guards, run_checks
from pipeline.checks.localisation import suggestions
from pipeline.collection import RawFile, identify, list_files
from pipeline.curation import applying
from pipeline.curation import decisions as settled
from pipeline.manifest import Provenance, provenance
from pipeline.publish import codebook, quality
from pipeline.raw_url import list_url, provenance_of
from pipeline.reading_cache import NAMED, Held, ReadingCache
from pipeline.reading_cluster import read_on_cluster
from pipeline.reading_pool import Limits, ReadFile, read_files
from pipeline.reading_rows import FACT_TABLES, LONG, Reading
from pipeline.reading_version import program_version, reader_versions
from pipeline.settings import Settings
from pipeline.terminal import printable

RunChecks = Callable[[Mapping[str, pl.DataFrame]], pl.DataFrame]
Progress = Callable[[int, int], None]
"""Told how many files are done, of how many."""

LOG = logging.getLogger("gongkai.files")
"""What was done to which file; nothing that stands in one."""
# Readings are kept after this many files, so that a run that is ended loses little.
_PART = 200
_SLOWEST = 10
_RAW_SCHEMA = {
    "path": pl.String,
    "at": pl.Binary,
    "source": pl.String,
    "bytes": pl.Int64,
    "mtime_ns": pl.Int64,
    "document_id": pl.String,
    "refused": pl.String,
    "message": pl.String,
    "changed_ns": pl.Int64,
    "url": pl.String,
}
_DIMENSIONS = ("dim_document", "dim_report", "dim_agency")
READ_TABLES = (*_DIMENSIONS, *(table for table in LONG if table != "reading_note"), "other_fact")
"""Tables whose rows come straight from reading."""
CHECKED_TABLES = (*READ_TABLES, "reading_note")
"""What the checks may look at."""
SUGGESTED_FROM = (*frames.FACTS.values(), frames.INDICATORS, "check_result")
"""What suggestions are made of."""
# DuckDB's share of the memory that a run may take; the rest is for frames.
_DATABASE_SHARE = 0.5


@dataclass(frozen=True)
class Run:
    """One build: its settings, its staging place, and who reads and checks.

    ``whole`` is False where only some tables are made anew, over a copy of what is published.
    """

    settings: Settings
    stage: warehouse.Stage
    database: warehouse.Staged
    started_at: datetime
    whole: bool = True
    read: ReadFile = read_file
    check: RunChecks = run_checks
    progress: Progress = field(default=lambda done, of: None)

    @property
    def cache(self) -> ReadingCache:
        """What was read in earlier runs, as far as it still holds."""
        return _cache(self.settings, self.read)

    @property
    def limits(self) -> Limits:
        """What one document may take."""
        return _limits(self.settings)

    def kept(self, table: str) -> CheckCache:
        """What was found in earlier runs in shards that are the same still."""
        folder = self.settings.warehouse / ".cache" / "checks" / table
        return CheckCache(folder, f"{program_version()} {_name(self.check)}")


def _limits(settings: Settings) -> Limits:
    return Limits(settings.document_seconds, settings.document_megabytes)


def _cache(settings: Settings, read: ReadFile) -> ReadingCache:
    reader = "" if read is read_file else f"-{_name(read)}"
    folder = settings.warehouse / ".cache" / "readings"
    versions = {kind: version + reader for kind, version in reader_versions().items()}
    return ReadingCache(folder, versions, str(_limits(settings)))


def _name(function: Callable[..., object]) -> str:
    return f"{function.__module__}.{function.__qualname__}"


def is_current(settings: Settings, read: ReadFile = read_file, check: RunChecks = run_checks) -> bool:
    """Whether a build would publish what is published: the same files, readers, decisions and program,
    and nothing that is to be read again.

    Raises:
        OSError: the raw folder cannot be listed.
    """
    made_of = warehouse.made_of(settings.warehouse / warehouse.NAME)
    if not made_of or not (settings.warehouse / quality.NAME).exists():
        return False
    files = _identified(settings)
    if made_of != _inputs(settings, files, read, check):
        return False
    wanted = pl.DataFrame(
        ((file.document_id, file.path) for file in files if not file.refused), schema=NAMED, orient="row"
    )
    return wanted.join(_cache(settings, read).known(), on=list(NAMED), how="anti").is_empty()


def _inputs(settings: Settings, files: Iterable[RawFile], read: ReadFile, check: RunChecks) -> str:
    """A digest of all that the tables are made of."""
    digest = hashlib.sha256()
    digest.update(f"{program_version()} {_name(read)} {_name(check)} {_limits(settings)}\0".encode())
    for kind, version in _cache(settings, read).versions.items():
        digest.update(f"{kind} {version}\0".encode())
    for file in sorted(files, key=lambda one: one.path):
        digest.update(repr((file.path, file.bytes, file.document_id, file.refused, file.message)).encode())
    for path, origin in sorted(_provenance(settings).items()):
        digest.update(repr((path, origin)).encode())
    digest.update(settled.rows(settled.load_folder(settings.curation)).write_json().encode())
    return digest.hexdigest()


@contextmanager
def open_run(
    settings: Settings,
    name: str,
    whole: bool = True,
    read: ReadFile = read_file,
    check: RunChecks = run_checks,
    progress: Progress | None = None,
) -> Iterator[Run]:
    """A run that holds the warehouse's lock; its staging place is gone afterwards.

    Raises:
        WarehouseFault: the folder cannot be written, or another run holds it.
    """
    with warehouse.lock(settings.warehouse, settings.wait):
        stage = warehouse.begin(settings.warehouse, name, fresh=whole)
        megabytes = int(settings.megabytes * _DATABASE_SHARE)
        database = warehouse.Staged(stage, megabytes, settings.workers)
        told = progress or (lambda done, of: None)
        try:
            yield Run(settings, stage, database, datetime.now(UTC), whole, read, check, told)
        finally:
            database.close()
            warehouse.discard(stage)


# Raw files, readings, rows. Each makes what it needs itself where the run has not made it yet.


def raw_files(run: Run) -> list[RawFile]:
    """The files of the raw folder with their document ids."""
    files = _identified(run.settings)
    rows = ((f.path, os.fsencode(f.at), *(getattr(f, name) for name in list(_RAW_SCHEMA)[2:])) for f in files)
    run.stage.put("raw_files", pl.DataFrame(rows, schema=_RAW_SCHEMA, orient="row"))
    return list(files)


def _identified(settings: Settings) -> tuple[RawFile, ...]:
    cache = settings.warehouse / ".cache"
    if settings.raw_url:
        return list_url(settings.raw_url, cache / "urls.parquet", settings.workers, trust=not settings.verify)
    stats = cache / "files.parquet"
    return identify(list_files(settings.raw), stats, settings.workers, trust=not settings.verify)


def _provenance(settings: Settings) -> dict[str, Provenance]:
    return provenance_of(settings.raw_url) if settings.raw_url else provenance(settings.raw)


def _files(run: Run) -> Iterator[RawFile]:
    return map(_raw_file, _listed(run).iter_rows())


def _raw_file(row: tuple[Any, ...]) -> RawFile:
    path, at, *rest = row
    return RawFile(path, os.fsdecode(at), *rest)


def _listed(run: Run) -> pl.DataFrame:
    if not run.stage.has("raw_files"):
        raw_files(run)
    return run.stage.get("raw_files")


@dataclass(frozen=True, slots=True)
class ReadCounts:
    """How many files were read now, known from before, or refused; ``slowest`` files with their seconds."""

    read: int
    known: int
    refused: int
    per_second: float = 0.0
    slowest: tuple[tuple[str, float], ...] = ()


def document_text(run: Run) -> ReadCounts:
    """Read each file that is not known yet; what was read is in the cache afterwards."""
    listed, cache = _listed(run), run.cache
    refused = pl.col("refused").is_not_null()
    for path, message in listed.filter(refused).select("path", "message").iter_rows():
        LOG.info("not read %s: %s", printable(path), printable(message))
    url = run.settings.readings_url
    unread = _unread(listed.filter(~refused), cache)
    if url and not unread.is_empty() and reading_share.fetch(cache, url):
        unread = _unread(unread, cache)
    new = [_raw_file(row) for row in unread.iter_rows()]
    total = listed.height
    done = total - len(new)
    run.progress(done, total)
    part = []
    slowest: list[tuple[float, str]] = []
    started = time.monotonic()
    try:
        for reading in _readings(run, new):
            part.append(reading)
            LOG.info("read %s: %s, %.2f s", printable(reading.name), reading.status, reading.seconds)
            slowest = heapq.nlargest(_SLOWEST, [*slowest, (reading.seconds, reading.name)])
            done += 1
            run.progress(done, total)
            if len(part) >= _PART:
                cache.add(part)
                part = []
    finally:
        cache.add(part)
    if url:
        reading_share.send(cache, url)
    cache.compact()
    took = time.monotonic() - started
    not_read = listed.filter(refused).height
    counts = ReadCounts(
        len(new),
        total - not_read - len(new),
        not_read,
        round(len(new) / took, 1) if new else 0.0,
        tuple((path, round(seconds, 2)) for seconds, path in slowest),
    )
    run.stage.put(
        "document_text", pl.DataFrame([(counts.read, counts.known)], schema=["read", "known"], orient="row")
    )
    return counts


def _unread(listed: pl.DataFrame, cache: ReadingCache) -> pl.DataFrame:
    known = cache.known().rename({"name": "path"})
    return listed.join(known, on=known.columns, how="anti", maintain_order="left")


def _readings(run: Run, files: list[RawFile]) -> Iterator[Reading]:
    """Files read by processes of this machine, or by a cluster."""
    if run.settings.scheduler:
        return read_on_cluster(files, run.read, run.settings.scheduler, run.limits, run.settings.workers)
    return read_files(files, run.read, run.settings.workers, run.limits)


def report_tables(run: Run) -> dict[str, int]:
    """Which report each file belongs to, and which file its figures come from; how many rows of each."""
    if not run.stage.has("document_text"):
        document_text(run)
    readable = _listed(run).filter(pl.col("refused").is_null())
    held = run.cache.held(readable.select("document_id", name="path"))
    found = assembly.identify(_files(run), held.identities(), _provenance(run.settings))
    for table, frame in found.dimensions.items():
        run.stage.put(f"rows.{table}", frame)
    for table, rows in found.said.items():
        run.stage.put(f"said.{table}", rows)
    run.stage.put("held", held.places)
    run.stage.put("files", found.files)
    return {table: frame.height for table, frame in found.dimensions.items()}


# Tables.


@dataclass(frozen=True, slots=True)
class Made:
    """A table as it was made: how many rows it has, and how many did not fit.

    ``shards``: of how many it was made; ``kept``: of how many of them the rows stood from an earlier run.
    """

    table: str
    rows: int
    rejected: int = 0
    shards: int = 0
    kept: int = 0


def decisions(run: Run) -> Made:
    """What people decided about findings and cells, from the curation folder."""
    return _make(run, "decisions", [settled.rows(settled.load_folder(run.settings.curation))])


def read_table(run: Run, table: str) -> Made:
    """A table that comes straight from reading, typed and loaded; facts with what was corrected."""
    rows = _rows(run, table)
    if table in FACT_TABLES:
        decided = frame(run, "decisions")
        rows = (applying.with_corrections(table, piece, decided) for piece in rows)
    return _make(run, table, rows)


def reading_note(run: Run) -> Made:
    """What readings noted, with a note for each cell that did not fit its table."""
    columns = list(frames.columns("reading_note"))
    return _make(
        run, "reading_note", (*(piece.select(columns) for piece in _rows(run, "reading_note")), _misfits(run))
    )


def _misfits(run: Run) -> pl.DataFrame:
    """A note for each cell that did not fit its table."""
    rejected = [run.stage.get(f"rejected.{t}") for t in FACT_TABLES if run.stage.has(f"rejected.{t}")]
    whole = pl.concat([frames.empty("rejected_row"), *rejected])
    if whole.is_empty():
        return frames.empty("reading_note")
    return assembly.notes_of_rejected(whole, frame(run, "dim_document"))


def labels(run: Run) -> list[Made]:
    """The label tables, from the form."""
    return [_make(run, table, [rows]) for table, rows in assembly.labels().items()]


def check_result(run: Run) -> Made:
    """Every check over the tables of the run, and what of it is settled."""
    kept = run.kept("check_result")
    return _of_shards(_make(run, "check_result", _checked(run, kept)), kept)


def _checked(run: Run, kept: CheckCache) -> Iterator[pl.DataFrame]:
    connection = run.database.connection
    for shard in shards.shards(connection):
        tables = shards.tables(connection, shard, CHECKED_TABLES)
        decided = shards.decisions(connection, shard)
        check = partial(_findings, run.check, tables, decided)
        yield kept.result({**tables, "decisions": decided}, check)


def _findings(check: RunChecks, tables: Mapping[str, pl.DataFrame], decided: pl.DataFrame) -> pl.DataFrame:
    return applying.settled_findings(check(tables), tables, decided, check)


def suggested_correction(run: Run) -> Made:
    """What would close the identities that fail; no fact is changed by it."""
    kept = run.kept("suggested_correction")
    return _of_shards(_make(run, "suggested_correction", _suggested(run, kept)), kept)


def _suggested(run: Run, kept: CheckCache) -> Iterator[pl.DataFrame]:
    connection = run.database.connection
    for shard in shards.shards(connection):
        tables = shards.tables(connection, shard, SUGGESTED_FROM, failing=True)
        yield kept.result(tables, partial(suggestions, tables))


def _of_shards(made: Made, kept: CheckCache) -> Made:
    kept.prune()
    return replace(made, shards=kept.asked, kept=kept.hits)


def rejected_row(run: Run) -> Made:
    """The rows of all tables that did not fit."""
    made = [table for table in frames.SCHEMAS if run.stage.has(f"rejected.{table}")]
    found = [run.stage.get(f"rejected.{table}") for table in made]
    if not run.whole:
        found.append(frame(run, "rejected_row").filter(~pl.col("table_name").is_in(made)))
    return _make(run, "rejected_row", [pl.concat([frames.empty("rejected_row"), *found])])


def _rows(run: Run, table: str) -> Iterator[pl.DataFrame]:
    """The rows of a table that reading fills, not yet typed, piece by piece; none of a file in two."""
    if not run.stage.has("files"):
        report_tables(run)
    if table in _DIMENSIONS:
        yield run.stage.get(f"rows.{table}")
        return
    held, files = Held(run.stage.get("held")), run.stage.get("files")
    if table != "other_fact":
        said = [run.stage.get(f"said.{table}")] if run.stage.has(f"said.{table}") else []
        yield from (assembly.placed(table, rows, files) for rows in chain(held.rows(table), said))
        return
    for printed, facts in frames.FACTS.items():
        yield from (assembly.further(printed, rows, files) for rows in held.rows(facts))


def _make(run: Run, table: str, pieces: Iterable[pl.DataFrame]) -> Made:
    rejected: list[pl.DataFrame] = []

    def fitting() -> Iterator[pl.DataFrame]:
        for piece in pieces:
            good, misfits = frames.typed(table, piece)
            rejected.append(misfits)
            yield good

    rows = run.stage.put_pieces(table, fitting())
    misfits = pl.concat([frames.empty("rejected_row"), *rejected])
    run.stage.put(f"rejected.{table}", misfits)
    warehouse.load_pieces(run.database.connection, table, run.stage.pieces(table))
    return Made(table, rows, misfits.height)


def frame(run: Run, table: str) -> pl.DataFrame:
    """A table as it stands in this run: as made, else as it is published."""
    return warehouse.read(run.database.connection, table)


# Marts, claims, publication.


def mart(run: Run, statement: warehouse.Statement) -> int:
    """Make one mart; how many rows it has."""
    warehouse.make_mart(run.database.connection, statement)
    ((rows,),) = run.database.connection.execute(f"select count(*) from {statement.name}").fetchall()
    return int(rows)


def violations(run: Run, claim: warehouse.Statement) -> pl.DataFrame:
    """Rows of the staged warehouse that break a claim."""
    return warehouse.violations(run.database.connection, claim)


def guard_results(run: Run) -> pl.DataFrame:
    """The guards of the pipeline over this run's tables, against what is published (``guards.RESULT``)."""
    if run.stage.has("guards"):
        return run.stage.get("guards")
    now = warehouse.asked(run.database.connection, guards.QUESTIONS)
    before = None
    # An older program's file may lack a table or a column: then there is nothing to compare with.
    if run.stage.published.exists() and run.stage.database.exists():
        before = warehouse.asked_of_published(run.stage.published, guards.QUESTIONS)
    found = guards.guard_results(now, before)
    run.stage.put("guards", found)
    return found


def publish(run: Run) -> int:
    """Sign the staged warehouse, write its macros, codebook, comments and quality page, check its claims
    and swap it in with the page; the warehouse's size in bytes.

    Raises:
        WarehouseFault: a guard or a claim does not hold; what was published before stays.
    """
    failed = guards.failures(guard_results(run))
    if failed and not run.settings.accept:
        raise warehouse.WarehouseFault(guards.told(failed))
    connection = run.database.connection
    if not run.whole:
        for statement in warehouse.statements("marts"):
            warehouse.make_mart(connection, statement)
    # What is made anew in part is of no one set of inputs: the next whole run makes everything.
    inputs = _inputs(run.settings, _files(run), run.read, run.check) if run.whole else ""
    version, readers = metadata.version("gongkai"), run.cache.versions["other"]
    warehouse.sign(connection, run.stage.run, run.started_at, version, readers, inputs)
    codebook.write(connection)
    page = run.stage.folder / quality.NAME
    page.write_text(quality.page(connection, run.settings.raw), encoding="utf-8")
    run.database.close()
    warehouse.publish(run.stage, keep=not run.whole, pages=[page])
    return run.stage.published.stat().st_size
