"""The PDF readers on tables whose cells are known: every manner of rules, every trap that was met."""

from __future__ import annotations

from pathlib import Path

import pytest

from pipeline.reading.pdf import read_pdf
from pipeline.reading.pdf_second import read_pdf_again
from tests.pdf_tables import CELLS, STYLES, canvas, grids, known, texts, write


@pytest.mark.parametrize("style", STYLES)
def test_rules_of_every_kind(style: str, tmp_path: Path) -> None:
    path = tmp_path / "table.pdf"
    c = canvas(path)
    write(c, 80, 100, "前面的一段文字")
    STYLES[style](c)
    texts(c)
    write(c, 80, 400, "后面的一段文字")
    c.save()
    document = read_pdf(path)
    assert len(grids(document)) == 1
    assert known(grids(document)[0]) == CELLS
    assert [type(b).__name__ for b in document.blocks] == ["Paragraph", "Grid", "Paragraph"]


@pytest.mark.parametrize("style", ["cell_lines", "cell_rects", "thin_rects", "double_rules", "in_form"])
def test_second_engine_agrees(style: str, tmp_path: Path) -> None:
    path = tmp_path / "table.pdf"
    c = canvas(path)
    STYLES[style](c)
    texts(c)
    c.save()
    again = grids(read_pdf_again(path))[0]
    assert known(again) == CELLS
    assert (grids(read_pdf(path))[0].engine, again.engine) == ("pdfium", "pdfplumber")
