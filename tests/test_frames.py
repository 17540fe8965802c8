"""The tables' schemas: what fits is stored, what does not is kept apart with the reason."""

from __future__ import annotations

import json

import duckdb
import polars as pl
import pytest

from pipeline import frames
from pipeline.assembly import labels
from pipeline.form.model import forms

EVIDENCE = {
    "report_id": "a-2023",
    "status": "reported",
    "raw_text": "3",
    "document_id": "d",
    "locator": "line=1",
    "confidence": 1.0,
    "derived_value": None,
}


def request(outcome: str, applicant: str = "total", value: float | None = 3.0, **other: object) -> dict:
    return {
        **EVIDENCE,
        "outcome": outcome,
        "applicant": applicant,
        "value": value,
        "best_value": value,
        **other,
    }


def disclosure(item: str, measure: str, value: float) -> dict:
    return {**EVIDENCE, "item": item, "measure": measure, "value": value, "best_value": value}


def typed(table: str, *rows: dict) -> tuple[pl.DataFrame, list[str]]:
    good, bad = frames.typed(table, pl.DataFrame(list(rows), infer_schema_length=None, strict=False))
    assert set(bad["table_name"]) <= {table}
    assert all(json.loads(row)["report_id"] == "a-2023" for row in bad["row"])
    return good, bad["reason"].to_list()


def test_rows_that_fit_come_back_sorted_in_the_table_s_types() -> None:
    good, reasons = typed("fact_request", request("received"), request("carried_in", value=0.0))
    assert reasons == []
    assert good["outcome"].to_list() == ["carried_in", "received"]
    assert good["value"].to_list() == [0, 3]
    assert good.schema["value"] == pl.Int64
    assert good.columns == list(frames.columns("fact_request"))


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        (request("received", value=1.5), "value|not_a_whole_number"),
        (request("received", value=float("inf")), "value|not_a_number"),
        (request("received", value=float("nan")), "value|not_a_number"),
        (request("received", value=float(2**53)), "value|not_a_whole_number"),
        (request("received", value=-1.0), "not_below_zero"),
        (request("recieved"), "outcome|known_code"),
        (request("received", applicant="reconsideration"), "applicant|known_code"),
        (request("received", best_value=4.0), "best_is_value_or_derived"),
        (request("received", derived_value=3.0), "value_or_derived"),
        (request("received", value=None), "reported_has_value"),
        (request("received", status="blank"), "no_value_without_print"),
        (request("received", status="read"), "status|known_code"),
        (request("received", confidence=1.5), "confidence|max"),
        (request("received", raw_text=None), "raw_text|nullability"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_row_that_does_not_fit_is_rejected_with_the_reason(row: dict, reason: str) -> None:
    good, reasons = typed("fact_request", row, request("carried_in"))
    assert good["outcome"].to_list() == ["carried_in"]
    assert len(reasons) == 1
    assert reason in reasons[0].split(", ")


def test_a_cell_that_stands_twice_is_rejected_both_times() -> None:
    good, reasons = typed("fact_request", request("received"), request("received", value=4.0))
    assert good.is_empty()
    assert reasons == ["primary_key", "primary_key"]


def test_money_has_decimals_and_changes_fall_below_zero_but_counts_do_neither() -> None:
    good, reasons = typed(
        "fact_disclosure",
        disclosure("administrative_fees", "amount_10k_yuan", 18.871),
        disclosure("administrative_licensing", "items_change", -1942),
        disclosure("administrative_licensing", "decisions", 2.5),
        disclosure("administrative_penalties", "decisions", -1),
    )
    assert sorted(good["value"].to_list()) == [-1942, 18.871]
    assert sorted(reasons) == ["not_below_zero", "value|not_a_whole_number"]


def test_a_cell_that_no_form_prints_is_rejected() -> None:
    _, reasons = typed("fact_disclosure", disclosure("regulations", "decisions", 1))
    assert reasons == ["on_the_form"]


def test_a_group_printed_as_one_row_has_a_place() -> None:
    good, reasons = typed("fact_request", request("other"), request("refused"))
    assert reasons == []
    assert good.height == 2


@pytest.mark.parametrize("table", frames.SCHEMAS)
def test_no_rows_fit_any_table(table: str) -> None:
    good, bad = frames.typed(table, frames.empty(table))
    assert good.is_empty() and bad.is_empty()
    assert good.columns == list(frames.columns(table))


def test_every_column_says_what_it_means() -> None:
    for table, schema in frames.SCHEMAS.items():
        assert schema.__doc__ and "·" in schema.__doc__, table
        for name, column in frames.columns(table).items():
            assert column.description and "·" in column.description, f"{table}.{name}"


def test_every_cell_of_every_form_has_a_place_in_its_table() -> None:
    for form in forms().values():
        for table in form.tables:
            row, column = frames.dimensions(table.code)
            rows = [
                {**EVIDENCE, row: cell.row, column: cell.column, "value": 0.0, "best_value": 0.0}
                for cell in table.cells
            ]
            good, bad = frames.typed(table.facts, pl.DataFrame(rows))
            assert bad.is_empty() and good.height == len(table.cells), (form.form, table.code)


def test_labels_are_the_form_s() -> None:
    outcome = labels()["dim_outcome"]
    newest = list(forms().values())[-1].table("requests")
    assert outcome["code"].to_list()[: len(newest.rows)] == [line.code for line in newest.rows]
    by_code = {row["code"]: row for row in outcome.iter_rows(named=True)}
    assert by_code["refused_state_secret"]["label"] == newest.row("refused_state_secret").label
    assert by_code["other_other"]["form_versions"] == "2021"
    assert by_code["other"]["form_versions"] == "2019, 2021"
    for table, frame in labels().items():
        assert frames.typed(table, frame)[1].is_empty()


def test_frames_go_into_duckdb_and_back() -> None:
    good, _ = typed("fact_request", request("received"))
    connection = duckdb.connect()
    connection.register("incoming", good.to_arrow())
    assert connection.sql("select * from incoming").pl().rows() == good.rows()
