"""Wrong cells are found by the identities, and what they should hold is suggested, never written."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import polars as pl
import pytest

from pipeline import frames, steps
from pipeline.cells.identities import Key
from pipeline.cells.report import Fact, FactStatus
from pipeline.checks import RESULT
from pipeline.checks.identities import identity_checks
from pipeline.checks.localisation import Suggestion, suggest, suggestions
from pipeline.checks.slips import rules
from pipeline.form.model import Table, forms
from pipeline.settings import Settings
from tests import fakes
from tests.localisation_accuracy import MORE_CELLS, ONE_CELL, Tally, cases, measure
from tests.localisation_rendered import measure_rendered
from tests.render.figures import SIZES, VERSIONS, make_figures

FORM = forms()["2021"]
REQUESTS, DISPUTES = FORM.table("requests"), FORM.table("disputes")
Cells = Mapping[Key, float | None]


def fact(
    table: Table, key: Key, value: float | None, status: FactStatus = "reported", confidence: float = 1.0
) -> Fact:
    """A cell as read; one without a figure is empty where no other status is given."""
    if value is None and status == "reported":
        status = "blank"
    return Fact(table.code, *key, value, None, status, "", "", confidence)


def facts(table: Table, values: Cells) -> dict[Key, Fact]:
    return {key: fact(table, key, value) for key, value in values.items()}


def requests(size: str = "large", seed: int = 3) -> dict[Key, float | None]:
    """Figures of 表三 that close."""
    figures = make_figures(seed, "2021", size)  # type: ignore[arg-type]
    return {key[1:]: float(value) for key, value in figures.values.items() if key[0] == "requests"}


def disputes(*row: float | None) -> dict[Key, float | None]:
    """表四 with these figures of 行政复议 and nothing else."""
    rows = [line.code for line in DISPUTES.rows]
    columns = [line.code for line in DISPUTES.columns]
    zeros: dict[Key, float | None] = {(r, c): 0.0 for r in rows for c in columns}
    return {**zeros, **{(rows[0], column): figure for column, figure in zip(columns, row, strict=True)}}


def ranked(found: list[Suggestion], rank: int = 1) -> dict[Key, float]:
    return {(s.row, s.column): s.suggested for s in found if s.rank == rank}


def test_a_digit_lost_is_named_with_the_identities_it_breaks() -> None:
    values = requests()
    right = values["granted", "natural_person"] = 137.0
    spread = {("granted", "total"), ("outcome_total", "natural_person"), ("outcome_total", "total")}
    spread |= {("received", "natural_person"), ("received", "total")}
    before = requests()["granted", "natural_person"]
    assert before is not None
    for key in spread:
        values[key] = (values[key] or 0) + right - before
    assert suggest(facts(REQUESTS, values), REQUESTS) == []
    values["granted", "natural_person"] = 17.0
    (found,) = suggest(facts(REQUESTS, values), REQUESTS)
    assert (found.row, found.column, found.printed, found.suggested) == ("granted", "natural_person", 17, 137)
    clauses = {identity.code: identity.clause for identity in REQUESTS.identities}
    assert found.reason == (
        "《三、收到和处理政府信息公开申请情况》（一）予以公开 × 自然人: 137 instead of 17 would close "
        f"“{clauses['requests.outcome_total']}” (自然人) and "
        f"“{clauses['requests.applicant_total']}” (（一）予以公开); a digit was lost"
    )


def test_a_total_left_at_zero_comes_before_its_parts() -> None:
    found = suggest(facts(DISPUTES, disputes(7, 3, 1, 0, 0)), DISPUTES)
    assert ranked(found) == {("reconsideration", "total"): 11}
    assert "the total was left at 0" in found[0].reason


def test_ties_share_a_rank_and_say_so() -> None:
    found = suggest(facts(DISPUTES, disputes(2, 0, 1, 0, 4)), DISPUTES)
    assert ranked(found) == {
        ("reconsideration", "upheld"): 3,
        ("reconsideration", "corrected"): 1,
        ("reconsideration", "other"): 2,
        ("reconsideration", "pending"): 1,
        ("reconsideration", "total"): 3,
    }
    assert all("one of 5 explanations that are equally good" in s.reason for s in found)


def test_a_cell_read_from_a_picture_is_doubted_before_clean_ones() -> None:
    cells = facts(DISPUTES, disputes(12, 20, 1, 0, 37))
    key = ("reconsideration", "corrected")
    assert len(ranked(suggest(cells, DISPUTES))) > 1
    cells[key] = fact(DISPUTES, key, 20.0, confidence=0.7)
    assert ranked(suggest(cells, DISPUTES)) == {key: 24}


def test_a_cell_moved_into_its_column_is_doubted_before_others() -> None:
    cells = facts(DISPUTES, disputes(12, 20, 1, 0, 37))
    key = ("reconsideration", "other")
    cells[key] = fact(DISPUTES, key, 1.0, status="realigned")
    assert ranked(suggest(cells, DISPUTES)) == {key: 5}


def test_a_total_is_lighter_where_a_part_is_empty() -> None:
    found = suggest(facts(DISPUTES, disputes(5, 4, None, 0, 8)), DISPUTES)
    assert ranked(found) == {("reconsideration", "total"): 9}
    assert ranked(found, 2)


def test_no_figure_falls_below_zero() -> None:
    found = suggest(facts(DISPUTES, disputes(30, 2, 0, 0, 2)), DISPUTES)
    assert ranked(found) == {("reconsideration", "total"): 32}
    assert ranked(found, 2) == {("reconsideration", "upheld"): 0}
    assert len(found) == 2


def test_neighbours_that_changed_places_go_together() -> None:
    values = requests("huge")
    a, b = ("granted", "natural_person"), ("granted", "enterprise")
    assert values[a] != values[b]
    right = {a: values[a], b: values[b]}
    values[a], values[b] = values[b], values[a]
    found = suggest(facts(REQUESTS, values), REQUESTS)
    assert ranked(found) == right
    first = [s for s in found if s.rank == 1]
    assert all("two neighbouring figures changed places" in s.reason for s in first)
    assert all(", together with " in s.reason for s in first)
    assert [s.rank for s in found] == sorted(s.rank for s in found)


def test_faults_that_do_not_touch_are_ranked_each_for_itself() -> None:
    values = requests("huge")
    wrong = {("granted", "enterprise"): 11.0, ("carried_out", "natural_person"): 10000.0}
    found = suggest(facts(REQUESTS, {**values, **wrong}), REQUESTS)
    assert {s.rank for s in found} == {1}
    assert ranked(found) == {key: values[key] for key in wrong}
    assert not any("together" in s.reason for s in found)


def test_more_than_two_cells_are_found_by_the_solver_and_always_the_same() -> None:
    values = requests("large")
    last = {key: 0.0 if key[1] == "total" else value for key, value in values.items()}
    found = suggest(facts(REQUESTS, last), REQUESTS)
    assert ranked(found) == {key: v for key, v in values.items() if key[1] == "total" and v}
    backwards = dict(reversed(facts(REQUESTS, last).items()))
    assert suggest(backwards, REQUESTS) == found


def test_an_empty_cell_is_filled_only_where_nothing_else_is_left() -> None:
    # 4 stands under 自然人, its own cell under 商业企业 is empty; both columns' sums tell so.
    zeros: dict[Key, float | None] = dict.fromkeys(requests(), 0.0)
    for row in ("received", "granted", "outcome_total"):
        for column in ("enterprise", "total"):
            zeros[row, column] = 4.0
    values: dict[Key, float | None] = {
        **zeros,
        ("granted", "natural_person"): 4.0,
        ("granted", "enterprise"): None,
    }
    found = suggest(facts(REQUESTS, values), REQUESTS)
    assert {(s.row, s.column): (s.printed, s.suggested) for s in found} == {
        ("granted", "natural_person"): (4, 0),
        ("granted", "enterprise"): (None, 4),
    }
    assert all("two neighbouring figures changed places" in s.reason for s in found)
    assert {s.rank for s in found} == {1}
    # With two columns empty from top to bottom, nothing tells which of them takes the figure.
    for row in ("received", "granted", "outcome_total"):
        values[row, "enterprise"] = values[row, "research_institution"] = None
    found = suggest(facts(REQUESTS, values), REQUESTS)
    assert ("granted", "natural_person") in ranked(found)
    assert all(s.printed is not None for s in found)


def test_empty_cells_alone_make_no_suggestion() -> None:
    assert suggest(facts(DISPUTES, disputes(None, None, None, None, 9)), DISPUTES) == []
    assert suggest(facts(DISPUTES, disputes(1, None, 2, 0, 3)), DISPUTES) == []
    assert suggest(facts(DISPUTES, dict.fromkeys(disputes(0, 0, 0, 0, 0))), DISPUTES) == []


def test_a_lost_cell_takes_what_closes() -> None:
    cells = facts(DISPUTES, disputes(1, 2, 0, 0, 9))
    key = ("reconsideration", "pending")
    cells[key] = fact(DISPUTES, key, None, status="lost")
    assert suggest(cells, DISPUTES) == []


def test_rows_that_were_not_found_are_open() -> None:
    values = requests()
    gone = {key: value for key, value in values.items() if key[0] != "granted"}
    assert suggest(facts(REQUESTS, gone), REQUESTS) == []


def test_a_group_printed_as_one_row_is_a_cell_like_others() -> None:
    figures = make_figures(5, "2019", "large")
    right = {key[1:]: float(value) for key, value in figures.values.items() if key[0] == "requests"}
    table = list(forms().values())[-1].table("requests")
    assert suggest(facts(table, right), table) == []
    key = ("other", "natural_person")
    wrong = {**right, key: right[key] + 100}
    assert ranked(suggest(facts(table, wrong), table)) == {key: right[key]}


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("form", VERSIONS)
def test_figures_that_close_have_no_suggestion(size: str, form: str) -> None:
    figures = make_figures(11, form, size)  # type: ignore[arg-type]
    for table in forms()[form].tables:
        values = {key[1:]: float(v) for key, v in figures.values.items() if key[0] == table.code}
        assert suggest(facts(table, values), table) == []
        assert suggest({}, table) == []


def test_one_cell_always_beats_two_and_two_beat_three() -> None:
    weights = rules().weights
    given = [weights.clean, weights.realigned, weights.lost, weights.blank, weights.least]
    given += [step.weight for step in weights.read_from_picture]
    assert max(given) == weights.clean and min(given) == weights.least
    assert weights.clean < 2 * weights.least and 2 * weights.clean < 3 * weights.least


def test_suggestions_are_rows_for_failing_reports_only() -> None:
    right, wrong = requests(), requests()
    wrong["granted", "total"] = 10 * (wrong["granted", "total"] or 0) + 3
    rows = [
        (report, *key, value, None, value, "reported", 1.0)
        for report, values in (("clean", right), ("wrong", wrong))
        for key, value in values.items()
    ]
    names = [
        "report_id",
        "outcome",
        "applicant",
        "value",
        "derived_value",
        "best_value",
        "status",
        "confidence",
    ]
    facts_of = {table.facts: frames.empty(table.facts) for table in FORM.tables}
    kinds = facts_of["fact_request"].schema
    facts_of["fact_request"] = pl.DataFrame(
        rows, schema=[(name, kinds[name]) for name in names], orient="row", strict=False
    )
    checked = identity_checks(facts_of)
    assert checked.schema == RESULT
    before = facts_of["fact_request"].clone()
    good, rejected = frames.typed("suggested_correction", suggestions({**facts_of, "check_result": checked}))
    assert rejected.is_empty()
    assert good.select("report_id", "table_name", "row_code", "column_code", "rank").rows() == [
        ("wrong", "requests", "granted", "total", 1)
    ]
    assert good["suggested_value"].to_list() == [right["granted", "total"]]
    assert good["printed_value"].to_list() == [wrong["granted", "total"]]
    assert facts_of["fact_request"].equals(before)
    unchecked = checked.clear()
    assert suggestions({**facts_of, "check_result": unchecked}).equals(frames.empty("suggested_correction"))


def test_the_older_statistics_table_has_suggestions_too() -> None:
    table = forms()["2014"].table("indicators")
    figures = dict.fromkeys((cell.row for cell in table.cells), 0.0)
    figures |= {"applications_received_online": 21.0, "applications_received": 12.0}
    columns = {
        "report_id": "r",
        "value": None,
        "derived_value": None,
        "status": "reported",
        "confidence": 1.0,
    }
    rows = [{**columns, "indicator": row, "value": v, "best_value": v} for row, v in figures.items()]
    kinds = {name: kind for name, kind in frames.empty(table.facts).schema.items() if name in rows[0]}
    facts = {table.facts: pl.DataFrame(rows, schema=kinds)}
    found = suggestions({**facts, "check_result": identity_checks(facts)})
    good, rejected = frames.typed("suggested_correction", found)
    assert rejected.is_empty()
    assert [(row["row_code"], row["suggested_value"], row["rank"]) for row in good.to_dicts()] == [
        ("applications_received", 21.0, 1),
        ("applications_received_online", 12.0, 1),
    ]
    assert all("equally good" in reason for reason in good["reason"])


def test_a_build_makes_them_after_the_checks(tmp_path: Path) -> None:
    figures = fakes.balanced(17)
    fakes.write(tmp_path / "raw", "2022.txt", agency="南岗区", year=2022, requests=figures)
    wrong = {**figures, "received.total": 71.0}
    fakes.write(tmp_path / "raw", "2023.txt", agency="南岗区", year=2023, requests=wrong)
    settings = Settings(
        raw=tmp_path / "raw",
        warehouse=tmp_path / "w",
        workers=1,
        document_seconds=20,
        document_megabytes=2048,
    )
    with steps.open_run(settings, "run", read=fakes.read_fake) as run:
        for table in steps.READ_TABLES:
            steps.read_table(run, table)
        steps.reading_note(run)
        steps.check_result(run)
        made = steps.suggested_correction(run)
        (row,) = steps.frame(run, "suggested_correction").iter_rows(named=True)
    assert (made.rows, made.rejected) == (1, 0)
    assert (row["row_code"], row["column_code"], row["rank"]) == ("received", "total", 1)
    assert (row["printed_value"], row["suggested_value"]) == (71, 17)
    assert "2023" in row["report_id"]


def test_the_solver_is_loaded_only_for_three_cells_and_more() -> None:
    code = (
        "import sys, tests.test_localisation as t\n"
        "t.suggest(t.facts(t.DISPUTES, t.disputes(7, 3, 1, 0, 0)), t.DISPUTES)\n"
        "print([name for name in sys.modules if name.startswith('ortools')])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], check=True, timeout=60, stdout=subprocess.PIPE, text=True
    )
    assert done.stdout == "[]\n"


def total(tallies: Mapping[str, Tally], of: str) -> int:
    return sum(getattr(tally, of) for tally in tallies.values())


def test_one_wrong_cell_is_found_with_its_figure() -> None:
    tallies = measure(ONE_CELL, 30, seed=4)
    assert all(tally.cases == 30 for tally in tallies.values())
    assert total(tallies, "detected") >= 0.99 * total(tallies, "cases")
    tellable = total(tallies, "tellable")
    assert tellable > 0.6 * total(tallies, "cases")
    assert total(tallies, "first") >= 0.95 * tellable
    assert total(tallies, "right") >= 0.9 * tellable
    assert total(tallies, "all_first") >= 0.9 * total(tallies, "cases")


@pytest.mark.slow
def test_more_wrong_cells_are_found_where_no_fewer_explain_it() -> None:
    tallies = measure(MORE_CELLS, 15, seed=4)
    assert total(tallies, "detected") >= 0.99 * total(tallies, "cases")
    for fault, tally in tallies.items():
        assert tally.all_first >= 0.65 * tally.cases, fault
    assert total(tallies, "all_first") >= 0.8 * total(tallies, "cases")


def test_every_first_set_of_suggestions_closes_the_table() -> None:
    """What rank 1 says is true: where it is no tie, its figures make every identity hold."""
    closed = 0
    for case in cases({**ONE_CELL, "two cells": MORE_CELLS["two cells"]}, 8, seed=9, empty=0.5):
        first = [s for s in suggest(case.facts, case.table) if s.rank == 1]
        if not any("equally good" in s.reason or "empty cell" in s.reason for s in first):
            mended = dict(case.facts)
            for s in first:
                mended[s.row, s.column] = fact(case.table, (s.row, s.column), s.suggested)
            assert suggest(mended, case.table) == [], case.name
            closed += bool(first)
    assert closed > 30


@pytest.mark.slow
def test_a_wrong_cell_in_a_file_is_found_and_a_clean_file_has_no_error() -> None:
    faults = {fault: ONE_CELL[fault] for fault in ("two digits transposed", "a total left at 0")}
    tallies, (clean, with_error) = measure_rendered(faults, 1, seed=3)
    assert total(tallies, "cases") == total(tallies, "detected") == len(faults)
    assert total(tallies, "first") == total(tallies, "right") == total(tallies, "tellable") > 0
    assert clean > 0 and with_error == 0
