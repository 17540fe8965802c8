"""Renderers for HTML: a clean page, a site's page around the report, Word markup, layout tables, GB18030.

Here: markup. Pictures of tables come from out_pdf, drawn once.
"""

from __future__ import annotations

import random
import re
from base64 import b64encode
from collections.abc import Callable
from html import escape
from pathlib import Path

from tests.render.layout import Cell, PrintedTable
from tests.render.out_pdf import table_png
from tests.render.report import Report

_Inner = Callable[[str], str]


def _text(text: str) -> str:
    return escape(text, quote=False).replace("\n", "<br>")


def _cell(cell: Cell, inner: _Inner, attributes: str = "") -> str:
    spans = f' rowspan="{cell.row_span}"' if cell.row_span > 1 else ""
    spans += f' colspan="{cell.column_span}"' if cell.column_span > 1 else ""
    return f"<td{spans}{attributes}>{inner(cell.text)}</td>"


def _table(table: PrintedTable, inner: _Inner, attributes: str = "", cell_attributes: str = "") -> str:
    if table.picture:
        data = b64encode(table_png(table)).decode("ascii")
        return f'<p><img alt="" src="data:image/png;base64,{data}"></p>'
    rows = "\n".join(
        "<tr>" + "".join(_cell(cell, inner, cell_attributes) for cell in row) + "</tr>" for row in table.rows
    )
    return f"<table{attributes}>\n{rows}\n</table>"


def _clean(report: Report) -> str:
    parts = []
    for block in report.blocks:
        if isinstance(block, PrintedTable):
            parts.append(_table(block, _text, ' border="1"'))
        elif block.kind in ("title", "section"):
            tag = "h1" if block.kind == "title" else "h2"
            parts.append(f"<{tag}>{_text(block.text)}</{tag}>")
        else:
            parts.append(f"<p>{_text(block.text)}</p>")
    return "\n".join(parts)


# Words that a browser does not show, before a figure; marks of notes behind one.
MARKUP = {
    "no size": '<span style="font-size:0px">{0}</span>{1}',
    "no ink": '<span style="opacity: 0">{0}</span>{1}',
    "white": '<span style="color:#FFFFFF">{0}</span>{1}',
    "class": '<span class="unseen">{0}</span>{1}',
    "struck": "<s>{0}</s>{1}",
    "comment": "{1}<!-- {0} -->",
    "raised": '{1}<span style="font-size:8pt;vertical-align: super">{0}</span>',
    "note": '{1}<a href="#note{0}">{0}</a>',
}


def _marked_up(report: Report, body: str) -> str:
    """Some figures of the tables with another figure that is not seen, or is a note's mark."""
    rng, kinds = random.Random(report.seed), [kind for kind in MARKUP if kind in report.traits]

    def change(match: re.Match[str]) -> str:
        if rng.random() > 0.2:
            return match[0]
        return match[1] + MARKUP[kinds[0]].format(rng.randint(1, 9), match[2]) + match[3]

    return re.sub(r"(<td[^>]*>)(\d+)(</td>)", change, body) if kinds else body


def _page(report: Report, body: str, charset: str = "utf-8", head: str = "") -> str:
    body = _marked_up(report, body)
    head += "<style>.unseen { display: none }</style>" if "class" in report.traits else ""
    return (
        f'<!DOCTYPE html>\n<html lang="zh-CN"><head><meta charset="{charset}">'
        f"<title>{escape(report.page_title)}</title>{head}</head>\n<body>\n{body}\n</body></html>\n"
    )


def html(report: Report, path: Path) -> None:
    """A page with nothing but the report."""
    path.write_text(_page(report, _clean(report)), encoding="utf-8")


def _site(report: Report) -> str:
    """The report in the frame of a government site: navigation, index card, list of other years."""
    next_year = report.year + 1
    others = "".join(
        f'<li><a href="/nb/{year}.html">{year}年政府信息公开工作年度报告</a>'
        f"<span>[{year + 1}-01-20]</span></li>"
        for year in range(report.year - 3, report.year)
    )
    return "\n".join(
        (
            '<div class="header"><ul class="nav"><li><a href="/">首页</a></li>'
            '<li><a href="/zwgk/">政务公开</a></li><li><a href="/hd/">互动交流</a></li></ul></div>',
            '<div class="position">当前位置：<a href="/">首页</a> &gt; <a href="/zwgk/">政务公开</a> '
            "&gt; 政府信息公开年报</div>",
            f'<table class="index-card"><tr><td>索 引 号</td><td>00000000-{report.year}-00007</td>'
            "<td>分类</td><td>年度报告</td></tr>",
            f"<tr><td>发布机构</td><td>{escape(report.agency)}</td>"
            f"<td>发布日期</td><td>{next_year}-01-25</td></tr>",
            f'<tr><td>名称</td><td colspan="3">{escape(report.page_title)}</td></tr></table>',
            f'<div class="sidebar"><h3>历年年报</h3><ul>{others}</ul></div>',
            f'<div class="article"><h1>{escape(report.page_title)}</h1>',
            f'<div class="info">发布时间：{next_year}-01-25 09:30&nbsp;&nbsp;'
            '浏览次数：<span id="hits">128</span>&nbsp;&nbsp;字号：[大 中 小]</div>',
            '<div class="view TRS_UEDITOR trs_paper_default trs_web">',
            _article(report),
            "</div></div>",
            f'<div class="footer"><p>主办：{escape(report.agency)}</p><p>网站标识码：0000000000</p></div>',
            '<script>document.getElementById("hits").textContent = "129";</script>',
        )
    )


def _article(report: Report) -> str:
    parts = []
    for block in report.blocks:
        if isinstance(block, PrintedTable):
            parts.append(
                _table(
                    block,
                    lambda text: f'<p style="text-align:center"><span>{_text(text) or "&nbsp;"}</span></p>',
                    ' style="border-collapse:collapse" width="100%"',
                    ' style="border:1px solid #000"',
                )
            )
        elif block.kind == "title":
            parts.append(f'<p style="text-align:center"><strong>{_text(block.text)}</strong></p>')
        elif block.kind == "section":
            parts.append(f'<p style="text-indent:2em"><strong>{_text(block.text)}</strong></p>')
        else:
            parts.append(f'<p style="text-indent:2em">　　{_text(block.text)}</p>')
    return "\n".join(parts)


def html_page(report: Report, path: Path) -> None:
    """A page of a site: navigation and index card around the report."""
    path.write_text(_page(report, _site(report)), encoding="utf-8")


def html_gb18030(report: Report, path: Path) -> None:
    """The same page as GB18030 that calls itself gb2312, as many do."""
    path.write_bytes(_page(report, _site(report), "gb2312").encode("gb18030"))


def _word_runs(text: str) -> str:
    """Word splits a paragraph into runs wherever it likes, inside words too."""
    if not text:
        return "<span lang=EN-US><o:p>&nbsp;</o:p></span>"
    half = (len(text) + 1) // 2 if len(text) > 3 else len(text)
    runs = (text[:half], text[half:])
    return "".join(f"<span style='font-family:仿宋_GB2312'>{_text(run)}</span>" for run in runs if run) + (
        "<span lang=EN-US><o:p></o:p></span>"
    )


def html_word(report: Report, path: Path) -> None:
    """Markup pasted from Word: MsoNormal, runs, ``o:p``, conditional comments, percent widths."""

    def inner(text: str) -> str:
        return "".join(f"<p class=MsoNormal align=center>{_word_runs(line)}</p>" for line in text.split("\n"))

    parts = []
    for block in report.blocks:
        if isinstance(block, PrintedTable):
            parts.append(
                _table(
                    block,
                    inner,
                    " class=MsoNormalTable border=1 cellspacing=0 cellpadding=0",
                    " valign=top style='border:solid windowtext 1.0pt;padding:0cm 5.4pt'",
                )
            )
        else:
            weight = "<b>{}</b>" if block.kind in ("title", "section") else "{}"
            for line in block.text.split("\n"):
                parts.append(f"<p class=MsoNormal>{weight.format(_word_runs(line))}</p>")
    head = (
        "<!--[if gte mso 9]><xml><w:WordDocument><w:View>Normal</w:View></w:WordDocument></xml><![endif]-->"
        "<style><!-- p.MsoNormal {margin:0cm;text-align:justify} --></style>"
    )
    body = '<div class="Section1">' + "\n".join(parts) + "</div>"
    path.write_text(_page(report, body, head=head), encoding="utf-8")


def html_nested(report: Report, path: Path) -> None:
    """An old page: layout tables around everything, each table of the form inside a cell of one."""
    rows = []
    for block in report.blocks:
        if isinstance(block, PrintedTable):
            content = f"<table><tr><td>{_table(block, _text, ' border=1')}</td></tr></table>"
        else:
            content = _text(block.text)
        rows.append(f"<tr><td>{content}</td></tr>")
    menu = "<tr><td><a href='/'>首页</a> | <a href='/list'>年报列表</a></td></tr>"
    inner = "<table width=760>" + "\n".join(rows) + "</table>"
    body = (
        f"<table width=960><tr><td colspan=2><table>{menu}</table></td></tr>"
        f"<tr><td width=200>站内栏目</td><td>{inner}</td></tr></table>"
    )
    path.write_text(_page(report, body), encoding="utf-8")
