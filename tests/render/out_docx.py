"""Renderer for Word: real merged cells, as the blank form has them.

Here: document.xml through python-docx, written so that the same report gives the same bytes.
"""

from __future__ import annotations

import io
import itertools
import zipfile
from pathlib import Path

import docx
from docx.oxml import OxmlElement
from docx.oxml.ns import qn
from docx.oxml.xmlchemy import BaseOxmlElement
from docx.shared import Cm

from tests.render.layout import Cell, PrintedTable, occupied
from tests.render.out_pdf import column_lefts, table_png
from tests.render.report import Report

# Width of the text on a page in twentieths of a point.
_WIDE = 9000


def _element(tag: str, **attributes: str | int) -> BaseOxmlElement:
    element = OxmlElement(tag)
    for name, value in attributes.items():
        element.set(qn(f"w:{name}"), str(value))
    return element


def _paragraph(text: str) -> BaseOxmlElement:
    paragraph, run, words = _element("w:p"), _element("w:r"), _element("w:t")
    if text:
        words.text = text
        words.set("{http://www.w3.org/XML/1998/namespace}space", "preserve")
        run.append(words)
        paragraph.append(run)
    return paragraph


def _cell(text: str, width: int, span: int, merge: str | None) -> BaseOxmlElement:
    cell, properties = _element("w:tc"), _element("w:tcPr")
    properties.append(_element("w:tcW", w=width, type="dxa"))
    if span > 1:
        properties.append(_element("w:gridSpan", val=span))
    if merge == "restart":
        properties.append(_element("w:vMerge", val="restart"))
    elif merge == "continue":
        properties.append(_element("w:vMerge"))
    cell.append(properties)
    # A label with line breaks is several paragraphs in Word.
    for line in text.split("\n"):
        cell.append(_paragraph(line))
    return cell


def _table(table: PrintedTable, traits: frozenset[str]) -> BaseOxmlElement:
    element, properties = _element("w:tbl"), _element("w:tblPr")
    properties.append(_element("w:tblW", w=0, type="auto"))
    borders = _element("w:tblBorders")
    for edge in ("top", "left", "bottom", "right", "insideH", "insideV"):
        borders.append(_element(f"w:{edge}", val="single", sz=4, space=0, color="000000"))
    properties.append(borders)
    grid = _element("w:tblGrid")
    lefts = [round(left) for left in column_lefts(table, _WIDE)]
    for left, right in itertools.pairwise(lefts):
        grid.append(_element("w:gridCol", w=right - left))
    element.append(properties)
    element.append(grid)
    places = occupied(table)
    for index in range(len(table.rows)):
        row = _element("w:tr")
        if "repeat_header" in traits and index < table.head_rows:
            marks = _element("w:trPr")
            marks.append(_element("w:tblHeader"))
            row.append(marks)
        column = 0
        while column < table.width:
            start, cell = places.get((index, column), (index, Cell(column, "", "extra")))
            merge = None if cell.row_span == 1 else "restart" if start == index else "continue"
            end = cell.column + cell.column_span
            text = cell.text if start == index else ""
            row.append(_cell(text, lefts[end] - lefts[cell.column], cell.column_span, merge))
            column = end
        element.append(row)
    return element


def docx_file(report: Report, path: Path) -> None:
    """A Word file: headings with styles, tables with gridSpan and vMerge."""
    document = docx.Document()
    document.core_properties.title = report.page_title
    document.core_properties.author = report.agency
    body = document.element.body
    for block in report.blocks:
        if isinstance(block, PrintedTable):
            if block.picture:
                document.add_picture(io.BytesIO(table_png(block)), width=Cm(15))
            else:
                body.insert(len(body) - 1, _table(block, report.traits))
                document.add_paragraph()
        elif block.kind == "title":
            for line in block.text.split("\n"):
                document.add_paragraph(line, style="Title")
        else:
            style = "Heading 1" if block.kind == "section" else None
            document.add_paragraph(block.text, style=style)
    buffer = io.BytesIO()
    document.save(buffer)
    _steady(buffer, path)


def _steady(buffer: io.BytesIO, path: Path) -> None:
    """Write the package with fixed times, so that the bytes depend on the report alone."""
    with zipfile.ZipFile(buffer) as source, zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as target:
        for name in sorted(source.namelist()):
            entry = zipfile.ZipInfo(name, (2000, 1, 1, 0, 0, 0))
            entry.compress_type = zipfile.ZIP_DEFLATED
            target.writestr(entry, source.read(name))
