"""Inputs for fuzzing: small real files of every kind, and what is done to them.

Here: the seeds of each reader and the mutations, all drawn from one random number generator. Not here: what
is done with an input (fuzz_watch.py), or how many there are (fuzz.py).
"""

from __future__ import annotations

import io
import random
import re
import tempfile
import zipfile
import zlib
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import datetime
from email.message import EmailMessage
from functools import cache
from pathlib import Path

import reportlab.rl_config
import xlsxwriter
import yaml

from pipeline.crawl.sources import SOURCES
from tests import fuzz_ole, fuzz_pictures
from tests.render import FORMATS, Report, build, external, make_figures, render
from tests.render.layout import PrintedTable

ROOT = Path(__file__).parents[1]
Mutate = Callable[[random.Random, bytes, Sequence[bytes]], bytes]

_LARGEST = 60_000
"""Bytes of an input: what is larger is slow and finds no more."""
_NUMBERS = (
    b"0",
    b"-1",
    b"1",
    b"2",
    b"255",
    b"256",
    b"32768",
    b"65535",
    b"65536",
    b"2147483647",
    b"2147483648",
    b"-2147483649",
    b"99999999999",
    b"1e308",
    b"NaN",
    b"0.0000001",
    b"1" * 400,
)
_BYTES = (
    b"\0",
    b"\xff",
    b"\x80",
    b"\r\n",
    b"\x1a",
    b"\xef\xbb\xbf",
    b"\xff\xfe",
    b"\xed\xa0\x80",
    b"\t" * 50,
)
_TOKENS: dict[str, tuple[bytes, ...]] = {
    "text": ("一、".encode(), b"\t|\t", b"|---|", b"\n\n\n", "　".encode(), "１２".encode(), b"\f", b"**"),
    "tags": (
        b"<table>",
        b"</table>",
        b"<tr>",
        b"<td rowspan=9999 colspan=99999>",
        b"<td rowspan=0>",
        b"<!--",
        b"]]>",
        b"<![CDATA[",
        b"<script>",
        b"<style>td{display:none}</style>",
        b"<frameset>",
        b"<svg>",
        b"<math>",
        b"&#x110000;",
        b"&#0;",
        b"&nbsp",
        b"<meta charset=utf-16>",
        b"<meta charset=gbk>",
        b"<base href='//['>",
        b"<td style='width:1e999px;color:#'>",
        b"<plaintext>",
        b"<template>",
        b"<select>",
        b"<br>" * 40,
        b"<img src='data:image/png;base64,AAAA'>",
        b"<!DOCTYPE a [<!ENTITY b 'c'>]>",
        b"<p hidden>",
    ),
    "word": (
        b"<w:tbl>",
        b"</w:tbl>",
        b"<w:tr>",
        b"<w:tc>",
        b'<w:gridSpan w:val="99999"/>',
        b'<w:gridSpan w:val="x"/>',
        b'<w:vMerge w:val="restart"/>',
        b"<w:vMerge/>",
        b'<w:gridBefore w:val="-3"/>',
        b"<w:sdt><w:sdtContent>",
        b'<w:numPr><w:ilvl w:val="77"/><w:numId w:val="9"/></w:numPr>',
        b"<w:drawing/>",
        b"<w:txbxContent>",
        b"<w:del>",
        b"<w:ins>",
        b'<w:fldChar w:fldCharType="begin"/>',
        b"<w:br/>",
        b"<mc:AlternateContent>",
        b'<!DOCTYPE a [<!ENTITY b SYSTEM "file:///etc/passwd">]>',
        b"&b;",
        b'r:id="rId99"',
        b"<w:p/>" * 30,
    ),
    "pdf": (
        b"<<",
        b">>",
        b"[",
        b"]",
        b"endstream",
        b"endobj",
        b"/Kids [1 0 R]",
        b"/Parent 1 0 R",
        b"/Rotate 45",
        b"/MediaBox [0 0 0 0]",
        b"/MediaBox [1e9 -1e9 5 1]",
        b"/Contents 99 0 R",
        b" Tj ",
        b" re f ",
        b" BT ",
        b" ET ",
        b" q ",
        b" Q ",
        b" 0 0 0 0 0 0 cm ",
        b" 1e30 0 0 1e-30 0 0 Tm ",
        b" Do ",
        b"/Length -1",
        b"/Count 999999",
        b"/Filter /FlateDecode",
        b"/Encrypt 1 0 R",
        b"(\\777)",
        b"<zz>",
        b" 0 0 5 5 re S ",
        b"trailer",
        b"startxref",
    ),
    "yaml": (
        b"!!python/object/apply:os.system ['id']",
        b"&a [*a]",
        b"&a",
        b"*a",
        b"<<: *a",
        b"? [",
        b"- " * 60,
        b"{" * 60,
        b"---\n",
        b"...\n",
        b"!!binary x",
        b"!!timestamp x",
        b"2024-99-99",
        b"1:60:60",
        b"|",
        b"%YAML 9.9\n",
        b"null",
        b"0x",
        b"!!int x",
        b"~: ~",
        b".inf",
        b"!!set {",
        b"'",
        b'"\\uD800"',
    ),
    "rtf": (
        b"{\\rtf1",
        b"}",
        b"{",
        b"\\u-40000?",
        b"\\trowd\\cellx1",
        b"\\cell",
        b"\\row",
        b"\\bin99 ",
        b"\\*",
    ),
    "mail": (
        b"Content-Type: multipart/mixed; boundary=x\r\n",
        b"--x\r\n",
        b"--x--\r\n",
        b"Content-Transfer-Encoding: base64\r\n",
        b"Content-Type: text/html; charset=x\r\n",
        b"=?gbk?B?//8=?=",
        b"filename*=utf-8''%ff",
        b"\r\n\r\n",
        b"MIME-Version: 1.0\r\n",
        b"Content-Type: message/rfc822\r\n",
        b"Content-Location: http://[\r\n",
    ),
    "ole": fuzz_ole.LINKS,
    "raw": (),
}
_NO_ZIP = (zipfile.BadZipFile, zlib.error, NotImplementedError, RuntimeError, ValueError, OSError, EOFError)
_TAG = re.compile(rb"<[^<>]{1,200}>")
_NUMBER = re.compile(rb"-?\d+(?:\.\d+)?")
_LINE = re.compile(rb"[^\n]*\n")


# Mutations.


def mutated(rng: random.Random, seeds: Sequence[bytes], kind: str) -> bytes:
    """One of the seeds with one to six things done to it, in the way of this kind."""
    data = rng.choice(seeds)
    if rng.random() < 0.02:
        return bytes(rng.randrange(256) for _ in range(rng.randrange(1, 400)))
    if kind == "office":
        kind = "ole" if data.startswith(fuzz_ole.MARK) else "rtf"
        if kind == "ole" and rng.random() < 0.75:
            return fuzz_ole.renumbered(rng, data)
    if kind == "given":  # what follows the end tells one from the other; what is made of it matters
        return data + rng.randbytes(8) if rng.random() < 0.8 else changed(rng, data, seeds, "rtf")
    if kind == "words":
        return fuzz_pictures.drawn_over(rng, data) if rng.random() < 0.97 else changed(rng, data, seeds, kind)
    if kind in ("word", "sheet", "zip") and data.startswith(b"PK") and rng.random() < 0.85:
        try:
            return _in_zip(rng, data, "tags" if kind == "sheet" else kind)
        except _NO_ZIP:  # broken by an earlier mutation: --guided goes on with those
            pass
    return changed(rng, data, seeds, kind)


def changed(rng: random.Random, data: bytes, seeds: Sequence[bytes], kind: str) -> bytes:
    """Bytes with one to six mutations; never more than 60,000 of them."""
    for _ in range(rng.choice((1, 1, 1, 2, 2, 3, 4, 6))):
        data = _once(rng, data, seeds, kind)[:_LARGEST]
    return data


def _once(rng: random.Random, data: bytes, seeds: Sequence[bytes], kind: str) -> bytes:
    if not data:
        return rng.choice(_BYTES)
    at = rng.randrange(len(data))
    end = min(len(data), at + rng.choice((1, 2, 8, 60, 500)))
    tokens = _TOKENS.get(kind, ())
    match rng.randrange(11):
        case 0:
            return data[:at] + bytes([data[at] ^ (1 << rng.randrange(8))]) + data[at + 1 :]
        case 1:
            return data[:at] + data[end:]
        case 2:
            return data[:at] + data[at:end] * rng.choice((2, 3, 40)) + data[end:]
        case 3:
            return data[:at] + rng.choice(_BYTES) + data[at + rng.randrange(2) :]
        case 4:
            return data[:at]
        case 5:
            other = rng.choice(seeds)
            return data[:at] + other[rng.randrange(len(other) + 1) :]
        case 6:
            return _spans(rng, data, _NUMBER, lambda span: rng.choice(_NUMBERS))
        case 7 if kind in ("tags", "word", "zip", "mail"):
            return _spans(
                rng, data, _TAG, lambda tag: rng.choice((b"", tag * 2, tag * rng.choice((30, 2000))))
            )
        case 7:
            return _spans(rng, data, _LINE, lambda line: rng.choice((b"", line * 2, line * 30)))
        case 8:
            pattern = _TAG if kind in ("tags", "word") else _LINE
            other = rng.choice(pattern.findall(data) or [b""])
            return _spans(rng, data, pattern, lambda _: other)
        case _:
            token = rng.choice(tokens or _BYTES)
            tag = rng.choice([m.end() for m in _TAG.finditer(data)] or [at]) if rng.random() < 0.7 else at
            return data[:tag] + token + data[tag:]


def _spans(
    rng: random.Random, data: bytes, pattern: re.Pattern[bytes], new: Callable[[bytes], bytes]
) -> bytes:
    """One of the spans that a pattern finds put in other words."""
    spans = [found.span() for found in pattern.finditer(data)]
    if not spans:
        return data
    start, end = rng.choice(spans)
    return data[:start] + new(data[start:end]) + data[end:]


def _in_zip(rng: random.Random, data: bytes, kind: str) -> bytes:
    """A package in which one or two members are changed, lost, doubled or emptied, and the rest is whole."""
    with zipfile.ZipFile(io.BytesIO(data)) as package:
        members = [(name, package.read(name)) for name in package.namelist()]
    if not members:
        raise ValueError("nothing to change in it")
    weights = [
        4 if re.search(r"document|sheet1|number|report|page|content", n.lower()) else 1 for n, _ in members
    ]
    for _ in range(rng.choice((1, 1, 2))):
        (index,) = rng.choices(range(len(members)), weights[: len(members)] or None)
        name, content = members[index]
        match rng.randrange(12):
            case 0:
                del members[index]
                del weights[index]
                if not members:
                    break
            case 1:
                members[index] = (
                    rng.choice(("word/document.xml", "../../out.txt", "x" * 200, name)),
                    content,
                )
            case 2:
                members[index] = (name, b"")
            case _:
                inner = "word" if name.startswith("word/") else "tags" if b"<" in content[:400] else kind
                members[index] = (name, changed(rng, content, [c for _, c in members], inner))
    return zipped(members)


def zipped(members: Sequence[tuple[str, bytes]]) -> bytes:
    """A package of these members; a name may stand twice."""
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as package:
        for name, content in members:
            package.writestr(zipfile.ZipInfo(name), content, zipfile.ZIP_DEFLATED)
    return made.getvalue()


# Seeds.


def _small(seed: int, code: str, form: str = "2021") -> Report:
    """A report of a title, one table and a few lines."""
    whole = build("示例县水利局", 2023 if form == "2021" else 2020, make_figures(seed, form, "small"), seed)
    kept = tuple(
        block
        for number, block in enumerate(whole.blocks)
        if (isinstance(block, PrintedTable) and block.code == code) or number < 4
    )
    return replace(whole, blocks=kept)


@cache
def rendered(*formats: str) -> tuple[bytes, ...]:
    """Small reports of one table in these formats, as far as this machine can make them."""
    found = []
    compresses = reportlab.rl_config.pageCompression
    # Streams as they are, so that what is drawn can be changed.
    reportlab.rl_config.pageCompression = 0
    try:
        with tempfile.TemporaryDirectory(prefix="gongkai-") as folder:
            path = Path(folder, "report")
            for number, name in enumerate(formats):
                if FORMATS[name].available:
                    for code in ("disclosure", "disputes"):
                        render(_small(number + 5, code), name, path)
                        found.append(path.read_bytes())
    finally:
        reportlab.rl_config.pageCompression = compresses
    return tuple(_inflated(data) for data in found)


def _inflated(data: bytes) -> bytes:
    """A PDF whose streams are no longer packed; its table of places is then wrong, which readers mend."""
    if not data.startswith(b"%PDF"):
        return data

    def plain(found: re.Match[bytes]) -> bytes:
        try:
            return b"stream\n" + zlib.decompress(found[1]) + b"\nendstream"
        except zlib.error:
            return found[0]

    return re.sub(rb"stream\r?\n(.*?)\r?\n?endstream", plain, data, flags=re.S)


@cache
def sheets() -> tuple[bytes, ...]:
    """Workbooks with a head of merged cells, formulas, dates and a second sheet."""
    made = io.BytesIO()
    with xlsxwriter.Workbook(made, {"in_memory": True}) as book:
        sheet = book.add_worksheet("年度报告")
        sheet.merge_range(0, 0, 0, 3, "示例县水利局2023年政府信息公开工作年度报告")
        for row in range(2, 8):
            sheet.write_row(row, 0, ["行政许可", row, 1.5, None])
        sheet.write_formula(8, 1, "=SUM(B3:B8)", None, 27)
        sheet.write_datetime(9, 0, datetime(2024, 1, 31), book.add_format({"num_format": "d/m/yy"}))
        book.add_worksheet("Sheet2").write(0, 0, "x")
    return (made.getvalue(),)


@cache
def bundles() -> tuple[bytes, ...]:
    """ZIPs, a mail with a page attached, and a web archive."""
    page = rendered("html")[0][:6000]
    text = rendered("txt_tab")[0]
    message = EmailMessage()
    message["Subject"] = "年度报告"
    message["From"] = "a@example.org"
    message.set_content("见附件")
    message.add_attachment(page, maintype="text", subtype="html", filename="年报.html")
    archive = (
        b'MIME-Version: 1.0\r\nContent-Type: multipart/related; boundary=x; type="text/html"\r\n\r\n--x\r\n'
    )
    archive += (
        b"Content-Type: text/html; charset=utf-8\r\nContent-Location: http://a.example/b.html\r\n\r\n" + page
    )
    archive += b"\r\n--x\r\nContent-Type: image/png\r\nContent-Transfer-Encoding: base64\r\n"
    archive += b"Content-Location: c.png\r\n\r\nAAAA\r\n--x--\r\n"
    return (
        zipped([("report.html", page)]),
        zipped([("年报/report.txt", text), ("__MACOSX/._report.txt", b"x")]),
        bytes(message),
        archive,
    )


@cache
def ofds() -> tuple[bytes, ...]:
    """OFD packages as WPS writes them: seen, and not read."""
    return (
        zipped(
            [
                ("OFD.xml", b"<?xml version='1.0'?><ofd:OFD xmlns:ofd='http://www.ofdspec.org/2016'/>"),
                ("Doc_0/Document.xml", b"<ofd:Document/>"),
            ]
        ),
    )


@cache
def rtfs() -> tuple[bytes, ...]:
    """A table in RTF."""
    row = rb"\trowd\cellx2000\cellx4000 \intbl \u34892?\cell 12\cell\row" + b"\n"
    return (b"{\\rtf1\\ansi\\uc1 \\u24180?\\u25253?\\par\n" + row * 3 + b"\\pard end\\par}",)


@cache
def office_files() -> tuple[bytes, ...]:
    """RTF, and a DOC and an XLS as LibreOffice saves them, where it is installed; WPS and ET are no other."""
    found = list(rtfs())
    with tempfile.TemporaryDirectory(prefix="gongkai-") as folder:
        if FORMATS["doc_libreoffice"].available:
            path = Path(folder, "report.doc")
            render(_small(5, "disputes"), "doc_libreoffice", path)
            found.append(path.read_bytes())
            source = path.with_suffix(".xlsx")
            source.write_bytes(sheets()[0])
            # It may be installed without its part for workbooks.
            with suppress(FileNotFoundError):
                external.convert(source, "xls:MS Excel 97", path.with_suffix(".xls"))
                found.append(path.with_suffix(".xls").read_bytes())
    return tuple(found)


@cache
def form_files() -> tuple[bytes, ...]:
    """Forms cut down to one table each, as YAML."""
    whole = yaml.safe_load((ROOT / "pipeline/form/form_2021.yaml").read_text(encoding="utf-8"))
    return tuple(
        yaml.safe_dump({**whole, "tables": [table]}, allow_unicode=True).encode() for table in whole["tables"]
    )


@cache
def source_files() -> tuple[bytes, ...]:
    """The first sources, a few at a time."""
    whole = yaml.safe_load(SOURCES.read_text(encoding="utf-8"))["sources"]
    return tuple(
        yaml.safe_dump({"sources": whole[at : at + 2]}, allow_unicode=True).encode() for at in range(0, 10, 2)
    )


def decisions() -> tuple[bytes, ...]:
    """Decisions about a cell, a check and a report."""
    text = f"""\
- document: {"3f" * 32}
  cell: requests.received.total
  printed: 4
  decision: corrected
  value: 3
  reason: the six applicants add up to 3, and so does the text
  date: 2026-11-20
- document: {"3f" * 32}
  check: requests.balance/total
  printed: {{left: 4, right: 3}}
  decision: confirmed
  reason: printed so
  by: x
"""
    return (text.encode(),)
