"""Deviations of content systems and office programs: joined and divided tables, split heads, marks.

Here: what whole tables look like when offices and their programs reshape them. Not here: rows and
columns moved within a table (deviations_grids.py) or what single cells hold (deviations_cells.py).
"""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import replace

from pipeline.form import forms
from tests.render.deviation import deviation, reprint
from tests.render.deviations_grids import _tolerant
from tests.render.formats import Format
from tests.render.layout import Cell, PrintedTable, Row, insert_row, plain
from tests.render.out_html import MARKUP
from tests.render.report import Block, Report, Text, edit_cells, edit_table, section_title


def _bare_cells(format: Format) -> bool:
    return format.name in ("html", "html_nested")


def _wide(row: Row, width: int, own: int) -> Row:
    """The row with its last cell over the rest of a wider table."""
    return tuple(
        replace(c, column_span=width - c.column) if c.column + c.column_span == own else c for c in row
    )


@deviation("rows", "columns", "pages", "head", stage=4)
def all_tables_in_one(report: Report, rng: random.Random) -> Report:
    """The three tables in one grid, the titles of sections three and four as rows between."""
    printed = [report.table(code) for code in ("disclosure", "requests", "disputes")]
    width = max(table.width for table in printed)
    rows: list[Row] = []
    gone = set()
    for number, table in enumerate(printed):
        at = section_title(report, table.code)
        heading = report.blocks[at]
        assert isinstance(heading, Text)
        if number:
            gone.add(at)
            rows.append((Cell(0, heading.text, "table_title", column_span=width),))
        rows += [_wide(row, width, table.width) for row in table.rows]
    joined = PrintedTable("disclosure", tuple(rows))
    blocks: list[Block] = []
    for index, block in enumerate(report.blocks):
        if block is printed[0]:
            blocks.append(joined)
        elif block not in printed[1:] and index not in gone:
            blocks.append(block)
    return replace(report, blocks=tuple(blocks))


@deviation("rows", "columns", "pages", "head", stage=4)
def requests_by_groups(report: Report, rng: random.Random) -> Report:
    """Table three as one table for each group of outcomes, the head over each or over the first alone."""
    table = report.table("requests")
    headed = rng.random() < 0.5
    head, groups = (
        table.rows[: table.head_rows],
        [line for line in forms()[report.form].table("requests").rows if line.is_group],
    )
    firsts = {group.parts[0] for group in groups}
    parts: list[list[Row]] = [[]]
    first = min(c.column for _, c in table.cells() if c.key)
    for row in table.rows[table.head_rows :]:
        key = next(c.key for c in row if c.key)
        if parts[-1] and (key[1] in firsts or key[1] in ("granted", "outcome_total")):
            parts.append([])
        own = next(c for c in row if c.role == "row" and c.code == key[1])
        group = next((g for g in groups if key[1] in g.parts), None)
        line: list[Cell] = []
        if group is not None and key[1] == group.parts[0]:
            line.append(Cell(0, group.label, "row", group.code, row_span=len(group.parts)))
        start = 1 if group is not None else 0
        line.append(replace(own, column=start, column_span=first - start, row_span=1))
        parts[-1].append((*line, *(c for c in row if c.key)))
    pieces = [
        replace(table, rows=(*(head if headed or not i else ()), *part), head_rows=0)
        for i, part in enumerate(parts)
    ]
    blocks: list[Block] = []
    for block in report.blocks:
        blocks.extend(pieces if block is table else (block,))
    return replace(report, blocks=tuple(blocks))


@deviation("head", stage=2)
def heads_with_unit(report: Report, rng: random.Random) -> Report:
    """自然人（件）, 总计(件): the unit in each head of table three."""
    style = rng.choice(("{}（件）", "{}(件)", "{}/件", "{} 件", "{}（单位：件）", "{}\n（件）"))
    return edit_cells(
        report,
        lambda c: replace(c, text=style.format(c.text)) if c.role == "column" and c.code else c,
        "requests",
    )


@deviation("head", "columns", stage=3)
def organisations_split(report: Report, rng: random.Random) -> Report:
    """法人 over the first two kinds of organisations, 其他组织 over the others."""
    table = report.table("requests")

    def split(row: Row) -> Row:
        cells: list[Cell] = []
        for cell in row:
            if cell.role == "column" and cell.code is None and cell.column_span == 5:
                cells.append(replace(cell, text="法人", column_span=2))
                cells.append(replace(cell, text="其他组织", column=cell.column + 2, column_span=3))
            else:
                cells.append(cell)
        return tuple(cells)

    return edit_table(report, "requests", lambda t: replace(t, rows=tuple(map(split, table.rows))))


@deviation("head", "labels", stage=2)
def years_in_labels(report: Report, rng: random.Random) -> Report:
    """2022年 for 本年 and 2021年 for 上年 in heads and labels."""
    year = report.year

    def say(cell: Cell) -> Cell:
        if cell.role not in ("column", "row"):
            return cell
        text = cell.text
        for words, told in (("本年度", year), ("本年", year), ("上一年", year - 1), ("上年", year - 1)):
            text = text.replace(words, f"{told}年" + ("度" if words.endswith("度") else ""))
        return replace(cell, text=text)

    return _tolerant(edit_cells(report, say), "disclosure", "requests")


@deviation("rows", "columns", "pages", stage=3)
def groups_as_rows(report: Report, rng: random.Random) -> Report:
    """Groups as rows of their own over the whole width, each row's label in one column."""
    table = report.table("requests")
    spec = forms()[report.form].table("requests")
    first = min(c.column for _, c in table.cells() if c.key)
    rows: list[Row] = []
    for row in table.rows[: table.head_rows]:
        rows.append(
            tuple(
                replace(c, column_span=1) if c.role == "corner" else replace(c, column=c.column - first + 1)
                for c in row
            )
        )
    width = table.width - first + 1
    said: set[str] = set()
    for row in table.rows[table.head_rows :]:
        key = next(c.key for c in row if c.key)
        line = spec.row(key[1])
        for label in line.path[:-1]:
            if label not in said:
                said.add(label)
                rows.append((Cell(0, label, "extra", column_span=width),))
        figures = tuple(replace(c, column=c.column - first + 1) for c in row if c.key)
        own = next(c for c in row if c.role == "row" and c.code == key[1])
        rows.append((replace(own, column=0, column_span=1, row_span=1), *figures))
    changed = replace(table, rows=tuple(rows))
    return edit_table(report, "requests", lambda t: changed)


@deviation("rows", "pages", stage=3)
def notes_inside(report: Report, rng: random.Random) -> Report:
    """A unit in a row over the heads, a remark with figures in a row under the table."""
    table = report.table("requests")
    top = (
        Cell(0, rng.choice(("单位：件", "（单位：件）", "计量单位：件")), "extra", column_span=table.width),
    )
    note = (
        Cell(
            0,
            rng.choice(
                (
                    "备注：含上年结转3件。",
                    "填表人：张某 审核人：李某 2023年1月10日",
                    "注：1.其中2件为延期办理",
                )
            ),
            "extra",
            column_span=table.width,
        ),
    )
    changed = insert_row(table, 0, top)
    changed = insert_row(changed, len(changed.rows), note)
    return edit_table(report, "requests", lambda t: changed)


@deviation("rows", "columns", "head", stage=3)
def disputes_with_a_label(report: Report, rng: random.Random) -> Report:
    """A first column 项目 over 件数 in table four."""
    table = report.table("disputes")
    words, own = rng.choice((("项目", "件数"), ("类型", "数量"), ("", "本年"), ("年度", f"{report.year}年")))
    rows = [tuple(replace(c, column=c.column + 1) for c in row) for row in table.rows]
    rows[0] = (Cell(0, words, "corner", row_span=table.head_rows), *rows[0])
    rows[-1] = (Cell(0, own, "extra"), *rows[-1])
    changed = replace(table, rows=tuple(rows))
    return edit_table(report, "disputes", lambda t: changed)


@deviation("rows", "columns", "head", "numbers", stage=3)
def disputes_of_two_years(report: Report, rng: random.Random) -> Report:
    """The figures of the year before in a line of their own in table four, a first column for the year."""
    table = report.table("disputes")
    rows = [tuple(replace(c, column=c.column + 1) for c in row) for row in table.rows]
    rows[0] = (Cell(0, "年度", "corner", row_span=table.head_rows), *rows[0])
    mine = (Cell(0, f"{report.year}年", "extra"), *rows[-1])
    last: Row = (
        Cell(0, f"{report.year - 1}年", "extra"),
        *(replace(c, key=None, role="extra", text=str(rng.randint(0, 9))) for c in rows[-1]),
    )
    rows[-1:] = rng.choice(([mine, last], [last, mine]))
    changed = replace(table, rows=tuple(rows))
    return _tolerant(edit_table(report, "disputes", lambda t: changed), "disputes")


def _last_year(report: Report, code: str, rng: random.Random) -> Report:
    table = report.table(code)
    old = replace(
        table,
        rows=tuple(
            tuple(
                replace(c, key=None, role="extra", text=str(rng.randint(0, 9))) if c.key else c for c in row
            )
            for row in table.rows
        ),
    )
    at = report.blocks.index(table)
    style = rng.choice(("附：{}年情况", "{}年情况（供对照）", "{}年度"))
    words = [Text(style.format(year), "paragraph") for year in (report.year, report.year - 1)]
    pair: tuple[Block, ...] = (words[1], old, words[0], table)
    if rng.random() < 0.5:
        pair = (words[0], table, words[1], old)
    blocks = (*report.blocks[:at], *pair, *report.blocks[at + 1 :])
    return replace(report, blocks=blocks)


@deviation("rows", "columns", "head", "pages", "numbers", stage=4)
def last_year_disputes(report: Report, rng: random.Random) -> Report:
    """Table four twice, of the year and of the year before, in either order."""
    return _last_year(report, "disputes", rng)


@deviation("rows", "columns", "head", "pages", "numbers", stage=4)
def last_year_disclosure(report: Report, rng: random.Random) -> Report:
    """Table two twice, of the year and of the year before, in either order."""
    return _last_year(report, "disclosure", rng)


@deviation("numbers", stage=1)
def starred_figures(report: Report, rng: random.Random) -> Report:
    """12*, ※12, 12, with a stop: marks of notes and stops at figures."""
    style = rng.choice(("{}*", "※{}", "{}▲", "{}、", "{}。", "{} *", "{}；"))
    keys = rng.sample(sorted(report.truth.cells), 4)
    return reprint(report, {k: style.format(plain(report.figures[k])) for k in keys})


@deviation("numbers", stage=1)
def no_width_spaces(report: Report, rng: random.Random) -> Report:
    """Spaces of no width and unbreakable spaces around and inside figures."""
    style: Callable[[str], str] = rng.choice(
        (
            lambda t: "\u200b" + t,
            lambda t: t + "\u200d",
            lambda t: "\u2060".join(t),
            lambda t: "\u200b".join(t),
            lambda t: f"\u00a0{t}\u00a0",
            lambda t: f"\ufeff{t}\u200e",
        )
    )
    return reprint(report, {k: style(plain(report.figures[k])) for k in report.truth.cells})


@deviation("numbers", "markup", stage=4, formats=_bare_cells)
def markup_at_figures(report: Report, rng: random.Random) -> Report:
    """Digits that no browser shows before some figures, or marks of notes behind them."""
    return replace(report, traits=report.traits | {rng.choice(sorted(MARKUP))})
