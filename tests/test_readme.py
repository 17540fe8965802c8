"""What the README prints is what a build of data/raw gives."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import duckdb
import pytest

from pipeline.warehouse import connect
from tests import readme


@pytest.fixture(scope="module")
def warehouse(tmp_path_factory: pytest.TempPathFactory) -> Iterator[duckdb.DuckDBPyConnection]:
    folder = tmp_path_factory.mktemp("warehouse")
    readme.build(folder)
    with connect(folder / "gongkai.duckdb", read_only=True) as connection:
        yield connection


@pytest.mark.slow
@pytest.mark.parametrize("path", readme.READMES, ids=lambda p: p.name)
def test_the_answers_are_true(warehouse: duckdb.DuckDBPyConnection, path: Path) -> None:
    questions = readme.asked(path.read_text(encoding="utf-8"))
    assert len(questions) == 5
    for sql, printed in questions:
        assert readme.answer(warehouse, sql) == printed
