"""One candidate reading of one table: its cells, what the identities say of it, and what it costs.

Here: Reading, open rows aligned by the identities, what is confirmed or deduced, the choice of the
cheapest. Not here: where readings come from (tables) or what becomes of them (facts).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from decimal import Decimal

from pipeline.cells.alignment import align_rows
from pipeline.cells.identities import Equation, Key, Outcome, deduce, equations, evaluate
from pipeline.cells.labels import ends_in_figure
from pipeline.cells.numbers import parse_value
from pipeline.cells.one_line import printed_keys
from pipeline.cells.placing import LINE, Placed, Placing
from pipeline.form.model import Table
from pipeline.reading.document import Cell

SHAKY = 40.0
"""What a broken identity costs a shaky reading: rather leave the cells out."""
SURE_READING = 0.9
"""Engine confidence from which a cell needs no identity to be believed."""


@dataclass(slots=True)
class Reading:
    """One candidate reading of one table, solved and evaluated.

    ``printed``: cells with a certain place; ``moved``: cells placed by the identities;
    ``forced``: lost cells of which the identities leave one figure; ``unknown``: lost cells
    without. ``missing_rows``: rows of the form that are not printed.
    """

    table: Table
    form: str
    source: str
    way: str
    state: str
    printed: dict[Key, Placed] = field(default_factory=dict)
    moved: dict[Key, Placed] = field(default_factory=dict)
    forced: dict[Key, Decimal] = field(default_factory=dict)
    unknown: list[Key] = field(default_factory=list)
    lost_rows: dict[str, tuple[int, int]] = field(default_factory=dict)
    missing_rows: list[str] = field(default_factory=list)
    outcomes: list[Outcome] = field(default_factory=list)
    remarks: dict[str, str] = field(default_factory=dict)
    log: list[str] = field(default_factory=list)
    locators: dict[str, str] = field(default_factory=dict)
    shaky: bool = False
    """Whether empty fields, whose place nothing confirms, decided where figures stand."""

    @property
    def broken(self) -> int:
        """Identities that fail."""
        return sum(1 for o in self.outcomes if o.closes is False)

    @property
    def has_figures(self) -> bool:
        """Whether any cell holds a figure; one without is believed only where no other finds any."""
        return any(p.value.number is not None for p in (*self.printed.values(), *self.moved.values()))

    @property
    def against(self) -> float:
        """What speaks against the reading's figures: broken identities, cells unknown or missing."""
        per_row = len(self.table.columns) if self.table.layout == "crossed" else 5
        return (
            (SHAKY if self.shaky else 2.0) * self.broken
            + len(self.unknown)
            + per_row * len(self.missing_rows)
            + (0.0 if self.has_figures else 0.5)
        )

    @property
    def cost(self) -> float:
        """What speaks against the reading, and a little for what had to be done to get it."""
        return self.against + 0.01 * (len(self.moved) + len(self.forced)) + 0.02 * len(self.remarks)

    def figure(self, key: Key) -> Decimal | None:
        """The best figure of a cell in this reading."""
        for cells in (self.printed, self.moved):
            if key in cells:
                return cells[key].value.number
        return self.forced.get(key)


def best_of(readings: Sequence[Reading]) -> Reading | None:
    """The cheapest reading, with a log of all; earlier ones win ties.

    Where no more speaks against another reading and it gives a cell another figure, the chosen one
    carries a remark.
    """
    if not readings:
        return None
    best = min(readings, key=lambda r: r.cost)
    for reading in readings:
        mark = "chosen" if reading is best else "set aside"
        best.log.append(
            f"{reading.source}, columns by {reading.way}: {len(reading.printed)} cells, "
            f"{reading.broken} identities broken, {len(reading.unknown)} cells unknown, "
            f"{len(reading.missing_rows)} rows missing: {mark}"
        )
        if reading is not best and reading.against <= best.against and reading.form == best.form:
            for key in best.printed:
                other = reading.figure(key)
                if key in reading.printed and other != best.figure(key) and other is not None:
                    best.remarks.setdefault(
                        key[0], f"another reading ({reading.source}, {reading.way}) gives other figures"
                    )
    return best


def solve(placing: Placing, table: Table, form: str, source: str, way: str) -> Reading:
    """A placing with its open rows aligned by the identities, missing rows counted, identities evaluated."""
    reading = Reading(table, form, source, way, "figures", printed=dict(placing.cells))
    reading.remarks.update(placing.remarks)
    if table.layout == "one_line" and not placing.matches:
        rows = {line.code for line in table.rows}
        row_keys = {LINE: printed_keys(table)}
    else:
        rows = {m.line.code for m in placing.matches}
        row_keys = {
            m.line.code: [(m.line.code, c.code) for c in table.columns_of(m.line)] for m in placing.matches
        }
        for match in placing.matches:
            reading.locators[match.line.code] = match.row.labels[-1].locator
            label, filled = match.row.labels[-1].text, [v for v in match.row.values if v.text.strip()]
            if ends_in_figure(label) and len(filled) < len(table.columns_of(match.line)):
                reading.remarks[match.line.code] = (
                    f"the label {label.strip()!r} ends in digits and a cell is empty: they may be its figure"
                )
            if match.by_place:
                reading.remarks[match.line.code] = (
                    f"the label {match.row.labels[-1].text.strip()!r} is none of the form; taken by its place"
                )
    for line in table.rows:
        group = next((g for g in table.rows if line.code in g.parts), None)
        as_group = group is not None and group.code in rows
        if not line.is_group and line.code not in rows and not as_group:
            reading.missing_rows.append(line.code)
    # A group printed as one row stands for its parts.
    system = equations(table, frozenset(rows))
    known = {key: placed.value.number for key, placed in reading.printed.items()}
    _align(placing, row_keys, known, system, reading)
    values = {key: reading.figure(key) for keys in row_keys.values() for key in keys}
    blanks = frozenset(k for k, p in reading.printed.items() if p.value.status in ("blank", "not_applicable"))
    reading.outcomes = evaluate(system, values, blanks)
    return reading


def _align(
    placing: Placing,
    row_keys: dict[str, list[Key]],
    known: dict[Key, Decimal | None],
    system: tuple[Equation, ...],
    reading: Reading,
) -> None:
    tokens: dict[str, tuple[list[int], list[Key]]] = {}
    for row, cells in placing.open_rows.items():
        keys = row_keys[row]
        reading.lost_rows[row] = (len(cells), len(keys))
        numbers = [_whole(cell) for cell in cells]
        if not system or any(n is None for n in numbers):
            reading.unknown += keys
            continue
        tokens[row] = ([n for n in numbers if n is not None], keys)
    if not tokens:
        return
    alignment = align_rows(tokens, known, system)
    for row, (_, keys) in tokens.items():
        for key in keys:
            if key in alignment.printed:
                cell = placing.open_rows[row][alignment.printed[key]]
                column = reading.table.column(key[1])
                value = parse_value(cell.text, column.number, column.unit)
                reading.moved[key] = Placed(value, cell.text, cell.locator, cell.confidence)
            elif key in alignment.figures:
                reading.forced[key] = Decimal(alignment.figures[key])
            else:
                reading.unknown.append(key)
    reading.log.append(
        f"{len(tokens)} rows aligned by the identities, {alignment.violations} of them broken all the same"
    )


def _whole(cell: Cell) -> int | None:
    if cell.confidence < SURE_READING:
        # What was hardly recognised cannot tell where other figures belong.
        return None
    value = parse_value(cell.text)
    if value.status == "not_applicable":
        return 0
    if value.number is None or value.number < 0:
        return None
    return int(value.number)


def confirmed(reading: Reading) -> frozenset[Key]:
    """Cells of identities that close over printed figures alone."""
    found: set[Key] = set()
    for outcome in reading.outcomes:
        if outcome.closes and not outcome.open_cells:
            keys = {key for _, key in outcome.equation.members}
            if keys <= reading.printed.keys():
                found |= keys
    return frozenset(found)


def believed(placed: Placed, key: Key, sure: frozenset[Key]) -> bool:
    """Whether a printed figure is taken: recognised with confidence, or confirmed by an identity."""
    return placed.confidence >= SURE_READING or key in sure


def deduced(reading: Reading) -> dict[Key, Decimal]:
    """Figures that the identities leave for cells printed without one, or with one not believed."""
    rows = frozenset(key[0] for key in (*reading.printed, *reading.moved, *reading.forced))
    system = equations(reading.table, rows)
    sure = confirmed(reading)
    values: dict[Key, Decimal | None] = {
        k: p.value.number if believed(p, k, sure) and not (p.value.doubt and k not in sure) else None
        for k, p in reading.printed.items()
    }
    values.update({k: p.value.number for k, p in reading.moved.items() if not p.value.doubt})
    values.update(reading.forced)
    open_cells = frozenset(
        k
        for k, p in (*reading.printed.items(), *reading.moved.items())
        if p.value.status in ("blank", "not_applicable")
        or not believed(p, k, sure)
        or (p.value.status == "illegible" and p.value.doubt)
    ) | frozenset(reading.unknown)
    return deduce(system, values, open_cells)
