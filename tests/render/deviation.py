"""Named deviations from the form: what they are and the list of all.

Here: the type, the register and how several are put on one report. The deviations themselves stand in
deviations_text.py, deviations_figures.py, deviations_labels.py and deviations_tables.py.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace

from pipeline.cells.report import TableState
from tests.render.figures import SIZES, Key, Size
from tests.render.formats import FORMATS, Format
from tests.render.layout import PrintedTable
from tests.render.report import Report, edit_cells
from tests.render.truth import CellTruth

Change = Callable[[Report, random.Random], Report]


def everywhere(_: Format) -> bool:
    """For deviations that any kind of file can show."""
    return True


@dataclass(frozen=True)
class Deviation:
    """A way in which reports differ from the form.

    ``touches`` names what it changes: two deviations go together only where they touch different
    things. ``stage`` orders them: figures (1), labels (2), rows and columns (3), whole tables (4).
    """

    name: str
    about: str
    apply: Change
    touches: frozenset[str]
    stage: int
    formats: Callable[[Format], bool]
    forms: tuple[str, ...]
    sizes: tuple[Size, ...]

    def fits(self, format: str, form: str, size: Size) -> bool:
        """Whether a report of this form and size in this kind of file can show it."""
        return self.formats(FORMATS[format]) and form in self.forms and size in self.sizes


DEVIATIONS: dict[str, Deviation] = {}


def deviation(
    *touches: str,
    stage: int = 2,
    formats: Callable[[Format], bool] = everywhere,
    forms: tuple[str, ...] = ("2019", "2021"),
    sizes: tuple[Size, ...] = SIZES,
) -> Callable[[Change], Change]:
    """Register a function that puts a deviation on a report; its name and docstring are the deviation's."""

    def register(change: Change) -> Change:
        name = change.__name__
        about = (change.__doc__ or "").strip()
        DEVIATIONS[name] = Deviation(name, about, change, frozenset(touches), stage, formats, forms, sizes)
        return change

    return register


def apply(report: Report, names: Iterable[str], seed: int) -> Report:
    """The report with these deviations, in the order of their stages."""
    for item in sorted((DEVIATIONS[name] for name in names), key=lambda d: d.stage):
        report = item.apply(report, random.Random(f"{item.name}/{seed}"))
    return report


# Changes that many deviations share.


def reprint(report: Report, texts: dict[Key, str]) -> Report:
    """The report with other texts in these cells; what they mean stays."""
    return edit_cells(report, lambda c: replace(c, text=texts[c.key]) if c.key in texts else c)


def mark(report: Report, keys: Iterable[Key], change: Callable[[CellTruth], CellTruth]) -> Report:
    """The report with the truth of these cells changed."""
    cells = {key: change(report.truth.cells[key]) for key in keys}
    return replace(report, truth=report.truth.with_cells(cells))


def blank(report: Report, keys: Iterable[Key]) -> Report:
    """The report with these cells left empty, and the state of their tables with them."""
    keys = [key for key in keys if key in report.truth.cells]
    report = reprint(report, dict.fromkeys(keys, ""))
    report = mark(report, keys, lambda c: replace(c, status="blank", required=False))
    for table in {key[0] for key in keys}:
        cells = [cell for key, cell in report.truth.cells.items() if key[0] == table]
        empty = all(cell.status == "blank" for cell in cells)
        states: tuple[TableState, ...] = ("blank",) if empty else ("complete", "partial")
        truth = report.truth.state(table, *states)
        report = replace(report, truth=replace(truth, statuses=("parsed", "partial")))
    return report


def without_cells(report: Report, table: str) -> Report:
    """The report's truth without any cell of this table."""
    cells = {key: cell for key, cell in report.truth.cells.items() if key[0] != table}
    return replace(report, truth=replace(report.truth, cells=cells))


def tables(report: Report) -> list[PrintedTable]:
    """The tables of a report in order."""
    return [block for block in report.blocks if isinstance(block, PrintedTable)]
