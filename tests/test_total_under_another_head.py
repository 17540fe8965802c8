"""Rows a figure short in a file of fields: the total stands under 其他, and 总计 is empty."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.accuracy import judge
from tests.render import Case
from tests.render.figures import Size


@pytest.mark.parametrize("format", ["txt_tab", "md_tab"])
@pytest.mark.parametrize(
    ("form", "size", "seed"), [("2021", "huge", 12300113), ("2021", "large", 31), ("2019", "huge", 32)]
)
def test_the_total_is_not_taken_for_the_column_before_it(
    format: str, form: str, size: Size, seed: int, tmp_path: Path
) -> None:
    case = Case(format, ("lost_zero_column",), form, size, seed)
    result = judge(case, *case.render(tmp_path))
    assert (result.exact, result.wrong_flagged, result.silent, result.faults) == (result.cells, [], [], [])
