"""The rules as data: what ships is sound, faults are named, and no rule is without a finding."""

from __future__ import annotations

import re
from pathlib import Path

import polars as pl
import pytest

from pipeline import frames
from pipeline.checks import FAMILIES, RESULT, run_checks
from pipeline.checks.rules import HERE, MEASURE, RulesFault, cells_like, load_rules, rules
from tests.check_tables import One, row, tables
from tests.render.figures import make_figures

SHIPPED = (HERE / "rules.yaml").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("old", "new", "fault"),
    [
        ("severity: warn", "severity: bad", "checks.requests.carry_over.severity"),
        ("tolerance: 0\n", "tolerance: -1\n", "checks.requests.carry_over.tolerance"),
        ("  duplicate.report:", "  duplicate.reports:", "checks: 'duplicate.report' is missing"),
        ("  requests.carry_over:", "  requests.carry_over_:", "checks: 'requests.carry_over' is missing"),
        (
            "disclosure.regulations.issued, disc",
            "disclosure.regulation.issued, disc",
            "is no cell of any form",
        ),
        ("cells: [disputes.*.total]", "cells: [disputes.total]", "is no table.row.column"),
        (
            "    test: jump\n    cells: [requests",
            "    test: ratio\n    cells: [requests",
            "`of` is for the tests",
        ),
        ("    factor: 1000\n", "", "the test jump needs a factor"),
        ("    numbers: [count, amount]\n", "", "give either cells or numbers"),
        ("- code: plausibility.jump", "- code: requests.jump", "must begin with plausibility."),
        ("litigation: [direct_litigation,", "litigation: [direct,", "narrative.together.disputes.litigation"),
        ('whole: "^全"', 'whole: "("', "narrative.whole: not a regular expression"),
        ("    about: {under", "    almost: {under", "narrative.qualifiers"),
        ("\ndocuments:", "\ndocument:", "documents: "),
        ("checks:", "checks: [", "not YAML"),
    ],
)
def test_a_fault_is_named_with_its_place(tmp_path: Path, old: str, new: str, fault: str) -> None:
    assert old in SHIPPED
    path = tmp_path / "rules.yaml"
    path.write_text(SHIPPED.replace(old, new, 1), encoding="utf-8")
    with pytest.raises(RulesFault, match=re.escape(fault)) as raised:
        load_rules(path)
    assert str(raised.value).startswith("rules.yaml: ")


def test_cells_are_named_by_pattern() -> None:
    assert cells_like(["disputes.*.total"]) == (
        ("disputes", "reconsideration", "total"),
        ("disputes", "direct_litigation", "total"),
        ("disputes", "litigation_after_reconsideration", "total"),
    )
    with pytest.raises(RulesFault, match="no cell"):
        cells_like(["disputes.regulations.total"])


# Reports that break every rule once.


def _faulty() -> list[One]:
    def total(outcome: str, figure: float) -> dict[str, float | None]:
        return row("requests", outcome, total=figure)

    fees = "disclosure.administrative_fees.amount_10k_yuan"
    stock = "disclosure.normative_documents.in_force"
    licences = "disclosure.administrative_licensing.decisions"
    before = One(year=2022, zero=True, cells={stock: 10, licences: 3, fees: 2, **total("received", 15)})
    return [
        before,
        One(
            cells={
                **before.figures(),
                stock: 12,
                licences: 50_000,
                fees: 500_000,
                **total("carried_in", 4),
                **total("received", 2000),
            },
            stated=[
                ("requests.received", 2100),
                ("requests.received", 1),
                ("requests.granted", 9),
                ("requests.refused", 9),
                ("requests.outcome_total", 2),
            ],
            further={"twin.docx": total("received", 7), "copy.docx": total("received", 2000)},
        ),
        One(
            agency="示例镇",
            kind="township",
            level="township",
            parent="示例县",
            cells={
                "disclosure.regulations.issued": 1,
                "disclosure.normative_documents.issued": 5000,
                licences: 0.5,
                **total("received", 600_000),
                **row("disputes", "reconsideration", total=-1),
            },
        ),
        One(
            agency="示例市局",
            level="prefecture",
            cells={"disclosure.regulations.issued": 1, **total("received", 5), **total("carried_in", 0)}
            | row("disputes", "reconsideration", total=30),
        ),
        One(
            agency="示例局",
            form="2019",
            cells={**total("received", 1), **total("carried_in", 0)}
            | row("disputes", "reconsideration", total=30)
            | row(
                "disclosure",
                "administrative_licensing",
                items_previous_year=61,
                items_change=36,
                decisions=97,
            ),
        ),
        One(
            agency="示例县",
            kind="region",
            scope="aggregate",
            cells={
                "disclosure.normative_documents.issued": 1,
                **total("received", 3),
                **total("carried_in", 0),
            },
            stated=[("requests.received@县政府", 3), ("requests.received@各乡镇", 3)],
        ),
    ]


def test_every_code_of_the_rules_has_a_finding() -> None:
    failing = run_checks(tables(*_faulty())).filter(pl.col("status") == "fail")
    codes = set(failing["check_code"])
    produced = {code for code in rules().codes if code in codes}
    if any(code.startswith("narrative.requests.") for code in codes):
        produced.add(MEASURE)
    assert produced == rules().codes
    severities = {
        **{code: check.severity for code, check in rules().checks.items()},
        **{rule.code: rule.severity for rule in rules().plausibility},
    }
    for code, severity in severities.items():
        if code != MEASURE:
            assert set(failing.filter(pl.col("check_code") == code)["severity"]) == {severity}, code
    assert failing["message"].str.len_chars().min() > 10


def test_what_the_checks_find_fits_the_table_check_result() -> None:
    found = run_checks(tables(*_faulty()))
    good, bad = frames.typed("check_result", found)
    assert bad.is_empty() and good.height == found.height
    assert found.filter(pl.col("status") != "fail")["severity"].unique().to_list() == ["info"]


@pytest.mark.parametrize("family", FAMILIES, ids=lambda family: family.__name__)
def test_no_reports_no_findings(family) -> None:  # type: ignore[no-untyped-def]
    found = family({name: frames.empty(name) for name in frames.SCHEMAS})
    assert found.is_empty() and found.schema == pl.Schema(RESULT)


OWN = [
    family for family in FAMILIES if family.__module__.split(".")[-1] not in ("identities", "completeness")
]


@pytest.mark.parametrize("family", OWN, ids=lambda family: family.__name__)
def test_tables_and_columns_may_be_absent(family) -> None:  # type: ignore[no-untyped-def]
    assert family({}).schema == pl.Schema(RESULT)
    made = tables(*_faulty())
    some = {"dim_report": made["dim_report"].select("report_id", "report_year")}
    assert family({**made, **some}).schema == pl.Schema(RESULT)
    assert set(family({**made, **some})["report_id"]) <= set(made["dim_report"]["report_id"])


@pytest.mark.parametrize("size", ["zero", "small", "large", "huge"])
def test_clean_reports_have_no_error(size) -> None:  # type: ignore[no-untyped-def]
    reports = [
        One(
            agency=f"{form}-{seed}",
            form=form,
            cells={
                ".".join(key): float(value) for key, value in make_figures(seed, form, size).values.items()
            },
        )
        for form in ("2019", "2021")
        for seed in range(10)
    ]
    found = run_checks(tables(*reports)).filter(pl.col("status") == "fail")
    assert found.filter(pl.col("severity") == "error").is_empty()


def test_the_order_of_the_rows_does_not_change_what_is_found() -> None:
    made = tables(*_faulty())
    # The order of a text's sentences is what is stated first.
    turned = {name: rows if name == "fact_narrative" else rows.reverse() for name, rows in made.items()}
    assert run_checks(turned).equals(run_checks(made))
