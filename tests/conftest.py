"""What several test files share. Here: the build of data/raw, made once for those that carry its group."""

from __future__ import annotations

from collections.abc import Iterator

import duckdb
import pytest

from pipeline.warehouse import connect
from tests import readme


@pytest.fixture(scope="session")
def samples(tmp_path_factory: pytest.TempPathFactory) -> Iterator[duckdb.DuckDBPyConnection]:
    """A warehouse of data/raw, to be read only; tests that use it carry ``xdist_group("samples")``."""
    folder = tmp_path_factory.mktemp("samples")
    readme.build(folder)
    with connect(folder / "gongkai.duckdb", read_only=True) as connection:
        yield connection
