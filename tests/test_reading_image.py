"""Scans and pictures of tables: every figure read rightly, or flagged, over sizes and wear."""

from __future__ import annotations

import io
import random
import re
import socket
import struct
import time
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pypdfium2
import pytest
from PIL import Image, ImageChops, ImageDraw, ImageFilter, ImageFont

from pipeline.cells.facts import finish
from pipeline.cells.report import TableReading
from pipeline.cells.tables import read_tables
from pipeline.reading import image as image_module
from pipeline.reading.document import Cell, Document, Grid, Paragraph, Picture, ReadingError
from pipeline.reading.image import ocr_available, read_image, read_pictures
from tests.render import build, make_figures
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
    """Cells of reports by how they came out; ``sure_wrong``: wrong with confidence of 0.9 or more.

    ``seconds`` of one core, as the engine takes no more than one.
    """

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
            f"{self.cells:5} cells, exact {share:7.2%}, NULL {self.missing:4}, wrong {self.wrong}, read "
            f"wrong and sure {self.sure_wrong}, wrong in doubt {self.read_wrong}, "
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
            read = placed[key].value.number if key in placed else None
            if read is not None and read != cell.figure:
                if placed[key].confidence >= 0.9:
                    tally.sure_wrong += 1
                    faults.append(f"{code} {key}: sure of {placed[key]} for {figure}")
                else:
                    tally.read_wrong += 1
    return faults


def read_scan(report: Report, wear: Wear, folder: Path, tally: Tally) -> Document:
    pages = pages_of(report, wear)
    path = tiff(pages, folder / "scan.tif")
    start = time.process_time()
    document = read_image(path)
    tally.seconds += time.process_time() - start
    tally.pages += len(pages)
    return document


# Every figure


@pytest.mark.slow
@pytest.mark.parametrize(
    ("size", "wear", "form", "least"),
    [
        ("large", "worn", "2021", 0.99),
        ("small", "coarse", "2019", 0.99),
        ("huge", "clean", "2019", 0.99),
        ("zero", "worn", "2021", 0.99),
        ("huge", "poor", "2021", 0.5),
        ("zero", "bad", "2021", 0.2),
    ],
)
def test_a_scan_gives_its_figures_or_says_that_it_cannot(
    size: Size, wear: str, form: str, least: float, tmp_path: Path
) -> None:
    report = report_of(size, 7, form)
    tally = Tally()
    document = read_scan(report, WEAR[wear], tmp_path, tally)
    faults = count(report, document, tally)
    assert tally.sure_wrong == 0, faults
    assert tally.exact >= least * tally.cells, tally.line
    if least > 0.9:
        assert tally.wrong == 0, faults
        assert "2023" in document.text
        assert "示例市示例局" in document.text


def table_of(report: Report, code: str) -> PrintedTable:
    return next(b for b in report.blocks if isinstance(b, PrintedTable) and b.code == code)


def figures_of(grid: Grid) -> list[str]:
    return [cell.text for cell in grid.cells if re.fullmatch(r"[\d.]+", cell.text)]


@pytest.fixture(scope="module")
def disputes() -> Image.Image:
    """A picture of 表四, upright, at about 150 dpi."""
    return Image.open(io.BytesIO(table_png(table_of(report_of("large", 11), "disputes"), 150))).convert("L")


@pytest.fixture(scope="module")
def expected() -> list[str]:
    table = table_of(report_of("large", 11), "disputes")
    return [cell.text for _, cell in table.cells() if cell.key]


def last_row(grid: Grid) -> list[Cell]:
    """The line of figures of 表四."""
    return list(grid.rows())[-1]


def only_grid(path: Path) -> Grid:
    (grid,) = [b for b in read_image(path).blocks if isinstance(b, Grid)]
    return grid


@pytest.mark.parametrize("turn", [0, 90, 180, 270])
def test_a_picture_may_be_turned(
    turn: int, disputes: Image.Image, expected: list[str], tmp_path: Path
) -> None:
    path = tmp_path / "turned.png"
    disputes.rotate(turn, expand=True, fillcolor=255).save(path)
    grid = only_grid(path)
    assert figures_of(grid) == expected
    assert (grid.layout, grid.engine) == ("spans", "rapidocr")
    printed = table_of(report_of("large", 11), "disputes")
    assert {(c.row, c.column, c.row_span, c.column_span) for c in grid.cells} == {
        (row, c.column, c.row_span, c.column_span) for row, c in printed.cells()
    }


@pytest.mark.parametrize("turn", [0, 90, 180, 270])
def test_a_box_is_where_the_cell_is_in_the_file(turn: int, disputes: Image.Image, tmp_path: Path) -> None:
    path = tmp_path / "turned.png"
    turned = disputes.rotate(turn, expand=True, fillcolor=255)
    turned.save(path)
    cell = last_row(only_grid(path))[14]
    found = re.fullmatch(r"image=1;box=(\d+),(\d+),(\d+),(\d+)", cell.locator)
    assert found is not None
    left, top, right, bottom = map(int, found.groups())
    # Turned back, the last cell's box lies in the lower right corner.
    middle = Image.new("L", turned.size, 0)
    middle.putpixel(((left + right) // 2, (top + bottom) // 2), 255)
    upright = middle.rotate(-turn, expand=True)
    x, y = next((i % upright.width, i // upright.width) for i, v in enumerate(upright.tobytes()) if v)
    assert x > 0.9 * upright.width
    assert y > 0.6 * upright.height


@pytest.mark.slow
@pytest.mark.parametrize("suffix", [".png", ".jpg", ".bmp", ".tif", ".webp"])
def test_kinds_of_picture_files(
    suffix: str, disputes: Image.Image, expected: list[str], tmp_path: Path
) -> None:
    path = tmp_path / f"table{suffix}"
    disputes.convert("RGB").save(path)
    assert figures_of(only_grid(path)) == expected


@pytest.mark.slow
@pytest.mark.parametrize("mode", ["RGBA", "1", "P", "I;16", "CMYK", "LA"])
def test_kinds_of_pixels(mode: str, disputes: Image.Image, expected: list[str], tmp_path: Path) -> None:
    path = tmp_path / ("table.tif" if mode == "CMYK" else "table.png")
    if mode == "I;16":
        Image.frombytes("I;16", disputes.size, b"".join(bytes((v, v)) for v in disputes.tobytes())).save(path)
    else:
        disputes.convert("RGB").convert(mode).save(path)
    assert figures_of(only_grid(path)) == expected


def test_a_red_seal_over_figures_is_seen_through(
    disputes: Image.Image, expected: list[str], tmp_path: Path
) -> None:
    picture = disputes.convert("RGB")
    seal = Image.new("RGB", picture.size, (255, 255, 255))
    pen = ImageDraw.Draw(seal)
    wide, high = picture.size
    pen.ellipse((wide // 3, high // 3, wide // 3 + high, high // 3 + high), outline=(225, 30, 40), width=14)
    path = tmp_path / "sealed.png"
    ImageChops.multiply(picture, seal).save(path)
    assert figures_of(only_grid(path)) == expected


def test_streaks_of_a_scanner_s_glass_part_no_cells(
    disputes: Image.Image, expected: list[str], tmp_path: Path
) -> None:
    page = Image.new("L", (disputes.width + 80, disputes.height + 300), 255)
    page.paste(disputes, (40, 150))
    pen = ImageDraw.Draw(page)
    for share in (0.315, 0.74):
        pen.line((share * page.width, 0, share * page.width, page.height), fill=40, width=2)
    path = tmp_path / "streaks.png"
    page.save(path)
    grid = only_grid(path)
    printed = table_of(report_of("large", 11), "disputes")
    assert len(list(grid.cells)) == len(list(printed.cells()))
    for cell, figure in zip(last_row(grid), expected, strict=True):
        assert cell.text == figure or cell.confidence < 0.9, (cell, figure)
    # A table's own rules reach its edges and stay.
    assert figures_of(only_grid(_saved(disputes, tmp_path))) == expected


def _saved(picture: Image.Image, folder: Path) -> Path:
    path = folder / "plain.png"
    picture.crop((5, 5, picture.width - 5, picture.height - 5)).save(path)
    return path


# What is not there, and what cannot be read


def redrawn(disputes: Image.Image, grid: Grid, column: int, draw_in: str) -> Image.Image:
    """The picture with the figure of one cell of the last row wiped out and something else drawn."""
    picture = disputes.copy()
    cell = last_row(grid)[column]
    left, top, right, bottom = (int(v) for v in cell.locator.split("box=")[1].split(","))
    pen = ImageDraw.Draw(picture)
    pen.rectangle((left + 4, top + 4, right - 4, bottom - 4), fill=255)
    middle = (left + right) // 2, (top + bottom) // 2
    if draw_in == "scribble":
        for step in range(-9, 10, 3):
            pen.line((middle[0] + step, middle[1] - 8, middle[0] - step, middle[1] + 8), fill=0, width=2)
            pen.line((middle[0] - 9, middle[1] + step, middle[0] + 9, middle[1] - step), fill=0, width=2)
    elif draw_in == "faint":
        pen.text((middle[0] - 4, middle[1] - 8), "7", fill=222, font=ImageFont.load_default(18))
    elif draw_in == "grain":
        pen.point([middle, (middle[0] + 5, middle[1] - 3)], fill=120)
    return picture


def test_an_empty_cell_is_blank_and_ink_is_not(disputes: Image.Image, tmp_path: Path) -> None:
    path = tmp_path / "plain.png"
    disputes.save(path)
    grid = only_grid(path)
    picture = disputes
    places = {3: "nothing", 6: "grain", 9: "scribble", 12: "faint"}
    for column, what in places.items():
        picture = redrawn(picture, grid, column, what)
    picture.save(path)
    read = last_row(only_grid(path))
    for column, what in places.items():
        cell = read[column]
        if what in ("scribble", "faint"):
            assert cell.text != ""
            assert cell.confidence < 0.9
        else:
            assert (cell.text, cell.confidence) == ("", 1.0), what


def test_a_blurred_figure_is_not_believed(disputes: Image.Image, expected: list[str], tmp_path: Path) -> None:
    path = tmp_path / "blurred.png"
    picture = disputes.copy()
    band = (0, int(picture.height * 0.8), picture.width, picture.height)
    picture.paste(picture.crop(band).filter(ImageFilter.GaussianBlur(5)), band[:2])
    picture.save(path)
    cells = [c for b in read_image(path).blocks if isinstance(b, Grid) for c in b.cells]
    sure = [c for c in cells if c.confidence >= 0.9 and re.fullmatch(r"\d+", c.text)]
    truth = dict(enumerate(expected))
    assert all(c.text == truth.get(c.column) for c in sure), sure


def test_alternatives_are_the_readings_held_possible(disputes: Image.Image) -> None:
    import numpy as np

    digits = Image.new("L", (60, 30), 255)
    ImageDraw.Draw(digits).text((10, 4), "17", fill=0, font=ImageFont.load_default(20))
    from pipeline.reading.ocr_cells import alternatives

    readings = alternatives(np.asarray(digits))
    assert readings[0][0] == "17"
    assert all(0.0 <= score <= 1.0 for _, score in readings)
    assert [s for _, s in readings] == sorted((s for _, s in readings), reverse=True)


# Files that are no good


def test_without_the_extra_a_picture_is_scanned(
    monkeypatch: pytest.MonkeyPatch, disputes: Image.Image, tmp_path: Path
) -> None:
    path = tmp_path / "table.png"
    disputes.save(path)
    monkeypatch.setattr(image_module, "installed", lambda: False)
    with pytest.raises(ReadingError) as error:
        read_image(path)
    assert error.value.status == "scanned"
    assert "gongkai[ocr]" in error.value.message
    document = Document("docx", (Picture("image=1", 10, 10, b"x"),))
    assert read_pictures(document, lambda _: None) is document


def test_a_picture_of_nothing_is_scanned(tmp_path: Path) -> None:
    path = tmp_path / "white.png"
    Image.new("L", (800, 600), 255).save(path)
    with pytest.raises(ReadingError) as error:
        read_image(path)
    assert error.value.status == "scanned"


def png_of_size(wide: int, high: int) -> bytes:
    """The beginning of a PNG that says it has so many pixels."""
    head = struct.pack(">IIBBBBB", wide, high, 8, 0, 0, 0, 0)
    chunk = b"IHDR" + head
    return b"\x89PNG\r\n\x1a\n" + struct.pack(">I", 13) + chunk + struct.pack(">I", zlib.crc32(chunk))


@pytest.mark.parametrize(
    "data",
    [
        png_of_size(60000, 60000),
        png_of_size(13000, 11000),
        png_of_size(500, 500),
        b"\xff\xd8\xff\xe0 no jpeg",
        b"BM",
        b"II*\0\x08\0\0\0",
    ],
    ids=["bomb", "too large", "cut off", "no jpeg", "no bmp", "no tiff"],
)
def test_a_damaged_or_huge_picture_is_unreadable(data: bytes, tmp_path: Path) -> None:
    path = tmp_path / "picture.png"
    path.write_bytes(data)
    start = time.perf_counter()
    with pytest.raises(ReadingError) as error:
        read_image(path)
    assert error.value.status == "unreadable"
    assert "save it" in error.value.message
    assert time.perf_counter() - start < 5


# Pictures inside other files


def test_a_picture_in_a_file_gives_way_to_what_it_says(disputes: Image.Image, expected: list[str]) -> None:
    out = io.BytesIO()
    disputes.save(out, "PNG")
    before, after = Paragraph("四、", "page=2;line=1"), Paragraph("五、", "page=2;line=9")
    table = Picture("page=2;box=50,60,500,160", 450, 100)
    seal = Picture("page=2;box=1,2,3,4", 2, 2)
    broken = Picture("paragraph=4;image=2", 100, 100, b"\x89PNG\r\n\x1a\n")
    document = Document("pdf", (before, table, seal, broken, after), {"title": "t"}, 3)
    asked: list[str] = []

    def page_picture(picture: Picture) -> bytes | None:
        asked.append(picture.locator)
        return out.getvalue() if picture is table else None

    read = read_pictures(document, page_picture)
    assert asked == [table.locator, seal.locator]
    first, grid, *rest = read.blocks
    assert first == before
    assert rest == [seal, broken, after]
    assert isinstance(grid, Grid)
    assert figures_of(grid) == expected
    assert all(c.locator.startswith("page=2;box=50,60,500,160;image=1;box=") for c in grid.cells)
    assert (read.hints, read.pages, read.format) == (document.hints, 3, "pdf")


def test_a_document_without_pictures_stays_as_it_is() -> None:
    document = Document("docx", (Paragraph("一", "paragraph=1"),))
    assert read_pictures(document, lambda _: None) is document


def test_nothing_is_written_or_logged(
    disputes: Image.Image, tmp_path: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("reading a picture must not reach for the network")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    path = tmp_path / "table.png"
    disputes.save(path)
    monkeypatch.chdir(tmp_path)
    read_image(path)
    out, err = capfd.readouterr()
    assert (out, err) == ("", "")
    assert [p.name for p in tmp_path.iterdir()] == ["table.png"]


# Lines


def test_lines_that_run_on_are_one_paragraph_and_unsure_figures_are_marked() -> None:
    from pipeline.reading.ocr_engine import Line
    from pipeline.reading.ocr_page import _paragraphs, _without_doubtful, _without_guesses, _Written

    lines = [
        _Written("本年收到申请一", (40, 10, 980, 30)),
        _Written("百件。", (10, 40, 90, 60)),
        _Written("另起一段。", (40, 70, 300, 90)),
    ]
    assert [p.text for p in _paragraphs(lines, 1000)] == ["本年收到申请一百件。", "另起一段。"]
    sure = Line("收到12件", (1.0,) * 5)
    unsure = Line("收到12件", (1.0, 1.0, 0.99, 0.4, 1.0))
    assert _without_doubtful(sure, sure) == "收到12件"
    assert _without_doubtful(unsure, sure) == "收到?件"
    assert _without_doubtful(sure, Line("收到13件", (1.0,) * 5)) == "收到?件"
    assert _without_doubtful(sure, Line("收到1.2件", (1.0,) * 6)) == "收到?件"
    assert _without_guesses(Line("示例市", (0.3, 1.0, 1.0))).text == "?例市"


def pages_in(document: Document) -> Iterator[Cell]:
    for block in document.blocks:
        if isinstance(block, Grid):
            yield from block.cells


def test_pages_of_a_tiff_follow_one_another(disputes: Image.Image, tmp_path: Path) -> None:
    document = read_image(tiff([disputes, disputes.rotate(180)], tmp_path / "two.tif"))
    assert document.pages == 2
    assert {c.locator.split(";")[0] for c in pages_in(document)} == {"image=1", "image=2"}
