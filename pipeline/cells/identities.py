"""The form's identities over the cells of one table: which close, and what they leave for open cells.

Here: equations from the form, their evaluation in memory, deduction of cells that only one figure
fits. Not here: identities over many reports (checks/), or the placing of figures (alignment).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from functools import cache

from pipeline.form.model import Table, Term, terms

Key = tuple[str, str]
"""(row code, column code)."""


@dataclass(frozen=True, slots=True)
class Equation:
    """Σ sign × cell = 0: one identity of the form in one place."""

    code: str
    scope: str
    left: tuple[tuple[int, Key], ...]
    right: tuple[tuple[int, Key], ...]

    @property
    def members(self) -> tuple[tuple[int, Key], ...]:
        """All cells with their signs, the right side's turned."""
        return self.left + tuple((-sign, key) for sign, key in self.right)


@cache
def equations(table: Table, printed_rows: frozenset[str]) -> tuple[Equation, ...]:
    """The identities of a table for a report that prints these rows.

    A group counts as its parts where any of them is printed, else as its own one row.
    A rule for rows is left out for rows that are not printed; in one for columns their cells are open.
    """
    found: list[Equation] = []
    for identity in table.identities:
        left, right = terms(identity)
        if identity.for_each == "column":
            for column in (line.code for line in table.columns):
                found.append(
                    Equation(
                        identity.code,
                        column,
                        _expand(left, table, printed_rows, column),
                        _expand(right, table, printed_rows, column),
                    )
                )
        else:
            for row in table.rows:
                if row.code in printed_rows and (not identity.rows or row.code in identity.rows):
                    found.append(
                        Equation(
                            identity.code,
                            row.code,
                            tuple((t.sign, (row.code, t.code)) for t in left),
                            tuple((t.sign, (row.code, t.code)) for t in right),
                        )
                    )
    return tuple(found)


def _expand(
    side: tuple[Term, ...], table: Table, printed: frozenset[str], column: str
) -> tuple[tuple[int, Key], ...]:
    members: list[tuple[int, Key]] = []
    for term in side:
        parts = table.row(term.code).parts
        own = not parts or (term.code in printed and not any(p in printed for p in parts))
        members += [(term.sign, (code, column)) for code in ((term.code,) if own else parts)]
    return tuple(members)


@cache
def sum_column(table: Table) -> str | None:
    """The column that an identity says to be the sum of others in every row; None where there is none."""
    for identity in table.identities:
        if identity.for_each == "row" and not identity.rows:
            for side, other in (terms(identity), terms(identity)[::-1]):
                if len(side) == 1 and len(other) > 1:
                    return side[0].code
    return None


@dataclass(frozen=True, slots=True)
class Outcome:
    """How one equation stands. ``closes`` is None where open cells leave it undecided."""

    equation: Equation
    closes: bool | None
    left: Decimal
    right: Decimal
    open_cells: tuple[Key, ...]


def evaluate(
    system: tuple[Equation, ...],
    values: Mapping[Key, Decimal | None],
    zero_if_blank: frozenset[Key] = frozenset(),
) -> list[Outcome]:
    """Evaluate equations over printed figures.

    Args:
        values: figure by cell; None or absent where there is none.
        zero_if_blank: cells left empty by the office. An equation over blanks that closes with
            them as zero closes; one that no fill can close (the known parts exceed the total)
            fails; any other is undecided.
    """
    outcomes = []
    for equation in system:
        left, right = _sum(equation.left, values), _sum(equation.right, values)
        open_cells = tuple(key for _, key in equation.members if values.get(key) is None)
        closes: bool | None
        if not open_cells:
            closes = left == right
        elif all(key in zero_if_blank for key in open_cells) and left == right:
            closes = True
        elif _hopeless(equation, values, left - right):
            closes = False
        else:
            closes = None
        outcomes.append(Outcome(equation, closes, left, right, open_cells))
    return outcomes


def _hopeless(equation: Equation, values: Mapping[Key, Decimal | None], surplus: Decimal) -> bool:
    """No figures ≥ 0 in the open cells can close it: they all stand on the side that is too large already."""
    signs = {sign for sign, key in equation.members if values.get(key) is None}
    return (signs == {1} and surplus > 0) or (signs == {-1} and surplus < 0)


def _sum(side: tuple[tuple[int, Key], ...], values: Mapping[Key, Decimal | None]) -> Decimal:
    return sum((sign * (values.get(key) or Decimal(0)) for sign, key in side), Decimal(0))


def deduce(
    system: tuple[Equation, ...], values: Mapping[Key, Decimal | None], open_cells: frozenset[Key]
) -> dict[Key, Decimal]:
    """Figures for open cells of which the identities leave exactly one (counts are not negative).

    Works to a fixed point: a single open cell is the difference; open cells of one sign whose
    known rest closes are all zero. Cells for which two equations leave different figures, or that
    stand in an equation that then fails, get none.
    """
    known = dict(values)
    found: dict[Key, Decimal] = {}
    progress = True
    while progress:
        progress = False
        for equation in system:
            gaps = [(s, k) for s, k in equation.members if known.get(k) is None]
            if not gaps or any(k not in open_cells for _, k in gaps):
                continue
            surplus = _sum(equation.left, known) - _sum(equation.right, known)
            signs = {s for s, _ in gaps}
            if surplus == 0 and len(signs) == 1:
                fresh = {k: Decimal(0) for _, k in gaps}
            elif len(gaps) == 1:
                sign, key = gaps[0]
                fresh = {key: -surplus * sign}
            else:
                continue
            if any(v < 0 for v in fresh.values()):
                continue
            known.update(fresh)
            found.update(fresh)
            progress = True
    broken: set[Key] = set()
    for equation in system:
        keys = [k for _, k in equation.members]
        whole = any(k in found for k in keys) and all(known.get(k) is not None for k in keys)
        if whole and _sum(equation.left, known) != _sum(equation.right, known):
            broken.update(k for k in keys if k in found)
    return {k: v for k, v in found.items() if k not in broken}
