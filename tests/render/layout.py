"""A table of the form as it is printed: rows of cells with spans, each knowing what it stands for.

Here: laying out a form's table with figures, and the plain operations on rows that deviations use.
Not here: any kind of file, or what is expected of a reader.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Literal

from pipeline.form import Node, Table
from tests.render.figures import Key

Role = Literal["table_title", "block_title", "corner", "columns_title", "column", "row", "figure", "extra"]


@dataclass(frozen=True)
class Cell:
    """A cell where it begins. ``code`` for a label, ``key`` for a figure, neither for the rest."""

    column: int
    text: str
    role: Role
    code: str | None = None
    key: Key | None = None
    row_span: int = 1
    column_span: int = 1


Row = tuple[Cell, ...]


@dataclass(frozen=True)
class PrintedTable:
    """A table on the page. ``picture`` true: what stands in the file is only a picture of it."""

    code: str
    rows: tuple[Row, ...]
    picture: bool = False
    head_rows: int = 0

    @property
    def width(self) -> int:
        """Grid columns, counting spans."""
        return max((cell.column + cell.column_span for row in self.rows for cell in row), default=0)

    def cells(self) -> Iterator[tuple[int, Cell]]:
        """Row index and cell, in reading order."""
        for index, row in enumerate(self.rows):
            for cell in row:
                yield index, cell


def plain(value: Decimal) -> str:
    """A figure as a report prints it without any special format: no exponent, no trailing zeros."""
    text = format(value, "f")
    return text.rstrip("0").rstrip(".") if "." in text else text


def lay_out(table: Table, values: Mapping[Key, Decimal]) -> PrintedTable:
    """The table with its figures, spans and headings as the blank form has them."""
    if table.layout == "one_line":
        return _one_line(table, values)
    if any(block.title for block in table.blocks):
        return _blocks(table, values)
    return _crossed(table, values)


def _figure(values: Mapping[Key, Decimal], key: Key, column: int, span: int = 1) -> Cell:
    return Cell(column, plain(values[key]), "figure", key=key, column_span=span)


def _blocks(table: Table, values: Mapping[Key, Decimal]) -> PrintedTable:
    """表二: a title and a header row for each block; the last column fills the width."""
    width = 1 + max(len(block.columns) for block in table.blocks)
    rows: list[Row] = []
    for block in table.blocks:
        spans = [1] * len(block.columns)
        spans[-1] = width - len(block.columns)
        codes = [column.code or "" for column in block.columns]
        rows.append((Cell(0, block.title or "", "block_title", column_span=width),))
        head = [Cell(0, block.corner or "", "corner")]
        for at, (column, span) in enumerate(zip(block.columns, spans, strict=True), start=1):
            head.append(Cell(at, column.label, "column", column.code, column_span=span))
        rows.append(tuple(head))
        for node in block.rows:
            line = [Cell(0, node.label, "row", node.code)]
            for at, (code, span) in enumerate(zip(codes, spans, strict=True), start=1):
                line.append(_figure(values, (table.code, node.code or "", code), at, span))
            rows.append(tuple(line))
    return PrintedTable(table.code, tuple(rows))


def _depth(nodes: tuple[Node, ...]) -> int:
    return max((1 + _depth(node.children) for node in nodes), default=0)


def _leaves(node: Node) -> int:
    return sum(map(_leaves, node.children)) if node.children else 1


def _heads(nodes: tuple[Node, ...], first: int, depth: int, rows: list[list[Cell]], level: int = 0) -> None:
    """Column headings over their leaves; a heading without parts reaches down to the figures."""
    at = first
    for node in nodes:
        wide = _leaves(node)
        high = 1 if node.children else depth - level
        rows[level].append(Cell(at, node.label, "column", node.code, row_span=high, column_span=wide))
        _heads(node.children, at, depth, rows, level + 1)
        at += wide


def _leaf_codes(nodes: tuple[Node, ...]) -> list[str]:
    return [c for n in nodes for c in (_leaf_codes(n.children) if n.children else [n.code or ""])]


def _crossed(table: Table, values: Mapping[Key, Decimal]) -> PrintedTable:
    """表三: labels in as many columns as the rows nest, headings above the figures."""
    (block,) = table.blocks
    labels, depth = _depth(block.rows), _depth(block.columns)
    codes = _leaf_codes(block.columns)
    below: list[list[Cell]] = [[] for _ in range(depth)]
    _heads(block.columns, labels, depth, below)
    top = [
        Cell(0, block.corner or "", "corner", row_span=depth + 1, column_span=labels),
        Cell(labels, block.columns_title or "", "columns_title", column_span=len(codes)),
    ]
    rows: list[list[Cell]] = [top, *below]

    def walk(nodes: tuple[Node, ...], level: int, pending: list[Cell]) -> None:
        for node in nodes:
            if node.children:
                label = Cell(level, node.label, "row", node.code, row_span=_leaves(node))
                walk(node.children, level + 1, [*pending, label])
            else:
                label = Cell(level, node.label, "row", node.code, column_span=labels - level)
                line = [*pending, label]
                for at, code in enumerate(codes, start=labels):
                    line.append(_figure(values, (table.code, node.code or "", code), at))
                rows.append(line)
            pending = []

    walk(block.rows, 0, [])
    return PrintedTable(table.code, tuple(map(tuple, rows)), head_rows=depth + 1)


def _one_line(table: Table, values: Mapping[Key, Decimal]) -> PrintedTable:
    """表四: forums and results stand over one line of figures."""
    (block,) = table.blocks

    def under(node: Node) -> Node:
        parts = tuple(map(under, node.children)) if node.children else block.columns
        return replace(node, children=parts)

    tree = tuple(map(under, block.rows))
    depth = _depth(tree)
    heads: list[list[Cell]] = [[] for _ in range(depth)]
    _heads(tree, 0, depth, heads)
    line: list[Cell] = []
    for forum in _leaf_codes(block.rows):
        for column in block.columns:
            line.append(_figure(values, (table.code, forum, column.code or ""), len(line)))
    return PrintedTable(table.code, tuple(map(tuple, [*heads, line])), head_rows=depth)


# Operations on rows. Spans that cross the place grow or shrink, so that the grid stays whole.


def edit(table: PrintedTable, change: Callable[[Cell], Cell]) -> PrintedTable:
    """The table with each cell changed."""
    return replace(table, rows=tuple(tuple(map(change, row)) for row in table.rows))


def insert_row(table: PrintedTable, at: int, row: Row) -> PrintedTable:
    """The table with a row before index ``at``; cells that reach over it grow by one."""
    rows = [
        tuple(replace(c, row_span=c.row_span + 1) if i < at < i + c.row_span else c for c in old)
        for i, old in enumerate(table.rows)
    ]
    head = table.head_rows + (1 if at < table.head_rows else 0)
    return replace(table, rows=(*rows[:at], row, *rows[at:]), head_rows=head)


def delete_row(table: PrintedTable, at: int) -> PrintedTable:
    """The table without row ``at``; cells that begin there and reach further move to the next row."""
    moved = tuple(replace(c, row_span=c.row_span - 1) for c in table.rows[at] if c.row_span > 1)
    rows = [
        tuple(replace(c, row_span=c.row_span - 1) if i < at < i + c.row_span else c for c in old)
        for i, old in enumerate(table.rows)
    ]
    if moved and at + 1 < len(rows):
        rows[at + 1] = tuple(sorted((*moved, *rows[at + 1]), key=lambda c: c.column))
    return replace(table, rows=(*rows[:at], *rows[at + 1 :]))


def insert_column(table: PrintedTable, at: int, cells: Mapping[int, Cell]) -> PrintedTable:
    """The table with a grid column before ``at``: what stands right moves, what reaches over it grows."""

    def shift(cell: Cell) -> Cell:
        if cell.column >= at:
            return replace(cell, column=cell.column + 1)
        if cell.column + cell.column_span > at:
            return replace(cell, column_span=cell.column_span + 1)
        return cell

    rows = []
    for index, row in enumerate(table.rows):
        line = [shift(cell) for cell in row]
        if index in cells:
            line.append(replace(cells[index], column=at))
        rows.append(tuple(sorted(line, key=lambda c: c.column)))
    return replace(table, rows=tuple(rows))


def row_of(table: PrintedTable, code: str) -> int:
    """The index of the row whose label has this code; KeyError where none has."""
    for index, cell in table.cells():
        if cell.role == "row" and cell.code == code and cell.row_span == 1:
            return index
    raise KeyError(code)


def occupied(table: PrintedTable) -> dict[tuple[int, int], tuple[int, Cell]]:
    """For each place of the grid the cell that covers it, with the row where that cell begins."""
    places: dict[tuple[int, int], tuple[int, Cell]] = {}
    for index, cell in table.cells():
        for row in range(index, index + cell.row_span):
            for column in range(cell.column, cell.column + cell.column_span):
                places[row, column] = (index, cell)
    return places
