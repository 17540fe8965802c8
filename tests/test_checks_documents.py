"""Two files of one report: copies, conflicts, and files that cannot be compared."""

from __future__ import annotations

import polars as pl

from pipeline.checks.documents import document_checks
from tests.check_tables import One, found, row, tables

OWN = row("requests", "received", natural_person=3, enterprise=1, total=4)


def findings(*reports: One) -> list[tuple[str, str, str, str]]:
    rows = found(document_checks, *reports)
    return [(r["check_code"], r["scope"], r["status"], r["severity"]) for r in rows]


def test_a_twin_that_agrees_is_a_copy() -> None:
    one = One(cells=OWN, further={"twin.docx": OWN})
    assert findings(one) == [
        ("conflict.documents", "twin.docx", "pass", "info"),
        ("duplicate.report", "twin.docx", "fail", "info"),
    ]
    (copy,) = found(document_checks, one, code="duplicate.report")
    assert copy["message"] == f"all 3 figures in both are those of {one.report_id}.pdf"


def test_a_twin_that_disagrees_names_the_cells() -> None:
    one = One(cells=OWN, further={"twin.docx": {**OWN, "requests.received.total": 5}})
    assert findings(one) == [
        ("conflict.documents", "twin.docx", "fail", "warn"),
        ("duplicate.report", "twin.docx", "pass", "info"),
    ]
    (conflict, _) = found(document_checks, one)
    assert (conflict["left_value"], conflict["right_value"], conflict["difference"]) == (4, 5, -1)
    assert conflict["message"] == (
        f"1 of 3 figures in both differ from those of {one.report_id}.pdf: "
        "《三、收到和处理政府信息公开申请情况》一、本年新收政府信息公开申请数量 · 总计 4 here, 5 there"
    )


def test_of_many_differences_ten_are_named_and_the_rest_counted() -> None:
    own = One(zero=True).figures()
    twin = {name: 1 if name.startswith("requests.") else value for name, value in own.items()}
    (conflict, _) = found(document_checks, One(zero=True, further={"twin.docx": twin}))
    assert conflict["message"].count(" there") == 10
    assert conflict["message"].startswith("175 of 200 figures")
    assert conflict["message"].endswith("; and 165 more")


def test_a_figure_in_one_file_only_is_no_conflict() -> None:
    one = One(
        cells={**OWN, "requests.carried_in.total": None},
        further={"twin.docx": {**OWN, "requests.carried_in.total": 2}},
    )
    assert [f[:3:2] for f in findings(one)] == [("conflict.documents", "pass"), ("duplicate.report", "fail")]
    (copy,) = found(document_checks, one, code="duplicate.report")
    assert copy["message"].endswith("; 1 cells have a figure in one file only")


def test_a_picture_beside_the_report_cannot_be_compared() -> None:
    assert findings(One(cells=OWN, further={"scan.png": {}})) == [
        ("conflict.documents", "scan.png", "not_assessable", "info"),
        ("duplicate.report", "scan.png", "not_assessable", "info"),
    ]


def test_the_same_bytes_are_a_copy_without_comparing() -> None:
    made = tables(One(cells={}, further={"again.pdf": {}}))
    chosen = made["dim_report"]["document_id"][0]
    made["dim_document"] = made["dim_document"].with_columns(document_id=pl.lit(chosen))
    rows = document_checks(made).sort("check_code").to_dicts()
    # The facts come from the first by path.
    assert [(r["check_code"], r["scope"], r["status"]) for r in rows] == [
        ("conflict.documents", "示例市教育局-2023.pdf", "pass"),
        ("duplicate.report", "示例市教育局-2023.pdf", "fail"),
    ]
    assert rows[1]["message"] == "the same bytes as again.pdf"


def test_one_file_has_no_finding() -> None:
    assert findings(One(cells=OWN)) == []
