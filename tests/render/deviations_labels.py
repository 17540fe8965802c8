"""Deviations of labels: other wordings, marks, spaces, breaks, what is cut or misprinted.

Here: the texts of label cells. Not here: where they stand (deviations_tables.py).
"""

from __future__ import annotations

import random
import re
from collections.abc import Callable
from dataclasses import replace

from tests.render.deviation import deviation, tables
from tests.render.deviations_text import wordings
from tests.render.formats import Format
from tests.render.layout import Cell
from tests.render.report import Report, edit_cells

_LABELS = ("row", "column", "block_title")


def _breaks(format: Format) -> bool:
    return format.breaks


def _relabel(report: Report, change: Callable[[Cell], str], roles: tuple[str, ...] = _LABELS) -> Report:
    return edit_cells(report, lambda c: replace(c, text=change(c)) if c.role in roles else c)


@deviation("labels")
def label_variants(report: Report, rng: random.Random) -> Report:
    """Other wordings of labels, a part of them at a time."""
    known = wordings()["labels"]
    for table in tables(report):
        variants = {k: rng.choice(v) for k, v in known.get(table.code, {}).items() if rng.random() < 0.6}
        report = edit_cells(
            report,
            lambda c, v=variants: (  # type: ignore[misc]
                replace(c, text=v[c.code]) if c.role in _LABELS and c.code in v else c
            ),
            table.code,
        )
    return report


@deviation("labels")
def label_half_width(report: Report, rng: random.Random) -> Report:
    """(一) 予以公开 and 1. 属于…: half-width brackets and a space after the number."""

    def change(cell: Cell) -> str:
        text = re.sub(r"^（(.)）", r"(\1) ", cell.text)
        return re.sub(r"^(\d)\.", r"\1. ", text).replace("（", "(").replace("）", ")").replace("，", ", ")

    return _relabel(report, change, (*_LABELS, "corner"))


@deviation("labels")
def label_other_marks(report: Report, rng: random.Random) -> Report:
    """1、 and ① in place of 1., （1） in place of （一）."""
    circled = rng.random() < 0.3
    numerals = {c: str(i) for i, c in enumerate("一二三四五六七八九", start=1)}

    def change(cell: Cell) -> str:
        found = re.match(r"^(\d)\.", cell.text)
        if found:
            number = chr(ord("①") + int(found[1]) - 1) if circled else f"{found[1]}、"
            return number + cell.text[2:]
        return re.sub(r"^（([一-九])）", lambda m: f"（{numerals.get(m[1], m[1])}）", cell.text)

    return _relabel(report, change, ("row",))


@deviation("labels")
def label_without_number(report: Report, rng: random.Random) -> Report:
    """Labels of the reasons without their numbers."""
    return _relabel(report, lambda c: re.sub(r"^\d\.", "", c.text), ("row",))


@deviation("labels")
def label_truncated(report: Report, rng: random.Random) -> Report:
    """Long labels cut at the edge of the cell."""

    def change(cell: Cell) -> str:
        if len(cell.text) < 12:
            return cell.text
        return cell.text[: max(10, len(cell.text) - rng.randint(1, len(cell.text) // 3))]

    return _relabel(report, change, ("row",))


@deviation("labels")
def label_spaced(report: Report, rng: random.Random) -> Report:
    """Spaces inside labels: 规 章, 总 计, 第二十条 第（一）项."""

    def change(cell: Cell) -> str:
        if cell.role == "block_title":
            return cell.text.replace("第（", " 第（")
        return " ".join(cell.text) if len(cell.text) == 2 else cell.text

    return _relabel(report, change)


@deviation("labels", formats=_breaks)
def label_broken(report: Report, rng: random.Random) -> Report:
    """Labels broken over lines inside words."""

    def change(cell: Cell) -> str:
        size = 2 if cell.role == "column" else 11
        parts = [cell.text[i : i + size] for i in range(0, len(cell.text), size)]
        return "\n".join(parts) if len(cell.text) > 3 else cell.text

    return _relabel(report, change, ("row", "column"))


@deviation("labels", formats=_breaks)
def label_vertical(report: Report, rng: random.Random) -> Report:
    """Words set upright, one character a line, in the head of table four and beside the outcomes."""
    report = edit_cells(
        report,
        lambda c: replace(c, text="\n".join(c.text)) if c.role == "column" and c.row_span >= 1 else c,
        "disputes",
    )
    return edit_cells(
        report,
        lambda c: replace(c, text="\n".join(c.text)) if c.role == "row" and c.row_span > 8 else c,
        "requests",
    )


@deviation("labels")
def label_misprinted(report: Report, rng: random.Random) -> Report:
    """One character of a few labels lost or doubled."""

    def change(cell: Cell) -> str:
        if len(cell.text) < 8 or rng.random() > 0.25:
            return cell.text
        at = rng.randint(4, len(cell.text) - 3)
        return cell.text[:at] + rng.choice(("", cell.text[at] * 2)) + cell.text[at + 1 :]

    return _relabel(report, change, ("row",))


@deviation("labels")
def corner_missing(report: Report, rng: random.Random) -> Report:
    """The corner of a table empty."""
    return _relabel(report, lambda c: "", ("corner",))
