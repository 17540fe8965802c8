"""Deviations of tables: rows and columns, tables that are split, joined, pictures or not there.

Here: where the figures stand. Not here: how figures are written (deviations_figures.py) or what the
labels say (deviations_labels.py).
"""

from __future__ import annotations

import random
from dataclasses import replace
from decimal import Decimal

from pipeline.form import forms
from tests.render.deviation import deviation, mark, tables, without_cells
from tests.render.figures import make_figures
from tests.render.formats import Format
from tests.render.layout import (
    Cell,
    PrintedTable,
    delete_row,
    insert_column,
    insert_row,
    occupied,
    plain,
    row_of,
)
from tests.render.report import Block, Report, Text, build, edit_table, section_title
from tests.render.truth import CellTruth


def _grid(format: Format) -> bool:
    return format.grid


def _tab(format: Format) -> bool:
    return format.name in ("txt_tab", "md_tab", "md_pipe")


def _text(format: Format) -> bool:
    return format.family == "text"


def _drawn(format: Format) -> bool:
    return format.family in ("pdf", "scan") and format.name not in ("pdf_chromium", "pdf_libreoffice")


def _file(format: Format) -> bool:
    return format.family in ("html", "word", "pdf")


# Rows and columns.


@deviation("rows", stage=3)
def table_title_inside(report: Report, rng: random.Random) -> Report:
    """The title of the section once more as the first row of its table."""
    for table in tables(report):
        words = forms()[report.form].table(table.code).title[2:]
        title = Cell(0, words, "table_title", column_span=table.width)
        report = edit_table(report, table.code, lambda t, c=title: insert_row(t, 0, (c,)))  # type: ignore[misc]
    return report


@deviation("columns", stage=3)
def extra_column_subtotal(report: Report, rng: random.Random) -> Report:
    """A column 法人小计 before the total."""
    table = report.table("requests")
    at = max(c.column for _, c in table.cells() if c.key)
    people = forms()[report.form].table("requests").columns
    parts = [c.code for c in people if c.code not in ("natural_person", "total")]
    cells = {1: Cell(0, "法人小计", "extra", row_span=table.head_rows - 1)}
    for index, row in enumerate(table.rows):
        keys = [c.key for c in row if c.key]
        if keys:
            total = sum((report.figures[keys[0][0], keys[0][1], part] for part in parts), Decimal(0))
            cells[index] = Cell(0, plain(total), "extra")
    return edit_table(report, "requests", lambda t: insert_column(t, at, cells))


@deviation("columns", stage=3)
def empty_column(report: Report, rng: random.Random) -> Report:
    """An empty column at the right, left over from another program."""

    def change(table: PrintedTable) -> PrintedTable:
        cells = {i: Cell(0, "", "extra") for i in range(len(table.rows))}
        return insert_column(table, table.width, cells)

    return edit_table(edit_table(report, "requests", change), "disclosure", change)


@deviation("rows", stage=3, forms=("2019",))
def extra_row_other_documents(report: Report, rng: random.Random) -> Report:
    """A row 其他主动公开文件 of a province's own under the normative documents."""
    table = report.table("disclosure")
    at = row_of(table, "normative_documents") + 1
    cells = (
        Cell(0, "其他主动公开文件", "extra"),
        *(Cell(i, str(rng.randint(0, 60)), "extra") for i in (1, 2, 3)),
    )
    return edit_table(report, "disclosure", lambda t: insert_row(t, at, cells))


@deviation("rows", stage=3, forms=("2019",))
def other_services_in_parts(report: Report, rng: random.Random) -> Report:
    """其他对外管理服务事项 printed as 行政检查 and 行政确认 with figures of their own."""
    code = "other_public_services"
    table = report.table("disclosure")
    at = row_of(table, code)
    label = replace(table.rows[at][0], row_span=2)
    keys = [c.key for c in table.rows[at] if c.key]
    columns = [c for c in table.rows[at] if c.key]
    first, second = [], []
    for key, cell in zip(keys, columns, strict=True):
        whole = int(report.figures[key])
        part = rng.randint(min(0, whole), max(0, whole))
        first.append(replace(cell, text=str(part), key=None, role="extra"))
        second.append(replace(cell, text=str(whole - part), key=None, role="extra"))
    rows = [*table.rows]
    # The sub-labels stand in a column of their own, which all other rows span.
    rows[at : at + 1] = [(label, *first), tuple(second)]
    grown = replace(table, rows=tuple(rows))
    marks = {at: Cell(1, "行政检查", "extra"), at + 1: Cell(1, "行政确认", "extra")}
    grown = insert_column(grown, 1, marks)
    grown = replace(
        grown,
        rows=tuple(
            tuple(
                replace(c, column_span=2) if c.column == 0 and c.column_span == 1 and i not in marks else c
                for c in row
            )
            for i, row in enumerate(grown.rows)
        ),
    )
    report = edit_table(report, "disclosure", lambda t: grown)
    # The row has no figure of its own: the sum is right, and so is none.
    keys_of = [k for k in report.truth.cells if k[1] == code]
    report = mark(report, keys_of, lambda c: replace(c, status="lost", required=False, raw=""))
    return replace(report, truth=report.truth.state("disclosure", "partial", "complete"))


@deviation("rows", stage=3, forms=("2021",))
def one_row_other(report: Report, rng: random.Random) -> Report:
    """（六）其他处理 as one row in the form of 2021: its parts are absent, not 0."""
    spec = forms()["2021"].table("requests")
    parts = spec.row("other").parts
    table = report.table("requests")
    first = row_of(table, parts[0])
    sums = {
        column.code: sum((report.figures["requests", part, column.code] for part in parts), Decimal(0))
        for column in spec.columns
    }
    group = next(c for c in table.rows[first] if c.role == "row" and c.code == "other")
    line: list[Cell] = [c for c in table.rows[first] if c.role == "row" and c.row_span > len(parts)]
    line.append(replace(group, row_span=1, column_span=2))
    for cell in table.rows[first]:
        if cell.key:
            key = ("requests", "other", cell.key[2])
            line.append(replace(cell, key=key, text=plain(sums[key[2]])))
    for part in parts[1:]:
        table = delete_row(table, row_of(table, part))
    rows = list(table.rows)
    rows[first] = tuple(line)
    table = replace(table, rows=tuple(rows))
    cells = {k: c for k, c in report.truth.cells.items() if k[1] not in parts or k[0] != "requests"}
    cells |= {("requests", "other", column): CellTruth(value) for column, value in sums.items()}
    values = {k: v for k, v in report.figures.values.items() if k[1] not in parts or k[0] != "requests"}
    values |= {("requests", "other", column): value for column, value in sums.items()}
    return replace(
        edit_table(report, "requests", lambda t: table),
        truth=replace(report.truth, cells=cells),
        figures=replace(report.figures, values=values),
    )


@deviation("head", stage=3)
def total_before_person(report: Report, rng: random.Random) -> Report:
    """总计 reaches up beside 申请人情况, so that it comes before 自然人 in reading order."""
    table = report.table("requests")
    first, second, *rest = table.rows
    total = next(c for c in second if c.code == "total")
    top = tuple(replace(c, column_span=c.column_span - 1) if c.role == "columns_title" else c for c in first)
    raised = replace(total, row_span=total.row_span + 1)
    rows = ((*top, raised), tuple(c for c in second if c is not total), *rest)
    return edit_table(report, "requests", lambda t: replace(t, rows=rows))


@deviation("head", "labels", stage=3, formats=lambda f: f.grid or f.name in ("md_pipe", "txt_tab"))
def head_over_two_rows(report: Report, rng: random.Random) -> Report:
    """商业 | 科研 on one row of the head, 企业 | 机构 on the next."""
    table = report.table("requests")
    at = table.head_rows - 1
    halves = {c.column: c.text for c in table.rows[at] if c.role == "column" and len(c.text) == 4}
    second = tuple(
        replace(c, text=halves[c.column][2:]) if c.column in halves else replace(c, text="")
        for c in table.rows[at]
    )
    table = insert_row(table, at + 1, second)
    # insert_row leaves the old leaf row whole; what reached down to it must reach one further.
    rows = list(table.rows)
    for index in range(at):
        rows[index] = tuple(
            replace(c, row_span=c.row_span + 1) if index + c.row_span == at + 1 and c.row_span > 1 else c
            for c in rows[index]
        )
    rows[at] = tuple(replace(c, text=halves[c.column][:2]) if c.column in halves else c for c in rows[at])
    table = replace(table, rows=tuple(rows), head_rows=table.head_rows + 1)
    return edit_table(report, "requests", lambda t: table)


@deviation("rows", stage=3)
def disputes_spacer_rows(report: Report, rng: random.Random) -> Report:
    """Empty rows between the head of table four and its figures."""
    table = report.table("disputes")
    empty = tuple(Cell(c, "", "extra") for c in range(table.width))
    for _ in range(rng.randint(1, 3)):
        table = insert_row(table, len(table.rows) - 1, empty)
    return edit_table(report, "disputes", lambda t: table)


@deviation("numbers", "rows", stage=3)
def disputes_header_only(report: Report, rng: random.Random) -> Report:
    """Table four with its head and no line of figures."""
    report = edit_table(report, "disputes", lambda t: replace(t, rows=t.rows[:-1]))
    report = without_cells(report, "disputes")
    truth = report.truth.state("disputes", "header_only")
    return replace(report, truth=replace(truth, statuses=("parsed", "partial")))


@deviation("pages", stage=3)
def table_in_two(report: Report, rng: random.Random) -> Report:
    """Table three cut in two by a page break; labels that reach over it are empty in the second."""
    table = report.table("requests")
    return _cut(report, table, rng.randint(table.head_rows + 4, len(table.rows) - 3))


def _cut(report: Report, table: PrintedTable, at: int) -> Report:
    upper = tuple(
        tuple(replace(c, row_span=min(c.row_span, at - i)) for c in row)
        for i, row in enumerate(table.rows[:at])
    )
    reaching = [
        replace(c, text="", row_span=i + c.row_span - at) for i, c in table.cells() if i < at < i + c.row_span
    ]
    first, *rest = table.rows[at:]
    top = tuple(sorted((*reaching, *first), key=lambda c: c.column))
    halves = (replace(table, rows=upper), replace(table, rows=(top, *rest), head_rows=0))
    blocks: list[Block] = []
    for block in report.blocks:
        blocks.extend(halves if block is table else (block,))
    return replace(report, blocks=tuple(blocks))


@deviation("pages", stage=3, formats=lambda f: f.family in ("text", "html", "word"))
def header_repeated_inside(report: Report, rng: random.Random) -> Report:
    """The head of table three, and a page's number, once more between two rows."""
    table = report.table("requests")
    at = row_of(table, "unavailable_not_held")
    number = Cell(0, f"— {rng.randint(2, 5)} —", "extra", column_span=table.width)
    head = [tuple(c for c in row) for row in table.rows[: table.head_rows]]
    reaching = [(i, c) for i, c in table.cells() if i < at < i + c.row_span]
    # What reaches over the break ends there and begins again, empty, behind the head.
    rows = [
        tuple(replace(c, row_span=at - i) if (i, c) in reaching else c for c in row)
        for i, row in enumerate(table.rows)
    ]
    again = [replace(c, text="", row_span=i + c.row_span - at) for i, c in reaching]
    rows[at] = tuple(sorted((*again, *rows[at]), key=lambda c: c.column))
    rows[at:at] = [(number,), *head]
    changed = replace(table, rows=tuple(rows))
    return edit_table(report, "requests", lambda t: changed)


@deviation("pages", formats=_drawn)
def header_repeated_on_pages(report: Report, rng: random.Random) -> Report:
    """The head of a table repeated on each page that it goes over to."""
    return replace(report, traits=report.traits | {"repeat_header"})


@deviation("pages", formats=_drawn)
def page_break_in_label(report: Report, rng: random.Random) -> Report:
    """A page break inside a row: the label begins on one page and ends on the next."""
    return replace(report, traits=report.traits | {"cut_label"})


# Lost and shifted cells, as converters leave them.


def _packed(table: PrintedTable, lead: int) -> PrintedTable:
    """Labels one column wide and everything moved left against them, as some converters give it.

    ``lead`` columns stand left of the heads; in rows with more labels the figures stand further
    right than their heads.
    """
    places, rows = occupied(table), []
    width = lead + 1 + len(_figure_columns(table))
    first = min(c.column for _, c in table.cells() if c.key)
    for index, row in enumerate(table.rows):
        line: list[Cell] = []
        if index < table.head_rows:
            for cell in row:
                if cell.role == "corner":
                    line.append(replace(cell, column_span=lead))
                else:
                    line.append(replace(cell, column=cell.column - first + lead))
            rows.append(tuple(line))
            continue
        for column in range(first):
            start, cell = places[index, column]
            if cell.column != column:
                continue
            label = replace(cell, column=column, column_span=1, row_span=1)
            line.append(label if start == index else Cell(column, "", "extra"))
        line += [Cell(i, "", "extra") for i in range(len(line), lead)]
        line += [replace(c, column=len(line) + i) for i, c in enumerate(c for c in row if c.key)]
        line += [Cell(i, "", "extra") for i in range(len(line), width)]
        rows.append(tuple(line))
    return replace(table, rows=tuple(rows))


def _figure_columns(table: PrintedTable) -> set[str]:
    """The columns of figures that a printed table has."""
    return {c.key[2] for _, c in table.cells() if c.key}


@deviation("rows", "columns", "pages", "head", stage=3, formats=_tab)
def packed_left(report: Report, rng: random.Random) -> Report:
    """Labels without their spans: figures of shallow rows stand left of those of deep rows."""
    return _pack(report)


def _pack(report: Report) -> Report:
    def change(table: PrintedTable) -> PrintedTable:
        return _shifted(_packed(table, 2 if _full(table) else 1), _tail_rows(report))

    return edit_table(report, "requests", change)


def _full(table: PrintedTable) -> bool:
    """Whether every row still has all its figures, so that the grid needs its full width."""
    counts = {sum(1 for c in row if c.key) for row in table.rows} - {0}
    return len(counts) == 1


def _tail_rows(report: Report) -> tuple[str, ...]:
    rows = forms()[report.form].table("requests").rows
    return tuple(r.code for r in rows if r.code in ("other_other", "outcome_total"))


def _shifted(table: PrintedTable, codes: tuple[str, ...]) -> PrintedTable:
    """The rows of these codes without what stands left of their label, which an empty field follows."""
    rows = []
    for row in table.rows:
        label = next((c for c in row if c.role == "row" and c.code in codes), None)
        if label is None or not any(c.key for c in row):
            rows.append(row)
            continue
        line = [replace(label, column=0), Cell(1, "", "extra")]
        line += [replace(c, column=2 + i) for i, c in enumerate(c for c in row if c.key)]
        line += [Cell(i, "", "extra") for i in range(len(line), table.width)]
        rows.append(tuple(line))
    return replace(table, rows=tuple(rows))


def _lose(report: Report, column: str, rows: set[str]) -> Report:
    """The cells of a column gone from these rows, what stood right of them moved left.

    What stays is required only where the identities leave one reading of it.
    """
    required = _one_reading(report, column, rows)

    def change(table: PrintedTable) -> PrintedTable:
        lines = []
        for line in table.rows:
            gone = next((c for c in line if c.key and c.key[1] in rows and c.key[2] == column), None)
            if gone is None:
                lines.append(line)
                continue
            lines.append(
                tuple(
                    replace(c, column=c.column - 1) if c.column > gone.column else c
                    for c in line
                    if c is not gone
                )
            )
        return replace(table, rows=tuple(lines))

    report = edit_table(report, "requests", change)
    keys = [k for k in report.truth.cells if k[0] == "requests" and k[1] in rows]

    def spoil(cell: CellTruth) -> CellTruth:
        return replace(cell, required=required)

    report = mark(report, keys, spoil)
    lost = [k for k in keys if k[2] == column]
    report = mark(report, lost, lambda c: replace(c, status="lost", raw=""))
    truth = report.truth.flag(*((k[0], k[1], None) for k in lost))
    truth = truth.state("requests", "complete", "partial")
    return replace(report, truth=replace(truth, statuses=("parsed", "partial")))


def _one_reading(report: Report, column: str, rows: set[str]) -> bool:
    """Whether one set of figures alone fits the short rows and the identities.

    Every placement of the lost cell is tried in each row; the columns must add up to what items
    one, two and four leave for the outcomes.
    """
    order = [c.code for c in forms()[report.form].table("requests").columns if not c.is_group]
    figures = report.figures

    def whole(row: str) -> tuple[int, ...]:
        return tuple(int(figures["requests", row, code]) for code in order)

    def readings(row: str) -> set[tuple[int, ...]]:
        if row not in rows:
            return {whole(row)}
        at = order.index(column)
        left = [*whole(row)[:at], *whole(row)[at + 1 :]]
        found = {(*left, sum(left))}
        for place in range(len(left)):
            lost = left[-1] - sum(left[:-1])
            if lost >= 0:
                found.add((*left[:place], lost, *left[place:]))
        return found

    received, carried_in, carried_out = map(whole, ("received", "carried_in", "carried_out"))
    target = tuple(a + b - c for a, b, c in zip(received, carried_in, carried_out, strict=True))
    if target not in readings("outcome_total"):
        return False
    sums: dict[tuple[int, ...], int] = {(0,) * len(order): 1}
    for row in sorted(_outcomes(report) - {"outcome_total"}):
        grown: dict[tuple[int, ...], int] = {}
        for total, ways in sums.items():
            for reading in readings(row):
                after = tuple(a + b for a, b in zip(total, reading, strict=True))
                if all(a <= b for a, b in zip(after, target, strict=True)):
                    grown[after] = grown.get(after, 0) + ways
        if len(grown) > 20_000:
            return False
        sums = grown
    return sums.get(target) == 1


def _outcomes(report: Report) -> set[str]:
    ends = ("received", "carried_in", "carried_out")
    return {k[1] for k in report.truth.cells if k[0] == "requests" and k[1] not in ends}


@deviation("rows", "columns", "numbers", "pages", "head", stage=3, formats=_tab)
def lost_zero_column(report: Report, rng: random.Random) -> Report:
    """The rows of outcomes one figure short, a zero of one column; the grid is narrow by one."""
    rows = _outcomes(report)
    columns = ["research_institution", "public_interest_organization", "other_organization"]
    zero = [c for c in columns if all(report.figures["requests", r, c] == 0 for r in rows)]
    if not zero:
        return _lose(report, rng.choice(columns), rows)
    # Whichever of the zero columns is taken to be lost, the figures are the same.
    return _pack(_lose(report, rng.choice(zero), rows))


@deviation("rows", "columns", "numbers", "pages", "head", stage=3, formats=_text)
def lost_cell(report: Report, rng: random.Random) -> Report:
    """One row a figure short; which one can be known only where the identities leave one place."""
    row = rng.choice(sorted(_outcomes(report)))
    column = rng.choice(["natural_person", "enterprise", "research_institution", "other_organization"])
    return _lose(report, column, {row})


# Whole tables.


@deviation("numbers", "labels", "rows", "columns", "pages", "head", stage=4)
def tables_missing(report: Report, rng: random.Random) -> Report:
    """The headings of sections two to four with nothing under them."""
    return _without(report, [t.code for t in tables(report)])


@deviation("numbers", "labels", "rows", "columns", "pages", "head", stage=4)
def one_table_missing(report: Report, rng: random.Random) -> Report:
    """One of the tables not there, its heading standing."""
    return _without(report, [rng.choice(["disclosure", "requests", "disputes"])])


def _without(report: Report, codes: list[str]) -> Report:
    blocks = tuple(b for b in report.blocks if isinstance(b, Text) or b.code not in codes)
    report = replace(report, blocks=blocks)
    for code in codes:
        report = without_cells(report, code)
        report = replace(report, truth=report.truth.state(code, "missing"))
    if not tables(report):
        report = replace(report, truth=replace(report.truth, form_version=None))
    return report


@deviation("numbers", "labels", "rows", "columns", "pages", "head", stage=4, formats=_file)
def tables_as_pictures(report: Report, rng: random.Random) -> Report:
    """Pictures in the place of all tables."""
    return _pictures(report, [t.code for t in tables(report)])


@deviation("numbers", "labels", "rows", "columns", "pages", "head", stage=4, formats=_file)
def one_table_as_picture(report: Report, rng: random.Random) -> Report:
    """A picture in the place of one table."""
    return _pictures(report, [rng.choice(["disclosure", "requests", "disputes"])])


def _pictures(report: Report, codes: list[str]) -> Report:
    for code in codes:
        report = edit_table(report, code, lambda t: replace(t, picture=True))
    return report


@deviation("rows", "columns", "pages", "head", stage=4)
def requests_and_disputes_in_one(report: Report, rng: random.Random) -> Report:
    """Tables three and four in one grid, the second heading as a row between them."""
    upper, lower = report.table("requests"), report.table("disputes")
    width = max(upper.width, lower.width)
    at = section_title(report, "disputes")
    heading = report.blocks[at]
    assert isinstance(heading, Text)
    between = (Cell(0, heading.text, "table_title", column_span=width),)

    def fill(row: tuple[Cell, ...], index: int) -> tuple[Cell, ...]:
        # The last column of the narrower table takes up the rest of the width.
        return tuple(
            replace(c, column_span=width - c.column) if c.column + c.column_span == upper.width else c
            for c in row
        )

    rows = (*(fill(row, i) for i, row in enumerate(upper.rows)), between, *lower.rows)
    joined = PrintedTable("requests", rows, head_rows=upper.head_rows)
    blocks: list[Block] = []
    for index, block in enumerate(report.blocks):
        if block is upper:
            blocks.append(joined)
        elif block is not lower and index != at:
            blocks.append(block)
    return replace(report, blocks=tuple(blocks))


@deviation("title", "numbers", "labels", "rows", "columns", "pages", "head", "sections", "prose", stage=4)
def two_reports(report: Report, rng: random.Random) -> Report:
    """A second report of another agency in the same file. Its figures must not be taken for the first's."""
    other = build(
        "示例县水利局",
        report.year,
        make_figures(rng.randint(1, 10**6), report.form, "small"),
        report.seed + 1,
    )
    truth = replace(report.truth.open(), mixed=True, statuses=("parsed", "partial"))
    for code, states in truth.states.items():
        truth = truth.state(code, *states, "partial", "missing")
    return replace(report, blocks=(*report.blocks, *other.blocks), truth=truth)
