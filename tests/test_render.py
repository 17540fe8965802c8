"""The generator of reports itself: figures that close, files that print them, truth that is whole.

How the pipeline reads these files is tested elsewhere.
"""

from __future__ import annotations

import json
import re
import unicodedata
import zipfile
from decimal import Decimal
from pathlib import Path

import docx
import pypdfium2
import pytest
from PIL import Image

from pipeline.form import forms
from tests.render import (
    DEVIATIONS,
    FORMATS,
    QUICK,
    SIZES,
    Case,
    apply,
    broken,
    build,
    cases,
    make_figures,
    render,
    truth_of,
    value_of,
)
from tests.render.figures import VERSIONS, Size, following
from tests.render.layout import PrintedTable, occupied, plain
from tests.render.make_samples import RAW, samples
from tests.render.report import Report

# Cells that a deviation moves or takes away leave their places empty: that is what it is about.
_WITH_HOLES = {"lost_zero_column", "lost_cell", "packed_left"}


def _all(names: tuple[str, ...]) -> list[Case]:
    """For each deviation a case in every form and size that it fits, in the first format that shows it."""
    found = []
    for name in names:
        for form in VERSIONS:
            for size in SIZES:
                kind = next((f for f in QUICK if DEVIATIONS[name].fits(f, form, size)), None)
                if kind:
                    found.append(Case(kind, (name,), form, size, 7))
    return found


def _text(path: Path) -> str:
    """The raw text of a file, by means that know nothing of tables."""
    if path.suffix == ".pdf":
        with pypdfium2.PdfDocument(path) as pdf:
            text = "\n".join(page.get_textpage().get_text_range() for page in pdf)
    elif path.suffix == ".docx":
        text = zipfile.ZipFile(path).read("word/document.xml").decode("utf-8")
    elif path.suffix == ".html":
        data = path.read_bytes()
        text = data.decode("gb18030" if b'charset="gb2312"' in data else "utf-8")
    else:
        text = path.read_text(encoding="utf-8")
    text = re.sub(r"</?(span|o:p|b|strong)\b[^>]*>", "", text)
    return unicodedata.normalize("NFKC", re.sub(r"<[^>]*>", "\n", text))


def _report(form: str = "2021", size: Size = "large", seed: int = 5) -> Report:
    return build("示例市教育局", 2022, make_figures(seed, form, size), seed)


@pytest.mark.parametrize("form", VERSIONS)
@pytest.mark.parametrize("size", SIZES)
def test_figures_fill_the_form_and_close_every_identity(form: str, size: Size) -> None:
    cells = {(c.table, c.row, c.column): c for t in forms()[form].tables for c in t.cells}
    for seed in range(25):
        figures = make_figures(seed, form, size)
        assert figures.values.keys() == cells.keys()
        assert broken(form, figures.values) == set()
        for key, value in figures.values.items():
            assert value >= 0 or cells[key].number == "signed", key
            assert value == int(value) or cells[key].number == "amount", key
        if size == "zero":
            assert not any(figures.values.values())
        assert figures == make_figures(seed, form, size)


def test_a_wrong_figure_breaks_the_identities_it_stands_in() -> None:
    figures = make_figures(3, "2021", "large")
    key = ("requests", "outcome_total", "natural_person")
    spoilt = {**figures.values, key: figures[key] + 1}
    assert broken("2021", spoilt) == {
        ("requests.balance", "natural_person"),
        ("requests.outcome_total", "natural_person"),
        ("requests.applicant_total", "outcome_total"),
    }


def test_the_next_year_follows_from_the_last() -> None:
    first = make_figures(1, "2021", "large")
    second = following(first, 2, "small")
    assert broken("2021", second.values) == set()
    assert all(value >= 0 for value in second.values.values())
    for column in forms()["2021"].table("requests").columns:
        if not column.is_group:
            assert (
                second["requests", "carried_in", column.code] == first["requests", "carried_out", column.code]
            )
    row = "normative_documents"
    issued, repealed = second["disclosure", row, "issued"], second["disclosure", row, "repealed"]
    assert second["disclosure", row, "in_force"] == first["disclosure", row, "in_force"] + issued - repealed


@pytest.mark.parametrize(("form", "sizes"), [("2019", (17, 161, 15)), ("2021", (10, 175, 15))])
def test_tables_are_laid_out_as_the_blank_form_has_them(form: str, sizes: tuple[int, int, int]) -> None:
    report = _report(form)
    tables = [b for b in report.blocks if isinstance(b, PrintedTable)]
    if form == "2019":
        sizes = (22, sizes[1], sizes[2])
    assert tuple(sum(1 for _, c in t.cells() if c.key) for t in tables) == sizes
    requests = report.table("requests")
    assert (len(requests.rows), requests.width) == ({"2019": 26, "2021": 28}[form], 10)
    assert (len(report.table("disputes").rows), report.table("disputes").width) == (4, 15)
    for table in tables:
        assert len(occupied(table)) == len(table.rows) * table.width


def test_the_layout_is_that_of_the_official_word_file() -> None:
    blank = Path(__file__).parents[2] / "shared" / "samples" / "blank_form_2021.docx"
    if not blank.exists():
        pytest.skip("the official blank form is not beside the project (../shared/samples)")
    report = _report("2021", "zero")
    printed = [b for b in report.blocks if isinstance(b, PrintedTable)]
    for table, official in zip(printed, docx.Document(str(blank)).tables, strict=True):
        found = []
        for row in official._tbl.tr_lst:
            cells = [(c.grid_span, "".join(p.text for p in c.p_lst), c.vMerge) for c in row.tc_lst]
            begun = [(span, _squeeze(text)) for span, text, merge in cells if merge != "continue"]
            found.append([(span, text) for span, text in begun if text])
        ours = [[(c.column_span, c.text) for c in row if c.role != "figure"] for row in table.rows]
        assert ours == found


def _squeeze(text: str) -> str:
    return re.sub(r"\s", "", text)


@pytest.mark.parametrize("format", QUICK)
@pytest.mark.parametrize("form", VERSIONS)
def test_every_figure_stands_in_the_file(format: str, form: str, tmp_path: Path) -> None:
    report = _report(form, "huge")
    path = tmp_path / f"report{FORMATS[format].suffix}"
    truth = render(report, format, path)
    text = _text(path)
    found = re.findall(r"-?\d+(?:\.\d+)?", text)
    for key, cell in truth.cells.items():
        assert cell.raw == plain(report.figures[key])
        assert cell.raw in found, (key, cell.raw)
    assert report.agency in _squeeze(text)
    again = tmp_path / f"again{FORMATS[format].suffix}"
    render(report, format, again)
    assert path.read_bytes() == again.read_bytes()


@pytest.mark.parametrize("format", [name for name in FORMATS if name not in QUICK])
@pytest.mark.slow
def test_formats_made_by_other_programs(format: str, tmp_path: Path) -> None:
    kind = FORMATS[format]
    if not kind.available:
        pytest.skip(f"{format} needs {kind.needs}")
    report = _report("2021", "large")
    path = tmp_path / f"report{kind.suffix}"
    truth = render(report, format, path)
    if kind.family == "pdf":
        found = re.findall(r"\d+(?:\.\d+)?", _text(path))
        assert all(cell.raw in found for cell in truth.cells.values())
    elif kind.suffix == ".png":
        with Image.open(path) as image:
            assert min(image.size) > 1000
            shades = image.convert("L").histogram()
        assert any(shades[:100]) and any(shades[200:]), "neither black nor white on the page"
    elif kind.family == "scan":
        with pypdfium2.PdfDocument(path) as pdf:
            assert len(pdf) >= 2
            assert not pdf[0].get_textpage().get_text_bounded().strip()
    else:
        assert path.read_bytes()[:4] == b"\xd0\xcf\x11\xe0", "not the binary Word format"
    if kind.family == "scan":
        assert not any(cell.required for cell in truth.cells.values())


@pytest.mark.parametrize("case", _all(tuple(DEVIATIONS)), ids=lambda case: case.name)
def test_every_deviation_keeps_its_truth(case: Case) -> None:
    report = case.report()
    truth = truth_of(report, FORMATS[case.format])
    printed = {c.key: c for b in report.blocks if isinstance(b, PrintedTable) for _, c in b.cells() if c.key}
    assert report == case.report(), "the same case must give the same report"
    for key, cell in truth.cells.items():
        assert cell.raw == (printed[key].text if key in printed else ""), key
        assert not cell.required or cell.figure is not None
        if cell.printed:
            assert key in printed, f"{key} counts as printed and is not"
            assert any(char.isdigit() for char in cell.raw), key
        assert value_of(cell) == (cell.figure if cell.printed else None)
    assert printed.keys() <= truth.cells.keys() or truth.mixed
    assert truth.states.keys() == {"disclosure", "requests", "disputes"}
    for table, states in truth.states.items():
        there = any(key[0] == table for key in truth.cells)
        assert there == (states[0] not in ("missing", "header_only")), (table, states)
    for block in report.blocks:
        if isinstance(block, PrintedTable) and not _WITH_HOLES & set(case.deviations):
            places = occupied(block)
            cells = sum(c.row_span * c.column_span for _, c in block.cells())
            assert len(places) == cells, "cells overlap"
            assert max(row for row, _ in places) == len(block.rows) - 1, "a span reaches below the table"
            assert "one" in case.name or len(places) == len(block.rows) * block.width, "a hole in the grid"


@pytest.mark.parametrize("name", [name for name in DEVIATIONS if name.startswith("violation")])
def test_a_violation_breaks_an_identity_and_nothing_else_does(name: str) -> None:
    for case in _all((name,)):
        assert truth_of(case.report(), FORMATS[case.format]).failing
    others = [c for n in DEVIATIONS if not n.startswith("violation") for c in _all((n,))[:2]]
    for case in others:
        assert not truth_of(case.report(), FORMATS[case.format]).failing, case.name


def test_a_lost_zero_column_leaves_one_reading() -> None:
    report = apply(_report("2021", "zero"), ["lost_zero_column"], 1)
    truth = truth_of(report, FORMATS["txt_tab"])
    lost = {key[1] for key, cell in truth.cells.items() if cell.status == "lost"}
    assert len(lost) == 22
    assert truth.flagged == {("requests", row, None) for row in lost}
    short = [row for row in report.table("requests").rows if sum(1 for c in row if c.key) == 6]
    assert len(short) == 22


def test_blanks_that_leave_no_trace_make_their_row_uncertain() -> None:
    report = apply(_report("2021", "small"), ["person_and_total_only"], 1)
    kept, gone = truth_of(report, FORMATS["html"]), truth_of(report, FORMATS["txt_lines"])
    key = ("requests", "received", "natural_person")
    assert kept.cells[key].required
    assert not gone.cells[key].required
    assert ("requests", "received", None) in gone.flagged


def test_text_beside_a_table_that_says_otherwise_is_expected_to_warn() -> None:
    report = apply(_report("2021", "small"), ["narrative_disagrees"], 1)
    truth = truth_of(report, FORMATS["html"])
    assert truth.warned == {"narrative.requests.received"}
    stated = truth.statements["requests.received"]
    assert f"{plain(stated)}件" in "".join(getattr(b, "text", "") for b in report.blocks)
    assert stated != truth.cells["requests", "received", "total"].figure


def test_cases_are_seeded_and_cover_everything() -> None:
    drawn = list(cases(700, seed=3))
    assert drawn == list(cases(700, seed=3))
    assert drawn[:50] != list(cases(50, seed=4))
    assert {name for case in drawn for name in case.deviations} == set(DEVIATIONS)
    assert {case.format for case in drawn} == set(QUICK)
    assert {case.size for case in drawn} == set(SIZES)
    assert {case.form for case in drawn} == set(VERSIONS)
    assert any(len(case.deviations) == 2 for case in drawn)
    assert any(not case.deviations for case in drawn)
    assert len({case.name for case in drawn}) == len(drawn)
    chosen = list(cases(20, seed=1, formats=["docx"], deviations=["footnote", "one_blank"]))
    assert {case.format for case in chosen} == {"docx"}
    assert {name for case in chosen for name in case.deviations} == {"footnote", "one_blank"}


def test_drawn_cases_render(tmp_path: Path) -> None:
    for case in cases(120, seed=9):
        path, truth = case.render(tmp_path)
        assert path.stat().st_size > 500, case.name
        assert truth.states, case.name


def test_the_shipped_samples_are_what_the_script_writes(tmp_path: Path) -> None:
    shipped = {p.relative_to(RAW).as_posix() for p in (RAW / "harbin").rglob("*") if p.is_file()}
    shipped |= {p.relative_to(RAW).as_posix() for p in (RAW / "samples").rglob("*") if p.is_file()}
    known = list(samples())
    assert {sample.path for sample in known} == shipped
    for sample in known:
        path = RAW / sample.path
        assert path.stat().st_size < 300_000, f"{sample.path} is too large to ship"
        if (
            sample.format in QUICK
            and "picture" not in sample.path
            and sample.path != "samples/street_2022.html"
        ):
            again = tmp_path / path.name
            render(sample.report, sample.format, again)
            # The packages and compressed streams may differ with the library's version; the text may not.
            assert _text(again) == _text(path), f"run python -m tests.render.make_samples: {sample.path}"
        assert sample.report.agency.startswith("示例") or sample.path.startswith("harbin/")


@pytest.mark.parametrize("name", ["000", "001", "002", "003", "004"])
def test_the_seeds_figures_are_those_of_the_truth(name: str) -> None:
    path = Path(__file__).parents[2] / "shared" / "truth" / f"seed_{name}.json"
    if not path.exists():
        pytest.skip("the checked figures are not beside the project (../shared/truth)")
    truth = json.loads(path.read_text(encoding="utf-8"))
    (sample,) = (
        s
        for s in samples()
        if s.path.startswith("harbin/")
        and (s.report.agency, s.report.year) == (truth["agency"], truth["report_year"])
    )
    expected = sample.expected
    for table, cells in truth["tables"].items():
        for code, figure in cells.items():
            cell = expected.cells[(table, *code.split("."))]
            assert cell.figure == Decimal(str(figure)), code
            assert cell.required, code
    assert {k: s[0] for k, s in expected.states.items()} == truth["table_status"]
    assert {row for _, row, _ in expected.flagged} == set(truth.get("lost_cell_rows", []))
    for measure, figure in truth.get("narrative", {}).items():
        assert expected.statements[measure] == figure
