"""Checks over shards of whole agencies find what checks over everything find."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import duckdb
import polars as pl
import pytest

from pipeline import frames, shards, warehouse
from pipeline.defs.launch import run_build
from pipeline.settings import Settings
from tests import fakes

DECIDED = """
- document: {document}
  cell: requests.received.total
  printed: 71.0
  decision: corrected
  value: 17.0
  reason: a digit lost
  date: "2026-01-02"
"""


def figures(received: int) -> dict[str, float]:
    return fakes.balanced(received)


@pytest.fixture
def raw(tmp_path: Path) -> Path:
    """Twelve bodies of one region and the region itself, over two years; one wrong total, one twin file."""
    folder = tmp_path / "raw"
    for year in (2022, 2023):
        for number in range(12):
            wrong = {"received.total": 71.0} if (year, number) == (2023, 5) else {}
            fakes.write(
                folder,
                f"区/{year}-{number}.txt",
                agency=f"第{number}局",
                year=year,
                parent="某区",
                requests={**figures(17 if number == 5 else 3), **wrong},
            )
        fakes.write(
            folder, f"区/{year}-region.txt", agency="某区", year=year, scope="aggregate", requests=figures(20)
        )
    fakes.write(folder, "区/2023-3-twin.txt", agency="第3局", year=2023, requests=figures(4))
    fakes.write(folder, "notice.txt", do="refuse")
    return folder


def build(raw: Path, to: Path, curation: Path | None = None) -> Path:
    chosen = Settings(raw, to, 2, 20, 2048, curation=curation)
    assert run_build(chosen, to.parent / f"{to.name}.log", read=fakes.read_fake).fault is None
    return to / warehouse.NAME


def contents(path: Path) -> Iterator[tuple[str, list[tuple[object, ...]]]]:
    with warehouse.connect(path, read_only=True) as connection:
        for table in frames.SCHEMAS:
            yield table, connection.execute(f"select * from {table}").fetchall()


@pytest.mark.slow
def test_many_shards_give_the_tables_of_one(
    raw: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = build(raw, tmp_path / "first")
    curation = tmp_path / "curation"
    curation.mkdir()
    with warehouse.connect(first, read_only=True) as connection:
        ((document,),) = connection.execute(
            "select document_id from dim_document where path = '区/2023-5.txt'"
        ).fetchall()
    write_decision(curation, document)
    one = build(raw, tmp_path / "first", curation)
    monkeypatch.setattr(shards.shards, "__defaults__", (3,))
    many = build(raw, tmp_path / "second", curation)
    with warehouse.connect(many, read_only=True) as connection:
        assert len(shards.shards(connection)) > 4
        codes = {code for (code,) in connection.execute(FAILING).fetchall()}
    assert {"requests.applicant_total", "conflict.documents"} <= codes
    assert any(code.startswith("rollup.") for code in codes)
    for (table, rows), (_, others) in zip(contents(one), contents(many), strict=True):
        assert set(rows) ^ set(others) == set(), table
        assert rows == others, table


FAILING = "select distinct check_code from check_result where status = 'fail'"


def write_decision(folder: Path, document: str) -> None:
    (folder / "decided.yaml").write_text(DECIDED.format(document=document), encoding="utf-8")


def test_shards_part_all_ids() -> None:
    with duckdb.connect() as connection:
        connection.execute("create table dim_report as select range as report_id from range(100)")
        found = shards.shards(connection, 10)
        assert len(found) == 16
        ids = [f"{number:04x}00-2023" for number in range(0, 1 << 16, 97)]
        connection.register("ids", pl.DataFrame({"id": [*ids, None]}))
        counts = [
            connection.execute(f"select count(*) from ids where {shard.has('id')}").fetchall()[0][0]
            for shard in found
        ]
    assert sum(counts) == len(ids) + 1
    assert max(counts) < 2 * min(counts)
    assert shards.shards.__defaults__ == (shards.REPORTS_EACH,)
