"""Which smallest sets of cells, changed, let all identities of a table hold: the search itself.

Here: the system of equations over the figures of one table, one and two cells tried outright, the
solver for more. Not here: how likely a change is (slips.py), its words or its rank (localisation.py).
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

from pipeline.cells.identities import Equation, Key
from pipeline.checks.slips import Limits

Changes = Mapping[Key, int]
"""The right figure by cell, for the cells of one set."""


@dataclass(frozen=True)
class System:
    """Equations over figures ≥ 0 that are whole.

    ``figures`` holds the cells that may be doubted; a cell of an equation without one is open: it
    takes whatever closes the equation. ``weights`` is what it costs to change a cell.
    """

    equations: tuple[Equation, ...]
    figures: Mapping[Key, int]
    weights: Mapping[Key, int]

    @cached_property
    def places(self) -> dict[Key, dict[int, int]]:
        """For each cell with a figure, its sign by the number of the equation."""
        found: dict[Key, dict[int, int]] = {}
        for number, equation in enumerate(self.equations):
            for sign, key in equation.members:
                if key in self.figures:
                    found.setdefault(key, {})[number] = sign
        return found

    @cached_property
    def open_signs(self) -> tuple[frozenset[int], ...]:
        """For each equation, the signs of its open cells."""
        return tuple(
            frozenset(sign for sign, key in equation.members if key not in self.figures)
            for equation in self.equations
        )

    @cached_property
    def surplus(self) -> tuple[int, ...]:
        """For each equation, left minus right, open cells as nothing."""
        return tuple(
            sum(sign * self.figures.get(key, 0) for sign, key in equation.members)
            for equation in self.equations
        )

    @cached_property
    def failing(self) -> tuple[int, ...]:
        """The numbers of the equations that fail."""
        return self.failing_at(self.surplus)

    def failing_at(self, surplus: Sequence[int]) -> tuple[int, ...]:
        """The numbers of the equations that fail with these differences."""
        return tuple(number for number, by in enumerate(surplus) if by and not self.takes(number, by))

    def takes(self, number: int, surplus: int) -> bool:
        """Whether figures in the open cells of an equation can make up for a difference."""
        return surplus == 0 or (-1 if surplus > 0 else 1) in self.open_signs[number]

    def with_changes(self, changes: Changes) -> System:
        """The same system over corrected figures."""
        return replace(self, figures={**self.figures, **changes})

    def weigh(self, cells: Iterable[Key]) -> int:
        """What it costs to change these cells."""
        return sum(self.weights[cell] for cell in cells)


def explanations(
    system: System, beside: Collection[tuple[Key, Key]], limits: Limits
) -> tuple[list[Changes], bool]:
    """The sets of fewest cells whose change lets every equation hold, and whether these are all.

    One cell beats two and two beat more, whatever they weigh (weights lie within a factor of
    1.5); from three on the solver gives the lightest sets. Empty where no set within the limits
    was found.

    Args:
        beside: cells whose figures may have changed places: one slip, so it stands with one cell.
    """
    if not system.failing:
        return [], True
    found: list[Changes] = [{key: figure} for key, figure in _single(system, system.surplus)]
    if found:
        return found + list(_exchanged(system, beside)), True
    found = _pairs(system)
    if found:
        return found, True
    return _solve(system, limits)


def _exchanged(system: System, beside: Collection[tuple[Key, Key]]) -> Iterator[Changes]:
    """Each two cells that let every equation hold once they change places."""
    for a, b in beside:
        delta = system.figures[b] - system.figures[a]
        at_a, at_b = system.places[a], system.places[b]
        if delta and all(n in at_a or n in at_b for n in system.failing):
            moved = {n: delta * (at_a.get(n, 0) - at_b.get(n, 0)) for n in at_a.keys() | at_b.keys()}
            if all(system.takes(n, system.surplus[n] + by) for n, by in moved.items()):
                yield {a: system.figures[b], b: system.figures[a]}


def _single(system: System, surplus: Sequence[int]) -> Iterator[tuple[Key, int]]:
    """Each cell that, changed alone, lets every equation hold: it stands in all that fail."""
    failing = system.failing_at(surplus)
    if not failing:
        return
    first = min(failing, key=lambda number: len(system.equations[number].members))
    for _, key in system.equations[first].members:
        places = system.places.get(key, {})
        if not all(number in places for number in failing):
            continue
        for delta in {-places[number] * surplus[number] for number in failing}:
            figure = system.figures[key] + delta
            if figure >= 0 and all(system.takes(n, surplus[n] + sign * delta) for n, sign in places.items()):
                yield key, figure


def _pairs(system: System) -> list[Changes]:
    """Each two cells that, changed together, let every equation hold.

    One of them stands in an equation that the other does not, and its change alone closes that
    one; the other then has to explain the rest. (Two cells of the very same equations are no
    smallest set: either of them would do.)
    """
    most = max(len(places) for places in system.places.values())
    if len(system.failing) > 2 * most:
        return []
    found: dict[frozenset[tuple[Key, int]], Changes] = {}
    for number in system.failing:
        for sign, key in system.equations[number].members:
            if key not in system.figures:
                continue
            delta = -sign * system.surplus[number]
            figure = system.figures[key] + delta
            if figure < 0:
                continue
            rest = list(system.surplus)
            for other, other_sign in system.places[key].items():
                rest[other] += other_sign * delta
            for partner, value in _single(system, rest):
                if partner != key:
                    changes = {key: figure, partner: value}
                    found.setdefault(frozenset(changes.items()), changes)
    return list(found.values())


def _solve(system: System, limits: Limits) -> tuple[list[Changes], bool]:
    """The lightest sets, from the solver, and whether these are all of that weight."""
    # Half a second to import, and only a report with three wrong cells or more needs it.
    from ortools.sat.python import cp_model

    model = cp_model.CpModel()
    # The identities are sums of rows and columns, so no smallest set moves a figure by more than all
    # that is amiss; a tight bound is what makes the solver fast.
    most = sum(abs(system.surplus[number]) for number in system.failing)
    most += sum(-figure for figure in system.figures.values() if figure < 0)
    delta: dict[Key, cp_model.IntVar] = {}
    changed: dict[Key, cp_model.IntVar] = {}
    filled: list[cp_model.IntVar] = []
    for key in dict.fromkeys(key for equation in system.equations for _, key in equation.members):
        figure = system.figures.get(key)
        delta[key] = model.new_int_var(0 if figure is None else max(-figure, -most), most, "")
        flag = model.new_bool_var("")
        model.add(delta[key] == 0).only_enforce_if(flag.negated())
        model.add(delta[key] != 0).only_enforce_if(flag)
        if figure is None:
            filled.append(flag)
        else:
            changed[key] = flag
    for number, equation in enumerate(system.equations):
        model.add(sum(sign * delta[key] for sign, key in equation.members) == -system.surplus[number])
        if system.open_signs[number]:
            continue
        flags = [changed[key] for _, key in equation.members]
        if number in system.failing:
            model.add_bool_or(flags)
        else:
            # What closes and stays closed has no cell changed, or two at the least.
            for flag in flags:
                model.add_bool_or([other for other in flags if other is not flag]).only_enforce_if(flag)
    model.add(sum(changed.values()) <= limits.cells)
    weight = sum(system.weights[key] * flag for key, flag in changed.items())
    # Open cells cost nothing, but no more of them are filled than need be.
    model.minimize((len(filled) + 1) * weight + sum(filled))
    solver = cp_model.CpSolver()
    # One worker and a limit in work, not seconds: the same suggestions on every machine.
    solver.parameters.num_workers = 1
    solver.parameters.random_seed = 1
    left = limits.solver_work
    found: list[Changes] = []
    while len(found) < limits.solutions and left > 0:
        solver.parameters.max_deterministic_time = left
        status = solver.solve(model)
        left -= solver.response_proto.deterministic_time
        if status != cp_model.OPTIMAL:
            # Out of work, the set at hand may not be the smallest: better none.
            return found, bool(found) and status == cp_model.INFEASIBLE
        keys = [key for key, flag in changed.items() if solver.value(flag)]
        if not found:
            model.add(weight <= system.weigh(keys))
        found.append({key: system.figures[key] + solver.value(delta[key]) for key in keys})
        model.add_bool_or([changed[key].negated() for key in keys])
    return found, False
