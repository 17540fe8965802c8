"""Two runs held against each other: which figures moved beyond what repetitions within a run differ by.

Here: the rule and its table. Not here: measuring.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from benchmarks.results import RATIO, Measure, Results, shown

NOISE = 0.05
"""Relative differences up to this are never called a move: processes differ by as much among themselves."""


@dataclass(frozen=True, slots=True)
class Change:
    """One measure in two runs. ``moved``: their repetitions do not overlap and the medians differ by more
    than ``NOISE``."""

    part: str
    old: Measure
    new: Measure

    @property
    def factor(self) -> float:
        """The new median as a multiple of the old one."""
        return self.new.median / self.old.median if self.old.median else float("inf")

    @property
    def moved(self) -> bool:
        """Whether this is more than noise."""
        if self.old.median == self.new.median:
            return False
        apart = self.new.low > self.old.high or self.new.high < self.old.low
        return apart and abs(self.factor - 1) > NOISE


def changes(old: Results, new: Results, ratios: bool) -> Iterator[Change]:
    """Each measure that stands in both: ratios, or everything else that has a unit."""
    for part in new.parts:
        before = old.part(part.name)
        for measure in part.measures:
            known = before.of(measure.row, measure.column) if before else None
            if known is not None and measure.unit and (measure.unit == RATIO) == ratios:
                yield Change(part.name, known, measure)


def told(old: Results, new: Results) -> str:
    """What moved, as Markdown; times only where both runs are of one machine and one size."""
    lines = [_kind("ratios", list(changes(old, new, ratios=True)))]
    if old.machine == new.machine and old.size == new.size:
        lines.append(_kind("times and sizes", list(changes(old, new, ratios=False))))
    else:
        lines.append("Times and sizes are not compared: the machines or the sizes of the runs differ.\n")
    return "\n".join(lines)


def _kind(name: str, found: list[Change]) -> str:
    moved = [change for change in found if change.moved]
    text = f"Of {len(found)} {name}, {len(moved)} moved beyond the noise"
    if not moved:
        return text + ".\n"
    rows = ["| part | what | before | now | now ÷ before |", "|---|---|--:|--:|--:|"]
    for change in sorted(moved, key=lambda one: -abs(one.factor - 1)):
        what = f"{change.new.row}: {change.new.column}"
        rows.append(
            f"| {change.part} | {what} | {shown(change.old)} | {shown(change.new)} | {change.factor:.2f} |"
        )
    return text + ":\n\n" + "\n".join(rows) + "\n"
