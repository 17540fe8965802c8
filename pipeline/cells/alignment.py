"""Rows that print fewer or more figures than the form has columns: where each figure belongs.

Every placement that keeps the printed order is possible; the identities decide. A cell whose
figure is the same in all placements that break the fewest identities is known, any other is not.
Here: the constraint model (CP-SAT). Not here: which rows need it (placing).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from itertools import combinations

from pipeline.cells.identities import Equation, Key

MAX_FIGURE = 10**10
MAX_PLACEMENTS = 500
SECONDS = 5.0


@dataclass(frozen=True, slots=True)
class Alignment:
    """What the identities leave.

    ``figures``: the figure of each cell of the open rows that has exactly one, printed or not.
    ``printed``: for those cells that hold a printed token, the token's index.
    ``violations``: identities that even the best placement breaks.
    """

    figures: dict[Key, int]
    printed: dict[Key, int]
    violations: int


def align_rows(
    open_rows: Mapping[str, tuple[Sequence[int], Sequence[Key]]],
    known: Mapping[Key, Decimal | None],
    system: tuple[Equation, ...],
) -> Alignment:
    """Place the figures of rows that have not as many as the form has columns.

    Args:
        open_rows: by row, the printed figures in order (not-applicable marks as 0) and the form's
            cells that the row has, in order.
        known: the certain cells; None for a cell that is open but not to be placed (a blank).
        system: the equations over these cells.
    Returns:
        An Alignment; empty where there is no whole-number reading or the time is up. Never a guess.
    Source: the 勾稽关系 clause of 表三.
    """
    # Imported here: most reports never need the solver, and loading it costs half a second.
    from ortools.sat.python import cp_model

    placements = {row: _placements(len(numbers), len(keys)) for row, (numbers, keys) in open_rows.items()}
    if any(not p or len(p) > MAX_PLACEMENTS for p in placements.values()):
        return Alignment({}, {}, 0)
    if any(v is not None and v != v.to_integral_value() for v in known.values()):
        return Alignment({}, {}, 0)

    model = cp_model.CpModel()
    cells: dict[Key, cp_model.IntVar] = {}
    chosen: dict[tuple[str, int], cp_model.IntVar] = {}
    for row, (numbers, keys) in open_rows.items():
        for key in keys:
            cells[key] = model.new_int_var(0, MAX_FIGURE, str(key))
        for index, placement in enumerate(placements[row]):
            pick = chosen[row, index] = model.new_bool_var(f"{row}@{index}")
            for column, token in placement.items():
                model.add(cells[keys[column]] == numbers[token]).only_enforce_if(pick)
        model.add_exactly_one(chosen[row, i] for i in range(len(placements[row])))

    broken = []
    for equation in system:
        if not any(key in cells for _, key in equation.members):
            continue
        parts: list[cp_model.LinearExpr | int] = []
        for sign, key in equation.members:
            figure = known.get(key)
            if key in cells:
                parts.append(sign * cells[key])
            elif figure is not None:
                parts.append(sign * int(figure))
            else:
                parts.append(sign * model.new_int_var(0, MAX_FIGURE, f"blank {key}"))
        total = cp_model.LinearExpr.sum(parts)
        flag = model.new_bool_var(f"breaks {equation.code} {equation.scope}")
        model.add(total == 0).only_enforce_if(flag.negated())
        broken.append(flag)
    model.minimize(sum(broken))

    solver = cp_model.CpSolver()
    solver.parameters.max_time_in_seconds = SECONDS
    solver.parameters.num_workers = 1
    solver.parameters.random_seed = 1
    if solver.solve(model) != cp_model.OPTIMAL:
        return Alignment({}, {}, 0)
    fewest = round(solver.objective_value)
    figures = {key: solver.value(cell) for key, cell in cells.items()}

    # Look for another reading as good that differs in some cell not yet seen to differ.
    model.clear_objective()
    model.add(sum(broken) == fewest)
    stable = set(figures)
    while stable:
        differs = {key: model.new_bool_var(f"differs {key}") for key in stable}
        for key, flag in differs.items():
            model.add(cells[key] != figures[key]).only_enforce_if(flag)
        some = model.new_bool_var("some cell differs")
        model.add_bool_or(differs.values()).only_enforce_if(some)
        model.clear_assumptions()
        model.add_assumption(some)
        status = solver.solve(model)
        if status == cp_model.INFEASIBLE:
            break
        if status not in (cp_model.OPTIMAL, cp_model.FEASIBLE):
            return Alignment({}, {}, fewest)
        stable = {key for key in stable if solver.value(cells[key]) == figures[key]}

    left = {key: figures[key] for key in stable}
    return Alignment(left, _attribute(open_rows, placements, left), fewest)


def _attribute(
    open_rows: Mapping[str, tuple[Sequence[int], Sequence[Key]]],
    placements: Mapping[str, list[dict[int, int]]],
    left: Mapping[Key, int],
) -> dict[Key, int]:
    """Which printed token stands in which cell, for rows whose figures are all known.

    Where several placements give the same figures (which of some zeros fell out), a column that
    may have fallen out of every open row is taken, the last of them: the figures do not depend on it.
    Rows with unknown cells get only what all their placements share.
    """
    fitting = {
        row: [
            p
            for p in placements[row]
            if all(keys[c] not in left or left[keys[c]] == numbers[t] for c, t in p.items())
        ]
        for row, (numbers, keys) in open_rows.items()
    }
    may_lack = [
        {keys[i][1] for p in fitting[row] for i in range(len(keys)) if i not in p}
        for row, (_, keys) in open_rows.items()
    ]
    common = set.intersection(*may_lack) if may_lack else set()
    printed: dict[Key, int] = {}
    for row, (_, keys) in open_rows.items():
        if all(key in left for key in keys):
            best = max(
                fitting[row],
                key=lambda p: (
                    sum(1 for i, k in enumerate(keys) if i not in p and k[1] in common),
                    [i for i in range(len(keys)) if i not in p],
                ),
            )
            printed.update({keys[i]: token for i, token in best.items()})
            continue
        for index, key in enumerate(keys):
            tokens = {p.get(index) for p in fitting[row]}
            if key in left and len(tokens) == 1 and None not in tokens:
                printed[key] = next(t for t in tokens if t is not None)
    return printed


def _placements(tokens: int, columns: int) -> list[dict[int, int]]:
    """All ways to put tokens into columns in order: column index → token index; as many as fit."""
    if tokens <= columns:
        return [
            dict(zip(places, range(tokens), strict=True)) for places in combinations(range(columns), tokens)
        ]
    if tokens - columns > 2:
        return []
    return [dict(zip(range(columns), kept, strict=True)) for kept in combinations(range(tokens), columns)]
