"""The answers to sql/examples, computed again from the facts in plain Python, without any mart or macro.

Here: one function for each example, named as its file. Not here: running the examples (test_examples.py).
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable
from functools import cached_property
from statistics import median
from typing import Any

import duckdb

from pipeline.form.model import forms

Row = tuple[Any, ...]
_FORM = forms()["2021"]
_GROUPS = {line.code: line.parts for line in _FORM.table("requests").rows if line.is_group}


class Facts:
    """The facts as dictionaries, and what follows from them."""

    def __init__(self, connection: duckdb.DuckDBPyConnection) -> None:
        self.connection = connection
        self.reports = {row["report_id"]: row for row in self.rows("dim_report")}
        self.agencies = {row["agency_id"]: row for row in self.rows("dim_agency")}
        self.requests = {(r["report_id"], r["outcome"], r["applicant"]): r for r in self.rows("fact_request")}
        self.disputes = {(r["report_id"], r["forum"], r["result"]): r for r in self.rows("fact_dispute")}
        self.disclosure = {(r["report_id"], r["item"], r["measure"]): r for r in self.rows("fact_disclosure")}
        self.failed = [row for row in self.rows("check_result") if row["status"] == "fail"]
        self.by_agency = {(r["agency_id"], r["report_year"]): r for r in self.reports.values()}

    def rows(self, table: str) -> list[dict[str, Any]]:
        """A table as dictionaries."""
        return self.connection.sql(f"select * from {table}").pl().to_dicts()

    def request(self, report: str, outcome: str, applicant: str = "total", printed: bool = False) -> Any:
        """A figure of applications; of a group that is not printed in one row, the sum of all its parts."""

        def figure(code: str) -> Any:
            row = self.requests.get((report, code, applicant))
            if row is None or printed:
                return row and row["value"]
            settled = row["corrected_value"]
            return row["best_value"] if settled is None else settled

        own = figure(outcome)
        if own is not None or outcome not in (*_GROUPS, "other"):
            return own
        parts = [figure(part) for part in _GROUPS[outcome]]
        return None if None in parts else sum(parts)

    def dispute(self, report: str, forum: str, result: str) -> int:
        """A figure of disputes; the invented reports have them all."""
        return int(self.disputes[report, forum, result]["best_value"])

    def decided(self, report: str) -> int:
        """Reconsiderations decided."""
        return sum(self.dispute(report, "reconsideration", r) for r in ("upheld", "corrected", "other"))

    def of_year(self, *years: int) -> list[dict[str, Any]]:
        """The reports of some years."""
        return [report for report in self.reports.values() if report["report_year"] in years]

    def is_office(self, report: dict[str, Any]) -> bool:
        """Whether a report gives one body's own figures."""
        kind = self.agencies[report["agency_id"]]["kind"]
        return report["scope"] == "own" or (report["scope"] == "unknown" and kind == "department")

    @cached_property
    def open(self) -> dict[str, list[dict[str, Any]]]:
        """Failed checks that nobody settled, by report."""
        found: dict[str, list[dict[str, Any]]] = defaultdict(list)
        for row in self.failed:
            if row["settled"] is None:
                found[row["report_id"]].append(row)
        return found

    def counted(self, report: str, severity: str) -> int:
        """How many unsettled findings of a severity a report has."""
        return sum(row["severity"] == severity for row in self.open[report])

    def grade(self, report: dict[str, Any]) -> str:
        """The grade by the rules in words."""
        name = report["report_id"]
        cells = [row for key, row in self.requests.items() if key[0] == name]
        if report["requests_table"] == "missing":
            return "E"
        if any(
            row["report_id"] == name and row["severity"] == "error" and row["settled"] != "dismissed"
            for row in self.failed
        ):
            return "D"
        unknown = any(c["best_value"] is None and c["corrected_value"] is None for c in cells)
        if report["requests_table"] == "partial" or unknown:
            return "C"
        odd = any(c["status"] in ("lost", "realigned") or c["corrected_value"] is not None for c in cells)
        return "B" if odd or self.counted(name, "warn") else "A"


def _ranked(rows: Iterable[Row]) -> list[Row]:
    return sorted(rows, key=lambda row: tuple((value is None, value) for value in row))


def most_refused(facts: Facts) -> list[Row]:
    found = [
        (facts.request(report["report_id"], "refused"), report)
        for report in facts.of_year(2023)
        if facts.request(report["report_id"], "refused") is not None
    ]
    found.sort(key=lambda pair: (-pair[0], pair[1]["agency_id"]))
    rows = []
    for figure, report in found[:20]:
        name = report["report_id"]
        codes = sorted({row["check_code"] for row in facts.open[name]})
        rows.append(
            (
                1 + sum(other > figure for other, _ in found),
                report["agency_name"],
                figure,
                facts.counted(name, "error"),
                facts.counted(name, "warn"),
                "requests.applicant_total" in codes,
                facts.grade(report),
                ", ".join(codes) or None,
            )
        )
    return rows


def grants_by_year(facts: Facts) -> list[Row]:
    rows = []
    for year in (2021, 2022, 2023):
        reports = [r["report_id"] for r in facts.of_year(year) if facts.is_office(r)]
        sums = [
            [facts.request(name, code) for name in reports]
            for code in ("granted", "refused", "unavailable_not_held")
        ]
        known = [[figure for figure in figures if figure is not None] for figures in sums]
        rows.append((year, *(sum(figures) for figures in known), len(known[0]), len(reports)))
    return rows


def grant_rate_by_level(facts: Facts) -> list[Row]:
    rates: dict[str, list[float]] = defaultdict(list)
    for report in facts.of_year(2022, 2023):
        name = report["report_id"]
        if any(
            row["check_code"].split(".")[-1] == "requests" or row["check_code"].startswith("requests.")
            for row in facts.open[name]
        ):
            continue
        figures = [facts.request(name, code) for code in ("granted", "granted_in_part", "outcome_total")]
        if None not in figures and figures[2] >= 10:
            rates[facts.agencies[report["agency_id"]]["level"]].append((figures[0] + figures[1]) / figures[2])
    return [(level, len(found), round(median(found), 6)) for level, found in sorted(rates.items())]


def refusal_grounds(facts: Facts) -> list[Row]:
    reports = [r["report_id"] for r in facts.of_year(2023) if facts.is_office(r)]
    rows = []
    for code in _GROUPS["refused"]:
        known = [f for f in (facts.request(name, code) for name in reports) if f is not None]
        label = facts.connection.execute(
            "select path, label_en from dim_outcome where code = ?", [code]
        ).fetchall()
        rows.append((code, *label[0], sum(known), len(known), len(reports)))
    return sorted(rows, key=lambda row: (-row[3], row[0]))


def enterprises_against_persons(facts: Facts) -> list[Row]:
    who, codes = ("enterprise", "natural_person"), ("granted", "granted_in_part", "outcome_total")
    sums: Counter[tuple[str, str]] = Counter()
    for report in facts.of_year(2023):
        figures = {(w, c): facts.request(report["report_id"], c, w) for w in who for c in codes}
        if facts.is_office(report) and None not in figures.values():
            sums.update(figures)
    rows = []
    for w in who:
        granted = sums[w, "granted"] + sums[w, "granted_in_part"]
        rows.append((w, granted, sums[w, "outcome_total"], round(granted / sums[w, "outcome_total"], 6)))
    return rows


def corrected_reconsiderations(facts: Facts) -> list[Row]:
    found = []
    for report in facts.of_year(2023):
        name = report["report_id"]
        decided, corrected = facts.decided(name), facts.dispute(name, "reconsideration", "corrected")
        if decided >= 5:
            found.append(
                ((-round(corrected / decided, 6), name), (report["agency_name"], decided, corrected))
            )
    return [(*row, -key[0]) for key, row in sorted(found)[:20]]


def litigation_after_reconsideration(facts: Facts) -> list[Row]:
    rows = []
    for year in sorted({r["report_year"] for r in facts.reports.values()}):
        names = [r["report_id"] for r in facts.of_year(year) if facts.is_office(r)]
        lawsuits = sum(facts.dispute(n, "litigation_after_reconsideration", "total") for n in names)
        decided = sum(facts.decided(n) for n in names)
        rows.append((year, lawsuits, decided, round(lawsuits / decided, 6)))
    return rows


def region_and_its_offices(facts: Facts) -> list[Row]:
    offices: dict[tuple[str, int], list[int | None]] = defaultdict(list)
    regions: dict[tuple[str, int], set[int]] = defaultdict(set)
    for report in facts.reports.values():
        code = facts.agencies[report["agency_id"]]["division_code"]
        figure = facts.request(report["report_id"], "received")
        if code is None:
            continue
        if report["scope"] == "aggregate":
            regions[code, report["report_year"]] |= {figure} - {None}
        elif facts.is_office(report):
            offices[code, report["report_year"]].append(figure)
    rows = []
    for place, figures in regions.items():
        if len(figures) == 1 and place in offices:
            known = [f for f in offices[place] if f is not None]
            rows.append((*place, *figures, sum(known) if known else None, len(offices[place]), len(known)))
    return sorted(rows, key=lambda row: row[:2])


def missing_reports(facts: Facts) -> list[Row]:
    last = max(r["report_year"] for r in facts.reports.values())
    first: dict[str, int] = {}
    for agency, year in facts.by_agency:
        first[agency] = min(year, first.get(agency, year))
    rows = []
    for agency, year in ((a, y) for a in first for y in range(first[a], last + 1)):
        report = facts.by_agency.get((agency, year))
        name = facts.agencies[agency]["agency_name"]
        if report is None:
            rows.append((agency, name, year, "no_report"))
        elif report["requests_table"] == "missing":
            rows.append((agency, name, year, "report_without_tables"))
    return _ranked(rows)


def largest_changes(facts: Facts) -> list[Row]:
    rows = []
    for (agency, year), report in facts.by_agency.items():
        before = facts.by_agency.get((agency, year - 1))
        if before is None:
            continue
        now, then = (facts.request(r["report_id"], "unavailable_not_held") for r in (report, before))
        if None not in (now, then) and now > then:
            rows.append((agency, report["agency_name"], year, then, now, now - then, False))
    return sorted(rows, key=lambda row: (-row[5], row[0], row[2]))[:20]


def carried_over(facts: Facts) -> list[Row]:
    rows = []
    for (agency, year), report in facts.by_agency.items():
        before = facts.by_agency.get((agency, year - 1))
        if before is not None:
            out = facts.request(before["report_id"], "carried_out")
            into = facts.request(report["report_id"], "carried_in")
            if None not in (out, into) and out != into:
                rows.append((agency, year, out, into))
    return _ranked(rows)


def documents_in_force(facts: Facts) -> list[Row]:
    rows = []
    for year in sorted({r["report_year"] for r in facts.reports.values()}):
        names = [r["report_id"] for r in facts.of_year(year)]
        known = [
            facts.disclosure[name, "normative_documents", "in_force"]["best_value"]
            for name in names
            if (name, "normative_documents", "in_force") in facts.disclosure
        ]
        why = None if known else "not_on_form_2019"
        rows.append((year, int(sum(known)) if known else None, len(known), len(names), why))
    return rows


def fees(facts: Facts) -> list[Row]:
    found = [
        (-row["best_value"], name)
        for (name, _, measure), row in facts.disclosure.items()
        if measure == "amount_10k_yuan" and row["best_value"] > 0
    ]
    return [
        (facts.reports[name]["agency_name"], facts.reports[name]["report_year"], -figure, False)
        for figure, name in sorted(found)[:20]
    ]


def quality_by_year(facts: Facts) -> list[Row]:
    counts = Counter((r["report_year"], facts.grade(r)) for r in facts.reports.values())
    return sorted((year, grade, count) for (year, grade), count in counts.items())


def broken_sums(facts: Facts) -> list[Row]:
    rows = []
    for name, findings in facts.open.items():
        for row in findings:
            if row["severity"] == "error":
                report = facts.reports[name]
                rows.append((report["agency_id"], report["report_year"], row["check_code"], row["scope"]))
    return [(*row, None, None, None) for row in sorted(rows)]


def printed_against_used(facts: Facts) -> list[Row]:
    rows = []
    for name in facts.reports:
        codes = [
            code
            for code in facts_of_panel()
            if facts.request(name, *code) != facts.request(name, *code, True)
        ]
        for outcome, applicant in codes:
            used, printed = (
                facts.request(name, outcome, applicant),
                facts.request(name, outcome, applicant, True),
            )
            cell = facts.requests.get((name, outcome, applicant))
            origin = None
            if cell is not None and outcome not in (*_GROUPS, "other"):
                origin = "corrected" if cell["corrected_value"] is not None else "derived"
            measure = f"requests_{outcome}" + ("" if applicant == "total" else f"_{applicant}")
            rows.append((name, measure, printed, used, origin))
    return sorted(rows, key=lambda row: row[:2])


def facts_of_panel() -> list[tuple[str, str]]:
    """Outcome and applicant of the panel's figures of applications."""
    table = _FORM.table("requests")
    return [(line.code, "total") for line in table.rows] + [
        ("received", column.code) for column in table.columns if column.code != "total"
    ]


def where_a_figure_stands(facts: Facts) -> list[Row]:
    rows = []
    for (name, outcome, applicant), cell in facts.requests.items():
        if (
            facts.reports[name]["report_year"] == 2023
            and outcome.startswith("refused_")
            and applicant == "total"
        ):
            settled, printed = cell["corrected_value"], cell["value"]
            used = cell["best_value"] if settled is None else settled
            if settled is not None:
                origin = "corrected"
            elif used is None:
                origin = None
            elif printed is None:
                origin = "derived"
            else:
                origin = "realigned" if cell["status"] == "realigned" else "printed"
            rows.append((name, outcome, printed, used, origin, f"{name}.pdf", cell["locator"]))
    return sorted(rows, key=lambda row: row[:2])[:40]


def who_writes_about_new_media(facts: Facts) -> list[Row]:
    """Which sections hold both words; how they are ranked is test_marts.py's matter."""
    found = [
        (row["report_id"], row["position"])
        for row in facts.rows("fact_section")
        if "新媒体" in row["text"] and "解读" in row["text"]
    ]
    return sorted(found)


ANSWERS: dict[str, Callable[[Facts], list[Row]]] = {
    function.__name__: function
    for function in (
        most_refused,
        grants_by_year,
        grant_rate_by_level,
        refusal_grounds,
        enterprises_against_persons,
        corrected_reconsiderations,
        litigation_after_reconsideration,
        region_and_its_offices,
        missing_reports,
        largest_changes,
        carried_over,
        documents_in_force,
        fees,
        quality_by_year,
        broken_sums,
        printed_against_used,
        where_a_figure_stands,
        who_writes_about_new_media,
    )
}
