"""The text against itself: parts and wholes, two figures for one measure, all handled and some left."""

from __future__ import annotations

import pytest

from pipeline.checks.narrative_itself import ALL, narrative_itself_checks
from tests.check_tables import Cells, One, found

CLASSES = ("granted", "granted_in_part", "refused", "unavailable", "declined", "other")


def outcomes(*figures: float) -> list[tuple]:
    return [(f"requests.{code}", figure) for code, figure in zip(CLASSES, figures, strict=False)]


def parts(stated: list[tuple], cells: Cells | None = None) -> list[tuple[str, str]]:
    rows = found(narrative_itself_checks, One(cells=cells or {}, stated=stated), code="narrative.parts")
    return [(r["scope"], r["status"]) for r in rows]


OUTCOMES = "requests.outcome_total"


@pytest.mark.parametrize(
    ("stated", "status"),
    [
        # 62 handled and one carried out are the 63 received.
        ([*outcomes(16, 6, 6, 24, 4, 6), ("requests.carried_out", 1), ("requests.received", 63)], "pass"),
        # One more than the 63, which last year's may explain; with none from last year nothing does.
        (
            [*outcomes(16, 6, 6, 24, 4, 7), ("requests.carried_out", 1), ("requests.received", 63)],
            "not_assessable",
        ),
        (
            [
                *outcomes(16, 6, 6, 24, 4, 7),
                ("requests.carried_out", 1),
                ("requests.received", 63),
                ("requests.carried_in", 0),
            ],
            "fail",
        ),
        ([*outcomes(16, 6, 6, 24, 4, 5), ("requests.carried_out", 1), ("requests.received", 63)], "fail"),
        ([*outcomes(16, 6, 6, 24, 4, 6), ("requests.outcome_total", 62)], "pass"),
        ([*outcomes(16, 6, 6, 24, 4, 6), ("requests.outcome_total", 26)], "fail"),
        # 5 of them came over from last year.
        (
            [*outcomes(10, 5), ("requests.other", 0), ("requests.received", 10), ("requests.carried_in", 5)],
            "pass",
        ),
        # A list that may go on.
        ([*outcomes(10, 5), ("requests.outcome_total", 20)], "not_assessable"),
        ([*outcomes(10, 15), ("requests.outcome_total", 20)], "fail"),
        # More than were received, which last year's may explain.
        ([*outcomes(10, 15), ("requests.received", 20)], "not_assessable"),
        # Joined classes and classes within others are counted once.
        (
            [
                ("requests.granted+granted_in_part", 15),
                ("requests.granted_in_part", 3),
                ("requests.refused", 5),
                ("requests.outcome_total", 20),
            ],
            "pass",
        ),
        (
            [
                ("requests.granted", 15),
                ("requests.refused", 5),
                ("requests.refused_state_secret", 5),
                ("requests.outcome_total", 20),
            ],
            "pass",
        ),
        (
            [
                ("requests.granted", 18),
                ("requests.unavailable_not_held", 2),
                ("requests.declined_repeated", 1),
                ("requests.outcome_total", 20),
            ],
            "fail",
        ),
    ],
)
def test_classes_add_up_to_what_was_handled_or_received(stated: list[tuple], status: str) -> None:
    assert parts(stated) == [(OUTCOMES, status)]


def test_the_table_tells_what_was_carried_in() -> None:
    stated = [*outcomes(10, 15), ("requests.received", 20)]
    assert parts(stated, {"requests.carried_in.total": 5}) == [(OUTCOMES, "pass")]
    assert parts(stated, {"requests.carried_in.total": 0}) == [(OUTCOMES, "fail")]


def test_the_message_lists_the_parts_and_the_whole() -> None:
    stated = [*outcomes(16, 6), ("requests.outcome_total", 20)]
    (only,) = found(narrative_itself_checks, One(stated=stated), code="narrative.parts")
    assert (only["severity"], only["left_value"], only["right_value"], only["difference"]) == (
        "warn",
        22,
        20,
        2,
    )
    assert "（一）予以公开 · 总计 16 + " in only["message"]
    assert "= 22, but " in only["message"] and "（七）总计 · 总计 = 20; difference 2" in only["message"]


@pytest.mark.parametrize(
    ("people", "organizations", "status"), [(38, 3, "pass"), (38, 4, "fail"), (30, 3, "fail")]
)
def test_applicants_add_up_to_what_was_received(people: int, organizations: int, status: str) -> None:
    stated = [
        ("requests.received", 41),
        ("requests.received.natural_person", people),
        ("requests.received.organizations", organizations),
    ]
    assert parts(stated) == [("requests.received", status)]


def test_results_add_up_to_the_disputes() -> None:
    stated = [("disputes.reconsideration.upheld", 3), ("disputes.reconsideration.corrected", 2)]
    assert parts([*stated, ("disputes.reconsideration.total", 4)]) == [
        ("disputes.reconsideration.total", "fail")
    ]
    assert parts([*stated, ("disputes.reconsideration.total", 6)]) == [
        ("disputes.reconsideration.total", "not_assessable")
    ]


@pytest.mark.parametrize(
    "stated", [[], outcomes(5), outcomes(5, 3), [*outcomes(5), ("requests.received", 5)]]
)
def test_without_two_parts_and_a_whole_there_is_nothing_to_add(stated: list[tuple]) -> None:
    assert parts(stated) == []


def contradictions(stated: list[tuple], cells: Cells | None = None) -> list[tuple[str, str, str]]:
    one = One(cells=cells or {}, stated=stated)
    rows = found(narrative_itself_checks, one, code="narrative.self_contradiction")
    return [(r["scope"], r["status"], r["severity"]) for r in rows]


def test_two_figures_for_one_measure_contradict_each_other() -> None:
    stated = [("requests.received", 63, "exact", "收到63件"), ("requests.received", 36, "exact", "共36件")]
    assert contradictions(stated) == [("requests.received", "fail", "warn")]
    (only,) = found(narrative_itself_checks, One(stated=stated))
    assert (only["left_value"], only["right_value"], only["difference"]) == (63, 36, 27)
    assert "63 (“收到63件”), 36 (“共36件”); difference 27" in only["message"]


def test_two_figures_that_the_table_explains_do_not() -> None:
    cells = {"requests.received.total": 20, "requests.carried_in.total": 5}
    stated = [("requests.received", 20), ("requests.received", 25)]
    assert contradictions(stated, cells) == [(ALL, "pass", "info")]


def test_the_same_figure_twice_or_a_rounded_one_does_not() -> None:
    stated = [("requests.received", 63), ("requests.received", 63), ("requests.received", 60, "about")]
    assert contradictions(stated) == [(ALL, "pass", "info")]


def test_posts_are_counted_on_many_occasions() -> None:
    assert contradictions([("posts.website", 20), ("posts.website", 16)]) == [
        ("posts.website", "fail", "info")
    ]


def test_a_text_without_figures_says_nothing() -> None:
    assert contradictions([]) == []


def handled(received: float, handled: float, out: float, carried_in: float | None = None) -> list[tuple]:
    said = [
        ("requests.received", received),
        ("requests.outcome_total", handled),
        ("requests.carried_out", out),
    ]
    return said + ([("requests.carried_in", carried_in)] if carried_in is not None else [])


@pytest.mark.parametrize(
    ("stated", "status"),
    [
        (handled(20, 17, 3), "pass"),
        (handled(20, 22, 3, 5), "pass"),
        (handled(20, 20, 3, 0), "fail"),
        (handled(20, 20, 3), "not_assessable"),
        (handled(20, 20, 0), "pass"),
        # No number carried in makes 20 into 18.
        (handled(20, 15, 3), "fail"),
    ],
)
def test_all_was_handled_and_yet_some_is_carried_out(stated: list[tuple], status: str) -> None:
    expected = {
        "pass": [(ALL, "pass", "info")],
        "fail": [("requests.carried_out", "fail", "warn")],
        "not_assessable": [("requests.carried_out", "not_assessable", "info")],
    }
    assert contradictions(stated) == expected[status]


def test_the_table_s_carried_in_settles_it() -> None:
    assert contradictions(handled(20, 20, 3), {"requests.carried_in.total": 3}) == [(ALL, "pass", "info")]
    (only,) = found(
        narrative_itself_checks,
        One(cells={"requests.carried_in.total": 0}, stated=handled(20, 20, 3)),
        code="narrative.self_contradiction",
    )
    assert (only["status"], only["left_value"], only["right_value"]) == ("fail", 20, 23)
