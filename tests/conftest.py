"""What several test files share. Here: that groups hold; the build of data/raw, made once for its group."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import duckdb
import pytest

from pipeline.warehouse import connect
from tests import readme


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """See that the scheduler goes by groups: where it passes over them, what they share is made twice."""
    if "PYTEST_XDIST_WORKER" not in os.environ:
        return
    for item in items:
        if item.get_closest_marker("xdist_group") and "@" not in item.nodeid.split("]")[-1]:
            raise pytest.UsageError("pytest-xdist passes over groups with this pytest; see pyproject.toml")


@pytest.fixture(scope="session")
def samples(tmp_path_factory: pytest.TempPathFactory) -> Iterator[duckdb.DuckDBPyConnection]:
    """A warehouse of data/raw, to be read only; tests that use it carry ``xdist_group("samples")``."""
    folder = tmp_path_factory.mktemp("samples")
    (folder / "said.txt").write_text(readme.build(folder), encoding="utf-8")
    with connect(folder / "gongkai.duckdb", read_only=True) as connection:
        yield connection


@pytest.fixture(scope="session")
def samples_said(samples: duckdb.DuckDBPyConnection) -> str:
    """What the build of ``samples`` printed."""
    (place,) = samples.execute("select path from duckdb_databases() where path is not null").fetchone() or ()
    return (Path(place).parent / "said.txt").read_text(encoding="utf-8")
