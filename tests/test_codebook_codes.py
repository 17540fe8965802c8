"""Every code that a warehouse holds is explained in its own codebook."""

from __future__ import annotations

import duckdb
import pytest

from pipeline.form.measures import measures
from pipeline.publish import codebook_codes
from pipeline.publish.vocabulary import vocabulary

pytestmark = pytest.mark.xdist_group("samples")


@pytest.mark.slow
@pytest.mark.parametrize(
    ("table", "column"),
    [("fact_section", "section"), ("fact_narrative", "measure"), ("check_result", "check_code")],
)
def test_codes_of_a_build_are_explained(samples: duckdb.DuckDBPyConnection, table: str, column: str) -> None:
    held = {code for (code,) in samples.execute(f"select distinct {column} from {table}").fetchall()}
    told = samples.execute("select code, zh, en from codebook where column_name = ?", [column]).fetchall()
    known = {code for code, *_ in told}
    any_measure = {code for code in held if code.startswith("narrative.") and column == "check_code"}
    assert held
    assert held - known - any_measure == set()
    assert not any_measure or "narrative.<measure>" in known
    assert all(zh and en for code, zh, en in told if code in held)


@pytest.mark.slow
def test_kinds_and_levels_of_a_build_are_explained(samples: duckdb.DuckDBPyConnection) -> None:
    for column in ("kind", "level"):
        held = samples.execute(f"select distinct {column} from dim_agency where {column} is not null")
        assert {code for (code,) in held.fetchall()} <= set(vocabulary().codes[column])


def test_every_measure_of_the_text_has_words() -> None:
    told = {code: (zh, en) for code, zh, en in codebook_codes.stated()}
    assert "posts.other_channels.app" in told and "disputes.litigation.total" in told
    assert len(told) > 80
    assert not [code for code in told if "{" in code]
    plain = {m.code for m in measures().measures if m.code and "{" not in m.code}
    assert plain <= set(told)


def test_codes_stand_once() -> None:
    for codes in (codebook_codes.sections(), codebook_codes.checks(), codebook_codes.stated()):
        names = [code for code, *_ in codes]
        assert names and len(names) == len(set(names))
