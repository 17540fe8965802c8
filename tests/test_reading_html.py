"""Pages: each trap of markup as a small page, and the cells that a browser shows."""

from __future__ import annotations

import base64
import re
import time
from pathlib import Path

import lxml.html
import pytest

from pipeline.reading.document import Document, Grid, Paragraph, Picture, ReadingError
from pipeline.reading.html import read_html
from pipeline.reading.html_page import decode_page

SENTENCE = "本年各项工作按期完成，统计口径与上年一致，如有疑问可来电询问。"


@pytest.fixture
def read(tmp_path: Path):  # type: ignore[no-untyped-def]
    def reader(markup: str | bytes) -> Document:
        path = tmp_path / "page.html"
        path.write_bytes(markup if isinstance(markup, bytes) else markup.encode())
        return read_html(path)

    return reader


def texts(document: Document) -> list[str]:
    return [block.text for block in document.blocks if isinstance(block, Paragraph)]


def grids(document: Document) -> list[Grid]:
    return [block for block in document.blocks if isinstance(block, Grid)]


def rows(grid: Grid) -> list[list[str]]:
    return [[cell.text for cell in row] for row in grid.rows()]


def places(grid: Grid) -> dict[tuple[int, int], tuple[str, int, int]]:
    return {(c.row, c.column): (c.text, c.row_span, c.column_span) for c in grid.cells}


def page(body: str, head: str = "") -> str:
    return f"<!DOCTYPE html><html><head><meta charset=utf-8>{head}</head><body>{body}</body></html>"


# Tables as a browser shows them


def test_spans_stand_where_the_browser_puts_them(read) -> None:
    (grid,) = grids(read(page(
        "<table><tr><td rowspan=2>甲<td colspan=2>乙<td rowspan=2>丙</tr>"
        "<tr><td>1<td>2</tr><tr><td colspan=2>丁<td>3<td>4</table>"
    )))  # fmt: skip
    assert (grid.layout, grid.engine, grid.column_count) == ("spans", "html", 4)
    assert places(grid) == {
        (0, 0): ("甲", 2, 1), (0, 1): ("乙", 1, 2), (0, 3): ("丙", 2, 1),
        (1, 1): ("1", 1, 1), (1, 2): ("2", 1, 1),
        (2, 0): ("丁", 1, 2), (2, 2): ("3", 1, 1), (2, 3): ("4", 1, 1),
    }  # fmt: skip


def test_rowspans_end_with_their_group_and_zero_means_to_its_end(read) -> None:
    (grid,) = grids(read(page(
        "<table><tfoot><tr><td>总<td>9</tr></tfoot>"
        "<tbody><tr><td rowspan=0>组<td>1</tr><tr><td>2</tr></tbody>"
        "<tbody><tr><td rowspan=99999>组二<td>3</tr><tr><td>4</tr></tbody>"
        "<thead><tr><th>头<th>数</tr></thead></table>"
    )))  # fmt: skip
    assert rows(grid) == [["头", "数"], ["组", "1"], ["2"], ["组二", "3"], ["4"], ["总", "9"]]
    assert [c.row_span for c in grid.cells if c.text.startswith("组")] == [2, 2]


def test_overlapping_and_absurd_spans(read) -> None:
    (grid,) = grids(read(page(
        "<table><tr><td>a<td>b<td rowspan=2>c<td>d</tr><tr><td>e<td colspan=3>f<td>g</tr>"
        "<tr><td colspan=1000>h</tr><tr><td colspan='x'>i<td rowspan='-1'>j<td colspan='2 '>k</table>"
    )))  # fmt: skip
    found = places(grid)
    # f begins in the second column and reaches under c, which keeps its place; g comes after the span.
    assert (found[1, 1], found[1, 4]) == (("f", 1, 1), ("g", 1, 1))
    assert found[2, 0] == ("h", 1, 5)
    assert (found[3, 0], found[3, 1], found[3, 2]) == (("i", 1, 1), ("j", 1, 1), ("k", 1, 2))


def test_cells_without_end_tags_and_filler_rows(read) -> None:
    (grid,) = grids(read(page(
        "<table><![if !supportMisalignedColumns]><tr height=0><td width=9></td><td></td></tr><![endif]>"
        "<tr><td>规章<td>1<tr><td>文件<td>&nbsp;</table>"
    )))  # fmt: skip
    assert rows(grid) == [["", ""], ["规章", "1"], ["文件", ""]]


def test_tag_soup_is_read_as_a_browser_reads_it(read) -> None:
    document = read(
        "<table><tr><td>甲</td><td>1</td></tr><tr><td>乙</td><td>2</td></tr>"
        "<p>表外</p><tr><td>丙</td><td>3</td></tr><div>也在表外</div>"
    )
    assert [type(b).__name__ for b in document.blocks] == ["Paragraph", "Paragraph", "Grid"]
    assert texts(document) == ["表外", "也在表外"]
    assert rows(grids(document)[0]) == [["甲", "1"], ["乙", "2"], ["丙", "3"]]


def test_lines_in_cells_and_word_markup(read) -> None:
    (grid,) = grids(read(page(
        "<!--[if gte mso 9]><xml><w:WordDocument>9</w:WordDocument></xml><![endif]-->"
        "<?xml:namespace prefix = o ns = 'urn:schemas-microsoft-com:office:office' />"
        "<table class=MsoNormalTable><tr><td><p class=MsoNormal><span>结</span></p><p>果</p>维<br>持</td>"
        "<td><p><span style='mso-list:Ignore'>1.<span>&nbsp;&nbsp;</span></span><font>属<b>于</b></font>秘密"
        "<span lang=EN-US><o:p></o:p></span></p></td><td><p>　<span><o:p>&nbsp;</o:p></span></p></td></tr>"
        "<tr><td><span>1</span><span>6</span></td><td>１２</td><td>1\n 2<sup>3</sup></td></tr></table>"
    )))  # fmt: skip
    assert rows(grid) == [["结\n果\n维\n持", "1. 属于秘密", ""], ["16", "１２", "1 2³"]]


def test_hidden_cells_take_no_room_and_invisible_ones_do(read) -> None:
    (grid,) = grids(read(page(
        "<table><tr><td>甲<td style='display: none'>9<td>1<td>2</tr>"
        "<tr style='display:none'><td>旧<td>8<td>7</tr>"
        "<tr><td>乙<td style='visibility:hidden'>6<td>3<!-- 5 --><del>4</del></tr></table>"
        "<table hidden><tr><td>藏<td>1</tr><tr><td>藏<td>2</tr></table>"
    )))  # fmt: skip
    assert rows(grid) == [["甲", "1", "2"], ["乙", "", "3"]]


def test_a_report_that_only_a_script_would_show_is_read(read) -> None:
    document = read(page("<div style='display:none'><table><tr><td>规章<td>1<tr><td>文件<td>2</table></div>"))
    assert rows(grids(document)[0]) == [["规章", "1"], ["文件", "2"]]


def test_tables_made_of_other_elements(read) -> None:
    document = read(page(
        "<div class=t><div class=r><span class=c>规章</span><span class=c>1</span></div>"
        "<div class=r><span class=c>文件</span><span class=c>2</span></div></div>"
        "<div style='display:table'><p style='display:table-row'><b style='display:table-cell'>甲</b>"
        "<b style='display:table-cell'>3</b></p>"
        "<p style='display:table-row'><i style='display:table-cell'>乙</i>"
        "<i style='display:table-cell'>4</i></p></div>",
        "<style>.t{display:table;width:9px} .r {color:red;display:table-row}"
        "span.c,.d{display:table-cell}</style>",
    ))  # fmt: skip
    assert [rows(grid) for grid in grids(document)] == [
        [["规章", "1"], ["文件", "2"]], [["甲", "3"], ["乙", "4"]],
    ]  # fmt: skip
    assert [grid.locator for grid in grids(document)] == ["table=1", "table=2"]


def test_figures_in_form_fields_are_printed_figures(read) -> None:
    (grid,) = grids(read(page(
        "<table><tr><td>规章<td><input value=5><input type=hidden value=7></tr>"
        "<tr><td>文件<td><input type=text value='' readonly><select><option>8</select></tr></table>"
    )))  # fmt: skip
    assert rows(grid) == [["规章", "5"], ["文件", ""]]


def test_layout_tables_are_taken_apart_in_order(read) -> None:
    inner = "<table><tr><td>规章<td>{}<tr><td>文件<td>2</table>"
    document = read(page(
        "<table width=960><tr><td colspan=2><table><tr><td><a href=/>首页</a> | <a href=/a>年报</a></table>"
        f"<tr><td>栏目<td><table><tr><td>一、题<tr><td><p>文</p>{inner.format(1)}<tr><td>二、题"
        f"<tr><td><table><tr><td>{inner.format(3)}</table></table></table>"
    ))  # fmt: skip
    shown = [b.text if isinstance(b, Paragraph) else rows(b)[0][1] for b in document.blocks]  # type: ignore[arg-type]
    assert shown[-5:] == ["一、题", "文", "1", "二、题", "3"]
    assert [grid.locator for grid in grids(document)] == ["table=4", "table=6"]


def test_a_table_in_several_parts_stays_in_order(read) -> None:
    part = "<table><tr><td>{0}甲<td>1<tr><td>{0}乙<td>2</table>"
    document = read(page("<div>" + "".join(part.format(n) for n in "一二三") + "</div>"))
    assert [rows(grid)[0][0] for grid in grids(document)] == ["一甲", "二甲", "三甲"]


def test_one_cell_to_a_paragraph_stays_paragraphs(read) -> None:
    cells = ["规章", "0", "0", "行政规范性文件", "3", "1"]
    document = read(page("".join(f"<p>{cell}</p>" for cell in cells)))
    assert texts(document) == cells and not grids(document)


# The report's part of a page, and what the page says of itself

TABLE = "<table><tr><td class=head>规章<td>1</tr><tr><td>文件<td>2</tr></table>"
CARD = (
    "<table><tr><td>索 引 号</td><td>0001-2024-7</td><td>主题分类：</td><td>年报</td></tr>"
    "<tr><td>发布机构：</td><td>示例区统计局</td><td>发布日期</td><td>2024年1月9日</td></tr></table>"
)


@pytest.mark.parametrize("content", ["class='view TRS_UEDITOR'", "id=zoom", "", "class=unheard-of"])
def test_what_stands_around_the_report_is_left_out(read, content: str) -> None:
    links = "".join(f"<li><a href=/{year}>{year}年年报</a></li>" for year in range(2015, 2022))
    document = read(page(
        "<div class=header><ul><li><a href=/>首页</a></li><li>欢迎</li></ul></div>"
        "<div class=position>您现在的位置：<a href=/>首页</a> &gt;&gt; <a href=/z>政务公开</a> &gt;&gt; 年报"
        "</div>"
        f"{CARD}<ul>{links}</ul><div><h1>示例区统计局年报</h1><div {content}><p>{SENTENCE}</p>"
        f"<p>{SENTENCE}</p>{TABLE}<p>尾段</p></div></div><div class='site-footer'><p>主办单位</p></div>"
        "<div class=share>分享到</div><script>var a = 9;</script><style>p{color:red}</style>",
        "<title>年报_示例区</title><meta name=ArticleTitle content='示例区统计局2023年年报'>"
        "<meta name=PubDate content='2024-01-09 10:00'><meta name=ContentSource content='本站'>",
    ))  # fmt: skip
    assert texts(document) == ["示例区统计局年报", SENTENCE, SENTENCE, "尾段"]
    assert rows(grids(document)[-1]) == [["规章", "1"], ["文件", "2"]]
    assert document.hints == {
        "title": "示例区统计局2023年年报", "agency": "示例区统计局", "date": "2024-01-09 10:00",
        "breadcrumb": "首页 > 政务公开 > 年报",
    }  # fmt: skip


def test_fields_in_the_line_under_the_title(read) -> None:
    document = read(page(
        f"<h2>年报</h2><div>发布时间：2024-02-03 09:30　来源：示例镇政府　浏览次数：12</div>"
        f"<p>{SENTENCE}</p>",
        "<title>年报</title><link rel=canonical href='http://x.example/2024/a.html'>",
    ))  # fmt: skip
    assert document.hints == {
        "title": "年报", "agency": "示例镇政府", "date": "2024-02-03", "url": "http://x.example/2024/a.html",
    }  # fmt: skip


def test_no_table_of_data_is_ever_lost(read) -> None:
    document = read(page(
        f"<div id=zoom><p>{SENTENCE * 8}</p>{TABLE}</div><div class=sidebar>{TABLE.replace('1', '5')}</div>"
        f"<div class=footer><table><tr><td>壳<td><div>{TABLE.replace('2', '6')}</div></tr></table></div>"
    ))  # fmt: skip
    assert [[cell.text for cell in grid.cells] for grid in grids(document)] == [
        ["规章", "1", "文件", "2"], ["规章", "5", "文件", "2"], ["规章", "1", "文件", "6"],
    ]  # fmt: skip
    assert all(cell.locator for grid in grids(document) for cell in grid.cells)


# Pictures


def test_pictures_only_from_the_page_and_its_folder(read, tmp_path: Path) -> None:
    (tmp_path / "pics").mkdir()
    (tmp_path / "pics" / "表 一.png").write_bytes(b"ONE")
    secret = tmp_path.parent / f"{tmp_path.name}-secret.png"
    secret.write_bytes(b"SECRET")
    (tmp_path / "link.png").symlink_to(secret)
    data = base64.b64encode(b"TWO").decode()
    sources = [
        "pics/%E8%A1%A8%20%E4%B8%80.png?v=1", f"data:image/png;base64,{data}", f"../{secret.name}",
        str(secret), secret.as_uri(), "http://127.0.0.1:9/x.png", "link.png",
        "data:text/html,x", "missing.png",
    ]  # fmt: skip
    marks = "".join(f'<p><img src="{source}" width=300 style="height:200px"></p>' for source in sources)
    table = f"<table><tr><td><img src='{sources[0]}'><td>1<tr><td>甲<td>2</table>"
    document = read(page(f"<p>前</p>{marks}<img src=icon.gif width=16 height=16>{table}"))
    pictures = [block for block in document.blocks if isinstance(block, Picture)]
    assert [picture.data for picture in pictures] == [b"ONE", b"TWO", *[None] * 7, b"ONE"]
    assert (pictures[0].width, pictures[0].height, pictures[0].locator) == (300, 200, "image=1")
    assert pictures[-1].locator == "table=1;row=1;column=1;image=11"


# Charsets


@pytest.mark.parametrize(
    ("declared", "charset"),
    [("gb2312", "gb18030"), ("GBK", "gb18030"), ("utf-8", "gb18030"), ("gb2312", "utf-8"), ("", "gb18030"),
     ("", "utf-8"), ("utf-8", "utf-8-sig"), ("utf-16", "utf-8"), ("no-such", "utf-8"), ("gb2312", "utf-16")],
)  # fmt: skip
def test_charsets(read, declared: str, charset: str) -> None:
    meta = f"<meta http-equiv=Content-Type content='text/html; charset={declared}'>" if declared else ""
    said = f"{SENTENCE}䶮" + ("𠮷" if charset != "gb18030" else "㙟")
    document = read(f"<html><head>{meta}</head><body><p>{said}</p></body></html>".encode(charset))
    assert texts(document) == [said]


def test_a_few_broken_bytes_lose_no_page_and_many_do() -> None:
    data = f"<meta charset=gbk><p>{SENTENCE * 20}".encode("gb18030")
    broken = data[:900] + b"\xff" + b"12" + data[900:]
    assert "12" in decode_page(broken)
    with pytest.raises(ReadingError) as caught:
        decode_page(bytes(range(128, 256)) * 40)
    assert caught.value.status == "unreadable"


# Places followed back


def test_locators_lead_back_by_another_reader(tmp_path: Path) -> None:
    path = tmp_path / "a.html"
    path.write_text(page(
        "<h2>一、题</h2><p></p><p>第一段<br>次行</p>"
        "<table><tr><td>甲<td>1<tr><td>乙<td>2</table><p>第二段</p>"
        "<table><tr><td><table><tr><td>丙<td>3<tr><td>丁<td>4</table><tr><td>尾</table>"
    ), encoding="utf-8")  # fmt: skip
    tree = lxml.html.parse(str(path), lxml.html.HTMLParser(encoding="utf-8")).getroot()
    paragraphs = [e for e in tree.xpath("//h2|//p") if e.text_content().strip()]
    tables = tree.xpath("//table")
    followed = []
    for block in read_html(path).blocks:
        for text, locator in (
            [(block.text, block.locator)] if isinstance(block, Paragraph)
            else [(c.text, c.locator) for c in block.cells] if isinstance(block, Grid) else []
        ):  # fmt: skip
            if match := re.fullmatch(r"paragraph=(\d+)", locator):
                there = paragraphs[int(match[1]) - 1].text_content()
            else:
                match = re.fullmatch(r"table=(\d+);row=(\d+);column=(\d+)", locator)
                assert match is not None
                number, row, column = map(int, match.groups())
                there = tables[number - 1].xpath("./tr|./tbody/tr")[row - 1][column - 1].text_content()
            assert text in there
            followed.append(text)
    assert followed == [
        "一、题",
        "第一段",
        "次行",
        "甲",
        "1",
        "乙",
        "2",
        "第二段",
        "丙",
        "3",
        "丁",
        "4",
        "尾",
    ]


# Hostile pages


@pytest.mark.parametrize(
    "markup",
    [
        "<div>" * 100_000 + "1",
        "<table><tr><td>" * 5_000 + "1",
        "<table><tr><td>" * 100 + "1" + "</table>" * 100,
        "<p>x</p>" * 200_000,
        "<table>" + "<tr>" + "<td colspan=1000 rowspan=65000>1" * 3_000 + "</table>",
        "<a<" * 400_000,
        " " * 31_000_000,
    ],
    ids=["deep", "deep tables", "nested tables", "many tags", "wide cells", "cut tags", "large"],
)
def test_hostile_pages_end_in_time(read, markup: str) -> None:
    started = time.monotonic()
    with pytest.raises(ReadingError) as caught:
        read(markup)
    assert caught.value.status == "unreadable" and len(caught.value.message) > 30
    assert time.monotonic() - started < 5


def test_entities_are_never_expanded_from_files(read, tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("SECRET")
    bomb = "<!ENTITY a 'aaaaaaaaaa'><!ENTITY b '&a;&a;&a;&a;'><!ENTITY s SYSTEM 'secret'>"
    document = read(f"<?xml version='1.0'?><!DOCTYPE html [{bomb}]><html><body><p>甲&b;&s;</p></body></html>")
    assert "SECRET" not in document.text and "aaaa" not in document.text.replace("aaaaaaaaaa'", "")


def test_unclosed_inline_tags_lose_nothing(read) -> None:
    document = read(page("<font>" * 1_200 + f"<p>文</p>{TABLE}"))
    assert rows(grids(document)[0]) == [["规章", "1"], ["文件", "2"]]


def test_an_empty_page_says_so(read) -> None:
    with pytest.raises(ReadingError):
        read("   ")
