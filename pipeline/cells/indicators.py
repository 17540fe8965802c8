"""The list of indicators of the reports of 2014 to 2018: where it stands, its rows, the figure of each.

Here: label, unit and figure of each printed row in grids and in the stream of texts; which rows of the
form they are; which blocks of the document the list takes up. Not here: the crossed tables (tables),
the pairing itself (matching), statuses and messages (facts).
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cache, lru_cache

from pipeline.cells.labels import best_line, wordings
from pipeline.cells.matching import Match, match_rows
from pipeline.cells.numbers import Value, is_value, parse_value
from pipeline.cells.placing import LINE, Placed, Placing, trust
from pipeline.cells.rows import MAX_LABEL, MAX_OUTER, PrintedRow, distinct, matrix
from pipeline.cells.solving import Reading, best_of, solve
from pipeline.form.folding import fold, label_key
from pipeline.form.lookups import lookups
from pipeline.form.model import Line, Table, forms
from pipeline.reading.document import Cell, Document, Grid, Paragraph, recognised

ENOUGH_ROWS = 5
"""Rows that must be there by their exact words before the list is taken to be printed."""
SURE_ROW = 0.8
"""Score below which a row is left out: with so many labels alike it may be a local one."""
CLEAN = 0.5
"""Cost below which no other way of reading is tried."""
_FIGURE = r"[+\-−]?\d[\d,，.．]*"
_SHIFTED = "the row has another number of fields than the header"
_OTHER_PERIOD = "a header names another period, and the columns cannot be told apart"
_SEVERAL = "several columns of figures stand side by side, and no header tells which is the year's"


@dataclass(frozen=True, slots=True)
class _Row:
    """A printed row: its labels, the unit beside it, and the cells in which its figure may stand.

    ``cells`` is empty where none was printed. ``named`` tells whether the header above says which
    column is the year's; ``block`` is the place in the document.
    """

    labels: tuple[Cell, ...]
    unit: str
    cells: tuple[Cell, ...]
    named: bool
    block: int
    group: int = 0
    doubt: str = ""


@dataclass(frozen=True, slots=True)
class IndicatorReading:
    """The chosen reading of the list, and the blocks of the document that it takes up."""

    reading: Reading
    blocks: frozenset[int]

    def without(self, document: Document) -> Document:
        """The document without the list, so that no other table is read from it."""
        kept = tuple(b for i, b in enumerate(document.blocks) if i not in self.blocks)
        return replace(document, blocks=kept)


def read_indicators(document: Document) -> IndicatorReading | None:
    """The best reading of the list of indicators; None where the document does not print it.

    Source: 《政府信息公开情况统计表》, form 2014: 统计指标 | 单位 | 统计数.
    """
    table, version = _table()
    if not _may_print(document, table):
        return None
    readings: list[Reading] = []
    blocks: list[frozenset[int]] = []
    for name, rows in (("grid", _grid_rows(document)), ("stream", _stream_rows(document))):
        found = _reading(name, rows, table, version, document)
        if found is not None:
            readings.append(found.reading)
            blocks.append(found.blocks)
            if found.reading.cost < CLEAN:
                break
    best = best_of(readings)
    if best is None:
        return None
    return IndicatorReading(best, blocks[next(i for i, r in enumerate(readings) if r is best)])


@cache
def _table() -> tuple[Table, str]:
    return next(
        (table, form.form)
        for form in forms().values()
        for table in form.tables
        if table.layout == "indicators"
    )


@cache
def _exact(table: Table) -> dict[str, frozenset[str]]:
    """Codes by the words, and the words before a note in brackets, of every known label."""
    found: dict[str, set[str]] = {}
    for line in table.rows:
        for key in wordings(table, "rows", line).keys:
            for words in (key.words, key.stem):
                found.setdefault(words, set()).add(line.code)
    return {words: frozenset(codes) for words, codes in found.items()}


def _codes(text: str, table: Table) -> frozenset[str]:
    """The lines that a text names exactly."""
    key = label_key(_without_unit(text)[0])
    known = _exact(table)
    return known.get(key.words) or known.get(key.stem) or frozenset()


def _may_print(document: Document, table: Table) -> bool:
    """Whether enough of the list's own labels stand in the document, whatever stands around them."""
    words = {w for w in _exact(table) if len(w) >= 5}
    seen: set[str] = set()
    for block in document.blocks:
        if isinstance(block, Paragraph):
            texts = [block.text] if len(block.text) < 4 * MAX_LABEL else []
        elif isinstance(block, Grid):
            texts = [cell.text for cell in block.cells if 5 <= len(cell.text) < 4 * MAX_LABEL]
        else:
            continue
        for text in texts:
            for line in text.split("\n"):
                bare = re.split(r"[\s:：|]+", line.strip())
                seen |= {key for part in (line, *bare) if (key := label_key(part).words) in words}
                seen |= {key for part in bare if (key := label_key(part).stem) in words}
    # Labels may be cut over lines; the rows decide.
    return len(seen) >= ENOUGH_ROWS - 2


# Units


@cache
def _units() -> frozenset[str]:
    table, _ = _table()
    return frozenset({*lookups().indicators.units, *(line.unit for line in table.rows if line.unit)})


@lru_cache(maxsize=4096)
def _as_unit(text: str) -> str:
    """The unit that a cell holds and nothing else, or an empty text."""
    bare = re.sub(r"^(?:" + "|".join(lookups().indicators.unit_headers) + r")[:：]", "", _bare(text))
    bare = bare.strip("()（）[]")
    return bare if bare in _units() else ""


@lru_cache(maxsize=4096)
def _without_unit(label: str) -> tuple[str, str]:
    """A label and the unit that stands in brackets at its end: 收到申请数（件）."""
    match = re.search(r"[(（](?:[^()（）:：]{0,4}[:：])?([^()（）]{1,2})[)）]\s*$", label)
    unit = _as_unit(match[1]) if match else ""
    return (label[: match.start()], unit) if match and unit else (label, "")


def _bare(text: str) -> str:
    return re.sub(r"\s+", "", fold(text))


# Headers


def _header_kind(text: str, table: Table) -> str:
    """What a header cell says of its column: label, unit, idle, other (another period), year or nothing."""
    words, bare = lookups().indicators, _bare(text)
    if bare in {_bare(w) for w in words.unit_headers}:
        return "unit"
    if bare in {_bare(w) for w in words.idle_headers}:
        return "idle"
    if bare in {_bare(w) for w in (*words.label_headers, *(b.corner or "" for b in table.blocks))}:
        return "label"
    if any(w in bare for w in words.other_periods):
        return "other"
    if any(w in bare for w in words.sums) and not any(w in bare for w in words.of_the_year):
        return "other"
    line, score = best_line(text, table, "columns", table.columns)
    return "year" if line is not None and score >= 0.9 else ""


def _header(cells: Sequence[Cell], table: Table) -> dict[int, str] | None:
    """The kind of each grid column under a header row; None where the row is no header."""
    kinds = [(cell, _header_kind(cell.text, table)) for cell in cells if cell.text.strip()]
    told = {kind for _, kind in kinds}
    if (
        len(kinds) < 2
        or not told & {"unit", "year"}
        or any(re.fullmatch(_FIGURE, _bare(c.text)) for c, _ in kinds)
    ):
        return None
    if "label" not in told and not {"unit", "year"} <= told:
        return None
    return {x: kind for cell, kind in kinds for x in range(cell.column, cell.column + cell.column_span)}


# Rows of grids


def _grid_rows(document: Document) -> list[_Row]:
    """Rows of all grids; those of a second label column beside the first come after those of the first."""
    table, _ = _table()
    found: list[_Row] = []
    header: dict[int, str] = {}
    width = -1
    for index, block in enumerate(document.blocks):
        if not isinstance(block, Grid):
            continue
        if block.column_count != width:
            # A table that goes on behind a page break keeps its header.
            header, width = {}, block.column_count
        rows: list[_Row] = []
        for number, places in enumerate(matrix(block)):
            cells = distinct(places)
            if not any(cell.row == number and cell.text.strip() for cell in cells):
                continue
            told = _header(cells, table)
            if told is not None:
                header = told
                continue
            if block.layout == "spans" or len(cells) == len(header):
                rows += _split_row(cells, number, header, index)
            else:
                # A field is lost or gained: with more than label, unit and figure none can be told.
                doubt = _SHIFTED if header and set(header.values()) - {"label", "unit", "year"} else ""
                rows += (replace(row, doubt=doubt) for row in _split_row(cells, number, {}, index))
        found += sorted(rows, key=lambda row: row.group)
    return _without_empty_columns(found)


def _split_row(cells: Sequence[Cell], number: int, header: dict[int, str], block: int) -> Iterator[_Row]:
    """The rows of the list that one grid row holds: label cells, a unit, then figures; maybe again."""
    labels: list[Cell] = []
    unit, values, group = "", list[Cell](), 0
    years = [x for x, kind in header.items() if kind == "year"]
    # Headers may stand twice, side by side; then the columns are told by what stands in them.
    single = bool(header) and list(header.values()).count("unit") <= 1 and len(years) <= 1
    for cell in cells:
        kind = header.get(cell.column, "") if single else ""
        text = cell.text.strip()
        if kind in ("idle", "other") or (kind == "" and len(years) == 1 and single and labels and unit):
            continue
        if _as_unit(text) and labels:
            unit = _as_unit(text)
        elif labels and kind != "label" and (is_value(text) or _holds_figure(text) or kind == "year"):
            if cell.row == number and (text or (unit and kind != "unit") or kind == "year"):
                values.append(cell)
        elif text and not is_value(text):
            if unit or values:
                yield _row(labels, unit, values, single and bool(years), block, group)
                labels, unit, values, group = [], "", [], group + 1
            labels.append(cell)
    if unit or values:
        yield _row(labels, unit, values, single and bool(years), block, group)


def _row(
    labels: Sequence[Cell], unit: str, values: Sequence[Cell], named: bool, block: int, group: int
) -> _Row:
    label, in_label = _without_unit(labels[-1].text)
    own = replace(labels[-1], text=label) if in_label else labels[-1]
    kept = (*labels[:-1], own)[-MAX_OUTER:]
    return _Row(kept, unit or in_label, tuple(values), named, block, group)


def _holds_figure(text: str) -> bool:
    """Words that hold a figure, as in 约5件: no label, and no figure to believe."""
    folded = fold(text)
    return len(text) <= 12 and not label_key(text).ordinal and any(c.isdigit() for c in folded)


def _without_empty_columns(rows: list[_Row]) -> list[_Row]:
    """Rows without columns that are empty in every row: fillers, or a column for remarks."""
    filled = Counter(c.column for row in rows for c in row.cells if c.text.strip())
    if not filled:
        return rows
    return [
        row
        if row.named or len(row.cells) < 2
        else replace(row, cells=tuple(c for c in row.cells if filled[c.column]))
        for row in rows
    ]


# Rows of the stream


def _stream_rows(document: Document) -> list[_Row]:
    """Rows of texts that follow one another: labels, a unit, a figure; or all three in one line."""
    table, _ = _table()
    found: list[_Row] = []
    labels: list[Cell] = []
    unit, values = "", list[Cell]()
    sums_stand, in_header = False, False

    def close(block: int) -> None:
        nonlocal labels, unit, values
        if labels and (unit or values):
            found.append(_row(labels, unit, values, False, block, 0))
            labels, unit, values = [], "", []

    last = 0
    for block, item in _items(document):
        text = item.text.strip()
        kind = _header_kind(text, table) if len(text) < 12 else ""
        sums_stand = sums_stand or (in_header and kind == "other")
        in_header = bool(kind)
        if not text:
            if labels and (unit or values):
                values.append(item)
        elif kind:
            close(last)
            labels = []
        elif _as_unit(text) and labels:
            unit = unit or _as_unit(text)
        elif is_value(text) and len(text) <= 30:
            if labels:
                values.append(item)
        elif len(text) > MAX_LABEL:
            close(last)
            labels = []
        else:
            close(last)
            if not labels and found and _goes_on(found[-1], text, table):
                # The label's second line, which stands behind the figure.
                *outer, own = found[-1].labels
                found[-1] = replace(found[-1], labels=(*outer, replace(own, text=own.text + text)))
            else:
                labels = [*labels, item][-MAX_OUTER:]
        last = block
    close(last)
    if sums_stand:
        # Which of the figures is the year's cannot be told without columns.
        found = [replace(row, doubt=_OTHER_PERIOD) for row in found]
    return found


def _goes_on(row: _Row, text: str, table: Table) -> bool:
    """Whether a text makes the label of the row before it whole."""
    own = row.labels[-1].text
    return not _codes(own, table) and bool(_codes(own + text, table))


def _items(document: Document) -> Iterator[tuple[int, Cell]]:
    for index, block in enumerate(document.blocks):
        if isinstance(block, Paragraph):
            if recognised(block.locator):
                # Lines recognised in a picture carry no confidence, and which stand together is a guess.
                continue
            for line in block.text.split("\n"):
                for part in _parts(line):
                    yield index, Cell(0, 0, part, block.locator)
        elif isinstance(block, Grid):
            for cell in sorted(block.cells, key=lambda c: (c.row, c.column)):
                yield index, replace(cell, row=0, column=0)


@cache
def _whole_line() -> re.Pattern[str]:
    units = "|".join(sorted(map(re.escape, _units()), key=len, reverse=True))
    figure = rf"(?P<figure>{_FIGURE}|[/—-]+)"
    return re.compile(
        rf"^(?P<label>.*?[^\s\d])(?:\s+[(（]?(?P<unit>{units})[)）]?[\s:：]*|[\s:：]+){figure}\s*(?P<behind>{units})?$"
        rf"|^(?P<open>.*?\S)\s+(?P<alone>{units})$"
    )


def _parts(line: str) -> list[str]:
    """A line as label, unit and figure where it holds them, else as it is."""
    text = line.strip()
    match = _whole_line().match(text) if len(text) <= 2 * MAX_LABEL else None
    if match is None:
        return [text]
    if match["open"] is not None:
        return [match["open"], match["alone"]]
    parts = (match["label"], match["unit"], match["behind"], match["figure"])
    return [part.strip() for part in parts if part]


# From rows to a reading


def _questioned(rows: Sequence[_Row]) -> list[_Row]:
    """Rows of a print with several unnamed columns of figures: one that prints one figure lost another."""
    unnamed = [row for row in rows if not row.named]
    several = sum(1 for row in unnamed if _of_the_year(row) is None and _filled(row) > 1)
    if several <= max(2, len(unnamed) // 5):
        return list(rows)
    return [row if row.named else replace(row, doubt=row.doubt or _SEVERAL) for row in rows]


def _filled(row: _Row) -> int:
    return sum(1 for cell in row.cells if cell.text.strip())


def _reading(
    name: str, rows: Sequence[_Row], table: Table, version: str, document: Document
) -> IndicatorReading | None:
    prints = [(p, _matches(_questioned(p), table)) for p in _prints(rows, table)]
    prints = [(p, m) for p, m in prints if _enough(m, table) and not _another_list(p, m, table)]
    if not prints:
        return None
    # Of several prints the fullest is read, the first of those: never one row here, one row there.
    _, matched = chosen = max(prints, key=lambda each: len(each[1]))
    used = [row.block for _, row in matched]
    if name == "grid":
        blocks = frozenset(used)
    else:
        blocks = frozenset(range(min(used), max(used) + 1))
    reading = _solved(name, matched, table, version)
    if len(prints) > 1:
        which = prints.index(chosen) + 1
        reading.remarks[LINE] = (
            f"{len(prints)} prints of this table stand in the file; number {which} is read"
        )
    every = {row.block for _, m in prints for _, row in m}
    return IndicatorReading(reading, blocks | frozenset(every))


def _prints(rows: Sequence[_Row], table: Table) -> list[list[_Row]]:
    """The rows of each print of the list: the first line or the second standing again begins another."""
    groups: list[list[_Row]] = [[]]
    seen: set[str] = set()
    for row in rows:
        codes = _codes(row.labels[-1].text, table) & {line.code for line in table.rows[:2]}
        if codes & seen:
            groups.append([])
            seen = set()
        seen |= codes
        groups[-1].append(row)
    return groups


def _matches(rows: Sequence[_Row], table: Table) -> list[tuple[Match, _Row]]:
    """Rows paired with lines; rows whose line cannot be told from another of the same words are left out."""
    printed = []
    for index, row in enumerate(rows):
        values = row.cells or (replace(row.labels[-1], text=""),)
        printed.append(PrintedRow(row.labels, values, row.block, index))
    found = [m for m in match_rows(printed, table) if m.by_place or m.score >= SURE_ROW]
    sure = _unambiguous(found, table)
    return [(match, rows[match.row.index]) for match in sure]


def _unambiguous(matches: Sequence[Match], table: Table) -> list[Match]:
    """Matches without those that may as well be another line: same words, and no neighbour between."""
    order = {line.code: i for i, line in enumerate(table.rows)}
    twins: dict[str, set[str]] = {}
    for codes in _exact(table).values():
        for code in codes:
            twins.setdefault(code, set()).update(codes)
    anchors = [(i, order[m.line.code]) for i, m in enumerate(matches) if len(twins[m.line.code]) == 1]
    kept = []
    for i, match in enumerate(matches):
        alike = twins[match.line.code]
        if len(alike) > 1:
            low = max((place for at, place in anchors if at < i), default=-1)
            high = min((place for at, place in anchors if at > i), default=len(order))
            here = {code for code in alike if low < order[code] < high}
            rows_here = {m.line.code for m in matches if m.line.code in here}
            if match.line.code not in here or (len(here) > 1 and rows_here != here):
                continue
        kept.append(match)
    return kept


def _enough(matches: Sequence[tuple[Match, _Row]], table: Table) -> bool:
    exact = [m for m, _ in matches if _is_named(m, table)]
    return len(exact) >= ENOUGH_ROWS and len(exact) * 2 >= len(matches)


def _another_list(rows: Sequence[_Row], matches: Sequence[tuple[Match, _Row]], table: Table) -> bool:
    """Whether most of the form's rows are absent and many others are printed: a list of an office's own.

    Before 2014 each province had its list; some rows have the same words and count other things.
    """
    filled = sum(1 for row in rows if _filled(row))
    taken = sum(1 for _, row in matches if _filled(row))
    return 2 * len(matches) < len(table.rows) and 4 * (filled - taken) > filled


def _is_named(match: Match, table: Table) -> bool:
    """Whether the row names its line exactly, in one cell or in pieces."""
    texts = [cell.text for cell in match.row.labels]
    return any(
        match.line.code in _codes("".join(texts[-n:]), table) for n in range(1, min(len(texts), 4) + 1)
    )


def _solved(name: str, matched: Sequence[tuple[Match, _Row]], table: Table, version: str) -> Reading:
    column = table.columns[0].code
    placing = Placing("unit and figure", [match for match, _ in matched])
    lost: dict[str, int] = {}
    for match, row in matched:
        line = match.line
        if not match.by_place and not _is_named(match, table):
            placing.remarks[line.code] = (
                f"the label {match.row.labels[-1].text.strip()!r} is taken for {line.label}"
            )
        cell = _of_the_year(row)
        if cell is None:
            lost[line.code] = _filled(row)
            if row.doubt:
                placing.remarks[line.code] = row.doubt
            continue
        value = _value(cell, line, row.unit)
        placing.cells[line.code, column] = Placed(
            value, cell.text.strip(), cell.locator, trust(cell, line.number), cell.alternatives
        )
        remark = _unit_remark(row.unit, line)
        if remark:
            placing.remarks.setdefault(line.code, remark)
    reading = solve(placing, table, version, name, placing.way)
    for code, count in lost.items():
        reading.unknown.append((code, column))
        reading.lost_rows[code] = (count, 1)
    return reading


def _of_the_year(row: _Row) -> Cell | None:
    """The one cell in which the row's figure stands; None where there is none, or several that differ."""
    if row.doubt or not row.cells:
        return None
    first, *others = row.cells
    if all(_bare(cell.text) == _bare(first.text) for cell in others):
        return first
    return None


def _value(cell: Cell, line: Line, unit: str) -> Value:
    text = cell.text.strip()
    for word in (unit, line.unit or ""):
        # 5人: the unit again, behind the figure; money words are for the figure itself to say.
        if word and word not in lookups().values.money and re.fullmatch(rf"{_FIGURE}\s*{word}", fold(text)):
            text = fold(text)[: -len(word)]
    money = unit if unit in lookups().values.money else ""
    value = parse_value(text, line.number, line.unit, money)
    if value.number is not None and value.number < 0:
        return Value("illegible")
    return value


def _unit_remark(unit: str, line: Line) -> str:
    """What to say where the printed unit counts other things than the form's."""
    money = lookups().values.money
    if not unit or unit == line.unit or (unit in money and line.unit in money):
        return ""
    if (unit in money) != (line.unit in money):
        return f"the unit printed is {unit}, the form's is {line.unit}"
    return ""
