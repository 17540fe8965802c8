"""What the README prints is what a build of data/raw gives."""

from __future__ import annotations

from pathlib import Path

import duckdb
import pytest

from tests import readme

pytestmark = pytest.mark.xdist_group("samples")


@pytest.mark.slow
@pytest.mark.parametrize("path", readme.READMES, ids=lambda p: p.name)
def test_the_answers_are_true(samples: duckdb.DuckDBPyConnection, path: Path) -> None:
    questions = readme.asked(path.read_text(encoding="utf-8"))
    assert len(questions) == 5
    for sql, printed in questions:
        assert readme.answer(samples, sql) == printed


@pytest.mark.slow
@pytest.mark.parametrize("path", readme.PAGES, ids=lambda p: p.name)
def test_the_pages_show_the_examples_and_their_answers(
    samples: duckdb.DuckDBPyConnection, path: Path
) -> None:
    text = path.read_text(encoding="utf-8")
    assert "```sql\n" in text
    assert readme.refresh(readme.with_examples(text, samples), samples, "") == text
