"""From a chosen reading to facts: every printed cell with its figure, status and place, and the notes.

Here: statuses, derived figures, table states, messages that name rows and columns by their official
labels. Not here: choosing (tables) or checks over the published facts (checks/).
"""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal

from pipeline.cells.identities import Key
from pipeline.cells.placing import LINE, Placed
from pipeline.cells.report import Fact, FactStatus, Note, TableReading, TableState
from pipeline.cells.solving import Reading, believed, confirmed, deduced
from pipeline.form.model import Table, forms


def finish(reading: Reading) -> TableReading:
    """Facts, state and notes of a chosen reading."""
    table = reading.table
    if reading.state in ("header_only", "blank"):
        facts = tuple(_blank_facts(reading)) if reading.state == "blank" else ()
        state: TableState = "blank" if reading.state == "blank" else "header_only"
        return TableReading(table.code, state, _version(reading), facts, log=tuple(reading.log))
    derived = deduced(reading)
    facts = tuple(_facts(reading, derived))
    return TableReading(
        table.code,
        _state(reading, facts),
        _version(reading),
        facts,
        tuple(_notes(reading, facts)),
        tuple(reading.log),
    )


def _version(reading: Reading) -> str | None:
    """The printed form, where this table tells: 表二 by its headers, 表三 by its rows, 表四 never.

    The oldest form that has every row printed here; 表三 is read with the newest form's rows, which
    hold the older ones' as groups printed as one row.
    """
    if reading.table.code == "disclosure":
        return reading.form
    if reading.table.layout == "one_line":
        return None
    rows = {key[0] for key in (*reading.printed, *reading.moved, *reading.forced, *reading.unknown)}
    fitting = [
        version
        for version, form in forms().items()
        for table in form.tables
        if table.code == reading.table.code
        and rows <= {line.code for line in table.rows if not line.is_group}
    ]
    return fitting[0] if fitting else reading.form


def _blank_facts(reading: Reading) -> Iterator[Fact]:
    place = reading.locators.get("table", "")
    for spec in reading.table.cells:
        yield Fact(reading.table.code, spec.row, spec.column, None, None, "blank", "", place)


def _facts(reading: Reading, derived: dict[Key, Decimal]) -> Iterator[Fact]:
    table = reading.table
    sure = confirmed(reading)
    order = {line.code: i for i, line in enumerate(table.rows)}
    columns = {line.code: i for i, line in enumerate(table.columns)}
    keys = {*reading.printed, *reading.moved, *reading.forced, *reading.unknown}
    for key in sorted(keys, key=lambda k: (order[k[0]], columns[k[1]])):
        if key in reading.printed or key in reading.moved:
            placed = reading.printed.get(key) or reading.moved[key]
            status = _status(placed, key, key in reading.moved, sure)
            value = placed.value.number if status in ("reported", "realigned") else None
            other = None if value is not None else derived.get(key)
            yield Fact(
                table.code,
                *key,
                _number(value),
                _number(other),
                status,
                placed.text,
                placed.locator,
                placed.confidence,
            )
        else:
            figure = reading.forced.get(key, derived.get(key))
            place = reading.locators.get(key[0], "")
            yield Fact(table.code, *key, None, _number(figure), "lost", "", place)


def _status(placed: Placed, key: Key, moved: bool, sure: frozenset[Key]) -> FactStatus:
    status = placed.value.status
    if status == "text":
        return "illegible"
    if status == "reported":
        if not believed(placed, key, sure):
            return "illegible"
        return "realigned" if moved else "reported"
    return status


def _number(value: Decimal | None) -> float | None:
    return None if value is None else float(value)


def _state(reading: Reading, facts: tuple[Fact, ...]) -> TableState:
    if facts and all(f.status in ("blank", "not_applicable") for f in facts) and not reading.missing_rows:
        return "blank"
    gone = [f for f in facts if f.status in ("lost", "illegible") and f.best_value is None]
    if gone or reading.missing_rows:
        return "partial"
    return "complete"


def name_row(table: Table, code: str) -> str:
    """A row by its official label, under the table's title."""
    return f"《{table.title}》{table.row(code).label}"


def name_cell(table: Table, row: str, column: str) -> str:
    """A cell by its official labels."""
    return f"{name_row(table, row)} × {table.column(column).label}"


def _notes(reading: Reading, facts: tuple[Fact, ...]) -> Iterator[Note]:
    table = reading.table
    code = f"lost_cells.{table.code}"
    for row, (figures, cells) in reading.lost_rows.items():
        name = f"《{table.title}》" if row == LINE else name_row(table, row)
        mine = [f for f in facts if row in (LINE, f.row)]
        open_cells = [f for f in mine if f.best_value is None]
        lost = [table.column(f.column).label for f in mine if f.status == "lost"]
        outcome = (
            "the identities leave no single reading, the row's figures are left out"
            if open_cells
            else "the identities leave one reading"
        )
        detail = f"; no printed figure for {'、'.join(dict.fromkeys(lost))}" if lost else ""
        yield Note(
            code,
            row,
            "warn",
            f"{name} prints {figures} figures where the form has {cells}: {outcome}{detail}",
        )
    for row in reading.missing_rows:
        yield Note(code, row, "warn", f"{name_row(table, row)}: the row was not found")
    for row, remark in reading.remarks.items():
        name = f"《{table.title}》" if row == LINE else name_row(table, row)
        yield Note(f"reading.{table.code}", row, "warn", f"{name}: {remark}")
    doubtful = {
        k: p
        for k, p in (*reading.printed.items(), *reading.moved.items())
        if p.value.doubt and p.value.number is not None
    }
    closed = {key for o in reading.outcomes if o.closes and not o.open_cells for _, key in o.equation.members}
    for key, placed in doubtful.items():
        if key not in closed:
            yield Note(
                f"reading.{table.code}",
                f"{key[0]}.{key[1]}",
                "warn",
                f"{name_cell(table, *key)}: read from {placed.text!r} ({placed.value.doubt}), "
                "and no identity confirms it",
            )
    for fact in facts:
        if fact.status == "illegible":
            name = name_cell(table, fact.row, fact.column)
            yield Note(
                f"reading.{table.code}",
                f"{fact.row}.{fact.column}",
                "warn",
                f"{name}: {fact.raw_text!r} is no figure that can be trusted",
            )
