"""XLSX workbooks: each visible sheet's table and the lines around it, as they are shown.

Here: cells with their number formats, merged cells, which rows are a table and which are text.
Not here: the package (word_package), old workbooks (office converts them).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal, InvalidOperation
from pathlib import Path

from lxml import etree

from pipeline.reading.document import Block, Cell, Document, Grid, Paragraph, ReadingError
from pipeline.reading.flow import tidy
from pipeline.reading.word_package import Package, open_package

MAX_CELLS = 100_000
MAX_SHEETS = 100
ENGINE = "xlsx"

_S = "{http://schemas.openxmlformats.org/spreadsheetml/2006/main}"
_R = "{http://schemas.openxmlformats.org/officeDocument/2006/relationships}"
_PLACE = re.compile(r"\$?([A-Z]{1,3})\$?([1-9]\d{0,6})")
_ROWS = 1_048_576
"""Rows that a sheet may have; a number beyond them is none."""
_UNCOUNTED = "?"
"""Text of a formula without a kept result: something is shown there, and the file does not say what."""
# Formats that need no entry in the file's own list (ECMA-376, part 1, 18.8.30).
_BUILT_IN = {
    **{1: "0", 2: "0.00", 3: "#,##0", 4: "#,##0.00", 9: "0%", 10: "0.00%", 11: "0.00E+00"},
    **{37: "#,##0", 38: "#,##0", 39: "#,##0.00", 40: "#,##0.00", 41: "#,##0", 43: "#,##0.00", 49: "@"},
    **dict.fromkeys((*range(14, 18), *range(27, 37), *range(50, 59)), "yyyy-mm-dd"),
    **dict.fromkeys((*range(18, 23), *range(45, 48)), "yyyy-mm-dd hh:mm"),
}
_QUOTED = re.compile(r'"[^"]*"|\\.|_.|\*.|\[[^\]]*\]')
_FIXED = re.compile(r"[#0?,]*[0#?](?:\.(?P<decimals>[0#?]+))?(?P<thousands>,*)")
_GENERAL_DIGITS = 11


@dataclass(frozen=True, slots=True)
class _Style:
    """How a cell shows its value: number format, ruled or not, struck through."""

    format: str = ""
    ruled: bool = False
    struck: bool = False


@dataclass(frozen=True, slots=True)
class _Box:
    """A cell by its own row and column (from 1), with what it shows."""

    row: int
    column: int
    text: str
    ruled: bool
    row_span: int = 1
    column_span: int = 1


def read_sheets(path: Path) -> Document:
    """Read an XLSX (also XLSM).

    Locators count sheets as tables, and have the sheet's own row and column numbers, from 1.
    Hidden sheets, rows and columns are left out. A figure is given as its format shows it; a
    formula as the result kept in the file, and as ``?`` where none is kept.

    Raises:
        ReadingError: ``encrypted``, or ``unreadable`` for a damaged or oversized workbook.
    """
    with open_package(path) as package:
        main = package.related("", "officeDocument") or "xl/workbook.xml"
        root = package.xml(main)
        if root is None or root.tag != f"{_S}workbook":
            raise ReadingError("unsupported", "an Office file, but no workbook. Save it as .xlsx.")
        shared_part = package.related(main, "sharedStrings")
        styles_part = package.related(main, "styles")
        strings = _strings(package.xml(shared_part) if shared_part else None)
        styles = _styles(package.xml(styles_part) if styles_part else None)
        properties = root.find(f"{_S}workbookPr")
        since_1904 = properties is not None and _on(properties, "date1904")
        blocks: list[Block] = []
        for number, sheet in enumerate(root.iterfind(f"{_S}sheets/{_S}sheet"), 1):
            if number > MAX_SHEETS:
                raise ReadingError("unreadable", f"more than {MAX_SHEETS} sheets. Save only the report's.")
            if sheet.get("state", "visible") == "visible":
                data = _sheet(package, main, sheet)
                if data is not None:
                    boxes = _boxes(data, strings, styles, since_1904)
                    blocks += _blocks(boxes, number)
    return Document("other", tuple(blocks))


def _sheet(package: Package, main: str, sheet: etree._Element) -> etree._Element | None:
    relation = package.relations(main).get(sheet.get(f"{_R}id", ""))
    if relation is None or relation.external:
        return None
    root = package.xml(relation.target)
    return root if root is not None and root.tag == f"{_S}worksheet" else None


def _strings(root: etree._Element | None) -> list[str]:
    return [] if root is None else [_rich_text(item) for item in root.iterfind(f"{_S}si")]


def _rich_text(item: etree._Element) -> str:
    """The text of a string, without reading aids and what is struck through."""
    runs = item.findall(f"{_S}r")
    if not runs:
        return str(item.findtext(f"{_S}t") or "")
    shown = [run for run in runs if not _flag(run.find(f"{_S}rPr"), "strike")]
    return "".join(run.findtext(f"{_S}t") or "" for run in shown)


def _styles(root: etree._Element | None) -> list[_Style]:
    if root is None:
        return []
    formats = {
        _int(item.get("numFmtId")): str(item.get("formatCode", ""))
        for item in root.iterfind(f"{_S}numFmts/{_S}numFmt")
    }
    struck = [_flag(font, "strike") for font in root.iterfind(f"{_S}fonts/{_S}font")]
    ruled = [
        any(side.get("style", "none") != "none" for side in border)
        for border in root.iterfind(f"{_S}borders/{_S}border")
    ]
    found = []
    for item in root.iterfind(f"{_S}cellXfs/{_S}xf"):
        number = _int(item.get("numFmtId"))
        found.append(
            _Style(
                formats.get(number, _BUILT_IN.get(number, "")),
                _at(ruled, _int(item.get("borderId"))),
                _at(struck, _int(item.get("fontId"))),
            )
        )
    return found


def _boxes(
    root: etree._Element, strings: Sequence[str], styles: Sequence[_Style], since_1904: bool
) -> list[_Box]:
    """The cells of a sheet that are shown, merged ones once, in reading order."""
    hidden = _hidden_columns(root)
    found: dict[tuple[int, int], _Box] = {}
    hidden_rows: set[int] = set()
    row_number = 0
    for row in root.iterfind(f"{_S}sheetData/{_S}row"):
        given = _int(row.get("r"))
        row_number = given if 1 <= given <= _ROWS else row_number + 1
        if _on(row, "hidden"):
            hidden_rows.add(row_number)
        column = 0
        for cell in row.iterfind(f"{_S}c"):
            place = _PLACE.fullmatch(cell.get("r", ""))
            column = _column(place[1]) if place else column + 1
            style = styles[s] if 0 <= (s := _int(cell.get("s"))) < len(styles) else _Style()
            text = "" if style.struck else _shown(cell, strings, style, since_1904)
            if (row_number, column) in found:
                raise ReadingError("unreadable", "two cells in one place of a sheet. Save the file anew.")
            found[row_number, column] = _Box(row_number, column, text, style.ruled)
            if len(found) > MAX_CELLS:
                raise ReadingError(
                    "unreadable", f"more than {MAX_CELLS:,} cells in a sheet. Save only the report's table."
                )
    _merge(root, found)
    return [
        box
        for _, box in sorted(found.items())
        if not hidden_rows.issuperset(range(box.row, box.row + box.row_span))
        and not hidden.issuperset(range(box.column, box.column + box.column_span))
    ]


def _hidden_columns(root: etree._Element) -> frozenset[int]:
    hidden: set[int] = set()
    for item in root.iterfind(f"{_S}cols/{_S}col"):
        if _on(item, "hidden"):
            hidden.update(range(_int(item.get("min")), min(_int(item.get("max")), 16_384) + 1))
    return frozenset(hidden)


def _merge(root: etree._Element, found: dict[tuple[int, int], _Box]) -> None:
    """Make one box of each merged area, no further than there are cells."""
    last_row = max((row for row, _ in found), default=0)
    last_column = max((column for _, column in found), default=0)
    room = 4 * MAX_CELLS
    for item in root.iterfind(f"{_S}mergeCells/{_S}mergeCell"):
        first, _, last = item.get("ref", "").partition(":")
        start, end = _PLACE.fullmatch(first), _PLACE.fullmatch(last)
        if start is None or end is None:
            continue
        row, column = int(start[2]), _column(start[1])
        high = min(int(end[2]), last_row) - row + 1
        wide = min(_column(end[1]), last_column) - column + 1
        room -= max(high, 1) * max(wide, 1)
        if high < 1 or wide < 1:
            continue
        if room < 0:
            raise ReadingError("unreadable", "merged cells without end. Save only the report's table.")
        ruled = False
        for r in range(row, row + high):
            for c in range(column, column + wide):
                gone = found.pop((r, c), None) if (r, c) != (row, column) else found.get((r, c))
                ruled = ruled or (gone is not None and gone.ruled)
        text = found[row, column].text if (row, column) in found else ""
        found[row, column] = _Box(row, column, text, ruled, high, wide)


# From cells to blocks


def _blocks(boxes: Sequence[_Box], sheet: int) -> Iterator[Block]:
    """Runs of rows with columns as grids; rows of a lone unruled text as paragraphs."""
    rows: dict[int, list[_Box]] = {}
    for box in boxes:
        rows.setdefault(box.row, []).append(box)
    table: list[_Box] = []
    reach = 0
    """The last row that a box of the table covers."""
    previous = 0
    for row, members in sorted(rows.items()):
        filled = [box for box in members if box.text]
        is_text = len(filled) <= 1 and not any(box.ruled for box in members)
        if row > reach and (is_text or row > previous + 1):
            yield from _grid(table, sheet)
            table = []
        if is_text and row > reach:
            for box in filled:
                for line in box.text.split("\n"):
                    if line:
                        yield Paragraph(line, _locator(sheet, box))
        else:
            table += members
            reach = max(reach, *(box.row + box.row_span - 1 for box in members))
        previous = max(row, reach)
    yield from _grid(table, sheet)


def _grid(boxes: Sequence[_Box], sheet: int) -> Iterator[Grid]:
    if not any(box.text for box in boxes):
        return
    # Ruled or not, columns and rows that hold nothing stand outside the table.
    kept = [box for box in boxes if box.text or box.ruled]
    # Rows and columns as they follow one another on the page: hidden ones leave no gap.
    rows = {row: i for i, row in enumerate(sorted({box.row for box in kept}))}
    columns = {column: i for i, column in enumerate(sorted({box.column for box in kept}))}
    cells = tuple(
        Cell(
            row=rows[box.row],
            column=columns[box.column],
            text=box.text,
            locator=_locator(sheet, box),
            row_span=max(1, sum(1 for r in rows if box.row <= r < box.row + box.row_span)),
            column_span=max(1, sum(1 for c in columns if box.column <= c < box.column + box.column_span)),
        )
        for box in kept
    )
    yield Grid(cells, "spans", f"table={sheet};row={min(rows)}", ENGINE)


def _locator(sheet: int, box: _Box) -> str:
    return f"table={sheet};row={box.row};column={box.column}"


# What a cell shows


def _shown(cell: etree._Element, strings: Sequence[str], style: _Style, since_1904: bool) -> str:
    kind = cell.get("t", "n")
    if kind == "inlineStr":
        item = cell.find(f"{_S}is")
        return _tidied("" if item is None else _rich_text(item))
    value = cell.findtext(f"{_S}v")
    if value is None or (value == "" and kind != "str"):
        return _UNCOUNTED if cell.find(f"{_S}f") is not None else ""
    if kind == "s":
        at = _int(value, -1)
        return _tidied(strings[at]) if 0 <= at < len(strings) else _UNCOUNTED
    if kind == "n":
        return shown_number(value, style.format, since_1904)
    if kind == "b":
        return "TRUE" if value == "1" else "FALSE"
    return _tidied(value)


def _tidied(text: str) -> str:
    lines = text.replace("\r\n", "\n").replace("\r", "\n").replace("_x000D_", "").split("\n")
    return "\n".join(line for line in map(tidy, lines) if line)


def shown_number(value: str, number_format: str = "", since_1904: bool = False) -> str:
    """A stored number as its format shows it.

    Figures come without thousands separators, dates as YYYY-MM-DD, so that none passes for a count.
    A format not understood (fractions, powers) gives the number as it is stored.
    """
    try:
        number = Decimal(value)
    except InvalidOperation:
        return _tidied(value)
    if not number.is_finite() or abs(number.adjusted()) > 300:
        return value
    section = _section(number_format, number)
    plain = _QUOTED.sub("", section)
    if number_format and not plain.strip() and '"' not in section:
        return ""  # a format such as ;;; hides what it has
    if re.search(r"[ymdhs]|aa", plain, re.IGNORECASE) and not re.search(r"general", plain, re.IGNORECASE):
        return _date(number, since_1904)
    if "%" in plain:
        return f"{_digits(number * 100, plain.replace('%', ''))}%"
    return _digits(number, plain)


def _section(number_format: str, number: Decimal) -> str:
    """The part of a format that is for numbers of this sign."""
    parts = re.split(r';(?=(?:[^"]*"[^"]*")*[^"]*$)', number_format)
    if "[<" in number_format or "[>" in number_format or "[=" in number_format:
        return "General"  # its own conditions: the number as stored is the safe reading
    if number < 0 and len(parts) > 1:
        return parts[1]
    if number == 0 and len(parts) > 2:
        # Often a dash for nought: the nought itself is what is meant.
        return parts[0]
    return parts[0]


def _digits(number: Decimal, plain: str) -> str:
    found = _FIXED.search(plain)
    if found is None or re.search(r"[E/]|general", plain, re.IGNORECASE):
        # Seventeen stored digits are a binary fraction's; eleven are what is shown.
        context = number if number == number.to_integral_value() else _rounded(number)
        return format(context.normalize() if context else Decimal(0), "f")
    number = number.scaleb(-3 * len(found["thousands"]))
    decimals = found["decimals"] or ""
    fixed = format(number.quantize(Decimal(1).scaleb(-len(decimals)), ROUND_HALF_UP), "f")
    optional = len(decimals) - len(decimals.rstrip("#?"))
    for _ in range(optional):
        fixed = fixed[:-1] if fixed.endswith("0") else fixed
    return fixed.rstrip(".")


def _rounded(number: Decimal) -> Decimal:
    places = _GENERAL_DIGITS - 1 - max(number.adjusted(), 0)
    return number.quantize(Decimal(1).scaleb(-max(places, 0)), ROUND_HALF_UP)


def _date(number: Decimal, since_1904: bool) -> str:
    start = datetime(1904, 1, 1) if since_1904 else datetime(1899, 12, 30)
    try:
        day = start + timedelta(days=float(number))
    except OverflowError:
        return _UNCOUNTED
    return day.strftime("%Y-%m-%d" if number == number.to_integral_value() else "%Y-%m-%d %H:%M")


def _column(letters: str) -> int:
    number = 0
    for letter in letters:
        number = 26 * number + ord(letter) - 64
    return number


def _at(flags: Sequence[bool], index: int) -> bool:
    return 0 <= index < len(flags) and flags[index]


def _on(element: etree._Element, name: str) -> bool:
    return element.get(name, "0") in ("1", "true", "on")


def _flag(properties: etree._Element | None, name: str) -> bool:
    """Whether a property element is there and not switched off."""
    element = None if properties is None else properties.find(f"{_S}{name}")
    return element is not None and element.get("val", "1") in ("1", "true", "on")


def _int(text: str | None, default: int = 0) -> int:
    try:
        return int(text) if text is not None else default
    except ValueError:
        return default
