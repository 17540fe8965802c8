"""Measured values as they are kept: a measure with all its repetitions, parts of the suite, a whole run.

Here: the dataclasses, their JSON, a value as text. Not here: measuring, or the page.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median

from pydantic import TypeAdapter

from pipeline.files import write_whole

RATIO = "×"
"""The unit of a ratio of two measures of the same run."""
_DIGITS = 4

Fact = str | int | float
"""What measures are of: a number of files, a version."""


@dataclass(frozen=True, slots=True)
class Measure:
    """One thing measured again and again: a row and a column of its part's table, a value a repetition."""

    row: str
    column: str
    unit: str
    values: tuple[float, ...]

    @property
    def median(self) -> float:
        """The middle value."""
        return median(self.values)

    @property
    def low(self) -> float:
        """The lowest value."""
        return min(self.values)

    @property
    def high(self) -> float:
        """The highest value."""
        return max(self.values)


def measured(row: str, column: str, unit: str, values: Iterable[float]) -> Measure:
    """A measure, its values cut to the digits that mean something."""
    return Measure(row, column, unit, tuple(float(f"{value:.{_DIGITS}g}") for value in values))


@dataclass(frozen=True, slots=True)
class Part:
    """One part of the suite.

    ``facts``: what the measures are of, by name. ``notes``: whole sentences on what was left out.
    ``load``: the machine's load average when the part began and ended. ``seconds``: what it took.
    """

    name: str
    measures: tuple[Measure, ...]
    facts: Mapping[str, Fact] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    seconds: float = 0
    load: tuple[float, float] = (0, 0)

    def of(self, row: str, column: str) -> Measure | None:
        """The measure of a row and a column, where there is one."""
        return next((m for m in self.measures if (m.row, m.column) == (row, column)), None)


@dataclass(frozen=True, slots=True)
class Results:
    """A run of the suite: its size, command and moment (UTC), where it ran, its parts in order."""

    size: str
    command: str
    started: str
    machine: Mapping[str, str]
    versions: Mapping[str, str]
    parts: tuple[Part, ...]

    def part(self, name: str) -> Part | None:
        """A part by name, where it was measured."""
        return next((part for part in self.parts if part.name == name), None)


_JSON: TypeAdapter[Results] = TypeAdapter(Results)


def load(path: Path) -> Results:
    """The results of a file.

    Raises:
        OSError, ValueError: it cannot be read, or holds something else.
    """
    return _JSON.validate_json(path.read_bytes())


def save(results: Results, path: Path) -> None:
    """Write the results, whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    write_whole(path, _JSON.dump_json(results, indent=1).decode() + "\n")


def shown(measure: Measure) -> str:
    """The median with its unit, and the range of its repetitions."""
    unit = measure.unit if measure.unit in ("", RATIO) else f" {measure.unit}"
    text = f"{digits(measure.median)}{unit}"
    if len(measure.values) > 1:
        text += f" ({digits(measure.low)}–{digits(measure.high)})"
    return text


def digits(value: float) -> str:
    """Three digits that mean something, thousands apart."""
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"
