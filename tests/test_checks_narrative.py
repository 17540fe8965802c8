"""Figures of the text against the tables, in the readings that the text allows."""

from __future__ import annotations

import pytest

from pipeline.checks.narrative import narrative_checks, narrative_rollup_checks
from pipeline.checks.statements import meaning
from pipeline.form.measures import measures
from tests.check_tables import Cells, One, found, row

# received 20, carried in 5; granted 12, in part 3, refused 2, unavailable 4, declined 1, other 1; out 2
TABLE: Cells = {
    **One(zero=True).figures(),
    "requests.received.total": 20,
    "requests.received.natural_person": 17,
    "requests.received.enterprise": 2,
    "requests.received.other_organization": 1,
    "requests.carried_in.total": 5,
    "requests.carried_in.natural_person": 5,
    "requests.granted.total": 12,
    "requests.granted_in_part.total": 3,
    "requests.refused_state_secret.total": 2,
    "requests.unavailable_not_held.total": 4,
    "requests.declined_repeated.total": 1,
    "requests.other_other.total": 1,
    "requests.outcome_total.total": 23,
    "requests.carried_out.total": 2,
    "disputes.reconsideration.total": 6,
    "disputes.reconsideration.upheld": 6,
    "disputes.direct_litigation.total": 2,
    "disputes.litigation_after_reconsideration.total": 1,
    "disclosure.normative_documents.issued": 3,
    "disclosure.administrative_licensing.decisions": 28,
    "disclosure.administrative_fees.amount_10k_yuan": 7545.23,
}


def judged(
    measure: str, value: float, qualifier: str = "exact", cells: Cells = TABLE, **more: object
) -> dict:
    one = One(cells=cells, stated=[(measure, value, qualifier)], **more)  # type: ignore[arg-type]
    (only,) = found(narrative_checks, one)
    return only


@pytest.mark.parametrize(
    ("measure", "value"),
    [
        ("requests.received", 20),
        ("requests.received", 25),
        ("requests.received+carried_in", 25),
        ("requests.received_or_handled", 23),
        ("requests.received.natural_person", 17),
        ("requests.received.natural_person", 22),
        ("requests.received.natural_person+enterprise", 19),
        ("requests.received.organizations", 3),
        ("requests.received.other_organization", 3),
        ("requests.carried_in", 5),
        ("requests.outcome_total", 23),
        ("requests.outcome_total", 18),
        ("requests.outcome_total", 15),
        ("requests.granted", 12),
        ("requests.granted", 15),
        ("requests.granted+granted_in_part", 15),
        ("requests.refused", 2),
        ("requests.refused_state_secret", 2),
        ("requests.unavailable", 4),
        ("requests.other", 8),
        ("requests.carried_out", 2),
        ("disputes.reconsideration.total", 6),
        ("disputes.reconsideration.upheld", 6),
        ("disputes.litigation.total", 3),
        ("disputes.litigation.total", 2),
        ("disputes.direct_litigation.total", 2),
        ("disputes.reconsideration+litigation.total", 9),
        ("disclosure.normative_documents.issued", 3),
        ("disclosure.regulations+normative_documents.issued", 3),
        ("disclosure.administrative_licensing.decisions", 28),
        ("disclosure.administrative_licensing.published", 28),
        ("disclosure.administrative_fees.amount_10k_yuan", 7545),
    ],
)
def test_a_figure_may_have_any_reading_that_the_text_allows(measure: str, value: float) -> None:
    only = judged(measure, value)
    assert (only["status"], only["severity"], only["scope"]) == ("pass", "info", measure)
    assert only["check_code"] == "narrative." + measure.replace("+", "_and_")


@pytest.mark.parametrize(
    ("measure", "value", "nearest", "has"),
    [
        ("requests.received", 22, "一、本年新收政府信息公开申请数量 · 总计", 20),
        (
            "requests.received",
            30,
            "一、本年新收政府信息公开申请数量 · 总计 + 二、上年结转政府信息公开申请数量 · 总计",
            25,
        ),
        ("requests.outcome_total", 99, "（七）总计 · 总计", 23),
        ("requests.granted+granted_in_part", 14, "（一）予以公开 · 总计", 15),
        ("disputes.reconsideration.total", 5, "行政复议 · 总计", 6),
        ("disclosure.administrative_licensing.decisions", 0, "行政许可 · 本年处理决定数量", 28),
        ("disclosure.administrative_fees.amount_10k_yuan", 754, "行政事业性收费", 7545.23),
    ],
)
def test_where_no_reading_fits_the_nearest_is_named(
    measure: str, value: float, nearest: str, has: float
) -> None:
    only = judged(measure, value)
    assert (only["status"], only["severity"]) == ("fail", "warn")
    assert (only["left_value"], only["right_value"]) == (value, has)
    assert only["difference"] == pytest.approx(value - has)
    assert nearest in only["message"] and f"says {value:g} " in only["message"]
    assert f"= {has:g}; difference" in only["message"]


def test_nothing_answered_is_not_an_empty_class() -> None:
    assert judged("requests.outcome_total", 0)["status"] == "fail"


def test_documents_published_are_only_of_interest() -> None:
    only = judged("disclosure.normative_documents.published", 7)
    assert (only["status"], only["severity"]) == ("fail", "info")


@pytest.mark.parametrize(
    ("qualifier", "value", "status"),
    [
        ("at_least", 20, "pass"),
        ("at_least", 15, "pass"),
        ("at_least", 26, "fail"),
        ("at_least", 5, "fail"),
        ("about", 22, "pass"),
        ("about", 30, "fail"),
    ],
)
def test_qualified_figures_have_room(qualifier: str, value: float, status: str) -> None:
    assert judged("requests.received", value, qualifier)["status"] == status


@pytest.mark.parametrize(
    "cells",
    [
        {},
        {"requests.received.total": None, "requests.carried_in.total": None},
        # What was carried in is not known, and might explain the difference.
        {"requests.received.total": 20, "requests.carried_in.total": None},
    ],
)
def test_without_the_table_s_figure_nothing_is_said(cells: Cells) -> None:
    only = judged("requests.received", 22, cells=cells)
    assert (only["status"], only["severity"]) == ("not_assessable", "info")


def test_a_row_that_was_not_found_might_explain_the_difference() -> None:
    cells = {"requests.received.total": 20}
    assert judged("requests.received", 22, cells=cells)["status"] == "fail"
    partial = judged("requests.received", 22, cells=cells, states={"requests": "partial"})
    assert partial["status"] == "not_assessable"


def test_the_older_form_has_its_own_figure_for_documents_made() -> None:
    cells = row("disclosure", "normative_documents", newly_made=3, newly_disclosed=2, total_disclosed=9)
    one = {"cells": cells, "form": "2019"}
    assert judged("disclosure.normative_documents.issued", 3, **one)["status"] == "pass"  # type: ignore[arg-type]
    assert judged("disclosure.normative_documents.issued", 4, **one)["status"] == "fail"  # type: ignore[arg-type]
    in_force = judged("disclosure.normative_documents.in_force", 9, **one)  # type: ignore[arg-type]
    assert in_force["status"] == "not_assessable"


@pytest.mark.parametrize(
    "measure", ["posts.published", "fees.information_processing_yuan", "requests.on_time_rate"]
)
def test_what_no_table_has_is_not_compared(measure: str) -> None:
    assert found(narrative_checks, One(cells=TABLE, stated=[(measure, 7)])) == []


def test_another_body_s_figure_is_not_compared() -> None:
    stated = [("requests.received@示例市政府", 5)]
    assert found(narrative_checks, One(cells=TABLE, stated=stated, kind="street")) == []


def test_a_measure_stated_twice_has_one_row_and_the_failing_one_counts() -> None:
    stated = [("requests.received", 20), ("requests.received", 21)]
    (only,) = found(narrative_checks, One(cells=TABLE, stated=stated))
    assert (only["status"], only["left_value"]) == ("fail", 21)


def every_code() -> list[str]:
    """Every code that the text may be read to state, with the names that stand for several."""
    groups = measures().groups
    codes = [m.code for m in measures().measures if m.code] + [f.gives for f in measures().follow]
    found: list[str] = []
    for code in codes:
        options = [code]
        for name, group in groups.items():
            for braces in ("{" + name + "}", "{last_" + name + "}"):
                options = [
                    option.replace(braces, group.code(item))
                    for option in options
                    for item in (group.items if braces in option else group.items[:1])
                ]
        found += options
    return sorted(set(found))


def test_every_measure_of_the_tables_has_a_reading() -> None:
    without = [code for code in every_code() if meaning(code) is None]
    compared = [code for code in every_code() if meaning(code) is not None]
    assert "requests.refused_state_secret" in compared and "disputes.litigation.pending" in compared
    assert {code.split(".")[0] for code in without} == {"posts", "fees", "requests"}
    assert [code for code in without if code.startswith("requests")] == ["requests.on_time_rate"]


# A region's report, whose text speaks of its government alone.

REGION = {"kind": "region", "level": "county", "scope": "unknown"}


def test_a_region_s_government_alone_is_one_warning_that_says_so() -> None:
    stated = [("requests.received@区政府", 17, "exact", "区政府全年收到公开申请17件")]
    one = One(
        cells=row("requests", "received", total=95) | row("requests", "carried_in", total=0),
        stated=stated,
        **REGION,
    )  # type: ignore[arg-type]
    (only,) = found(narrative_checks, one)
    assert (only["check_code"], only["scope"]) == ("narrative.requests.received", "requests.received@区政府")
    assert (only["status"], only["severity"]) == ("fail", "warn")
    assert (only["left_value"], only["right_value"], only["difference"]) == (17, 95, -78)
    assert "区政府 alone; the table covers the whole region" in only["message"]


def test_of_several_such_figures_one_is_told() -> None:
    stated = [
        ("requests.received", 4, "exact", "本机关收到政府信息公开申请4件"),
        ("requests.outcome_total", 4, "exact", "办结4件"),
        ("requests.granted", 13, "exact", "予以公开13件"),
        ("disputes.reconsideration.total", 7),
    ]
    rows = found(narrative_checks, One(cells=TABLE, stated=stated, **REGION))  # type: ignore[arg-type]
    assert {r["scope"]: r["status"] for r in rows} == {
        "requests.received": "fail",
        "requests.outcome_total": "not_assessable",
        # More than the table has is no part of it.
        "requests.granted": "fail",
        "disputes.reconsideration.total": "fail",
    }
    assert sum("alone; the table covers" in r["message"] for r in rows) == 1


def test_the_region_s_own_figure_goes_before_its_government_s() -> None:
    stated = [("requests.received", 20), ("requests.received@区政府", 17)]
    rows = found(narrative_checks, One(cells=TABLE, stated=stated, **REGION))  # type: ignore[arg-type]
    assert [(r["scope"], r["status"]) for r in rows] == [("requests.received", "pass")]


def test_the_whole_region_by_name_is_the_region() -> None:
    stated = [("requests.received@全区各部门", 21)]
    (only,) = found(narrative_checks, One(cells=TABLE, stated=stated, **REGION))  # type: ignore[arg-type]
    assert only["status"] == "fail" and "alone" not in only["message"]


# Bodies named in a region's text are parts of its table.


@pytest.mark.parametrize(
    ("figures", "cells", "status"),
    [
        ((8, 12), TABLE, "pass"),
        ((8, 17), TABLE, "pass"),
        ((8, 18), TABLE, "fail"),
        ((8, 12), {}, "not_assessable"),
        ((8, 18), {"requests.received.total": 20, "requests.carried_in.total": None}, "not_assessable"),
    ],
)
def test_bodies_together_have_no_more_than_the_region(
    figures: tuple[int, int], cells: Cells, status: str
) -> None:
    stated = [("requests.received@市政府", figures[0]), ("requests.received@各部门", figures[1])]
    (only,) = found(narrative_rollup_checks, One(cells=cells, stated=stated, **REGION))  # type: ignore[arg-type]
    assert (only["check_code"], only["scope"], only["status"]) == (
        "rollup.narrative",
        "requests.received",
        status,
    )
    if status == "fail":
        assert (only["severity"], only["left_value"], only["right_value"]) == ("warn", 25, 26)
        assert "市政府 8 + 各部门 18 = 26" in only["message"]


def test_a_department_s_text_has_no_bodies_below_it() -> None:
    stated = [("requests.received@市政府", 99)]
    assert found(narrative_rollup_checks, One(cells=TABLE, stated=stated)) == []
