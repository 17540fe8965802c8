"""What was read of each file, kept between runs in parts of Parquet files.

Here: the store of readings by content, name and version of the readers. Not here: the rows that a
reading is kept as (reading_rows.py), or what decides its version (reading_version.py).
"""

from __future__ import annotations

import shutil
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from pipeline.reading.document import FileFormat
from pipeline.reading_rows import IDENTITY, LONG, Reading, as_rows, schema_of
from pipeline.reading_version import BUNDLES

NAMED = {"document_id": pl.String, "name": pl.String}
"""What a reading is found by: what a file is called may tell whose report it is, so both count."""
Versions = Mapping[FileFormat, str]

AGAIN = "this run"
"""What ``Reading.only_under`` says of a file that could not be had: the next run tries it again."""
# A part with fewer readings is put together with others, once there are so many of them.
_FULL = 2000
_MANY = 12
_NAMED = list(NAMED)
READINGS = "reading"
"""The table of a part with one row for each reading."""
_DEPENDS = [*_NAMED, "format", "only_under", "version"]
_LASTS = ~pl.col("only_under").eq_missing(pl.lit(AGAIN))


@dataclass(frozen=True, slots=True)
class Held:
    """Readings as they were in the cache at one moment, each file's last one."""

    places: pl.DataFrame
    """Which part has which: part, document_id, path."""

    def identities(self) -> Iterator[pl.DataFrame]:
        """The rows of ``IDENTITY``, part by part; one for each file."""
        for rows in self._pieces(READINGS, {"path": "name"}):
            yield rows.select(*IDENTITY)

    def rows(self, table: str) -> Iterator[pl.DataFrame]:
        """The rows of a long table, part by part; all rows of a file are in one part."""
        return self._pieces(table, {})

    def tables(self) -> dict[str, pl.DataFrame]:
        """All that is kept of these readings, which ``ReadingCache.write`` keeps elsewhere; at least one."""
        readings = [rows.select(*IDENTITY, "version") for rows in self._pieces(READINGS, {"path": "name"})]
        long = {table: [rows.select(*schema_of(table)) for rows in self.rows(table)] for table in LONG}
        return {table: pl.concat(rows) for table, rows in {READINGS: readings, **long}.items()}

    def _pieces(self, table: str, names: Mapping[str, str]) -> Iterator[pl.DataFrame]:
        parts = self.places.partition_by("part", as_dict=True, include_key=False)
        for (part,), keys in sorted(parts.items()):
            try:
                frame = pl.read_parquet(Path(str(part)) / f"{table}.parquet")
            except (OSError, pl.exceptions.PolarsError) as fault:
                raise CacheFault(f"{part} is spoilt; remove it, and its files are read again") from fault
            wanted = keys.rename(names)
            yield frame.join(wanted, on=wanted.columns, how="semi", maintain_order="left")


class CacheFault(Exception):
    """A part of the cache is spoilt; the message says what to do."""


class ReadingCache:
    """Readings in ``folder``; later parts win over earlier ones.

    Only readings of these ``versions`` (by kind of file) and, where they depend on them, these
    ``limits`` are found. A part that cannot be read (a full disk, a crash of the machine) is as if
    it were not there.
    """

    def __init__(self, folder: Path, versions: Versions, limits: str = "") -> None:
        self.folder = folder
        self.versions = versions
        self.limits = limits

    def known(self) -> pl.DataFrame:
        """What need not be read again, as ``NAMED``."""
        return self._last().filter(_LASTS).select(_NAMED)

    def held(self, wanted: pl.DataFrame | None = None) -> Held:
        """The readings of ``wanted``, rows of ``NAMED`` (of all files, where it is None)."""
        last = self._last()
        if wanted is not None:
            last = last.join(wanted, on=_NAMED, how="semi", maintain_order="left")
        return _held(last)

    def add(self, readings: Iterable[Reading]) -> None:
        """Keep readings as one more part; whole or not at all."""
        found = list(readings)
        if found:
            self.add_rows(*as_rows(found))

    def add_rows(self, identities: pl.DataFrame, long: Mapping[str, pl.DataFrame]) -> None:
        """Keep readings that are rows already (as ``reading_rows.as_rows`` gives them)."""
        self.write({READINGS: identities.with_columns(version=self._expected()), **long})

    def compact(self) -> None:
        """Many small parts into larger ones; what is not the last reading of its file goes."""
        last = self._last()
        live = _counted(last)
        small = [part for part in self.parts() if live.get(str(part), 0) < _FULL]
        if len(small) < _MANY:
            return
        for group, held in _gathered(small, last):
            if not held.places.is_empty():
                self.write(held.tables(), _marks_of_all(group))
            for part in group:
                shutil.rmtree(part, ignore_errors=True)

    def parts(self, without: str = "") -> list[Path]:
        """The parts, oldest first; only those ``without`` a mark, where one is named."""
        found = sorted(self.folder.glob("part-????????"))
        return [part for part in found if not without or not (part / without).exists()]

    def lasting(self, parts: Sequence[Path]) -> Iterator[tuple[list[Path], Held]]:
        """Parts, as many at a time as make a full one, with what need not be read again of each."""
        return _gathered(parts, self._last().filter(_LASTS))

    def write(self, tables: Mapping[str, pl.DataFrame], marks: Iterable[str] = ()) -> None:
        """Keep ``Held.tables`` as one more part, whole or not at all.

        Args:
            marks: names of empty files that go with the part.
        """
        self.folder.mkdir(parents=True, exist_ok=True)
        part = self._next_part()
        temporary = part.with_suffix(".tmp")
        for left in self.folder.glob("part-*.tmp"):  # of a run that was killed
            shutil.rmtree(left, ignore_errors=True)
        try:
            temporary.mkdir()
            for name, frame in tables.items():
                frame.write_parquet(temporary / f"{name}.parquet", compression="zstd")
            for mark in marks:
                (temporary / mark).touch()
            temporary.replace(part)
        finally:
            # Where the disk is full, the room is given back.
            shutil.rmtree(temporary, ignore_errors=True)

    def _next_part(self) -> Path:
        last = max((int(part.name.removeprefix("part-")) for part in self.parts()), default=0)
        return self.folder / f"part-{last + 1:08d}"

    def _expected(self) -> pl.Expr:
        """The version that a reading must be of."""
        own = pl.col("format").replace_strict(dict(self.versions), default=None, return_dtype=pl.String)
        lowered = pl.col("name").str.to_lowercase()
        bundled = pl.any_horizontal(*(lowered.str.ends_with(e) for e in BUNDLES))
        return pl.when(bundled).then(pl.lit(self.versions["other"])).otherwise(own)

    def _last(self) -> pl.DataFrame:
        """The last usable reading of each file: ``NAMED``, what it depends on and its ``part``."""
        limits = pl.col("only_under").is_null() | pl.col("only_under").is_in([self.limits, AGAIN])
        found = [
            rows.filter(pl.col("version") == self._expected(), limits).with_columns(part=pl.lit(str(part)))
            for part in self.parts()
            if (rows := _readings(part)) is not None
        ]
        empty = pl.DataFrame(schema=dict.fromkeys([*_DEPENDS, "part"], pl.String))
        return pl.concat([empty, *found]).unique(_NAMED, keep="last", maintain_order=True)


def _held(rows: pl.DataFrame) -> Held:
    return Held(rows.select("part", "document_id", path="name"))


def _readings(part: Path) -> pl.DataFrame | None:
    """What a part's readings depend on; None where the part is not whole."""
    try:
        for table in LONG:
            if not set(schema_of(table)) <= set(pl.read_parquet_schema(part / f"{table}.parquet")):
                return None
        if not {*IDENTITY, "version"} <= set(pl.read_parquet_schema(part / f"{READINGS}.parquet")):
            return None
        return pl.read_parquet(part / f"{READINGS}.parquet", columns=_DEPENDS)
    except (OSError, pl.exceptions.PolarsError):
        return None


def _counted(last: pl.DataFrame) -> dict[str, int]:
    """How many last readings each part has."""
    return dict(last.group_by("part").len().iter_rows())


def _marks_of_all(parts: Sequence[Path]) -> set[str]:
    return set.intersection(*({one.name for one in part.iterdir() if not one.suffix} for part in parts))


def _gathered(parts: Sequence[Path], last: pl.DataFrame) -> Iterator[tuple[list[Path], Held]]:
    for group in _groups(parts, _counted(last)):
        yield group, _held(last.filter(pl.col("part").is_in([str(part) for part in group])))


def _groups(parts: Sequence[Path], live: Mapping[str, int]) -> Iterator[list[Path]]:
    """Parts to put together, each group a full part."""
    group: list[Path] = []
    size = 0
    for part in parts:
        group.append(part)
        size += live.get(str(part), 0)
        if size >= _FULL:
            yield group
            group, size = [], 0
    if group:
        yield group
