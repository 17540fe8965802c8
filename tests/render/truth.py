"""What a reader must find in a rendered file.

Here: the expected cells, states and failing identities, computed from what is printed.
Not here: the pipeline's own checks; this stands beside them so that they can be held against it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from decimal import Decimal

from pipeline.cells.report import FactStatus, TableState
from pipeline.form import Identity, Table, Term, forms, terms
from tests.render.figures import Figures, Key


@dataclass(frozen=True)
class CellTruth:
    """One cell of the form in one file.

    ``figure`` is what the office means: best_value is this figure or NULL, never another.
    ``printed`` says whether the file prints it in this cell; if so, ``value`` is the figure.
    ``required``: NULL would be a miss. Not required where the file itself leaves it open (a blank
    that the identities may or may not force, a lost cell, a picture).
    """

    figure: Decimal | None
    status: FactStatus = "reported"
    raw: str = ""
    required: bool = True

    @property
    def printed(self) -> bool:
        """Whether a figure stands in this cell."""
        return self.status == "reported"


@dataclass(frozen=True)
class Expected:
    """What one file must give.

    ``states`` lists the states that are right, the best first. ``flagged`` are the table and row
    (column None), or the table, row and column, that a finding must name; in such a row only
    best_value counts, since which of two equal figures was lost cannot be told. ``failing`` are the
    identities that the printed figures break, as (check_code, scope). ``statements`` are figures
    of the text.
    ``warned`` are further checks that must fail with warn. ``statuses`` are the right values of
    dim_document.status, the best first.
    ``mixed``: the file holds more than one report, and the cells are those of the first.
    """

    agency: str | None
    year: int | None
    form_version: str | None
    states: Mapping[str, tuple[TableState, ...]]
    cells: Mapping[Key, CellTruth]
    flagged: frozenset[tuple[str, str, str | None]] = frozenset()
    failing: frozenset[tuple[str, str]] = frozenset()
    warned: frozenset[str] = frozenset()
    statements: Mapping[str, Decimal] = field(default_factory=dict)
    statuses: tuple[str, ...] = ("parsed",)
    mixed: bool = False

    def with_cells(self, changes: Mapping[Key, CellTruth]) -> Expected:
        """The same with some cells changed."""
        return replace(self, cells={**self.cells, **changes})

    def state(self, table: str, *states: TableState) -> Expected:
        """The same with the states of one table changed, the best first."""
        return replace(self, states={**self.states, table: states})

    def flag(self, *places: tuple[str, str, str | None]) -> Expected:
        """The same with more places that a finding must name."""
        return replace(self, flagged=self.flagged | set(places))

    def open(self, *tables: str) -> Expected:
        """The same with no cell of these tables required (all tables where none is named)."""
        loose = {
            key: replace(cell, required=False)
            for key, cell in self.cells.items()
            if not tables or key[0] in tables
        }
        return self.with_cells(loose)


def faithful(agency: str, year: int, figures: Figures, raw: Mapping[Key, str]) -> Expected:
    """The truth of a report that prints the form as it should."""
    cells = {key: CellTruth(value, raw=raw[key]) for key, value in figures.values.items()}
    states: dict[str, tuple[TableState, ...]] = {
        table.code: ("complete",) for table in forms()[figures.form].tables
    }
    return Expected(agency, year, figures.form, states, cells)


def with_failing(expected: Expected) -> Expected:
    """The same with the identities that its printed figures break."""
    if expected.form_version is None:
        return expected
    printed = {k: c.figure for k, c in expected.cells.items() if c.printed and c.figure is not None}
    return replace(expected, failing=frozenset(broken(expected.form_version, printed)))


def broken(form: str, values: Mapping[Key, Decimal]) -> set[tuple[str, str]]:
    """The identities of a form that these cells break, as (check_code, scope).

    An identity with a cell missing is not assessed; a group without a figure of its own is the sum
    of its parts.
    """
    found: set[tuple[str, str]] = set()
    for table in forms()[form].tables:
        for identity in table.identities:
            for scope in _scopes(table, identity, values):
                left, right = (_sum(table, identity, side, scope, values) for side in terms(identity))
                if left is not None and right is not None and left != right:
                    found.add((identity.code, scope))
    return found


def _scopes(table: Table, identity: Identity, values: Mapping[Key, Decimal]) -> list[str]:
    at = 2 if identity.for_each == "column" else 1
    seen = dict.fromkeys(key[at] for key in values if key[0] == table.code)
    return [scope for scope in seen if not identity.rows or scope in identity.rows]


def _sum(
    table: Table, identity: Identity, side: tuple[Term, ...], scope: str, values: Mapping[Key, Decimal]
) -> Decimal | None:
    total = Decimal(0)
    for term in side:
        value = _value(table, identity, term.code, scope, values)
        if value is None:
            return None
        total += term.sign * value
    return total


def _value(
    table: Table, identity: Identity, code: str, scope: str, values: Mapping[Key, Decimal]
) -> Decimal | None:
    if identity.for_each == "row":
        return values.get((table.code, scope, code))
    own = values.get((table.code, code, scope))
    parts = table.row(code).parts
    if own is not None or not parts:
        return own
    found = [values.get((table.code, part, scope)) for part in parts]
    if any(value is None for value in found):
        return None
    return sum((value for value in found if value is not None), Decimal(0))
