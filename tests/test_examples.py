"""The questions of sql/examples: each runs, and its answer is the one that the facts give."""

from __future__ import annotations

import duckdb
import pytest

from pipeline.publish.vocabulary import vocabulary
from pipeline.warehouse import statements
from tests import synthetic
from tests.example_answers import ANSWERS, Facts

pytestmark = pytest.mark.xdist_group("marts")
EXAMPLES = {example.name: example for example in statements("examples")}


@pytest.fixture(scope="module")
def facts() -> Facts:
    return Facts(synthetic.with_marts(synthetic.filled(60)))


def test_each_example_asks_in_both_languages_and_names_its_cautions() -> None:
    assert set(EXAMPLES) == set(ANSWERS)
    for name, example in EXAMPLES.items():
        assert example.header["zh"] and example.header["en"], name
        codes = [code.strip() for code in example.header["cautions"].split(",")]
        assert set(codes) <= set(vocabulary().cautions), name


@pytest.mark.parametrize("name", EXAMPLES)
def test_the_answer_is_what_the_facts_give(facts: Facts, name: str) -> None:
    found = facts.connection.execute(EXAMPLES[name].select).fetchall()
    wanted = ANSWERS[name](facts)
    assert wanted, "the invented reports give this question no answer"
    if name == "who_writes_about_new_media":
        found = sorted(row[-2:] for row in found)
        assert len(found) < 50
    assert len(found) == len(wanted)
    for row, expected in zip(found, wanted, strict=True):
        assert tuple(row) == pytest.approx(expected), expected


@pytest.mark.parametrize("name", EXAMPLES)
def test_it_runs_over_no_report_at_all(empty: duckdb.DuckDBPyConnection, name: str) -> None:
    assert empty.execute(EXAMPLES[name].select).fetchall() == []


@pytest.fixture(scope="module")
def empty() -> duckdb.DuckDBPyConnection:
    return synthetic.empty()
