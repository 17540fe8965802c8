"""Every cell's locator leads back to its place: followed by other means than the readers'."""

from __future__ import annotations

import re
from pathlib import Path

import pypdfium2 as pdfium
import pytest
from docx import Document as open_docx
from docx.table import Table
from lxml import html

from tests.accuracy import facts_of, tables_of
from tests.render import FORMATS, build, make_figures, render

FIGURES = make_figures(5, "2021", "small")


def _squeezed(text: str) -> str:
    return re.sub(r"\s+", "", text)


def _in_lines(path: Path, place: dict[str, str]) -> str:
    line = path.read_text(encoding="utf-8").splitlines()[int(place["line"]) - 1]
    if "field" in place:
        separator = "\t" if "\t" in line else "|"
        return line.split(separator)[int(place["field"]) - 1]
    return line.strip("\t| ")


def _in_docx(path: Path, place: dict[str, str]) -> str:
    tables = [Table(t, None) for t in open_docx(str(path)).element.body.iter("{*}tbl")]  # type: ignore[arg-type]
    row = tables[int(place["table"]) - 1].rows[int(place["row"]) - 1]
    column = 1
    for cell in row._tr.tc_lst:
        if column == int(place["column"]):
            return "".join(t.text or "" for t in cell.iter("{*}t"))
        column += cell.grid_span
    raise AssertionError(f"no cell at {place}")


def _in_html(path: Path, place: dict[str, str]) -> str:
    table = html.parse(str(path)).getroot().xpath("//table")[int(place["table"]) - 1]
    taken: dict[tuple[int, int], str] = {}
    for at, row in enumerate(table.xpath(".//tr")):
        column = 0
        for cell in row.xpath("./td|./th"):
            while (at, column) in taken:
                column += 1
            for down in range(int(cell.get("rowspan", 1))):
                for right in range(int(cell.get("colspan", 1))):
                    taken[at + down, column + right] = cell.text_content()
    return taken[int(place["row"]) - 1, int(place["column"]) - 1]


def _in_pdf(path: Path, place: dict[str, str]) -> str:
    left, top, right, bottom = map(float, place["box"].split(","))
    with pdfium.PdfDocument(path) as file:
        page = file[int(place["page"]) - 1]
        height = page.get_height()
        return page.get_textpage().get_text_bounded(
            left - 1, height - bottom - 1, right + 1, height - top + 1
        )


@pytest.mark.parametrize(
    ("format", "look"),
    [
        ("txt_tab", _in_lines),
        ("txt_word", _in_lines),
        ("txt_lines", _in_lines),
        ("md_pipe", _in_lines),
        ("docx", _in_docx),
        ("html", _in_html),
        ("html_nested", _in_html),
        ("pdf_lines", _in_pdf),
        ("pdf_fills", _in_pdf),
    ],
)
def test_a_locator_leads_to_the_figure(tmp_path: Path, format: str, look) -> None:  # type: ignore[no-untyped-def]
    path = tmp_path / f"report{FORMATS[format].suffix}"
    render(build("示例市样本局", 2022, FIGURES, 5), format, path)
    facts = facts_of(tables_of(path))
    assert len(facts) == 200
    for key, fact in facts.items():
        place = dict(part.split("=", 1) for part in str(fact["locator"]).split(";"))
        assert _squeezed(look(path, place)) == _squeezed(str(fact["raw_text"])), key
