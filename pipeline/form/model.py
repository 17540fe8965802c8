"""The printed forms as frozen dataclasses, loaded from ``form_*.yaml``.

Here: the shape of a form, its loader with clear faults, and the views that others derive from it
(lines, cells, identities). Not here: wordings met in the wild (lookups), or how a report is read.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import field
from functools import cache
from pathlib import Path
from typing import Annotated, Literal

from pydantic import ConfigDict, StringConstraints
from pydantic.dataclasses import dataclass

from pipeline.form.strict import load_strict

HERE = Path(__file__).parent

Code = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]*$")]
IdentityCode = Annotated[str, StringConstraints(pattern=r"^[a-z_]+\.[a-z_]+$")]
Label = Annotated[str, StringConstraints(min_length=1)]
# count: a whole number ≥ 0 · amount: ≥ 0 with decimals · signed: a whole number that may fall below 0
NumberKind = Literal["count", "amount", "signed"]

_STRICT = ConfigDict(extra="forbid")
# What a form is made of is told apart by identity (``eq=False``): each part is made once, by ``forms()``,
# and is the key of many caches; comparing by value would hash a whole form at every look-up.


class FormFault(ValueError):
    """A form file that cannot be used; the message names the file and the place."""


@dataclass(frozen=True, eq=False, config=_STRICT)
class Node:
    """A printed row or column heading; without a code it only groups its children."""

    label: Label
    code: Code | None = None
    unit: str | None = None
    number: NumberKind = "count"
    children: tuple[Node, ...] = ()


@dataclass(frozen=True, eq=False, config=_STRICT)
class Block:
    """A part of a table with its own header: rows crossed with columns."""

    columns: tuple[Node, ...]
    rows: tuple[Node, ...]
    title: str | None = None
    corner: str | None = None
    columns_title: str | None = None


@dataclass(frozen=True, eq=False, config=_STRICT)
class Identity:
    """A rule between cells (勾稽关系), e.g. ``received + carried_in = outcome_total + carried_out``.

    ``says`` is in row codes when it holds ``for_each`` column, in column codes when for each row;
    ``previous.`` before a code means the same agency's report of the year before. ``rows`` limits
    a rule to some lines.
    """

    code: IdentityCode
    clause: str
    for_each: Literal["row", "column"]
    says: str
    rows: tuple[Code, ...] = ()


@dataclass(frozen=True, eq=False, config=_STRICT)
class Table:
    """One of the form's tables.

    ``one_line``: rows stand across the page, over the columns. ``indicators``: a list of rows with one
    figure each, every row with its own unit and kind of number, totals and their parts all printed.
    """

    code: Code
    title: Label
    facts: Code
    """The warehouse table that holds its cells."""
    row_dimension: Code
    column_dimension: Code
    blocks: tuple[Block, ...]
    identities: tuple[Identity, ...] = ()
    across_years: tuple[Identity, ...] = ()
    unit: str | None = None
    layout: Literal["crossed", "one_line", "indicators"] = "crossed"

    @property
    def rows(self) -> tuple[Line, ...]:
        """All rows in printed order, groups before their parts."""
        return _lines(self, "rows")

    @property
    def columns(self) -> tuple[Line, ...]:
        """All columns in printed order, each code once."""
        return tuple(_by_code(self, "columns").values())

    @property
    def all_columns(self) -> tuple[Line, ...]:
        """All columns in printed order, one that several blocks print once for each."""
        return _lines(self, "columns")

    def columns_of(self, line: Line) -> tuple[Line, ...]:
        """The columns that a row crosses, in printed order."""
        return _columns_of(self, line.block)

    @property
    def cells(self) -> tuple[CellSpec, ...]:
        """Every cell that the form prints, in printed order (groups have none)."""
        return _cells(self)

    def row(self, code: str) -> Line:
        """The row with this code; KeyError where the form has none."""
        return _by_code(self, "rows")[code]

    def column(self, code: str) -> Line:
        """The column with this code; KeyError where the form has none."""
        return _by_code(self, "columns")[code]


@dataclass(frozen=True, eq=False, config=_STRICT)
class Section:
    """A titled part of the report."""

    code: Code
    label: Label


@dataclass(frozen=True, eq=False, config=_STRICT)
class Form:
    """One printed version of the form."""

    form: Annotated[str, StringConstraints(pattern=r"^\d{4}$")]
    notice: str
    sections: tuple[Section, ...]
    tables: tuple[Table, ...]
    years: tuple[int, int] | None = None
    """First and last year reported on, where the year tells the form of a report without tables."""

    def covers(self, year: int) -> bool:
        """Whether a year reported on is one of ``years``."""
        return self.years is not None and self.years[0] <= year <= self.years[1]

    def table(self, code: str) -> Table:
        """The table with this code; KeyError where the form has none."""
        return {table.code: table for table in self.tables}[code]


@dataclass(frozen=True, eq=False)
class Line:
    """A row or column with a code, and its place: labels from the outermost heading to its own."""

    code: str
    label: str
    path: tuple[str, ...]
    unit: str | None
    number: NumberKind
    block: int
    parts: tuple[str, ...] = field(default=())
    """Codes that this line groups; empty for a line with figures, as all of a list of indicators are."""

    @property
    def is_group(self) -> bool:
        """Whether the line heads others and has no figures of its own on the form."""
        return bool(self.parts)


@dataclass(frozen=True)
class CellSpec:
    """A cell of the form: where it stands and what kind of figure it takes."""

    table: str
    row: str
    column: str
    unit: str | None
    number: NumberKind
    block: int


@dataclass(frozen=True)
class Term:
    """One member of an identity: ``sign`` × the cell of ``code``, of last year's report if ``previous``."""

    sign: int
    code: str
    previous: bool = False


@cache
def _lines(table: Table, side: Literal["rows", "columns"]) -> tuple[Line, ...]:
    found: list[Line] = []

    def walk(nodes: tuple[Node, ...], path: tuple[str, ...], block: int) -> None:
        for node in nodes:
            here = (*path, node.label)
            if node.code is not None:
                grouped = node.children if table.layout != "indicators" else ()
                parts = tuple(child.code for child in grouped if child.code is not None)
                unit = node.unit or table.unit
                found.append(Line(node.code, node.label, here, unit, node.number, block, parts))
            walk(node.children, here, block)

    for index, block in enumerate(table.blocks):
        walk(getattr(block, side), (), index)
    return tuple(found)


@cache
def _columns_of(table: Table, block: int) -> tuple[Line, ...]:
    return tuple(c for c in _lines(table, "columns") if c.block == block and not c.is_group)


@cache
def _by_code(table: Table, side: Literal["rows", "columns"]) -> dict[str, Line]:
    lines: dict[str, Line] = {}
    for line in _lines(table, side):
        lines.setdefault(line.code, line)
    return lines


@cache
def _cells(table: Table) -> tuple[CellSpec, ...]:
    rows, columns = _lines(table, "rows"), _lines(table, "columns")
    own = table.layout == "indicators"
    return tuple(
        CellSpec(
            table.code,
            row.code,
            column.code,
            (row if own else column).unit,
            (row if own else column).number,
            row.block,
        )
        for row in rows
        if not row.is_group
        for column in columns
        if column.block == row.block and not column.is_group
    )


_TERM = re.compile(r"\s*([+-]?)\s*(previous\.)?([a-z][a-z0-9_]*)")


@cache
def terms(identity: Identity) -> tuple[tuple[Term, ...], tuple[Term, ...]]:
    """The left and right members of an identity.

    Raises:
        FormFault: ``says`` is not two sums of codes with one ``=`` between.
    """
    sides = identity.says.split("=")
    if len(sides) != 2:
        raise FormFault(f"{identity.code}: `says` needs exactly one '=': {identity.says!r}")
    left, right = (_side(identity, text) for text in sides)
    return left, right


def _side(identity: Identity, text: str) -> tuple[Term, ...]:
    found: list[Term] = []
    at, text = 0, text.strip()
    while at < len(text):
        match = _TERM.match(text, at)
        if match is None or (found and not match[1]):
            raise FormFault(f"{identity.code}: cannot read {text[at:]!r} in `says`")
        found.append(Term(-1 if match[1] == "-" else 1, match[3], bool(match[2])))
        at = match.end()
        while at < len(text) and text[at].isspace():
            at += 1
    if not found:
        raise FormFault(f"{identity.code}: an empty side in `says`")
    return tuple(found)


def load_form(path: Path) -> Form:
    """Read one form file.

    Raises:
        FormFault: naming the file and the place (``tables.1.blocks.0.rows.2.code``) of each fault.
    """
    form = load_strict(path, Form, FormFault)
    for place, fault in _faults(form):
        raise FormFault(f"{path.name}: {place}: {fault}")
    return form


def _faults(form: Form) -> Iterator[tuple[str, str]]:
    """Faults that types alone do not show: codes that stand twice or nowhere, broken identities."""
    sections = [section.code for section in form.sections]
    for code in {c for c in sections if sections.count(c) > 1}:
        yield "sections", f"code {code!r} stands twice"
    codes = [table.code for table in form.tables]
    for code in {c for c in codes if codes.count(c) > 1}:
        yield "tables", f"code {code!r} stands twice"
    for index, table in enumerate(form.tables):
        place = f"tables.{index} ({table.code})"
        rows = [line.code for line in _lines(table, "rows")]
        for code in {c for c in rows if rows.count(c) > 1}:
            yield f"{place}.rows", f"code {code!r} stands twice"
        for number, _ in enumerate(table.blocks):
            columns = [line.code for line in _lines(table, "columns") if line.block == number]
            for code in {c for c in columns if columns.count(c) > 1}:
                yield f"{place}.blocks.{number}.columns", f"code {code!r} stands twice"
        for identity in (*table.identities, *table.across_years):
            where = f"{place}.{identity.code}"
            if identity.code.split(".")[0] != table.code:
                yield where, f"the code must begin with the table's: {table.code}."
            known = _by_code(table, "columns" if identity.for_each == "row" else "rows")
            try:
                left, right = terms(identity)
            except FormFault as fault:
                yield where, str(fault)
                continue
            for term in (*left, *right):
                if term.code not in known:
                    yield f"{where}.says", f"{term.code!r} is no code of this table"
            for code in identity.rows:
                if code not in _by_code(table, "rows"):
                    yield f"{where}.rows", f"{code!r} is no row of this table"


@cache
def forms() -> dict[str, Form]:
    """All shipped forms by version, oldest first."""
    found = [load_form(path) for path in sorted(HERE.glob("form_*.yaml"))]
    return {form.form: form for form in found}
