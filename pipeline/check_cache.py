"""What checks found in a shard, kept between runs by a digest of everything that they were given.

Here: the digest, the store, and what goes from it. Not here: shards (shards.py) or any check. What is kept
is found again only where the rows, the decisions and the program are the same to the byte, so a build over
it has the tables of a build from nothing; what cannot be read is found out anew.
"""

from __future__ import annotations

import hashlib
import io
from collections.abc import Callable, Mapping
from pathlib import Path

import polars as pl


def digest(program: str, tables: Mapping[str, pl.DataFrame]) -> str:
    """A sha256 of the program's version and of the rows of tables, their order included.

    Of the rows as Parquet, since that keeps nothing of what lies in memory where a cell is empty.
    """
    hasher = hashlib.sha256(program.encode())
    for name, rows in sorted(tables.items()):
        data = io.BytesIO()
        rows.rechunk().write_parquet(data, compression="lz4", statistics=False)
        hasher.update(f"\0{name} {data.tell()}\0".encode())
        hasher.update(data.getbuffer())
    return hasher.hexdigest()


class CheckCache:
    """Results in ``folder``, one Parquet file for each digest; ``hits`` of ``asked`` were there.

    One is made for each step of a run; at its end ``prune`` removes what the step did not ask for.
    """

    def __init__(self, folder: Path, program: str) -> None:
        self.folder = folder
        self.program = program
        self.asked = self.hits = 0
        self._keys: set[str] = set()

    def result(self, tables: Mapping[str, pl.DataFrame], make: Callable[[], pl.DataFrame]) -> pl.DataFrame:
        """What ``make`` gives for these tables: as kept, else made now and kept."""
        key = digest(self.program, tables)
        self._keys.add(key)
        self.asked += 1
        path = self.folder / f"{key}.parquet"
        known = _read(path)
        if known is not None:
            self.hits += 1
            return known
        found = make()
        self.folder.mkdir(parents=True, exist_ok=True)
        temporary = path.with_suffix(".tmp")
        found.write_parquet(temporary, compression="zstd")
        temporary.replace(path)
        return found

    def prune(self) -> None:
        """Remove what was not asked for: of files that are gone, of other decisions and programs."""
        for path in self.folder.glob("*"):
            if path.suffix != ".parquet" or path.stem not in self._keys:
                path.unlink(missing_ok=True)


def _read(path: Path) -> pl.DataFrame | None:
    """A kept result; None where there is none, or not a whole one."""
    try:
        return pl.read_parquet(path)
    except (OSError, pl.exceptions.PolarsError):
        return None
