"""Every check has a case that passes, one that fails and one that cannot be assessed.

The checks are taken from the form files and from rules.yaml, and the cases of identities and of
plausibility are made from what stands there: a rule that is added has its three cases, or fails here.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace

import polars as pl
import pytest

from pipeline.checks.across_years import across_years_checks
from pipeline.checks.completeness import STATES, completeness_checks, reading_checks
from pipeline.checks.documents import document_checks
from pipeline.checks.identities import identity_checks
from pipeline.checks.narrative import narrative_checks, narrative_rollup_checks
from pipeline.checks.narrative_itself import narrative_itself_checks
from pipeline.checks.plausibility import plausibility_checks
from pipeline.checks.rollup import rollup_checks
from pipeline.checks.rules import MEASURE, Plausible, cells_like, known_cells, rules
from pipeline.form.model import Identity, Table, forms, terms
from tests.check_tables import Cells, Family, One, found, row, tables

STATUSES = ("pass", "fail", "not_assessable")
TABLES = [(form.form, table) for form in forms().values() for table in form.tables]


# Identities within a table, from the form files.


def _cell(table: Table, identity: Identity, term: str, scope: str) -> tuple[str, str]:
    """A cell of a term as this form prints it; a group's first part stands for the group."""
    if identity.for_each == "row":
        return scope, term
    printed = {cell.row for cell in table.cells}
    return (term if term in printed else table.row(term).parts[0]), scope


def _scopes(table: Table, identity: Identity) -> list[str]:
    lines = table.columns if identity.for_each == "column" else table.rows
    printed = {cell.column if identity.for_each == "column" else cell.row for cell in table.cells}
    return [
        line.code for line in lines if line.code in printed and line.code in (identity.rows or (line.code,))
    ]


def _three(table: Table, identity: Identity) -> Iterator[tuple[str, str, pl.DataFrame]]:
    """Scope, status and the rows of a report of zeros, in which it passes; one too many on the right,
    it fails; and the cell on the left not filled in beside it, it cannot be assessed."""
    left, right = terms(identity)
    for scope in _scopes(table, identity):
        one, other = (_cell(table, identity, side[0].code, scope) for side in (left, right))
        for status in STATUSES:
            figures: dict[tuple[str, str], float | None] = {(c.row, c.column): 0.0 for c in table.cells}
            figures[other] = 0.0 if status == "pass" else 1.0
            figures[one] = None if status == "not_assessable" else 0.0
            name = f"{identity.code} {scope} {status}"
            cells = [
                (name, *cell, figure, figure, "reported" if figure is not None else "blank")
                for cell, figure in figures.items()
            ]
            columns = [table.row_dimension, table.column_dimension]
            schema = ["report_id", *columns, "value", "best_value", "status"]
            kinds = {"value": pl.Float64, "best_value": pl.Float64}
            yield scope, status, pl.DataFrame(cells, schema=schema, schema_overrides=kinds, orient="row")


IDENTITIES = [
    pytest.param(table, identity, id=f"{form} {identity.code}")
    for form, table in TABLES
    for identity in table.identities
]


@pytest.mark.parametrize(("table", "identity"), IDENTITIES)
def test_an_identity_in_every_row_or_column(table: Table, identity: Identity) -> None:
    cases = list(_three(table, identity))
    rows = identity_checks({table.facts: pl.concat(frame for *_, frame in cases)})
    got = {
        (report, scope): (status, severity, message)
        for report, scope, status, severity, message in rows.filter(pl.col("check_code") == identity.code)
        .select("report_id", "scope", "status", "severity", "message")
        .iter_rows()
    }
    assert cases
    for scope, status, frame in cases:
        is_now, severity, message = got[frame["report_id"][0], scope]
        assert (is_now, severity) == (status, "error" if status == "fail" else "info"), (scope, message)
        assert bool(message) == (status != "pass")


# Identities across years.

ACROSS = {i.code: (table, i) for _, table in TABLES for i in table.across_years}


@pytest.mark.parametrize("code", ACROSS)
def test_an_identity_across_years_in_every_row_or_column(code: str) -> None:
    table, identity = ACROSS[code]
    left, right = terms(identity)
    before = next(term for term in (*left, *right) if term.previous)
    scopes = _scopes(table, identity)
    reports = []
    for scope in scopes:
        now, then = (_cell(table, identity, term.code, scope) for term in (left[0], before))
        for status in STATUSES:
            figure = 1.0 if status == "fail" else 0.0
            last_year = None if status == "not_assessable" else 0.0
            name = f"{scope} {status}"
            reports += [
                One(name, 2022, {f"{table.code}.{then[0]}.{then[1]}": last_year}, zero=True),
                One(name, 2023, {f"{table.code}.{now[0]}.{now[1]}": figure}, zero=True),
            ]
        reports.append(One(f"{scope} alone", 2023, zero=True))
    rows = found(across_years_checks, *reports, code=code)
    got = {(row["report_id"], row["scope"]): row["status"] for row in rows}
    assert scopes
    for scope in scopes:
        assert [got[f"{scope} {status}-2023", scope] for status in STATUSES] == list(STATUSES)
        assert [s for (report, _), s in got.items() if report == f"{scope} alone-2023"] == ["not_assessable"]


# Plausibility, from rules.yaml.


def _body(rule: Plausible) -> dict[str, str | None]:
    """A body that the rule is for."""
    if not rule.agencies:
        return {}
    some = rule.agencies[0]
    kind = some.kinds[0] if some.kinds else "region"
    return {"kind": kind, "level": some.levels[0] if some.levels else "county"}


def _name(cell: tuple[str, str, str]) -> str:
    return ".".join(cell)


@dataclass(frozen=True)
class Three:
    """Reports for each status; the check is asked of the last of each."""

    passing: tuple[One, ...]
    failing: tuple[One, ...]
    open: tuple[One, ...]

    def of(self, status: str) -> tuple[One, ...]:
        return {"pass": self.passing, "fail": self.failing, "not_assessable": self.open}[status]


def _single(rule: Plausible) -> Three:
    if rule.numbers:
        cell = _name(next(c for c, spec in known_cells().items() if spec.number in rule.numbers))
    else:
        cell = _name(cells_like(rule.cells)[0])
    step = {"above": 1.0, "below": -1.0, "not_whole": 0.5}[rule.test]
    body = _body(rule)
    return Three(
        (One(cells={cell: rule.limit}, **body),),  # type: ignore[arg-type]
        (One(cells={cell: rule.limit + step}, **body),),  # type: ignore[arg-type]
        (One(cells={cell: None}, **body),),  # type: ignore[arg-type]
    )


def _jump(rule: Plausible) -> Three:
    assert rule.factor is not None
    cell = _name(cells_like(rule.cells)[0])
    low = max(1.0, rule.at_least / rule.factor)
    now = One(cells={cell: low * rule.factor})
    before = One(year=2022, cells={cell: low})
    return Three((before, replace(now, cells={cell: low * rule.factor - 1})), (before, now), (now,))


def _ratio(rule: Plausible) -> Three:
    assert rule.factor is not None
    (left, *rest), (right, *others) = cells_like(rule.cells), cells_like(rule.of)
    least = float(math.ceil(max(1.0, rule.at_least / rule.factor)))
    cells: dict[str, float | None] = {_name(c): 0.0 for c in (*rest, *others)}
    cells |= {_name(right): least, _name(left): least * rule.factor}
    more = {_name(left): least * rule.factor + 1}
    return Three(
        (One(cells=cells),),
        (One(cells={**cells, **more}),),
        (One(cells={**cells, **more, _name(right): None}),),
    )


def _equals(rule: Plausible) -> Three:
    of_row = rule.rows[0]
    left, right = (
        [_name(c) for c in cells_like(pattern.replace("{row}", of_row) for pattern in patterns)]
        for patterns in (rule.cells, rule.of)
    )
    cells: dict[str, float | None] = dict.fromkeys(left, rule.at_least or 1.0)
    cells[right[0]] = sum(figure or 0.0 for figure in cells.values())
    base = One(form="2019", cells=cells)
    return Three(
        (replace(base, cells={**cells, right[0]: 1.0}),),
        (base,),
        (replace(base, cells={**cells, left[0]: None}),),
    )


def of_last(family: Family, reports: tuple[One, ...], code: str) -> list[dict]:
    """What the checks say by this code of the last of the reports."""
    return found(family, *reports, of=reports[-1], code=code)


MAKERS = {
    "above": _single,
    "below": _single,
    "not_whole": _single,
    "jump": _jump,
    "ratio": _ratio,
    "equals": _equals,
}


@pytest.mark.parametrize(
    "rule", [pytest.param(r, id=f"{n} {r.code}") for n, r in enumerate(rules().plausibility)]
)
def test_a_rule_of_plausibility(rule: Plausible) -> None:
    three = MAKERS[rule.test](rule)
    for status in STATUSES:
        rows = of_last(plausibility_checks, three.of(status), rule.code)
        assert {row["status"] for row in rows} == {status}, rows
        if status == "fail":
            assert {row["severity"] for row in rows} == {rule.severity}
            assert any(rule.reason in row["message"] for row in rows)
        else:
            assert {row["severity"] for row in rows} == {"info"}
    if rule.agencies:
        unknown = (replace(three.failing[-1], kind=None, level=None),)
        rows = of_last(plausibility_checks, unknown, rule.code)
        assert {row["status"] for row in rows} == {"not_assessable"}


# The other checks of rules.yaml.


def total(outcome: str, figure: float | None) -> dict[str, float | None]:
    return row("requests", outcome, total=figure)


def said(*stated: tuple[str, float], cells: Cells) -> tuple[One, ...]:
    return (One(cells=cells, stated=stated),)


def aggregate(figure: float | None, cell: str, part: float = 4) -> tuple[One, ...]:
    below = One("示例局", cells={cell: part}, parent="示例县")
    return below, One("示例县", cells={cell: figure}, kind="region", scope="aggregate")


REGION = One("示例县", kind="region", scope="aggregate", stated=[("requests.received@县政府", 3)])
HANDLED = total("outcome_total", 9)
TWIN = One(cells=total("received", 3))
RECEIVED, ISSUED = "requests.received.total", "disclosure.normative_documents.issued"

CASES = {
    MEASURE: Three(
        said(("requests.received", 3), cells=total("received", 3)),
        said(("requests.received", 4), cells=total("received", 3) | total("carried_in", 0)),
        said(("requests.received", 4), cells=total("received", None)),
    ),
    "narrative.parts": Three(
        said(("requests.outcome_total", 9), ("requests.granted", 4), ("requests.other", 5), cells=HANDLED),
        said(("requests.outcome_total", 9), ("requests.granted", 4), ("requests.other", 6), cells=HANDLED),
        # A list without 其他 may go on.
        said(("requests.outcome_total", 9), ("requests.granted", 4), ("requests.refused", 1), cells=HANDLED),
    ),
    "narrative.self_contradiction": Three(
        said(("requests.received", 3), ("requests.received", 3), cells=total("received", 3)),
        said(("requests.received", 3), ("requests.received", 8), cells=total("received", 3)),
        # What was carried in would explain it, and is not known.
        said(
            ("requests.received", 3),
            ("requests.outcome_total", 3),
            ("requests.carried_out", 1),
            cells=total("received", 3),
        ),
    ),
    "duplicate.report": Three(
        (replace(TWIN, further={"twin.docx": total("received", 4)}),),
        (replace(TWIN, further={"twin.docx": total("received", 3)}),),
        (replace(TWIN, further={"twin.docx": total("received", None)}),),
    ),
    "conflict.documents": Three(
        (replace(TWIN, further={"twin.docx": total("received", 3)}),),
        (replace(TWIN, further={"twin.docx": total("received", 4)}),),
        (replace(TWIN, further={"twin.docx": total("received", None)}),),
    ),
    "rollup.requests": Three(aggregate(4, RECEIVED), aggregate(3, RECEIVED), aggregate(None, RECEIVED)),
    "rollup.disclosure": Three(aggregate(4, ISSUED), aggregate(3, ISSUED), aggregate(None, ISSUED)),
    "rollup.narrative": Three(
        (replace(REGION, cells=total("received", 3) | total("carried_in", 0)),),
        (replace(REGION, cells=total("received", 2) | total("carried_in", 0)),),
        (replace(REGION, cells=total("received", None)),),
    ),
}


MADE_BY: dict[str, Family] = {
    MEASURE: narrative_checks,
    "narrative": narrative_itself_checks,
    "duplicate": document_checks,
    "conflict": document_checks,
    "rollup.narrative": narrative_rollup_checks,
    "rollup": rollup_checks,
}


def test_every_check_of_the_rules_has_its_cases() -> None:
    assert CASES.keys() | ACROSS.keys() == rules().checks.keys()
    assert {rule.test for rule in rules().plausibility} <= MAKERS.keys()


@pytest.mark.parametrize("code", CASES)
def test_a_check_of_the_rules(code: str) -> None:
    produced = "narrative.requests.received" if code == MEASURE else code
    family = MADE_BY.get(code) or MADE_BY[code.split(".")[0]]
    for status in STATUSES:
        rows = of_last(family, CASES[code].of(status), produced)
        assert status in {row["status"] for row in rows}, (status, rows)
        failing = [row for row in rows if row["status"] == "fail"]
        assert bool(failing) == (status == "fail"), rows
        if failing:
            assert {row["severity"] for row in failing} == {rules().checks[code].severity}
            assert all(row["message"] for row in failing)


# Tables, rows and headings.


@pytest.mark.parametrize("table", [t.code for t in list(forms().values())[-1].tables])
def test_a_table_is_there_or_not_or_not_on_the_form(table: str) -> None:
    code = f"completeness.{table}"
    reports = [One(state, states={table: state}) for state in STATES]
    older = One("older", 2016, form="2014", states={table: "missing"})
    rows = found(completeness_checks, *reports, older, code=code)
    got = {row["report_id"]: (row["status"], row["severity"]) for row in rows}
    for state, (status, severity, _) in STATES.items():
        assert got[f"{state}-2023"] == (status, severity)
    assert got["older-2016"] == ("not_assessable", "info")


def noted(code: str, severity: str = "warn") -> dict[str, pl.DataFrame]:
    """Four reports: one with a note of reading by this code, one without, two that cannot be assessed."""
    table = code.split(".")[1]
    made = tables(One("noted"), One("clean"), One("open", None, states={table: "missing"}))
    reports = made["dim_report"].with_columns(
        agency_id=pl.when(pl.col("report_id") != "open-None").then("agency_id")
    )
    note = {"report_id": "noted-2023", "check_code": code, "scope": "received", "status": "fail"}
    row = dict.fromkeys(made["reading_note"].columns) | note | {"severity": severity, "message": "x"}
    return made | {
        "dim_report": reports,
        "reading_note": pl.DataFrame([row], schema=made["reading_note"].schema),
    }


@pytest.mark.parametrize(
    "code",
    [*(f"lost_cells.{t.code}" for t in list(forms().values())[-1].tables), *rules().headings],
)
def test_what_reading_notes_passes_elsewhere(code: str) -> None:
    rows = reading_checks(noted(code)).filter(pl.col("check_code") == code)
    assert dict(rows.select("report_id", "status").iter_rows()) == {
        "noted-2023": "fail",
        "clean-2023": "pass",
        "open-None": "not_assessable",
    }
