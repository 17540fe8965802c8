"""Text files whose tables are drawn in other ways than with tabs and pipes.

Here: the drawings, each read to the last cell. Not here: the kinds of files of tests/render.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from pipeline.reading.text import read_text
from tests.accuracy import judge
from tests.render import Case
from tests.render.layout import PrintedTable
from tests.render.out_html import _table, _text
from tests.render.out_text import _write, fields


def _filled(table: PrintedTable) -> list[list[str]]:
    return [[cell.text for cell in row if cell.text] for row in table.rows]


def _labels_above(table: PrintedTable) -> str:
    """The labels of a row on one line, its figures on the next."""
    lines = []
    for row in table.rows:
        lines.append(" ".join(cell.text for cell in row if not cell.key))
        lines.append("\t".join(cell.text for cell in row if cell.key))
    return "\n".join(line for line in lines if line)


DRAWINGS: dict[str, Callable[[PrintedTable], str]] = {
    "spaces": lambda t: "\n".join(map(" ".join, _filled(t))),
    "wide spaces": lambda t: "\n".join(map("\u3000".join, _filled(t))),
    "aligned": lambda t: "\n".join("".join(f"{text:<14}" for text in line) for line in fields(t)),
    "box rules": lambda t: "\n".join(f"│{'│'.join(line)}│\n├{'─┼' * len(line)}┤" for line in fields(t)),
    "plus and minus": lambda t: "\n".join(f"+{'---+' * len(line)}\n|{'|'.join(line)}|" for line in fields(t)),
    "bold": lambda t: "\n".join(
        f"| {' | '.join(f'**{text}**' if text else '' for text in line)} |" for line in fields(t)
    ),
    "breaks": lambda t: "\n".join(
        f"| {' | '.join(text if len(text) < 7 else f'{text[:4]}<br>{text[4:]}' for text in line)} |"
        for line in fields(t)
    ),
    "a tab before": lambda t: "\n".join("\t" + "\t".join(line) for line in fields(t)),
    "HTML": lambda t: _table(t, _text),
    "labels above": _labels_above,
}


@pytest.mark.parametrize("drawing", DRAWINGS)
def test_drawn_otherwise(drawing: str, tmp_path: Path) -> None:
    case = Case("md_tab", (), "2021", "huge", 170)
    path, expected = case.render(tmp_path)
    _write(case.report(), path, DRAWINGS[drawing])
    result = judge(case, path, expected)
    assert not (
        result.silent or result.missed or result.wrong_flagged or result.wrong_states or result.faults
    )


def test_tables_as_html_keep_the_lines_of_what_follows(tmp_path: Path) -> None:
    path = tmp_path / "报告.md"
    path.write_text(
        "一\n<table><tr><td>甲</td>\n<td>1</td></tr>\n<tr><td>乙</td><td>2</td></tr></table>\n二\n", "utf-8"
    )
    places = [block.locator for block in read_text(path).blocks]
    assert places == ["line=1", "line=2", "line=5"]
