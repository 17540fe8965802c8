"""Rendered figures are read back exactly; one changed cell fails the checks that it stands in."""

from __future__ import annotations

import tempfile
from dataclasses import replace
from pathlib import Path

import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pipeline.form import forms
from tests.accuracy import facts_of, tables_of
from tests.render import Expected, build, make_figures, render
from tests.render.figures import Figures

FORMATS = ("docx", "html", "pdf_lines", "pdf_rects", "txt_tab", "txt_word", "md_pipe")


def _written(
    tmp_path: Path, figures: Figures, format: str, seed: int
) -> tuple[dict[str, pl.DataFrame], Expected]:
    folder = Path(tempfile.mkdtemp(dir=tmp_path))
    suffix = {"docx": ".docx", "html": ".html", "txt": ".txt", "md": ".md", "pdf": ".pdf"}[
        format.split("_")[0]
    ]
    path = folder / f"report{suffix}"
    expected = render(build("示例市样本局", 2022, figures, seed), format, path)
    return tables_of(path), expected


@pytest.mark.parametrize("format", FORMATS)
@settings(max_examples=4, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    seed=st.integers(0, 10**6),
    form=st.sampled_from(["2019", "2021"]),
    size=st.sampled_from(["zero", "small", "large", "huge"]),
)
def test_figures_come_back(tmp_path: Path, format: str, seed: int, form: str, size: str) -> None:
    figures = make_figures(seed, form, size)  # type: ignore[arg-type]
    found, expected = _written(tmp_path, figures, format, seed)
    values = {k: f["value"] for k, f in facts_of(found).items()}
    assert values == {k: float(v) for k, v in figures.values.items() if v is not None}
    results = found["check_result"]
    assert results.filter(pl.col("severity") == "error").is_empty()
    assert found["dim_report"]["form_version"].to_list() == [form]
    assert expected.failing == frozenset()


@pytest.mark.parametrize("format", ("docx", "html", "pdf_lines", "txt_tab"))
@settings(max_examples=4, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(seed=st.integers(0, 10**6), form=st.sampled_from(["2019", "2021"]), by=st.integers(1, 90))
def test_one_changed_cell_fails_the_checks_it_stands_in(
    tmp_path: Path, format: str, seed: int, form: str, by: int
) -> None:
    figures = make_figures(seed, form, "small")
    keys = sorted(k for k in figures.values if k[0] != "disclosure")
    key = keys[seed % len(keys)]
    changed = replace(figures, values={**figures.values, key: figures.values[key] + by})
    found, expected = _written(tmp_path, changed, format, seed)
    failing = found["check_result"].filter(pl.col("status") == "fail", pl.col("severity") == "error")
    got = set(failing.select("check_code", "scope").iter_rows())
    assert got == expected.failing
    assert got, "every cell of 表三 and 表四 stands in an identity"
    table = forms()[form].table(key[0])
    assert all(scope in (key[1], key[2]) for _, scope in got)
    assert {code for code, _ in got} <= {identity.code for identity in table.identities}
