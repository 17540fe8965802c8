"""Deviations of rows and columns: more of them, fewer, in another order, beside each other, turned.

Here: where labels and figures stand in a grid. Not here: tables that are missing, cut or pictures
(deviations_tables.py) or what single cells hold (deviations_cells.py).
"""

from __future__ import annotations

import random
from dataclasses import replace
from decimal import Decimal

from pipeline.form import forms
from tests.render.deviation import deviation, mark, tables
from tests.render.figures import Key
from tests.render.formats import Format
from tests.render.layout import (
    Cell,
    PrintedTable,
    Row,
    delete_row,
    insert_column,
    insert_row,
    occupied,
    plain,
    row_of,
)
from tests.render.report import Report, Text, edit_cells, edit_table


def _grid(format: Format) -> bool:
    return format.grid


def _fields(format: Format) -> bool:
    return format.grid or format.name in ("txt_tab", "md_tab", "md_pipe")


def _tolerant(report: Report, *codes: str) -> Report:
    """These tables may be read rightly or not at all, never wrongly in silence."""
    report = replace(report, truth=report.truth.open(*codes))
    for code in codes:
        report = replace(report, truth=report.truth.state(code, "complete", "partial", "missing"))
    return replace(report, truth=replace(report.truth, statuses=("parsed", "partial", "no_tables")))


def _lines(table: PrintedTable) -> list[int]:
    return [i for i, row in enumerate(table.rows) if any(c.key for c in row)]


# Rows and columns that say nothing.


@deviation("rows", "pages", stage=3)
def blank_rows_between(report: Report, rng: random.Random) -> Report:
    """Empty rows between the rows of all tables."""
    for table in tables(report):
        for at in sorted(rng.sample(_lines(table), min(3, len(_lines(table)))), reverse=True):
            crossing = {
                p for (r, p), (i, c) in occupied(table).items() if r == at and i < at < i + c.row_span
            }
            row = tuple(Cell(c, "", "extra") for c in range(table.width) if c not in crossing)
            table = insert_row(table, at, row)
        changed = table
        report = edit_table(report, table.code, lambda t, c=changed: c)  # type: ignore[misc]
    return report


@deviation("columns", "pages", stage=3, formats=_grid)
def blank_column_between(report: Report, rng: random.Random) -> Report:
    """An empty column, with an empty head, between two columns of figures."""
    table = report.table("requests")
    columns = sorted({c.column for _, c in table.cells() if c.key})
    # Inside the organisations, whose common head takes up the further column.
    at = rng.choice(columns[2:-1])
    cells = {i: Cell(0, "", "extra") for i in range(table.head_rows - 1, len(table.rows))}
    report = edit_table(report, "requests", lambda t: insert_column(t, at, cells))
    return _tolerant(report, "requests")


@deviation("head", "columns", stage=3)
def units_row(report: Report, rng: random.Random) -> Report:
    """A row of units, （件）, under the heads of columns."""
    unit = rng.choice(("（件）", "件", "单位：件", "(件)"))
    table = report.table("requests")
    columns = [c.column for c in table.rows[_lines(table)[0]] if c.key]
    first = min(columns)
    row = (
        Cell(0, rng.choice(("", "单位")), "extra", column_span=first),
        *(Cell(c, unit, "extra") for c in columns),
    )
    return edit_table(report, "requests", lambda t: insert_row(t, t.head_rows, row))


@deviation("head", "columns", stage=3)
def numbers_row(report: Report, rng: random.Random) -> Report:
    """A row that numbers the columns 1 to 7 under their heads, as statistical tables have."""
    table = report.table("requests")
    columns = [c.column for c in table.rows[_lines(table)[0]] if c.key]
    first = min(columns)
    style = rng.choice(("{}", "({})", "（{}）", "栏{}"))
    label = rng.choice(("", "栏次", "序号", "甲"))
    row = (
        Cell(0, label, "extra", column_span=first),
        *(Cell(c, style.format(i), "extra") for i, c in enumerate(columns, 1)),
    )
    return edit_table(report, "requests", lambda t: insert_row(t, t.head_rows, row))


@deviation("columns", "pages", "head", stage=3)
def serial_column(report: Report, rng: random.Random) -> Report:
    """A column of serial numbers before the labels."""
    table = report.table("requests")
    cells: dict[int, Cell] = {0: Cell(0, "序号", "extra", row_span=table.head_rows)}
    for number, index in enumerate(_lines(table), 1):
        cells[index] = Cell(0, str(number), "extra")
    report = edit_table(report, "requests", lambda t: insert_column(t, 0, cells))
    return _tolerant(report, "requests")


@deviation("columns", stage=3)
def serial_column_inside(report: Report, rng: random.Random) -> Report:
    """A column of line codes 01, 02 between labels and figures."""
    table = report.table("requests")
    at = min(c.column for _, c in table.cells() if c.key)
    style = rng.choice(("{:02}", "{}"))
    cells: dict[int, Cell] = {1: Cell(0, rng.choice(("代码", "行次")), "extra", row_span=table.head_rows - 1)}
    for number, index in enumerate(_lines(table), 1):
        cells[index] = Cell(0, style.format(number), "extra")
    changed = insert_column(table, at, cells)
    rows = list(changed.rows)
    rows[0] = tuple(
        replace(c, column_span=c.column_span + 1, column=at) if c.role == "columns_title" else c
        for c in rows[0]
    )
    changed = replace(changed, rows=tuple(rows))
    report = edit_table(report, "requests", lambda t: changed)
    return _tolerant(report, "requests")


@deviation("columns", stage=3)
def percent_column(report: Report, rng: random.Random) -> Report:
    """A column 占比 with percentages behind the total."""
    table = report.table("requests")
    at = max(c.column for _, c in table.cells() if c.key) + 1
    cells: dict[int, Cell] = {1: Cell(0, "占比", "extra", row_span=table.head_rows - 1)}
    for index in _lines(table):
        cells[index] = Cell(0, rng.choice(("0%", "12.5%", "100%", "33.33%")), "extra")
    changed = insert_column(table, at, cells)
    rows = list(changed.rows)
    rows[0] = tuple(
        replace(c, column_span=c.column_span + 1) if c.role == "columns_title" else c for c in rows[0]
    )
    changed = replace(changed, rows=tuple(rows))
    return _tolerant(edit_table(report, "requests", lambda t: changed), "requests")


@deviation("columns", stage=3)
def last_year_column(report: Report, rng: random.Random) -> Report:
    """A column 上年总计 with the figures of the year before, behind the total or before it."""
    table = report.table("requests")
    last = max(c.column for _, c in table.cells() if c.key)
    at = rng.choice((last, last + 1))
    cells: dict[int, Cell] = {1: Cell(0, "上年总计", "extra", row_span=table.head_rows - 1)}
    for index in _lines(table):
        cells[index] = Cell(0, str(rng.randint(0, 90)), "extra")
    changed = insert_column(table, at, cells)
    rows = list(changed.rows)
    wide = sum(1 for c in changed.rows[_lines(table)[0]] if c.key or c.role == "extra")
    rows[0] = tuple(replace(c, column_span=wide) if c.role == "columns_title" else c for c in rows[0])
    changed = replace(changed, rows=tuple(rows))
    return _tolerant(edit_table(report, "requests", lambda t: changed), "requests")


@deviation("columns", "rows", stage=3, forms=("2021",))
def last_year_beside_issued(report: Report, rng: random.Random) -> Report:
    """上年制发件数 beside 本年制发件数 in table two."""
    table = report.table("disclosure")
    at = rng.choice((1, 2))
    words = rng.choice(("上年制发件数", "上一年制发件数", "去年制发件数"))
    cells: dict[int, Cell] = {}
    for index, row in enumerate(table.rows):
        if any(c.code == "issued" for c in row):
            cells[index] = Cell(0, words, "extra")
        elif any(c.key and c.key[2] == "issued" for c in row):
            cells[index] = Cell(0, str(rng.randint(0, 60)), "extra")
    changed = insert_column(table, at, cells)
    rows = []
    for index, row in enumerate(changed.rows):
        if index in cells or any(c.role == "block_title" for c in row):
            rows.append(row)
            continue
        # The other blocks' figures reach over the further column.
        label, rest = row[0], row[1:]
        wide = changed.width - 1
        rows.append((replace(label, column_span=1), *(replace(c, column=1, column_span=wide) for c in rest)))
    changed = replace(changed, rows=tuple(rows))
    return _tolerant(edit_table(report, "disclosure", lambda t: changed), "disclosure")


@deviation("columns", "rows", stage=3)
def remark_column(report: Report, rng: random.Random) -> Report:
    """A column 备注 behind table three, a word or a figure in some of its cells."""
    table = report.table("requests")
    words = ("", "", "网上申请", "含延期1件", "2", "信函3件")
    cells: dict[int, Cell] = {0: Cell(0, "备注", "extra", row_span=table.head_rows)}
    for index in _lines(table):
        cells[index] = Cell(0, rng.choice(words), "extra")
    report = edit_table(report, "requests", lambda t: insert_column(t, t.width, cells))
    return _tolerant(report, "requests")


@deviation("rows", "pages", stage=3)
def of_which_row(report: Report, rng: random.Random) -> Report:
    """其中：网上申请 under the applications received, with figures of its own."""
    table = report.table("requests")
    row = rng.choice(("received", "granted", "carried_out"))
    at = row_of(table, row)
    words = rng.choice(("其中：网络申请", "其中:当面申请数量", "其中延期办理"))
    figures = [c for c in table.rows[at] if c.key]
    width = min(c.column for c in figures)
    crossing = [c for i, c in table.cells() if i <= at < at + 1 < i + c.row_span]
    first = max((c.column + c.column_span for c in crossing), default=0)
    new: Row = (
        Cell(first, words, "extra", column_span=width - first),
        *(Cell(c.column, str(rng.randint(0, 7)), "extra") for c in figures),
    )
    return edit_table(report, "requests", lambda t: insert_row(t, at + 1, new))


@deviation("rows", "pages", stage=3)
def group_sums_printed(report: Report, rng: random.Random) -> Report:
    """A row 小计 with sums at the end of a group, or figures in the group's own row."""
    spec = forms()[report.form].table("requests")
    group = rng.choice([line for line in spec.rows if line.is_group and line.code != "other"])
    table = report.table("requests")
    at = row_of(table, group.parts[-1])
    figures = [c for c in table.rows[at] if c.key]
    width = min(c.column for c in figures)
    sums = [
        plain(sum((report.figures["requests", part, c.key[2]] for part in group.parts), start=Decimal(0)))
        for c in figures
        if c.key
    ]
    # The row stands under the group's last part, inside the group's span.
    grown = replace(
        table,
        rows=tuple(
            tuple(
                replace(c, row_span=c.row_span + 1)
                if c.row_span > 1 and i + c.row_span == at + 1 and c.role == "row" and c.code == group.code
                else c
                for c in row
            )
            for i, row in enumerate(table.rows)
        ),
    )
    new: Row = (
        Cell(width - 1, rng.choice(("小计", "合计", "以上小计")), "extra"),
        *(Cell(c.column, text, "extra") for c, text in zip(figures, sums, strict=True)),
    )
    rows = list(grown.rows)
    rows = [
        tuple(
            replace(c, row_span=c.row_span + 1)
            if i + c.row_span > at + 1 and c.row_span > 1 and i <= at
            else c
            for c in row
        )
        for i, row in enumerate(rows)
    ]
    # Those grown twice above are the group's own label, whose span ends with the new row.
    rows = [
        tuple(
            replace(c, row_span=len(group.parts) + 1) if c.role == "row" and c.code == group.code else c
            for c in row
        )
        for row in rows
    ]
    rows.insert(at + 1, new)
    changed = replace(table, rows=tuple(rows))
    return _tolerant(edit_table(report, "requests", lambda t: changed), "requests")


@deviation("rows", "pages", stage=3)
def row_repeated(report: Report, rng: random.Random) -> Report:
    """The last row before a page break once more after it, the same figures."""
    table = report.table("requests")
    row = rng.choice(("granted", "carried_in", "outcome_total", "carried_out"))
    at = row_of(table, row)
    again = tuple(replace(c, key=None, role="extra") for c in table.rows[at] if c.row_span == 1)
    return edit_table(report, "requests", lambda t: insert_row(t, at + 1, again))


@deviation("rows", "pages", stage=3)
def row_repeated_otherwise(report: Report, rng: random.Random) -> Report:
    """A row twice with different figures: one of them is wrong, and only the identities may tell which."""
    table = report.table("requests")
    row = rng.choice(("granted", "carried_in", "outcome_total", "carried_out", "received"))
    at = row_of(table, row)
    before = rng.random() < 0.5
    again = tuple(
        replace(c, key=None, role="extra", text=str(int(c.text) + rng.randint(1, 5)) if c.key else c.text)
        for c in table.rows[at]
        if c.row_span == 1
    )
    if before and any(c.row_span > 1 for c in table.rows[at]):
        before = False
    report = edit_table(report, "requests", lambda t: insert_row(t, at + (0 if before else 1), again))
    keys = [k for k in report.truth.cells if k[:2] == ("requests", row)]
    report = mark(report, keys, lambda c: replace(c, status="illegible", required=False))
    return replace(report, truth=report.truth.state("requests", "complete", "partial"))


def _swap_rows(table: PrintedTable, order: list[int], places: list[int]) -> PrintedTable:
    """The rows at ``order`` written at ``places``; cells that span down stay where they are."""
    rows = list(table.rows)
    contents = [tuple(c for c in table.rows[i] if c.row_span == 1) for i in order]
    for at, content in zip(places, contents, strict=True):
        fixed = tuple(c for c in table.rows[at] if c.row_span > 1)
        rows[at] = tuple(sorted((*fixed, *content), key=lambda c: c.column))
    return replace(table, rows=tuple(rows))


@deviation("rows", "pages", stage=3)
def reasons_in_another_order(report: Report, rng: random.Random) -> Report:
    """The reasons for refusing in another order, each with its own words and number."""
    table = report.table("requests")
    (group,) = (line for line in forms()[report.form].table("requests").rows if line.code == "refused")
    places = [row_of(table, part) for part in group.parts]
    order = rng.sample(places, len(places))
    report = edit_table(report, "requests", lambda t: _swap_rows(t, order, places))
    return _tolerant(report, "requests")


@deviation("rows", "pages", stage=3)
def total_before_its_parts(report: Report, rng: random.Random) -> Report:
    """（七）总计 printed first among the outcomes."""
    table = report.table("requests")
    places = [row_of(table, code) for code in ("granted", "granted_in_part", "outcome_total")]
    order = [places[2], places[0], places[1]]
    report = edit_table(report, "requests", lambda t: _swap_rows(t, order, places))
    return _tolerant(report, "requests")


@deviation("rows", "pages", stage=3)
def blocks_in_another_order(report: Report, rng: random.Random) -> Report:
    """The rows of penalties and coercion, and of rules and documents, changed round."""
    table = report.table("disclosure")
    for pair in (
        ("regulations", "normative_documents"),
        ("administrative_penalties", "administrative_coercion"),
    ):
        places = [row_of(table, code) for code in pair]
        table = _swap_rows(table, places[::-1], places)
    changed = table
    return edit_table(report, "disclosure", lambda t: changed)


@deviation("columns", "head", stage=3)
def applicants_in_another_order(report: Report, rng: random.Random) -> Report:
    """The organisations in another order, heads and figures alike."""
    table = report.table("requests")
    head = table.rows[table.head_rows - 1]
    columns = [c.column for c in head if c.role == "column"]
    order = rng.sample(columns, len(columns))
    where = dict(zip(columns, order, strict=True))

    def move(row: Row, leaf: bool) -> Row:
        moved = (
            replace(c, column=where[c.column]) if c.column in where and (leaf or c.key) else c for c in row
        )
        return tuple(sorted(moved, key=lambda c: c.column))

    rows = tuple(move(row, i == table.head_rows - 1) for i, row in enumerate(table.rows))
    report = edit_table(report, "requests", lambda t: replace(t, rows=rows))
    return _tolerant(report, "requests")


@deviation("columns", "head", stage=3)
def total_column_first(report: Report, rng: random.Random) -> Report:
    """总计 as the first column, head and figures alike."""
    table = report.table("requests")
    columns = sorted({c.column for _, c in table.cells() if c.key})
    first, last = columns[0], columns[-1]

    def place(cell: Cell) -> Cell:
        if cell.role == "columns_title" or cell.column < first:
            return cell
        return replace(cell, column=first if cell.column == last else cell.column + 1)

    rows = tuple(tuple(sorted(map(place, row), key=lambda c: c.column)) for row in table.rows)
    report = edit_table(report, "requests", lambda t: replace(t, rows=rows))
    return _tolerant(report, "requests")


@deviation("columns", "head", "rows", stage=3)
def dispute_results_in_another_order(report: Report, rng: random.Random) -> Report:
    """总计 before the results in table four, under each forum."""
    table = report.table("disputes")

    def place(cell: Cell) -> Cell:
        if cell.column_span > 1:
            return cell
        group, at = divmod(cell.column, 5)
        return replace(cell, column=group * 5 + (at + 1) % 5)

    rows = tuple(tuple(sorted(map(place, row), key=lambda c: c.column)) for row in table.rows)
    report = edit_table(report, "disputes", lambda t: replace(t, rows=rows))
    return _tolerant(report, "disputes")


@deviation("labels", stage=2)
def applicants_abbreviated(report: Report, rng: random.Random) -> Report:
    """企业, 科研, 公益, 法律, 其他 as heads of columns."""
    short = {
        "enterprise": "企业",
        "research_institution": "科研",
        "public_interest_organization": "公益",
        "legal_service_organization": "法律",
        "other_organization": "其他",
    }
    report = edit_cells(
        report,
        lambda c: replace(c, text=short[c.code]) if c.role == "column" and c.code in short else c,
        "requests",
    )
    return _tolerant(report, "requests")


@deviation("head", "labels", stage=3)
def header_words_lost(report: Report, rng: random.Random) -> Report:
    """The second line of the heads gone: both columns read 本年新, or 本年."""
    size = {"2019": 3, "2021": 2}[report.form]
    codes = {"2019": ("newly_made", "newly_disclosed"), "2021": ("issued", "repealed")}[report.form]
    report = edit_cells(
        report,
        lambda c: replace(c, text=c.text[:size]) if c.role == "column" and c.code in codes else c,
        "disclosure",
    )
    return _tolerant(report, "disclosure")


@deviation("head", "labels", stage=3)
def heads_missing(report: Report, rng: random.Random) -> Report:
    """The heads of columns empty in table three or in table two."""
    code = rng.choice(("requests", "disclosure"))
    report = edit_cells(report, lambda c: replace(c, text="") if c.role == "column" else c, code)
    return _tolerant(report, code)


# Other shapes of a table.


def _turn(table: PrintedTable) -> PrintedTable:
    """Rows for columns."""
    cells = [
        (i, replace(c, column=i, row_span=c.column_span, column_span=c.row_span), c.column)
        for i, c in table.cells()
    ]
    rows: list[list[Cell]] = [[] for _ in range(table.width)]
    for _, cell, row in cells:
        rows[row].append(cell)
    ordered = tuple(tuple(sorted(row, key=lambda c: c.column)) for row in rows)
    return PrintedTable(table.code, ordered)


@deviation("rows", "columns", "head", "pages", stage=4, formats=_fields)
def requests_turned(report: Report, rng: random.Random) -> Report:
    """Table three with applicants as rows and outcomes as columns."""
    return _tolerant(edit_table(report, "requests", _turn), "requests")


@deviation("rows", "columns", "head", "pages", stage=4)
def disputes_turned(report: Report, rng: random.Random) -> Report:
    """Table four standing upright: each result on a line of its own, its figure beside it."""
    return _tolerant(edit_table(report, "disputes", _turn), "disputes")


@deviation("rows", "columns", "head", "pages", stage=4)
def disputes_as_three_rows(report: Report, rng: random.Random) -> Report:
    """Table four as three rows, one for each forum, the results as columns."""
    table = report.table("disputes")
    spec = forms()[report.form].table("disputes")
    figures = [c for c in table.rows[-1] if c.key]
    head = (
        Cell(0, rng.choice(("", "类型", "项目")), "corner"),
        *(Cell(i, c.label, "column", c.code) for i, c in enumerate(spec.columns, 1)),
    )
    rows: list[Row] = [head]
    for number, line in enumerate(spec.rows):
        own = figures[number * 5 : number * 5 + 5]
        rows.append(
            (
                Cell(0, line.label, "row", line.code),
                *(replace(c, column=i) for i, c in enumerate(own, 1)),
            )
        )
    changed = PrintedTable("disputes", tuple(rows), head_rows=1)
    return _tolerant(edit_table(report, "disputes", lambda t: changed), "disputes")


def _beside(left: tuple[Row, ...], right: tuple[Row, ...], width: int) -> tuple[Row, ...]:
    high = max(len(left), len(right))
    rows = []
    for i in range(high):
        row = [*(left[i] if i < len(left) else ())]
        row += [replace(c, column=c.column + width) for c in (right[i] if i < len(right) else ())]
        rows.append(tuple(row))
    return tuple(rows)


@deviation("rows", "columns", "head", "pages", stage=4, formats=_fields)
def requests_in_two_beside(report: Report, rng: random.Random) -> Report:
    """Table three cut in two halves that stand side by side in one grid, the head over both."""
    table = report.table("requests")
    at = row_of(table, "unavailable_not_held")
    head = tuple(replace(c) for c in table.rows[0])
    upper = tuple(
        tuple(replace(c, row_span=min(c.row_span, at - i)) for c in row)
        for i, row in enumerate(table.rows[:at])
    )
    reaching = [
        replace(c, text="", row_span=i + c.row_span - at) for i, c in table.cells() if i < at < i + c.row_span
    ]
    first, *rest = table.rows[at:]
    top = tuple(sorted((*reaching, *first), key=lambda c: c.column))
    lower = (*table.rows[: table.head_rows], top, *rest)
    assert head
    # The second half is filled up with empty rows.
    high = max(len(upper), len(lower))
    filler = tuple(Cell(c, "", "extra") for c in range(table.width))
    upper = (*upper, *[filler] * (high - len(upper)))
    lower = (*lower, *[filler] * (high - len(lower)))
    changed = PrintedTable("requests", _beside(upper, lower, table.width), head_rows=table.head_rows)
    return _tolerant(edit_table(report, "requests", lambda t: changed), "requests")


@deviation("rows", "columns", "head", "pages", stage=4, formats=_fields)
def disputes_beside_disclosure(report: Report, rng: random.Random) -> Report:
    """Tables two and four side by side in one grid."""
    left, right = report.table("disclosure"), report.table("disputes")
    high = max(len(left.rows), len(right.rows))
    rows_left = (
        *left.rows,
        *[tuple(Cell(c, "", "extra") for c in range(left.width))] * (high - len(left.rows)),
    )
    rows_right = (
        *right.rows,
        *[tuple(Cell(c, "", "extra") for c in range(right.width))] * (high - len(right.rows)),
    )
    joined = PrintedTable("disclosure", _beside(rows_left, rows_right, left.width))
    blocks = tuple(joined if b is left else b for b in report.blocks if b is not right)
    return _tolerant(replace(report, blocks=blocks), "disclosure", "disputes")


@deviation("rows", "columns", "head", "pages", "numbers", stage=4)
def last_year_table_first(report: Report, rng: random.Random) -> Report:
    """Table three of the year before printed above that of the year, with other figures."""
    table = report.table("requests")
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
    words = Text(f"{report.year - 1}年收到和处理申请的情况对照如下。", "paragraph")
    blocks = (*report.blocks[:at], words, old, Text(f"{report.year}年的情况如下。", "paragraph"))
    report = replace(report, blocks=(*blocks, *report.blocks[at:]))
    return _tolerant(report, "requests")


@deviation("rows", "columns", "head", "pages", stage=4)
def units_table_appended(report: Report, rng: random.Random) -> Report:
    """A table of departments with their own counts at the end: no table of the form."""
    heads = ("单位", "本年新收", "予以公开", "结转下年度")
    rows: list[Row] = [tuple(Cell(i, t, "extra") for i, t in enumerate(heads))]
    for name in ("办公室", "规划科", "法规科", "总计"):
        rows.append((Cell(0, name, "extra"), *(Cell(i, str(rng.randint(0, 40)), "extra") for i in (1, 2, 3))))
    table = PrintedTable("other", tuple(rows))
    words = Text("各科室办理情况见下表。", "paragraph")
    return replace(report, blocks=(*report.blocks, words, table))


@deviation("rows", "columns", "head", "pages", stage=4)
def rows_of_another_table_inside(report: Report, rng: random.Random) -> Report:
    """A further block in table two that the form does not have, with labels like the form's."""
    table = report.table("disclosure")
    width = table.width
    label = rng.choice(
        ("行政确认", "行政征收", "行政检查", "行政奖励", "行政处罚（不含简易程序）", "行政强制执行")
    )
    rows: list[Row] = [
        (Cell(0, "其他行政行为", "extra", column_span=width),),
        (Cell(0, "信息内容", "extra"), Cell(1, "本年数量", "extra", column_span=width - 1)),
        (Cell(0, label, "extra"), Cell(1, str(rng.randint(1, 99)), "extra", column_span=width - 1)),
    ]
    at = rng.choice([i for i, row in enumerate(table.rows) if row[0].role == "block_title"][1:])
    changed = replace(table, rows=(*table.rows[:at], *rows, *table.rows[at:]))
    return _tolerant(edit_table(report, "disclosure", lambda t: changed), "disclosure")


@deviation("rows", "pages", stage=3)
def row_missing(report: Report, rng: random.Random) -> Report:
    """A row of table three that the office deleted; what is left must not move up."""
    table = report.table("requests")
    code = rng.choice(("refused_state_secret", "declined_publication", "carried_in", "unavailable_not_held"))
    at = row_of(table, code)
    if any(c.row_span > 1 for c in table.rows[at]):
        # The label that reaches down stays; only the row's own cells go empty of words and figures.
        rows = list(table.rows)
        rows[at] = tuple(c if c.row_span > 1 else replace(c, text="") for c in rows[at])
        changed = replace(table, rows=tuple(rows))
    else:
        changed = delete_row(table, at)
    report = edit_table(report, "requests", lambda t: changed)
    keys = [k for k in report.truth.cells if k[:2] == ("requests", code)]
    report = mark(report, keys, lambda c: replace(c, status="lost", raw="", required=False))
    return replace(
        report,
        truth=replace(report.truth.state("requests", "partial", "complete"), statuses=("partial", "parsed")),
    )


@deviation(
    "rows", "columns", "pages", "head", "numbers", stage=3, forms=("2019",), formats=lambda f: not f.grid
)
def lone_figures(report: Report, rng: random.Random) -> Report:
    """Rows of the form of 2019 that print one figure and no trace of the empty cells beside it."""
    table = report.table("disclosure")
    codes = (
        "normative_documents",
        "administrative_licensing",
        "administrative_fees",
        "government_procurement",
    )
    chosen = rng.sample(codes, 2)
    rows = []
    keys: list[Key] = []
    for row in table.rows:
        own = [c for c in row if c.key and c.key[1] in chosen]
        if not own:
            rows.append(row)
            continue
        kept = rng.choice(own)
        keys += [c.key for c in own if c.key]
        rows.append((row[0], replace(kept, column=1, column_span=1)))
    changed = replace(table, rows=tuple(rows))
    report = edit_table(report, "disclosure", lambda t: changed)
    report = mark(report, keys, lambda c: replace(c, figure=None, status="lost", required=False, raw=""))
    return replace(
        report,
        truth=replace(
            report.truth.state("disclosure", "partial", "complete"), statuses=("partial", "parsed")
        ),
    )
