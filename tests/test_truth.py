"""The reports whose figures were checked by eye: every cell, state, agency and year."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import polars as pl
import pytest

from tests.accuracy import facts_of, flagged, places_flagged, tables_of

SHARED = Path(__file__).parents[1].parent / "shared"
SEEDS = sorted((SHARED / "truth").glob("seed_*.json"))

pytestmark = pytest.mark.skipif(not SHARED.is_dir(), reason="needs the folder ../shared with seeds and truth")


def _tables(tmp_path: Path, file: Path) -> dict[str, pl.DataFrame]:
    copy = tmp_path / file.name
    shutil.copy(file, copy)
    return tables_of(copy)


def _compare(found: dict[str, pl.DataFrame], truth: dict) -> None:  # type: ignore[type-arg]
    report = found["dim_report"].row(0, named=True)
    assert report["agency_name"] == truth["agency"]
    assert report["report_year"] == truth["report_year"]
    assert report["form_version"] == truth["form_version"]
    facts = facts_of(found)
    for table, cells in truth["tables"].items():
        want = {tuple(code.split(".")): figure for code, figure in cells.items()}
        got = {
            k[1:]: f["best_value"] for k, f in facts.items() if k[0] == table and f["best_value"] is not None
        }
        assert got == want
    for table, state in truth.get("table_status", {}).items():
        assert report[f"{table}_table"] == state


@pytest.mark.parametrize("path", SEEDS, ids=lambda p: p.stem)
def test_seeds(tmp_path: Path, path: Path) -> None:
    truth = json.loads(path.read_text(encoding="utf-8"))
    found = _tables(tmp_path, SHARED / "seeds" / truth["file"])
    _compare(found, truth)
    places = places_flagged(found["check_result"])
    for row in truth.get("lost_cell_rows", ()):
        assert flagged(("requests", row, "total"), places), row
    lost = found["fact_request"].filter(pl.col("status") == "lost")
    assert lost["outcome"].unique().sort().to_list() == sorted(truth.get("lost_cell_rows", ()))
    stated = dict(found["fact_narrative"].select("measure", "value").iter_rows())
    assert truth.get("narrative", {}).items() <= stated.items()


def test_the_report_without_tables_fails_three_checks(tmp_path: Path) -> None:
    (file,) = (SHARED / "seeds").glob("003_*")
    results = _tables(tmp_path, file)["check_result"]
    errors = results.filter(pl.col("status") == "fail", pl.col("severity") == "error")
    assert errors["check_code"].to_list() == [
        "completeness.disclosure",
        "completeness.disputes",
        "completeness.requests",
    ]
    assert errors["scope"].unique().to_list() == ["missing"]


def test_a_clean_report_has_no_error(tmp_path: Path) -> None:
    (file,) = (SHARED / "seeds").glob("004_*")
    results = _tables(tmp_path, file)["check_result"]
    assert results.filter(pl.col("severity") == "error").is_empty()
    identities = results.filter(pl.col("check_code").is_in(["requests.balance", "requests.outcome_total"]))
    assert identities["status"].unique().to_list() == ["pass"]
    assert identities.height == 14


def test_a_pdf_over_page_breaks(tmp_path: Path) -> None:
    truth = json.loads((SHARED / "truth" / "hongze_2024.json").read_text(encoding="utf-8"))
    found = _tables(tmp_path, SHARED / "samples" / "hongze_2024.pdf")
    _compare(found, truth)
    results = found["check_result"]
    assert results.filter(pl.col("severity") == "error").is_empty()
    assert set(found["dim_report"].row(0)[-3:]) == {"complete"}
    # The text speaks of the office alone, the table of the whole district: one warning that says so.
    told = results.filter(pl.col("status") == "fail", pl.col("check_code").str.starts_with("narrative."))
    (only,) = told.to_dicts()
    assert (only["check_code"], only["severity"]) == ("narrative.requests.received", "warn")
    assert (only["left_value"], only["right_value"], only["difference"]) == (17, 95, -78)
    assert "alone; the table covers the whole region" in only["message"]


def test_the_blank_form_has_three_blank_tables_and_no_zero(tmp_path: Path) -> None:
    found = _tables(tmp_path, SHARED / "samples" / "blank_form_2021.docx")
    report = found["dim_report"].row(0, named=True)
    assert [report[f"{t}_table"] for t in ("disclosure", "requests", "disputes")] == ["blank"] * 3
    assert all(fact["best_value"] is None for fact in facts_of(found).values())
