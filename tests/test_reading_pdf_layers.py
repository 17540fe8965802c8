"""PDF pages whose text is not what they show: a scanner's wrong layer, text as outlines.

The figures of the warehouse must be those that a reader sees, or be flagged.
"""

from __future__ import annotations

import io
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pypdfium2
import pytest
from pypdfium2 import raw
from reportlab.pdfgen.canvas import Canvas

from pipeline.reading.image import ocr_available
from tests.accuracy import facts_of, tables_of
from tests.render import build, make_figures
from tests.render.external import cjk_font
from tests.render.layout import PrintedTable
from tests.render.out_pdf import A4, Style, draw
from tests.render.report import Report

needs_ocr = pytest.mark.skipif(
    not (ocr_available() and cjk_font()),
    reason="needs the extra gongkai[ocr] and a font for Chinese (fonts-noto-cjk)",
)
FINE = 600
"""Dots an inch at which letters are traced: below it thin strokes are lost."""


def report_of(seed: int) -> Report:
    """A page with a title and 表四: the table whose figures are told by one identity a forum."""
    report = build("示例市示例局", 2023, make_figures(seed, "2021", "large"), seed)
    kept = [
        block
        for block in report.blocks
        if block.code == "disputes" or (not isinstance(block, PrintedTable) and block.kind == "title")
    ]
    return replace(report, blocks=tuple(kept))


def pdf_of(report: Report) -> pypdfium2.PdfDocument:
    buffer = io.BytesIO()
    draw(report, buffer, Style())
    return pypdfium2.PdfDocument(buffer.getvalue())


def picture_of(report: Report, dpi: int = 200) -> np.ndarray:
    with pdf_of(report) as pdf:
        page = pdf[0].render(scale=dpi / 72, grayscale=True).to_numpy().squeeze()
        return np.array(page, dtype=np.uint8)


def shown(path: Path, report: Report) -> tuple[dict[str, int], list[str]]:
    """Cells of 表四 by how they came out, and those that are wrong."""
    found = tables_of(path)
    facts = facts_of(found)
    told = {"exact": 0, "open": 0}
    wrong = []
    for key, cell in report.truth.cells.items():
        if key[0] != "disputes":
            continue
        best = facts[key]["best_value"] if key in facts else None
        if best is None:
            told["open"] += 1
        elif best == cell.figure:
            told["exact"] += 1
        else:
            wrong.append(f"{key}: {best} for {cell.figure}")
    assert told["open"] == 0 or found["dim_document"]["status"][0] != "parsed"
    return told, wrong


@needs_ocr
@pytest.mark.slow
@pytest.mark.parametrize("mode", [raw.FPDF_TEXTRENDERMODE_INVISIBLE, raw.FPDF_TEXTRENDERMODE_FILL])
def test_a_scan_is_believed_and_not_the_layer_that_came_with_it(tmp_path: Path, mode: int) -> None:
    """The layer holds another report's figures in the same places, invisible or under the picture."""
    report, other = report_of(11), report_of(12)
    _, data = cv2.imencode(".jpg", picture_of(report), [cv2.IMWRITE_JPEG_QUALITY, 85])
    path = tmp_path / "report.pdf"
    with pdf_of(other) as pdf:
        page = pdf[0]
        for item in list(page.get_objects()):
            if item.type == raw.FPDF_PAGEOBJ_TEXT:
                raw.FPDFTextObj_SetTextRenderMode(item.raw, mode)
            else:
                page.remove_obj(item)
        picture = pypdfium2.PdfImage.new(pdf)
        picture.load_jpeg(io.BytesIO(data.tobytes()), inline=True)
        picture.set_matrix(pypdfium2.PdfMatrix().scale(*A4))
        page.insert_obj(picture)
        page.gen_content()
        pdf.save(path)
    told, wrong = shown(path, report)
    assert wrong == []
    assert told["exact"] == sum(told.values()), told


@needs_ocr
@pytest.mark.slow
def test_text_drawn_as_outlines_is_read_as_it_looks(tmp_path: Path) -> None:
    report = report_of(13)
    path = tmp_path / "report.pdf"
    canvas = Canvas(str(path), pagesize=A4)
    scale = 72 / FINE
    ink = np.asarray(picture_of(report, FINE) < 170).astype(np.uint8)
    outlines, nesting = cv2.findContours(ink, cv2.RETR_CCOMP, cv2.CHAIN_APPROX_SIMPLE)
    for index, (_, _, first, parent) in enumerate(nesting[0]):
        if parent >= 0:
            continue
        glyph = canvas.beginPath()
        inner = first
        for outline in (index, *_chain(nesting[0], inner)):
            points = [(x * scale, A4[1] - y * scale) for x, y in outlines[outline][:, 0].tolist()]
            glyph.moveTo(*points[0])
            for point in points[1:]:
                glyph.lineTo(*point)
            glyph.close()
        canvas.drawPath(glyph, stroke=0, fill=1, fillMode=0)
    canvas.save()
    told, wrong = shown(path, report)
    assert wrong == []
    assert told["exact"] >= 0.9 * sum(told.values()), told


def _chain(nesting: np.ndarray, first: int) -> list[int]:
    found = []
    while first >= 0:
        found.append(int(first))
        first = nesting[first][0]
    return found
