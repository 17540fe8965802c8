"""Where a table's identities fail: the fewest cells that explain it, and what they should hold.

After Fellegi and Holt (1976): the smallest weighted set of cells whose change satisfies all rules.
Here: what each cell weighs, the ranking by how slips happen, the reason in words, the rows of
suggested_correction. Not here: the search (localisation_search.py), the slips (slips.py), or any
change of a fact: suggestions only.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Protocol

import polars as pl

from pipeline import frames
from pipeline.cells.facts import name_cell
from pipeline.cells.identities import Equation, Key, equations, evaluate
from pipeline.checks.localisation_search import Changes, System, explanations
from pipeline.checks.slips import Slip, likeliest, rules
from pipeline.form.model import Table, forms


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


@dataclass(frozen=True, slots=True)
class _Set:
    """One explanation of one fault, with the slip of each cell."""

    changes: Changes
    slips: Mapping[Key, Slip]
    score: tuple[int, int]
    """Weight, then the slips' cost: the less, the better."""


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
    printed_rows = frozenset(row for row, _ in facts)
    found: list[Suggestion] = []
    for system in _systems(equations(table, printed_rows), facts):
        if system.failing:
            for fault, sets, complete in _faults(system):
                ranked = _ranked(system, facts, table, printed_rows, sets)
                found += _suggestions(system, facts, table, fault, ranked, complete)
    return found


def suggestions(tables: Mapping[str, pl.DataFrame]) -> pl.DataFrame:
    """Suggestions for every report in which an in-table identity fails.

    Args:
        tables: ``check_result`` and the fact tables, with the contract's columns.
    Returns:
        Rows of suggested_correction.
    """
    newest = list(forms().values())[-1]
    rows: list[tuple[object, ...]] = []
    for table in newest.tables:
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
    columns = ("report_id", table.row_dimension, table.column_dimension)
    found: dict[str, dict[Key, FactLike]] = defaultdict(dict)
    chosen = facts.select(*columns, "value", "derived_value", "status", "confidence").sort(columns)
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


def _faults(system: System) -> Iterator[tuple[list[int], list[Changes], bool]]:
    """The failing equations in groups, each with the sets that explain it and whether these are all."""
    limits = rules().limits
    found, complete = explanations(system, limits)
    if not found:
        return
    if complete:
        yield from ((fault, sets, True) for fault, sets in _grouped(system, found))
        return
    # Many faults with many explanations each: one by one, the others taken as corrected.
    for part in _parts(system, found[0]):
        others = {key: figure for key, figure in found[0].items() if key not in part}
        alone = system.with_changes(others)
        sets, all_found = explanations(alone, limits)
        # Dearer than before where the rest now stands fast: then the one set at hand is all there is.
        if sets:
            yield list(alone.failing), sets, all_found


def _grouped(system: System, found: Sequence[Changes]) -> Iterator[tuple[list[int], list[Changes]]]:
    """Faults that no explanation joins, each with its own part of every explanation."""
    parts = [part for changes in found for part in _parts(system, changes)]
    failing = set(system.failing)
    touched = [{n for key in part for n in system.places[key] if n in failing} for part in parts]
    for group in _linked(touched):
        fault = sorted(set().union(*(touched[number] for number in group)))
        sets: dict[frozenset[tuple[Key, int]], Changes] = {}
        for changes in found:
            mine = {k: v for k, v in changes.items() if not system.places[k].keys().isdisjoint(fault)}
            rest = [k for k in changes if k not in mine]
            # A cell that closes what others of the set open belongs with them.
            for part in _parts(system, changes):
                if any(key in mine for key in part):
                    mine |= {key: changes[key] for key in part if key in rest}
            sets.setdefault(frozenset(mine.items()), mine)
        yield fault, list(sets.values())


def _parts(system: System, changes: Changes) -> list[list[Key]]:
    """The cells of a set, those together that stand in one equation."""
    keys = list(changes)
    return [[keys[n] for n in part] for part in _linked([system.places[key] for key in keys])]


# Ranking and words.


def _ranked(
    system: System,
    facts: Mapping[Key, FactLike],
    table: Table,
    printed_rows: frozenset[str],
    sets: Iterable[Changes],
) -> list[_Set]:
    grid = _Grid(table, printed_rows)
    totals = {key for equation in system.equations for key in _totals(equation)}
    found = [_scored(system, facts, grid, totals, changes) for changes in sets]
    # Sets that differ only in which empty cell takes a figure: that cell is not known.
    by_printed: dict[frozenset[tuple[Key, int]], list[_Set]] = defaultdict(list)
    for one in found:
        figures = frozenset((k, v) for k, v in one.changes.items() if facts[k].value is not None)
        by_printed[figures].append(one)
    kept = []
    for printed, same in by_printed.items():
        best = min(same, key=lambda one: one.score)
        forced = len(same) == 1 or not printed
        kept += same if forced else [_Set(dict(printed), best.slips, best.score)]
    place = grid.place
    return sorted(kept, key=lambda one: (one.score, sorted(place(key) for key in one.changes)))


@dataclass(frozen=True)
class _Grid:
    """The cells as a report prints them."""

    table: Table
    printed_rows: frozenset[str]

    def place(self, key: Key) -> tuple[int, int]:
        """Number of the row and of the column among those printed."""
        rows = [line.code for line in self.table.rows if line.code in self.printed_rows]
        columns = [line.code for line in self.table.columns if not line.is_group]
        return rows.index(key[0]), columns.index(key[1])

    def beside(self, key: Key, other: Key) -> bool:
        """Whether two cells stand next to each other in a row or a column."""
        (row, column), (other_row, other_column) = self.place(key), self.place(other)
        return abs(row - other_row) + abs(column - other_column) == 1


def _scored(
    system: System, facts: Mapping[Key, FactLike], grid: _Grid, totals: set[Key], changes: Changes
) -> _Set:
    slips: dict[Key, Slip] = {}
    cost = 0
    for pair, slip in _swaps(system, grid, changes):
        slips |= dict.fromkeys(pair, slip)
        cost += slip.cost
    right = {**system.figures, **changes}
    for key in changes:
        if key not in slips:
            fact = facts[key]
            slips[key] = likeliest(
                None if fact.value is None else system.figures[key],
                changes[key],
                total=key in totals,
                neighbours=[right[k] for k in _neighbours(grid, key) if k in right],
                picture=fact.confidence < 1,
            )
            cost += slips[key].cost
    return _Set(changes, slips, (system.weigh(changes), cost))


def _swaps(system: System, grid: _Grid, changes: Changes) -> Iterator[tuple[tuple[Key, Key], Slip]]:
    """Pairs of a set whose figures have changed places; each cell once, neighbours first."""
    crossed = [
        (not grid.beside(a, b), (a, b))
        for i, a in enumerate(changes)
        for b in list(changes)[i + 1 :]
        if changes[a] == system.figures[b] and changes[b] == system.figures[a]
    ]
    used: set[Key] = set()
    for far, pair in sorted(crossed, key=lambda found: found[0]):
        if used.isdisjoint(pair):
            used.update(pair)
            yield pair, rules().slip("swapped" if far else "swapped_neighbours")


def _neighbours(grid: _Grid, key: Key) -> list[Key]:
    rows = [line.code for line in grid.table.rows if line.code in grid.printed_rows]
    columns = [line.code for line in grid.table.columns if not line.is_group]
    row, column = grid.place(key)
    beside = ((row, column - 1), (row, column + 1), (row - 1, column), (row + 1, column))
    return [(rows[r], columns[c]) for r, c in beside if 0 <= r < len(rows) and 0 <= c < len(columns)]


def _suggestions(
    system: System,
    facts: Mapping[Key, FactLike],
    table: Table,
    fault: Sequence[int],
    ranked: Sequence[_Set],
    complete: bool,
) -> Iterator[Suggestion]:
    scores = sorted({one.score for one in ranked})
    ties = {score: sum(one.score == score for one in ranked) for score in scores}
    for one in ranked[: rules().limits.sets]:
        rank = scores.index(one.score) + 1
        for key, right in one.changes.items():
            value = facts[key].value
            reason = _reason(system, facts, table, fault, one, key, ties[one.score], complete)
            yield Suggestion(*key, value, float(right), reason, rank)


def _reason(
    system: System,
    facts: Mapping[Key, FactLike],
    table: Table,
    fault: Sequence[int],
    one: _Set,
    key: Key,
    ties: int,
    complete: bool,
) -> str:
    """One sentence: the cell, the figure, the identities it would close, the slip, what is as good."""
    mine = [system.equations[number] for number in system.places[key] if number in fault]
    rest = [other for other in one.changes if other != key]
    words = [f"{name_cell(table, *key)}: {one.changes[key]} instead of {_printed(facts[key])}"]
    if rest:
        words[0] += ", together with " + ", ".join(
            f"{_label(table, other)} {one.changes[other]} instead of {_printed(facts[other])}"
            for other in rest
        )
    words[0] += ", would close " + " and ".join(
        _identity(table, equation) for equation in mine or [system.equations[number] for number in fault]
    )
    words.append(one.slips[key].words)
    if ties > 1:
        words.append(f"one of {ties if complete else f'at least {ties}'} explanations that are equally good")
    elif not complete:
        words.append("there may be others equally good")
    return "; ".join(words)


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
