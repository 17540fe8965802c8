"""Two pages on one sheet, and heads that other rows share their words with."""

from __future__ import annotations

import random
from pathlib import Path

import pypdfium2
import pytest
from pypdfium2 import raw

from pipeline.cells.placing import printed_order
from pipeline.form import forms
from pipeline.reading.spread import fold_of
from tests.accuracy import judge
from tests.ocr_accuracy import SCANS, make, short_report
from tests.render import FORMATS, Case, build, make_figures

SHEET = (2000.0, 1400.0)
LEFT = [(100.0, y, 900.0, y + 30) for y in (100.0, 400.0, 800.0)]
RIGHT = [(1100.0, y, 1900.0, y + 30) for y in (100.0, 400.0, 800.0)]


def test_the_fold_lies_between_what_two_pages_print() -> None:
    fold = fold_of([*LEFT, *RIGHT], SHEET)
    assert fold is not None
    assert 900 < fold < 1100


@pytest.mark.parametrize(
    ("boxes", "size"),
    [
        pytest.param([*LEFT, *RIGHT], (1400.0, 2000.0), id="a sheet that is higher than wide"),
        pytest.param([*LEFT, *RIGHT, (500.0, 600.0, 1500.0, 640.0)], SHEET, id="a line over both sides"),
        pytest.param([*LEFT, RIGHT[0]], SHEET, id="one line on the right"),
        pytest.param(LEFT, SHEET, id="nothing on the right"),
        pytest.param([], SHEET, id="an empty sheet"),
    ],
)
def test_no_fold_where_the_sheet_is_one_page(
    boxes: list[tuple[float, float, float, float]], size: tuple[float, float]
) -> None:
    assert fold_of(boxes, size) is None


@pytest.mark.parametrize("form", ["2019", "2021"])
def test_a_row_of_a_heads_words_does_not_change_the_order_of_the_heads(form: str) -> None:
    table = next(t for t in forms()[form].tables if t.code == "requests")
    heads = [line.path[-1] for line in table.columns]
    assert heads.count("其他") == 1
    order = printed_order(
        table.columns, ["其他", "155", "1009", *heads, "一、本年新收政府信息公开申请数量"], table
    )
    assert order == list(table.columns)
    turned = ["其他", "155", heads[0], heads[2], heads[1], *heads[3:]]
    order = printed_order(table.columns, turned, table)
    assert [line.code for line in order[1:3]] == [table.columns[2].code, table.columns[1].code]


@pytest.mark.slow
@pytest.mark.parametrize("form", ["2019", "2021"])
def test_two_pages_on_one_picture_are_read_one_after_the_other(form: str, tmp_path: Path) -> None:
    report = short_report(form, "large", 72400)
    path, truth = make(report, SCANS["two pages side by side"], tmp_path, random.Random(72400))
    result = judge(Case("spread", (), form, "large", 72400), path, truth)
    assert (result.exact, result.silent, result.faults) == (result.cells, [], [])


@pytest.mark.parametrize("kind", ["pdf_lines", "pdf_fills"])
def test_two_pages_on_one_sheet_of_a_pdf(kind: str, tmp_path: Path) -> None:
    report = build("示例市示例局", 2022, make_figures(5, "2021", "large"), 5)
    FORMATS[kind].render(report, tmp_path / "pages.pdf")
    pages = pypdfium2.PdfDocument(tmp_path / "pages.pdf")
    width, height = pages[0].get_size()
    sheets = raw.FPDF_ImportNPagesToOne(pages.raw, 2 * width, height, 2, 1)
    pypdfium2.PdfDocument(sheets).save(tmp_path / "sheets.pdf")
    result = judge(Case(kind, (), "2021", "large", 5), tmp_path / "sheets.pdf", report.truth)
    assert (result.exact, result.silent, result.faults) == (result.cells, [], [])
