"""Reports of 2014 to 2018 with the list of indicators, in every kind of file, with the truth beside them.

Here: figures under which the list's identities close, the printed list, seeded cases. Not here: the
crossed tables of later forms (report, layout) or kinds of files (out_*).
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from dataclasses import replace
from decimal import Decimal

from pipeline.form import Node, forms, terms
from pipeline.form.lookups import lookups
from tests.render.figures import Figures, Key, Size
from tests.render.layout import Cell, PrintedTable, Row, plain
from tests.render.report import Block, Report, Text
from tests.render.truth import CellTruth, Expected, with_failing

FORM, TABLE = next(
    (version, table)
    for version, form in forms().items()
    for table in form.tables
    if table.layout == "indicators"
)
COLUMN = TABLE.columns[0].code
YEARS = range(2014, 2019)
_TOPS: dict[Size, int] = {"zero": 0, "small": 6, "large": 900, "huge": 80_000}
_UNIT = "单位"


def indicator_values(seed: int, top: int = 900) -> dict[str, Decimal]:
    """Figures below ``top`` for every row; the identities close. Amounts have up to four decimals."""
    rng = random.Random(seed)
    values = {line.code: Decimal(rng.randrange(max(top, 1))) for line in TABLE.rows}
    for line in TABLE.rows:
        if line.number == "amount":
            values[line.code] = Decimal(rng.randrange(100_000) if top else 0) / 10_000
    # Totals of totals come after their parts, wherever they stand among the identities.
    for _ in TABLE.identities:
        for identity in TABLE.identities:
            (total,), parts = terms(identity)
            values[total.code] = sum((values[part.code] for part in parts), Decimal(0))
    return values


def indicator_report(seed: int, size: Size, variants: float = 0.0, blanks: float = 0.0) -> Report:
    """A report with the list after its text.

    Args:
        variants: share of labels in wordings that are met elsewhere.
        blanks: share of the zeros that are printed as nothing.
    """
    rng = random.Random(f"indicators/{seed}")
    year, agency = rng.choice(YEARS), "示例市教育局"
    values = indicator_values(seed, _TOPS[size])
    cells = {(TABLE.code, code, COLUMN): CellTruth(v, raw=plain(v)) for code, v in values.items()}
    for key, cell in cells.items():
        if not cell.figure and rng.random() < blanks:
            cells[key] = replace(cell, status="blank", raw="", required=False)
    head = Cell(0, TABLE.blocks[0].corner or "", "corner"), Cell(1, _UNIT, "corner")
    rows: list[Row] = [(*head, Cell(2, TABLE.columns[0].label, "column", COLUMN))]
    rows += _rows(TABLE.blocks[0].rows, cells, variants, rng)
    title = f"{agency}{year}年政府信息公开工作年度报告"
    blocks: tuple[Block, ...] = (
        Text(title, "title"),
        Text("现将本机关一年来的信息公开工作报告如下，统计时段为全年。", "preface"),
        Text("栏目由各科室按月更新，办公室每季度核对一遍。", "paragraph"),
        Text(TABLE.title, "paragraph"),
        Text(f"（{year}年度）", "paragraph"),
        PrintedTable(TABLE.code, tuple(rows), head_rows=1),
        Text("填报日期：次年一月", "sign"),
    )
    newest = list(forms().values())[-1]
    truth = Expected(agency, year, FORM, {t.code: ("missing",) for t in newest.tables}, cells)
    figures = Figures(FORM, {key: cell.figure or Decimal(0) for key, cell in cells.items()})
    return Report(agency, year, figures, blocks, with_failing(truth), title, seed)


def _rows(
    nodes: Sequence[Node], cells: dict[Key, CellTruth], variants: float, rng: random.Random
) -> Iterator[Row]:
    for node in nodes:
        if node.code is None:
            yield (Cell(0, node.label, "row", column_span=3),)
        else:
            label = node.label
            if rng.random() < variants:
                label = rng.choice(lookups().rows[TABLE.code].get(node.code, (label,)))
            key = (TABLE.code, node.code, COLUMN)
            yield (
                Cell(0, label, "row", node.code),
                Cell(1, node.unit or "", "extra"),
                Cell(2, cells[key].raw, "figure", key=key),
            )
        yield from _rows(node.children, cells, variants, rng)
