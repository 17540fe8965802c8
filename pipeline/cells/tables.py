"""Weigh the candidate readings of each table and choose.

A candidate is a source (grids with their spans, grids as fields, transposed grids, the stream of
texts) with a way of placing. The form weighs them: cells left unknown and identities broken cost;
the cheapest wins and the reasons are kept. Not here: how cells are found (rows, matching, placing,
one_line) or what becomes of them (facts).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from itertools import chain

from pipeline.cells.identities import Key, sum_column
from pipeline.cells.labels import SURE, best_line, likenesses
from pipeline.cells.matching import Match, contradicted, match_rows
from pipeline.cells.numbers import Value
from pipeline.cells.one_line import Found, one_line_in_grid, one_line_in_stream
from pipeline.cells.placing import (
    LINE,
    Placing,
    Trim,
    as_counted,
    exactly,
    figures_only,
    leads_in_print,
    place_by_header,
    place_in_order,
)
from pipeline.cells.prints import At, Surroundings
from pipeline.cells.rows import (
    MAX_LABEL,
    PrintedRow,
    grid_rows,
    joined,
    stream_items,
    stream_rows,
    transposed,
)
from pipeline.cells.solving import Reading, best_of, solve
from pipeline.form.model import Form, Table, forms
from pipeline.reading.document import Cell, Document, Grid

ENOUGH_ROWS = 2
"""Rows of the form that must be there by their words before a grid is taken for a table."""


@dataclass(frozen=True, slots=True)
class Source:
    """Printed rows of a document seen in one way."""

    name: str
    rows: tuple[PrintedRow, ...]
    grids: dict[int, Grid]
    items: tuple[Cell, ...] = ()


def _untold() -> int | None:
    return None


def read_tables(document: Document, year: Callable[[], int | None] = _untold) -> dict[str, Reading | None]:
    """The best reading of each table of the form; None where the document does not print it.

    ``year`` tells the year reported on, for files that print a table more than once.
    """
    sources = _sources(document)
    around = Surroundings(document, year)
    newest = list(forms().values())[-1]
    chosen: dict[str, Reading | None] = {}
    for table in newest.tables:
        chosen[table.code] = best_of(list(_candidates(around, sources, table.code)))
    return chosen


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


def _candidates(around: Surroundings, sources: Sequence[Source], code: str) -> Iterator[Reading]:
    """Readings in the order of trust; stops after one against which nothing speaks."""
    for source in sources:
        if source.name == "transposed grid" and code == "disclosure":
            continue
        for form in _likely_forms(source, code):
            table = form.table(code)
            read = _one_line_readings if table.layout == "one_line" else _crossed_readings
            clean = False
            for reading in read(around, source, table, form.form):
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

    One of the table's first two rows standing again, with values, begins another print, unless it
    follows itself: that is a row repeated.
    """
    first = table.rows[:2]
    groups: list[list[PrintedRow]] = [[]]
    seen: set[str] = set()
    last: str | None = None
    for row in source.rows:
        if row.labels and any(v.text.strip() for v in row.values):
            like = likenesses(row.labels[-1].text, table, "rows")
            code = next((line.code for line in first if like.get(line, 0.0) >= 0.95), None)
            if code is not None and code in seen and code != last:
                groups.append([])
                seen = set()
            if code is not None:
                seen.add(code)
            last = code
        groups[-1].append(row)
    found = [match_rows(rows, table) for rows in groups]
    return [matches for matches in found if _enough(matches)]


def _enough(matches: Sequence[Match]) -> bool:
    return sum(1 for m in matches if m.score >= SURE) >= ENOUGH_ROWS


def _crossed_readings(around: Surroundings, source: Source, table: Table, form: str) -> Iterator[Reading]:
    instances = _instances(source, table)
    if not instances:
        return
    # Of several prints one is read: never one row here, one row there.
    starts = [_start(matches[0].row) for matches in instances]
    chosen = around.own(table, starts, [len(matches) for matches in instances])
    matches = instances[chosen]
    layouts, texts = {g.layout for g in source.grids.values()}, _short_texts(source)
    ways = _ways(source, table, texts)
    twice = contradicted(source.rows, matches, table)
    again = [replace(m, row=twice.get(m.line.code, m.row)) for m in matches]

    def read(way: Way) -> Reading:
        name, place = way
        placing = _agreed(place(matches), place(again) if twice else None)
        return solve(placing, table, form, source.name, name)

    by_count = not source.grids or layouts == {"fields"}
    readings: Iterator[Reading] = map(read, ways)
    if by_count:
        readings = chain(readings, _less_one_column(matches, table, form, source.name, texts))
    fewest = None
    for reading in readings:
        if layouts == {"fields"}:
            _question_blanks(reading)
        for row in twice:
            reading.remarks[row] = "the row stands twice, with figures that are not the same"
        if len(instances) > 1:
            reading.remarks[LINE] = (
                f"{len(instances)} prints of this table stand in the file; number {chosen + 1} is read"
            )
        yield reading
        fewest = reading.broken if fewest is None else min(fewest, reading.broken)
        if reading.cost < 0.02 or (reading.cost < 0.5 and len(instances) > 1):
            break
    total = sum_column(table)
    if total is None or source.name == "transposed grid":
        return
    # Some offices print 总计 first; and some files give it first though it stands last. The figures tell:
    # all must have their place, and next to nothing be broken.
    if fewest or (by_count and leads_in_print(total, texts, table)):
        turned = read(_in_order("count, the total first", figures_only, table, texts, total))
        if not turned.lost_rows and turned.broken * 4 <= (fewest or 0):
            yield turned


def _start(row: PrintedRow) -> At:
    return (row.source, row.index) if row.source >= 0 else (row.labels[0].row, 0)


def _short_texts(source: Source) -> list[str]:
    cells = [c for g in source.grids.values() for c in sorted(g.cells, key=lambda c: (c.row, c.column))]
    return [c.text for c in cells or source.items if c.text.strip() and len(c.text) < MAX_LABEL]


Way = tuple[str, Callable[[Sequence[Match]], Placing]]


def _in_order(name: str, trim: Trim, table: Table, texts: Sequence[str], leads: str | None = None) -> Way:
    return (name, lambda matches: place_in_order(name, trim, matches, table, texts, leads))


def _ways(source: Source, table: Table, texts: Sequence[str]) -> list[Way]:
    """The ways of placing that a source allows, the surest first."""
    layouts = {g.layout for g in source.grids.values()}
    by_header: Way = ("header", lambda matches: place_by_header(source.grids, matches, table, texts))
    counted = _in_order("count", as_counted if layouts == {"fields"} else exactly, table, texts)
    figures = _in_order("figures alone", figures_only, table, texts)
    if not source.grids:
        return [figures]
    if source.name == "transposed grid":
        return [by_header]
    return [counted, by_header, figures] if layouts == {"fields"} else [by_header, counted, figures]


def _agreed(placing: Placing, again: Placing | None) -> Placing:
    """The placing with those cells illegible that a repeated row prints otherwise."""
    for key, other in again.cells.items() if again is not None else ():
        mine = placing.cells.get(key)
        if mine is not None and mine.value.number != other.value.number:
            unsure = Value("illegible", doubt="printed twice, not the same")
            placing.cells[key] = replace(mine, value=unsure, text=f"{mine.text} / {other.text}")
    return placing


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
    for row in _totals_moved(reading):
        keys = [key for key in reading.printed if key[0] == row]
        reading.lost_rows[row] = (len(keys) - 1, len(keys))
        reading.unknown += keys
        for key in keys:
            del reading.printed[key]


def _totals_moved(reading: Reading) -> list[str]:
    """Rows whose only empty field is 总计 and whose last figure is never less than all before it together.

    Where that holds of every such row, the last figure is most likely the total, and which cell fell out
    before it is not known. Rows of zeros say nothing.
    """
    total = sum_column(reading.table)
    if total is None:
        return []
    rows: dict[str, list[Decimal]] = {}
    for (row, column), placed in reading.printed.items():
        if column != total and placed.value.number is not None:
            rows.setdefault(row, []).append(placed.value.number)
    others = len(reading.table.columns) - 1
    told = {
        row: figures
        for row, figures in rows.items()
        if len(figures) == others
        and any(figures)
        and (empty := reading.printed.get((row, total))) is not None
        and empty.value.status == "blank"
    }
    moved = all(figures[-1] >= sum(figures[:-1]) for figures in told.values())
    return list(told) if moved else []


def _one_line_readings(around: Surroundings, source: Source, table: Table, form: str) -> Iterator[Reading]:
    prints: list[tuple[At, list[Found], str]] = []
    if source.grids:
        alone = {index: one_line_in_grid(grid, table, around.year) for index, grid in source.grids.items()}
        for index, grid in source.grids.items():
            mine, after = alone[index], source.grids.get(index + 1)
            if after is not None and not any(f.placing for f in (*mine, *alone[index + 1])):
                # The header at the foot of a page, the figures on the next.
                mine = one_line_in_grid(joined(grid, after), table, around.year) or mine
            prints += [((index, mine[0].at), mine, grid.locator)] if mine else []
    else:
        prints += [((mine[0].at, 0), mine, "") for mine in one_line_in_stream(source.items, table)]
    filled = [each for each in prints if each[1][0].placing is not None]
    for _, mine, locator in prints if not filled else ():
        for each in mine:
            yield Reading(table, form, source.name, "header", each.state, locators={"table": locator})
    if filled:
        sizes = [max(len(f.placing.cells) for f in mine if f.placing) for _, mine, _ in filled]
        # Rows that happen to follow like words are no print beside one whose every figure has a place.
        filled = [each for each, size in zip(filled, sizes, strict=True) if size or not any(sizes)]
        sizes = [size for size in sizes if size or not any(sizes)]
        chosen = around.own(table, [at for at, _, _ in filled], sizes)
        for each in filled[chosen][1]:
            if each.placing is None:
                continue
            reading = solve(each.placing, table, form, source.name, each.placing.way)
            if all(grid.layout == "fields" for grid in source.grids.values()):
                _question_blanks(reading)
            if len(filled) > 1:
                reading.remarks[LINE] = (
                    f"{len(filled)} prints of this table stand in the file; number {chosen + 1} is read"
                )
            yield reading
    if source.grids and not filled:
        # A line for each forum, the results above: read like the other tables.
        yield from (r for r in _crossed_readings(around, source, table, form) if r.has_figures)
