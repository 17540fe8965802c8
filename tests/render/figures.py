"""Figures for a report: one for each cell of a form, so that every identity of the form closes.

Here: seeded figures of four sizes. Not here: how they are printed (layout) or spoilt (deviations).
"""

from __future__ import annotations

import random
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Literal

from pipeline.form import CellSpec, forms

Size = Literal["zero", "small", "large", "huge"]
SIZES: tuple[Size, ...] = ("zero", "small", "large", "huge")
# The forms with crossed tables, which this folder renders.
VERSIONS = tuple(
    version for version, form in forms().items() if any(table.layout == "crossed" for table in form.tables)
)
# table, row, column, by the codes of the form
Key = tuple[str, str, str]

# For each size: how often a cell of outcome x applicant is above zero, and up to what.
_SPREAD: dict[Size, tuple[float, int]] = {
    "zero": (0.0, 0),
    "small": (0.12, 6),
    "large": (0.55, 180),
    "huge": (0.9, 4200),
}


@dataclass(frozen=True)
class Figures:
    """The figures of one report by cell, in the units of the form."""

    form: str
    values: Mapping[Key, Decimal]

    def __getitem__(self, key: Key) -> Decimal:
        return self.values[key]


def make_figures(seed: int, form: str = "2021", size: Size = "small") -> Figures:
    """Draw figures for every cell of a form.

    Args:
        seed: the same seed, form and size always give the same figures.
        form: the form's version, ``2019`` or ``2021``.
        size: ``zero`` (nothing happened) to ``huge`` (a province's counts, five digits and more).
    Returns:
        A figure for each printed cell; all identities of the form hold.
    """
    rng = random.Random(f"{seed}/{form}/{size}")
    values: dict[Key, Decimal] = {}
    values |= _disclosure(rng, form, size)
    values |= _requests(rng, form, size)
    values |= _disputes(rng, form, size)
    return Figures(form, values)


def following(previous: Figures, seed: int, size: Size = "small") -> Figures:
    """Figures of the same agency's next report: what is carried over and in force follows on.

    Same form as ``previous``; the identities across years hold besides those within the year.
    """
    values = dict(make_figures(seed, previous.form, size).values)
    columns = [
        column.code for column in forms()[previous.form].table("requests").columns if not column.is_group
    ]
    for column in columns:
        if column == "total":
            continue
        carried = previous["requests", "carried_out", column]
        lacking = (
            carried - values["requests", "outcome_total", column] - values["requests", "carried_out", column]
        )
        if lacking > 0:
            values["requests", "granted", column] += lacking
            values["requests", "outcome_total", column] += lacking
        handled = values["requests", "outcome_total", column] + values["requests", "carried_out", column]
        values["requests", "carried_in", column] = carried
        values["requests", "received", column] = handled - carried
    for row in {key[1] for key in values if key[0] == "requests"}:
        parts = [values["requests", row, column] for column in columns if column != "total"]
        values["requests", row, "total"] = sum(parts, Decimal(0))
    for row in ("regulations", "normative_documents"):
        if ("disclosure", row, "in_force") in values:
            before = previous["disclosure", row, "in_force"]
            gone = min(values["disclosure", row, "repealed"], before)
            values["disclosure", row, "repealed"] = gone
            values["disclosure", row, "in_force"] = before + values["disclosure", row, "issued"] - gone
    return Figures(previous.form, values)


def _draw(rng: random.Random, size: Size, scale: float = 1.0, often: float = 1.0) -> int:
    share, top = _SPREAD[size]
    if rng.random() >= share * often:
        return 0
    # Most figures are far below the largest, as in real reports.
    return max(1, round(top * scale * rng.random() ** 3))


def _amount(rng: random.Random, size: Size) -> Decimal:
    """An amount with no to four decimals; offices print all of these."""
    whole = _draw(rng, "huge" if size == "huge" else size, 1.5)
    places = rng.choice((0, 1, 2, 3, 4))
    if size == "zero" or not places:
        return Decimal(whole)
    return Decimal(whole) + Decimal(rng.randrange(1, 10**places)) / 10**places


def _disclosure(rng: random.Random, form: str, size: Size) -> dict[Key, Decimal]:
    cells = forms()[form].table("disclosure").cells
    rows: dict[str, dict[str, CellSpec]] = {}
    for cell in cells:
        rows.setdefault(cell.row, {})[cell.column] = cell
    values: dict[Key, Decimal] = {}
    for row, specs in rows.items():
        drawn: dict[str, Decimal] = {}
        for column, spec in specs.items():
            if spec.number == "amount":
                drawn[column] = _amount(rng, size)
            elif spec.number == "signed":
                before = int(drawn.get("items_previous_year", Decimal(0)))
                up = rng.random() < 0.5
                drawn[column] = Decimal(_draw(rng, size, 0.3) if up else -rng.randint(0, before))
            else:
                scale = 0.02 if row == "regulations" else 8.0 if column == "decisions" else 0.6
                drawn[column] = Decimal(_draw(rng, size, scale))
        values |= {("disclosure", row, column): value for column, value in drawn.items()}
    return values


def _requests(rng: random.Random, form: str, size: Size) -> dict[Key, Decimal]:
    table = forms()[form].table("requests")
    rows = [line.code for line in table.rows if not line.is_group]
    ends = {"received", "carried_in", "outcome_total", "carried_out"}
    outcomes = [row for row in rows if row not in ends]
    applicants = [column.code for column in table.columns if column.code != "total"]
    counts: dict[tuple[str, str], int] = {}
    # In small reports whole columns are zero; in large ones a shift by a column must show.
    rare = (0.06, 0.08 if size == "small" else 0.45)
    for applicant in applicants:
        # People ask most; research institutions and the like hardly ever.
        scale, often = {"natural_person": (1.0, 1.6), "enterprise": (0.35, 0.7)}.get(applicant, rare)
        for outcome in outcomes:
            counts[outcome, applicant] = _draw(rng, size, scale, often)
        handled = sum(counts[outcome, applicant] for outcome in outcomes)
        left = _draw(rng, size, scale * 0.2, often)
        counts["outcome_total", applicant] = handled
        counts["carried_out", applicant] = left
        counts["carried_in", applicant] = min(_draw(rng, size, scale * 0.2, often), handled + left)
        counts["received", applicant] = handled + left - counts["carried_in", applicant]
    for row in rows:
        counts[row, "total"] = sum(counts[row, applicant] for applicant in applicants)
    return {("requests", row, column): Decimal(count) for (row, column), count in counts.items()}


def _disputes(rng: random.Random, form: str, size: Size) -> dict[Key, Decimal]:
    table = forms()[form].table("disputes")
    values: dict[Key, Decimal] = {}
    for row in table.rows:
        parts = {c.code: _draw(rng, size, 0.3) for c in table.columns if c.code != "total"}
        parts["total"] = sum(parts.values())
        values |= {("disputes", row.code, column): Decimal(count) for column, count in parts.items()}
    return values
