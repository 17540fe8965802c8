"""Numbers of rows that no sheet has, and two cells in one place: found by fuzzing."""

from __future__ import annotations

from pathlib import Path

import pytest

from pipeline.reading.document import Grid, ReadingError
from pipeline.reading.sheet import read_sheets
from tests.test_reading_bundle import workbook


def row(number: str, *figures: str) -> str:
    cells = "".join(f'<c s="1"><v>{figure}</v></c>' for figure in figures)
    return f'<row r="{number}">{cells}</row>'


@pytest.mark.parametrize("number", ["-1", "0", "-2147483649", "1048577", "x", ""])
def test_a_row_whose_number_is_none_stands_where_it_stands(tmp_path: Path, number: str) -> None:
    path = workbook(tmp_path / "a.xlsx", row("1", "3", "4") + row(number, "5", "6") + row("3", "7", "8"))
    (grid,) = read_sheets(path).blocks
    assert isinstance(grid, Grid) and grid.locator == "table=1;row=1"
    assert [(cell.row, cell.text) for cell in grid.cells] == [
        (0, "3"), (0, "4"), (1, "5"), (1, "6"), (2, "7"), (2, "8")
    ]  # fmt: skip


def test_two_cells_in_one_place_are_neither_guessed_nor_lost(tmp_path: Path) -> None:
    path = workbook(tmp_path / "a.xlsx", row("1", "3", "4") + row("1", "5"))
    with pytest.raises(ReadingError) as told:
        read_sheets(path)
    assert told.value.status == "unreadable" and "two cells in one place" in told.value.message


def test_a_merged_area_that_begins_above_the_sheet_is_none(tmp_path: Path) -> None:
    merged = '<mergeCells count="1"><mergeCell ref="A0:B2"/></mergeCells>'
    path = workbook(tmp_path / "a.xlsx", row("1", "3", "4") + row("2", "5", "6"), merged)
    (grid,) = read_sheets(path).blocks
    assert isinstance(grid, Grid) and [cell.text for cell in grid.cells] == ["3", "4", "5", "6"]
