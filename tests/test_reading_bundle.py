"""Workbooks, archives, web archives, mail and old Word files: the report in them, as it stands alone."""

from __future__ import annotations

import io
import shutil
import subprocess
import zipfile
from collections.abc import Mapping
from email.message import EmailMessage
from pathlib import Path
from xml.sax.saxutils import escape

import pytest

from pipeline.cells.read import read_file
from pipeline.cells.report import Report
from pipeline.reading import office
from pipeline.reading.document import Document, Grid, Paragraph, ReadingError
from pipeline.reading.open import read_document, second_opinion, sniff
from pipeline.reading.sheet import read_sheets, shown_number
from pipeline.reading.word import read_docx
from tests.render import Case, Expected

MAIN = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
OFFICE = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
PACKAGE = "http://schemas.openxmlformats.org/package/2006/relationships"
TYPES = (
    '<Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types">'
    '<Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/>'
    '<Default Extension="xml" ContentType="application/xml"/>'
    '<Override PartName="/xl/workbook.xml" ContentType="application/vnd.openxmlformats-officedocument'
    '.spreadsheetml.sheet.main+xml"/><Override PartName="/xl/s1.xml" ContentType="application/vnd.'
    'openxmlformats-officedocument.spreadsheetml.worksheet+xml"/><Override PartName="/xl/styles.xml" '
    'ContentType="application/vnd.openxmlformats-officedocument.spreadsheetml.styles+xml"/></Types>'
)
# Style 0 plain, 1 ruled, 2 a date, 3 two decimals, 4 hidden by its format.
STYLES = (
    f'<styleSheet xmlns="{MAIN}"><numFmts count="1"><numFmt numFmtId="164" formatCode=";;;"/></numFmts>'
    '<fonts count="2"><font/><font><strike/></font></fonts><fills count="1"><fill/></fills>'
    '<borders count="2"><border><left/></border><border><left style="thin"/></border></borders>'
    '<cellStyleXfs count="1"><xf/></cellStyleXfs><cellXfs count="6"><xf/><xf borderId="1"/>'
    '<xf numFmtId="14"/><xf numFmtId="2"/><xf numFmtId="164"/><xf fontId="1"/></cellXfs></styleSheet>'
)
needs_office = pytest.mark.skipif(
    not any(shutil.which(name) for name in office.PROGRAMS),
    reason="needs LibreOffice (Debian: apt-get install libreoffice-writer libreoffice-calc)",
)


def workbook(path: Path, rows: str, after: str = "", before: str = "", state: str = "visible") -> Path:
    """A workbook of one sheet's XML."""

    def relations(*targets: tuple[str, str]) -> str:
        items = "".join(
            f'<Relationship Id="r{i}" Type="{OFFICE}/{kind}" Target="{target}"/>'
            for i, (kind, target) in enumerate(targets, 1)
        )
        return f'<Relationships xmlns="{PACKAGE}">{items}</Relationships>'

    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("[Content_Types].xml", TYPES)
        archive.writestr("_rels/.rels", relations(("officeDocument", "xl/workbook.xml")))
        archive.writestr(
            "xl/workbook.xml",
            f'<workbook xmlns="{MAIN}" xmlns:r="{OFFICE}"><sheets>'
            f'<sheet name="s" sheetId="1" state="{state}" r:id="r1"/></sheets></workbook>',
        )
        archive.writestr(
            "xl/_rels/workbook.xml.rels", relations(("worksheet", "s1.xml"), ("styles", "styles.xml"))
        )
        archive.writestr("xl/styles.xml", STYLES)
        archive.writestr(
            "xl/s1.xml",
            f'<worksheet xmlns="{MAIN}">{before}<sheetData>{rows}</sheetData>{after}</worksheet>',
        )
    return path


def letters(column: int) -> str:
    """A sheet's name of a column counted from 1."""
    return chr(64 + column) if column <= 26 else letters((column - 1) // 26) + letters((column - 1) % 26 + 1)


def as_workbook(document: Document, path: Path) -> Path:
    """A document's lines and tables as rows of one sheet: figures as numbers, merged cells merged."""
    rows: dict[int, str] = {}
    merged = []
    at = 1
    for block in document.blocks:
        if isinstance(block, Paragraph):
            rows[at] = f'<c r="A{at}" t="inlineStr"><is><t>{escape(block.text)}</t></is></c>'
            at += 1
        elif isinstance(block, Grid):
            for cell in block.cells:
                row, name = at + cell.row, f"{letters(cell.column + 1)}{at + cell.row}"
                if cell.text.isdecimal():
                    inner = f'<c r="{name}" s="1"><v>{cell.text}</v></c>'
                else:
                    text = escape(cell.text)
                    inner = f'<c r="{name}" s="1" t="inlineStr"><is><t>{text}</t></is></c>'
                rows[row] = rows.get(row, "") + inner
                end = f"{letters(cell.column + cell.column_span)}{row + cell.row_span - 1}"
                if end != name:
                    merged.append(f'<mergeCell ref="{name}:{end}"/>')
            at += block.row_count
    xml = "".join(f'<row r="{row}">{cells}</row>' for row, cells in sorted(rows.items()))
    return workbook(path, xml, f"<mergeCells>{''.join(merged)}</mergeCells>")


def report(folder: Path, format: str = "docx") -> tuple[Path, Expected]:
    """A plain report and its truth."""
    return Case(format, (), "2021", "large", 11).render(folder)


def assert_exact(found: Report, expected: Expected) -> None:
    assert found.status == "parsed", found.message
    facts = {(t.table, f.row, f.column): f.value for t in found.tables for f in t.facts}
    assert len(facts) == len(expected.cells) > 100
    for key, cell in expected.cells.items():
        assert facts[key] == (None if cell.figure is None else float(cell.figure)), key
    assert found.heading is not None
    assert (found.heading.agency_name, found.heading.report_year) == (expected.agency, expected.year)


# Workbooks


@pytest.mark.parametrize("form", ["2019", "2021"])
def test_a_report_in_a_workbook_is_read_exactly(tmp_path: Path, form: str) -> None:
    source, expected = Case("docx", (), form, "large", 11).render(tmp_path)
    path = as_workbook(read_docx(source), tmp_path / "report.xlsx")
    assert sniff(path) == "other"
    found = read_file(path, path.name)
    assert_exact(found, expected)
    place = next(f.locator for t in found.tables if t.table == "requests" for f in t.facts)
    assert place.startswith("table=1;row=")


@needs_office
@pytest.mark.slow
def test_an_old_workbook_is_read_as_the_new_one(tmp_path: Path) -> None:
    source, expected = report(tmp_path)
    as_workbook(read_docx(source), tmp_path / "report.xlsx")
    if not _converted(tmp_path / "report.xlsx", "xls", tmp_path):
        pytest.skip("needs LibreOffice's spreadsheets (Debian: apt-get install libreoffice-calc)")
    assert_exact(read_file(tmp_path / "report.xls", "report.xls"), expected)
    sheet = shutil.copy(tmp_path / "report.xls", tmp_path / "report.et")
    assert_exact(read_file(Path(sheet), "report.et"), expected)


def _converted(path: Path, to: str, folder: Path) -> bool:
    subprocess.run(
        [
            shutil.which("soffice") or "libreoffice",
            f"-env:UserInstallation={(folder / 'profile').as_uri()}",
            *("--headless", "--convert-to", to, "--outdir", str(folder), str(path)),
        ],
        check=False,
        capture_output=True,
        timeout=120,
    )
    return (folder / f"{path.stem}.{to}").is_file()


def test_a_sheet_is_read_as_it_is_shown(tmp_path: Path) -> None:
    rows = (
        '<row r="1"><c r="A1" t="inlineStr"><is><t>题</t></is></c></row>'
        '<row r="3"><c r="B3" s="1" t="inlineStr"><is><r><t>甲</t></r><r><rPr><strike/></rPr><t>9</t></r>'
        '<rPh><t>x</t></rPh></is></c><c r="C3" s="1"><f>B4+1</f><v>12</v></c><c r="D3"><v>7</v></c>'
        '<c r="E3" s="2"><v>45293</v></c></row>'
        '<row r="4" hidden="1"><c r="B4"><v>99</v></c></row>'
        '<row r="5"><c r="B5" s="3"><v>0.10000000000000001</v></c><c r="C5"><f>A1</f></c>'
        '<c r="E5" s="4"><v>5</v></c></row>'
        '<row r="6"><c r="B6" s="5"><v>3</v></c><c r="C6" t="e"><v>#REF!</v></c>'
        '<c r="E6"><v>1E2</v></c></row>'
    )
    path = workbook(
        tmp_path / "x.xlsx",
        rows,
        after='<mergeCells><mergeCell ref="B3:B4"/></mergeCells>',
        before='<cols><col min="4" max="4" hidden="1"/></cols>',
    )
    title, grid = read_sheets(path).blocks
    assert title == Paragraph("题", "table=1;row=1;column=1")
    assert isinstance(grid, Grid)
    assert [(c.row, c.column, c.text, c.locator) for c in grid.cells] == [
        (0, 0, "甲", "table=1;row=3;column=2"),
        (0, 1, "12", "table=1;row=3;column=3"),
        (0, 2, "2024-01-02", "table=1;row=3;column=5"),
        (1, 0, "0.10", "table=1;row=5;column=2"),
        (1, 1, "?", "table=1;row=5;column=3"),
        (2, 1, "#REF!", "table=1;row=6;column=3"),
        (2, 2, "100", "table=1;row=6;column=5"),
    ]


def test_a_hidden_sheet_is_not_read(tmp_path: Path) -> None:
    row = '<row r="1"><c r="A1"><v>1</v></c><c r="B1"><v>2</v></c></row>'
    assert not read_sheets(workbook(tmp_path / "x.xlsx", row, state="hidden")).blocks
    assert read_sheets(workbook(tmp_path / "y.xlsx", row)).blocks


@pytest.mark.parametrize(
    ("value", "number_format", "shown"),
    [
        ("12", "", "12"),
        ("12.0", "General", "12"),
        ("0.30000000000000004", "", "0.3"),
        ("1234567", "#,##0", "1234567"),
        ("12.5", "0", "13"),
        ("12.5", "0.00_ ", "12.50"),
        ("12.5", "#,##0.##", "12.5"),
        ("12", '0"件"', "12"),
        ("-3", "#,##0;(#,##0)", "-3"),
        ("0", '_ * #,##0_ ;_ * -#,##0_ ;_ * "-"_ ;_ @_ ', "0"),
        ("0.12", "0%", "12%"),
        ("12000", "#,##0,", "12"),
        ("45293", "yyyy/m/d", "2024-01-02"),
        ("45293.5", "m月d日 h:mm", "2024-01-02 12:00"),
        ("45293", "[$-804]aaaa;@", "2024-01-02"),
        ("5", ";;;", ""),
        ("1e3", "@", "1000"),
        ("0.00001", "", "0.00001"),
        ("7", "[Red]0", "7"),
        ("word", "0", "word"),
    ],
)
def test_a_number_is_what_its_format_shows(value: str, number_format: str, shown: str) -> None:
    assert shown_number(value, number_format) == shown


# Old Word files


@needs_office
@pytest.mark.slow
def test_an_old_word_file_is_read_as_the_new_one(tmp_path: Path) -> None:
    source, expected = report(tmp_path)
    for ending in ("doc", "rtf", "odt"):
        assert _converted(source, ending, tmp_path)
        path = source.with_suffix(f".{ending}")
        found = read_document(path)
        assert found.format == sniff(path) == "doc"
        assert any(isinstance(b, Grid) and b.locator.startswith("table=") for b in found.blocks)
        assert_exact(read_file(path, path.name), expected)
    # By its bytes, whatever it is called.
    renamed = shutil.copy(source.with_suffix(".doc"), tmp_path / "renamed.docx")
    assert_exact(read_file(Path(renamed), "renamed.docx"), expected)


def test_without_libreoffice_an_old_file_says_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(office, "PROGRAMS", ("no-such-office",))
    path = tmp_path / "x.doc"
    path.write_bytes(rb"{\rtf1 1}")
    with pytest.raises(ReadingError, match="libreoffice-writer") as error:
        read_document(path)
    assert error.value.status == "unsupported"


# Archives


def zipped(path: Path, members: Mapping[str, bytes]) -> Path:
    with zipfile.ZipFile(path, "w") as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    return path


@pytest.mark.parametrize("format", ["docx", "pdf_lines", "html"])
def test_the_one_report_of_an_archive_is_read(tmp_path: Path, format: str) -> None:
    source, expected = report(tmp_path, format)
    beside = {"__MACOSX/._年报.pdf": b"x", "说明.txt": "见附件".encode(), "章.png": b"\x89PNG"}
    path = zipped(tmp_path / "a.zip", {**beside, f"年报/年报{source.suffix}": source.read_bytes()})
    assert_exact(read_file(path, path.name), expected)
    found = read_document(path)
    assert found.hints["member"] == f"年报/年报{source.suffix}"
    alone = read_document(source)
    assert found.blocks == alone.blocks
    again = second_opinion(path, found)
    assert (again is not None) == (format == "pdf_lines")


@pytest.mark.parametrize(
    ("members", "status", "says"),
    [
        ({"a.pdf": b"1", "b.docx": b"2"}, "unsupported", "2 reports in one archive"),
        ({"a.pdf": b"1", "b.rar": b"2"}, "unsupported", "inside another"),
        ({"a.exe": b"1"}, "unsupported", "no report"),
        ({}, "unsupported", "no report"),
        ({"../../a.html": b""}, "unreadable", "empty"),
    ],
)
def test_other_archives_say_what_to_do(
    tmp_path: Path, members: Mapping[str, bytes], status: str, says: str
) -> None:
    path = zipped(tmp_path / "a.zip", members)
    with pytest.raises(ReadingError, match=says) as error:
        read_document(path)
    assert error.value.status == status


def test_a_name_in_the_code_page_of_windows(tmp_path: Path) -> None:
    raw = "年报.html".encode("gb18030").decode("cp437")
    path = tmp_path / "a.zip"
    with zipfile.ZipFile(path, "w") as archive:
        info = zipfile.ZipInfo("x" * len(raw))
        archive.writestr(info, report(tmp_path, "html")[0].read_bytes())
    path.write_bytes(path.read_bytes().replace(b"x" * len(raw), raw.encode("cp437")))
    assert read_document(path).hints["member"] == "年报.html"


@pytest.mark.parametrize(
    ("name", "data", "says"),
    [
        ("a.ofd", {"OFD.xml": b"<ofd/>", "Doc_0/Document.xml": b""}, "OFD"),
        ("a.pptx", {"[Content_Types].xml": b"", "ppt/presentation.xml": b""}, "another program"),
        ("a.rar", b"Rar!\x1a\x07\x00", "Unpack it"),
        ("a.doc", b'<?xml version="1.0"?><?mso-application progid="Word.Document"?><w/>', "one XML text"),
        ("a.csv", b"1,2", "no reader"),
    ],
)
def test_what_is_not_read_says_why(
    tmp_path: Path, name: str, data: bytes | Mapping[str, bytes], says: str
) -> None:
    path = tmp_path / name
    if isinstance(data, bytes):
        path.write_bytes(data)
    else:
        zipped(path, data)
    assert sniff(path) == "other"
    with pytest.raises(ReadingError, match=says) as error:
        read_document(path)
    assert error.value.status == "unsupported"


# Web archives and mail


def web_archive(page: bytes, charset: str) -> bytes:
    """A page as browsers and Word save it in one file."""
    message = EmailMessage()
    message["Subject"] = "page"
    message.set_content(page, maintype="text", subtype="html", cte="quoted-printable")
    message.set_param("charset", charset)
    message.add_related(b"\x89PNG0", "image", "png", cid="<p>")
    return message.as_bytes()


@pytest.mark.parametrize("name", ["report.mht", "report.doc"])
def test_a_web_archive_is_its_page(tmp_path: Path, name: str) -> None:
    source, expected = report(tmp_path, "html")
    path = tmp_path / name
    path.write_bytes(b"MIME-Version: 1.0\r\n" + web_archive(source.read_bytes(), "utf-8"))
    assert_exact(read_file(path, path.name), expected)
    assert sniff(path) == ("html" if name.endswith("mht") else "other")


def test_pictures_of_a_web_archive_stand_in_its_page(tmp_path: Path) -> None:
    page = b'<html><body><p>text of the page</p><img src="cid:p" width="300" height="300"></body></html>'
    path = tmp_path / "a.mht"
    path.write_bytes(web_archive(page, "utf-8"))
    pictures = [getattr(block, "data", None) for block in read_document(path).blocks]
    assert b"\x89PNG0" in pictures


def test_a_page_whose_charset_only_the_message_says(tmp_path: Path) -> None:
    path = tmp_path / "a.mht"
    path.write_bytes(web_archive("<html><p>本年新收申请情况</p></html>".encode("gb18030"), "gb2312"))
    assert "本年新收申请情况" in read_document(path).text


def mail(**attached: bytes) -> bytes:
    message = EmailMessage()
    message["From"] = "a@example.org"
    message.set_content("the report is attached")
    for name, data in attached.items():
        message.add_attachment(data, "application", "octet-stream", filename=name.replace("_", "."))
    return message.as_bytes()


def test_the_report_attached_to_a_mail_is_read(tmp_path: Path) -> None:
    source, expected = report(tmp_path)
    path = tmp_path / "a.eml"
    path.write_bytes(mail(report_docx=source.read_bytes()))
    assert_exact(read_file(path, path.name), expected)
    assert read_document(path).hints["member"] == "report.docx"


def test_a_mail_with_several_reports_or_none(tmp_path: Path) -> None:
    path = tmp_path / "a.eml"
    path.write_bytes(mail(a_pdf=b"1", b_docx=b"2"))
    with pytest.raises(ReadingError, match="2 reports in one message"):
        read_document(path)
    inner = io.BytesIO()
    with zipfile.ZipFile(inner, "w") as archive:
        archive.writestr("a.pdf", b"1")
    path.write_bytes(mail(a_zip=inner.getvalue()))
    with pytest.raises(ReadingError, match="inside another"):
        read_document(path)
    path.write_bytes(mail())
    assert "attached" in read_document(path).text
