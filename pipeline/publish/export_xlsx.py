"""Excel workbooks: one for each table, data and codebook on sheets of their own.

Here: the layout, Excel's limits. Not here: what a table or a column means (codebook.py).
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

import xlsxwriter
from xlsxwriter.workbook import Workbook
from xlsxwriter.worksheet import Worksheet

from pipeline.publish.export_plan import Connection, Slice, Table, code_labels
from pipeline.publish.export_types import Written, batches

# Of a sheet, its header included; characters of a cell, in UTF-16 units as Excel counts.
MAX_ROWS = 1_048_576
MAX_TEXT = 32_767
_CUT = "…"
_CODEBOOK = "codebook"
_NARROW, _WIDE = 14, 40


def write_xlsx(
    connection: Connection,
    table: Table,
    slices: list[Slice],
    folder: Path,
    made: datetime,
    max_rows: int = MAX_ROWS,
) -> list[Written]:
    """Workbooks of a table; more than one where it has more rows than a sheet can hold.

    The header names each column in Chinese and by its name in the warehouse. Beside each code of the form
    stands its label.
    """
    total = sum(part.rows for part in slices)
    parts = max(1, -(-total // (max_rows - 1)))
    rows = _rows(connection, slices)
    written = []
    for number in range(1, parts + 1):
        name = table.name if parts == 1 else f"{table.name}.part{number:02d}"
        path = folder / f"{name}.xlsx"
        first = (number - 1) * (max_rows - 1) + 1
        last = min(total, number * (max_rows - 1))
        notes = []
        if parts > 1:
            notes.append(
                f"第{number}部分，共{parts}部分（行数超出 Excel 上限） · part {number} of {parts}:"
                f" rows {first} to {last} of {total}, since a sheet holds {max_rows} rows"
            )
        with xlsxwriter.Workbook(str(path), {"constant_memory": True, "use_zip64": True}) as book:
            book.set_properties({"created": made, "title": table.name})
            cut = _data(book, table, rows, max_rows - 1)
            if cut:
                notes.append(
                    f"截短的单元格 {cut} 个 · {cut} cells cut to {MAX_TEXT} characters, ending in {_CUT}"
                )
            _codebook(book, connection, table, notes)
        written.append(Written(table.name, path, last - first + 1, notes=tuple(notes)))
    return written


def _rows(connection: Connection, slices: list[Slice]) -> Iterator[tuple[object, ...]]:
    for part in slices:
        for frame in batches(connection, part, harmless=True, labels=True):
            yield from frame.iter_rows()


def _headers(table: Table) -> list[str]:
    found = []
    for column in table.columns:
        name = column.name
        found.append(name if column.label == name else f"{column.label} · {name}")
        if table.label_table(column):
            found.append(f"{column.label}标签 · {name}_label")
    return found


def _data(book: Workbook, table: Table, rows: Iterator[tuple[object, ...]], limit: int) -> int:
    """The sheet of rows; how many cells had to be cut."""
    sheet = book.add_worksheet(table.name[:31])
    headers = _headers(table)
    bold = book.add_format({"bold": True, "text_wrap": True, "valign": "top", "bottom": 1})
    for place, header in enumerate(headers):
        sheet.set_column(place, place, _WIDE if "标签" in header else _NARROW)
    for place, header in enumerate(headers):
        sheet.write_string(0, place, header, bold)
    sheet.freeze_panes(1, 0)
    cut, line = 0, 0
    while line < limit:
        row = next(rows, None)
        if row is None:
            break
        line += 1
        for place, value in enumerate(row):
            cut += _write(sheet, line, place, value)
    sheet.autofilter(0, 0, line, len(headers) - 1)
    return cut


def _write(sheet: Worksheet, line: int, place: int, value: object) -> bool:
    """One cell; whether its text was cut. NULL is no cell at all, so it is not zero."""
    if value is None:
        return False
    if isinstance(value, bool):
        sheet.write_boolean(line, place, value)
        return False
    if isinstance(value, int | float):
        sheet.write_number(line, place, value)
        return False
    text = str(value)
    fits = len(text) <= MAX_TEXT // 2 or len(text.encode("utf-16-le")) // 2 <= MAX_TEXT
    if not fits:
        text = text.encode("utf-16-le")[: 2 * (MAX_TEXT - 1)].decode("utf-16-le", "ignore") + _CUT
    sheet.write_string(line, place, text)
    return not fits


def _codebook(book: Workbook, connection: Connection, table: Table, notes: list[str]) -> None:
    """The sheet that says what the table, its columns and its codes mean."""
    # The table of that name has its rows on the first sheet.
    sheet = book.add_worksheet(_CODEBOOK if table.name != _CODEBOOK else f"{_CODEBOOK} of {table.name}")
    bold = book.add_format({"bold": True, "bottom": 1})
    for place, width in enumerate((30, 12, 24, 70)):
        sheet.set_column(place, place, width)
    line = 0

    def put(*values: object, style: object = None) -> None:
        nonlocal line
        for place, value in enumerate(values):
            sheet.write_string(line, place, str(value), style)
        line += 1

    put("列 · column", "类型 · type", "代码 · code", "含义 · meaning", style=bold)
    sheet.freeze_panes(1, 0)
    put(table.name, "table", "", table.meaning)
    for note in notes:
        put(table.name, "note", "", note)
    labels = list(code_labels(connection, table))
    for column in table.columns:
        put(column.name, column.kind, "", column.meaning)
        for name, _, code, label in labels:
            if name == column.name:
                put(name, "code", code, label)
