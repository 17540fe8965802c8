"""Scans and pictures of tables: every figure read rightly, or flagged, over sizes and wear."""

from __future__ import annotations

import io
import random
import re
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import pypdfium2
import pytest
from PIL import Image, ImageFilter

from pipeline.cells.facts import finish
from pipeline.cells.report import TableReading
from pipeline.cells.tables import read_tables
from pipeline.form import forms
from pipeline.reading import image as image_module
from pipeline.reading.document import Cell, Document, Grid, Paragraph, Picture, ReadingError
from pipeline.reading.image import ocr_available, read_image, read_pictures
from tests.render import SIZES, build, make_figures
from tests.render.external import cjk_font
from tests.render.figures import Size
from tests.render.layout import PrintedTable
from tests.render.out_pdf import Style, draw, table_png
from tests.render.report import Report

needs_ocr = pytest.mark.skipif(not ocr_available(), reason="needs the extra gongkai[ocr]")
needs_font = pytest.mark.skipif(not cjk_font(), reason="needs a font for Chinese (fonts-noto-cjk)")
pytestmark = [needs_ocr, needs_font]


# Making scans, and counting what was read in them


@dataclass(frozen=True)
class Wear:
    """What a copier and a scanner did to a page: blur in pixels, degrees, share of noise, JPEG quality."""

    dpi: int = 200
    blur: float = 0.0
    skew: float = 0.0
    noise: float = 0.0
    quality: int = 95


WEAR = {
    "clean": Wear(),
    "worn": Wear(blur=0.8, skew=0.6, noise=0.06, quality=75),
    "coarse": Wear(dpi=150, blur=0.6, skew=1.5, noise=0.06, quality=70),
    "poor": Wear(blur=1.6, skew=2.5, noise=0.15, quality=40),
    "bad": Wear(dpi=110, blur=0.9, skew=0.8, noise=0.12, quality=45),
}


def report_of(size: Size, seed: int, form: str = "2021") -> Report:
    return build("示例市示例局", 2023, make_figures(seed, form, size), seed)


def pages_of(report: Report, wear: Wear) -> list[Image.Image]:
    buffer = io.BytesIO()
    draw(report, buffer, Style())
    with pypdfium2.PdfDocument(buffer.getvalue()) as pdf:
        pages = [page.render(scale=wear.dpi / 72, grayscale=True).to_pil().convert("L") for page in pdf]
    rng = random.Random(report.seed)
    return [worn(page, wear, rng) for page in pages]


def worn(page: Image.Image, wear: Wear, rng: random.Random) -> Image.Image:
    if wear.blur:
        page = page.filter(ImageFilter.GaussianBlur(wear.blur))
    if wear.skew:
        angle = rng.choice((-1, 1)) * rng.uniform(0.5, 1) * wear.skew
        page = page.rotate(angle, fillcolor=255, resample=Image.Resampling.BICUBIC)
    if wear.noise:
        grain = Image.frombytes("L", page.size, rng.randbytes(page.width * page.height))
        page = Image.blend(page, grain, wear.noise)
    buffer = io.BytesIO()
    page.save(buffer, "JPEG", quality=wear.quality)
    return Image.open(io.BytesIO(buffer.getvalue())).convert("L")


def tiff(pages: list[Image.Image], path: Path) -> Path:
    pages[0].save(path, "TIFF", save_all=True, append_images=pages[1:], compression="tiff_lzw")
    return path


@dataclass
class Tally:
    """Cells of reports by how they came out; ``sure_wrong``: wrong with confidence of 0.9 or more."""

    pages: int = 0
    seconds: float = 0.0
    cells: int = 0
    exact: int = 0
    missing: int = 0
    wrong: int = 0
    sure_wrong: int = 0
    read_wrong: int = 0

    @property
    def line(self) -> str:
        share = self.exact / self.cells if self.cells else 0.0
        return (
            f"{self.cells:5} cells, exact {share:7.2%}, NULL {self.missing:4}, wrong {self.wrong}, read wrong "
            f"and sure {self.sure_wrong}, read wrong in doubt {self.read_wrong}, "
            f"{self.seconds / max(self.pages, 1):.1f} s a page"
        )


def count(report: Report, document: Document, tally: Tally) -> list[str]:
    """Add a report's cells to the tally; what is wrong, in words."""
    faults = []
    readings = read_tables(document)
    for code, reading in readings.items():
        truth = {k[1:]: v for k, v in report.truth.cells.items() if k[0] == code}
        done = finish(reading) if reading is not None else TableReading(code, "missing")
        facts = {(f.row, f.column): f for f in done.facts}
        placed = {} if reading is None else {**reading.printed, **reading.moved}
        for key, cell in truth.items():
            tally.cells += 1
            fact = facts.get(key)
            best = None if fact is None else fact.best_value
            figure = None if cell.figure is None else float(cell.figure)
            if best == figure:
                tally.exact += 1
            elif best is None:
                tally.missing += 1
            else:
                tally.wrong += 1
                faults.append(f"{code} {key}: {best} for {figure}, {fact}")
            if key in placed and placed[key].value.number != cell.figure:
                if placed[key].confidence >= 0.9:
                    tally.sure_wrong += 1
                    faults.append(f"{code} {key}: sure of {placed[key]} for {figure}")
                else:
                    tally.read_wrong += 1
    return faults


def read_scan(report: Report, wear: Wear, folder: Path, tally: Tally) -> Document:
    pages = pages_of(report, wear)
    path = tiff(pages, folder / "scan.tif")
    start = time.perf_counter()
    document = read_image(path)
    tally.seconds += time.perf_counter() - start
    tally.pages += len(pages)
    return document
