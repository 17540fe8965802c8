"""Tables that are too large to be sorted at once are loaded in the same order."""

from __future__ import annotations

import random
from pathlib import Path

import duckdb
import polars as pl
import pytest

from pipeline import frames, warehouse

TABLE = "reading_note"


@pytest.mark.parametrize("keys", [40, 1, 0], ids=["many reports", "one", "none"])
def test_rows_sorted_in_pieces_stand_as_sorted_at_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, keys: int
) -> None:
    chance = random.Random(1)
    columns = {name: [f"{chance.randrange(99)}" for _ in range(900)] for name in frames.columns(TABLE)}
    reports = [f"{chance.randrange(keys):04x}" if keys and n % 9 else None for n in range(900)]
    rows = pl.DataFrame({**columns, "report_id": reports}, schema_overrides={"report_id": pl.String})
    places = [tmp_path / "a.parquet", tmp_path / "b.parquet"]
    rows.head(500).write_parquet(places[0])
    rows.tail(400).write_parquet(places[1])
    found = []
    for at_once in (10_000, 300, 20):
        monkeypatch.setattr(warehouse, "_SORTED", at_once)
        with duckdb.connect() as connection:
            warehouse.load_pieces(connection, TABLE, places)
            found.append(connection.execute(f"select * from {TABLE}").fetchall())
    assert len(found[0]) == 900
    assert found[1] == found[0] == found[2]
