"""Parquet and CSV, written by DuckDB itself.

Here: the two formats that hold a table as it is. Not here: what a table is (export_plan.py).
"""

from __future__ import annotations

import shutil
from pathlib import Path

from pipeline.publish.export_plan import YEAR, Connection, Slice, Table
from pipeline.publish.export_types import Written

_BOM = b"\xef\xbb\xbf"
_UNKNOWN = "__HIVE_DEFAULT_PARTITION__"


def write_parquet(connection: Connection, table: Table, slices: list[Slice], folder: Path) -> list[Written]:
    """One file, or one for each year: ``<table>/report_year=2023/data.parquet``."""
    written = []
    for part in slices:
        path = folder / f"{table.name}.parquet"
        query = part.query()
        if table.by_year:
            year = _UNKNOWN if part.year is None else part.year
            path = folder / table.name / f"{YEAR}={year}" / "data.parquet"
            path.parent.mkdir(parents=True)
            # The year stands in the folder's name; readers of partitioned folders put it back.
            query = f"select * exclude ({YEAR}) from ({query})"
        _copy(connection, query, path, "format parquet, compression zstd")
        written.append(Written(table.name, path, part.rows, part.year if table.by_year else None))
    return written


def write_csv(
    connection: Connection, table: Table, slices: list[Slice], folder: Path, bom: bool
) -> list[Written]:
    """One file; NULL is an empty field, an empty text is ``""``."""
    path = folder / f"{table.name}.csv"
    piece = folder / f".{table.name}.piece"
    with path.open("wb") as whole:
        whole.write(_BOM if bom else b"")
        for number, part in enumerate(slices):
            header = "true" if number == 0 else "false"
            _copy(connection, part.query(harmless=True), piece, f"format csv, header {header}")
            with piece.open("rb") as stream:
                shutil.copyfileobj(stream, whole, 1 << 20)
            piece.unlink()
    return [Written(table.name, path, sum(part.rows for part in slices))]


def _copy(connection: Connection, query: str, path: Path, options: str) -> None:
    target = str(path).replace("'", "''")
    connection.execute(f"copy ({query}) to '{target}' ({options})")
