"""The steps of a build as plain functions over one run's staging place.

Here: what each step takes from earlier ones and hands on; Dagster's assets are these, wrapped.
Not here: how any step does its work (collection, reading_pool, assembly, checks, warehouse).
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path

import polars as pl

from pipeline import assembly, frames, warehouse
from pipeline.cells.read import read_file
from pipeline.checks import guards, run_checks
from pipeline.checks.localisation import suggestions
from pipeline.collection import RawFile, identify, list_files
from pipeline.curation import applying
from pipeline.curation import decisions as settled
from pipeline.manifest import provenance
from pipeline.publish import codebook, quality
from pipeline.reading_cache import Key, ReadingCache, reader_version
from pipeline.reading_pool import Limits, ReadFile, read_files
from pipeline.settings import Settings

RunChecks = Callable[[Mapping[str, pl.DataFrame]], pl.DataFrame]
Progress = Callable[[int, int], None]
"""Told how many files are done, of how many."""

# Readings are kept after this many files, so that a run that is ended loses little.
_PART = 200
_RAW_SCHEMA = {
    "path": pl.String,
    "place": pl.Binary,
    "source": pl.String,
    "bytes": pl.Int64,
    "mtime_ns": pl.Int64,
    "document_id": pl.String,
    "refused": pl.String,
    "message": pl.String,
}
FACT_TABLES = (*frames.FACTS.values(), frames.INDICATORS)
"""Tables of the form's figures, where corrected values stand beside them."""
READ_TABLES = (
    "dim_document",
    "dim_report",
    "dim_agency",
    *FACT_TABLES,
    "fact_narrative",
    "fact_section",
    "other_fact",
    "reading_log",
)
"""Tables whose rows come straight from reading."""
CHECKED_TABLES = (*READ_TABLES, "reading_note")
"""What the checks may look at."""
SUGGESTED_FROM = (*frames.FACTS.values(), "check_result")
"""What suggestions are made of."""


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
        reader = "" if self.read is read_file else f"-{self.read.__module__}.{self.read.__qualname__}"
        folder = self.settings.warehouse / ".cache" / "readings"
        return ReadingCache(folder, reader_version() + reader, str(self.limits))

    @property
    def limits(self) -> Limits:
        """What one document may take."""
        return Limits(self.settings.document_seconds, self.settings.document_megabytes)


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
    with warehouse.lock(settings.warehouse):
        stage = warehouse.begin(settings.warehouse, name, fresh=whole)
        database = warehouse.Staged(stage)
        told = progress or (lambda done, of: None)
        try:
            yield Run(settings, stage, database, datetime.now(UTC), whole, read, check, told)
        finally:
            database.close()
            warehouse.discard(stage)


# Raw files, readings, rows. Each makes what it needs itself where the run has not made it yet.


def raw_files(run: Run) -> list[RawFile]:
    """The files of the raw folder with their document ids."""
    files = identify(
        list_files(run.settings.raw),
        run.settings.warehouse / ".cache" / "files.parquet",
        run.settings.workers,
    )
    rows = [
        (f.path, os.fsencode(f.place), f.source, f.bytes, f.mtime_ns, f.document_id, f.refused, f.message)
        for f in files
    ]
    run.stage.put("raw_files", pl.DataFrame(rows, schema=_RAW_SCHEMA, orient="row"))
    return list(files)


def _files(run: Run) -> list[RawFile]:
    if not run.stage.has("raw_files"):
        return raw_files(run)
    return [
        RawFile(path, Path(os.fsdecode(place)), *rest)
        for path, place, *rest in run.stage.get("raw_files").iter_rows()
    ]


@dataclass(frozen=True, slots=True)
class ReadCounts:
    """How many files were read now, known from before, or refused."""

    read: int
    known: int
    refused: int


def document_text(run: Run) -> ReadCounts:
    """Read each file that is not known yet; what was read is in the cache afterwards."""
    files, cache = _files(run), run.cache
    readable = [file for file in files if not file.refused]
    known = cache.keys()
    new = [file for file in readable if _key(file) not in known]
    done = len(files) - len(new)
    run.progress(done, len(files))
    part = []
    try:
        for reading in read_files(new, run.read, run.settings.workers, run.limits):
            part.append(reading)
            done += 1
            run.progress(done, len(files))
            if len(part) >= _PART:
                cache.add(part)
                part = []
    finally:
        cache.add(part)
    cache.compact()
    counts = ReadCounts(len(new), len(readable) - len(new), len(files) - len(readable))
    run.stage.put(
        "document_text", pl.DataFrame([(counts.read, counts.known)], schema=["read", "known"], orient="row")
    )
    return counts


def _key(file: RawFile) -> Key:
    assert file.document_id is not None
    return file.document_id, file.path


def report_tables(run: Run) -> dict[str, int]:
    """Rows of every table that reading fills, not yet typed; how many of each."""
    if not run.stage.has("document_text"):
        document_text(run)
    files = _files(run)
    wanted = [_key(file) for file in files if not file.refused]
    rows = assembly.assemble(files, run.cache.load(wanted), provenance(run.settings.raw))
    for table, frame in rows.items():
        run.stage.put(f"rows.{table}", frame)
    return {table: frame.height for table, frame in rows.items()}


# Tables.


@dataclass(frozen=True, slots=True)
class Made:
    """A table as it was made: its rows, and how many did not fit."""

    table: str
    frame: pl.DataFrame
    rejected: int = 0


def decisions(run: Run) -> Made:
    """What people decided about findings and cells, from the curation folder."""
    return _make(run, "decisions", settled.rows(settled.load_folder(run.settings.curation)))


def read_table(run: Run, table: str) -> Made:
    """A table that comes straight from reading, typed and loaded; facts with what was corrected."""
    rows = _rows(run, table)
    if table in FACT_TABLES:
        rows = applying.with_corrections(table, rows, frame(run, "decisions"))
    return _make(run, table, rows)


def reading_note(run: Run) -> Made:
    """What readings noted, with a note for each cell that did not fit its table."""
    rejected = [
        run.stage.get(f"rejected.{t}") for t in frames.FACTS.values() if run.stage.has(f"rejected.{t}")
    ]
    noted = _rows(run, "reading_note").select(frames.columns("reading_note").keys())
    if rejected:
        noted = pl.concat(
            [noted, assembly.notes_of_rejected(pl.concat(rejected), frame(run, "dim_document"))]
        )
    return _make(run, "reading_note", noted)


def labels(run: Run) -> list[Made]:
    """The label tables, from the form."""
    return [_make(run, table, rows) for table, rows in assembly.labels().items()]


def check_result(run: Run) -> Made:
    """Every check over the tables of the run, and what of it is settled."""
    tables = {table: frame(run, table) for table in CHECKED_TABLES}
    decided = frame(run, "decisions")
    return _make(
        run, "check_result", applying.settled_findings(run.check(tables), tables, decided, run.check)
    )


def suggested_correction(run: Run) -> Made:
    """What would close the identities that fail; no fact is changed by it."""
    return _make(run, "suggested_correction", suggestions({t: frame(run, t) for t in SUGGESTED_FROM}))


def rejected_row(run: Run) -> Made:
    """The rows of all tables that did not fit."""
    found = [run.stage.get(f"rejected.{t}") for t in frames.SCHEMAS if run.stage.has(f"rejected.{t}")]
    if not run.whole:
        made = [table for table in frames.SCHEMAS if run.stage.has(f"rejected.{table}")]
        found.append(_published(run, "rejected_row").filter(~pl.col("table_name").is_in(made)))
    return _make(run, "rejected_row", pl.concat([frames.empty("rejected_row"), *found]))


def _rows(run: Run, table: str) -> pl.DataFrame:
    if not run.stage.has(f"rows.{table}"):
        report_tables(run)
    return run.stage.get(f"rows.{table}")


def _make(run: Run, table: str, rows: pl.DataFrame) -> Made:
    good, rejected = frames.typed(table, rows)
    run.stage.put(table, good)
    run.stage.put(f"rejected.{table}", rejected)
    warehouse.load(run.database.connection, table, good)
    return Made(table, good, rejected.height)


def frame(run: Run, table: str) -> pl.DataFrame:
    """A table of this run; where the run does not make it, as it is published."""
    return run.stage.get(table) if run.stage.has(table) else _published(run, table)


def _published(run: Run, table: str) -> pl.DataFrame:
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
    now = {table: frame(run, table).select(columns) for table, columns in guards.COLUMNS.items()}
    before = None
    # An older program's file may lack a table or a column: then there is nothing to compare with.
    if run.stage.published.exists() and run.stage.database.exists():
        before = warehouse.published_tables(run.stage.published, guards.COLUMNS)
    return guards.guard_results(now, before)


def publish(run: Run) -> int:
    """Sign the staged warehouse, write its comments and its quality page, check its claims and swap it
    in, the page after it; the warehouse's size in bytes.

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
    warehouse.sign(connection, run.stage.run, run.started_at, metadata.version("gongkai"), run.cache.version)
    warehouse.comment(connection, codebook.comments(warehouse.columns(connection)))
    page = run.stage.folder / quality.NAME
    page.write_text(quality.page(connection, run.settings.raw), encoding="utf-8")
    run.database.close()
    warehouse.publish(run.stage, keep=not run.whole)
    page.replace(run.stage.warehouse / quality.NAME)
    return run.stage.published.stat().st_size
