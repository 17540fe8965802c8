"""Deviations of single cells: figures with marks, remarks and doubts, figures glued, merged and cut.

Here: cells that hold more, less or something else than one figure. Not here: ordinary ways of writing
figures (deviations_figures.py) or the order of rows and columns (deviations_grids.py).
"""

from __future__ import annotations

import itertools
import random
from collections.abc import Iterable
from dataclasses import replace
from decimal import Decimal

from tests.render.deviation import deviation, mark, reprint, tables
from tests.render.figures import Key, Size
from tests.render.formats import Format
from tests.render.layout import Cell, PrintedTable, insert_column, plain
from tests.render.report import Report, edit_cells, edit_table

_SOME: tuple[Size, ...] = ("small", "large", "huge")


def _grid(format: Format) -> bool:
    return format.grid


def _keys(report: Report, table: str) -> list[Key]:
    return [k for k, c in report.truth.cells.items() if k[0] == table and c.printed]


def _some(report: Report, rng: random.Random, table: str, count: int) -> list[Key]:
    keys = [k for k in _keys(report, table) if report.figures[k] > 0] or _keys(report, table)
    return rng.sample(keys, min(count, len(keys)))


def _open(report: Report, keys: Iterable[Key]) -> Report:
    """What these cells print is no one figure: the figure meant with a finding, or no figure at all."""
    keys = list(keys)
    report = mark(report, keys, lambda c: replace(c, status="illegible", required=False))
    left = {c.key for t in tables(report) for _, c in t.cells() if c.key}
    report = mark(report, [k for k in keys if k not in left], lambda c: replace(c, raw=""))
    for table in {k[0] for k in keys}:
        report = replace(report, truth=report.truth.state(table, "partial", "complete"))
    return replace(report, truth=replace(report.truth, statuses=("partial", "parsed")))


def _tolerant(report: Report, keys: Iterable[Key]) -> Report:
    """These cells may be read rightly or not at all; never wrongly in silence."""
    keys = list(keys)
    report = mark(report, keys, lambda c: replace(c, required=False))
    for table in {k[0] for k in keys}:
        report = replace(report, truth=report.truth.state(table, "complete", "partial"))
    return replace(report, truth=replace(report.truth, statuses=("parsed", "partial")))


def _line(report: Report, key: Key) -> list[Key]:
    """All cells of the printed line in which a cell stands."""
    one_line = key[0] == "disputes"
    return [k for k in report.truth.cells if k[0] == key[0] and (one_line or k[1] == key[1])]


@deviation("numbers", stage=1)
def footnote_marks(report: Report, rng: random.Random) -> Report:
    """5[1], 5①, 5*: the mark of a footnote behind a figure is no digit of it."""
    keys = [*_some(report, rng, "requests", 3), *_some(report, rng, "disclosure", 1)]
    style = rng.choice(("[1]", "①", "*", "（注1）", "¹", "注1", "②", "[注2]"))
    report = reprint(report, {k: plain(report.figures[k]) + style for k in keys})
    return _tolerant(report, keys)


@deviation("numbers", stage=1, sizes=("large", "huge"))
def wide_spaces_inside_numbers(report: Report, rng: random.Random) -> Report:
    """１　２３: a full-width space inside a figure."""
    keys = [k for k in _keys(report, "requests") if report.figures[k] > 9]
    keys = rng.sample(keys, min(2, len(keys)))
    space = rng.choice(("　", "\u00a0", "\u2003"))
    texts = {k: plain(report.figures[k])[0] + space + plain(report.figures[k])[1:] for k in keys}
    return _tolerant(reprint(report, texts), [c for k in keys for c in _line(report, k)])


@deviation("numbers", stage=1, sizes=_SOME)
def approximate_figures(report: Report, rng: random.Random) -> Report:
    """约5, 5余, 10多件, 5以上: not the figure, or not surely."""
    keys = [*_some(report, rng, "requests", 1), *_some(report, rng, "disclosure", 1)]
    style = rng.choice(
        ("约{}", "{}余", "{}多件", "近{}", "{}件以上", "{}左右", "不少于{}", "{}+", ">{}", "≈{}")
    )
    report = reprint(report, {k: style.format(plain(report.figures[k])) for k in keys})
    return _open(report, keys)


@deviation("numbers", stage=1, sizes=_SOME)
def several_figures_in_a_cell(report: Report, rng: random.Random) -> Report:
    """3/5, 3-5, 3（2023年5）, 3+5, 3、5: more than one figure in a cell."""
    keys = [*_some(report, rng, "requests", 1), *_some(report, rng, "disclosure", 1)]
    style = rng.choice(("{}/5", "{}-25", "{}～9", "{}、7", "{}+5", "{};8", "{}:5", "{}\\6", "{}.{}.1"))
    report = reprint(report, {k: style.format(*[plain(abs(report.figures[k]))] * 2) for k in keys})
    return _open(report, keys)


@deviation("numbers", stage=1)
def letters_in_numbers(report: Report, rng: random.Random) -> Report:
    """l0, 1O, I, S: letters where digits should be."""
    style = rng.choice(("l0", "1O", "l", "I", "2S", "B", "0o", "l2", "Z", "O1", "o", "1l"))
    keys = [*_some(report, rng, "requests", 1), *_some(report, rng, "disputes", 1)]
    return _open(reprint(report, dict.fromkeys(keys, style)), keys)


@deviation("numbers", stage=1)
def words_for_figures(report: Report, rng: random.Random) -> Report:
    """见附件, 同上, 详见说明, ？, 若干: words or signs in the place of a figure."""
    style = rng.choice(
        ("见附件", "同上", "〃", "详见说明", "?", "若干", "见注1", "见备注", "待定", "……", "#REF!", "#VALUE!")
    )
    keys = [*_some(report, rng, "requests", 1), *_some(report, rng, "disclosure", 1)]
    report = _open(reprint(report, dict.fromkeys(keys, style)), keys)
    return _tolerant(report, [c for k in keys for c in _line(report, k) if c not in keys])


@deviation("numbers", stage=1)
def negative_count(report: Report, rng: random.Random) -> Report:
    """-3 where only a count can stand."""
    (key,) = _some(report, rng, "requests", 1)
    return _open(reprint(report, {key: rng.choice(("-", "－", "−")) + str(rng.randint(1, 9))}), [key])


@deviation("numbers", stage=1, sizes=_SOME)
def fraction_of_a_count(report: Report, rng: random.Random) -> Report:
    """12.5 where only a whole number can stand; 12.0 and 12.00 are whole."""
    first, second = (_some(report, rng, "requests", 2) * 2)[:2]
    report = reprint(report, {second: plain(report.figures[second]) + ".0"})
    report = reprint(_tolerant(report, [second]), {first: plain(report.figures[first]) + ".5"})
    return _open(report, [first])


@deviation("numbers", stage=1, sizes=_SOME)
def leading_zeros(report: Report, rng: random.Random) -> Report:
    """05, 007: a figure filled up with zeros, or digits of two figures."""
    keys = _some(report, rng, "requests", 2)
    return _tolerant(reprint(report, {k: "0" + plain(report.figures[k]) for k in keys}), keys)


@deviation("numbers", stage=1, sizes=_SOME)
def explained_figures(report: Report, rng: random.Random) -> Report:
    """12（含上年3件）, 12件(新增2件): the figure first, an explanation in brackets behind."""
    keys = [*_some(report, rng, "requests", 1), *_some(report, rng, "disclosure", 1)]
    style = rng.choice(
        ("{}（含上年3件）", "{}件(新增2件)", "{}（上年为5）", "{}[其中网络2件]", "{}（全部为网上申请）")
    )
    return _tolerant(reprint(report, {k: style.format(plain(report.figures[k])) for k in keys}), keys)


# Figures that lost their border, or got one too many.


def _pair(report: Report, rng: random.Random, table: str) -> tuple[Key, Key] | None:
    """Two figures side by side in a row of a table, not both of them zero where there are such."""
    pairs = []
    for row in report.table(table).rows:
        cells = [c for c in row if c.key]
        pairs += [
            (a.key, b.key)
            for a, b in itertools.pairwise(cells)
            if a.key and b.key and a.column_span == b.column_span == 1
        ]
    better = [p for p in pairs if report.figures[p[0]] > 0 and report.figures[p[1]] > 0]
    better = better or [p for p in pairs if report.figures[p[0]] > 0 or report.figures[p[1]] > 0]
    return rng.choice(better or pairs) if pairs else None


def _change_row(table: PrintedTable, first: Key, second: Key, text: str, keep: bool) -> PrintedTable:
    """The second cell gone (or, with ``keep``, empty) and the first holding ``text``."""
    rows = []
    for row in table.rows:
        line = []
        for cell in row:
            if cell.key == first:
                line.append(replace(cell, text=text, column_span=1 if keep else 2))
            elif cell.key == second:
                if keep:
                    line.append(replace(cell, text=""))
            else:
                line.append(cell)
        rows.append(tuple(line))
    return replace(table, rows=tuple(rows))


def _glue(report: Report, rng: random.Random, codes: tuple[str, ...], text: str, keep: bool) -> Report:
    table = rng.choice(codes)
    pair = _pair(report, rng, table)
    if pair is None:
        return report
    first, second = pair
    words = text.format(*(plain(report.figures[k]) for k in pair))
    report = edit_table(report, table, lambda t: _change_row(t, first, second, words, keep))
    report = _open(report, pair)
    return _tolerant(report, [k for k in _line(report, first) if k not in pair])


@deviation("numbers", "columns", "rows", "pages", "head", stage=3)
def values_glued(report: Report, rng: random.Random) -> Report:
    """3 5: two figures in one cell after the border between them was lost."""
    between = rng.choice((" ", "\n", "  ", "　", ""))
    return _glue(report, rng, ("requests", "disputes", "disclosure"), "{}" + between + "{}", keep=False)


@deviation("numbers", "columns", "rows", "pages", "head", stage=3)
def values_glued_and_gap(report: Report, rng: random.Random) -> Report:
    """3 5 in one cell, and the next one empty."""
    between = rng.choice((" ", "\n", "　", ""))
    return _glue(report, rng, ("requests", "disputes", "disclosure"), "{}" + between + "{}", keep=True)


@deviation("numbers", "columns", "rows", "pages", "head", stage=3)
def values_merged(report: Report, rng: random.Random) -> Report:
    """One figure in a cell merged over two columns: of which one it is, or of both, nobody can tell."""
    return _glue(report, rng, ("requests", "disputes", "disclosure"), "{}", keep=False)


@deviation("numbers", "columns", "rows", "pages", "head", stage=3, formats=_grid)
def values_merged_down(report: Report, rng: random.Random) -> Report:
    """One figure in a cell merged over two rows."""
    table = report.table("requests")
    lines = [i for i, row in enumerate(table.rows) if any(c.key for c in row)]
    at = rng.choice([i for i in lines if i + 1 in lines])
    upper = rng.choice([c for c in table.rows[at] if c.key])
    lower = next(c for c in table.rows[at + 1] if c.key and c.column == upper.column)
    rows = list(table.rows)
    rows[at] = tuple(replace(c, row_span=2) if c is upper else c for c in rows[at])
    rows[at + 1] = tuple(c for c in rows[at + 1] if c is not lower)
    changed = replace(table, rows=tuple(rows))
    report = edit_table(report, "requests", lambda t: changed)
    assert upper.key and lower.key
    report = _open(report, [upper.key, lower.key])
    near = [*_line(report, upper.key), *_line(report, lower.key)]
    return _tolerant(report, [k for k in near if k not in (upper.key, lower.key)])


@deviation("numbers", "columns", "rows", "pages", "head", stage=3, formats=_grid)
def row_merged_to_one(report: Report, rng: random.Random) -> Report:
    """A single 0 over a whole row: the office means all of them, or the total."""
    table = report.table("requests")
    lines = [row for row in table.rows if sum(1 for c in row if c.key) > 3]
    row = rng.choice(lines)
    cells = [c for c in row if c.key]
    total = plain(report.figures[cells[-1].key])  # type: ignore[index]
    one = replace(cells[0], text=total, column_span=len(cells))
    changed = replace(
        table,
        rows=tuple((*(c for c in r if not c.key), one) if r is row else r for r in table.rows),
    )
    report = edit_table(report, "requests", lambda t: changed)
    return _open(report, [c.key for c in cells if c.key])


@deviation("numbers", "columns", "rows", "pages", "head", stage=3)
def value_cut_in_two(report: Report, rng: random.Random) -> Report:
    """1 | 2: one figure's digits in two cells, so that the row has one cell more."""
    table = report.table("requests")
    places = [(i, c) for i, c in table.cells() if c.key and report.figures[c.key] > 9 and c.column_span == 1]
    if not places:
        return report
    index, cell = rng.choice(places)
    assert cell.key
    digits = plain(report.figures[cell.key])
    cut = rng.randint(1, len(digits) - 1)
    changed = insert_column(table, cell.column + 1, {index: Cell(0, digits[cut:], "extra")})
    rows = list(changed.rows)
    # In all other rows the cell takes up the further column.
    for i, row in enumerate(rows):
        covered = any(c.column <= cell.column + 1 < c.column + c.column_span for c in row)
        if i != index and not covered:
            rows[i] = tuple(
                replace(c, column_span=c.column_span + 1)
                if c.column + c.column_span == cell.column + 1 and c.key
                else c
                for c in row
            )
    heads = changed.head_rows
    for i in range(heads):
        rows[i] = tuple(
            replace(c, column_span=c.column_span + 1) if c.column + c.column_span == cell.column + 1 else c
            for c in rows[i]
        )
    rows[index] = tuple(replace(c, text=digits[:cut]) if c.key == cell.key else c for c in rows[index])
    changed = replace(changed, rows=tuple(rows))
    report = edit_table(report, "requests", lambda t: changed)
    report = _open(report, [cell.key])
    return _tolerant(report, [k for k in _line(report, cell.key) if k != cell.key])


@deviation("numbers", "columns", "rows", "labels", "pages", "head", stage=3)
def label_and_value_glued(report: Report, rng: random.Random) -> Report:
    """规章0: the first figure in the label's cell, its own cell empty or gone."""
    table = rng.choice(("disclosure", "requests"))
    between = rng.choice(("", " ", "：", ":"))
    rows = []
    keys: list[Key] = []
    for row in report.table(table).rows:
        label = next((c for c in reversed(row) if c.role == "row" and c.code), None)
        first = next((c for c in row if c.key), None)
        if label is None or first is None or rng.random() > 0.3:
            rows.append(row)
            continue
        keys.append(first.key)  # type: ignore[arg-type]
        rows.append(
            tuple(
                replace(c, text=f"{c.text}{between}{first.text}")
                if c is label
                else (replace(c, text="") if c is first else c)
                for c in row
            )
        )
    changed = replace(report.table(table), rows=tuple(rows))
    report = edit_table(report, table, lambda t: changed)
    report = mark(report, keys, lambda c: replace(c, status="illegible", required=False))
    return _tolerant(report, [c for k in keys for c in _line(report, k)])


@deviation("labels", stage=2)
def label_ends_in_digits(report: Report, rng: random.Random) -> Report:
    """规章1, 行政许可②: the mark of a note behind a label is no figure."""
    style = rng.choice(("1", "①", "[1]", "（1）", "*", "注2"))
    codes = ("regulations", "administrative_licensing", "granted", "declined_repeated", "carried_out")
    return edit_cells(
        report, lambda c: replace(c, text=c.text + style) if c.role == "row" and c.code in codes else c
    )


@deviation("numbers", stage=1, forms=("2021",), sizes=_SOME)
def fee_with_two_units(report: Report, rng: random.Random) -> Report:
    """12.5万元（125000元）, ￥12.5, 12.5万: the amount once more in another unit, or a sign before it."""
    key = ("disclosure", "administrative_fees", "amount_10k_yuan")
    value = report.figures[key]
    yuan = plain(value * 10000)
    style = rng.choice(
        (
            f"{plain(value)}万元（{yuan}元）",
            f"￥{plain(value)}",
            f"{plain(value)}万",
            f"人民币{plain(value)}万元",
        )
    )
    return _tolerant(reprint(report, {key: style}), [key])


@deviation("numbers", stage=1, sizes=("huge",))
def odd_thousands(report: Report, rng: random.Random) -> Report:
    """1'234, 1，234, 1 234, 1.234: separators of several kinds; a dot is a decimal point to others."""
    sign = rng.choice(("'", "’", "，", ", ", "、", "·", "."))
    keys = [k for k in _keys(report, "requests") if report.figures[k] >= 1000]
    keys = rng.sample(keys, min(3, len(keys)))
    texts = {k: f"{int(report.figures[k]):,}".replace(",", sign) for k in keys}
    return _tolerant(reprint(report, texts), [c for k in keys for c in _line(report, k)])


@deviation("numbers", stage=1, sizes=("huge",))
def counts_in_ten_thousands(report: Report, rng: random.Random) -> Report:
    """1.2万件 and 3千: a count that is given in a larger unit is a rounded one."""
    key = ("disclosure", "administrative_penalties", "decisions")
    value = rng.randint(10, 99)
    text = rng.choice((f"{value / 10:.1f}万件", f"{value}万", f"{value}千", f"{value}百件"))
    whole = {"万": 10000, "千": 1000, "百": 100}[next(c for c in text if c in "万千百")]
    meant = Decimal(text.split("万")[0]) * whole if "万" in text else Decimal(value * whole)
    figures = replace(report.figures, values={**report.figures.values, key: meant})
    report = reprint(replace(report, figures=figures), {key: text})
    return _tolerant(mark(report, [key], lambda c: replace(c, figure=meant)), [key])
