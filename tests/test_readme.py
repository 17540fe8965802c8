"""What the README prints is what a build of data/raw gives."""

from __future__ import annotations

import re
from pathlib import Path

import duckdb
import pytest

from pipeline.warehouse import statements
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
@pytest.mark.parametrize("path", readme.READMES, ids=lambda p: p.name)
def test_the_picture_of_a_build_is_true(samples_said: str, path: Path) -> None:
    printed = readme.built(path.read_text(encoding="utf-8"))
    assert readme.steady(printed) == readme.steady(samples_said)
    assert " s in its steps; longest: " in printed and "data/warehouse/gongkai.duckdb" in printed


@pytest.mark.slow
@pytest.mark.parametrize("path", readme.PAGES, ids=lambda p: p.name)
def test_the_pages_show_the_examples_and_their_answers(
    samples: duckdb.DuckDBPyConnection, path: Path
) -> None:
    text = path.read_text(encoding="utf-8")
    assert "```sql\n" in text
    assert readme.refresh(readme.with_examples(text, samples), samples, "") == text


@pytest.mark.slow
def test_each_column_of_the_first_question_is_explained(samples: duckdb.DuckDBPyConnection) -> None:
    (example,) = (example for example in statements("examples") if example.name == "most_refused")
    used = set(re.findall(r"\bleague\.(\w+)", example.select))
    told = samples.execute(
        "select column_name, zh, en from codebook where table_name = 'league' and kind = 'column'"
    ).fetchall()
    assert used and used <= {name for name, zh, en in told if zh and en}
    comments = samples.execute(
        "select column_name from duckdb_columns() where table_name = 'mart_findings' and comment <> ''"
    ).fetchall()
    described = {row[0] for row in samples.execute("describe mart_findings").fetchall()}
    asked = {name for name in described if re.search(rf"\b{name}\b", example.select)}
    assert {"check_code", "severity", "settled"} <= asked
    assert described <= {name for (name,) in comments}
