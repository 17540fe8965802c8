"""The PDF readers on files of other programs: a published report, pages of a word processor and a browser."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import time
import unicodedata
from pathlib import Path

import pytest

from pipeline.form import forms
from pipeline.form.folding import label_key
from pipeline.reading.document import Document, Grid, Paragraph
from pipeline.reading.pdf import read_pdf
from pipeline.reading.pdf_second import read_pdf_again
from tests.pdf_tables import CELLS, Known, grids, known, squeezed

SHARED = Path(__file__).parents[2] / "shared"
REPORT = SHARED / "samples" / "hongze_2024.pdf"
TRUTH = SHARED / "truth" / "hongze_2024.json"
FORM = SHARED / "samples" / "blank_form_2021.docx"
needs_report = pytest.mark.skipif(not REPORT.exists(), reason="the sample report is not beside the project")


def _words(text: str) -> str:
    return label_key(text).words


def _rows(document: Document) -> list[tuple[list[str], list[str]]]:
    """(labels, figures) of every row of every grid."""
    found = []
    for grid in grids(document):
        for row in grid.rows():
            texts = [c.text for c in row]
            figures = [t for t in texts if re.fullmatch(r"\d+(\.\d+)?", t)]
            found.append(([_words(t) for t in texts if t and t not in figures], figures))
    return found


@needs_report
@pytest.mark.parametrize("read", [read_pdf, read_pdf_again])
def test_every_figure_of_a_published_report(read) -> None:  # type: ignore[no-untyped-def]
    truth = json.loads(TRUTH.read_text(encoding="utf-8"))["tables"]
    form = forms()["2021"]
    rows = _rows(read(REPORT))
    checked = 0
    for code in ("disclosure", "requests"):
        table = form.table(code)
        for line in table.rows:
            wanted = [truth[code].get(f"{line.code}.{c.code}") for c in table.columns_of(line)]
            if not any(w is not None for w in wanted):
                continue
            figures = [str(w) for w in wanted]
            labels = {_words(line.label)}
            # The report leaves a part of one label out; its neighbours are whole.
            hits = [f for names, f in rows if labels & set(names) and f]
            if line.code == "refused_prohibited_by_law":
                hits = [f for names, f in rows if any(n.startswith(_words(line.label)[:6]) for n in names)]
            assert figures in hits, line.label
            checked += 1
    disputes = [str(v) for v in truth["disputes"].values()]
    assert [f for _, f in rows if len(f) == 15] == [disputes]
    assert checked >= 28


@needs_report
def test_headings_of_a_published_report() -> None:
    titles = [b.text for b in read_pdf(REPORT).blocks if isinstance(b, Paragraph)]
    for section in forms()["2021"].sections:
        assert any(_words(section.label) == _words(title) for title in titles), section.label


@needs_report
def test_reading_is_quick() -> None:
    """Some 15 ms of processor time a page; the bound leaves room for slow machines."""
    read_pdf(REPORT)
    start = time.process_time()
    document = read_pdf(REPORT)
    assert time.process_time() - start < 0.1 * (document.pages or 1)


def _folded(cells: list[Known]) -> list[Known]:
    return [(r, c, rs, cs, unicodedata.normalize("NFKC", text)) for r, c, rs, cs, text in cells]


_STYLES = {
    "collapsed": ("table{border-collapse:collapse} td{border:1px solid #000;padding:4px 8px}", "", ""),
    "separate": ("td{border:1px solid #000;padding:4px 8px}", "", ""),
    "attribute": ("", "border=1 cellspacing=0 cellpadding=4", ""),
    "ground": ("table{background:#000;border-spacing:1px} td{background:#fff;padding:4px 8px}", "", ""),
    "dashed": ("table{border-collapse:collapse} td{border:1px dashed #666;padding:4px 8px}", "", ""),
    "dotted": ("table{border-collapse:collapse} td{border:1px dotted #666;padding:4px 8px}", "", ""),
    "double": ("table{border-collapse:collapse} td{border:3px double #000;padding:4px 8px}", "", ""),
    "tight": ("table{border-collapse:collapse} td{border:1px solid #000;padding:0}", "", "background:#fff"),
    "inner": (
        "table{border-collapse:collapse;border-style:hidden} td{border:1px solid #000;padding:4px 8px}",
        "",
        "",
    ),
    "tinted": (
        "table{border-collapse:collapse} td{background:#def;padding:4px;border:2px solid #fff}",
        "",
        "",
    ),
}


def _html(style: str) -> str:
    """The known table as a page, one way of drawing borders after the other."""
    css, attributes, td = _STYLES[style]
    rows: dict[int, list[str]] = {}
    for row, _, high, wide, text in CELLS:
        cell = f'<td rowspan={high} colspan={wide} style="{td}">{text.replace(chr(10), "<br>")}</td>'
        rows.setdefault(row, []).append(cell)
    body = "".join(f"<tr>{''.join(rows[r])}</tr>" for r in sorted(rows))
    return (
        f"<html><head><meta charset=utf-8><style>{css} .p{{page-break-before:always}}</style></head>"
        f"<body><p>前面的一段文字</p><table {attributes}>{body}</table><p>后面的一段文字</p></body></html>"
    )


_CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
_OFFICE = shutil.which("soffice") or shutil.which("libreoffice")


@pytest.mark.slow
@pytest.mark.skipif(_CHROMIUM is None, reason="needs Chromium: install the chromium package")
@pytest.mark.parametrize("style", _STYLES)
def test_tables_that_a_browser_prints(style: str, tmp_path: Path) -> None:
    page, path = tmp_path / "page.html", tmp_path / "page.pdf"
    page.write_text(_html(style), encoding="utf-8")
    flags = [
        "--headless",
        "--no-sandbox",
        "--disable-gpu",
        "--no-first-run",
        "--disable-background-networking",
    ]
    flags += ["--disable-component-update", "--disable-sync", f"--user-data-dir={tmp_path / 'profile'}"]
    command = [str(_CHROMIUM), *flags, f"--print-to-pdf={path}", str(page)]
    subprocess.run(command, check=True, capture_output=True, timeout=120)
    found = grids(read_pdf(path))
    assert len(found) == 1
    assert _folded(squeezed(known(found[0]))) == _folded(squeezed(CELLS))


@pytest.mark.slow
@pytest.mark.skipif(_OFFICE is None, reason="needs LibreOffice: install libreoffice-writer")
@pytest.mark.skipif(not FORM.exists(), reason="the blank form is not beside the project")
def test_the_blank_form_from_a_word_processor(tmp_path: Path) -> None:
    profile = f"-env:UserInstallation={(tmp_path / 'profile').as_uri()}"
    command = [
        str(_OFFICE),
        "--headless",
        profile,
        "--convert-to",
        "pdf",
        "--outdir",
        str(tmp_path),
        str(FORM),
    ]
    subprocess.run(command, check=True, capture_output=True, timeout=180)
    document = read_pdf(tmp_path / f"{FORM.stem}.pdf")
    found = grids(document)
    table = forms()["2021"].table("requests")
    labels = {_words(c.text) for g in found for c in g.cells}
    for line in (*table.rows, *table.columns):
        assert _words(line.label) in labels, line.label
    widest = max(found, key=lambda g: g.row_count)
    assert widest.column_count == 10
    # The last row goes over the page break, and nothing stands between the two pieces.
    at = document.blocks.index(widest)
    assert isinstance(document.blocks[at + 1], Grid)
    assert not any(c.text for g in found for c in g.cells if re.fullmatch(r"\d+", c.text))
