"""Values that a body of some kind and level can have; aggregates against their parts."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from pipeline.checks.plausibility import ALL, plausibility_checks
from pipeline.checks.rollup import rollup_checks
from pipeline.checks.rules import rules
from tests.check_tables import Cells, One, found, row
from tests.render.figures import VERSIONS, Size, following, make_figures

TRUTH = Path(__file__).parents[2] / "shared" / "truth"
TOWN = {"kind": "township", "level": "township"}
FEES = "disclosure.administrative_fees.amount_10k_yuan"


def judged(code: str, *reports: One) -> list[tuple[str, str, str]]:
    rows = found(plausibility_checks, *reports, of=reports[-1], code=code)
    return [(r["scope"], r["status"], r["severity"]) for r in rows]


def regulations(**columns: float | None) -> Cells:
    return row("disclosure", "regulations", **columns)


@pytest.mark.parametrize(
    ("kind", "level"),
    [
        ("township", "township"),
        ("street", "township"),
        ("office", "county"),
        ("department", "county"),
        ("region", "county"),
        ("office", "prefecture"),
        ("zone", None),
    ],
)
def test_regulations_are_not_made_by_every_body(kind: str, level: str | None) -> None:
    one = One(cells=regulations(issued=2, repealed=0, in_force=6), kind=kind, level=level)
    assert judged("plausibility.regulations", one) == [
        ("disclosure.regulations.in_force", "fail", "warn"),
        ("disclosure.regulations.issued", "fail", "warn"),
    ]
    in_force, _ = found(plausibility_checks, one, code="plausibility.regulations")
    assert (in_force["left_value"], in_force["right_value"], in_force["difference"]) == (6, 0, 6)
    assert in_force["message"].startswith("《二、主动公开政府信息情况》规章 · 现行有效件数 = 6, above 0. ")


@pytest.mark.parametrize(
    ("kind", "level"), [("region", "province"), ("region", "prefecture"), ("department", "national")]
)
def test_governments_of_cities_and_the_state_council_s_departments_make_them(kind: str, level: str) -> None:
    one = One(cells=regulations(issued=2, in_force=6), kind=kind, level=level)
    assert judged("plausibility.regulations", one) == []
    assert judged("plausibility.department_regulations", one) == []


def test_a_city_s_department_with_regulations_is_of_interest() -> None:
    one = One(cells=regulations(issued=1), kind="department", level="prefecture")
    assert judged("plausibility.department_regulations", one) == [
        ("disclosure.regulations.issued", "fail", "info")
    ]
    none = One(cells=regulations(issued=0), kind="department", level="prefecture")
    assert judged("plausibility.department_regulations", none) == [(ALL, "pass", "info")]


@pytest.mark.parametrize(
    ("cells", "who", "status"),
    [
        (regulations(issued=0, in_force=0), TOWN, "pass"),
        (regulations(issued=None), TOWN, "not_assessable"),
        ({}, TOWN, "not_assessable"),
        (regulations(issued=3), {"kind": None, "level": None}, "not_assessable"),
        # The older form asks what is disclosed, which may be another body's.
        (regulations(newly_made=0, newly_disclosed=3, total_disclosed=9), TOWN, "pass"),
    ],
)
def test_no_regulations_pass_and_unknown_ones_are_not_assessed(
    cells: Cells, who: dict[str, str | None], status: str
) -> None:
    assert judged("plausibility.regulations", One(cells=cells, **who)) == [(ALL, status, "info")]  # type: ignore[arg-type]


def disputes(count: float, received: float | None, carried_in: float | None = 0) -> One:
    return One(
        cells=row("disputes", "reconsideration", total=count)
        | row("requests", "received", total=received)
        | row("requests", "carried_in", total=carried_in)
    )


@pytest.mark.parametrize(
    ("one", "many", "more"),
    [
        (disputes(147, 23), (ALL, "pass", "info"), ("disputes.total", "fail", "info")),
        (disputes(400, 23), ("disputes.total", "fail", "warn"), (ALL, "pass", "info")),
        (disputes(25, 0), ("disputes.total", "fail", "warn"), (ALL, "pass", "info")),
        (disputes(8, 0), (ALL, "pass", "info"), (ALL, "pass", "info")),
        (disputes(400, None), (ALL, "not_assessable", "info"), (ALL, "not_assessable", "info")),
    ],
)
def test_disputes_are_about_applications(
    one: One, many: tuple[str, str, str], more: tuple[str, str, str]
) -> None:
    assert judged("plausibility.disputes_many", one) == [many]
    assert judged("plausibility.disputes_more", one) == [more]


@pytest.mark.parametrize(
    ("code", "cell", "before", "now", "status"),
    [
        ("plausibility.jump", "requests.received.total", 20, 2300, "fail"),
        ("plausibility.jump", "requests.received.total", 2300, 20, "fail"),
        ("plausibility.jump", "requests.received.total", 1, 900, "pass"),
        ("plausibility.jump", "requests.received.total", 0, 2300, "pass"),
        ("plausibility.jump", "requests.received.total", None, 2300, "not_assessable"),
        ("plausibility.decisions_jump", "disclosure.administrative_licensing.decisions", 51, 51578, "fail"),
        ("plausibility.decisions_jump", "disclosure.administrative_licensing.decisions", 5100, 51578, "pass"),
        (
            "plausibility.decisions_jump",
            "disclosure.administrative_licensing.decisions",
            5,
            None,
            "not_assessable",
        ),
        ("plausibility.fees_jump", FEES, 1.1988, 11988, "fail"),
        ("plausibility.fees_jump", FEES, 30, 3848, "pass"),
        ("plausibility.fees_jump", FEES, 30, None, "not_assessable"),
    ],
)
def test_figures_do_not_jump_by_orders_of_magnitude(
    code: str, cell: str, before: float | None, now: float | None, status: str
) -> None:
    reports = One(year=2022, cells={cell: before}), One(year=2023, cells={cell: now})
    ((scope, is_, severity),) = judged(code, *reports)
    assert (scope, is_, severity) == ((cell, "fail", "warn") if status == "fail" else (ALL, status, "info"))
    # Alone, a report has no earlier figure.
    assert judged(code, reports[1]) == [(ALL, "not_assessable", "info")]


@pytest.mark.parametrize(
    ("who", "amount", "status"),
    [
        (TOWN, 11988, "fail"),
        (TOWN, 270, "pass"),
        (TOWN, None, "not_assessable"),
        ({"kind": "department", "level": "county"}, 1_012_922, "fail"),
        ({"kind": "department", "level": "county"}, 1012.922, "pass"),
        ({"kind": "region", "level": "county"}, 75_450_000, "fail"),
        ({"kind": "region", "level": "county"}, 7545, "pass"),
    ],
)
def test_fees_in_yuan_stand_out_in_a_column_of_ten_thousands(
    who: dict[str, str], amount: float | None, status: str
) -> None:
    one = One(cells={FEES: amount}, **who)  # type: ignore[arg-type]
    expected = (FEES, "fail", "warn") if status == "fail" else (ALL, status, "info")
    assert judged("plausibility.fees_in_yuan", one) == [expected]
    if status == "fail":
        (only,) = found(plausibility_checks, one, code="plausibility.fees_in_yuan")
        assert "looks like yuan" in only["message"] and "（单位：万元）" in only["message"]


@pytest.mark.parametrize(
    ("code", "cell", "value", "status"),
    [
        ("plausibility.large_for_kind", "requests.received.total", 44000, "fail"),
        ("plausibility.large_for_kind", "disclosure.normative_documents.in_force", 2024, "fail"),
        ("plausibility.large_for_kind", "requests.received.total", 1400, "pass"),
        ("plausibility.large_for_kind", "requests.received.total", None, "not_assessable"),
        ("plausibility.above_country", "requests.received.total", 2_300_000, "fail"),
        ("plausibility.above_country", "disputes.reconsideration.total", 230_000, "fail"),
        ("plausibility.above_country", "disclosure.administrative_penalties.decisions", 6e8, "fail"),
        ("plausibility.above_country", "disclosure.administrative_penalties.decisions", 51578, "pass"),
        (
            "plausibility.above_country",
            "disclosure.administrative_penalties.decisions",
            None,
            "not_assessable",
        ),
        ("plausibility.negative", "requests.received.total", -3, "fail"),
        ("plausibility.negative", "disclosure.administrative_licensing.items_change", -1942, "pass"),
        ("plausibility.negative", FEES, -0.5, "fail"),
        ("plausibility.negative", "requests.received.total", None, "not_assessable"),
        ("plausibility.not_whole", "disclosure.administrative_licensing.decisions", 2.5, "fail"),
        ("plausibility.not_whole", FEES, 18.871, "pass"),
        ("plausibility.not_whole", FEES, None, "not_assessable"),
    ],
)
def test_limits(code: str, cell: str, value: float | None, status: str) -> None:
    expected = (cell, "fail", "warn") if status == "fail" else (ALL, status, "info")
    assert judged(code, One(cells={cell: value}, **TOWN)) == [expected]  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("items", "change", "decisions", "status"),
    [
        (8249, -1942, 6307, "fail"),
        (61, 36, 97, "fail"),
        (61, 2, 97, "pass"),
        (97, 0, 97, "pass"),
        (3, 1, 4, "pass"),
        (61, None, 97, "not_assessable"),
    ],
)
def test_a_change_in_decisions_is_no_change_in_items(
    items: float, change: float | None, decisions: float, status: str
) -> None:
    cells = row(
        "disclosure",
        "administrative_licensing",
        items_previous_year=items,
        items_change=change,
        decisions=decisions,
    )
    cell = "disclosure.administrative_licensing.decisions"
    expected = (cell, "fail", "warn") if status == "fail" else (ALL, status, "info")
    assert judged("plausibility.change_in_decisions", One(cells=cells, form="2019")) == [expected]


# Clean reports have nothing implausible.


BODIES = [
    ("region", "prefecture"),
    ("region", "county"),
    ("department", "prefecture"),
    ("department", "county"),
    ("office", "county"),
    ("township", "township"),
    ("street", "township"),
]


def generated(seed: int, size: Size, form: str, kind: str, level: str) -> list[One]:
    """Two years of an agency. Only cities get 规章: the generator gives them to anyone."""
    first = make_figures(seed, form, size)
    second = following(first, seed + 1, size)
    makes = (kind, level) == ("region", "prefecture")
    return [
        One(
            agency=f"{kind}-{level}-{size}-{form}-{seed}",
            year=year,
            form=form,
            kind=kind,
            level=level,
            cells={
                ".".join(key): 0.0 if key[1] == "regulations" and not makes else float(value)
                for key, value in figures.values.items()
            },
        )
        for year, figures in ((2022, first), (2023, second))
    ]


@pytest.mark.parametrize("size", ["zero", "small", "large"])
def test_clean_reports_are_plausible(size: Size) -> None:
    reports = [
        one
        for seed in range(0, 40, 2)
        for form in VERSIONS
        for kind, level in BODIES
        for one in generated(seed, size, form, kind, level)
    ]
    failing = [r for r in found(plausibility_checks, *reports) if r["status"] == "fail"]
    assert [r["message"] for r in failing if r["severity"] != "info"] == []


def test_the_true_figures_of_real_reports_are_plausible() -> None:
    if not TRUTH.is_dir():
        pytest.skip("the truth of the reference reports is not beside this repository")
    who = {"镇": TOWN, "局": {"kind": "department", "level": "county"}}
    reports = []
    for path in sorted(TRUTH.glob("*.json")):
        truth = json.loads(path.read_text(encoding="utf-8"))
        cells = {
            f"{table}.{cell}": value
            for table, some in truth["tables"].items()
            for cell, value in some.items()
        }
        kind = who.get(truth["agency"][-1], {"kind": "region", "level": "county"})
        reports.append(One(agency=truth["agency"], year=truth["report_year"], cells=cells, **kind))  # type: ignore[arg-type]
    assert len(reports) >= 6
    failing = [r for r in found(plausibility_checks, *reports) if r["status"] == "fail"]
    assert [r["message"] for r in failing if r["severity"] != "info"] == []


def test_every_rule_gives_its_reason() -> None:
    assert all(
        rule.reason.endswith(".") or rule.reason.endswith("(立法法).") for rule in rules().plausibility
    )


# Roll-up


REGION = {"agency": "示例县", "kind": "region", "level": "county", "scope": "aggregate"}


def received(total: float | None) -> Cells:
    return row("requests", "received", total=total)


def part(name: str, total: float | None, **more: object) -> One:
    return One(**{"agency": name, "parent": "示例县", "cells": received(total), **more})  # type: ignore[arg-type]


def rolled(*reports: One, code: str = "rollup.requests") -> list[tuple[str, str, str]]:
    rows = found(rollup_checks, *reports, of=reports[0], code=code)
    return [(r["scope"], r["status"], r["severity"]) for r in rows]


SUM = "known parts · received.total"


def test_an_aggregate_has_at_least_what_its_parts_have() -> None:
    region = One(**REGION, cells=received(10))  # type: ignore[arg-type]
    assert rolled(region, part("甲局", 6), part("乙局", 4)) == [(SUM, "pass", "info")]
    assert rolled(region, part("甲局", 6), part("乙局", 5)) == [(SUM, "fail", "warn")]
    (only,) = found(rollup_checks, region, part("甲局", 6), part("乙局", 5), code="rollup.requests")
    assert (only["left_value"], only["right_value"], only["difference"]) == (10, 11, -1)
    assert "一、本年新收政府信息公开申请数量 · 总计：the report of the whole has 10" in only["message"]
    assert "2 of its parts have together 11" in only["message"]


def test_a_part_above_the_whole_is_named() -> None:
    region = One(**REGION, cells=received(10))  # type: ignore[arg-type]
    assert rolled(region, part("甲局", 16), part("乙局", 4)) == [("甲局", "fail", "warn")]


@pytest.mark.parametrize(
    "reports",
    [
        (One(**REGION, cells=received(10)),),  # type: ignore[arg-type]
        (One(**REGION, cells=received(None)), part("甲局", 16)),  # type: ignore[arg-type]
        (One(**REGION, cells=received(10)), part("甲局", None)),  # type: ignore[arg-type]
        (One(**REGION, cells=received(10)), part("甲局", 16, year=2022)),  # type: ignore[arg-type]
        (One(**REGION, cells=received(10)), part("甲局", 16, parent="另一县")),  # type: ignore[arg-type]
        (One(**REGION, cells=received(10)), part("税务局", 16, kind="tax")),  # type: ignore[arg-type]
        (One(**REGION, cells=received(10)), part("办公室", 16, kind="office", scope="aggregate")),  # type: ignore[arg-type]
    ],
    ids=["alone", "no figure", "part without figure", "other year", "other region", "own line", "its office"],
)
def test_without_a_part_s_figure_nothing_is_known(reports: tuple[One, ...]) -> None:
    assert rolled(*reports) == [(SUM, "not_assessable", "info")]


def test_a_report_of_its_own_body_sums_up_nothing() -> None:
    region = One(**{**REGION, "scope": "unknown"}, cells=received(10))  # type: ignore[arg-type]
    assert rolled(region, part("甲局", 16)) == []


def test_documents_and_decisions_roll_up_too() -> None:
    cell = row("disclosure", "normative_documents", issued=3)
    region = One(**REGION, cells=cell)  # type: ignore[arg-type]
    assert rolled(region, part("甲局", 0, cells=cell), code="rollup.disclosure") == [
        ("known parts · normative_documents.issued", "pass", "info")
    ]
    more = {"disclosure.normative_documents.issued": 4}
    assert rolled(region, part("甲局", 0, cells=more), code="rollup.disclosure") == [("甲局", "fail", "warn")]
    assert rolled(region, code="rollup.disclosure") == [
        ("known parts · normative_documents.issued", "not_assessable", "info")
    ]
