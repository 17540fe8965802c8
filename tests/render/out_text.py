"""Renderers for text files: what copying, converting and extracting leave of a report.

Here: tab fields, one cell a line, pipes, Markdown. Not here: what gets lost on the way
(formats.py says which of these lose blanks).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from tests.render.layout import PrintedTable, occupied
from tests.render.report import Report, Text

_MARKS = {"title": "# ", "section": "## "}
_MIXED = {
    "overview": "## ",
    "disclosure": "## ",
    "requests": "### ",
    "disputes": "#### ",
    "problems": "#### ",
}


def _heading(block: Text, traits: frozenset[str]) -> str:
    if "markdown_mixed" in traits and block.kind == "section":
        if block.code == "other":
            return f"## **{block.text}**"
        return _MIXED.get(block.code or "", "### ") + block.text
    if "markdown_headings" in traits or "markdown_mixed" in traits:
        return _MARKS.get(block.kind, "") + block.text
    return block.text


def _write(report: Report, path: Path, table: Callable[[PrintedTable], str], gap: str = "\n\n") -> None:
    parts = [
        _heading(block, report.traits) if isinstance(block, Text) else table(block)
        for block in report.blocks
        # A text file has nothing in the place of a picture.
        if isinstance(block, Text) or not block.picture
    ]
    path.write_text(gap.join(part for part in parts if part) + "\n", encoding="utf-8")


def _flat(text: str) -> str:
    return text.replace("\n", "")


def fields(table: PrintedTable) -> list[list[str]]:
    """One list a row, one field a grid column; a merged cell's text stands in its first place."""
    width = table.width
    lines = [[""] * width for _ in table.rows]
    for index, cell in table.cells():
        lines[index][cell.column] = _flat(cell.text)
    return lines


def txt_tab(report: Report, path: Path) -> None:
    """Rows as lines, grid columns as tab-separated fields."""
    _write(report, path, lambda t: "\n".join("\t".join(line) for line in fields(t)))


def txt_word(report: Report, path: Path) -> None:
    """What a Word export gives: a tab and the cell on each line, an empty line after each row."""

    def table(printed: PrintedTable) -> str:
        places, rows = occupied(printed), []
        for index in range(len(printed.rows)):
            cells = []
            for column in range(printed.width):
                start, cell = places.get((index, column), (index, None))
                if cell is None:
                    cells.append("\t")
                elif cell.column == column:
                    # A cell that is merged downwards stays in each row, empty.
                    cells.append(f"\t{cell.text}" if start == index else "\t")
            rows.append("\n".join(cells))
        return "\n\n".join(rows) + "\n"

    _write(report, path, table, "\n")


def _one_by_one(printed: PrintedTable, between: str, keep_blank: bool) -> str:
    lines = []
    for row in printed.rows:
        for cell in row:
            if cell.text.strip() or keep_blank:
                lines.append(cell.text)
    return between.join(lines)


def txt_lines(report: Report, path: Path) -> None:
    """One cell a paragraph, an empty line between; a blank cell leaves nothing behind."""
    _write(report, path, lambda t: _one_by_one(t, "\n\n", keep_blank=False))


def txt_lines_empty(report: Report, path: Path) -> None:
    """One cell a line; a blank cell leaves an empty line."""
    _write(report, path, lambda t: _one_by_one(t, "\n", keep_blank=True), "\n")


def txt_pipe(report: Report, path: Path) -> None:
    """``规章 | 0 | 0 | 0 |``: cells where they begin, a pipe more for each further column of a span."""

    def table(printed: PrintedTable) -> str:
        return "\n".join(
            " ".join(_flat(c.text) + " |" + "|" * (c.column_span - 1) for c in row) for row in printed.rows
        )

    _write(report, path, table)


def txt_pipe_lines(report: Report, path: Path) -> None:
    """Each cell on its own line with the pipe after it."""

    def table(printed: PrintedTable) -> str:
        lines = [f"{_flat(c.text)} |" if c.text else "|" for row in printed.rows for c in row]
        return "\n".join(lines)

    _write(report, path, table)


def txt_pipe_own(report: Report, path: Path) -> None:
    """Each cell and each pipe on a line of its own."""

    def table(printed: PrintedTable) -> str:
        return "\n|\n".join(_flat(c.text) for row in printed.rows for c in row) + "\n|"

    _write(report, path, table)


def md_pipe(report: Report, path: Path) -> None:
    """A Markdown pipe table with its rule under the first row."""

    def table(printed: PrintedTable) -> str:
        lines = ["| " + " | ".join(line) + " |" for line in fields(printed)]
        lines.insert(1, "|" + " --- |" * printed.width)
        return "\n".join(lines)

    _write(_with_markdown(report), path, table)


def md_tab(report: Report, path: Path) -> None:
    """Markdown headings over tab-separated rows."""
    _write(_with_markdown(report), path, lambda t: "\n".join("\t".join(line) for line in fields(t)))


def _with_markdown(report: Report) -> Report:
    return replace(report, traits=report.traits | {"markdown_headings"})
