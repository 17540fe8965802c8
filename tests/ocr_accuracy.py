"""How right scans and pictures are read: exact, missed, wrong and flagged, silent wrong by kind of wear.

``python -m tests.ocr_accuracy --write docs/accuracy.md`` renders reports, wears their pages as scanners,
copiers, fax machines and telephones do, reads each as a build would and compares with the truth.
Here: the wear and the table. Not here: the comparison itself (accuracy) or the pages (render.out_pdf).
"""

from __future__ import annotations

import argparse
import io
import random
import re
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt
import pypdfium2
from PIL import Image, ImageDraw, ImageFont

from pipeline.form import forms
from tests.accuracy import Result, judge
from tests.render import FORMATS, Case, build, indicators, make_figures
from tests.render.figures import SIZES, Size
from tests.render.indicators import indicator_report
from tests.render.layout import PrintedTable
from tests.render.out_pdf import Style, draw
from tests.render.report import Report, Text, edit_table, edit_texts
from tests.render.truth import Expected

Page = npt.NDArray[np.uint8]
"""A page as grey or RGB pixels."""
Effect = Callable[[Page, random.Random], Page]
_FORMS = tuple(forms())
FIGURE_FONTS = ("", "Times-Roman", "Helvetica")


# What happens to a page


def _noise(share: float) -> Effect:
    def effect(page: Page, rng: random.Random) -> Page:
        grain = np.random.default_rng(rng.randrange(1 << 30)).normal(0, 255 * share, page.shape)
        return np.clip(page + grain, 0, 255).astype(np.uint8)

    return effect


def _blur(pixels: float) -> Effect:
    return lambda page, rng: cv2.GaussianBlur(page, (0, 0), pixels).astype(np.uint8)


def _skew(degrees: float) -> Effect:
    def effect(page: Page, rng: random.Random) -> Page:
        high, wide = page.shape[:2]
        turn = cv2.getRotationMatrix2D((wide / 2, high / 2), degrees, 1.0)
        white = (255, 255, 255)
        return cv2.warpAffine(page, turn, (wide, high), flags=cv2.INTER_CUBIC, borderValue=white).astype(
            np.uint8
        )

    return effect


def _perspective(share: float, ground: int = 255) -> Effect:
    """The page seen from the side: each corner moved inwards by up to this share of the page."""

    def effect(page: Page, rng: random.Random) -> Page:
        high, wide = page.shape[:2]
        corners = np.array([[0, 0], [wide, 0], [wide, high], [0, high]], dtype=np.float32)
        inward = np.array([[1, 1], [-1, 1], [-1, -1], [1, -1]], dtype=np.float32)
        moved = corners + inward * np.array(
            [[rng.uniform(0.2, 1) * share * wide, rng.uniform(0.2, 1) * share * high] for _ in range(4)],
            dtype=np.float32,
        )
        turn = cv2.getPerspectiveTransform(corners, moved.astype(np.float32))
        seen = cv2.warpPerspective(
            page, turn, (wide, high), flags=cv2.INTER_CUBIC, borderValue=(ground, ground, ground)
        )
        return seen.astype(np.uint8)

    return effect


def _shade(depth: float) -> Effect:
    """Light that falls off from one corner to the other."""

    def effect(page: Page, rng: random.Random) -> Page:
        high, wide = page.shape[:2]
        across, down = np.meshgrid(np.linspace(0, 1, wide), np.linspace(0, 1, high))
        light = 1 - depth * (across + down) / 2
        return np.clip(page * light, 0, 255).astype(np.uint8)

    return effect


def _jpeg(quality: int) -> Effect:
    def effect(page: Page, rng: random.Random) -> Page:
        _, data = cv2.imencode(".jpg", page, [cv2.IMWRITE_JPEG_QUALITY, quality])
        return np.asarray(cv2.imdecode(data, cv2.IMREAD_UNCHANGED), dtype=np.uint8)

    return effect


def _fax(level: int) -> Effect:
    """Black and white only, with specks."""

    def effect(page: Page, rng: random.Random) -> Page:
        grain = np.random.default_rng(rng.randrange(1 << 30))
        black = page < level
        specks = grain.random(page.shape) < 0.0008
        return np.where(black ^ specks, 0, 255).astype(np.uint8)

    return effect


def _stamp(colour: tuple[int, int, int], diameter: float = 0.24) -> Effect:
    """Round seals over the middle of the page and its lower part, ring and words."""

    def effect(page: Page, rng: random.Random) -> Page:
        high, wide = page.shape[:2]
        seal = Image.new("RGB", (wide, high), (255, 255, 255))
        pen = ImageDraw.Draw(seal)
        side = diameter * wide
        for x, y in ((rng.uniform(0.3, 0.6), rng.uniform(0.2, 0.4)), (rng.uniform(0.3, 0.6), 0.6)):
            left, top = x * wide, y * high
            pen.ellipse((left, top, left + side, top + side), outline=colour, width=max(3, wide // 250))
            pen.regular_polygon((left + side / 2, top + side / 2, side / 7), 5, rotation=180, fill=colour)
            font = ImageFont.load_default(side / 9)
            pen.text((left + side * 0.2, top + side * 0.65), "SEAL OF OFFICE", fill=colour, font=font)
        whole = np.asarray(seal, dtype=np.uint8)
        rgb = page if page.ndim == 3 else np.repeat(page[:, :, None], 3, axis=2)
        return (rgb.astype(np.uint16) * whole // 255).astype(np.uint8)

    return effect


def _grey(page: Page, rng: random.Random) -> Page:
    return page if page.ndim == 2 else cv2.cvtColor(page, cv2.COLOR_RGB2GRAY).astype(np.uint8)


def _pale(darkest: int) -> Effect:
    """A worn ribbon or toner: black becomes grey."""
    return lambda page, rng: (darkest + page.astype(np.uint16) * (255 - darkest) // 255).astype(np.uint8)


def _on_a_desk(page: Page, rng: random.Random) -> Page:
    return np.pad(page, [(60, 60), (60, 60)] + [(0, 0)] * (page.ndim - 2), constant_values=45)


def _streaks(page: Page, rng: random.Random) -> Page:
    """Dirt on a scanner's glass: dark and white lines from top to bottom."""
    found = page.copy()
    for level in (0, 60, 255, 255):
        x = rng.randrange(page.shape[1] // 8, page.shape[1] * 7 // 8)
        found[:, x : x + rng.choice((1, 2))] = level
    return found


# Kinds of scans


PLAIN = Style()


@dataclass(frozen=True)
class Scan:
    """Resolution in dots an inch, what the pages went through, what the file is.

    ``style``: how the pages were printed. ``hard``: so poor that missing cells are no surprise.
    """

    effects: tuple[Effect, ...] = ()
    dpi: int = 200
    style: Style = PLAIN
    kind: str = "tiff"
    hard: bool = False


RED, BLACK = (215, 40, 50), (70, 70, 70)
SCANS: dict[str, Scan] = {
    "300 dpi": Scan(dpi=300),
    "200 dpi": Scan(),
    "150 dpi": Scan(dpi=150),
    "100 dpi": Scan(dpi=100, hard=True),
    "noise": Scan((_noise(0.06), _jpeg(80))),
    "skew 2° left": Scan((_skew(2), _jpeg(80))),
    "skew 2° right, 150 dpi": Scan((_skew(-2), _jpeg(70)), 150),
    "perspective": Scan((_perspective(0.012),)),
    "strong perspective": Scan((_perspective(0.035),), hard=True),
    "uneven light": Scan((_shade(0.45), _noise(0.02))),
    "JPEG 30": Scan((_jpeg(30),)),
    "JPEG 30, 150 dpi": Scan((_jpeg(30),), 150, hard=True),
    "fax, 200 dpi": Scan((_fax(150),)),
    "thin fax, 150 dpi": Scan((_blur(0.6), _fax(110)), 150, hard=True),
    "thick fax, 150 dpi": Scan((_blur(0.6), _fax(200)), 150, hard=True),
    "blurred": Scan((_blur(1.6),), hard=True),
    "pale print": Scan((_pale(140), _noise(0.02))),
    "red stamps": Scan((_stamp(RED), _jpeg(80))),
    "stamps copied black": Scan((_stamp(BLACK), _grey), hard=True),
    "streaks": Scan((_streaks, _noise(0.02))),
    "faint rules": Scan((_noise(0.015),), style=Style(rule_grey=0.75)),
    "no rules": Scan(style=Style(rules="none"), hard=True),
    "telephone": Scan(
        (_on_a_desk, _perspective(0.02, 45), _shade(0.35), _blur(0.7), _noise(0.025), _jpeg(70)), hard=True
    ),
    "two pages side by side": Scan((_noise(0.02),), kind="spread"),
    "scanned PDF": Scan((_skew(0.5), _noise(0.03)), kind="pdf"),
    "table as picture in DOCX": Scan(kind="docx"),
    "table as picture in HTML": Scan(kind="html"),
    "table as picture in PDF": Scan(kind="pdf_lines"),
}


def worn(report: Report, scan: Scan, rng: random.Random) -> list[Page]:
    """The report's pages as this scan shows them."""
    buffer = io.BytesIO()
    draw(report, buffer, scan.style)
    with pypdfium2.PdfDocument(buffer.getvalue()) as pdf:
        pages = [p.render(scale=scan.dpi / 72, grayscale=True).to_numpy().squeeze() for p in pdf]
    found = []
    for page in pages:
        seen = np.asarray(page, dtype=np.uint8)
        for effect in scan.effects:
            seen = effect(seen, rng)
        found.append(seen)
    return found


def short_report(form: str, size: Size, seed: int) -> Report:
    """A report with its title, section titles and tables; without the narrative, which takes time."""
    if form == indicators.FORM:
        report = indicator_report(seed, size)
    else:
        report = build("示例市示例局", 2023, make_figures(seed, form, size), seed)
    return edit_texts(report, lambda text: _bare(text))


def _bare(text: Text) -> Text | None:
    return text if text.kind in ("title", "section") else None


def make(report: Report, scan: Scan, folder: Path, rng: random.Random) -> tuple[Path, Expected]:
    """Write the file; its path and what must be found in it, every cell required."""
    if scan.kind in FORMATS:
        path = folder / f"report{FORMATS[scan.kind].suffix}"
        for block in report.blocks:
            if isinstance(block, PrintedTable):
                report = edit_table(report, block.code, lambda t: replace(t, picture=True))
        FORMATS[scan.kind].render(report, path)
        return path, report.truth
    style = replace(scan.style, figure_font=scan.style.figure_font or rng.choice(FIGURE_FONTS))
    pages = [Image.fromarray(page) for page in worn(report, replace(scan, style=style), rng)]
    if scan.kind == "pdf":
        path = folder / "report.pdf"
        pages[0].save(path, "PDF", save_all=True, append_images=pages[1:], resolution=scan.dpi, quality=70)
    elif scan.kind == "spread":
        path = folder / "report.tif"
        spreads = [_beside(pages[i : i + 2]) for i in range(0, len(pages), 2)]
        _tiff(spreads, path)
    else:
        path = folder / "report.tif"
        _tiff(pages, path)
    return path, report.truth


def _beside(pages: Sequence[Image.Image]) -> Image.Image:
    whole = Image.new("L", (2 * pages[0].width, pages[0].height), 255)
    for number, page in enumerate(pages):
        whole.paste(page, (number * pages[0].width, 0))
    return whole


def _tiff(pages: Sequence[Image.Image], path: Path) -> None:
    pages[0].save(path, "TIFF", save_all=True, append_images=pages[1:], compression="tiff_lzw")


def measure(names: Sequence[str], rounds: int, seed: int, folder: Path) -> Iterator[tuple[str, Result]]:
    """Each kind of scan ``rounds`` times, forms and sizes taken in turn."""
    for number, name in enumerate(names):
        for turn in range(rounds):
            form = _FORMS[(number + turn) % len(_FORMS)]
            size = SIZES[(number + turn + turn // len(SIZES)) % len(SIZES)]
            own = seed * 10_000 + number * 100 + turn
            place = folder / f"{number}-{turn}"
            place.mkdir()
            path, truth = make(short_report(form, size, own), SCANS[name], place, random.Random(own))
            yield name, judge(Case(name, (), form, size, own), path, truth)


def as_table(results: Sequence[tuple[str, Result]]) -> str:
    """Markdown: a row for each kind of scan, one for all."""
    lines = [
        "| scan | files | cells | exact | missed | wrong, flagged | silent wrong |",
        "|---|---:|---:|---:|---:|---:|---:|",
    ]
    names = list(dict.fromkeys(name for name, _ in results))
    for name in (*names, "**all**"):
        some = [r for n, r in results if name in (n, "**all**")]
        cells = sum(r.cells for r in some) or 1
        told = [
            sum(len(x) for x in group)
            for group in zip(*((r.missed, r.wrong_flagged, r.silent) for r in some), strict=True)
        ]
        lines.append(
            f"| {name} | {len(some)} | {cells:,} | {sum(r.exact for r in some) / cells:.2%} "
            f"| {told[0]} | {told[1]} | {told[2]} |"
        )
    return "\n".join(lines)


def main() -> None:
    """The command."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--scans", help="separated by semicolons; all by default")
    parser.add_argument("--rounds", type=int, default=4, help="reports for each kind of scan")
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--keep", type=Path, help="an empty folder for the files")
    parser.add_argument("--write", type=Path, help="a Markdown file whose <!-- scans --> part is written")
    chosen = parser.parse_args()
    names = [n.strip() for n in chosen.scans.split(";")] if chosen.scans else list(SCANS)
    results = []
    with tempfile.TemporaryDirectory() as folder:
        if chosen.keep:
            chosen.keep.mkdir(parents=True, exist_ok=True)
        for name, result in measure(names, chosen.rounds, chosen.seed, chosen.keep or Path(folder)):
            results.append((name, result))
            print(
                f"{result.name}: {result.exact}/{result.cells} exact, {len(result.missed)} missed, "
                f"wrong {result.wrong_flagged}, silent {result.silent} {result.faults[:3]}",
                file=sys.stderr,
                flush=True,
            )
    table = as_table(results)
    print(table)
    if chosen.write:
        told = f"`python -m tests.ocr_accuracy {' '.join(sys.argv[1:])}`\n\n{table}\n"
        text = chosen.write.read_text(encoding="utf-8")
        part = re.compile(r"<!-- scans -->\n.*?<!-- end -->", re.S)
        chosen.write.write_text(
            part.sub(lambda _: f"<!-- scans -->\n{told}<!-- end -->", text), encoding="utf-8"
        )


if __name__ == "__main__":
    main()
