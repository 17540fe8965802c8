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

MAX_PLACEMENTS = 500
EFFORT = 5.0
"""What the solver may spend on the rows of one table: its own count of steps, about a second each, so
that a reading does not depend on how busy the machine is. The document's time limit stands above it."""


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
        An Alignment; empty where there is no whole-number reading or the effort is spent. Never a guess.
    Source: the 勾稽关系 clause of 表三.
    """
    # Imported here: most reports never need the solver, and loading it costs half a second.
    from ortools.sat.python import cp_model

    placements = {row: _placements(len(numbers), len(keys)) for row, (numbers, keys) in open_rows.items()}
    if any(not p or len(p) > MAX_PLACEMENTS for p in placements.values()):
        return Alignment({}, {}, 0)
    if any(v is not None and v != v.to_integral_value() for v in known.values()):
        return Alignment({}, {}, 0)
    bound = (
        2 * (sum(sum(n) for n, _ in open_rows.values()) + sum(int(abs(v)) for v in known.values() if v)) + 1
    )

    model = cp_model.CpModel()
    cells: dict[Key, cp_model.LinearExprT] = {}
    picks: dict[str, list[tuple[cp_model.IntVar, dict[Key, int | None]]]] = {}
    for row, (numbers, keys) in open_rows.items():
        picks[row] = []
        free: dict[Key, cp_model.IntVar] = {}
        for vector in _vectors(numbers, keys, placements[row], system):
            pick = model.new_bool_var(f"{row}@{len(picks[row])}")
            picks[row].append((pick, vector))
            for key, figure in vector.items():
                if figure is None and key not in free:
                    free[key] = model.new_int_var(0, bound, str(key))
        if not picks[row]:
            return Alignment({}, {}, 0)
        model.add_exactly_one(pick for pick, _ in picks[row])
        for key in keys:
            if key not in free:
                cells[key] = cp_model.LinearExpr.sum([(v[key] or 0) * pick for pick, v in picks[row]])
                continue
            cells[key] = free[key]
            for pick, vector in picks[row]:
                if vector[key] is not None:
                    model.add(free[key] == vector[key]).only_enforce_if(pick)

    broken = []
    for equation in system:
        if not any(key in cells for _, key in equation.members):
            continue
        parts: list[cp_model.LinearExprT] = []
        for sign, key in equation.members:
            settled = known.get(key)
            if key in cells:
                parts.append(sign * cells[key])
            elif settled is not None:
                parts.append(sign * int(settled))
            else:
                parts.append(sign * model.new_int_var(0, bound, f"blank {key}"))
        flag = model.new_bool_var(f"breaks {equation.code} {equation.scope}")
        model.add(cp_model.LinearExpr.sum(parts) == 0).only_enforce_if(flag.negated())
        broken.append(flag)
    model.minimize(sum(broken))

    solver = cp_model.CpSolver()
    solver.parameters.num_workers = 1
    solver.parameters.random_seed = 1
    solver.parameters.max_deterministic_time = EFFORT
    spent = 0.0
    if solver.solve(model) != cp_model.OPTIMAL:
        return Alignment({}, {}, 0)
    fewest = round(solver.objective_value)
    figures = {key: solver.value(cell) for key, cell in cells.items()}

    # Look for another reading as good that differs in some cell not yet seen to differ.
    model.clear_objective()
    model.add(sum(broken) == fewest)
    stable = set(figures)
    while stable:
        differs = []
        for row, options in picks.items():
            mine = [key for key in open_rows[row][1] if key in stable]
            for pick, vector in options:
                if any(vector[k] is not None and vector[k] != figures[k] for k in mine):
                    differs.append(pick)
            for key in mine:
                if any(vector[key] is None for _, vector in options):
                    flag = model.new_bool_var(f"differs {key}")
                    model.add(cells[key] != figures[key]).only_enforce_if(flag)
                    differs.append(flag)
        some = model.new_bool_var("some cell differs")
        model.add_bool_or(differs).only_enforce_if(some)
        model.clear_assumptions()
        model.add_assumption(some)
        spent += solver.response_proto.deterministic_time
        solver.parameters.max_deterministic_time = max(EFFORT - spent, 0.01)
        status = solver.solve(model)
        if status == cp_model.INFEASIBLE:
            break
        if status not in (cp_model.OPTIMAL, cp_model.FEASIBLE):
            return Alignment({}, {}, fewest)
        stable = {key for key in stable if solver.value(cells[key]) == figures[key]}

    left = {key: figures[key] for key in stable}
    return Alignment(left, _attribute(open_rows, placements, left), fewest)


def _vectors(
    numbers: Sequence[int],
    keys: Sequence[Key],
    placements: Sequence[dict[int, int]],
    system: tuple[Equation, ...],
) -> list[dict[Key, int | None]]:
    """The row's possible contents, each once: a figure for each cell, None where any will do.

    A row's own identities settle cells that fell out: one gap is a difference, which may not be negative.
    """
    own = [e for e in system if all(key in keys for _, key in e.members)]
    found: dict[tuple[int | None, ...], dict[Key, int | None]] = {}
    for placement in placements:
        vector: dict[Key, int | None] = dict.fromkeys(keys)
        vector.update({keys[c]: numbers[t] for c, t in placement.items()})
        possible = True
        for equation in own:
            gaps = [(sign, key) for sign, key in equation.members if vector[key] is None]
            if len(gaps) == 1:
                sign, key = gaps[0]
                rest = sum(s * (vector[k] or 0) for s, k in equation.members)
                vector[key] = -rest * sign
                possible = possible and -rest * sign >= 0
        if possible:
            found.setdefault(tuple(vector.values()), vector)
    return list(found.values())


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
