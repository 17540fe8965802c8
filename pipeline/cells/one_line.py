"""Tables that stand in one line: 表四, whose rows and columns are both headers across the page.

Here: finding the header, the line of figures below it, and each figure's place by the headers above
or by count. Not here: weighing of readings (tables).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

from pipeline.cells.identities import Key
from pipeline.cells.labels import SURE, best_line
from pipeline.cells.numbers import is_figure, is_value, parse_value
from pipeline.cells.placing import LINE, Placed, Placing, as_counted, figures_only
from pipeline.cells.rows import MAX_LABEL, distinct, matrix
from pipeline.form.folding import fold, label_key
from pipeline.form.model import Table
from pipeline.reading.document import Cell, Grid


@dataclass(frozen=True, slots=True)
class Found:
    """The table's header was found; ``placing`` is None where no figure stands under it.

    ``at``: the row of the grid, or the block of the stream, where the figures stand.
    """

    state: Literal["figures", "blank", "header_only"]
    placing: Placing | None
    figures: int = 0
    at: int = 0


def printed_keys(table: Table) -> list[Key]:
    """The cells in printed order: the columns under each row's heading."""
    return [(row.code, column.code) for row in table.rows for column in table.columns]


def one_line_in_grid(grid: Grid, table: Table, year: Callable[[], int | None] | None = None) -> list[Found]:
    """Readings of the table in a grid: by the header cells above, by count. Empty where it is not there.

    Of several lines of figures the one is read that names the report's ``year`` before them, else the first.
    """
    places = matrix(grid)
    header = [r for r, row in enumerate(places) if _result_labels(row, table) >= 3]
    if not header:
        return []
    first = header[0]
    while first > 0 and any(_forum(c, table) for c in distinct(places[first - 1])):
        first -= 1
    last = header[-1]
    zone = places[first : last + 1]
    by_column = _columns(_spread(zone, table) if grid.layout == "fields" else zone, table)
    complete = set(by_column.values()) == set(printed_keys(table))
    # Where every column is named, what stands beside the header belongs to another table.
    span = range(min(by_column), max(by_column) + 1) if complete else range(grid.column_count)
    below: list[list[Cell]] = []
    for r in range(last + 1, len(places)):
        cells = [c for c in distinct(places[r][x] for x in span) if c.row == r]
        words = sum(1 for c in cells if c.text.strip() and not is_value(c.text))
        if words and words * 2 > sum(1 for c in cells if c.text.strip()) - 1:
            break
        if cells:
            below.append(cells)
    filled = [row for row in below if any(c.text.strip() for c in row)]
    if not filled:
        return [Found("blank" if below else "header_only", None)]
    line = _own_line(filled, places, year() if year is not None and len(filled) > 1 else None)
    figures = sum(1 for c in line if c.text.strip())
    readings: list[Found] = []
    keys = printed_keys(table)
    if complete:
        placing = Placing("header", [])
        for cell in line:
            covered = {
                by_column[x] for x in range(cell.column, cell.column + cell.column_span) if x in by_column
            }
            if (
                len(covered) == 1
                and (key := covered.pop())
                and (key not in placing.cells or cell.text.strip())
            ):
                if key in placing.cells and placing.cells[key].text.strip():
                    break
                _put(placing, table, key, cell)
            elif cell.text.strip():
                break
        else:
            if len(placing.cells) == len(keys):
                readings.append(Found("figures", placing, figures, line[0].row))
    header_texts = [c.text for row in places[first : last + 1] for c in distinct(row)]
    readings += _counted(line, table, header_texts)
    if len(filled) > 1:
        for found in readings:
            if found.placing is not None:
                found.placing.remarks[LINE] = f"{len(filled)} lines of figures stand under the header"
    return readings


def _own_line(
    lines: Sequence[list[Cell]], places: Sequence[Sequence[Cell | None]], year: int | None
) -> list[Cell]:
    """The line before whose figures the report's year stands, where one alone has it; else the first."""
    named = [
        line
        for line in lines
        if any(str(year) in fold(c.text) for c in distinct(places[line[0].row]) if not is_figure(c.text))
    ]
    return named[0] if year is not None and len(named) == 1 else lines[0]


def _counted(line: Sequence[Cell], table: Table, header: Sequence[str]) -> list[Found]:
    """Readings by count; ``header`` are the texts above, in reading order."""
    keys = _keys_in_order(header, table)
    figures = sum(1 for c in line if c.text.strip())
    found = []
    for way, trim in (("counted", as_counted), ("figures", figures_only)):
        placing = Placing(way, [])
        values = trim(line, len(keys))
        if values is None:
            placing.open_rows[LINE] = [c for c in line if c.text.strip()]
        else:
            for key, cell in zip(keys, values, strict=True):
                _put(placing, table, key, cell)
        found.append(Found("figures", placing, figures, line[0].row))
    return found


def _keys_in_order(header: Sequence[str], table: Table) -> list[Key]:
    """The cells in the order of the printed header, where it names every result for every forum in turn."""
    keys = printed_keys(table)
    named = [best_line(text, table, "columns", table.columns) for text in header]
    codes = [line.code for line, score in named if line is not None and score >= SURE]
    count = len(table.columns)
    if len(codes) != len(keys):
        return keys
    blocks = [codes[i : i + count] for i in range(0, len(codes), count)]
    if any(sorted(block) != sorted(c.code for c in table.columns) for block in blocks):
        return keys
    return [(key[0], code) for key, code in zip(keys, codes, strict=True)]


def _put(placing: Placing, table: Table, key: Key, cell: Cell) -> None:
    column = table.column(key[1])
    value = parse_value(cell.text, column.number, column.unit)
    placing.cells[key] = Placed(value, cell.text, cell.locator, cell.confidence, cell.alternatives)


def _result_labels(row: Sequence[Cell | None], table: Table) -> int:
    return sum(1 for c in distinct(row) if best_line(c.text, table, "columns", table.columns)[1] >= SURE)


def _forum(cell: Cell, table: Table) -> bool:
    words = label_key(cell.text).words
    return any(words == label_key(label).words for line in table.rows for label in line.path)


def _spread(zone: Sequence[Sequence[Cell | None]], table: Table) -> list[list[Cell | None]]:
    """A header of fields with each forum over the empty fields behind it, as its merged cell stood."""
    spread: list[list[Cell | None]] = []
    for row in zone:
        places, carried = list(row), None
        if any(_forum(c, table) for c in distinct(row)):
            for x, cell in enumerate(row):
                if cell is not None and cell.text.strip():
                    carried = cell if _forum(cell, table) else None
                elif carried is not None:
                    places[x] = carried
        spread.append(places)
    return spread


def _columns(zone: Sequence[Sequence[Cell | None]], table: Table) -> dict[int, Key]:
    """The form's cell that each grid column stands for, by the headers stacked above."""
    found: dict[int, Key] = {}
    for x in range(len(zone[0])):
        stack = [c for c in distinct(row[x] for row in zone) if c.text.strip()]
        row = column = None
        for cell in stack:
            line, score = best_line(cell.text, table, "rows", table.rows)
            if line is not None and score >= SURE:
                row = line.code
            line, score = best_line(cell.text, table, "columns", table.columns)
            if line is not None and score >= SURE:
                column = line.code
        if row and column:
            found[x] = (row, column)
    return found


def one_line_in_stream(items: Sequence[Cell], table: Table) -> list[list[Found]]:
    """Readings of each print of the table in a stream of short texts: the header's words, then figures.

    The words are counted in the run of labels as a whole, since a header may be cut into single
    characters; results that alternate with single figures are read as pairs.
    """
    labels: list[str] = []
    pairs: list[tuple[str, Cell]] = []
    runs: list[tuple[list[str], list[Cell]]] = []
    values: list[Cell] = []

    def close() -> None:
        if values:
            runs.append((labels[-80:], values))
            if len(values) == 1 and labels:
                pairs.append((labels[-1], values[0]))

    blanks, header = 0, False
    for item in items:
        if not item.text.strip():
            blanks += 1
        elif is_value(item.text) and len(item.text) <= 30:
            values.append(item)
        else:
            header = header or (blanks >= len(printed_keys(table)) and _has_header(labels, table))
            close()
            blanks = 0
            if values or len(item.text) > MAX_LABEL:
                labels, values = [], []
            if len(item.text) <= MAX_LABEL:
                labels.append(item.text)
    close()
    prints = [_counted(run, table, texts) for texts, run in runs if _has_header(texts, table)]
    if prints:
        return prints
    found = _pairs(pairs, table)
    if found:
        return [found]
    if header or (blanks >= len(printed_keys(table)) and _has_header(labels, table)):
        return [[Found("blank", None)]]
    seen = [t.text for t in items if t.text.strip() and len(t.text) <= MAX_LABEL]
    return [[Found("header_only", None)]] if _has_header(seen, table) else []


def _has_header(texts: Sequence[str], table: Table) -> bool:
    """Every result's label stands as often as there are forums, as items or cut into pieces."""
    forums = len(table.rows)
    together = label_key("".join(texts)).words
    counts = dict.fromkeys((c.code for c in table.columns), 0)
    for text in texts:
        line, score = best_line(text, table, "columns", table.columns)
        if line is not None and score >= SURE:
            counts[line.code] += 1
    return all(max(counts[c.code], together.count(label_key(c.label).words)) >= forums for c in table.columns)


def _pairs(pairs: Sequence[tuple[str, Cell]], table: Table) -> list[Found]:
    """Fifteen results in the form's order, each followed by its one figure."""
    keys = printed_keys(table)
    codes = []
    for label, _ in pairs:
        line, score = best_line(label, table, "columns", table.columns)
        codes.append(line.code if line is not None and score >= SURE else "")
    wanted = [column for _, column in keys]
    for start in range(len(codes) - len(wanted) + 1):
        if codes[start : start + len(wanted)] == wanted:
            placing = Placing("pairs", [])
            for key, (_, cell) in zip(keys, pairs[start:], strict=False):
                _put(placing, table, key, cell)
            return [Found("figures", placing, len(keys))]
    return []
