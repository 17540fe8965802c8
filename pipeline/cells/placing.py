"""Which column of the form each value of a matched row belongs to.

Several ways of placing are tried on the same rows; each gives a Placing: certain cells, and rows
left open because they print fewer or more values than the form has columns. Which Placing is
believed is decided in tables.py by the identities. Never by order alone where counts differ.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cache, lru_cache

from pipeline.cells.identities import Key
from pipeline.cells.labels import SURE, best_line
from pipeline.cells.matching import Match
from pipeline.cells.numbers import Value, parse_value
from pipeline.cells.rows import PrintedRow, distinct, matrix
from pipeline.form.folding import fold
from pipeline.form.lookups import lookups
from pipeline.form.model import Line, NumberKind, Table
from pipeline.reading.document import Cell, Grid

HIDDEN_POINT = 0.6
"""Confidence at most of an amount that may have lost its point in the picture."""
_POINT = re.compile(r"(?<=\d)\.(?=\d)")
LINE = "line"
"""The name of the one printed row of 表四 in ``Placing.open_rows``, and of a table's remarks as a whole."""


@dataclass(frozen=True, slots=True)
class Placed:
    """A printed cell in its place on the form."""

    value: Value
    text: str
    locator: str
    confidence: float
    alternatives: tuple[str, ...] = ()
    """Other texts that recognition held possible, for a cell of a picture."""


@dataclass(slots=True)
class Placing:
    """One reading of a table: certain cells, rows whose values have no certain column, remarks."""

    way: str
    matches: list[Match]
    cells: dict[Key, Placed] = field(default_factory=dict)
    open_rows: dict[str, list[Cell]] = field(default_factory=dict)
    header_units: dict[str, str] = field(default_factory=dict)
    remarks: dict[str, str] = field(default_factory=dict)


HeaderMap = dict[str, frozenset[int]]
"""Column code → the grid columns under its header."""


def place_by_header(
    grids: Mapping[int, Grid], matches: Sequence[Match], table: Table, texts: Sequence[str]
) -> Placing:
    """Columns by the header cells above each row: for grids whose positions can be trusted."""
    placing = Placing("header", list(matches), header_units=header_units(texts, table))
    header, foreign = HeaderMap(), frozenset[int]()
    header_block, header_width = -1, -1
    before: dict[int, int] = {}
    laid_out = {source: matrix(grids[source]) for source in {m.row.source for m in matches}}
    for match in matches:
        row = match.row
        grid = grids[row.source]
        columns = table.columns_of(match.line)
        places = laid_out[row.source]
        zone = _zone(row, before.get(row.source, -1))
        before[row.source] = row.index
        header_rows = [places[r] for r in zone]
        found = _read_header(header_rows, columns, table)
        if len(found) * 2 >= len(columns) and found:
            header, header_block, header_width = found, match.line.block, grid.column_count
            foreign = _foreign_columns(header_rows, header, row)
        elif header_block != match.line.block or header_width != grid.column_count:
            header, header_block, header_width = {}, match.line.block, grid.column_count
            foreign = frozenset()
        if len(header) < len(columns):
            # No whole header stands over the row: it is read by count, in the order of the heads.
            columns = tuple(_in_printed_order(placing, columns, texts, table))
        _place_row(placing, match, row, places, columns, header, foreign)
    return placing


def _zone(row: PrintedRow, previous: int) -> range:
    """The rows between the matched row before and this one: a header, if there is one."""
    return range(previous + 1, row.index)


def _read_header(zone: Sequence[Sequence[Cell | None]], columns: Sequence[Line], table: Table) -> HeaderMap:
    """Header cells of a zone by the column of the form that they name; a word may be cut over rows."""
    if not zone:
        return {}
    best: dict[str, tuple[float, set[int], Cell]] = {}
    for x in range(len(zone[0])):
        stack = [c for c in distinct([r[x] for r in zone]) if c.text.strip()]
        line, score, anchor = None, 0.0, None
        for depth in range(1, min(len(stack), 4) + 1):
            text = "".join(c.text for c in stack[-depth:])
            candidate, points = best_line(text, table, "columns", columns)
            if candidate is not None and points > score:
                line, score, anchor = candidate, points, stack[-1]
        if line is None or anchor is None or score < SURE:
            continue
        known = best.get(line.code)
        if known is None or (score > known[0] and known[2] is not anchor):
            best[line.code] = (score, {x}, anchor)
        elif known[2] is anchor:
            known[1].add(x)
        elif score == known[0]:
            # Two headers of the same words: their columns cannot be told apart by words.
            best[line.code] = (score, known[1] | {-1}, known[2])
    return {code: frozenset(xs) for code, (_, xs, _) in best.items() if -1 not in xs}


def _foreign_columns(
    zone: Sequence[Sequence[Cell | None]], header: HeaderMap, row: PrintedRow
) -> frozenset[int]:
    """Grid columns behind the labels whose own header is none of the form's: a local extra column.

    A header that also stands over columns of the form is a heading, not a column's own.
    """
    known = {x for xs in header.values() for x in xs}
    first = min(known, default=0)
    found = set()
    for x in range(first, len(zone[0]) if zone else 0):
        stack = [c for c in distinct(r[x] for r in zone) if c.text.strip()]
        if x not in known and stack:
            own = stack[-1]
            if not known.intersection(range(own.column, own.column + own.column_span)):
                found.add(x)
    return frozenset(found)


def header_units(texts: Sequence[str], table: Table) -> dict[str, str]:
    """Money units that headers print, by column: ``采购总金额(万元)``, or the unit on a line of its own."""
    units: dict[str, str] = {}
    money = [c for c in table.columns if c.unit in lookups().values.money]
    if not money:
        return {}
    for before, text in zip(("", *texts), texts, strict=False):
        unit = _money_unit(text)
        if not unit:
            continue
        for words in (text, before + text):
            line, score = best_line(words, table, "columns", money)
            if line is not None and score >= SURE:
                units.setdefault(line.code, unit)
    return units


@lru_cache(maxsize=8192)
def _money_unit(text: str) -> str:
    match = _money_pattern().search(re.sub(r"\s", "", fold(text)))
    return match[1] if match else ""


@cache
def _money_pattern() -> re.Pattern[str]:
    money = sorted(lookups().values.money, key=len, reverse=True)
    return re.compile(rf"\((?:单位[:：]?)?({'|'.join(map(re.escape, money))})\)")


def _place_row(
    placing: Placing,
    match: Match,
    row: PrintedRow,
    places: list[list[Cell | None]],
    columns: Sequence[Line],
    header: HeaderMap,
    foreign: frozenset[int],
) -> None:
    code = match.line.code
    values = list(row.values)
    figures = [c for c in values if c.text.strip()]
    if len(header) == len(columns):
        taken: dict[str, list[Cell]] = {}
        under: dict[int, list[str]] = {}
        for column in columns:
            here = [
                c for c in distinct(places[row.index][x] for x in sorted(header[column.code])) if c in values
            ]
            taken[column.code] = here
            for cell in here:
                under.setdefault(id(cell), []).append(column.code)
        shared = [c for c in figures if len(under.get(id(c), ())) > 1]
        stray = [c for c in figures if id(c) not in under and c.column not in foreign]
        if not shared and not stray and all(taken.values()):
            for column in columns:
                _put(placing, code, column, taken[column.code])
            return
    if len(values) == len(columns) and _consistent(values, columns, header):
        for column, cell in zip(columns, values, strict=True):
            _put(placing, code, column, [cell])
    elif len(figures) == len(columns):
        for column, cell in zip(columns, figures, strict=True):
            _put(placing, code, column, [cell])
    elif not figures and values:
        for column in columns:
            _put(placing, code, column, [replace(row.labels[-1], text="")])
    else:
        # Too few, too many or no cells at all: the grid lost or gained some.
        placing.open_rows[code] = figures


def _consistent(values: Sequence[Cell], columns: Sequence[Line], header: HeaderMap) -> bool:
    """Whether taking the values in order agrees with the headers that were read."""
    return all(
        column.code not in header or cell.column in header[column.code]
        for column, cell in zip(columns, values, strict=True)
    )


def _put(placing: Placing, row: str, column: Line, cells: Sequence[Cell]) -> None:
    filled = [c for c in cells if c.text.strip()] or list(cells[:1])
    text = " ".join(c.text for c in filled)
    value = parse_value(text, column.number, column.unit, placing.header_units.get(column.code, ""))
    others = filled[0].alternatives if len(filled) == 1 else ()
    placing.cells[row, column.code] = Placed(
        value, text, filled[0].locator, min(trust(c, column.number) for c in filled), others
    )


def trust(cell: Cell, number: NumberKind) -> float:
    """How far a cell's text is to be trusted as such a figure.

    An amount in which a picture may hide the point is only believed where something confirms it: the
    point that was not seen makes it a hundred or a thousand times as large.
    """
    if number == "amount" and any(_POINT.sub("", other) == cell.text for other in cell.alternatives):
        return min(cell.confidence, HIDDEN_POINT)
    return cell.confidence


Trim = Callable[[Sequence[Cell], int], list[Cell] | None]


def place_in_order(
    way: str,
    trim: Trim,
    matches: Sequence[Match],
    table: Table,
    texts: Sequence[str],
    leads: str | None = None,
) -> Placing:
    """Columns by count: rows whose values, after ``trim``, are as many as the form's columns.

    ``texts`` are the source's short texts in reading order, for headers in another order than the form's;
    the column ``leads`` is taken to stand before all others.
    """
    placing = Placing(way, list(matches), header_units=header_units(texts, table))
    orders: dict[int, list[Line]] = {}
    for match in matches:
        block = match.line.block
        if block not in orders:
            order = _in_printed_order(placing, table.columns_of(match.line), texts, table)
            orders[block] = sorted(order, key=lambda column: column.code != leads)
        columns = orders[block]
        values = trim(match.row.values, len(columns))
        if values is not None:
            for column, cell in zip(columns, values, strict=True):
                _put(placing, match.line.code, column, [cell])
        elif any(c.text.strip() for c in match.row.values):
            placing.open_rows[match.line.code] = [c for c in match.row.values if c.text.strip()]
        else:
            for column in columns:
                _put(placing, match.line.code, column, [replace(match.row.labels[-1], text="")])
    return placing


def _in_printed_order(
    placing: Placing, columns: Sequence[Line], texts: Sequence[str], table: Table
) -> list[Line]:
    """``printed_order``, with a remark where it is not the form's."""
    order = printed_order(columns, texts, table)
    if order != list(columns):
        placing.remarks[LINE] = "the columns are read in the order of their printed heads, not the form's"
    return order


def leads_in_print(code: str, texts: Sequence[str], table: Table) -> bool:
    """Whether the source gives this column's header before the others, in print or in reading order."""
    for text in texts:
        line, score = best_line(text, table, "columns", table.columns)
        if line is not None and score >= SURE:
            return line.code == code
    return False


def printed_order(columns: Sequence[Line], texts: Sequence[str], table: Table) -> list[Line]:
    """The columns in the order in which the source prints their headers.

    Only columns under one heading change places: a reading order may put 总计 before 自然人, which
    says nothing about the figures. Of several texts like a header the likest counts: 其他组织 may be
    the heading over 其他; of several as like, the one beside the other headers: 3.其他 is also a row.
    """
    likest: dict[str, tuple[float, list[int]]] = {}
    for at, text in enumerate(texts):
        line, score = best_line(text, table, "columns", columns)
        if line is None or score < SURE:
            continue
        best, places = likest.setdefault(line.code, (score, []))
        if score > best:
            likest[line.code] = (score, [at])
        elif score == best:
            places.append(at)
    seen = _together({code: places for code, (_, places) in likest.items()})
    ordered = list(columns)
    for heading in {line.path[:-1] for line in columns}:
        places = [i for i, line in enumerate(columns) if line.path[:-1] == heading]
        group = [columns[i] for i in places]
        if heading or len(group) == len(columns):
            if all(line.code in seen for line in group):
                group.sort(key=lambda line: seen[line.code])
            for i, line in zip(places, group, strict=True):
                ordered[i] = line
    return ordered


def _together(places: Mapping[str, Sequence[int]]) -> dict[str, int]:
    """One place for each header so that all stand within the fewest texts; the first such window."""
    marks = sorted((at, code) for code, found in places.items() for at in found)
    window: dict[str, int] = {}
    best: dict[str, int] = {}
    for at, code in marks:
        window.pop(code, None)
        window[code] = at
        if len(window) == len(places) and (not best or _span(window) < _span(best)):
            best = dict(window)
    return best


def _span(window: Mapping[str, int]) -> int:
    return max(window.values()) - min(window.values())


def exactly(values: Sequence[Cell], count: int) -> list[Cell] | None:
    """The values as they stand where they are as many as the columns, else the filled ones."""
    return list(values) if len(values) == count else figures_only(values, count)


def as_counted(values: Sequence[Cell], count: int) -> list[Cell] | None:
    """The values as they stand: empty fields behind (else before) them are fillers of a span."""
    kept = list(values)
    while len(kept) > count and not kept[-1].text.strip():
        kept.pop()
    while len(kept) > count and not kept[0].text.strip():
        kept.pop(0)
    return kept if len(kept) == count else figures_only(values, count)


def figures_only(values: Sequence[Cell], count: int) -> list[Cell] | None:
    """The filled values, where they are as many as the columns; empty fields say nothing."""
    kept = [c for c in values if c.text.strip()]
    return kept if len(kept) == count else None
