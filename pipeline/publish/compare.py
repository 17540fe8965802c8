"""Two reports, or two files of one report, side by side as the official form.

Here: what two sides are, which cells differ, the terminal's drawing. Not here: the page
(compare_page.py), or how a report that a person means is found (show.py).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import duckdb
from rich.console import Console
from rich.table import Table as Grid
from rich.text import Text

from pipeline.curation.applying import fact_tables
from pipeline.form.model import Block, Form, Node, Table, forms
from pipeline.publish.show import Match, find
from pipeline.terminal import cell, printable

Connection = duckdb.DuckDBPyConnection
Key = tuple[str, str, str]
"""Table, row and column, by the codes of the form."""
Kind = Literal["same", "differs", "only left", "only right", "none"]
_STYLE: dict[Kind, str] = {"differs": "bold yellow", "only left": "magenta", "only right": "cyan"}


class CompareFault(Exception):
    """What cannot be compared; the message is for a person."""


@dataclass(frozen=True, slots=True)
class Shown:
    """A cell of one side: its figure, else the text that is printed there."""

    figure: float | None
    text: str

    def __str__(self) -> str:
        return self.text if self.figure is None else f"{self.figure:,.15g}"


@dataclass(frozen=True, slots=True)
class Side:
    """One report, or one file of it, with the cells that were read."""

    name: str
    report_id: str
    path: str
    form: str | None
    states: Mapping[str, str]
    cells: Mapping[Key, Shown]


@dataclass(frozen=True, slots=True)
class Pair:
    """One cell of both sides."""

    left: Shown | None
    right: Shown | None

    @property
    def kind(self) -> Kind:
        """How the sides differ; an empty cell and an absent one are alike."""
        left, right = (str(side) if side else "" for side in (self.left, self.right))
        if left == right:
            return "same" if left else "none"
        if not left or not right:
            return "only left" if left else "only right"
        return "differs"

    @property
    def change(self) -> float | None:
        """Right minus left, where both are figures."""
        figures = [side.figure if side else None for side in (self.left, self.right)]
        if figures[0] is None or figures[1] is None:
            return None
        return figures[1] - figures[0]


@dataclass(frozen=True, slots=True)
class Line:
    """A printed row: its label, how deep it stands, and its cells; no cells where it only heads others."""

    label: str
    depth: int
    pairs: tuple[Pair, ...]


@dataclass(frozen=True, slots=True)
class Part:
    """A block of one table of the form, over both sides."""

    title: str
    form: str
    block_title: str
    corner: str
    columns: tuple[str, ...]
    states: tuple[str, str]
    lines: tuple[Line, ...]

    @property
    def about(self) -> str:
        """The form, and what was found of the table on both sides."""
        return f"({self.form}) {' → '.join(state for state in dict.fromkeys(self.states) if state)}"

    @property
    def heading(self) -> tuple[str, str]:
        """What is written once above the blocks of a table."""
        return self.title, self.about


@dataclass(frozen=True, slots=True)
class Comparison:
    """Two sides and all blocks of their forms."""

    left: Side
    right: Side
    parts: tuple[Part, ...]

    def count(self, kind: Kind) -> int:
        """How many cells are of this kind."""
        return sum(pair.kind == kind for part in self.parts for line in part.lines for pair in line.pairs)


def compare(connection: Connection, left: str, right: str) -> Comparison:
    """Two reports, or two files of one report, cell by cell.

    The newest form of the two is drawn whole; of the other, the rows with cells that the newest lacks.

    Args:
        left, right: report id, agency and year, file path or document id.
    Raises:
        CompareFault: a word means no report or several, or both mean the same.
    """
    sides = _side(connection, left), _side(connection, right)
    if sides[0].report_id == sides[1].report_id and sides[0].path == sides[1].path:
        raise CompareFault(f"both are {sides[0].name} · {sides[0].path}")
    return Comparison(*sides, parts=tuple(_parts(*sides)))


def _side(connection: Connection, words: str) -> Side:
    matches = find(connection, words)
    if not matches:
        raise CompareFault(f"no report, agency or file is called {words}")
    if len({match.report_id for match in matches}) > 1:
        raise CompareFault("which of these?\n" + "\n".join(f"  {m.report_id}  {m.name}" for m in matches))
    (match, *_) = matches
    if match.report_id is None:
        raise CompareFault(f"{match.name} · {match.about}")
    query = """
        select min(path), form_version, disclosure_table, requests_table, disputes_table
        from dim_report join dim_document using (document_id, report_id) where report_id = ? group by all
    """
    path, form, *states = connection.execute(query, [match.report_id]).fetchall()[0]
    further = _further(connection, words.strip(), match.report_id, path)
    if further is not None:
        name, codes = f"{match.name} · {further}", [None, None, None]
        return _made(name, match, further, form, codes, _cells_beside(connection, match.report_id, further))
    return _made(match.name, match, path, form, states, _cells(connection, match.report_id))


def _made(
    name: str,
    match: Match,
    path: str,
    form: str | None,
    states: Sequence[str | None],
    cells: Mapping[Key, Shown],
) -> Side:
    known = zip(("disclosure", "requests", "disputes"), states, strict=True)
    by_table = {table: state for table, state in known if state is not None}
    return Side(name, str(match.report_id), path, form, by_table, cells)


def _further(connection: Connection, words: str, report_id: str, chosen: str) -> str | None:
    """The further file of a report that a path or document id names; None where it names the chosen one."""
    found = connection.execute(
        """select path from dim_document
           where report_id = $report and path <> $chosen
             and (path = $words or (length($words) >= 6 and starts_with(document_id, $words)
                  and not exists (from dim_document as c where c.path = $chosen
                                  and c.document_id = dim_document.document_id)))
           order by path""",
        {"report": report_id, "chosen": chosen, "words": words},
    ).fetchall()
    return str(found[0][0]) if found else None


def _cells(connection: Connection, report_id: str) -> dict[Key, Shown]:
    found: dict[Key, Shown] = {}
    for facts, table in fact_tables().items():
        column = f"'{table.columns[0].code}'" if table.layout == "indicators" else table.column_dimension
        rows = connection.execute(
            f"select {table.row_dimension}, {column}, best_value::double, raw_text from {facts}"
            " where report_id = ?",
            [report_id],
        ).fetchall()
        found |= {(table.code, row, col): Shown(figure, text) for row, col, figure, text in rows}
    return found


def _cells_beside(connection: Connection, report_id: str, path: str) -> dict[Key, Shown]:
    rows = connection.execute(
        "select table_name, row_code, column_code, value, raw_text from other_fact"
        " where report_id = ? and path = ?",
        [report_id, path],
    ).fetchall()
    return {(table, row, col): Shown(figure, text) for table, row, col, figure, text in rows}


# The form over both sides.


def _parts(left: Side, right: Side) -> Iterator[Part]:
    named = [forms()[side.form] for side in (left, right) if side.form in forms()]
    drawn = sorted({form.form: form for form in named}.values(), key=lambda form: form.form, reverse=True)
    shown: set[Key] = set()
    for form in drawn or [list(forms().values())[-1]]:
        for table in form.tables:
            for block in table.blocks:
                part = _part(form, table, block, left, right, shown)
                if part is not None:
                    yield part
        for table in form.tables:
            rows, columns = [line.code for line in table.rows], [line.code for line in table.columns]
            shown |= {(table.code, row, column) for row in rows for column in columns}


def _part(form: Form, table: Table, block: Block, left: Side, right: Side, shown: set[Key]) -> Part | None:
    """A block over both sides; rows without anything new are left out where another form was drawn before."""
    columns = [node for node, _ in _walk(block.columns) if not node.children]
    lines = []
    for node, depth in _walk(block.rows):
        keys = [(table.code, node.code or "", column.code or "") for column in columns]
        pairs = tuple(Pair(left.cells.get(key), right.cells.get(key)) for key in keys)
        empty = all(pair.kind == "none" for pair in pairs)
        if shown and (empty or all(key in shown for key in keys)):
            continue
        heads = bool(node.children) and empty
        lines.append(Line(node.label, depth, () if heads else pairs))
    if not lines:
        return None
    states = tuple(side.states.get(table.code, "") for side in (left, right))
    labels = tuple(column.label for column in columns)
    title, corner = block.title or "", block.corner or ""
    return Part(table.title, form.form, title, corner, labels, (states[0], states[1]), tuple(lines))


def _walk(nodes: Sequence[Node], depth: int = 0) -> Iterator[tuple[Node, int]]:
    for node in nodes:
        yield node, depth
        yield from _walk(node.children, depth + 1)


# In the terminal.


def summary(found: Comparison) -> str:
    """How many cells differ, in a sentence."""
    differ, same = found.count("differs"), found.count("same")
    left, right = found.count("only left"), found.count("only right")
    return f"{differ:,} cells differ, {same:,} are the same, {left:,} only in A, {right:,} only in B"


def show_comparison(console: Console, found: Comparison) -> None:
    """Print both sides as the form: one figure where they agree, ``A → B (change)`` where they do not."""
    for letter, side in (("A", found.left), ("B", found.right)):
        console.print(Text.assemble((f"{letter}  ", "bold"), cell(side.name, "bold")))
        about = f"   report {side.report_id} · form {side.form or 'unknown'} · file {side.path}"
        console.print(cell(about, "dim"))
    console.print(cell(summary(found)))
    above = None
    for part in found.parts:
        if part.heading != above:
            above = part.heading
            console.print()
            console.print(cell(part.title, "bold"), cell(part.about, "dim"))
        console.print(_grid(part))


def _grid(part: Part) -> Grid:
    title = printable(part.block_title) if part.block_title else None
    grid = Grid(title=title, title_justify="left")
    grid.add_column(cell(part.corner), overflow="fold", max_width=44)
    for label in part.columns:
        grid.add_column(cell(label), justify="right", overflow="fold")
    for line in part.lines:
        drawn = [_drawn(pair) for pair in line.pairs]
        grid.add_row(cell("  " * line.depth + line.label), *drawn)
    return grid


def _drawn(pair: Pair) -> Text:
    if pair.kind in ("same", "none"):
        return cell(pair.left, "dim") if pair.left else Text("")
    left, right = (str(side) if side and str(side) else "·" for side in (pair.left, pair.right))
    change = "" if pair.change is None else f" ({signed(pair.change)})"
    return cell(f"{left} → {right}{change}", _STYLE[pair.kind])


def signed(change: float) -> str:
    """A change with its sign."""
    return f"{change:+,.10g}"
