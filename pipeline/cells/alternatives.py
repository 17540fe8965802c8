"""Figures that recognition read in several ways, where the identities contradict the likeliest.

A picture's cell is believed as it was read first, unless another reading of the same ink closes
identities that fail. Only one choice may be best; where two are, the cells stay as they were read
and the checks fail. Text that a file carries has no alternatives and is never touched.
"""

from __future__ import annotations

from dataclasses import replace

from pipeline.cells.identities import Key, Outcome, equations, evaluate
from pipeline.cells.numbers import parse_value
from pipeline.cells.placing import Placed
from pipeline.cells.solving import Reading

MAX_CHANGES = 6
"""Cells that may be read anew in one table; more are a picture too poor to trust."""


def reconsidered(reading: Reading) -> Reading:
    """The reading with cells read in the way that closes the most failing identities, one by one.

    Returns:
        The reading itself where nothing fails, nothing has alternatives, or no single choice is best.
        Each change leaves a remark on the row, so that a finding points at it.
    """
    for _ in range(MAX_CHANGES):
        if not reading.broken:
            break
        better = _best_change(reading)
        if better is None:
            break
        reading = better
    return reading


def _best_change(reading: Reading) -> Reading | None:
    suspects = {
        key
        for outcome in reading.outcomes
        if outcome.closes is False
        for _, key in outcome.equation.members
        if key in reading.printed and reading.printed[key].alternatives
    }
    found: list[tuple[int, Key, Placed, list[Outcome]]] = []
    for key in suspects:
        column = reading.table.column(key[1])
        placed = reading.printed[key]
        for text in placed.alternatives:
            value = parse_value(text, column.number, column.unit)
            if value.number is None or value.number == placed.value.number:
                continue
            other = replace(placed, value=value, text=text)
            outcomes = _outcomes(reading, {**reading.printed, key: other})
            broken = sum(1 for o in outcomes if o.closes is False)
            if broken < reading.broken:
                found.append((broken, key, other, outcomes))
    if not found:
        return None
    fewest = min(f[0] for f in found)
    best = [f for f in found if f[0] == fewest]
    if len({(key, other.value.number) for _, key, other, _ in best}) > 1:
        return None
    _, key, other, outcomes = best[0]
    before = reading.printed[key].text
    return replace(
        reading,
        printed={**reading.printed, key: other},
        outcomes=outcomes,
        remarks={
            **reading.remarks,
            key[0]: f"{reading.table.column(key[1]).label}: recognised as {before!r} first; "
            f"{other.text!r}, also possible, closes the identities",
        },
        log=[*reading.log, f"{key[0]}.{key[1]}: {before!r} read again as {other.text!r}"],
    )


def _outcomes(reading: Reading, printed: dict[Key, Placed]) -> list[Outcome]:
    rows = frozenset(key[0] for key in (*printed, *reading.moved, *reading.forced, *reading.unknown))
    values = {key: placed.value.number for key, placed in (*printed.items(), *reading.moved.items())}
    values.update(reading.forced)
    blanks = frozenset(k for k, p in printed.items() if p.value.status in ("blank", "not_applicable"))
    return evaluate(equations(reading.table, rows), values, blanks)
