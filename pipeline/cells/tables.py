"""Weigh the candidate readings of each table and choose.

A candidate is a source (grids with their spans, grids as fields, transposed grids, the stream of
texts) with a way of placing. The form weighs them: cells left unknown and identities broken cost;
the cheapest wins and the reasons are kept. Not here: how cells are found (rows, matching, placing,
one_line) or what becomes of them (facts).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from itertools import chain

from pipeline.cells.alignment import align_rows
from pipeline.cells.identities import Key, Outcome, deduce, equations, evaluate
from pipeline.cells.labels import SURE, best_line, ends_in_figure, likenesses
from pipeline.cells.matching import Match, contradicted, match_rows
from pipeline.cells.numbers import parse_value
from pipeline.cells.one_line import LINE, Found, one_line_in_grid, one_line_in_stream, printed_keys
from pipeline.cells.placing import (
    Placed,
    Placing,
    as_counted,
    exactly,
    figures_only,
    place_by_header,
    place_in_order,
)
from pipeline.cells.rows import (
    MAX_LABEL,
    PrintedRow,
    grid_rows,
    joined,
    stream_items,
    stream_rows,
    transposed,
)
from pipeline.form.model import Form, Table, forms
from pipeline.reading.document import Cell, Document, Grid

SHAKY = 40.0
"""What a broken identity costs a shaky reading: rather leave the cells out."""
SURE_READING = 0.9
"""Engine confidence from which a cell needs no identity to be believed."""
ENOUGH_ROWS = 2
"""Rows of the form that must be there by their words before a grid is taken for a table."""


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
    def cost(self) -> float:
        """What speaks against the reading: broken identities, cells unknown or missing, cells moved."""
        per_row = len(self.table.columns) if self.table.layout == "crossed" else 5
        return (
            (SHAKY if self.shaky else 2.0) * self.broken
            + len(self.unknown)
            + per_row * len(self.missing_rows)
            + 0.01 * (len(self.moved) + len(self.forced))
            + 0.02 * len(self.remarks)
            + (0.0 if self.has_figures else 0.5)
        )

    def figure(self, key: Key) -> Decimal | None:
        """The best figure of a cell in this reading."""
        for cells in (self.printed, self.moved):
            if key in cells:
                return cells[key].value.number
        return self.forced.get(key)


@dataclass(frozen=True, slots=True)
class Source:
    """Printed rows of a document seen in one way."""

    name: str
    rows: tuple[PrintedRow, ...]
    grids: dict[int, Grid]
    items: tuple[Cell, ...] = ()


def read_tables(document: Document) -> dict[str, Reading | None]:
    """The best reading of each table of the form; None where the document does not print it."""
    sources = _sources(document)
    newest = list(forms().values())[-1]
    chosen: dict[str, Reading | None] = {}
    for table in newest.tables:
        chosen[table.code] = best_of(list(_candidates(document, sources, table.code)))
    return chosen


def best_of(readings: Sequence[Reading]) -> Reading | None:
    """The cheapest reading, with a log of all; earlier ones win ties.

    Where another reading is as cheap and gives a cell another figure, the chosen one carries a remark.
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
        if reading is not best and reading.cost <= best.cost + 0.005 and reading.form == best.form:
            for key in best.printed:
                other = reading.figure(key)
                if key in reading.printed and other != best.figure(key) and other is not None:
                    best.remarks.setdefault(
                        key[0], f"another reading ({reading.source}, {reading.way}) gives other figures"
                    )
    return best


def _sources(document: Document) -> list[Source]:
    grids = {i: b for i, b in enumerate(document.blocks) if isinstance(b, Grid)}
    found = []
    if grids:
        rows = tuple(row for i, g in grids.items() for row in grid_rows(g, i))
        found.append(Source("grid", rows, grids))
        turned = {i: transposed(g) for i, g in grids.items() if g.layout == "spans"}
        if turned:
            rows = tuple(row for i, g in turned.items() for row in grid_rows(g, i))
            found.append(Source("transposed grid", rows, turned))
    items = tuple(stream_items(document))
    found.append(Source("stream", tuple(stream_rows(items)), {}, items))
    return found


def _candidates(document: Document, sources: Sequence[Source], code: str) -> Iterator[Reading]:
    """Readings in the order of trust; stops after one against which nothing speaks."""
    for source in sources:
        if source.name == "transposed grid" and code == "disclosure":
            continue
        for form in _likely_forms(source, code):
            table = form.table(code)
            read = _one_line_readings if table.layout == "one_line" else _crossed_readings
            clean = False
            for reading in read(source, table, form.form):
                yield reading
                clean = clean or reading.cost < 0.02
            if clean:
                return


def _likely_forms(source: Source, code: str) -> list[Form]:
    """Forms by how many of their column and row labels the source prints, likeliest first; ties: all."""
    versions = [f for f in forms().values() if any(t.code == code for t in f.tables)]
    if code != "disclosure":
        return versions[-1:]
    texts = [c.text for c in source.items if len(c.text) < 40]
    texts += [c.text for g in source.grids.values() for c in g.cells if len(c.text) < 40]
    scored = []
    for form in versions:
        table = form.table(code)
        seen = set()
        for text in dict.fromkeys(texts):
            for side, lines in (("columns", table.columns), ("rows", table.rows)):
                line, score = best_line(text, table, side, lines)  # type: ignore[arg-type]
                if line is not None and score >= 0.95:
                    seen.add((side, line.code))
        total = len({line.code for line in (*table.columns, *table.rows)})
        scored.append((len(seen), len(seen) / total, form))
    top = max(s[:2] for s in scored)
    return [form for count, share, form in scored if (count, share) == top]


def _instances(source: Source, table: Table) -> list[list[Match]]:
    """The matched rows of each print of the table in the source.

    One of the table's first two rows standing again, with values, begins another print.
    """
    first = table.rows[:2]
    groups: list[list[PrintedRow]] = [[]]
    seen: set[str] = set()
    for row in source.rows:
        if row.labels and any(v.text.strip() for v in row.values):
            like = likenesses(row.labels[-1].text, table, "rows")
            code = next((line.code for line in first if like.get(line, 0.0) >= 0.95), None)
            if code is not None and code in seen:
                groups.append([])
                seen = set()
            if code is not None:
                seen.add(code)
        groups[-1].append(row)
    found = [match_rows(rows, table) for rows in groups]
    return [matches for matches in found if _enough(matches)]


def _enough(matches: Sequence[Match]) -> bool:
    return sum(1 for m in matches if m.score >= SURE) >= ENOUGH_ROWS


def _crossed_readings(source: Source, table: Table, form: str) -> Iterator[Reading]:
    instances = _instances(source, table)
    ways: list[tuple[str, Callable[[Sequence[Match]], Placing]]] = []
    layouts = {g.layout for g in source.grids.values()}
    cells = [c for g in source.grids.values() for c in sorted(g.cells, key=lambda c: (c.row, c.column))]
    texts = [c.text for c in cells or source.items if c.text.strip() and len(c.text) < MAX_LABEL]
    by_header = ("header", lambda m: place_by_header(source.grids, m, table, texts))
    trim = as_counted if layouts == {"fields"} else exactly
    counted = ("count", lambda m: place_in_order("count", trim, m, table, texts))
    figures = ("figures alone", lambda m: place_in_order("figures alone", figures_only, m, table, texts))
    if source.grids and source.name == "transposed grid":
        ways = [by_header]
    elif layouts == {"fields"}:
        ways = [counted, by_header, figures]
    elif source.grids:
        ways = [by_header, counted, figures]
    else:
        ways = [figures]
    if not instances:
        return
    # Of several prints the fullest is read, the first of those: never one row here, one row there.
    matches = max(instances, key=len)
    readings: Iterator[Reading] = (
        solve(place(matches), table, form, source.name, name) for name, place in ways
    )
    if not source.grids or layouts == {"fields"}:
        readings = chain(readings, _less_one_column(matches, table, form, source.name, texts))
    twice = contradicted(source.rows, matches, table)
    for reading in readings:
        if layouts == {"fields"}:
            _question_blanks(reading)
        for row in twice:
            reading.remarks[row] = "the row stands twice, with figures that are not the same"
        if len(instances) > 1:
            which = instances.index(matches) + 1
            reading.remarks[LINE] = (
                f"{len(instances)} prints of this table stand in the file; number {which} is read"
            )
        yield reading
        if reading.cost < 0.02 or (reading.cost < 0.5 and len(instances) > 1):
            break


def _less_one_column(
    matches: Sequence[Match], table: Table, form: str, source: str, texts: Sequence[str]
) -> Iterator[Reading]:
    """Where every row prints one figure more than the form has columns: each column may be the extra one.

    Of the choices that break the fewest identities, cells that they do not agree on stay unknown.
    """
    filled = [[v for v in m.row.values if v.text.strip()] for m in matches]
    width = {len(table.columns_of(m.line)) for m in matches}
    if len(width) != 1 or not all(len(v) == max(width) + 1 for v in filled):
        return
    readings = []
    for extra in range(max(width) + 1):

        def without(values: Sequence[Cell], count: int, extra: int = extra) -> list[Cell] | None:
            kept = [v for v in values if v.text.strip()]
            return kept[:extra] + kept[extra + 1 :]

        placing = place_in_order("count less a column", without, matches, table, texts)
        readings.append(solve(placing, table, form, source, f"count less column {extra + 1}"))
    fewest = min(r.broken for r in readings)
    best, *others = [r for r in readings if r.broken == fewest]
    for key in list(best.printed):
        if any(other.figure(key) != best.figure(key) for other in others):
            del best.printed[key]
            best.unknown.append(key)
            best.lost_rows[key[0]] = (max(width) + 1, max(width))
    yield best


def _question_blanks(reading: Reading) -> None:
    """Doubt empty fields that decided where figures stand, in files whose fields shift when one is lost."""
    blank = {k for k, p in reading.printed.items() if p.value.status == "blank"}
    reading.shaky = bool(blank and reading.table.identities)
    one_line = reading.table.layout == "one_line"
    rows: dict[str, list[Key]] = {}
    for key in reading.printed:
        rows.setdefault(LINE if one_line else key[0], []).append(key)
    for row, keys in rows.items():
        gone = [key for key in keys if key in blank]
        if len(gone) == len(keys) or row in reading.lost_rows:
            continue
        # Six figures and one empty field, or an empty field last: as likely a lost cell as a blank one.
        if len(gone) == 1 or (gone and keys[-1] in blank):
            reading.lost_rows[row] = (len(keys) - len(gone), len(keys))


def _one_line_readings(source: Source, table: Table, form: str) -> Iterator[Reading]:
    found: list[tuple[Found, str]] = []
    if source.grids:
        for index, grid in source.grids.items():
            mine = one_line_in_grid(grid, table)
            after = source.grids.get(index + 1)
            if after is not None and not any(f.placing for f in mine):
                # The header at the foot of a page, the figures on the next.
                mine = one_line_in_grid(joined(grid, after), table) or mine
            found += [(f, grid.locator) for f in mine]
    else:
        found += [(f, "") for f in one_line_in_stream(source.items, table)]
    for each, locator in found:
        if each.placing is None:
            yield Reading(table, form, source.name, "header", each.state, locators={"table": locator})
        else:
            reading = solve(each.placing, table, form, source.name, each.placing.way)
            if all(grid.layout == "fields" for grid in source.grids.values()):
                _question_blanks(reading)
            yield reading
    if source.grids and all(each.placing is None for each, _ in found):
        # A line for each forum, the results above: read like the other tables.
        yield from (r for r in _crossed_readings(source, table, form) if r.has_figures)


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
    system: tuple,  # type: ignore[type-arg]
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
        if p.value.status in ("blank", "not_applicable") or not believed(p, k, sure)
    ) | frozenset(reading.unknown)
    return deduce(system, values, open_cells)
