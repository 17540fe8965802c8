"""Every kind of deviation that real reports were seen to have: one case for each, read rightly or flagged.

The cases stand in tests/variations/*.yaml, each with the numbers of the entries of the reference list
that it covers (see the head of the first file). Not here: how many of them are read (accuracy.py).
"""

from __future__ import annotations

import ast
import json
import re
from collections import Counter
from dataclasses import dataclass, field, replace
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Any

import polars as pl
import pytest
import yaml

from pipeline.form.lookups import lookups
from tests.accuracy import facts_of, flagged, judge, places_flagged, tables_of
from tests.render import DEVIATIONS, FORMATS, SIZES, Case, Expected, build, make_figures, render
from tests.render.deviation import apply, mark, reprint
from tests.render.layout import Cell, PrintedTable, plain
from tests.render.report import Block, Report, Text, edit_cells, edit_texts, section_title

FOLDER = Path(__file__).with_name("variations")
REFERENCE = Path(__file__).parents[1] / ".." / "shared" / "reference" / "variations.json"
AGENCY, YEAR, REGION = "示例市云山区统计局", 2022, "示例省示例市云山区"


def _load() -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    for path in sorted(FOLDER.glob("*.yaml")):
        found += yaml.safe_load(path.read_text(encoding="utf-8"))
    return found


ENTRIES = _load()
BY_OTHERS = [entry for entry in ENTRIES if "by" in entry]
REPORTS = [entry for entry in ENTRIES if "by" not in entry and "raw" not in entry]
RAW = [entry for entry in ENTRIES if "raw" in entry]


def _named(entry: dict[str, Any]) -> str:
    return f"{'-'.join(map(str, entry['covers']))} {entry.get('about', '')}".strip()


def _params(entries: list[dict[str, Any]]) -> list[Any]:
    """Cases as parameters, those that are not yet read rightly marked with the reason."""
    return [
        pytest.param(
            entry,
            id=_named(entry),
            marks=[pytest.mark.xfail(reason=entry["xfail"], strict=True)] if "xfail" in entry else [],
        )
        for entry in entries
    ]


# Coverage.


def test_every_entry_of_the_reference_is_covered() -> None:
    if not REFERENCE.exists():
        pytest.skip("needs ../shared/reference/variations.json beside the project")
    known = json.loads(REFERENCE.read_text(encoding="utf-8"))
    covered = Counter(index for entry in ENTRIES for index in entry["covers"])
    assert set(covered) == set(range(len(known))), "entries without a case, or cases of no entry"


@cache
def _tests_of(path: str) -> frozenset[str]:
    tree = ast.parse((Path(__file__).parents[1] / path).read_text(encoding="utf-8"))
    return frozenset(node.name for node in tree.body if isinstance(node, ast.FunctionDef))


@cache
def _openings() -> dict[str, dict[str, Any]]:
    cases = yaml.safe_load(Path(__file__).with_name("heading_cases.yaml").read_text(encoding="utf-8"))
    return {case["about"]: case for case in cases}


@pytest.mark.parametrize("entry", _params(BY_OTHERS))
def test_what_covers_an_entry_exists(entry: dict[str, Any]) -> None:
    for kind, names in entry["by"].items():
        for name in names if isinstance(names, list) else [names]:
            if kind == "deviation":
                assert name in DEVIATIONS
            elif kind == "opening":
                assert name in _openings()
            else:
                assert kind == "test"
                path, _, function = name.partition("::")
                assert function.startswith("test_") and function in _tests_of(path), name


def _pointed() -> list[Case]:
    """Each deviation that stands for an entry, in three kinds of files of different families."""
    names = dict.fromkeys(
        name
        for entry in BY_OTHERS
        for name in (
            [entry["by"].get("deviation", [])]
            if isinstance(entry["by"].get("deviation", []), str)
            else entry["by"].get("deviation", [])
        )
    )
    found = []
    for at, name in enumerate(names):
        kind = DEVIATIONS[name]
        for family in ("text", "html", "word", "pdf"):
            formats = [f for f in FORMATS.values() if f.family == family and not f.needs]
            formats = formats[at % len(formats) :] + formats[: at % len(formats)]
            fitting = [
                (f.name, form, size)
                for f in formats
                for form in kind.forms
                for size in SIZES[1:] + SIZES[:1]
                if kind.fits(f.name, form, size)
            ]
            if fitting:
                format, form, size = fitting[0]
                found.append(Case(format, (name,), form, size, 4100 + at))
    return found


@pytest.mark.parametrize("case", _pointed(), ids=lambda case: case.name)
def test_the_deviation_is_read(case: Case, tmp_path: Path) -> None:
    path, expected = case.render(tmp_path)
    result = judge(case, path, expected)
    assert not result.silent
    assert not result.missed
    assert not result.wrong_states


# Reports rendered with the peculiarity.


@dataclass(frozen=True)
class Built:
    """A report to render and what its entry demands."""

    report: Report
    formats: list[str]
    expect: dict[str, Any] = field(default_factory=dict)


def _text(words: str, report: Report) -> str:
    return words.format(agency=report.agency, year=report.year, next=report.year + 1, last=report.year - 1)


def _key(name: str) -> tuple[str, str, str]:
    table, row, column = name.split(".")
    return table, row, column


def _with_cells(report: Report, cells: dict[str, Any]) -> Report:
    """Other texts in cells; a pair gives the text and the figure meant, ``null`` where there is none."""
    for name, given in cells.items():
        key = _key(name)
        text, meant = given if isinstance(given, list) else (given, given)
        if meant is None:
            report = mark(
                report, [key], lambda c: replace(c, figure=None, status="illegible", required=False)
            )
        else:
            value = Decimal(str(meant))
            figures = replace(report.figures, values={**report.figures.values, key: value})
            report = mark(replace(report, figures=figures), [key], lambda c, v=value: replace(c, figure=v))  # type: ignore[misc]
        report = reprint(report, {key: str(text)})
    return report


def _with_labels(report: Report, labels: dict[str, dict[str, str]]) -> Report:
    for table, texts in labels.items():

        def change(cell: Cell, texts: dict[str, str] = texts) -> Cell:
            for name, text in texts.items():
                if cell.role in ("row", "column", "corner", "block_title", "columns_title") and name in (
                    cell.code,
                    cell.text,
                ):
                    return replace(cell, text=text)
            return cell

        report = edit_cells(report, change, table)
    return report


def _with_texts(report: Report, entry: dict[str, Any]) -> Report:
    sections = entry.get("sections", {})

    def change(text: Text) -> Text | None:
        if text.kind == "title" and "title" in entry:
            return replace(text, text=_text(entry["title"], report)) if entry["title"] else None
        if text.kind == "preface" and "preface" in entry:
            return replace(text, text=_text(entry["preface"], report)) if entry["preface"] else None
        if text.kind == "section" and text.code in sections:
            words = sections[text.code]
            return replace(text, text=_text(words, report)) if words else None
        return text

    report = edit_texts(report, change)
    if "overview" in entry:
        at = section_title(report, "overview") if sections.get("overview", "") is not None else 1
        end = section_title(report, "disclosure") if sections.get("disclosure", "") is not None else None
        end = (
            end
            if end is not None
            else next(i for i, b in enumerate(report.blocks) if isinstance(b, PrintedTable))
        )
        words = tuple(Text(_text(t, report), "paragraph") for t in entry["overview"])
        report = replace(report, blocks=(*report.blocks[: at + 1], *words, *report.blocks[end:]))
        report = replace(report, truth=replace(report.truth, statements={}))
    for code, texts in entry.get("after", {}).items():
        at = section_title(report, code) + 1
        words = tuple(Text(_text(t, report), "paragraph") for t in texts)
        report = replace(report, blocks=(*report.blocks[:at], *words, *report.blocks[at:]))
    for code, texts in entry.get("before", {}).items():
        at = section_title(report, code)
        words = tuple(Text(_text(t, report), "paragraph") for t in texts)
        report = replace(report, blocks=(*report.blocks[:at], *words, *report.blocks[at:]))
    if "first" in entry:
        words = tuple(Text(_text(t, report), "paragraph") for t in entry["first"])
        report = replace(report, blocks=(*words, *report.blocks))
    if "last" in entry:
        words = tuple(Text(_text(t, report), "paragraph") for t in entry["last"])
        report = replace(report, blocks=(*report.blocks, *words))
    if "page_title" in entry or "title" in entry:
        page = entry.get("page_title", entry.get("title") or "")
        report = replace(report, page_title=_text(page, report).replace("\n", ""))
    return report


def _traditional(report: Report) -> Report:
    """All texts in the traditional characters that stand for the simplified ones of the form."""
    back = {ord(b): a for a, b in lookups().traditional.items() if len(b) == 1}
    blocks: list[Block] = []
    for block in report.blocks:
        if isinstance(block, Text):
            blocks.append(replace(block, text=block.text.translate(back)))
        else:
            blocks.append(
                replace(
                    block,
                    rows=tuple(
                        tuple(replace(c, text=c.text.translate(back)) for c in row) for row in block.rows
                    ),
                )
            )
    return replace(report, blocks=tuple(blocks))


def _build(entry: dict[str, Any]) -> Built:
    seed = 1000 + entry["covers"][0]
    form = str(entry.get("form", "2021"))
    figures = make_figures(seed, form, entry.get("size", "large"))
    agency = entry.get("agency", AGENCY)
    report = build(agency, entry.get("year", YEAR), figures, seed, region=entry.get("region", REGION))
    report = _with_texts(report, entry)
    report = _with_cells(report, entry.get("cells", {}))
    report = apply(report, entry.get("deviations", []), seed)
    report = _with_labels(report, entry.get("labels", {}))
    if entry.get("traditional"):
        report = _traditional(report)
    formats = entry.get("formats", ["html", "txt_tab"])
    return Built(report, formats, entry.get("expect", {}))


def _rows(found: dict[str, pl.DataFrame], table: str) -> dict[str, Any]:
    assert found[table].height == 1, f"{table} has {found[table].height} rows"
    return found[table].row(0, named=True)


def _failing(found: dict[str, pl.DataFrame]) -> set[str]:
    failing = found["check_result"].filter(pl.col("status") == "fail", pl.col("severity") != "info")
    return set(failing["check_code"].to_list())


def _stated(found: dict[str, pl.DataFrame]) -> dict[str, list[tuple[float, str]]]:
    stated: dict[str, list[tuple[float, str]]] = {}
    for measure, value, qualifier in (
        found["fact_narrative"].select("measure", "value", "qualifier").iter_rows()
    ):
        stated.setdefault(measure, []).append((value, qualifier))
    return stated


def _hold(expect: dict[str, Any], found: dict[str, pl.DataFrame]) -> None:
    """What an entry demands beyond exact cells."""
    if "agency" in expect:
        assert _rows(found, "dim_report")["agency_name"] == expect["agency"]
    for name, column in (("year", "report_year"), ("scope", "scope")):
        if name in expect:
            assert _rows(found, "dim_report")[column] == expect[name], name
    if "form" in expect:
        form = expect["form"]
        assert _rows(found, "dim_report")["form_version"] == (str(form) if form else None)
    if "status" in expect:
        assert _rows(found, "dim_document")["status"] in expect["status"]
    for table, states in expect.get("states", {}).items():
        assert _rows(found, "dim_report")[f"{table}_table"] in states
    stated = _stated(found)
    for measure, value in expect.get("stated", {}).items():
        wanted = value if isinstance(value, list) else [value, "exact"]
        assert [float(wanted[0]), wanted[1]] in [list(pair) for pair in stated.get(measure, [])], (
            measure,
            stated,
        )
    for pattern in expect.get("not_stated", []):
        assert not [m for m in stated if re.fullmatch(pattern, m)], (pattern, stated)
    failing = _failing(found)
    for code in expect.get("fails", []):
        assert any(re.fullmatch(code, known) for known in failing), (code, failing)
    for code in expect.get("passes", []):
        assert not any(re.fullmatch(code, known) for known in failing), (code, failing)
    places = places_flagged(found["check_result"])
    facts = facts_of(found)
    for name in expect.get("flagged", []):
        assert flagged(_key(name), places), name
    for name, value in expect.get("facts", {}).items():
        assert facts[_key(name)]["best_value"] == value, name
    if expect.get("no_facts"):
        assert not [key for key, fact in facts.items() if fact["best_value"] is not None]


def _cells_hold(expected: Expected, found: dict[str, pl.DataFrame], format: str, loose: bool) -> None:
    facts, places = facts_of(found), places_flagged(found["check_result"])
    for key, cell in expected.cells.items():
        best = facts[key]["best_value"] if key in facts else None
        if best is None:
            assert loose or not cell.required or cell.figure is None, f"{format}: {key} is missing"
        elif cell.figure is None or abs(Decimal(str(best)) - cell.figure) > Decimal("1e-9"):
            assert flagged(key, places), f"{format}: {key} is {best} for {cell.figure}, in silence"
    for key, fact in facts.items():
        assert key in expected.cells or fact["best_value"] is None or flagged(key, places), key


@pytest.mark.parametrize("entry", _params(REPORTS))
def test_a_report_with_the_peculiarity(entry: dict[str, Any], tmp_path: Path) -> None:
    built = _build(entry)
    for format in built.formats:
        folder = tmp_path / format / entry.get("folder", ".")
        folder.mkdir(parents=True)
        path = folder / f"{entry.get('file', '年报')}{FORMATS[format].suffix}"
        expected = render(built.report, format, path)
        for pattern, words in entry.get("rewrite", {}).items():
            text = path.read_text(encoding="utf-8")
            changed = re.sub(pattern, words, text, flags=re.M)
            assert changed != text, f"nothing to rewrite: {pattern}"
            path.write_text(changed, encoding="utf-8")
        found = tables_of(path)
        _cells_hold(expected, found, format, entry.get("loose", False))
        defaults = {
            "agency": built.report.agency,
            "year": built.report.year,
            "form": expected.form_version,
        }
        if not entry.get("loose"):
            defaults["states"] = expected.states
        _hold({**defaults, **built.expect}, found)


@pytest.mark.parametrize("entry", _params(RAW))
def test_a_file_of_its_own(entry: dict[str, Any], tmp_path: Path) -> None:
    path = tmp_path / entry.get("file", "年报.txt")
    path.write_text(entry["raw"], encoding="utf-8")
    found = tables_of(path)
    _hold(entry["expect"], found)


def test_the_cases_say_something() -> None:
    for entry in ENTRIES:
        assert entry["covers"] or entry.get("about"), entry
        assert (
            "by" in entry
            or "raw" in entry
            or entry.keys() - {"covers", "about", "formats"}
            or entry["formats"]
        )
        if "raw" in entry:
            assert entry["expect"], "a case that asserts nothing"
    assert plain(Decimal("1.50")) == "1.5"
