"""The checks beyond the in-table identities as frozen dataclasses, loaded from ``rules.yaml``.

Here: the shape of the rules, their loader with clear faults, cells resolved against the forms.
Not here: how a rule is checked (the families), or the identities (the form files).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import field
from functools import cache
from pathlib import Path
from typing import Annotated, Literal

from pydantic import ConfigDict, Field, StringConstraints
from pydantic.dataclasses import dataclass

from pipeline import frames
from pipeline.cells.report import Qualifier, Severity
from pipeline.form.model import CellSpec, NumberKind, forms
from pipeline.form.strict import load_strict

HERE = Path(__file__).parent
_STRICT = ConfigDict(extra="forbid")
Code = Annotated[str, StringConstraints(pattern=r"^[a-z_]+\.[a-z_]+$")]
Words = Annotated[str, StringConstraints(min_length=1)]
NotNegative = Annotated[float, Field(ge=0)]
Test = Literal["above", "below", "not_whole", "jump", "ratio", "equals"]
Cell = tuple[str, str, str]
"""Table, row and column, by the codes of the form."""

MEASURE = "narrative.measure"
"""The rule of every ``narrative.<measure>``."""


class RulesFault(ValueError):
    """A rules file that cannot be used; the message names the file and the place."""


@dataclass(frozen=True, config=_STRICT)
class Check:
    """One check: how bad a failure is, what difference is none, and why it is checked."""

    severity: Severity
    reason: Words
    tolerance: NotNegative = 0.0


@dataclass(frozen=True, config=_STRICT)
class Room:
    """How far a table's figure may lie under and over a stated one: a share of it, or ``least``."""

    under: NotNegative
    over: NotNegative
    least: NotNegative


@dataclass(frozen=True, config=_STRICT)
class Readings:
    """What a stated figure may mean, as sums of ``row.column``; see the notes in the file."""

    measure: Words
    says: tuple[Words, ...]
    above_zero: tuple[Words, ...] = ()
    severity: Severity | None = None


@dataclass(frozen=True, config=_STRICT)
class Parts:
    """Measures that add up to others, within the text."""

    scope: Words
    parts: tuple[Words, ...]
    wholes: tuple[Words, ...]
    beside: str | None = None
    closed_by: str | None = None
    added: str | None = None


@dataclass(frozen=True, config=_STRICT)
class Balance:
    """The measures of received + carried_in = handled + carried_out, as the text states them."""

    received: str
    carried_in: str
    handled: str
    carried_out: str


@dataclass(frozen=True, config=_STRICT)
class NarrativeRules:
    """How the text is held against the tables and against itself."""

    qualifiers: dict[Qualifier, Room]
    amounts: Room
    together: dict[str, dict[str, tuple[str, ...]]]
    readings: tuple[Readings, ...]
    own_body: str
    own_words: str
    whole: str
    regions: tuple[str, ...]
    parts: tuple[Parts, ...]
    often_repeated: str
    balance: Balance


@dataclass(frozen=True, config=_STRICT)
class Agencies:
    """Agencies of these kinds and levels; an empty list takes all."""

    kinds: tuple[str, ...] = ()
    levels: tuple[str, ...] = ()


@dataclass(frozen=True, config=_STRICT)
class Plausible:
    """One rule of plausibility; see the notes in the file."""

    code: Code
    severity: Severity
    test: Test
    reason: Words
    cells: tuple[Words, ...] = ()
    of: tuple[Words, ...] = ()
    rows: tuple[str, ...] = ()
    numbers: tuple[NumberKind, ...] = ()
    limit: float = 0.0
    factor: Annotated[float, Field(gt=1)] | None = None
    up_to: Annotated[float, Field(gt=1)] | None = None
    at_least: NotNegative = 0.0
    nonzero: str | None = None
    agencies: tuple[Agencies, ...] = ()
    also: str = ""


@dataclass(frozen=True, config=_STRICT)
class Heading:
    """A conflict about agency or year that reading notes; ``known`` is what must be known to assess it."""

    known: Literal["report_year", "agency_id"]
    reason: Words


@dataclass(frozen=True, config=_STRICT)
class Rollup:
    """Which figures of an aggregate are held against its parts, and who is no part."""

    not_parts: tuple[str, ...]
    not_if_aggregate: tuple[str, ...]
    cells: dict[Code, tuple[Words, ...]]
    narrative: tuple[Words, ...]


@dataclass(frozen=True, config=_STRICT)
class Documents:
    """How further files of a report are told of."""

    named: Annotated[int, Field(ge=1)]


@dataclass(frozen=True, config=_STRICT)
class Rules:
    """All that ``rules.yaml`` says."""

    checks: dict[Code, Check]
    narrative: NarrativeRules
    rollup: Rollup
    documents: Documents
    headings: dict[Code, Heading]
    plausibility: tuple[Plausible, ...] = field(default=())

    @property
    def codes(self) -> frozenset[str]:
        """Every code that the rules name."""
        return frozenset(self.checks) | {rule.code for rule in self.plausibility}


_CELL = re.compile(r"^([a-z_]+)\.([a-z0-9_]+|\*)\.([a-z0-9_]+|\*)$")


@cache
def known_cells() -> dict[Cell, CellSpec]:
    """Every cell that some form prints, groups included, with what kind of figure it takes."""
    return {
        (table, row, column): spec
        for table in frames.FACTS
        for (row, column), spec in frames.cells_of(table).items()
    }


def cells_like(patterns: Iterable[str]) -> tuple[Cell, ...]:
    """The form's cells that ``table.row.column`` patterns name, in the form's order.

    Raises:
        RulesFault: a pattern is none, or names no cell of any form.
    """
    found: dict[Cell, None] = {}
    for pattern in patterns:
        match = _CELL.match(pattern)
        if match is None:
            raise RulesFault(f"{pattern!r} is no table.row.column")
        wanted = match.groups()
        some = [c for c in known_cells() if all(w in ("*", h) for w, h in zip(wanted, c, strict=True))]
        if not some:
            raise RulesFault(f"{pattern!r} is no cell of any form")
        found.update(dict.fromkeys(some))
    return tuple(found)


def load_rules(path: Path) -> Rules:
    """Read a rules file.

    Raises:
        RulesFault: naming the file and the place of each fault.
    """
    found = load_strict(path, Rules, RulesFault)
    for place, fault in _faults(found):
        raise RulesFault(f"{path.name}: {place}: {fault}")
    return found


_NEEDS_FACTOR: tuple[Test, ...] = ("jump", "ratio")
_NEEDS_OF: tuple[Test, ...] = ("ratio", "equals")
_TOLD = (
    MEASURE,
    "narrative.parts",
    "narrative.self_contradiction",
    "duplicate.report",
    "conflict.documents",
    "rollup.narrative",
)


def _faults(rules: Rules) -> Iterator[tuple[str, str]]:
    """Faults that types alone do not show: checks without a rule, cells that no form prints."""
    across = [i.code for form in forms().values() for t in form.tables for i in t.across_years]
    for code in (*_TOLD, *across, *rules.rollup.cells):
        if code not in rules.checks:
            yield "checks", f"{code!r} is missing"
    for number, rule in enumerate(rules.plausibility):
        place = f"plausibility.{number} ({rule.code})"
        if rule.code in rules.checks:
            yield place, "the code stands in checks too"
        if not rule.code.startswith("plausibility."):
            yield place, "the code must begin with plausibility."
        if bool(rule.cells) == bool(rule.numbers):
            yield place, "give either cells or numbers"
        if rule.test in _NEEDS_FACTOR and rule.factor is None:
            yield place, f"the test {rule.test} needs a factor"
        if (rule.test in _NEEDS_OF) != bool(rule.of):
            yield place, f"`of` is for the tests {', '.join(_NEEDS_OF)}"
        try:
            for row in rule.rows or ("*",):
                named = (*rule.cells, *rule.of, *((rule.nonzero,) if rule.nonzero else ()))
                cells_like(cell.replace("{row}", row) for cell in named)
        except RulesFault as fault:
            yield place, str(fault)
    for code, patterns in rules.rollup.cells.items():
        try:
            cells_like(patterns)
        except RulesFault as fault:
            yield f"rollup.cells.{code}", str(fault)
    for table, names in rules.narrative.together.items():
        if table not in frames.FACTS:
            yield "narrative.together", f"{table!r} is no table of the form"
            continue
        lines = {line for row, column in frames.cells_of(table) for line in (row, column)}
        for name, members in names.items():
            for member in members:
                if member not in lines:
                    yield f"narrative.together.{table}.{name}", f"{member!r} is no row or column"
    for name in ("own_body", "own_words", "whole", "often_repeated"):
        try:
            re.compile(getattr(rules.narrative, name))
        except re.error as error:
            yield f"narrative.{name}", f"not a regular expression: {error}"
    if set(rules.narrative.qualifiers) != {"exact", "at_least", "about"}:
        yield "narrative.qualifiers", "exact, at_least and about are needed"


@cache
def rules() -> Rules:
    """The rules that ship with the pipeline."""
    return load_rules(HERE / "rules.yaml")
