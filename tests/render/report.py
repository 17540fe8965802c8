"""A report to be rendered: its blocks in order, its figures, and the truth about it.

Here: the spec, how it is built from an agency, a year and figures, and edits of its blocks.
Not here: deviations (their own modules) and kinds of files (out_*).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Literal

from pipeline.form import forms
from tests.render import wording
from tests.render.figures import Figures, Key
from tests.render.layout import Cell, PrintedTable, edit, lay_out
from tests.render.truth import Expected, faithful, with_failing

TextKind = Literal["title", "preface", "section", "topic", "paragraph", "note", "sign"]


@dataclass(frozen=True)
class Text:
    """A paragraph. ``code`` is the section's for a section title; a newline breaks the line in the file."""

    text: str
    kind: TextKind
    code: str | None = None


Block = Text | PrintedTable


@dataclass(frozen=True)
class Report:
    """One report, ready for any renderer.

    ``traits`` are wishes that only some renderers know (``repeat_header``, ``cut_label``, …).
    ``page_title`` is what a web page or a PDF says of itself outside the text.
    """

    agency: str
    year: int
    figures: Figures
    blocks: tuple[Block, ...]
    truth: Expected
    page_title: str
    seed: int = 0
    traits: frozenset[str] = field(default_factory=frozenset)

    @property
    def form(self) -> str:
        """The form's version."""
        return self.figures.form

    def table(self, code: str) -> PrintedTable:
        """The printed table with this code; KeyError where the report has none."""
        for block in self.blocks:
            if isinstance(block, PrintedTable) and block.code == code:
                return block
        raise KeyError(code)


def build(
    agency: str, year: int, figures: Figures, seed: int = 0, *, title: str | None = None, region: str = ""
) -> Report:
    """A faithful report: the form as printed, narrative that agrees with its figures.

    Args:
        agency: the name in the title; also what dim_agency.agency_name must be.
        seed: chooses among the wordings of the narrative.
        title: other wording of the title.
        region: where the agency is, for the contact sentence and the page's frame.
    """
    form = forms()[figures.form]
    heading = title or f"{agency}{year}年政府信息公开工作年度报告"
    words = wording.narrative(agency, year, figures, seed, region)
    blocks: list[Block] = [Text(heading, "title"), Text(words.preface, "preface")]
    raw: dict[Key, str] = {}
    for section in form.sections:
        blocks.append(Text(section.label, "section", section.code))
        table = next((t for t in form.tables if t.code == section.code), None)
        if table is not None:
            printed = lay_out(table, figures.values)
            raw |= {cell.key: cell.text for _, cell in printed.cells() if cell.key}
            blocks.append(printed)
            continue
        for topic, text in words.sections[section.code]:
            blocks.append(Text(f"{topic}{text}", "paragraph"))
    truth = replace(faithful(agency, year, figures, raw), statements=words.statements)
    return Report(agency, year, figures, tuple(blocks), with_failing(truth), heading, seed)


def edit_table(report: Report, code: str, change: Callable[[PrintedTable], PrintedTable]) -> Report:
    """The report with one table changed."""
    return replace(
        report,
        blocks=tuple(
            change(b) if isinstance(b, PrintedTable) and b.code == code else b for b in report.blocks
        ),
    )


def edit_cells(report: Report, change: Callable[[Cell], Cell], *tables: str) -> Report:
    """The report with every cell of the tables (all where none is named) changed."""
    return replace(
        report,
        blocks=tuple(
            edit(b, change) if isinstance(b, PrintedTable) and (not tables or b.code in tables) else b
            for b in report.blocks
        ),
    )


def edit_texts(report: Report, change: Callable[[Text], Text | None]) -> Report:
    """The report with every text changed; None drops it."""
    blocks = [change(b) if isinstance(b, Text) else b for b in report.blocks]
    return replace(report, blocks=tuple(b for b in blocks if b is not None))


def section_title(report: Report, code: str) -> int:
    """The index of a section's title among the blocks; KeyError where it has none."""
    for index, block in enumerate(report.blocks):
        if isinstance(block, Text) and block.kind == "section" and block.code == code:
            return index
    raise KeyError(code)
