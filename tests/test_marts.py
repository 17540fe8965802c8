"""Marts and macros: sums equal the facts', nothing counts twice, what is absent has its reason."""

from __future__ import annotations

from collections import Counter

import duckdb
import pytest

from pipeline.publish.vocabulary import vocabulary
from pipeline.warehouse import statements
from tests import synthetic
from tests.example_answers import Facts

pytestmark = pytest.mark.xdist_group("marts")
FACTS = {
    "requests": ("fact_request", "outcome", "applicant"),
    "disputes": ("fact_dispute", "forum", "result"),
    "disclosure": ("fact_disclosure", "item", "measure"),
}
GROUPS = ("refused", "unavailable", "declined", "other")


@pytest.fixture(scope="module")
def facts() -> Facts:
    return Facts(synthetic.with_marts(synthetic.filled(60)))


@pytest.fixture
def small() -> duckdb.DuckDBPyConnection:
    """Three agencies of one region; tests add their figures, then make the marts."""
    connection = synthetic.bare()
    connection.execute(
        "insert into dim_agency (agency_id, agency_name, kind, level, division_code) values"
        " ('g', '甲区', 'region', 'county', '990101'), ('z', '甲区新区', 'region', 'county', '990101'),"
        " ('a', '甲区教育局', 'department', 'county', '990101')"
    )
    return connection


def report(
    connection: duckdb.DuckDBPyConnection,
    agency: str,
    year: int,
    scope: str,
    form: str = "2021",
    **cells: int | None,
) -> str:
    """A report with some figures of all applicants; None is a blank cell."""
    name = f"{agency}-{year}"
    connection.execute(
        "insert into dim_report (report_id, agency_id, agency_name, report_year, form_version, scope,"
        " document_id, disclosure_table, requests_table, disputes_table)"
        " values (?, ?, ?, ?, ?, ?, ?, 'missing', 'complete', 'missing')",
        [name, agency, agency, year, form, scope, name],
    )
    for outcome, value in cells.items():
        status = "blank" if value is None else "reported"
        connection.execute(
            "insert into fact_request (report_id, outcome, applicant, value, best_value, status) values"
            " (?, ?, 'total', ?, ?, ?)",
            [name, outcome, value, value, status],
        )
    return name


def one(connection: duckdb.DuckDBPyConnection, query: str) -> tuple:
    """The only row of an answer."""
    (row,) = connection.execute(query).fetchall()
    return row


def columns(connection: duckdb.DuckDBPyConnection, table: str) -> list[str]:
    return [name for name, *_ in connection.execute(f"describe {table}").fetchall()]


# Sums.


@pytest.mark.parametrize("panel", ["mart_panel", "mart_panel_printed"])
def test_the_panel_has_the_figures_that_it_names_and_no_others(facts: Facts, panel: str) -> None:
    figures = {m for (m,) in facts.connection.execute("select measure from dim_panel_column").fetchall()}
    beginnings = (
        "requests_",
        "reconsideration_",
        "direct_",
        "litigation_",
        "normative_",
        "regulations_",
        "fees_",
    )
    shown = {name for name in columns(facts.connection, panel) if name.startswith(beginnings)}
    shown |= {name for name in columns(facts.connection, panel) if name.endswith("_decisions")}
    assert shown - {"requests_table", "requests_findings"} == figures


@pytest.mark.parametrize(
    ("panel", "figure"),
    [("mart_panel", "coalesce(corrected_value, best_value)"), ("mart_panel_printed", "value")],
)
def test_sums_of_the_panel_are_those_of_the_facts(facts: Facts, panel: str, figure: str) -> None:
    checked = 0
    for measure, table, row, column in facts.connection.execute(
        "select measure, table_name, row_code, column_code from dim_panel_column"
    ).fetchall():
        if row in GROUPS:
            continue
        fact, rows, cols = FACTS[table]
        asked = f"select sum({figure}), count({figure}) from {fact} where {rows} = ? and {cols} = ?"
        (wanted,) = facts.connection.execute(asked, [row, column]).fetchall()
        found = one(facts.connection, f"select sum({measure}), count({measure}) from {panel}")
        assert found == wanted, measure
        checked += wanted[1] > 0
    assert checked == 60 - len(GROUPS)


def test_groups_in_the_panel_are_the_sums_of_all_their_parts(facts: Facts) -> None:
    unknown = 0
    for name in facts.reports:
        row = one(
            facts.connection,
            "select requests_refused, requests_unavailable, requests_declined, requests_other"
            f" from mart_panel where report_id = '{name}'",
        )
        wanted = tuple(facts.request(name, group) for group in GROUPS)
        assert row == wanted
        unknown += None in wanted
    assert 0 < unknown < len(facts.reports)


def test_each_report_counts_once_in_one_region_and_basis(facts: Facts) -> None:
    placed = sum(facts.agencies[r["agency_id"]]["division_code"] is not None for r in facts.reports.values())
    counted = facts.connection.execute(
        "select measure, sum(reports) from mart_region_year group by measure"
    ).fetchall()
    assert len(counted) == 60
    assert {reports for _, reports in counted} == {placed}


def test_a_region_s_offices_are_summed_without_its_own_report(facts: Facts) -> None:
    sums: Counter[tuple[str, int]] = Counter()
    for r in facts.reports.values():
        code, figure = (
            facts.agencies[r["agency_id"]]["division_code"],
            facts.request(r["report_id"], "received"),
        )
        if code is not None and facts.is_office(r) and figure is not None:
            sums[code, r["report_year"]] += figure
    found = facts.connection.execute(
        "select region_code, report_year, figure from mart_region_year"
        " where basis = 'offices' and measure = 'requests_received' and figure is not null"
    ).fetchall()
    assert {(code, year): figure for code, year, figure in found} == sums


def test_the_total_over_applicants_is_told_from_its_parts(facts: Facts) -> None:
    mixed = facts.connection.execute(
        "select * from mart_request_groups where is_applicant_total <> (applicant = 'total')"
    ).fetchall()
    both, parts = one(
        facts.connection,
        "select count(*), count(*) filter (where not is_applicant_total) from mart_request_groups"
        " where outcome_group = 'received'",
    )
    assert mixed == []
    assert (both - parts) * 6 == parts > 0


# Absent figures.


def test_every_absent_figure_has_its_reason_and_no_other_has_one(facts: Facts) -> None:
    wrong = facts.connection.execute(
        "select * from mart_measures where (figure is null) <> (null_reason is not null)"
    ).fetchall()
    assert wrong == []
    reasons = {
        reason
        for mart in ("mart_measures", "mart_changes", "mart_region_year")
        for (reason,) in facts.connection.execute(f"select distinct null_reason from {mart}").fetchall()
    }
    known = vocabulary().null_reasons
    assert {r.removeprefix("previous_") for r in reasons - {None}} <= set(known)
    assert {"not_on_form_2019", "table_missing", "cell_lost", "part_unknown"} <= reasons


def test_what_the_form_of_2019_does_not_ask_is_null_with_the_reason(facts: Facts) -> None:
    rows = facts.connection.execute(
        "select measure, figure, null_reason from mart_measures"
        " where form_version = '2019' and null_reason = 'not_on_form_2019'"
    ).fetchall()
    assert {figure for _, figure, _ in rows} == {None}
    names = {measure for measure, _, _ in rows}
    assert {"normative_documents_in_force", "fees_10k_yuan", "requests_other_fee_overdue"} <= names
    assert not {"licensing_decisions", "requests_other", "reconsideration_total"} & names
    panel = one(
        facts.connection,
        "select bool_and(contains(null_reasons, 'fees_10k_yuan: not_on_form_2019')), count(fees_10k_yuan)"
        " from mart_panel where form_version = '2019'",
    )
    assert panel == (True, 0)


def test_a_group_with_a_part_that_is_blank_has_no_sum(small: duckdb.DuckDBPyConnection) -> None:
    parts = {"unavailable_not_held": 1, "unavailable_needs_creation": 2}
    report(small, "a", 2022, "own", **parts, unavailable_unclear=3)
    report(small, "a", 2023, "own", **parts, unavailable_unclear=None)
    report(small, "g", 2023, "own", "2019", unavailable=9)
    synthetic.with_marts(small)
    found = small.execute(
        "select report_id, figure, null_reason from mart_measures"
        " where measure = 'requests_unavailable' order by 1"
    ).fetchall()
    assert found == [("a-2022", 6, None), ("a-2023", None, "part_unknown"), ("g-2023", 9, None)]


# Regions, changes, doubts.


def test_regions_whose_reports_disagree_have_no_figure(small: duckdb.DuckDBPyConnection) -> None:
    report(small, "g", 2022, "aggregate", received=5)
    report(small, "z", 2022, "aggregate", received=5)
    report(small, "g", 2023, "aggregate", received=5)
    report(small, "z", 2023, "aggregate", received=6)
    report(small, "a", 2023, "own", received=2)
    synthetic.with_marts(small)
    found = small.execute(
        "select report_year, basis, figure, reports, null_reason from mart_region_year"
        " where measure = 'requests_received' order by 1, 2"
    ).fetchall()
    assert found == [
        (2022, "region_report", 5, 2, None),
        (2023, "offices", 2, 1, None),
        (2023, "region_report", None, 2, "region_reports_disagree"),
    ]


def test_no_change_is_told_where_the_scope_changed(small: duckdb.DuckDBPyConnection) -> None:
    report(small, "g", 2021, "own", received=5)
    report(small, "g", 2022, "aggregate", received=50)
    report(small, "g", 2023, "aggregate", received=60)
    synthetic.with_marts(small)
    found = small.execute(
        "select report_year, change, null_reason from mart_changes"
        " where measure = 'requests_received' order by 1"
    ).fetchall()
    assert found == [(2022, None, "scope_changed"), (2023, 10, None)]


@pytest.mark.parametrize(
    ("code", "scope", "settled", "flagged"),
    [
        ("requests.balance", "total", None, {"received", "granted", "refused_internal_affairs"}),
        ("requests.balance", "total", "confirmed", {"received", "granted", "refused_internal_affairs"}),
        ("requests.balance", "total", "dismissed", set()),
        ("requests.applicant_total", "granted", None, {"granted"}),
        ("plausibility.jump", "requests.received.total", None, {"received"}),
        ("narrative.requests.received", "requests.received", None, {"received"}),
        ("lost_cells.requests", "granted", None, {"granted"}),
        ("narrative.requests.refused", "requests.refused", None, {"refused_internal_affairs"}),
        ("disputes.total", "reconsideration", None, set()),
    ],
)
def test_a_finding_flags_the_figures_that_it_is_about(
    small: duckdb.DuckDBPyConnection, code: str, scope: str, settled: str | None, flagged: set[str]
) -> None:
    name = report(small, "a", 2023, "own", received=5, granted=4, refused_internal_affairs=1)
    small.execute(
        "insert into check_result (report_id, check_code, scope, status, severity, settled)"
        " values (?, ?, ?, 'fail', 'warn', ?)",
        [name, code, scope, settled],
    )
    synthetic.with_marts(small)
    found = small.execute("select row_code from mart_figures where is_flagged").fetchall()
    assert {row for (row,) in found} == flagged
    listed = one(small, "select flagged_figures from mart_panel")[0] or ""
    assert {measure.removeprefix("requests_") for measure in listed.split(", ") if measure} == flagged | (
        {"refused"} if "refused_internal_affairs" in flagged else set()
    )


def test_grades_follow_their_rules(facts: Facts) -> None:
    found = facts.connection.execute(
        "select report_id, grade, reasons, why, why_en from mart_grades"
    ).fetchall()
    assert len(found) == len(facts.reports)
    rules = dict(facts.connection.execute("select reason, grade from dim_grade_reason").fetchall())
    for name, grade, reasons, why, why_en in found:
        assert grade == facts.grade(facts.reports[name]) == max(rules[reason] for reason in reasons)
        assert why and why_en
    assert {grade for _, grade, *_ in found} == set("ABCDE")


# Macros.


def test_macros_are_described_and_run() -> None:
    connection = synthetic.empty()
    for macro in statements("macros"):
        assert {"about", "example", "cautions"} <= set(macro.header), macro.name
        assert macro.name in macro.header["example"]
        assert connection.execute(macro.header["example"]).fetchall() is not None


def test_a_level_and_years_narrow_the_panel(facts: Facts) -> None:
    everything = facts.connection.execute("from requests_panel()").fetchall()
    assert len(everything) == len(facts.reports)
    some = facts.connection.execute(
        "select distinct level, report_year from requests_panel(level := 'county', years := [2022, 2023])"
    ).fetchall()
    assert set(some) == {("county", 2022), ("county", 2023)}


# Full text.


@pytest.mark.parametrize("words", ["新媒体", "解读 新媒体", "培训人员", "训", "新媒体 培训", "　收到 申请 "])
def test_search_finds_every_section_with_all_words(facts: Facts, words: str) -> None:
    found = facts.connection.execute(
        "select report_id, position, snippet, score from search_sections(?)", [words]
    ).fetchall()
    wanted = {
        (row["report_id"], row["position"])
        for row in facts.rows("fact_section")
        if all(word in row["text"] for word in words.split())
    }
    assert {row[:2] for row in found} == wanted
    assert len(found) == len(wanted) > 0
    assert all(any(word in snippet for word in words.split()) for *_, snippet, _ in found)
    scores = [score for *_, score in found]
    assert scores == sorted(scores, reverse=True)
    assert min(scores) > 0


@pytest.mark.parametrize("words", ["", " ", "没有这样的词", "%", "' or 1=1"])
def test_search_without_a_word_that_stands_there_finds_nothing(facts: Facts, words: str) -> None:
    assert facts.connection.execute("from search_sections(?)", [words]).fetchall() == []


def test_search_sees_through_spaces_and_wide_digits(small: duckdb.DuckDBPyConnection) -> None:
    report(small, "a", 2023, "own")
    small.execute(
        "insert into fact_section (report_id, position, section, title, text) values"
        " ('a-2023', 1, 'overview', '', '通过微 信公众号发布信息１２０条，APP 更新')"
    )
    synthetic.with_marts(small)
    for words in ("微信公众号", "信息120条", "信息１２０", "app", "APP更新"):
        assert len(small.execute("from search_sections(?)", [words]).fetchall()) == 1, words


# Details.


@pytest.mark.parametrize(
    ("mart", "fact"),
    [
        ("mart_requests", "fact_request"),
        ("mart_disputes", "fact_dispute"),
        ("mart_disclosure", "fact_disclosure"),
    ],
)
def test_details_are_the_facts_with_what_was_settled(facts: Facts, mart: str, fact: str) -> None:
    wanted = one(
        facts.connection,
        "select count(*), sum(value), sum(best_value), sum(derived_value), sum(corrected_value),"
        f" sum(coalesce(corrected_value, best_value)) from {fact}",
    )
    found = one(
        facts.connection,
        "select count(*), sum(value), sum(best_value), sum(derived_value), sum(corrected_value), sum(figure)"
        f" from {mart}",
    )
    assert found == wanted
    kinds = {
        name: kind
        for name, kind, *_ in facts.connection.execute(f"describe {mart}").fetchall()
        if name in ("figure", "value", "best_value")
    }
    assert set(kinds.values()) == {"DOUBLE" if fact == "fact_disclosure" else "BIGINT"}
