"""DOCX files: each trap of Word's markup as a small package, and the cells that a person sees in it."""

from __future__ import annotations

import io
import re
import struct
import time
import zipfile
import zlib
from collections.abc import Mapping
from pathlib import Path

import docx
import pytest
from docx.table import _Cell
from lxml import etree

from pipeline.form.model import Node, forms
from pipeline.reading.document import Document, Grid, Paragraph, Picture, ReadingError
from pipeline.reading.word import read_docx
from pipeline.reading.word_numbering import formatted

SAMPLE = Path(__file__).parents[2] / "shared" / "samples" / "blank_form_2021.docx"
NAMESPACES = (
    'xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main" '
    'xmlns:r="http://schemas.openxmlformats.org/officeDocument/2006/relationships" '
    'xmlns:a="http://schemas.openxmlformats.org/drawingml/2006/main" '
    'xmlns:wp="http://schemas.openxmlformats.org/drawingml/2006/wordprocessingDrawing" '
    'xmlns:wps="http://schemas.microsoft.com/office/word/2010/wordprocessingShape" '
    'xmlns:mc="http://schemas.openxmlformats.org/markup-compatibility/2006" '
    'xmlns:v="urn:schemas-microsoft-com:vml"'
)
W = "{http://schemas.openxmlformats.org/wordprocessingml/2006/main}"
_OFFICE = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
_TYPE = "application/vnd.openxmlformats-officedocument.wordprocessingml"


def package(path: Path, body: str, parts: Mapping[str, str | bytes] | None = None) -> Path:
    """A DOCX of a body's XML and other parts by their name under word/."""
    parts = dict(parts or {})
    relations, overrides = "", ""
    for number, name in enumerate(parts, 1):
        kind = "image" if name.startswith("media/") else Path(name).stem
        relations += f'<Relationship Id="rId{number}" Type="{_OFFICE}/{kind}" Target="{name}"/>'
        if name.endswith(".xml"):
            overrides += f'<Override PartName="/word/{name}" ContentType="{_TYPE}.{kind}+xml"/>'
    package_relations = "http://schemas.openxmlformats.org/package/2006/relationships"
    members: dict[str, str | bytes] = {
        "[Content_Types].xml": (
            '<Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types">'
            '<Default Extension="rels" '
            'ContentType="application/vnd.openxmlformats-package.relationships+xml"/>'
            '<Default Extension="xml" ContentType="application/xml"/>'
            '<Default Extension="png" ContentType="image/png"/>'
            f'<Override PartName="/word/document.xml" ContentType="{_TYPE}.document.main+xml"/>'
            f"{overrides}</Types>"
        ),
        "_rels/.rels": (
            f'<Relationships xmlns="{package_relations}"><Relationship Id="rId1" '
            f'Type="{_OFFICE}/officeDocument" Target="word/document.xml"/></Relationships>'
        ),
        "word/document.xml": f"<w:document {NAMESPACES}><w:body>{body}</w:body></w:document>",
        "word/_rels/document.xml.rels": (
            f'<Relationships xmlns="{package_relations}">{relations}</Relationships>'
        ),
    }
    members.update({f"word/{name}": data for name, data in parts.items()})
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    return path


@pytest.fixture
def read(tmp_path: Path):  # type: ignore[no-untyped-def]
    def reader(body: str, parts: Mapping[str, str | bytes] | None = None) -> Document:
        return read_docx(package(tmp_path / "made.docx", body, parts))

    return reader


def p(text: str, properties: str = "") -> str:
    return f"<w:p>{properties and f'<w:pPr>{properties}</w:pPr>'}{r(text)}</w:p>"


def r(text: str, properties: str = "") -> str:
    return f'<w:r><w:rPr>{properties}</w:rPr><w:t xml:space="preserve">{text}</w:t></w:r>'


def tc(content: str, properties: str = "") -> str:
    inner = content if content.startswith("<w:") else p(content)
    return f"<w:tc><w:tcPr>{properties}</w:tcPr>{inner}</w:tc>"


def tr(*cells: str, properties: str = "") -> str:
    return f"<w:tr><w:trPr>{properties}</w:trPr>{''.join(cells)}</w:tr>"


def tbl(*rows: str) -> str:
    return f"<w:tbl><w:tblPr/><w:tblGrid/>{''.join(rows)}</w:tbl>"


def span(columns: int) -> str:
    return f'<w:gridSpan w:val="{columns}"/>'


OFF, RAISED = '<w:vanish w:val="0"/>', '<w:vertAlign w:val="superscript"/>'
RESTART, CONTINUE = '<w:vMerge w:val="restart"/>', "<w:vMerge/>"


def texts(document: Document) -> list[str]:
    return [block.text for block in document.blocks if isinstance(block, Paragraph)]


def grids(document: Document) -> list[Grid]:
    return [block for block in document.blocks if isinstance(block, Grid)]


def places(grid: Grid) -> dict[tuple[int, int], tuple[str, int, int]]:
    """(row, column) → text, row span, column span."""
    return {(c.row, c.column): (c.text, c.row_span, c.column_span) for c in grid.cells}


# Tables


def test_merged_cells_stand_once_on_the_tables_own_columns(read) -> None:
    table = tbl(
        tr(tc("甲", RESTART), tc("乙", span(2)), tc("丙", RESTART)),
        tr(tc("", CONTINUE), tc("1"), tc("2"), tc("", CONTINUE)),
        tr(tc("丁"), tc("3"), tc("4"), tc("5", RESTART)),
        tr(tc("戊"), tc("6"), tc("7"), tc("8", RESTART)),
    )
    (grid,) = grids(read(table))
    assert (grid.layout, grid.engine, grid.row_count, grid.column_count) == ("spans", "docx", 4, 4)
    assert places(grid) == {
        (0, 0): ("甲", 2, 1), (0, 1): ("乙", 1, 2), (0, 3): ("丙", 2, 1),
        (1, 1): ("1", 1, 1), (1, 2): ("2", 1, 1),
        (2, 0): ("丁", 1, 1), (2, 1): ("3", 1, 1), (2, 2): ("4", 1, 1), (2, 3): ("5", 1, 1),
        (3, 0): ("戊", 1, 1), (3, 1): ("6", 1, 1), (3, 2): ("7", 1, 1), (3, 3): ("8", 1, 1),
    }  # fmt: skip


def test_rows_that_begin_late_or_end_early_keep_their_columns(read) -> None:
    table = tbl(
        tr(tc("甲"), tc("乙"), tc("丙"), tc("丁")),
        tr(tc("1"), tc("2"), properties='<w:gridBefore w:val="2"/>'),
        tr(tc("3"), tc("4"), properties='<w:gridAfter w:val="2"/>'),
    )
    assert {at: text for at, (text, _, _) in places(grids(read(table))[0]).items() if at[0]} == {
        (1, 2): "1", (1, 3): "2", (2, 0): "3", (2, 1): "4",
    }  # fmt: skip


def test_a_merge_that_goes_on_from_nothing_or_from_another_width_keeps_its_text(read) -> None:
    table = tbl(
        tr(tc("甲", CONTINUE), tc("乙", RESTART), tc("子")),
        tr(tc("丙"), tc("丁", CONTINUE + span(2))),
    )
    found = places(grids(read(table))[0])
    assert found[0, 0] == ("甲", 1, 1)
    assert found[0, 1] == ("乙", 1, 1)
    assert found[1, 1] == ("丁", 1, 2)


def test_old_horizontal_merges_are_spans(read) -> None:
    start, goes_on = '<w:hMerge w:val="restart"/>', '<w:hMerge w:val="continue"/>'
    table = tbl(tr(tc("甲", start), tc("", goes_on), tc("乙")), tr(tc("1"), tc("2"), tc("3")))
    assert places(grids(read(table))[0])[0, 0] == ("甲", 1, 2)
    assert places(grids(read(table))[0])[0, 2] == ("乙", 1, 1)


def test_rows_and_cells_in_content_controls_are_read(read) -> None:
    def control(content: str, properties: str = "") -> str:
        return f"<w:sdt><w:sdtPr>{properties}</w:sdtPr><w:sdtContent>{content}</w:sdtContent></w:sdt>"

    prompt = "<w:showingPlcHdr/>"
    table = tbl(
        tr(tc("甲"), control(tc("1")), tc("2")),
        control(tr(tc("乙"), tc(control(p("3"))), tc("4"))),
        tr(tc("丙"), tc(f"<w:p>{control(r('5'))}</w:p>"), control(tc("点击输入"), prompt)),
        tr(tc("丁"), tc(control(p("点击输入"), prompt)), tc(f"<w:p>{control(r('点击输入'), prompt)}</w:p>")),
    )
    document = read(control(p("前文")) + table)
    assert texts(document) == ["前文"]
    assert [[c.text for c in row] for row in grids(document)[0].rows()] == [
        ["甲", "1", "2"], ["乙", "3", "4"], ["丙", "5", ""], ["丁", "", ""],
    ]  # fmt: skip


def test_a_layout_table_gives_its_tables_and_text_in_order(read) -> None:
    inner = tbl(tr(tc("规章"), tc("1")), tr(tc("文件"), tc("2")))
    table = tbl(tr(tc(p("上") + inner + p("下"), span(2))), tr(tc("左"), tc(inner + "<w:p/>")))
    document = read(p("前") + table + p("后"))
    shown = [b.text if isinstance(b, Paragraph) else "grid" for b in document.blocks]
    assert shown == ["前", "上", "grid", "下", "左", "grid", "后"]
    assert [b.locator for b in document.blocks] == [
        "paragraph=1", "table=1;row=1;column=1", "table=2", "table=1;row=1;column=1",
        "table=1;row=2;column=1", "table=3", "paragraph=2",
    ]  # fmt: skip


def test_a_data_table_keeps_its_rows_around_a_nested_one(read) -> None:
    inner = tbl(tr(tc("a"), tc("b")), tr(tc("c"), tc("d")))
    framed = tbl(tr(tc("9")))
    table = tbl(
        tr(tc("甲"), tc("1"), tc("2"), tc("3")),
        tr(tc("乙"), tc("4"), tc("5"), tc(framed + "<w:p/>")),
        tr(tc("丙"), tc("6"), tc("7"), tc(inner + "<w:p/>")),
    )
    first, second = grids(read(table))
    assert [c.text for c in first.cells] == ["甲", "1", "2", "3", "乙", "4", "5", "9", "丙", "6", "7", ""]
    assert (second.locator, [c.text for c in second.cells]) == ("table=3", ["a", "b", "c", "d"])


def test_running_text_in_a_full_row_stands_between_two_grids(read) -> None:
    narrative = "统计说明。" * 40
    table = tbl(
        tr(tc("甲"), tc("1"), tc("2")),
        tr(tc("乙"), tc("3"), tc("4")),
        tr(tc(narrative, span(3))),
        tr(tc("丙"), tc("5"), tc("6")),
    )
    first, paragraph, second = read(table).blocks
    assert isinstance(paragraph, Paragraph) and paragraph.text == narrative
    assert isinstance(first, Grid) and first.row_count == 2
    assert isinstance(second, Grid)
    assert next((c.row, c.text, c.locator) for c in second.cells) == (0, "丙", "table=1;row=4;column=1")


# Text


def test_what_is_not_shown_is_left_out(read) -> None:
    table = tbl(
        tr(tc("甲"), tc(f"<w:p><w:del>{r('5')}</w:del><w:ins>{r('6')}</w:ins></w:p>"), tc("1")),
        tr(tc("旧"), tc("7"), tc("2"), properties="<w:del/>"),
        tr(tc("藏"), tc("8"), tc("3"), properties="<w:hidden/>"),
        tr(tc("乙"), tc(f"<w:p>{r('9', '<w:vanish/>')}{r('10')}{r('3', '<w:strike/>')}</w:p>"), tc("4")),
    )
    document = read(
        f"<w:p><w:moveFrom>{r('移走')}</w:moveFrom><w:moveTo>{r('移来')}</w:moveTo></w:p>"
        + "<w:p><w:r><w:fldChar w:fldCharType='begin'/></w:r><w:r><w:instrText>PAGE</w:instrText></w:r>"
        + "<w:r><w:fldChar w:fldCharType='separate'/></w:r>"
        + r("结果")
        + "<w:r><w:fldChar w:fldCharType='end'/></w:r></w:p>"
        + table
    )
    assert texts(document) == ["移来", "结果"]
    assert [[c.text for c in row] for row in grids(document)[0].rows()] == [
        ["甲", "6", "1"],
        ["乙", "10", "4"],
    ]


def test_a_paragraph_whose_mark_was_deleted_goes_on_in_the_next(read) -> None:
    gone = "<w:rPr><w:del/></w:rPr>"
    document = read(p("共1", gone) + p("6件") + p("完"))
    assert [(b.text, b.locator) for b in document.blocks] == [
        ("共16件", "paragraph=1"),
        ("完", "paragraph=3"),
    ]


def test_hidden_by_style_and_shown_again_by_the_run(read) -> None:
    styles = (
        f"<w:styles {NAMESPACES}><w:style w:type='paragraph' w:styleId='Base'><w:name w:val='base'/>"
        "<w:rPr><w:vanish/></w:rPr></w:style><w:style w:type='paragraph' w:styleId='H'><w:name w:val='h'/>"
        "<w:basedOn w:val='Base'/></w:style></w:styles>"
    )
    style = "<w:pStyle w:val='H'/>"
    hidden = f"<w:p><w:pPr>{style}</w:pPr>{r('藏')}{r('现', OFF)}</w:p>"
    assert texts(read(hidden, {"styles.xml": styles})) == ["现"]


def test_breaks_tabs_symbols_and_raised_marks(read) -> None:
    table = tbl(
        tr(tc("甲"), tc(f"<w:p>{r('16')}{r('1', RAISED)}</w:p>")),
        tr(tc("乙"), tc("<w:p><w:r><w:sym w:font='Symbol' w:char='F031'/><w:t>２</w:t></w:r></w:p>")),
        tr(tc("丙"), tc("<w:p><w:r><w:t>结果</w:t><w:br/><w:t>维持</w:t></w:r></w:p>" + p("数"))),
        tr(tc("丁"), tc("<w:p><w:r><w:sym w:font='Wingdings' w:char='F082'/><w:noBreakHyphen/></w:r></w:p>")),
    )
    document = read("<w:p><w:r><w:t>一</w:t><w:tab/><w:t>二</w:t><w:br/><w:t>三</w:t></w:r></w:p>" + table)
    assert [(b.text, b.locator) for b in document.blocks[:2]] == [
        ("一 二", "paragraph=1"),
        ("三", "paragraph=1"),
    ]  # type: ignore[union-attr]
    # A note's mark never joins the figure before it; full-width digits stay as printed.
    assert [c.text for c in grids(document)[0].cells if c.column] == ["16¹", "1２", "结果\n维持\n数", "②-"]


def test_a_text_box_is_read_once_and_pictures_keep_their_bytes(read) -> None:
    box = f"<w:txbxContent>{p('框中')}</w:txbxContent>"
    drawing = (
        "<w:p><w:r><mc:AlternateContent><mc:Choice Requires='wps'><w:drawing><wp:inline><a:graphic>"
        f"<a:graphicData><wps:wsp><wps:txbx>{box}</wps:txbx></wps:wsp></a:graphicData></a:graphic></wp:inline>"
        f"</w:drawing></mc:Choice><mc:Fallback><w:pict><v:shape><v:textbox>{box}</v:textbox></v:shape></w:pict>"
        f"</mc:Fallback></mc:AlternateContent></w:r>{r('框外')}</w:p>"
    )
    shown = (
        "<w:p><w:r><w:drawing><wp:anchor><wp:extent cx='5080000' cy='2540000'/><a:graphic><a:graphicData>"
        "<a:blip r:embed='rId1'/></a:graphicData></a:graphic></wp:anchor></w:drawing></w:r></w:p>"
    )
    vml = (
        "<w:p><w:r><w:pict><v:shape style='width:560pt;height:800pt'><v:imagedata r:id='rId1'/></v:shape>"
        "</w:pict></w:r></w:p>"
    )
    document = read(
        drawing + shown + tbl(tr(tc("甲"), tc(vml)), tr(tc("乙"), tc("1"))), {"media/a.png": b"PNG"}
    )
    assert texts(document) == ["框外", "框中"]
    first, second = (b for b in document.blocks if isinstance(b, Picture))
    assert (first.locator, first.width, first.height, first.data, first.covers_page) == (
        "paragraph=3;image=1", 400.0, 200.0, b"PNG", False,
    )  # fmt: skip
    assert (second.locator, second.data, second.covers_page) == (
        "table=1;row=1;column=2;image=2",
        b"PNG",
        True,
    )


def test_notes_follow_the_body_and_headers_are_left_out(read) -> None:
    notes = (
        f"<w:footnotes {NAMESPACES}><w:footnote w:id='-1'>{p('线')}</w:footnote>"
        f"<w:footnote w:id='2'>{p('另有3件')}</w:footnote>"
        f"<w:footnote w:id='3'>{p('说明')}</w:footnote></w:footnotes>"
    )
    body = (
        f"<w:p>{r('收到16')}<w:r><w:footnoteReference w:id='3'/></w:r>{r('件')}"
        "<w:r><w:footnoteReference w:id='2'/></w:r></w:p>"
    )
    document = read(body, {"footnotes.xml": notes, "header.xml": f"<w:hdr {NAMESPACES}>{p('眉')}</w:hdr>"})
    assert [(b.text, b.locator) for b in document.blocks] == [  # type: ignore[union-attr]
        ("收到16件", "paragraph=1"), ("说明", "paragraph=2"), ("另有3件", "paragraph=3"),
    ]  # fmt: skip


# Automatic numbers

LISTS = f"""<w:numbering {NAMESPACES}>
<w:abstractNum w:abstractNumId="0">
 <w:lvl w:ilvl="0"><w:start w:val="1"/><w:numFmt w:val="chineseCountingThousand"/><w:pStyle w:val="Section"/>
  <w:suff w:val="nothing"/><w:lvlText w:val="%1、"/></w:lvl>
 <w:lvl w:ilvl="1"><w:start w:val="1"/><w:numFmt w:val="chineseCounting"/><w:lvlText w:val="（%2）"/></w:lvl>
 <w:lvl w:ilvl="2"><w:start w:val="1"/><w:numFmt w:val="decimal"/><w:isLgl/>
  <w:lvlText w:val="%1.%3."/></w:lvl>
</w:abstractNum>
<w:abstractNum w:abstractNumId="1">
 <w:lvl w:ilvl="0"><w:start w:val="3"/><w:numFmt w:val="decimalEnclosedCircle"/>
  <w:lvlText w:val="%1"/></w:lvl>
</w:abstractNum>
<w:abstractNum w:abstractNumId="2">
 <w:lvl w:ilvl="0"><w:numFmt w:val="bullet"/><w:lvlText w:val="&#xF06C;"/></w:lvl>
</w:abstractNum>
<w:num w:numId="1"><w:abstractNumId w:val="0"/></w:num>
<w:num w:numId="2"><w:abstractNumId w:val="1"/></w:num>
<w:num w:numId="3"><w:abstractNumId w:val="0"/><w:lvlOverride w:ilvl="0"><w:startOverride w:val="5"/>
</w:lvlOverride></w:num>
<w:num w:numId="4"><w:abstractNumId w:val="2"/></w:num>
</w:numbering>"""
STYLES = f"""<w:styles {NAMESPACES}>
<w:style w:type="paragraph" w:default="1" w:styleId="Normal"><w:name w:val="Normal"/></w:style>
<w:style w:type="paragraph" w:styleId="Section"><w:name w:val="heading 1"/><w:pPr><w:numPr>
 <w:numId w:val="1"/></w:numPr><w:outlineLvl w:val="0"/></w:pPr></w:style>
<w:style w:type="paragraph" w:styleId="Derived"><w:name w:val="own"/><w:basedOn w:val="Section"/></w:style>
</w:styles>"""
NUMBERED = {"numbering.xml": LISTS, "styles.xml": STYLES}


def listed(text: str, number: int, level: int = 0) -> str:
    return p(text, f'<w:numPr><w:ilvl w:val="{level}"/><w:numId w:val="{number}"/></w:numPr>')


def test_automatic_numbers_are_counted_and_put_before_the_text(read) -> None:
    section = "<w:pStyle w:val='Section'/>"
    body = "".join((
        p("总体情况", section),
        listed("主动公开", 1, 1), listed("依申请公开", 1, 1), listed("说明", 1, 2),
        p("公开情况", section),
        listed("次", 1, 1),
        f"<w:p><w:pPr>{section}<w:rPr><w:del/></w:rPr></w:pPr><w:del>{r('旧题')}</w:del></w:p>",
        p("", section),
        p("派生", "<w:pStyle w:val='Derived'/>"),
        p("无号", section + "<w:numPr><w:numId w:val='0'/></w:numPr>"),
        listed("圈", 2), listed("圈", 2),
        listed("重起", 3), listed("接着", 3), listed("点", 4),
    ))  # fmt: skip
    document = read(body, NUMBERED)
    assert texts(document) == [
        "一、总体情况", "（一）主动公开", "（二）依申请公开", "1.1. 说明", "二、公开情况", "（一）次",
        "四、派生", "无号", "③ 圈", "④ 圈", "五、重起", "六、接着", "点",
    ]  # fmt: skip
    levels = [b.level for b in document.blocks if isinstance(b, Paragraph)]
    assert levels == [1, None, None, None, 1, None, 1, 1, None, None, None, None, None]


def test_numbers_in_cells_go_on_from_row_to_row(read) -> None:
    table = tbl(*(tr(tc(listed(text, 2)), tc("0")) for text in ("属于国家秘密", "其他")))
    assert [c.text for c in grids(read(table, NUMBERED))[0].cells] == ["③ 属于国家秘密", "0", "④ 其他", "0"]


@pytest.mark.parametrize(
    ("number", "name", "printed"),
    [
        (12, "chineseCounting", "十二"), (20, "chineseCountingThousand", "二十"), (7, "decimal", "7"),
        (105, "chineseCountingThousand", "一百零五"), (3, "chineseLegalSimplified", "叁"),
        (10, "ideographDigital", "一〇"),
        (21, "decimalEnclosedCircle", "㉑"), (4, "lowerRoman", "iv"), (27, "upperLetter", "AA"),
        (3, "decimalEnclosedParen", "⑶"), (2, "decimalFullWidth", "２"), (5, "ideographTraditional", "戊"),
        (9, "decimalZero", "09"), (8, "unheard of", "8"), (1110, "chineseCountingThousand", "一千一百一十"),
    ],
)  # fmt: skip
def test_number_formats(number: int, name: str, printed: str) -> None:
    assert formatted(number, name) == printed


# The blank form, and places followed back


def labels(nodes: tuple[Node, ...]) -> list[str]:
    return [label for node in nodes for label in (node.label, *labels(node.children))]


@pytest.mark.skipif(
    not SAMPLE.is_file(), reason="needs ../shared/samples/blank_form_2021.docx beside the project"
)
def test_the_blank_form_has_every_label_at_its_place() -> None:
    found = grids(read_docx(SAMPLE))
    assert [(g.row_count, g.column_count) for g in found] == [(14, 4), (28, 10), (4, 15)]
    form = forms()["2021"]
    for grid, table in zip(found, form.tables, strict=True):
        printed = {re.sub(r"\s", "", c.text): c for c in grid.cells if c.text}
        for block in table.blocks:
            rows = [node for node in labels(block.rows) if node]
            assert [row for row in rows if re.sub(r"\s", "", row) not in printed] == []
        covered = [
            (row, column)
            for c in grid.cells
            for row in range(c.row, c.row + c.row_span)
            for column in range(c.column, c.column + c.column_span)
        ]
        assert len(covered) == len(set(covered)) == grid.row_count * grid.column_count
    requests = {re.sub(r"\s", "", c.text): c for c in found[1].cells}
    assert (requests["三、本年度办理结果"].row_span, requests["总计"].column) == (22, 9)
    assert (requests["（七）总计"].row, requests["（七）总计"].column_span) == (26, 2)


def test_locators_lead_back_by_another_reader(tmp_path: Path) -> None:
    made = docx.Document()
    made.add_heading("标题", 1)
    table = made.add_table(4, 4)
    for row in range(4):
        for column in range(4):
            table.cell(row, column).text = f"{row}-{column}"
    for first, last in (((0, 1), (0, 3)), ((1, 0), (3, 0)), ((2, 2), (3, 3))):
        merged = table.cell(*first).merge(table.cell(*last))
        merged.text = "合"
    made.add_paragraph()
    made.add_paragraph("末段")
    path = tmp_path / "merged.docx"
    made.save(str(path))

    again = docx.Document(str(path))
    seen: set[etree._Element] = set()
    for block in read_docx(path).blocks:
        if isinstance(block, Paragraph):
            number = int(re.fullmatch(r"paragraph=(\d+)", block.locator)[1])  # type: ignore[index]
            assert again.paragraphs[number - 1].text == block.text
        elif isinstance(block, Grid):
            for cell in block.cells:
                place = re.fullmatch(r"table=(\d+);row=(\d+);column=(\d+)", cell.locator)
                assert place is not None
                number, row, column = map(int, place.groups())
                there: _Cell = again.tables[number - 1].cell(row - 1, column - 1)
                assert there.text == cell.text
                seen.add(there._tc)
    assert seen == {tc for tc in again.element.body.iter(f"{W}tc") if not _goes_on(tc)}


def _goes_on(cell: etree._Element) -> bool:
    merge = cell.find(f"{W}tcPr/{W}vMerge")
    return merge is not None and merge.get(f"{W}val", "continue") == "continue"


def test_the_title_of_the_files_properties_is_a_hint(tmp_path: Path) -> None:
    made = docx.Document()
    made.core_properties.title = "某局2023年度报告"
    made.save(str(tmp_path / "a.docx"))
    assert read_docx(tmp_path / "a.docx").hints == {"title": "某局2023年度报告"}


# Files that are something else, or hostile


def status(path: Path) -> tuple[str, str]:
    started = time.monotonic()
    with pytest.raises(ReadingError) as caught:
        read_docx(path)
    assert time.monotonic() - started < 5
    assert len(caught.value.message) > 20
    return caught.value.status, caught.value.message


OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"


@pytest.mark.parametrize(
    ("data", "expected", "says"),
    [
        (OLE + b"\0" * 600 + "EncryptedPackage".encode("utf-16-le"), "encrypted", "password"),
        (OLE + b"\0" * 600 + "WordDocument".encode("utf-16-le"), "unsupported", ".doc"),
        (b"{\\rtf1\\ansi 1}", "unsupported", "RTF"),
        (b"\xef\xbb\xbf<html><body>1</body></html>", "unsupported", "web page"),
        (b"MIME-Version: 1.0\r\nContent-Type: multipart/related", "unsupported", "MHT"),
        (
            b"<?xml version='1.0'?><?mso-application progid='Word.Document'?><w:wordDocument/>",
            "unsupported",
            "XML",
        ),
        (b"%PDF-1.4", "unsupported", "PDF"),
        (b"PK\x03\x04 cut off", "unreadable", "damaged"),
        (b"something else altogether", "unreadable", "zip"),
        (b"", "unreadable", "empty"),
    ],
)
def test_what_is_no_docx_is_named(tmp_path: Path, data: bytes, expected: str, says: str) -> None:
    path = tmp_path / "x.docx"
    path.write_bytes(data)
    found, message = status(path)
    assert (found, says in message) == (expected, True)


def test_a_bomb_entities_and_depth_end_at_once(tmp_path: Path) -> None:
    bomb = package(tmp_path / "bomb.docx", "<w:p/>", {"media/a.png": b"\0" * 60_000_000})
    assert status(bomb)[0] == "unreadable"
    entities = (
        "<?xml version='1.0'?><!DOCTYPE d [<!ENTITY a 'aaaaaaaaaa'><!ENTITY b '&a;&a;&a;&a;&a;&a;'>]>"
        f"<w:document {NAMESPACES}><w:body>{p('&b;')}</w:body></w:document>"
    )
    path = tmp_path / "entities.docx"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("word/document.xml", entities)
    assert status(path)[0] == "unreadable"
    deep = "<w:tbl><w:tr><w:tc>" * 20_000 + p("1") + "</w:tc></w:tr></w:tbl>" * 20_000
    assert status(package(tmp_path / "deep.docx", deep))[0] == "unreadable"
    assert status(package(tmp_path / "cut.docx", "<w:p><w:r>"))[0] == "unreadable"


def test_locked_or_damaged_parts_and_foreign_packages(tmp_path: Path) -> None:
    path = package(tmp_path / "a.docx", p("文" * 3000))
    data = bytearray(path.read_bytes())
    locked = bytearray(data)
    for mark, offset in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        at = locked.find(mark)
        while at >= 0:
            struct.pack_into("<H", locked, at + offset, locked[at + offset] | 1)
            at = locked.find(mark, at + 4)
    path.write_bytes(locked)
    assert status(path)[0] == "encrypted"
    stream = zlib.compress(b"x")[2:6]
    at = data.find(b"word/document.xml") + len("word/document.xml") + 3
    data[at : at + 4] = stream
    path.write_bytes(data)
    assert status(path)[0] == "unreadable"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("xl/workbook.xml", "<workbook/>")
    assert status(path)[0] == "unreadable"
    assert status(package(path, "<w:altChunk r:id='rId1'/>"))[0] == "unsupported"


def test_a_missing_picture_or_strict_namespaces_lose_nothing(tmp_path: Path) -> None:
    shown = "<w:p><w:r><w:drawing><wp:inline><a:blip r:embed='rId9'/></wp:inline></w:drawing></w:r></w:p>"
    path = package(tmp_path / "a.docx", p("甲") + shown)
    picture = read_docx(path).blocks[1]
    assert isinstance(picture, Picture) and picture.data is None
    strict = io.BytesIO()
    with zipfile.ZipFile(path) as source, zipfile.ZipFile(strict, "w") as target:
        for name in source.namelist():
            data = source.read(name)
            if name.startswith("word/document"):
                data = data.replace(
                    b"http://schemas.openxmlformats.org/wordprocessingml/2006/main",
                    b"http://purl.oclc.org/ooxml/wordprocessingml/main",
                )
            target.writestr(name, data)
    path.write_bytes(strict.getvalue())
    assert texts(read_docx(path)) == ["甲"]
