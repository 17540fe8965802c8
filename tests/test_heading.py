"""Whose report it is and of which year: openings of reports as they are met, and what must be found."""

from __future__ import annotations

import json
import random
import time
from pathlib import Path
from typing import Any

import pytest
import yaml

from pipeline.agencies.divisions import divisions
from pipeline.cells.heading import find_heading, looks_like_report
from pipeline.cells.sections import find_sections
from pipeline.form import forms
from pipeline.reading.document import Cell, Document, Grid, Paragraph

SHARED = Path(__file__).parents[1] / ".." / "shared"
CASES: list[dict[str, Any]] = yaml.safe_load(
    Path(__file__).with_name("heading_cases.yaml").read_text(encoding="utf-8")
)
BODY = "全年工作有序开展，栏目按季更新。"


def _document(lines: list[str], *, format: str = "txt", hints: dict[str, str] | None = None) -> Document:
    blocks = tuple(Paragraph(text, f"line={number}") for number, text in enumerate(lines, 1))
    return Document(format, blocks, hints or {})  # type: ignore[arg-type]


def _sections(body: str = BODY) -> list[str]:
    newest = list(forms().values())[-1]
    return [text for section in newest.sections for text in (section.label, body)]


def _case(case: dict[str, Any]) -> tuple[Document, int]:
    lines = [*case["lines"], *_sections(case.get("body", BODY)), *case.get("last", [])]
    document = _document(lines, format=case.get("format", "txt"), hints=case.get("hints"))
    return document, len(case["lines"])


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["about"])
def test_the_opening_of_a_report(case: dict[str, Any]) -> None:
    document, start = _case(case)
    heading = find_heading(document, case.get("name", ""), start)
    assert (heading.agency_name, heading.report_year) == (case["agency"], case["year"]), heading.evidence
    codes = sorted(note.check_code.removeprefix("plausibility.") for note in heading.notes)
    assert codes == sorted(case.get("notes", [])), heading.notes
    for field in ("scope", "full_name"):
        assert field not in case or getattr(heading, field) == case[field]
    assert looks_like_report(document)[0]


def _truths() -> list[Path]:
    return sorted((SHARED / "truth").glob("seed_*.json"))


@pytest.mark.parametrize("path", _truths() or [None], ids=lambda path: path.stem if path else "absent")
def test_the_seeds(path: Path | None) -> None:
    if path is None:
        pytest.skip("needs ../shared/truth and ../shared/seeds beside the project")
    from pipeline.reading.open import read_document

    truth = json.loads(path.read_text(encoding="utf-8"))
    document = read_document(SHARED / "seeds" / truth["file"])
    sections = find_sections(document)
    heading = find_heading(document, truth["file"], sections[0].block)
    assert (heading.agency_name, heading.report_year) == (truth["agency"], truth["report_year"])
    assert heading.full_name is not None and heading.full_name.startswith("黑龙江省哈尔滨市")
    assert looks_like_report(document)[0]
    # The same without knowing where the sections begin.
    again = find_heading(document)
    assert (again.agency_name, again.report_year) == (truth["agency"], truth["report_year"])


def test_the_published_pdf() -> None:
    pdf = SHARED / "samples" / "hongze_2024.pdf"
    if not pdf.exists():
        pytest.skip("needs ../shared/samples/hongze_2024.pdf beside the project")
    pdfium = pytest.importorskip("pypdfium2")
    file = pdfium.PdfDocument(pdf)
    lines = [line for page in file for line in page.get_textpage().get_text_range().splitlines()]
    document = _document(lines, format="pdf")
    heading = find_heading(document, pdf.name, find_sections(document)[0].block)
    assert (heading.agency_name, heading.report_year) == ("淮安市洪泽区人民政府", 2024)
    assert heading.title == "淮安市洪泽区人民政府2024年政府信息公开工作年度报告"
    assert (heading.level, heading.kind, heading.division_code) == ("county", "region", "320813")
    assert not heading.notes


def test_a_blank_form_is_a_report() -> None:
    path = SHARED / "samples" / "blank_form_2021.docx"
    if not path.exists():
        pytest.skip("needs ../shared/samples/blank_form_2021.docx beside the project")
    docx = pytest.importorskip("docx")
    word = docx.Document(path)
    cells = [
        Cell(r, c, cell.text, f"table={t};row={r + 1};column={c + 1}")
        for t, table in enumerate(word.tables, 1)
        for r, row in enumerate(table.rows)
        for c, cell in enumerate(row.cells)
    ]
    paragraphs = [Paragraph(p.text, f"paragraph={n}") for n, p in enumerate(word.paragraphs, 1)]
    grid = Grid(tuple(cells), "spans", "table=1")
    assert looks_like_report(Document("docx", (*paragraphs, grid)))[0]
    assert looks_like_report(Document("docx", tuple(paragraphs)))[0]
    assert looks_like_report(Document("docx", (grid,)))[0]
    heading = find_heading(Document("docx", (*paragraphs, grid)), path.name)
    assert (heading.agency_name, heading.report_year) == (None, None)


@pytest.mark.parametrize(
    "lines",
    [
        ["2022年上半年政府信息公开数据统计", "主动公开信息120条。"],
        ["2022年第三季度政府信息公开工作报告", "本季度公开信息30条。"],
        ["关于做好2020年度政府信息公开工作年度报告编制发布工作的通知", "请各单位于1月底前报送。"],
        [
            "关于报送2020年政府信息公开工作年度报告的通知",
            "请各单位报送。",
            "附件：政府信息公开工作年度报告格式.docx",
        ],
        ["示例市2019年政务公开工作总结", "全年公开信息1200条，办理申请30件。"],
        ["一图读懂：示例市2021年政府信息公开工作年度报告", "点击查看。"],
        ["《示例市2021年政府信息公开工作年度报告》解读", "本报告有三个特点。"],
        ["示例区政府信息公开指南", "申请方式如下。"],
        ["我区召开会议部署冬季供暖", "会议要求各部门抓好落实。"],
        [f"示例市教育局{year}年政府信息公开工作年度报告" for year in range(2018, 2024)],
        ["2022 全区依申请公开", "予以公开答复96件，占66%；部分公开7件，占4%。"],
        [],
    ],
    ids=lambda lines: lines[0] if lines else "empty",
)
def test_what_is_no_report(lines: list[str]) -> None:
    is_report, reason = looks_like_report(_document(lines))
    assert not is_report
    assert reason


@pytest.mark.parametrize(
    "lines",
    [
        ["示例市2009年政府信息公开工作年度报告", "一、概述", "全年公开信息600条。"],
        ["示例县教育局2021年政府信息公开工作年度报告", "附件：报告全文.pdf"],
        ["本报告依照政府信息公开条例编制，为示例县教育局2021年度报告。", "一、概述"],
        ["主动公开政府信息数", "120", "收到申请数", "3", "申请办结数", "3", "申请答复数", "3"],
        ["二、主动公开政府信息情况", "四、政府信息公开行政复议、行政诉讼情况"],
    ],
    ids=lambda lines: lines[0],
)
def test_what_is_a_report_without_the_form(lines: list[str]) -> None:
    assert looks_like_report(_document(lines)) == (True, looks_like_report(_document(lines))[1])
    assert looks_like_report(_document(lines))[1]


def test_a_page_title_tells_a_notice_from_a_report() -> None:
    lines = ["示例市教育局2020年政府信息公开工作年度报告"]
    hints = {"title": "关于编制2020年政府信息公开工作年度报告的通知-示例市人民政府"}
    assert not looks_like_report(_document(lines, format="html", hints=hints))[0]
    assert looks_like_report(_document(lines, format="html", hints={"title": "示例市人民政府"}))[0]


@pytest.mark.parametrize(
    "second",
    ["南岗区财政局2021年政府信息公开工作年度报告", "南岗区教育局2022年政府信息公开工作年度报告"],
    ids=["another year", "another agency"],
)
def test_two_reports_in_one_file(second: str) -> None:
    first = "南岗区财政局2022年政府信息公开工作年度报告"
    lines = [first, *_sections(), second, *_sections()]
    heading = find_heading(_document(lines), "", 1)
    assert (heading.agency_name, heading.report_year) == ("南岗区财政局", 2022)
    assert "plausibility.several_reports" in [note.check_code for note in heading.notes]


def test_links_to_other_reports_and_a_table_of_contents_are_no_second_report() -> None:
    first = "南岗区财政局2022年政府信息公开工作年度报告"
    links = [f"南岗区财政局{year}年政府信息公开工作年度报告" for year in (2020, 2021)]
    linked = find_heading(_document([first, *_sections(), *links]), "", 1)
    listed = find_heading(_document([first, *_sections("")[::2], *_sections()]), "", 7)
    assert not linked.notes
    assert not listed.notes
    assert (linked.report_year, listed.report_year) == (2022, 2022)


def test_a_page_table_of_metadata() -> None:
    texts = [
        ["标题", "2021年政府信息公开工作年度报告"],
        ["发布机构", "示例县水利局", "发布日期", "2022-01-18"],
    ]
    cells = [
        Cell(r, c, text, f"table=1;row={r + 1};column={c + 1}")
        for r, row in enumerate(texts)
        for c, text in enumerate(row)
    ]
    blocks = (Grid(tuple(cells), "spans", "table=1"), *_document(_sections()).blocks)
    heading = find_heading(Document("html", blocks), "", 1)
    assert (heading.agency_name, heading.report_year) == ("示例县水利局", 2021)


def test_a_township_is_under_its_county() -> None:
    heading = find_heading(_document(["南岗区王岗镇2021年政府信息公开工作年度报告", *_sections()]), "", 1)
    assert heading.parent_name == "黑龙江省哈尔滨市南岗区"
    assert (heading.level, heading.kind, heading.division_code) == ("township", "township", "230103101")


def test_a_heading_takes_milliseconds() -> None:
    documents = [_case(case) for case in CASES]
    for document, start in documents[:3]:
        find_heading(document, "", start)
    begin = time.perf_counter()
    for document, start in documents:
        find_heading(document, "", start)
        looks_like_report(document)
    assert (time.perf_counter() - begin) / len(documents) < 0.02


# Wordings of titles over {agency} and {year}; a newline breaks the line in the file.
TITLES = (
    "{agency}{year}年政府信息公开工作年度报告",
    "{agency}{year}年度政府信息公开工作年度报告",
    "{year}年{agency}政府信息公开工作年度报告",
    "{year}年度{agency}政府信息公开年度报告",
    "{agency}政府信息公开工作{year}年度报告",
    "{agency}{year}政府信息公开工作年度报告",
    "{agency} {year} 年 政府信息公开工作年度报告",
    "{agency}\n{year}年政府信息公开工作年度报告",
    "{agency}{year}年政府信息\n公开工作年度报告",
    "{agency}关于{year}年度政府信息公开工作情况的报告",
)
PREFACES = (
    "本报告由{agency}依据条例编制，数据自{year}年1月1日起至{year}年12月31日止。",
    "依照条例，现公布{agency}{year}年度政府信息公开工作年度报告，共六个部分。",
    "根据规定，{agency}在总结{year}年公开工作的基础上写成本报告。",
    "数据自{year}年1月1日至{year}年12月31日。如有疑问，请与{agency}联系（电话0000-1）。",
    "现将{agency}{year}年政府信息公开工作情况报告如下。",
)
BODIES = (
    "教育局",
    "市场监督管理局",
    "人民政府",
    "人民政府办公室",
    "公安局",
    "残疾人联合会",
    "税务局",
    "审计局",
)


def _drawn(seed: int, count: int) -> list[tuple[str, str, int]]:
    """Bodies of all kinds in listed counties: (name, code of the county, year)."""
    rng = random.Random(seed)
    known = divisions()
    counties = [d for d in known.by_code.values() if len(d.code) == 6 and d.current and d.code[4:] < "71"]
    drawn: list[tuple[str, str, int]] = []
    while len(drawn) < count:
        county = rng.choice(counties)
        names = [d.name for d in known.path(county.code)]
        townships = [d.name for d in known.townships(county.code) if d.name.endswith(("镇", "乡", "街道"))]
        if len(set(names)) < 2 or names[-1] != county.name or names[-2] == names[-1] or not townships:
            continue
        own = rng.choice((rng.choice(BODIES), rng.choice(townships)))
        # The list itself repeats some regions in the names of what lies in them.
        if not any(name in own for name in names):
            chain = "".join(names[-rng.choice((1, 1, 2, 3)) :])
            drawn.append((chain + own, county.code, rng.randint(2008, 2025)))
    return drawn


def _wrapped(text: str, width: int) -> list[str]:
    return [text[at : at + width] for at in range(0, len(text), width)]


def test_titles_of_bodies_in_the_whole_country() -> None:
    wrong = []
    for number, (agency, county, year) in enumerate(_drawn(20, 300)):
        lines = TITLES[number % len(TITLES)].format(agency=agency, year=year).split("\n")
        heading = find_heading(_document([*lines, *_sections()]), "", len(lines))
        code = (heading.division_code or county)[:6]
        # A name that several counties bear stays open; one that is settled is settled rightly.
        if (heading.agency_name, heading.report_year, code) != (
            agency,
            year,
            county,
        ) or heading.kind == "other":
            wrong.append((lines, heading.agency_name, heading.report_year, heading.division_code))
    assert not wrong


def test_prefaces_of_bodies_in_the_whole_country() -> None:
    wrong = []
    for number, (agency, _, year) in enumerate(_drawn(21, 300)):
        text = PREFACES[number % len(PREFACES)].format(agency=agency, year=year)
        lines = _wrapped(text, (17, 26, 200)[number % 3])
        heading = find_heading(_document([*lines, *_sections()]), "", len(lines))
        if (heading.agency_name, heading.report_year) != (agency, year):
            wrong.append((lines, heading.agency_name, heading.report_year))
    assert not wrong
