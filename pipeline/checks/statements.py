"""What figures of the text are stated, and what each of them may mean in the tables.

Here: fact_narrative by measure and body, the allowed readings of a measure as sums of cells.
Not here: whether the figures agree (narrative.py, narrative_itself.py).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from itertools import product

import polars as pl

from pipeline import frames
from pipeline.cells.report import Severity
from pipeline.checks.figures import label, taken, title
from pipeline.checks.rules import MEASURE, Cell, Readings, known_cells, rules

_TERM = re.compile(r"\s*([+-]?)\s*([a-z0-9_{}]+)\.([a-z0-9_{}]+)")


@dataclass(frozen=True)
class Reading:
    """One thing that a stated figure may mean: a sum of cells with their signs."""

    terms: tuple[tuple[int, Cell], ...]
    above_zero: bool = False

    @property
    def said(self) -> str:
        """The sum in the form's labels."""
        words = [
            ("− " if sign < 0 else "+ ") + label(row, column, table)
            for sign, (table, row, column) in self.terms
        ]
        return " ".join(words).removeprefix("+ ")


@dataclass(frozen=True)
class Meaning:
    """All allowed readings of a measure, the plainest first, and how bad it is if none fits."""

    readings: tuple[Reading, ...]
    severity: Severity

    @property
    def table(self) -> str:
        """The table that the readings are in."""
        return self.readings[0].terms[0][1][0]

    @property
    def is_amount(self) -> bool:
        """Whether it is money, which texts round."""
        return any(known_cells()[cell].number == "amount" for r in self.readings for _, cell in r.terms)


@cache
def meaning(measure: str) -> Meaning | None:
    """The allowed readings of a measure, merged ones included; None where no table has its figure.

    Args:
        measure: a dotted code without the body (``@…``); ``+`` joins what is counted together.
    """
    for rule in rules().narrative.readings:
        if rule.measure == measure:
            return _of_rule(rule, {})
    table, *words = measure.split(".")
    if table not in frames.FACTS:
        return None
    singles = [
        _single(".".join((table, *chosen))) for chosen in product(*(word.split("+") for word in words))
    ]
    if len(singles) == 1:
        return singles[0]
    known = [one for one in singles if one is not None]
    if len(known) < len(singles):
        return None
    plainest = zip(*([r for r in one.readings if not r.above_zero] for one in known), strict=False)
    summed = [Reading(tuple(term for reading in some for term in reading.terms)) for some in plainest]
    severity: Severity = "info" if any(one.severity == "info" for one in known) else known[0].severity
    return Meaning(tuple(summed), severity) if summed else None


def _single(measure: str) -> Meaning | None:
    for rule in rules().narrative.readings:
        bound = _bind(rule.measure, measure)
        if bound is not None:
            return _of_rule(rule, bound)
    return None


def _bind(pattern: str, measure: str) -> dict[str, str] | None:
    """What the names in braces stand for in a measure; None where it is another."""
    wanted, given = pattern.split("."), measure.split(".")
    if len(wanted) != len(given) or wanted[0] != given[0]:
        return None
    bound: dict[str, str] = {}
    for one, code in zip(wanted, given, strict=True):
        if not one.startswith("{"):
            if one != code:
                return None
            continue
        if not _members(given[0], one.strip("{}"), code):
            return None
        bound[one] = code
    return bound


def _members(table: str, dimension: str, code: str) -> tuple[str, ...]:
    """The rows or columns that a code stands for; empty where it is none of that dimension."""
    at = frames.dimensions(table).index(dimension)
    lines = {cell[at] for cell in frames.cells_of(table)}
    several = rules().narrative.together.get(table, {}).get(code, ())
    return (code,) if code in lines else several if set(several) <= lines else ()


def _of_rule(rule: Readings, bound: Mapping[str, str]) -> Meaning | None:
    table = rule.measure.split(".")[0]
    found = []
    for some, above_zero in ((rule.says, False), (rule.above_zero, True)):
        for says in some:
            terms = _terms(table, says, bound)
            if terms:
                found.append(Reading(terms, above_zero))
    severity = rule.severity or rules().checks[MEASURE].severity
    return Meaning(tuple(found), severity) if found else None


def _terms(table: str, says: str, bound: Mapping[str, str]) -> tuple[tuple[int, Cell], ...]:
    """The cells of a sum; empty where the form has no such cell (another block's, say)."""
    for name, code in bound.items():
        says = says.replace(name, code)
    row_dimension, column_dimension = frames.dimensions(table)
    found: list[tuple[int, Cell]] = []
    for sign, row, column in _TERM.findall(says):
        for r, c in product(_members(table, row_dimension, row), _members(table, column_dimension, column)):
            if (table, r, c) not in known_cells():
                return ()
            found.append((-1 if sign == "-" else 1, (table, r, c)))
    return tuple(found)


def measure_label(measure: str) -> str:
    """A measure by the form's labels where a table has it, else its code."""
    found = meaning(measure)
    return f"{title(found.table)}{found.readings[0].said}" if found else measure


def statements(tables: Mapping[str, pl.DataFrame]) -> pl.DataFrame:
    """The stated figures: statement (number), report_id, measure, base (without the body), body, value,
    qualifier, excerpt, and ``region``: whether the report is of a region, whose bodies the text may name.
    """
    rule = rules().narrative
    agencies = taken(tables, "dim_agency").select("agency_id", "kind")
    reports = (
        taken(tables, "dim_report")
        .join(agencies.unique("agency_id", keep="first"), on="agency_id", how="left")
        .select(
            "report_id",
            region=pl.col("kind").is_in(rule.regions).fill_null(False)
            | (pl.col("scope") == "aggregate").fill_null(False),
        )
    )
    parts = pl.col("measure").str.split_exact("@", 1).struct
    return (
        taken(tables, "fact_narrative")
        .select("report_id", "measure", "value", "qualifier", "excerpt")
        .join(reports, on="report_id", how="inner", maintain_order="left")
        .with_row_index("statement")
        .with_columns(base=parts.field("field_0"), body=parts.field("field_1"))
    )


def is_whole(body: pl.Expr) -> pl.Expr:
    """Whether a body is the whole region by its name."""
    return body.str.contains(rules().narrative.whole).fill_null(False)


def is_own(body: pl.Expr) -> pl.Expr:
    """Whether a body is the region's own government or its office by its name."""
    return ~is_whole(body) & body.str.contains(rules().narrative.own_body).fill_null(False)
