"""What is carried over and what is in force, from one year's report to the next."""

from __future__ import annotations

import pytest

from pipeline.checks.across_years import PREVIOUS, across_years_checks
from tests.check_tables import Cells, One, found, row

BEFORE = One(year=2022, cells=row("requests", "carried_out", natural_person=3, total=3))


def carried(natural_person: float | None, total: float | None, **more: object) -> One:
    return One(cells=row("requests", "carried_in", natural_person=natural_person, total=total), **more)  # type: ignore[arg-type]


def test_what_was_carried_out_is_carried_in() -> None:
    now = carried(3, 3)
    rows = found(across_years_checks, BEFORE, now, of=now, code="requests.carry_over")
    assert [(r["scope"], r["status"], r["severity"]) for r in rows] == [
        ("natural_person", "pass", "info"),
        ("total", "pass", "info"),
    ]


def test_a_difference_is_a_warning_with_both_sides_in_the_form_s_words() -> None:
    now = carried(3, 5)
    _, total = found(across_years_checks, BEFORE, now, of=now, code="requests.carry_over")
    assert (total["status"], total["severity"]) == ("fail", "warn")
    assert (total["left_value"], total["right_value"], total["difference"]) == (5, 3, 2)
    assert total["message"] == (
        "《三、收到和处理政府信息公开申请情况》总计：2023 二、上年结转政府信息公开申请数量 = 5, "
        "but 2022 四、结转下年度继续办理 = 3; difference 2"
    )


@pytest.mark.parametrize("years", [(2021, 2023), (2023, 2024)])
def test_only_the_year_before_counts(years: tuple[int, int]) -> None:
    earlier = One(year=years[0], cells=BEFORE.cells)
    now = carried(9, 9, year=years[1])
    rows = found(across_years_checks, earlier, now, of=now, code="requests.carry_over")
    if years[1] - years[0] == 1:
        assert {r["status"] for r in rows} == {"fail"}
    else:
        assert [(r["scope"], r["status"]) for r in rows] == [(PREVIOUS, "not_assessable")]
        assert "2022" in rows[0]["message"]


def test_without_last_year_s_report_there_is_one_row() -> None:
    rows = found(across_years_checks, carried(3, 3), code="requests.carry_over")
    assert [(r["scope"], r["status"], r["severity"]) for r in rows] == [(PREVIOUS, "not_assessable", "info")]


def test_another_agency_s_report_is_none() -> None:
    now = carried(3, 3, agency="示例县范本乡")
    rows = found(across_years_checks, BEFORE, now, of=now, code="requests.carry_over")
    assert [r["scope"] for r in rows] == [PREVIOUS]


def test_a_blank_cell_is_not_assessable_for_its_applicant_alone() -> None:
    now = carried(None, 3)
    rows = found(across_years_checks, BEFORE, now, of=now, code="requests.carry_over")
    assert [(r["scope"], r["status"], r["left_value"]) for r in rows] == [
        ("natural_person", "not_assessable", None),
        ("total", "pass", 3),
    ]


def test_a_region_s_sum_is_not_held_against_the_agency_s_own() -> None:
    now = carried(30, 30, scope="aggregate")
    rows = found(across_years_checks, BEFORE, now, of=now, code="requests.carry_over")
    assert [(r["scope"], r["status"]) for r in rows] == [(PREVIOUS, "not_assessable")]


def test_without_a_year_nothing_is_linked() -> None:
    now = carried(3, 3, year=None)
    rows = found(across_years_checks, BEFORE, now, of=now, code="requests.carry_over")
    assert [r["scope"] for r in rows] == [PREVIOUS]
    assert "not known" in rows[0]["message"]


STOCK_BEFORE = One(
    year=2022, cells=row("disclosure", "normative_documents", issued=1, repealed=0, in_force=10)
)


@pytest.mark.parametrize(
    ("cells", "status"),
    [
        (row("disclosure", "normative_documents", issued=3, repealed=2, in_force=11), "pass"),
        (row("disclosure", "normative_documents", issued=3, repealed=2, in_force=13), "fail"),
        (row("disclosure", "normative_documents", issued=3, repealed=None, in_force=13), "not_assessable"),
    ],
)
def test_documents_in_force_follow_from_last_year_s(cells: Cells, status: str) -> None:
    now = One(cells=cells)
    (only,) = found(across_years_checks, STOCK_BEFORE, now, of=now, code="disclosure.stock")
    assert (only["scope"], only["status"]) == ("normative_documents", status)
    if status == "fail":
        assert (only["left_value"], only["right_value"], only["severity"]) == (13, 11, "warn")
        assert (
            "行政规范性文件：2023 现行有效件数 = 13, but 2022 现行有效件数 + 本年制发件数 − 本年废止件数 = 11"
            in only["message"]
        )


def test_a_form_without_the_figure_is_one_row() -> None:
    old = One(year=2022, form="2019", cells=row("disclosure", "normative_documents", newly_made=4))
    now = One(cells=STOCK_BEFORE.cells)
    rows = found(across_years_checks, old, now, code="disclosure.stock")
    assert [(r["report_id"], r["scope"], r["status"]) for r in rows] == [
        (now.report_id, PREVIOUS, "not_assessable")
    ]
    assert "does not print" in rows[0]["message"]
