"""Files made to harm a reader: each kind by a small function that writes it.

Here: the files, and readers that hang or eat memory. What must become of them: test_hostile.
Run as a program it prints what each costs: ``python -m tests.hostile``.
"""

from __future__ import annotations

import io
import resource
import struct
import sys
import tempfile
import time
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
from PIL import Image
from reportlab.pdfgen.canvas import Canvas

from pipeline.cells.read import read_file
from pipeline.cells.report import Report
from pipeline.collection import identify, list_files
from pipeline.reading_pool import Limits, read_files
from tests.render import Case

OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
GIGABYTE = 1 << 30
SECRET = "SECRET-4711"
GOOD = Case("docx", (), "2021", "large", 11)
Make = Callable[[Path], None]
QUICK: dict[str, Make] = {}
SLOW: dict[str, Make] = {}


def hostile(name: str, slow: bool = False) -> Callable[[Make], Make]:
    """Register what writes the file of this name."""

    def keep(make: Make) -> Make:
        (SLOW if slow else QUICK)[name] = make
        return make

    return keep


def good_file(folder: Path, format: str = "docx") -> bytes:
    """The bytes of a plain report."""
    return Case(format, (), GOOD.form, GOOD.size, GOOD.seed).render(folder)[0].read_bytes()


def _good(format: str = "docx") -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        return good_file(Path(folder), format)


def zipped(path: Path, members: dict[str, bytes]) -> None:
    """A ZIP with these members."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in members.items():
            archive.writestr(name, data)


def docx_of(path: Path, document: bytes, more: dict[str, bytes] | None = None) -> None:
    """A DOCX with this main part, and others."""
    relations = (
        '<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships">'
        '<Relationship Id="r1" Target="word/document.xml" Type="http://schemas.openxmlformats.org/'
        'officeDocument/2006/relationships/officeDocument"/></Relationships>'
    )
    zipped(path, {"_rels/.rels": relations.encode(), "word/document.xml": document, **(more or {})})


def word(body: str, before: str = "") -> bytes:
    """A main part around a body."""
    space = "http://schemas.openxmlformats.org/wordprocessingml/2006/main"
    return f'{before}<w:document xmlns:w="{space}"><w:body>{body}</w:body></w:document>'.encode()


def pdf_of(path: Path, objects: dict[int, bytes], root: int = 1) -> None:
    """A PDF of numbered objects, with a right cross-reference table."""
    out = io.BytesIO()
    out.write(b"%PDF-1.7\n")
    places = {}
    for number, body in sorted(objects.items()):
        places[number] = out.tell()
        out.write(b"%d 0 obj\n%s\nendobj\n" % (number, body))
    start = out.tell()
    size = max(objects) + 1
    out.write(b"xref\n0 %d\n0000000000 65535 f \n" % size)
    for number in range(1, size):
        out.write(b"%010d 00000 %s \n" % (places.get(number, 0), b"n" if number in places else b"f"))
    out.write(b"trailer\n<</Size %d/Root %d 0 R>>\nstartxref\n%d\n%%%%EOF\n" % (size, root, start))
    path.write_bytes(out.getvalue())


def stream(data: bytes, entries: bytes = b"") -> bytes:
    """A PDF stream, packed."""
    packed = zlib.compress(data, 9)
    return b"<<%s/Filter/FlateDecode/Length %d>>\nstream\n%s\nendstream" % (entries, len(packed), packed)


def one_page(
    content: bytes, resources: bytes = b"<<>>", more: dict[int, bytes] | None = None
) -> dict[int, bytes]:
    """The objects of a PDF with one page; ``content`` is a whole stream object."""
    return {
        1: b"<</Type/Catalog/Pages 2 0 R>>",
        2: b"<</Type/Pages/Count 1/Kids[3 0 R]>>",
        3: b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 595 842]/Contents 4 0 R/Resources %s>>" % resources,
        4: content,
        **(more or {}),
    }


def packed_nothing(size: int) -> bytes:
    """Deflated blanks that unpack to ``size`` bytes, made without unpacking them."""
    step = 1 << 24
    packer = zlib.compressobj(9, zlib.DEFLATED, -15)
    first = packer.compress(b" " * step) + packer.flush(zlib.Z_FULL_FLUSH)
    rest = packer.compress(b" " * step) + packer.flush(zlib.Z_FULL_FLUSH)
    end = packer.flush(zlib.Z_FINISH)
    return first + rest * (size // step - 1) + end


def bomb(path: Path, name: str, size: int, said: int | None = None) -> None:
    """A ZIP whose one member unpacks to ``size`` bytes, and says ``said`` of it."""
    data, told = packed_nothing(size), size if said is None else said
    sizes = struct.pack("<HHHHHIII", 20, 0, 8, 0, 33, 0, len(data), told)
    encoded = name.encode()
    local = b"PK\3\4" + sizes + struct.pack("<HH", len(encoded), 0) + encoded + data
    central = b"PK\1\2\x14\0" + sizes + struct.pack("<HHHHHII", len(encoded), 0, 0, 0, 0, 0, 0) + encoded
    end = b"PK\5\6" + struct.pack("<HHHHIIH", 0, 0, 1, 1, len(central), len(local), 0)
    path.write_bytes(local + central + end)


LAUGHS = "<!DOCTYPE x [<!ENTITY a0 'ha'>" + "".join(
    f"<!ENTITY a{i} '{f'&a{i - 1};' * 10}'>" for i in range(1, 11)
)
_PARAGRAPH = "<w:p><w:r><w:t>{}</w:t></w:r></w:p>"


def png(path: Path, wide: int, high: int, rows: int) -> None:
    """A PNG that says it is this large and holds so many rows."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", wide, high, 1, 0, 0, 0, 0)
    data = zlib.compress(bytes((wide + 7) // 8 + 1) * rows, 9)
    path.write_bytes(
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", data) + chunk(b"IEND", b"")
    )


# Locked, cut off, empty


@hostile("locked.pdf")
def locked_pdf(path: Path) -> None:
    canvas = Canvas(str(path), encrypt="a password")
    canvas.drawString(72, 72, "1")
    canvas.save()


@hostile("locked.docx")
def locked_docx(path: Path) -> None:
    path.write_bytes(OLE + bytes(1016) + "EncryptedPackage".encode("utf-16-le") + bytes(2000))


@hostile("locked.zip")
def locked_zip(path: Path) -> None:
    zipped(path, {"a.pdf": b"%PDF-1.4"})
    data = bytearray(path.read_bytes())
    data[6] |= 1
    data[data.rindex(b"PK\1\2") + 8] |= 1
    path.write_bytes(bytes(data))


@hostile("cut.docx")
def cut_docx(path: Path) -> None:
    data = _good()
    path.write_bytes(data[: len(data) // 2])


@hostile("cut.pdf")
def cut_pdf(path: Path) -> None:
    data = _good("pdf_lines")
    path.write_bytes(data[: len(data) // 2])


@hostile("cut.png")
def cut_png(path: Path) -> None:
    png(path, 2000, 2000, 900)
    data = path.read_bytes()
    path.write_bytes(data[: len(data) - 20])


@hostile("empty.pdf")
def empty(path: Path) -> None:
    path.touch()


# Bombs


@hostile("bomb.docx")
def bomb_docx(path: Path) -> None:
    bomb(path, "word/document.xml", 4 * GIGABYTE - (1 << 24))


@hostile("lying bomb.docx")
def lying_bomb_docx(path: Path) -> None:
    bomb(path, "word/document.xml", 2 * GIGABYTE, said=5000)


@hostile("bomb.zip")
def bomb_zip(path: Path) -> None:
    bomb(path, "report.pdf", 2 * GIGABYTE)


@hostile("lying bomb.zip")
def lying_bomb_zip(path: Path) -> None:
    bomb(path, "report.html", 2 * GIGABYTE, said=5000)


@hostile("nested.zip")
def nested_zip(path: Path) -> None:
    data = b"%PDF-1.4"
    name = "report.pdf"
    for depth in range(50):
        inner = io.BytesIO()
        with zipfile.ZipFile(inner, "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr(name, data)
        data, name = inner.getvalue(), f"{depth}.zip"
    path.write_bytes(data)


@hostile("disguised nested.zip")
def disguised_zip(path: Path) -> None:
    inner = io.BytesIO()
    with zipfile.ZipFile(inner, "w") as archive:
        archive.writestr("report.pdf", b"%PDF-1.4")
    zipped(path, {"report.pdf": inner.getvalue()})


@hostile("nested.eml")
def nested_eml(path: Path) -> None:
    head = "From: a@example.org\nMIME-Version: 1.0\n"
    parts = "".join(f"Content-Type: multipart/mixed; boundary=b{i}\n\n--b{i}\n" for i in range(1200))
    path.write_text(head + parts)


@hostile("huge.png")
def huge_png(path: Path) -> None:
    png(path, 60_000, 60_000, 10)


@hostile("wide.xlsx")
def wide_xlsx(path: Path) -> None:
    space = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
    office = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
    package = "http://schemas.openxmlformats.org/package/2006/relationships"
    merged = "".join(f'<mergeCell ref="A{i}:XFD1048576"/>' for i in range(1, 5000))
    zipped(
        path,
        {
            "_rels/.rels": f'<Relationships xmlns="{package}"><Relationship Id="a" Target="xl/workbook.xml" '
            f'Type="{office}/officeDocument"/></Relationships>'.encode(),
            "xl/workbook.xml": f'<workbook xmlns="{space}" xmlns:r="{office}"><sheets><sheet name="s" '
            'sheetId="1" r:id="a"/></sheets></workbook>'.encode(),
            "xl/_rels/workbook.xml.rels": f'<Relationships xmlns="{package}"><Relationship Id="a" '
            f'Target="sheet.xml" Type="{office}/worksheet"/></Relationships>'.encode(),
            "xl/sheet.xml": f'<worksheet xmlns="{space}"><sheetData><row r="1"><c r="A1"><v>1</v></c></row>'
            f'<row r="1048576"><c r="XFD1048576"><v>1</v></c></row></sheetData><mergeCells>{merged}'
            "</mergeCells></worksheet>".encode(),
        },
    )


# XML that unfolds, or asks for other files; the marker file stands at ../secret.txt


@hostile("laughs.docx")
def laughs_docx(path: Path) -> None:
    docx_of(path, word(_PARAGRAPH.format("&a10;"), LAUGHS + "]>"))


@hostile("late laughs.docx")
def late_laughs_docx(path: Path) -> None:
    docx_of(path, word(_PARAGRAPH.format("&a10;"), f"<!--{' ' * 20_000}-->{LAUGHS}]>"))


@hostile("laughs.html")
def laughs_html(path: Path) -> None:
    table = "<table><tr><td>&a10;</td><td>1</td></tr></table>"
    path.write_text(f"<?xml version='1.0'?>{LAUGHS}]><html><body>{table}</body></html>")


@hostile("fetches.docx")
def fetching_docx(path: Path) -> None:
    secret = (path.parent.parent / "secret.txt").as_uri()
    before = f'<!DOCTYPE x [<!ENTITY s SYSTEM "{secret}">]>'
    docx_of(path, word(_PARAGRAPH.format("&s;"), before))


@hostile("late fetches.docx")
def late_fetching_docx(path: Path) -> None:
    secret = (path.parent.parent / "secret.txt").as_uri()
    before = f'<!--{" " * 20_000}--><!DOCTYPE x [<!ENTITY s SYSTEM "{secret}">]>'
    docx_of(path, word(_PARAGRAPH.format("&s;"), before))


@hostile("fetches.xhtml")
def fetching_xhtml(path: Path) -> None:
    secret = path.parent.parent / "secret.txt"
    path.write_text(
        f'<?xml version="1.0"?><!DOCTYPE html [<!ENTITY s SYSTEM "{secret.as_uri()}">]>'
        '<html xmlns:xi="http://www.w3.org/2001/XInclude"><body><p>&s;</p>'
        f'<xi:include parse="text" href="{secret.as_uri()}"/><iframe src="{secret.as_uri()}"></iframe>'
        f'<object data="{secret}"></object><img src="../secret.txt" width="500" height="500">'
        "<table><tr><td>1</td><td>&s;</td></tr></table></body></html>"
    )


@hostile("fetches.rtf", slow=True)
def fetching_rtf(path: Path) -> None:
    secret = str(path.parent.parent / "secret.txt").replace("\\", "\\\\")
    path.write_text(
        r"{\rtf1\ansi{\field{\*\fldinst INCLUDETEXT " + f'"{secret}"' + r"}{\fldrslt }}"
        r"\par text\par}"
    )


@hostile("fetches.odt", slow=True)
def fetching_odt(path: Path) -> None:
    secret = (path.parent.parent / "secret.txt").as_uri()
    content = (
        '<office:document-content xmlns:office="urn:oasis:names:tc:opendocument:xmlns:office:1.0" '
        'xmlns:text="urn:oasis:names:tc:opendocument:xmlns:text:1.0" '
        'xmlns:xlink="http://www.w3.org/1999/xlink" office:version="1.2"><office:body><office:text>'
        f'<text:section text:name="s"><text:section-source xlink:href="{secret}" '
        'text:filter-name="Text"/><text:p>old</text:p></text:section><text:p>text</text:p>'
        "</office:text></office:body></office:document-content>"
    )
    manifest = (
        '<manifest:manifest xmlns:manifest="urn:oasis:names:tc:opendocument:xmlns:manifest:1.0">'
        '<manifest:file-entry manifest:full-path="/" '
        'manifest:media-type="application/vnd.oasis.opendocument.text"/>'
        '<manifest:file-entry manifest:full-path="content.xml" manifest:media-type="text/xml"/>'
        "</manifest:manifest>"
    )
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("mimetype", "application/vnd.oasis.opendocument.text")
        archive.writestr("content.xml", content)
        archive.writestr("META-INF/manifest.xml", manifest)


# Pictures that are no pages


@hostile("squared paper.png")
def squared_paper(path: Path) -> None:
    pixels = np.full((3000, 3000), 255, dtype=np.uint8)
    pixels[::20] = pixels[:, ::20] = 0
    Image.fromarray(pixels).save(path)


@hostile("grain.png")
def grain(path: Path) -> None:
    pixels = np.random.default_rng(1).integers(0, 256, (2500, 2500), dtype=np.uint8)
    Image.fromarray(pixels).save(path)


# Too much of everything


@hostile("10000 pages.pdf")
def many_pages(path: Path) -> None:
    objects = {
        1: b"<</Type/Catalog/Pages 2 0 R>>",
        3: stream(b"BT /F 12 Tf 72 700 Td (1 2 3) Tj ET"),
        4: b"<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>",
    }
    kids = []
    for number in range(5, 10_005):
        objects[number] = (
            b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 595 842]/Contents 3 0 R/Resources<</Font<</F 4 0 R>>>>>>"
        )
        kids.append(b"%d 0 R" % number)
    objects[2] = b"<</Type/Pages/Count 10000/Kids[%s]>>" % b" ".join(kids)
    pdf_of(path, objects)


@hostile("50 MB.html")
def large_html(path: Path) -> None:
    path.write_bytes(b"<html><body>" + b"<p>a paragraph of the page</p>\n" * 1_700_000)


@hostile("29 MB.html", slow=True)
def fairly_large_html(path: Path) -> None:
    row = "<tr>" + "<td>1</td>" * 8 + "</tr>"
    table = "<table>" + row * 14_000 + "</table>"
    path.write_text(f"<html><body>{table}<p>{'字' * 9_000_000}</p></body></html>")


@hostile("deep.html")
def deep_html(path: Path) -> None:
    path.write_text("<html><body>" + "<div>" * 100_000 + "1")


@hostile("deep lists.html")
def deep_lists_html(path: Path) -> None:
    path.write_text("<html><body>" + "<ul><li>" * 50_000 + "1")


@hostile("deep tables.html")
def deep_tables_html(path: Path) -> None:
    path.write_text("<html><body>" + "<table><tr><td>" * 33_000 + "1")


@hostile("1400 deep tables.html")
def fairly_deep_tables_html(path: Path) -> None:
    path.write_text("<html><body>" + "<table><tr><td>1</td><td>" * 1_400 + "1")


@hostile("unended tag.html")
def unended_tag(path: Path) -> None:
    path.write_text("<html><body><" + "a" * 3_000_000 + "<table><tr><td>1</td><td>2</td></tr></table>")


@hostile("spans.html", slow=True)
def spanning_html(path: Path) -> None:
    row = "<tr>" + "<td colspan=999999999 rowspan=999999999>1</td>" * 30 + "</tr>"
    path.write_text("<html><body><table>" + row * 300 + "</table></body></html>")


@hostile("deep.docx")
def deep_docx(path: Path) -> None:
    cell = "<w:tbl><w:tr><w:tc><w:p/>"
    docx_of(path, word(cell * 5000 + "</w:tc></w:tr></w:tbl>" * 5000))


@hostile("spans.docx", slow=True)
def spanning_docx(path: Path) -> None:
    cell = '<w:tc><w:tcPr><w:gridSpan w:val="99999999"/></w:tcPr>' + _PARAGRAPH.format(1) + "</w:tc>"
    docx_of(path, word(f"<w:tbl>{f'<w:tr>{cell * 60}</w:tr>' * 300}</w:tbl>"))


@hostile("blanks.txt")
def blank_lines(path: Path) -> None:
    line = " " * 200_000
    path.write_text(f"a|b\n{line}x|\n|{line}x\n|{'-' * 100_000}x\n" + f"{'-' * 100_000}|\n")


@hostile("pipes.txt", slow=True)
def cells_to_lines(path: Path) -> None:
    path.write_text("a |\n" * 30_000 + "a|b\n" * 1000)


@hostile("tabs.txt")
def many_fields(path: Path) -> None:
    path.write_text(("\t" * 500 + "\n") * 2000)


@hostile("digits.txt")
def many_digits(path: Path) -> None:
    path.write_text("收到政府信息公开申请" + "1" * 500_000 + "件，" + "1,2" * 100_000 + "\n")


# PDF loops


@hostile("looped pages.pdf")
def looped_pages(path: Path) -> None:
    pdf_of(
        path,
        {
            1: b"<</Type/Catalog/Pages 2 0 R>>",
            2: b"<</Type/Pages/Count 1000/Kids[2 0 R 3 0 R]/Parent 3 0 R>>",
            3: b"<</Type/Pages/Count 1000/Kids[2 0 R 3 0 R]/Parent 2 0 R>>",
        },
    )


@hostile("looped forms.pdf", slow=True)
def looped_forms(path: Path) -> None:
    form = b"/Type/XObject/Subtype/Form/BBox[0 0 595 842]/Resources<</XObject<</A 5 0 R/B 6 0 R>>>>"
    drawn = stream(b"/A Do /B Do /A Do /B Do", form)
    pdf_of(path, one_page(stream(b"/A Do"), b"<</XObject<</A 5 0 R>>>>", {5: drawn, 6: drawn}))


@hostile("branching forms.pdf", slow=True)
def branching_forms(path: Path) -> None:
    last = 30
    more = {}
    for number in range(5, last):
        below = b"/Resources<</XObject<</A %d 0 R>>>>" % (number + 1)
        form = b"/Type/XObject/Subtype/Form/BBox[0 0 595 842]" + below
        more[number] = stream(b"/A Do " * 10, form)
    more[last] = stream(b"0 0 m 9 9 l S", b"/Type/XObject/Subtype/Form/BBox[0 0 595 842]")
    pdf_of(path, one_page(stream(b"/A Do"), b"<</XObject<</A 5 0 R>>>>", more))


@hostile("huge picture.pdf", slow=True)
def huge_picture(path: Path) -> None:
    image = b"/Type/XObject/Subtype/Image/Width 100000/Height 100000/BitsPerComponent 8/ColorSpace/DeviceRGB"
    more = {5: stream(bytes(1_000_000), image)}
    pdf_of(path, one_page(stream(b"595 0 0 842 0 0 cm /I Do"), b"<</XObject<</I 5 0 R>>>>", more))


@hostile("huge page.pdf")
def huge_page(path: Path) -> None:
    objects = one_page(stream(b"0 0 1000000 1000000 re f 3 w 0 0 m 1000000 1000000 l S"))
    objects[3] = objects[3].replace(b"[0 0 595 842]", b"[0 0 100000000 100000000]")
    pdf_of(path, objects)


@hostile("deep states.pdf")
def deep_states(path: Path) -> None:
    pdf_of(path, one_page(stream(b"q " * 1_000_000 + b"[" * 1_000_000)))


@hostile("bomb.pdf", slow=True)
def bomb_pdf(path: Path) -> None:
    head = zlib.compressobj(9)
    data = b"".join(head.compress(b" " * (1 << 24)) for _ in range(128)) + head.flush()
    body = b"<</Filter/FlateDecode/Length %d>>\nstream\n%s\nendstream" % (len(data), data)
    pdf_of(path, one_page(body))


@hostile("many strokes.pdf", slow=True)
def many_strokes(path: Path) -> None:
    strokes = b"".join(b"%d %d m %d %d l S\n" % (i % 595, i % 842, i % 595, i % 700) for i in range(600_000))
    pdf_of(path, one_page(stream(strokes)))


@hostile("many glyphs.pdf", slow=True)
def many_glyphs(path: Path) -> None:
    line = b"(" + b"1 " * 2000 + b") Tj 0 -1 Td\n"
    content = stream(b"BT /F 1 Tf 1 800 Td " + line * 400 + b"ET")
    pdf_of(path, one_page(content, b"<</Font<</F<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>>>>>"))


# Not what the name says


@hostile("a pdf.docx")
def pdf_named_docx(path: Path) -> None:
    path.write_bytes(_good("pdf_lines"))


@hostile("a page.pdf")
def html_named_pdf(path: Path) -> None:
    path.write_bytes(_good("html"))


@hostile("a picture.txt")
def png_named_txt(path: Path) -> None:
    png(path, 200, 200, 200)


@hostile("text.doc")
def text_named_doc(path: Path) -> None:
    path.write_bytes(_good("txt_tab"))


@hostile("a docx.pdf")
def docx_named_pdf(path: Path) -> None:
    path.write_bytes(_good())


@hostile("zeros.pdf")
def zeros(path: Path) -> None:
    path.write_bytes(bytes(100_000))


@hostile("noise.doc")
def noise(path: Path) -> None:
    path.write_bytes(bytes((i * i * 7 + (i >> 3)) % 256 for i in range(1, 50_000)))


# Names

NAMES = (
    "with spaces and 'quotes\".html",
    "a line\nbreak.html",
    "a..%2f..%2fsecret.html",
    "-rf.html",
    "$(touch made) `touch made`; touch made.html",
    "C:\\con.html",
    "长" * 80 + ".html",
    "‮lmth.fdp.html",
)
NAME_BYTES = b"\xb1\xa8\xff.html"


# Readers that go wrong; for the pool, which takes a module's own function.


def read_or_harm(path: Path, name: str) -> Report:
    """The real reader, but for files whose names say what to do."""
    if "hang" in name:
        while True:
            time.sleep(1)
    if "eat" in name:
        held = []
        while True:
            held.append(np.empty(1 << 26, dtype=np.uint8))
    return read_file(path, name)


def read_and_tell(path: Path, name: str) -> Report:
    """The real reader; time and the most memory of the process stand beside the folder."""
    started = time.monotonic()
    report = read_file(path, name)
    taken = time.monotonic() - started
    with (path.parent.parent / "costs").open("a") as costs:
        print(f"{taken} {_most_memory()}", file=costs)
    return report


def _most_memory() -> int:
    """The most memory in MB of this process and of those that it started."""
    kinds = (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)
    return max(resource.getrusage(kind).ru_maxrss for kind in kinds) // 1024


def main(limits: Limits = Limits(120, 4096)) -> None:
    """Print time, memory, status and message of each file, each read in a process of its own."""
    for name, make in {**QUICK, **SLOW}.items():
        with tempfile.TemporaryDirectory() as folder:
            raw = Path(folder) / "raw"
            raw.mkdir()
            (Path(folder) / "secret.txt").write_text(SECRET)
            make(raw / name)
            started = time.monotonic()
            (file,) = identify(list_files(raw), Path(folder) / "files.parquet")
            (reading,) = read_files([file], read_and_tell, 1, limits)
            whole = time.monotonic() - started
            costs = Path(folder) / "costs"
            taken, memory = costs.read_text().split() if costs.exists() else ("nan", "0")
            report = reading.report
            print(
                f"{name:28} {float(taken):6.2f} s ({whole:6.2f} s whole) {int(memory):5d} MB  "
                f"{report.status}: {report.message[:150]}",
                flush=True,
            )


if __name__ == "__main__":
    sys.exit(main())
