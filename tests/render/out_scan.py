"""Renderers for scans: the pages of a PDF as pictures, a little blurred, turned and noisy.

Here: pictures, for OCR. They need a CJK font on the machine (fonts-noto-cjk), since the PDF embeds none.
"""

from __future__ import annotations

import io
import random
from pathlib import Path

import pypdfium2
from PIL import Image, ImageFilter

from tests.render.out_pdf import Style, draw
from tests.render.report import Report

DPI = 150


def _pages(report: Report, dpi: int = DPI) -> list[Image.Image]:
    buffer = io.BytesIO()
    draw(report, buffer, Style())
    with pypdfium2.PdfDocument(buffer.getvalue()) as pdf:
        pages = [page.render(scale=dpi / 72, grayscale=True).to_pil().convert("L") for page in pdf]
    rng = random.Random(report.seed)
    return [_worn(page, rng, report.traits) for page in pages]


def _worn(page: Image.Image, rng: random.Random, traits: frozenset[str]) -> Image.Image:
    """The page as a copier gives it back; a clean one where the report asks for it."""
    if "clean_scan" in traits:
        return page
    page = page.filter(ImageFilter.GaussianBlur(0.5))
    page = page.rotate(rng.uniform(-0.6, 0.6), fillcolor=255, resample=Image.Resampling.BICUBIC)
    grain = Image.frombytes("L", page.size, rng.randbytes(page.width * page.height))
    return Image.blend(page, grain, 0.06)


def scan_png(report: Report, path: Path) -> None:
    """All pages as one tall picture."""
    pages = _pages(report)
    whole = Image.new("L", (pages[0].width, sum(p.height for p in pages)), 255)
    top = 0
    for page in pages:
        whole.paste(page, (0, top))
        top += page.height
    # Sixteen even greys: small files, and letters as dark as they were.
    whole.point([level // 16 * 17 for level in range(256)]).save(path, "PNG", optimize=True)


def scan_pdf(report: Report, path: Path) -> None:
    """A PDF of pictures, without a text layer."""
    first, *rest = _pages(report)
    first.save(path, "PDF", save_all=True, append_images=rest, resolution=DPI, quality=60)
