"""What the formats hand back, and how rows reach those that are written in Python.

Here: the record of a written file, batches of rows. Not here: any format.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import polars as pl

from pipeline.publish.export_plan import Connection, Slice

_BATCH = 20_000


@dataclass(frozen=True, slots=True)
class Written:
    """A file of the export: whose rows it has, how many, of which year where it has one, and what was cut."""

    table: str
    path: Path
    rows: int
    year: int | None = None
    notes: tuple[str, ...] = field(default=())


def batches(
    connection: Connection, part: Slice, harmless: bool, labels: bool = False
) -> Iterator[pl.DataFrame]:
    """The rows of a slice as frames of a bounded size, in order."""
    cursor = connection.cursor()
    try:
        for batch in cursor.sql(part.query(harmless, labels)).to_arrow_reader(_BATCH):
            frame = pl.from_arrow(batch)
            assert isinstance(frame, pl.DataFrame)
            yield frame
    finally:
        cursor.close()
