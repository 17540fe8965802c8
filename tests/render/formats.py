"""All kinds of files that a report can be rendered as, and what each kind takes from the truth.

Here: the list of formats and ``render``. Not here: the renderers (out_*, external).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from decimal import Decimal
from pathlib import Path
from typing import Literal

from tests.render import external, out_docx, out_html, out_pdf, out_scan, out_text
from tests.render.figures import Key
from tests.render.layout import PrintedTable
from tests.render.report import Report
from tests.render.truth import CellTruth, Expected, with_failing

Family = Literal["text", "html", "word", "pdf", "scan"]


@dataclass(frozen=True)
class Format:
    """A kind of file.

    ``grid``: it keeps merged cells. ``blanks``: a blank cell leaves a trace. ``breaks``: a line
    break inside a cell can be told from a new cell. ``needs`` says what must be installed, empty
    where nothing must.
    """

    name: str
    suffix: str
    family: Family
    render: Callable[[Report, Path], None]
    grid: bool = True
    blanks: bool = True
    breaks: bool = True
    needs: str = ""
    ready: Callable[[], bool] = lambda: True

    @property
    def available(self) -> bool:
        """Whether this machine can make the file."""
        return self.ready()


def _text(name: str, suffix: str, render: Callable[[Report, Path], None], blanks: bool = True) -> Format:
    return Format(name, suffix, "text", render, grid=False, blanks=blanks, breaks=False)


_FONT = "a font for Chinese (fonts-noto-cjk)"
_ALL = (
    Format("docx", ".docx", "word", out_docx.docx_file),
    Format("html", ".html", "html", out_html.html),
    Format("html_page", ".html", "html", out_html.html_page),
    Format("html_word", ".html", "html", out_html.html_word),
    Format("html_nested", ".html", "html", out_html.html_nested),
    Format("html_gb18030", ".html", "html", out_html.html_gb18030),
    Format("pdf_lines", ".pdf", "pdf", out_pdf.pdf_lines),
    Format("pdf_rects", ".pdf", "pdf", out_pdf.pdf_rects),
    Format("pdf_fills", ".pdf", "pdf", out_pdf.pdf_fills),
    Format("pdf_landscape", ".pdf", "pdf", out_pdf.pdf_landscape),
    Format("pdf_rotated", ".pdf", "pdf", out_pdf.pdf_rotated),
    _text("txt_tab", ".txt", out_text.txt_tab),
    replace(_text("txt_word", ".txt", out_text.txt_word), breaks=True),
    _text("txt_lines", ".txt", out_text.txt_lines, blanks=False),
    _text("txt_lines_empty", ".txt", out_text.txt_lines_empty),
    _text("txt_pipe", ".txt", out_text.txt_pipe),
    _text("txt_pipe_lines", ".txt", out_text.txt_pipe_lines),
    _text("txt_pipe_own", ".txt", out_text.txt_pipe_own),
    _text("md_pipe", ".md", out_text.md_pipe),
    _text("md_tab", ".md", out_text.md_tab),
    Format("scan_png", ".png", "scan", out_scan.scan_png, needs=_FONT, ready=external.cjk_font),
    Format("scan_pdf", ".pdf", "scan", out_scan.scan_pdf, needs=_FONT, ready=external.cjk_font),
    Format(
        "pdf_chromium",
        ".pdf",
        "pdf",
        external.pdf_chromium,
        needs=f"chromium and {_FONT}",
        ready=lambda: bool(external.chromium()) and external.cjk_font(),
    ),
    Format(
        "pdf_libreoffice",
        ".pdf",
        "pdf",
        external.pdf_libreoffice,
        needs=f"libreoffice-writer and {_FONT}",
        ready=lambda: bool(external.libreoffice()) and external.cjk_font(),
    ),
    Format(
        "doc_libreoffice",
        ".doc",
        "word",
        external.doc_libreoffice,
        needs="libreoffice-writer",
        ready=lambda: bool(external.libreoffice()),
    ),
)
FORMATS: dict[str, Format] = {format.name: format for format in _ALL}
# Those that need nothing outside the requirements and take milliseconds.
QUICK: tuple[str, ...] = tuple(f.name for f in _ALL if not f.needs)


def render(report: Report, format: str, path: Path) -> Expected:
    """Write the report as this kind of file and say what a reader must find in it.

    Args:
        format: a name in ``FORMATS``.
        path: the file to write; its folder must exist.
    """
    kind = FORMATS[format]
    kind.render(report, path)
    return truth_of(report, kind)


def truth_of(report: Report, kind: Format) -> Expected:
    """The report's truth as far as this kind of file carries it."""
    raw = {c.key: c.text for b in report.blocks if isinstance(b, PrintedTable) for _, c in b.cells() if c.key}
    truth = report.truth.with_cells(
        {key: replace(cell, raw=raw[key]) for key, cell in report.truth.cells.items() if key in raw}
    )
    truth = _with_narrative(truth)
    pictures = [b.code for b in report.blocks if isinstance(b, PrintedTable) and b.picture]
    for code in pictures:
        truth = truth.open(code)
        if kind.family == "text":
            gone = {k: replace(c, status="lost", raw="") for k, c in truth.cells.items() if k[0] == code}
            truth = truth.with_cells(gone).state(code, "missing")
        else:
            truth = truth.state(code, "image_only", "complete", "partial")
    if not kind.blanks:
        truth = _without_blanks(report, truth)
    if kind.family == "text":
        truth = _lone_blanks(truth)
        if "blank" in truth.states["disputes"]:
            # Empty lines behind a head: an empty line of figures, or the end of the table.
            truth = truth.state("disputes", *truth.states["disputes"], "header_only")
    if kind.family == "scan":
        truth = replace(truth.open(), statuses=("parsed", "partial", "scanned", *truth.statuses))
        for code, states in truth.states.items():
            truth = truth.state(code, *states, "image_only", "partial", "missing")
    elif pictures or any(s[0] == "missing" for s in truth.states.values()):
        empty = all(s[0] in ("missing", "image_only") for s in truth.states.values())
        truth = replace(
            truth, statuses=("no_tables", "partial", "parsed") if empty else ("partial", "parsed")
        )
    return with_failing(truth)


def _with_narrative(truth: Expected) -> Expected:
    """The same with the checks between text and table that its statements fail."""
    warned = set(truth.warned)
    for measure, stated in truth.statements.items():
        table, _, row = measure.partition(".")
        cell = truth.cells.get((table, row, "total"))
        if cell is not None and cell.printed and cell.figure != stated:
            warned.add(f"narrative.{measure}")
    return replace(truth, warned=frozenset(warned))


def _rows(truth: Expected) -> dict[tuple[str, str], dict[str, CellTruth]]:
    rows: dict[tuple[str, str], dict[str, CellTruth]] = {}
    for (table, row, column), cell in truth.cells.items():
        rows.setdefault((table, row), {})[column] = cell
    return rows


def _is_blank(cell: CellTruth) -> bool:
    return cell.status == "blank"


def _without_blanks(report: Report, truth: Expected) -> Expected:
    """A blank leaves nothing behind: in a row with both, no one can see which cell a figure is in."""
    changes: dict[Key, CellTruth] = {}
    lines: dict[str, list[tuple[str, str, str]]] = {}
    for table in {key[0] for key in truth.cells}:
        printed = [c for b in report.blocks if isinstance(b, PrintedTable) for _, c in b.cells()]
        for cell in printed:
            if cell.key and cell.key[0] == table:
                # 表四 is one printed line, whatever its rows in the warehouse.
                line = table if table == "disputes" else f"{table}.{cell.key[1]}"
                lines.setdefault(line, []).append(cell.key)
    for keys in lines.values():
        cells = {key: truth.cells[key] for key in keys if key in truth.cells}
        blank = [key for key, cell in cells.items() if _is_blank(cell)]
        if blank and len(blank) < len(cells):
            for key, known in cells.items():
                changes[key] = replace(known, required=False)
                truth = truth.flag((key[0], key[1], None))
    return truth.with_cells(changes)


def _lone_blanks(truth: Expected) -> Expected:
    """In text, a row with blanks beside figures may be read with care or not at all, never shifted."""
    changes: dict[Key, CellTruth] = {}
    for (table, row), cells in _rows(truth).items():
        if any(map(_is_blank, cells.values())):
            changes |= {(table, row, column): replace(c, required=False) for column, c in cells.items()}
    return truth.with_cells(changes)


def value_of(cell: CellTruth) -> Decimal | None:
    """What fact ``value`` must be: the figure where it is printed in its cell, else NULL."""
    return cell.figure if cell.printed else None
