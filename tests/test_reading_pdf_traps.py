"""What PDF files do to a table's text, one trap each: doubles, hidden text, turned pages, fonts, stamps."""

from __future__ import annotations

import io
import time
from pathlib import Path

import pypdfium2
import pytest
from PIL import Image as PilImage
from PIL import ImageDraw
from reportlab.lib.pdfencrypt import StandardEncryption
from reportlab.lib.utils import ImageReader
from reportlab.pdfbase import pdfmetrics
from reportlab.pdfgen.canvas import Canvas

from pipeline.reading.document import Grid, Paragraph, Picture, ReadingError
from pipeline.reading.pdf import page_picture, picture_at, read_pdf
from pipeline.reading.pdf_second import read_pdf_again
from tests.pdf_tables import (
    CELLS,
    FONT,
    HIGH,
    WIDE,
    Known,
    box,
    canvas,
    cell_lines,
    edges,
    grids,
    known,
    sides,
    texts,
    write,
)


def _paper(width: int = 600, height: int = 850, shade: int = 230) -> ImageReader:
    image = PilImage.new("RGB", (width, height), (shade, shade, shade))
    ImageDraw.Draw(image).line((10, 10, width - 10, height - 10), fill=(0, 0, 0), width=3)
    return ImageReader(image)


def _cells(path: Path) -> tuple[object, ...]:
    found = grids(read_pdf(path))
    assert len(found) == 1
    return known(found[0])


def test_figures_in_several_runs_and_letter_spaced(tmp_path: Path) -> None:
    def in_runs(c: Canvas, x: float, y: float, text: str) -> None:
        for char in text:
            write(c, x, y, char)
            x += pdfmetrics.stringWidth(char, FONT, 10) + 0.8

    path = tmp_path / "runs.pdf"
    c = canvas(path)
    cell_lines(c)
    texts(c, writer=in_runs)
    c.save()
    assert _cells(path) == CELLS


@pytest.mark.parametrize("shift", [(0.0, 0.0), (0.3, 0.0), (0.5, 0.5), (1.0, 0.0)])
def test_bold_printed_twice(shift: tuple[float, float], tmp_path: Path) -> None:
    def twice(c: Canvas, x: float, y: float, text: str) -> None:
        write(c, x, y, text)
        write(c, x + shift[0], y + shift[1], text)

    path = tmp_path / "bold.pdf"
    c = canvas(path)
    cell_lines(c)
    texts(c, writer=twice)
    c.save()
    assert _cells(path) == CELLS
    assert known(grids(read_pdf_again(path))[0]) == CELLS


def test_bold_printed_twice_letter_by_letter(tmp_path: Path) -> None:
    def twice(c: Canvas, x: float, y: float, text: str) -> None:
        for char in text:
            write(c, x, y, char)
            write(c, x + 0.4, y, char)
            x += pdfmetrics.stringWidth(char, FONT, 10)

    path = tmp_path / "bold.pdf"
    c = canvas(path)
    cell_lines(c)
    texts(c, writer=twice)
    c.save()
    assert _cells(path) == CELLS


@pytest.mark.parametrize("font", ["Helvetica", "Times-Roman", "Courier"])
def test_repeated_digits_stay(font: str, tmp_path: Path) -> None:
    path = tmp_path / "digits.pdf"
    c = canvas(path)
    for row, text in enumerate(("11", "00", "111111", "1001", "77", "1.11", "8888")):
        c.rect(80, HIGH - 100 - 20 * (row + 1), 60, 20)
        c.rect(140, HIGH - 100 - 20 * (row + 1), 60, 20)
        write(c, 90, 100 + 20 * row + 14, text, 6, font)
        write(c, 150, 100 + 20 * row + 14, text, 12, font)
    c.save()
    found = grids(read_pdf(path))[0]
    assert [c.text for c in found.cells] == [
        t for t in ("11", "00", "111111", "1001", "77", "1.11", "8888") for _ in range(2)
    ]


@pytest.mark.parametrize("turn", [90, 180, 270])
def test_pages_turned_by_rotate(turn: int, tmp_path: Path) -> None:
    """The page is stored turned, and /Rotate shows it upright: the same page as without."""
    plain, path = tmp_path / "plain.pdf", tmp_path / "turned.pdf"
    c = canvas(plain)
    cell_lines(c)
    texts(c)
    c.save()
    c = canvas(path)  # the canvas swaps the sides of a page turned by a quarter
    c.setPageRotation(turn)
    if turn == 90:
        c.transform(0, 1, -1, 0, HIGH, 0)
    elif turn == 180:
        c.transform(-1, 0, 0, -1, WIDE, HIGH)
    else:
        c.transform(0, -1, 1, 0, 0, WIDE)
    cell_lines(c)
    texts(c)
    c.save()
    with pypdfium2.PdfDocument(path) as pdf:
        size = pdf[0].get_size()
    if size != (WIDE, HIGH):
        pytest.fail(f"the test drew a page of {size}")
    upright, turned = grids(read_pdf(plain))[0], grids(read_pdf(path))[0]
    assert known(turned) == CELLS
    assert [c.locator for c in turned.cells] == [c.locator for c in upright.cells]
    assert known(grids(read_pdf_again(path))[0]) == CELLS


@pytest.mark.parametrize("clockwise", [True, False])
def test_table_drawn_sideways_on_an_upright_page(clockwise: bool, tmp_path: Path) -> None:
    path = tmp_path / "sideways.pdf"
    c = canvas(path)
    write(c, 280, HIGH - 30, "- 7 -")
    if clockwise:
        c.transform(0, -1, 1, 0, 0, HIGH)
    else:
        c.transform(0, 1, -1, 0, WIDE, 0)
    c.translate(0, -(HIGH - WIDE))
    cell_lines(c)
    texts(c)
    write(c, 80, 130, "表格前的一行说明文字")
    c.save()
    document = read_pdf(path)
    assert [type(b) for b in document.blocks] == [Paragraph, Grid]
    table = grids(document)[0]
    assert known(table) == CELLS
    # Places are given on the page as shown: the first figure is found where it was drawn.
    cell = next(c for c in table.cells if c.text == "11")
    left, top, right, bottom = (float(s) for s in cell.locator.partition("box=")[2].split(","))
    own = box((2, 3, 1, 1, "11"))
    across, down = (WIDE - own.bottom, own.left) if clockwise else (own.top, HIGH - own.right)
    assert (left, top) == pytest.approx((across, down), abs=0.2)
    assert (right - left, bottom - top) == pytest.approx((24, 60), abs=0.2)
    assert known(grids(read_pdf_again(path))[0]) == CELLS


def test_label_turned_in_its_cell(tmp_path: Path) -> None:
    path = tmp_path / "turned_label.pdf"
    c = canvas(path)
    cell_lines(c)
    label = (3, 0, 3, 1, "三、办理结果")
    texts(c, [cell for cell in CELLS if cell[:2] != (3, 0)])
    own = box(label)
    c.saveState()
    c.translate((own.left + own.right) / 2 + 4, HIGH - own.bottom + 5)
    c.rotate(90)
    c.drawString(0, 0, label[4])
    c.restoreState()
    c.save()
    assert _cells(path) == tuple(label if cell[:2] == (3, 0) else cell for cell in CELLS)


def test_label_one_character_per_line(tmp_path: Path) -> None:
    path = tmp_path / "vertical.pdf"
    c = canvas(path)
    cell_lines(c)
    texts(c, [cell for cell in CELLS if cell[:2] != (3, 0)])
    own = box((3, 0, 3, 1, ""))
    for i, char in enumerate("三、办理结果"):
        write(c, own.left + 25, own.top + 11 * (i + 1), char)
    c.save()
    assert _cells(path)[9] == (3, 0, 3, 1, "三、办理结果")


def test_scan_with_an_invisible_layer_is_a_picture(tmp_path: Path) -> None:
    path = tmp_path / "scan.pdf"
    c = canvas(path)
    c.drawImage(_paper(), 0, 0, WIDE, HIGH)
    t = c.beginText(80, 700)
    t.setTextRenderMode(3)
    t.setFont(FONT, 10)
    t.textLine("识别有误的文字 95 O 0 l 0")
    c.drawText(t)
    c.showPage()
    write(c, 80, 100, "有文字的一页")
    c.save()
    for read in (read_pdf, read_pdf_again):
        first, second = read(path).blocks
        assert isinstance(first, Picture) and first.covers_page
        assert isinstance(second, Paragraph) and second.text == "有文字的一页"
    assert page_picture(path, 1, dpi=30).startswith(b"\x89PNG")


def test_scan_in_strips(tmp_path: Path) -> None:
    path = tmp_path / "strips.pdf"
    c = canvas(path)
    for i in range(10):
        c.drawImage(_paper(600, 85), 0, HIGH - (i + 1) * HIGH / 10, WIDE, HIGH / 10)
    c.save()
    blocks = read_pdf(path).blocks
    assert [isinstance(b, Picture) and b.covers_page for b in blocks] == [True]


def test_recognised_text_under_the_scan(tmp_path: Path) -> None:
    """Visible in mode, but painted over by the page's picture."""
    path = tmp_path / "under.pdf"
    c = canvas(path)
    cell_lines(c)
    texts(c)
    c.drawImage(_paper(), 0, 0, WIDE, HIGH)
    c.save()
    for read in (read_pdf, read_pdf_again):
        assert [isinstance(b, Picture) and b.covers_page for b in read(path).blocks] == [True]


def test_invisible_text_in_a_table_is_left_out(tmp_path: Path) -> None:
    path = tmp_path / "invisible.pdf"
    c = canvas(path)
    cell_lines(c)
    texts(c)
    for x, y, text in ((220, 210, "99"), (395, 258, "8"), (90, 210, "隐藏")):
        t = c.beginText(x, HIGH - y)
        t.setTextRenderMode(3)
        t.setFont(FONT, 10)
        t.textOut(text)
        c.drawText(t)
    c.save()
    assert _cells(path) == CELLS
    assert known(grids(read_pdf_again(path))[0]) == CELLS


def test_text_too_small_to_be_seen_is_left_out(tmp_path: Path) -> None:
    path = tmp_path / "tiny.pdf"
    c = canvas(path)
    cell_lines(c)
    texts(c)
    c.setFont(FONT, 0.2)
    for x, y in ((219, 210), (395, 258)):
        c.drawString(x, HIGH - y, "9")
    c.save()
    assert _cells(path) == CELLS


def test_white_text_on_white_is_left_out_and_on_dark_kept(tmp_path: Path) -> None:
    path = tmp_path / "white.pdf"
    c = canvas(path)
    xs, ys = edges()
    c.setFillGray(0.2)
    c.rect(xs[0], HIGH - ys[2], xs[-1] - xs[0], ys[2] - ys[0], stroke=0, fill=1)
    c.setFillGray(0)
    cell_lines(c)
    c.setFillGray(1)
    texts(c, [cell for cell in CELLS if cell[0] < 2])
    write(c, xs[4] + 3, ys[4] + 20, "5")
    c.setFillGray(0)
    texts(c, [cell for cell in CELLS if cell[0] >= 2])
    c.save()
    assert _cells(path) == CELLS


def test_figure_painted_over_and_written_anew(tmp_path: Path) -> None:
    path = tmp_path / "over.pdf"
    c = canvas(path)
    cell_lines(c)
    old = tuple((*cell[:4], "98") if cell[:2] == (2, 4) else cell for cell in CELLS)
    texts(c, old)
    b = box((2, 4, 1, 1, ""))
    c.setFillGray(1)
    c.rect(b.left + 2, HIGH - b.bottom + 2, b.right - b.left - 4, b.bottom - b.top - 4, stroke=0, fill=1)
    c.setFillGray(0)
    texts(c, [(2, 4, 1, 1, "100")])
    c.save()
    assert _cells(path) == CELLS


def _watermark(c: Canvas, kind: str) -> None:
    c.saveState()
    if kind == "askew":
        c.setFillGray(0.5)
        c.translate(150, HIGH - 300)
        c.rotate(30)
        c.setFont(FONT, 40)
        c.drawString(0, 0, "内部资料2024")
    elif kind == "large":
        c.setFillGray(0.75)
        write(c, 100, 280, "公开2024", 60)
    elif kind == "pale":
        c.setFillGray(0.9)
        for i in range(6):
            write(c, 90 + 60 * i, 215, "样本12")
    elif kind == "dark":
        c.setFillColorRGB(1, 0, 0)
        write(c, 250, 262, "公开2024章", 40)
    elif kind == "transparent":
        c.setFillAlpha(0.15)
        write(c, 100, 240, "仅供参考2024", 30)
    elif kind == "stamp":
        image = PilImage.new("RGBA", (200, 200), (0, 0, 0, 0))
        ImageDraw.Draw(image).ellipse((10, 10, 190, 190), outline=(255, 0, 0, 160), width=8)
        c.drawImage(ImageReader(image), 300, HIGH - 300, 120, 120, mask="auto")
    c.restoreState()


@pytest.mark.parametrize("kind", ["askew", "large", "pale", "dark", "transparent", "stamp"])
@pytest.mark.parametrize("first", [True, False])
def test_watermarks_and_stamps_stay_out_of_cells(kind: str, first: bool, tmp_path: Path) -> None:
    path = tmp_path / "marked.pdf"
    c = canvas(path)
    if first:
        _watermark(c, kind)
    cell_lines(c)
    c.setFillGray(0)
    texts(c)
    if not first:
        _watermark(c, kind)
    c.save()
    document = read_pdf(path)
    assert [type(b) for b in document.blocks] == [Grid]
    assert known(grids(document)[0]) == CELLS


def _outlined(path: Path, with_table: bool) -> None:
    c = canvas(path)
    if with_table:
        cell_lines(c)
    xs, ys = edges()
    for row in range(6):
        for column in range(6):
            x, y = (xs[column] + xs[column + 1]) / 2, HIGH - (ys[row] + ys[row + 1]) / 2
            p = c.beginPath()
            p.moveTo(x - 3, y - 4)
            p.curveTo(x - 3, y + 4, x + 3, y + 4, x + 3, y - 4)
            p.lineTo(x + 1, y - 4)
            p.curveTo(x + 1, y, x - 1, y, x - 1, y - 4)
            p.close()
            c.drawPath(p, stroke=0, fill=1)
    c.save()


@pytest.mark.parametrize("with_table", [True, False])
def test_text_drawn_as_outlines_is_a_picture(with_table: bool, tmp_path: Path) -> None:
    path = tmp_path / "outlines.pdf"
    _outlined(path, with_table)
    assert [isinstance(b, Picture) and b.covers_page for b in read_pdf(path).blocks] == [True]


def test_one_figure_drawn_as_an_outline_is_not_a_blank(tmp_path: Path) -> None:
    path = tmp_path / "outline.pdf"
    c = canvas(path)
    cell_lines(c)
    texts(c, [cell for cell in CELLS if cell[:2] != (2, 4)])
    b = box((2, 4, 1, 1, ""))
    x, y = (b.left + b.right) / 2, HIGH - (b.top + b.bottom) / 2
    c.ellipse(x - 3, y - 4, x + 3, y + 4, stroke=0, fill=1)
    c.save()
    cell = next(cell for cell in grids(read_pdf(path))[0].cells if (cell.row, cell.column) == (2, 4))
    assert (cell.text, cell.confidence) == ("\ufffd", 0.0)
    again = grids(read_pdf_again(path))[0].cells
    assert [cell.text for cell in again if (cell.row, cell.column) == (2, 4)] == ["\ufffd"]


def test_picture_of_a_table_between_paragraphs(tmp_path: Path) -> None:
    path = tmp_path / "picture.pdf"
    c = canvas(path)
    for y, text in ((100, "前面的文字，说明下表的来源和口径"), (600, "后面的文字，说明上表的用途")):
        write(c, 80, y, text)
    c.drawImage(_paper(400, 300), 80, HIGH - 550, 400, 300)
    c.save()
    blocks = read_pdf(path).blocks
    assert [type(b) for b in blocks] == [Paragraph, Picture, Paragraph]
    picture = blocks[1]
    assert isinstance(picture, Picture) and not picture.covers_page
    assert picture.locator == "page=1;box=80.0,250.0,480.0,550.0"
    drawn = PilImage.open(io.BytesIO(picture_at(path, picture.locator, dpi=72)))
    assert drawn.size == (400, 300)
    assert drawn.convert("L").getpixel((200, 20)) == 230


def test_background_picture_is_no_picture(tmp_path: Path) -> None:
    path = tmp_path / "ground.pdf"
    c = canvas(path)
    c.drawImage(_paper(), 0, 0, WIDE, HIGH)
    cell_lines(c)
    texts(c)
    c.save()
    assert [type(b) for b in read_pdf(path).blocks] == [Grid]
    assert _cells(path) == CELLS


def test_kangxi_radicals_are_kept(tmp_path: Path) -> None:
    # Radicals come from a font's own map, which is written by hand here.
    pdf = tmp_path / "radicals.pdf"
    _with_map(pdf, "⼀⾏0")
    assert read_pdf(pdf).text == "⼀⾏0"


def _with_map(path: Path, text: str | None, extra: bytes = b"") -> None:
    """A PDF of glyph numbers 1, 2, 3 … whose ToUnicode map says ``text``, or that has no map."""
    count = len(text) if text is not None else 40
    shown = "".join(f"{i + 1:04X}" for i in range(count))
    content = f"BT /F1 12 Tf 80 700 Td <{shown}> Tj ET".encode() + extra
    to_unicode = b""
    if text is not None:
        pairs = "\n".join(f"<{i + 1:04X}> <{ord(ch):04X}>" for i, ch in enumerate(text))
        to_unicode = (
            "/CIDInit /ProcSet findresource begin 12 dict begin begincmap /CMapName /X def /CMapType 2 def "
            "1 begincodespacerange <0000> <FFFF> endcodespacerange "
            f"{count} beginbfchar\n{pairs}\nendbfchar endcmap end end"
        ).encode()
    objects = [
        b"<</Type/Catalog/Pages 2 0 R>>",
        b"<</Type/Pages/Kids[3 0 R]/Count 1>>",
        b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 595 842]/Contents 4 0 R"
        b"/Resources<</Font<</F1 5 0 R/F2 9 0 R>>>>>>",
        b"<</Length %d>>stream\n%s\nendstream" % (len(content), content),
        b"<</Type/Font/Subtype/Type0/BaseFont/ABCDEF+Odd/Encoding/Identity-H/DescendantFonts[6 0 R]"
        + (b"/ToUnicode 8 0 R" if text is not None else b"")
        + b">>",
        b"<</Type/Font/Subtype/CIDFontType2/BaseFont/ABCDEF+Odd/CIDSystemInfo<</Registry(Adobe)"
        b"/Ordering(Identity)/Supplement 0>>/FontDescriptor 7 0 R/DW 1000>>",
        b"<</Type/FontDescriptor/FontName/ABCDEF+Odd/Flags 4/FontBBox[0 -200 1000 800]/ItalicAngle 0"
        b"/Ascent 800/Descent -200/CapHeight 700/StemV 80>>",
        b"<</Length %d>>stream\n%s\nendstream" % (len(to_unicode), to_unicode),
        b"<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>",
    ]
    out = b"%PDF-1.5\n"
    places = []
    for number, body in enumerate(objects, 1):
        places.append(len(out))
        out += b"%d 0 obj\n%s\nendobj\n" % (number, body)
    start = len(out)
    out += b"xref\n0 %d\n0000000000 65535 f \n" % (len(objects) + 1)
    out += b"".join(b"%010d 00000 n \n" % place for place in places)
    out += b"trailer<</Size %d/Root 1 0 R>>\nstartxref\n%d\n%%%%EOF\n" % (len(objects) + 1, start)
    path.write_bytes(out)


def test_font_without_a_map_is_a_picture(tmp_path: Path) -> None:
    path = tmp_path / "unmapped.pdf"
    _with_map(path, None)
    for read in (read_pdf, read_pdf_again):
        assert [isinstance(b, Picture) and b.covers_page for b in read(path).blocks] == [True]


def test_private_characters_are_a_picture(tmp_path: Path) -> None:
    path = tmp_path / "private.pdf"
    _with_map(path, "".join(chr(0xE100 + i) for i in range(30)))
    assert [isinstance(b, Picture) and b.covers_page for b in read_pdf(path).blocks] == [True]


def test_bullets_of_symbol_fonts_go(tmp_path: Path) -> None:
    path = tmp_path / "bullet.pdf"
    _with_map(path, "\uf06c主动公开政府信息二千余条以及其他各类信息若干件次")
    assert read_pdf(path).text.startswith("主动公开")


def test_figures_in_an_unmapped_font_are_not_blanks(tmp_path: Path) -> None:
    """Labels can be read, figures cannot: their cells are illegible, not empty."""
    path = tmp_path / "figures.pdf"
    rules = b"\n0.5 w " + b" ".join(
        b"%d %d %d 24 re S" % (x, 500 - 24 * r, w) for r in range(4) for x, w in ((80, 200), (280, 60))
    )
    labels = b" ".join(
        b"BT /F2 10 Tf 90 %d Td (Applications received row %d) Tj ET" % (508 - 24 * r, r) for r in range(4)
    )
    figures = b" ".join(b"BT /F1 10 Tf 300 %d Td <0001> Tj ET" % (508 - 24 * r) for r in range(4))
    _with_map(path, "标题在此", rules + b" " + labels + b" " + figures.replace(b"0001", b"0099"))
    cells = grids(read_pdf(path))[0].cells
    assert [c.text for c in cells if c.column == 1] == ["\ufffd"] * 4
    assert all(c.confidence == 0 for c in cells if c.column == 1)


def test_user_password(tmp_path: Path) -> None:
    locked, opens = tmp_path / "locked.pdf", tmp_path / "opens.pdf"
    for path, user in ((locked, "secret"), (opens, "")):
        c = Canvas(str(path), encrypt=StandardEncryption(user, ownerPassword="owner"))
        c.drawString(80, 700, "text")
        c.save()
    assert read_pdf(opens).text == "text"
    assert read_pdf_again(opens).text == "text"
    for read in (read_pdf, read_pdf_again):
        with pytest.raises(ReadingError) as caught:
            read(locked)
        assert caught.value.status == "encrypted"


def test_garbage_and_truncated_files(tmp_path: Path) -> None:
    whole, path = tmp_path / "whole.pdf", tmp_path / "bad.pdf"
    c = canvas(whole)
    write(c, 80, 100, "文字")
    c.save()
    data = whole.read_bytes()
    for bad in (b"%PDF-1.4\n" + b"\x00\xff" * 500, b"no pdf at all", data[:200], b"%PDF-1.7\n%%EOF"):
        path.write_bytes(bad)
        with pytest.raises(ReadingError) as caught:
            read_pdf(path)
        assert caught.value.status == "unreadable"
    path.write_bytes(data[: data.rindex(b"xref")])
    assert "damaged" in read_pdf(path).hints


def test_pages_beyond_the_limit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "long.pdf"
    c = canvas(path)
    for number in range(5):
        write(c, 80, 300, f"第{'一二三四五'[number]}页的文字")
        c.showPage()
    c.save()
    monkeypatch.setattr("pipeline.reading.pdf.MAX_PAGES", 3)
    document = read_pdf(path)
    assert document.pages == 5 and len(document.blocks) == 3
    assert "first 3" in document.hints["truncated"]


def _piece(c: Canvas, cells: tuple[Known, ...], down: float) -> None:
    """Some of the table's rows, moved down the page."""
    c.saveState()
    c.translate(0, -down)
    for x0, y0, x1, y1 in sides(cells):
        c.line(x0, HIGH - y0, x1, HIGH - y1)
    texts(c, cells)
    c.restoreState()


def _table_over_pages(path: Path, header: bool, footer: str) -> None:
    """Rows 3 to 5 of the table on a second page; running header and footer on each."""
    c = canvas(path)
    for page in (1, 2):
        write(c, 80, 40, "某某市某某局年度报告", 9)
        c.line(80, HIGH - 45, 500, HIGH - 45)
        write(c, 280, HIGH - 30, footer.format(page), 9)
        if page == 1:
            _piece(c, CELLS[:9], 0)
        else:
            if header:
                _piece(c, CELLS[:5], -60)
            _piece(c, CELLS[9:], -84)
        c.showPage()
    c.save()


@pytest.mark.parametrize("footer", ["- {} -", "第{}页", "{}", "— {} —", "{}/2", "第 {} 页 共 2 页", "·{}·"])
@pytest.mark.parametrize("header", [False, True])
def test_table_over_pages_with_running_lines(header: bool, footer: str, tmp_path: Path) -> None:
    path = tmp_path / "pages.pdf"
    _table_over_pages(path, header, footer)
    assert [type(b) for b in read_pdf(path).blocks] == [Grid, Grid]
    first, second = grids(read_pdf(path))
    # The first page's piece has no rule that parts its first three columns.
    assert [cell[4] for cell in known(first)] == [cell[4] for cell in CELLS[:9]]
    assert first.column_count == 4
    rest = tuple((cell[0] - (1 if header else 3), *cell[1:]) for cell in CELLS[9:])
    assert known(second) == (CELLS[:5] if header else ()) + rest
    assert [type(b) for b in read_pdf_again(path).blocks] == [Grid, Grid]


def test_figures_near_the_foot_of_a_page_stay(tmp_path: Path) -> None:
    """A row of figures in the margin, and a paragraph that begins with a number, are no page numbers."""
    path = tmp_path / "low.pdf"
    c = canvas(path)
    for number in range(2):
        for column in range(4):
            c.rect(80 + 60 * column, 30, 60, 24)
            write(c, 100 + 60 * column, HIGH - 38, str(number + 1 + column), 10)
        write(c, 80, 60, "2024年的一句话不是页眉" if number else "另一句话在页首")
        c.showPage()
    c.save()
    document = read_pdf(path)
    assert [[cell.text for cell in g.cells] for g in grids(document)] == [
        ["1", "2", "3", "4"],
        ["2", "3", "4", "5"],
    ]
    assert sum(isinstance(b, Paragraph) for b in document.blocks) == 2


def test_row_cut_by_a_page_break(tmp_path: Path) -> None:
    path = tmp_path / "cut.pdf"
    c = canvas(path)
    for top, rows in (
        (700, [("1.甲类的申请", "3"), ("2.乙类的申请，因名称很长而", "5")]),
        (60, [("写到下一页", ""), ("3.其他", "7")]),
    ):
        for i, (label, figure) in enumerate(rows):
            y = top + 24 * i
            c.rect(80, HIGH - y - 24, 200, 24)
            c.rect(280, HIGH - y - 24, 60, 24)
            write(c, 85, y + 15, label)
            write(c, 300, y + 15, figure)
        write(c, 290, HIGH - 25, "3" if top == 700 else "4")
        c.showPage()
    c.save()
    document = read_pdf(path)
    # One number alone in the margin is only known for a page number by its fellow.
    assert [type(b) for b in document.blocks] == [Grid, Grid]
    assert [c.text for g in grids(document) for c in g.cells] == [
        "1.甲类的申请", "3", "2.乙类的申请，因名称很长而", "5", "写到下一页", "", "3.其他", "7",
    ]  # fmt: skip


def test_headings_are_paragraphs_of_their_own_and_lines_are_kept(tmp_path: Path) -> None:
    path = tmp_path / "text.pdf"
    c = canvas(path)
    lines = [
        (200, "某某市二〇二四年年度报告"),
        (100, "三、收到和处理的情况"),
        (100, "本年共收到申请若干件，均已在期限之内作出答复，没有"),
        (80, "逾期未答复的情况，也没有因答复而被诉或被复议的情形，请"),
        (80, "知悉。"),
        (100, "（一）办理的情况。全年办结若干件，其中公开若干件，部分"),
        (80, "公开若干件。"),
    ]
    for number, (x, text) in enumerate(lines):
        write(c, x, 100 + 18 * number, text)
    c.save()
    assert [b.text for b in read_pdf(path).blocks if isinstance(b, Paragraph)] == [
        lines[0][1],
        lines[1][1],
        "\n".join(text for _, text in lines[2:5]),
        "\n".join(text for _, text in lines[5:7]),
    ]


def test_columns_without_rules(tmp_path: Path) -> None:
    path = tmp_path / "columns.pdf"
    c = canvas(path)
    write(c, 80, 100, "下面的表没有画线，只以空白分栏，各栏上下对齐。")
    for x, text in ((250, "个人"), (320, "企业"), (390, "总计")):
        write(c, x, 130, text)
    rows = [("一、本年新收", "11", "0", "11"), ("二、上年结转", "2", "1", "3"), ("（一）公开", "7", "0", "7")]
    rows += [("（二）部分公开", "5", "", "5"), ("四、结转下年", "1", "1", "2")]
    for number, row in enumerate(rows):
        for x, text in zip((80, 250, 320, 390), row, strict=True):
            write(c, x, 150 + 20 * number, text)
    write(c, 80, 280, "表后的一段文字。")
    c.save()
    document = read_pdf(path)
    assert [type(b) for b in document.blocks] == [Paragraph, Grid, Paragraph]
    table = grids(document)[0]
    assert table.layout == "fields"
    assert [(c.row, c.column, c.text) for c in table.cells] == [
        (r, k, text)
        for r, row in enumerate([("", "个人", "企业", "总计"), *rows])
        for k, text in enumerate(row)
    ]


def test_level_rules_only(tmp_path: Path) -> None:
    """A table of level rules: labels of two lines are kept together by the rules."""
    path = tmp_path / "level.pdf"
    c = canvas(path)
    rows = [("一、本年新收", "11", "0", "11"), ("二、上年结转的\n申请数量", "2", "1", "3")]
    rows += [
        ("（一）公开", "7", "0", "7"),
        ("（二）部分公开\n（区分处理的）", "5", "4", "9"),
        ("合计", "1", "1", "2"),
    ]
    for number, row in enumerate(rows):
        top = 150 + 30 * number
        c.line(80, HIGH - top, 450, HIGH - top)
        for x, text in zip((80, 250, 320, 390), row, strict=True):
            parts = text.split("\n")
            for i, part in enumerate(parts):
                write(c, x, top + (19 if len(parts) == 1 else 13 + 12 * i), part)
    c.line(80, HIGH - 300, 450, HIGH - 300)
    c.save()
    table = grids(read_pdf(path))[0]
    assert [tuple(cell.text for cell in row) for row in table.rows()] == rows


def test_two_figures_in_close_columns_do_not_join(tmp_path: Path) -> None:
    path = tmp_path / "close.pdf"
    c = canvas(path)
    write(c, 80, 100, "（一）公开")
    write(c, 200, 100, "1234")
    write(c, 224, 100, "0")
    c.save()
    assert read_pdf(path).text == "（一）公开 1234 0"


def test_a_rule_lost_between_two_figures(tmp_path: Path) -> None:
    path = tmp_path / "lost.pdf"
    c = canvas(path)
    gone = box((2, 3, 1, 1, ""))
    for x0, y0, x1, y1 in sides():
        if not (x0 == x1 == gone.right and y0 == gone.top):
            c.line(x0, HIGH - y0, x1, HIGH - y1)
    texts(c)
    c.save()
    assert _cells(path) == CELLS


def test_rows_without_rules_between_ruled_columns(tmp_path: Path) -> None:
    path = tmp_path / "rows.pdf"
    c = canvas(path)
    for left, right in ((80, 200), (200, 270), (270, 340)):
        c.rect(left, HIGH - 250, right - left, 100)
    for i, row in enumerate((("甲类", "12", "3"), ("乙类", "4", "50"), ("丙类", "6", "7"))):
        for x, text in zip((90, 220, 290), row, strict=True):
            write(c, x, 180 + 25 * i, text)
    c.save()
    assert [[c.text for c in row] for row in grids(read_pdf(path))[0].rows()] == [
        ["甲类", "12", "3"],
        ["乙类", "4", "50"],
        ["丙类", "6", "7"],
    ]


def test_figures_wrapped_for_want_of_room_are_not_rows(tmp_path: Path) -> None:
    path = tmp_path / "wrapped.pdf"
    c = canvas(path)
    for left, right in ((80, 200), (200, 232), (232, 264)):
        c.rect(left, HIGH - 190, right - left, 40)
    write(c, 90, 170, "甲类的")
    write(c, 90, 183, "申请")
    for x in (203, 235):
        write(c, x, 170, "12345")
        write(c, x, 183, "6")
    c.save()
    assert [c.text for c in grids(read_pdf(path))[0].cells] == ["甲类的\n申请", "12345\n6", "12345\n6"]


def test_filled_in_fields_are_read(tmp_path: Path) -> None:
    path = tmp_path / "fields.pdf"
    c = canvas(path)
    c.rect(80, 600, 100, 30)
    c.rect(180, 600, 100, 30)
    write(c, 85, HIGH - 610, "数量")
    c.acroForm.textfield(
        name="n",
        value="95",
        x=185,
        y=603,
        width=80,
        height=22,
        borderWidth=0,
        fontSize=10,
        fontName="Helvetica",
    )
    c.save()
    assert [cell.text for cell in grids(read_pdf(path))[0].cells] == ["数量", "95"]


def test_places_lead_back(tmp_path: Path) -> None:
    """Text found again by PDFium in the box that the locator names."""
    path = tmp_path / "places.pdf"
    c = canvas(path)
    cell_lines(c)
    texts(c)
    c.save()
    with pypdfium2.PdfDocument(path) as pdf:
        text = pdf[0].get_textpage()
        for cell in grids(read_pdf(path))[0].cells:
            left, top, right, bottom = (float(s) for s in cell.locator.partition("box=")[2].split(","))
            inside = text.get_text_bounded(left, HIGH - bottom, right, HIGH - top)
            assert "".join(inside.split()) == "".join(cell.text.split())


def test_a_footnote_mark_is_no_digit(tmp_path: Path) -> None:
    path = tmp_path / "raised.pdf"
    c = canvas(path)
    for row, rise in enumerate((4.0, -2.0)):
        c.rect(80, 600 - 30 * row, 100, 30)
        c.rect(180, 600 - 30 * row, 100, 30)
        write(c, 85, HIGH - 610 + 30 * row, "数量")
        write(c, 200, HIGH - 610 + 30 * row, "95")
        write(c, 210.2, HIGH - 610 + 30 * row - rise, "1", 6)
    c.save()
    assert [cell.text for cell in grids(read_pdf(path))[0].cells] == ["数量", "95¹", "数量", "95₁"]


def test_a_figure_struck_out_is_not_read(tmp_path: Path) -> None:
    path = tmp_path / "struck.pdf"
    c = canvas(path)
    c.rect(80, 600, 100, 30)
    c.rect(180, 600, 100, 30)
    write(c, 85, HIGH - 610, "本年新收申请的数量")
    write(c, 200, HIGH - 610, "12")
    c.rect(200, 613.2, 10, 0.5, stroke=0, fill=1)
    write(c, 210, HIGH - 610, "15")
    c.save()
    assert [cell.text for cell in grids(read_pdf(path))[0].cells] == ["本年新收申请的数量", "\ufffd\ufffd15"]
    assert all("\ufffd" in g.cells[1].text for g in grids(read_pdf_again(path)))


def test_a_figure_wider_than_its_cell_stays_whole(tmp_path: Path) -> None:
    path = tmp_path / "wide.pdf"
    c = canvas(path)
    for column, text in enumerate(("甲", "1234567", "0", "8")):
        c.rect(80 + 30 * column, 600, 30, 30)
        write(c, 80 + 30 * column + 28 - pdfmetrics.stringWidth(text, FONT, 10), HIGH - 610, text)
    c.save()
    assert [cell.text for cell in grids(read_pdf(path))[0].cells] == ["甲", "1234567", "0", "8"]


def test_a_page_of_endless_rules_ends(tmp_path: Path) -> None:
    path = tmp_path / "rules.pdf"
    c = canvas(path)
    for i in range(6000):
        c.line(20, 10 + 0.13 * i, 580, 10 + 0.13 * i)
        c.line(20 + 0.09 * i, 10, 20 + 0.09 * i, 800)
        c.rect(20 + 0.09 * i, 10 + 0.13 * i, 7, 7, stroke=0, fill=1)
    c.save()
    start = time.process_time()
    read_pdf(path)
    assert time.process_time() - start < 20


def test_figures_that_fill_their_cells_stay_apart(tmp_path: Path) -> None:
    """Cells without padding, as wide as their figures."""
    path = tmp_path / "tight.pdf"
    c = canvas(path)
    x = 80.0
    for text in ("甲乙", "1234", "0", "11", "1"):
        width = pdfmetrics.stringWidth(text, "Helvetica" if text.isdigit() else FONT, 10)
        c.rect(x, 600, width, 30)
        write(c, x, HIGH - 610, text, 10, "Helvetica" if text.isdigit() else FONT)
        x += width
    c.save()
    assert [cell.text for cell in grids(read_pdf(path))[0].cells] == ["甲乙", "1234", "0", "11", "1"]
