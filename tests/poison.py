"""A collection that wants out: every text that a stranger can choose tries to become markup, SQL, a formula,
an escape of the terminal or a line turned around.

Here: the texts, the files, the reader that puts them everywhere. Not here: where they may show (test_poison).
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from pipeline.cells.read import read_file
from pipeline.cells.report import Note, Report, SectionText, Statement
from pipeline.crawl.store import Entry, Store
from tests import fakes

TAKEN = "window.taken=1"
_SCRIPT = f"<script>{TAKEN}</script>"
TEXTS = {
    "script": _SCRIPT,
    "image": f"<img/src=x/onerror={TAKEN}>",
    "svg": f"<svg/onload={TAKEN}><svg><a href='javascript:{TAKEN}'>x</a></svg>",
    "attribute": f"\"'`><b/onmouseover={TAKEN}/autofocus/onfocus={TAKEN}/tabindex=1>x",
    "ends": f"]]></script></style></title></textarea></template></noscript>-->{_SCRIPT}",
    "comment": f"<!--{_SCRIPT}--><![CDATA[{_SCRIPT}]]>",
    "frame": f"<iframe srcdoc='{_SCRIPT}'></iframe><object data='javascript:{TAKEN}'></object>"
    f"<meta http-equiv=refresh content='0;url=http://evil.example/'><base href=//evil.example/>",
    "address": f"javascript:{TAKEN}//http://evil.example",
    "template": "{{ 7*7 }}{% include '/etc/passwd' %}${7*7}#{7*7}",
    "sql": "'; drop table dim_report; -- \" ; attach '/tmp/evil.duckdb'; select 1 /*",
    "markdown": f"| a | b |](javascript:{TAKEN}) ![x](http://evil.example/x.png) **b** `c` [d]: http://evil.example",
    "terminal": "\x1b[31m\x1b]0;owned\x07\x1b]8;;http://evil.example\x1b\\link\x1b]8;;\x1b\\\x9b2J\x08\x7f",
    "lines": "one\r\n\rtwo\u2028three\x85four\x0bfive",
    "turned": "a\u202egnp.exe\u202c\u2066b\u2069\u200f",
    "hyperlink": '=HYPERLINK("http://evil.example","x")',
    "command": "=cmd|' /C calc'!A0",
    "plus": "+1+cmd|' /C calc'!A0",
    "minus": "-2+3+cmd|' /C calc'!A0",
    "at": "@SUM(1+1)*cmd|' /C calc'!A0",
    "tab": "\t=1+1",
    "wide": "＝1+1",
    "rich": "[bold red]x[/bold red][link=http://evil.example]y[/link]",
}
TURNING = "\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069\u200e\u200f\u061c"
# A page whose title and cells say such things, read by the real reader.
PAGE = """<!doctype html><html><head><title>{name}2023年政府信息公开工作年度报告</title></head><body>
<h1>示例县{name}2023年政府信息公开工作年度报告</h1>
<p>一、总体情况</p><p>{text}收到政府信息公开申请3件。</p>
<table><tr><td>{text}</td><td>3</td></tr></table></body></html>"""


def read_poisoned(path: Path, name: str) -> Report:
    """A fake report with one text in every place of it; an HTML file is read as it is."""
    if name.endswith(".html"):
        return read_file(path, name)
    text = json.loads(path.read_text(encoding="utf-8"))["text"]
    report = fakes.read_fake(path, name)
    heading = report.heading
    assert heading is not None
    note = Note("heading.year", text, "info", text)
    return replace(
        report,
        message=text,
        heading=replace(
            heading,
            title=text,
            agency_name=f"坏{text}局",
            full_name=f"坏{text}局全称",
            parent_name=f"上级{text}",
            evidence=(text,),
            notes=(note,),
        ),
        tables=tuple(
            replace(
                table,
                facts=tuple(replace(fact, raw_text=text) for fact in table.facts),
                notes=(replace(note, check_code="reading.cell"),),
                log=(text,),
            )
            for table in report.tables
        ),
        sections=(SectionText("overview", text, f"{text}\n{text}", "line=2"),),
        statements=(Statement("requests.received", 9, "exact", text, "line=2"),),
    )


def collection(folder: Path) -> None:
    """Raw files, manifests and decisions under ``folder``: two years for each text, that break a sum."""
    raw = folder / "raw"
    for number, (kind, text) in enumerate(TEXTS.items()):
        for year in (2022, 2023):
            figures = {**fakes.balanced(number + 1), "received.total": number + 2.0}
            name = f"{year} {text}".replace("/", "∕").encode()[:200].decode(errors="ignore")
            path = fakes.write(raw, f"{kind}/{name}.txt", agency=kind, year=year, text=text, requests=figures)
            store = Store(raw, kind)
            store.add(_line(path.relative_to(raw / kind).as_posix(), path.read_bytes(), text))
        page = PAGE.format(name=f"坏{text}镇", text=text)
        (raw / kind / "page.html").write_bytes(page.encode("utf-8", "replace"))
    (raw / "bytes").mkdir()
    place = str(raw / "bytes").encode() + b"/\xff\xfe\x1b[31m.txt"
    with open(place, "w", encoding="utf-8") as file:  # noqa: PTH123 - a name of bytes is no Path
        file.write("{")
    (folder / "curation").mkdir()
    (folder / "curation" / "a.yaml").write_text(_decisions(raw), encoding="utf-8")


def _line(path: str, data: bytes, text: str) -> Entry:
    return Entry(
        time=datetime(2026, 1, 1, tzinfo=UTC).isoformat(),
        crawl=text,
        url=text,
        key=text + path,
        role="document",
        outcome="new",
        status=200,
        final_url=text,
        sha256=hashlib.sha256(data).hexdigest(),
        bytes=len(data),
        path=path,
        kept="document",
        title=text,
        agency=text,
    )


def _decisions(raw: Path) -> str:
    """One decision for each text, in JSON, which is YAML."""
    found = [
        {
            "document": hashlib.sha256(path.read_bytes()).hexdigest(),
            "cell": "requests.received.total",
            "printed": json.loads(path.read_text(encoding="utf-8"))["requests"]["received.total"],
            "decision": "confirmed",
            "reason": text,
            "source": text,
            "by": text,
            "date": "2026-11-20",
        }
        for kind, text in TEXTS.items()
        for path in sorted((raw / kind).glob("2022*.txt"))
    ]
    return json.dumps(found, ensure_ascii=True)
