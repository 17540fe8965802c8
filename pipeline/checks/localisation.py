"""Where a table's identities fail: the fewest cells that explain it, and what they should hold.

After Fellegi and Holt (1976): the smallest weighted set of cells whose change satisfies all rules.
Here: what each cell weighs, the ranking by how slips happen, the reason in words, the rows of
suggested_correction. Not here: the search (localisation_search.py), the slips (slips.py), or any
change of a fact: suggestions only.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from itertools import combinations
from typing import Protocol

import polars as pl

from pipeline import frames
from pipeline.cells.facts import name_cell
from pipeline.cells.identities import Equation, Key, deduce, equations, evaluate
from pipeline.checks.identities import column_of, newest_tables
from pipeline.checks.localisation_search import Changes, System, explanations
from pipeline.checks.slips import Slip, likeliest, rules
from pipeline.form.model import Table


class FactLike(Protocol):
    """What is needed of a cell: cells.report.Fact has it, and a row of a fact table."""

    @property
    def value(self) -> float | None: ...
    @property
    def derived_value(self) -> float | None: ...
    @property
    def status(self) -> str: ...
    @property
    def confidence(self) -> float: ...


@dataclass(frozen=True, slots=True)
class Suggestion:
    """One cell of one set that would close all identities; rows of one set share rank and reason's words.

    ``printed`` is None where the cell is empty or was lost.
    """

    row: str
    column: str
    printed: float | None
    suggested: float
    reason: str
    rank: int


def suggest(facts: Mapping[Key, FactLike], table: Table) -> list[Suggestion]:
    """What would close the identities of one table of one report, likeliest first.

    Faults that do not touch each other are ranked each for itself, so that all rows of rank 1 that
    are not ties of each other make the whole table close. Sets of fewest cells only; the lighter
    first, then the likelier slip; equal ones share a rank and say so.

    Args:
        facts: the printed cells by row and column code, figures in 件.
    Returns:
        Nothing where all identities close or cannot be assessed, or where no set of cells within
        the limits of localisation.yaml explains what fails.
    Source: the 勾稽关系 clauses in the form files.
    """
    page = _Page(table, facts)
    found: list[Suggestion] = []
    for system in _systems(equations(table, page.printed_rows), facts):
        if system.failing:
            for fault in _faults(page, system):
                found += _suggestions(page, fault)
    return found


def suggestions(tables: Mapping[str, pl.DataFrame]) -> pl.DataFrame:
    """Suggestions for every report in which an in-table identity fails.

    Args:
        tables: ``check_result`` and the fact tables, with the contract's columns.
    Returns:
        Rows of suggested_correction.
    """
    rows: list[tuple[object, ...]] = []
    for table in newest_tables():
        if table.facts not in tables:
            continue
        codes = [identity.code for identity in table.identities]
        failing = (
            tables["check_result"]
            .filter((pl.col("status") == "fail") & pl.col("check_code").is_in(codes))
            .select(pl.col("report_id").unique())
        )
        if failing.is_empty():
            continue
        facts = tables[table.facts].join(failing, on="report_id", how="semi")
        for report, cells in _by_report(facts, table).items():
            rows += [
                (report, table.code, s.row, s.column, s.printed, s.suggested, s.reason, s.rank)
                for s in suggest(cells, table)
            ]
    schema = frames.empty("suggested_correction").schema
    return pl.DataFrame(rows, schema=schema, orient="row").sort(
        "report_id", "table_name", "rank", maintain_order=True
    )


@dataclass(frozen=True, slots=True)
class _Cell:
    """A row of a fact table."""

    value: float | None
    derived_value: float | None
    status: str
    confidence: float


def _by_report(facts: pl.DataFrame, table: Table) -> dict[str, dict[Key, FactLike]]:
    found: dict[str, dict[Key, FactLike]] = defaultdict(dict)
    chosen = facts.select(
        "report_id",
        pl.col(table.row_dimension).alias("row"),
        column_of(table).alias("column"),
        "value",
        "derived_value",
        "status",
        "confidence",
    ).sort("report_id", "row", "column")
    for report, row, column, *rest in chosen.iter_rows():
        found[report][row, column] = _Cell(*rest)
    return found


# The system: which cells may be doubted, and how lightly.


def _systems(known: Sequence[Equation], facts: Mapping[Key, FactLike]) -> Iterator[System]:
    """The equations with their figures, in parts that share no cell."""
    figures = {key: figure for key, fact in facts.items() if (figure := _figure(fact)) is not None}
    blank = frozenset(key for key, fact in facts.items() if fact.status in ("blank", "not_applicable"))
    outcomes = evaluate(tuple(known), {key: Decimal(figure) for key, figure in figures.items()}, blank)
    # An empty cell that an undecided identity may still fill is open; any other stands for nothing.
    undecided = {key for outcome in outcomes if outcome.closes is None for key in outcome.open_cells}
    figures |= dict.fromkeys(blank - undecided - figures.keys(), 0)
    confirmed = {
        key
        for outcome in outcomes
        if outcome.closes and not outcome.open_cells
        for _, key in outcome.equation.members
    }
    over_blank = {
        key for equation in known for key in _totals(equation) if any(k in blank for _, k in equation.members)
    }
    weights = {key: _weight(facts[key], key in over_blank, key in confirmed) for key in figures}
    for part in _apart(known):
        keys = {key for equation in part for _, key in equation.members if key in figures}
        if keys:
            yield System(part, {key: figures[key] for key in figures if key in keys}, weights)


def _figure(fact: FactLike) -> int | None:
    """The figure that the checks go by; none where it is no whole number (the facts have no such)."""
    figure = fact.derived_value if fact.status == "lost" else fact.value
    return int(figure) if figure is not None and figure == int(figure) else None


def _totals(equation: Equation) -> list[Key]:
    """The cell that an equation says is the sum of others; none for a balance of several with several."""
    return [equation.left[0][1]] if len(equation.left) == 1 else []


def _weight(fact: FactLike, over_blank: bool, confirmed: bool) -> int:
    weights = rules().weights
    of_picture = [step.weight for step in weights.read_from_picture if fact.confidence < step.below]
    weight = min([weights.clean, *of_picture])
    of_status = {
        "realigned": weights.realigned,
        "lost": weights.lost,
        "blank": weights.blank,
        "not_applicable": weights.blank,
    }
    weight = min(weight, of_status.get(fact.status, weight))
    weight -= weights.total_over_blank * over_blank + weights.unconfirmed * (not confirmed)
    return max(weight, weights.least)


def _apart(known: Sequence[Equation]) -> list[tuple[Equation, ...]]:
    parts = _linked([{key for _, key in equation.members} for equation in known])
    return [tuple(known[number] for number in part) for part in parts]


def _linked(sets: Sequence[Iterable[object]]) -> list[list[int]]:
    """The numbers of the sets, those together that share members, directly or through others."""
    groups: list[tuple[set[object], list[int]]] = []
    for number, members in enumerate(sets):
        merged, numbers = set(members), [number]
        apart = []
        for others, their_numbers in groups:
            if merged.isdisjoint(others):
                apart.append((others, their_numbers))
            else:
                merged |= others
                numbers += their_numbers
        groups = [*apart, (merged, sorted(numbers))]
    return sorted(numbers for _, numbers in groups)


# Faults: what fails together is explained together.


@dataclass(frozen=True, slots=True)
class _Fault:
    """Equations that fail together, by number, and the sets that explain them."""

    system: System
    failing: tuple[int, ...]
    sets: tuple[Changes, ...]
    complete: bool
    """Whether these are all the sets that are as small."""


def _faults(page: _Page, system: System) -> Iterator[_Fault]:
    """The failing equations in groups that no explanation joins."""
    limits, beside = rules().limits, page.beside(system.figures)
    found, complete = explanations(system, beside, limits)
    if complete:
        yield from _grouped(system, found)
    elif found:
        # Many faults with many explanations each: one by one, the others taken as corrected.
        for part in _parts(system, found[0]):
            others = {key: figure for key, figure in found[0].items() if key not in part}
            alone = system.with_changes(others)
            sets, all_found = explanations(alone, beside, limits)
            sets = sets or [{key: found[0][key] for key in part}]
            yield _Fault(alone, alone.failing, tuple(sets), all_found)


def _grouped(system: System, found: Sequence[Changes]) -> Iterator[_Fault]:
    """Each fault with its own part of every explanation."""
    parts = [part for changes in found for part in _parts(system, changes)]
    failing = set(system.failing)
    touched = [{n for key in part for n in system.places[key] if n in failing} for part in parts]
    for group in _linked(touched):
        together = set().union(*(touched[number] for number in group))
        sets: dict[frozenset[tuple[Key, int]], Changes] = {}
        for changes in found:
            # Whole parts: a cell may only close again what others of its part open.
            mine = {
                key: changes[key]
                for part in _parts(system, changes)
                if any(n in together for k in part for n in system.places[k])
                for key in part
            }
            sets.setdefault(frozenset(mine.items()), mine)
        yield _Fault(system, tuple(sorted(together)), tuple(sets.values()), True)


def _parts(system: System, changes: Changes) -> list[list[Key]]:
    """The cells of a set, those together that stand in one equation."""
    keys = list(changes)
    return [[keys[n] for n in part] for part in _linked([system.places[key] for key in keys])]


# Ranking.


class _Page:
    """A table as a report prints it: which cells stand beside each other."""

    def __init__(self, table: Table, facts: Mapping[Key, FactLike]) -> None:
        self.table = table
        self.facts = facts
        self.printed_rows = frozenset(row for row, _ in facts)
        self._rows = [line.code for line in table.rows if line.code in self.printed_rows]
        self._columns = [line.code for line in table.columns if not line.is_group]

    def place(self, key: Key) -> tuple[int, int]:
        """Number of the row and of the column among those printed."""
        return self._rows.index(key[0]), self._columns.index(key[1])

    def neighbours(self, key: Key) -> list[Key]:
        """The cells beside, above and below a cell."""
        row, column = self.place(key)
        beside = ((row, column - 1), (row, column + 1), (row - 1, column), (row + 1, column))
        return [
            (self._rows[r], self._columns[c])
            for r, c in beside
            if 0 <= r < len(self._rows) and 0 <= c < len(self._columns)
        ]

    def beside(self, keys: Collection[Key]) -> list[tuple[Key, Key]]:
        """Each two of these cells that stand beside each other or one above the other, once."""
        return [
            (key, other)
            for key in keys
            for other in self.neighbours(key)
            if other in keys and self.place(key) < self.place(other)
        ]


@dataclass(frozen=True, slots=True)
class _Set:
    """One explanation of one fault, with the slip of each cell."""

    changes: Changes
    slips: Mapping[Key, Slip]
    score: tuple[int, int]
    """Weight, then the slips' cost: the less, the better."""
    some_empty: bool = False
    """Whether an empty cell has to take a figure besides, and which one the identities do not tell."""


def _ranked(page: _Page, fault: _Fault) -> list[_Set]:
    """The sets of a fault, best first."""
    # Sets that differ only in which empty cell takes a figure are one: that cell is not forced.
    by_printed: dict[frozenset[tuple[Key, int]], list[_Set]] = defaultdict(list)
    for changes in fault.sets:
        printed = frozenset(item for item in changes.items() if page.facts[item[0]].value is not None)
        by_printed[printed].append(_scored(page, fault.system, changes))
    kept = []
    for printed, same in by_printed.items():
        best = min(same, key=lambda one: one.score)
        if printed and len(same) > 1:
            best = _Set(dict(printed), best.slips, best.score, True)
        kept.append(best)
    return sorted(kept, key=lambda one: (one.score, sorted(page.place(key) for key in one.changes)))


def _scored(page: _Page, system: System, smallest: Changes) -> _Set:
    changes = {**smallest, **_forced(page, system, smallest)}
    slips: dict[Key, Slip] = {}
    cost = 0
    weight = system.weigh(smallest)
    for pair, slip in _swaps(page, system, changes):
        slips |= dict.fromkeys(pair, slip)
        cost += slip.cost
        if slip.kind == "swapped_neighbours" and smallest.keys() >= set(pair):
            # One slip weighs as one cell.
            weight -= min(system.weights[key] for key in pair)
    totals = {key for equation in system.equations for key in _totals(equation)}
    right = {**system.figures, **changes}
    for key in changes:
        if key not in slips:
            fact = page.facts[key]
            slips[key] = likeliest(
                None if fact.value is None else system.figures[key],
                changes[key],
                total=key in totals,
                neighbours=[right[beside] for beside in page.neighbours(key) if beside in right],
                picture=fact.confidence < 1,
            )
            cost += slips[key].cost
    # What then still closes only if an open cell takes a figure speaks against the set.
    weight += rules().weights.left_open * sum(by != 0 for by in system.with_changes(changes).surplus)
    return _Set(changes, slips, (weight, cost))


def _forced(page: _Page, system: System, changes: Changes) -> Changes:
    """Figures that empty cells must hold once a set is changed, and need not as long as it is not."""
    empty = frozenset(
        key
        for equation in system.equations
        for _, key in equation.members
        if key not in system.figures and key in page.facts and page.facts[key].status == "blank"
    )
    if not empty:
        return {}
    known = {key: Decimal(figure) for key, figure in system.figures.items()}
    before = deduce(system.equations, known, empty)
    known |= {key: Decimal(figure) for key, figure in changes.items()}
    after = deduce(system.equations, known, empty)
    return {key: int(figure) for key, figure in after.items() if figure and key not in before}


def _swaps(page: _Page, system: System, changes: Changes) -> Iterator[tuple[tuple[Key, Key], Slip]]:
    """Pairs of a set whose figures have changed places; each cell once, neighbours first."""
    crossed = [
        (b not in page.neighbours(a), (a, b))
        for a, b in combinations(changes, 2)
        if changes[a] == system.figures.get(b, 0) and changes[b] == system.figures.get(a, 0)
    ]
    used: set[Key] = set()
    for far, pair in sorted(crossed, key=lambda found: found[0]):
        if used.isdisjoint(pair):
            used.update(pair)
            yield pair, rules().slip("swapped" if far else "swapped_neighbours")


# Words.

_OTHERS_NAMED = 3
"""Cells of one set that a reason names beside its own."""


def _suggestions(page: _Page, fault: _Fault) -> Iterator[Suggestion]:
    ranked = _ranked(page, fault)
    scores = sorted({one.score for one in ranked})
    for one in ranked[: rules().limits.sets]:
        ties = sum(other.score == one.score for other in ranked)
        for key, right in one.changes.items():
            said = _reason(page, fault, one, key) + _doubt(ties, fault.complete)
            rank = scores.index(one.score) + 1
            yield Suggestion(*key, page.facts[key].value, float(right), said, rank)


def _reason(page: _Page, fault: _Fault, one: _Set, key: Key) -> str:
    """The cell, the figure, what changes with it, the identities that it would close, the slip."""
    numbers = [n for n in fault.failing if n in fault.system.places.get(key, ())] or fault.failing
    closed = " and ".join(_identity(page.table, fault.system.equations[number]) for number in numbers)
    others = [
        f"{_label(page.table, other)} {figure} instead of {_printed(page.facts[other])}"
        for other, figure in one.changes.items()
        if other != key
    ]
    if len(others) > _OTHERS_NAMED:
        others = [*others[:_OTHERS_NAMED], f"{len(others) - _OTHERS_NAMED} more"]
    if one.some_empty:
        others.append("a figure in an empty cell that the identities do not tell")
    together = f", together with {', '.join(others)}," if others else ""
    cell, figure = name_cell(page.table, *key), one.changes[key]
    printed = _printed(page.facts[key])
    return f"{cell}: {figure} instead of {printed}{together} would close {closed}; {one.slips[key].words}"


def _doubt(ties: int, complete: bool) -> str:
    """What else is as good."""
    if ties > 1:
        return f"; one of {'' if complete else 'at least '}{ties} explanations that are equally good"
    return "" if complete else "; others may be equally good"


def _printed(fact: FactLike) -> str:
    if fact.value is None:
        return "a lost figure" if fact.status == "lost" else "an empty cell"
    return f"{fact.value:.15g}"


def _label(table: Table, key: Key) -> str:
    return f"{table.row(key[0]).label} × {table.column(key[1]).label}"


def _identity(table: Table, equation: Equation) -> str:
    """An identity by the form's clause, and where it stands."""
    (identity,) = (known for known in table.identities if known.code == equation.code)
    line = table.column(equation.scope) if identity.for_each == "column" else table.row(equation.scope)
    return f"“{identity.clause}” ({line.label})"
