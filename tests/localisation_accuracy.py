"""How well wrong cells are found: faults put into figures that close, and what is suggested for them.

``python -m tests.localisation_accuracy`` prints two tables as Markdown; test_localisation.py runs a
part of it. The first is over figures in memory, many of each fault; the second over reports that are
rendered to files with the fault in them, read and checked as a build does.
"""

from __future__ import annotations

import argparse
import random
import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from itertools import pairwise
from pathlib import Path

import polars as pl

from pipeline.cells.identities import Key, equations, evaluate
from pipeline.cells.report import Fact
from pipeline.checks.identities import identity_checks
from pipeline.checks.localisation import Suggestion, suggest
from pipeline.form.model import Table, forms
from tests.render.figures import SIZES, VERSIONS, Size, make_figures
from tests.written import write_part

Values = dict[Key, int]
Spoil = Callable[[random.Random, Values, Table], Values | None]
"""Gives the right figures of a table a fault; None where these figures have no place for it."""


# Faults in one cell.


def digit_lost(rng: random.Random, figure: int) -> int | None:
    """One digit is gone."""
    digits, at = str(figure), rng.randrange(len(str(figure)))
    return int(digits[:at] + digits[at + 1 :]) if figure > 9 else None


def digit_doubled(rng: random.Random, figure: int) -> int | None:
    """One digit stands twice."""
    digits, at = str(figure), rng.randrange(len(str(figure)))
    return int(digits[: at + 1] + digits[at:]) if figure > 0 else None


def transposed(rng: random.Random, figure: int) -> int | None:
    """Two digits beside each other have changed places."""
    if figure < 10:
        return None
    digits, at = str(figure), rng.randrange(len(str(figure)) - 1)
    return int(digits[:at] + digits[at + 1] + digits[at] + digits[at + 2 :])


def mistyped(rng: random.Random, figure: int) -> int | None:
    """One digit is another; a zero may become any."""
    digits, at = str(figure), rng.randrange(len(str(figure)))
    return int(digits[:at] + rng.choice([d for d in "0123456789" if d != digits[at]]) + digits[at + 1 :])


def one_cell(slip: Callable[[random.Random, int], int | None], cells: int = 1) -> Spoil:
    """The slip in so many cells, drawn from all; most often in one that is not zero."""

    def spoil(rng: random.Random, values: Values, table: Table) -> Values | None:
        found = dict(values)
        places = [key for key in sorted(values) if values[key] or rng.random() < 0.05]
        rng.shuffle(places)
        changed = 0
        for key in places:
            figure = slip(rng, values[key])
            if figure is not None and figure != values[key]:
                found[key] = figure
                changed += 1
                if changed == cells:
                    return found
        return None

    return spoil


def any_slip(rng: random.Random, figure: int) -> int | None:
    """One of the four, by chance."""
    return rng.choice((digit_lost, digit_doubled, transposed, mistyped))(rng, figure)


def total_left_zero(rng: random.Random, values: Values, table: Table) -> Values | None:
    """A total of a row or of a column was left at 0."""
    totals = {e.left[0][1] for e in equations(table, rows_of(values)) if len(e.left) == 1}
    places = [key for key in sorted(totals) if values[key]]
    return {**values, rng.choice(places): 0} if places else None


# Faults in more cells.


def swapped_columns(rng: random.Random, values: Values, table: Table) -> Values | None:
    """In one row of 表三 two neighbouring figures have changed places, or one slid into the next column."""
    if table.code == "disputes":
        return None
    return _swap(values, rng, [(a, b) for a, b in _beside(values, table) if a[0] == b[0]])


def swapped_with_total(rng: random.Random, values: Values, table: Table) -> Values | None:
    """In 表四 the total and the figure beside it have changed places; of two others no sum would tell."""
    if table.code != "disputes":
        return None
    return _swap(values, rng, [(a, b) for a, b in _beside(values, table) if a[1] != b[1] == "total"])


def swapped_rows(rng: random.Random, values: Values, table: Table) -> Values | None:
    """In one column two neighbouring figures have changed places, or one slid into the next row."""
    return _swap(values, rng, [(a, b) for a, b in _beside(values, table) if a[1] == b[1]])


def row_shifted(rng: random.Random, values: Values, table: Table) -> Values | None:
    """All figures of a row stand one column to the right; the last is lost, the first 0."""
    columns = [line.code for line in table.columns]
    rows = [row for row in sorted(rows_of(values)) if sum(values[row, c] > 0 for c in columns) > 1]
    if not rows:
        return None
    row = rng.choice(rows)
    moved = [0] + [values[row, column] for column in columns[:-1]]
    return {**values, **{(row, column): figure for column, figure in zip(columns, moved, strict=True)}}


def totals_left_zero(rng: random.Random, values: Values, table: Table) -> Values | None:
    """The whole column of totals was left at 0."""
    last = table.columns[-1].code
    return {key: 0 if key[1] == last else figure for key, figure in values.items()}


def _swap(values: Values, rng: random.Random, pairs: list[tuple[Key, Key]]) -> Values | None:
    pairs = [(a, b) for a, b in pairs if values[a] != values[b]]
    if not pairs:
        return None
    a, b = rng.choice(pairs)
    return {**values, a: values[b], b: values[a]}


def _beside(values: Values, table: Table) -> Iterator[tuple[Key, Key]]:
    rows = [line.code for line in table.rows if line.code in rows_of(values)]
    columns = [line.code for line in table.columns]
    for row in rows:
        yield from (((row, a), (row, b)) for a, b in pairwise(columns))
    for column in columns:
        yield from (((a, column), (b, column)) for a, b in pairwise(rows))


def rows_of(values: Iterable[Key]) -> frozenset[str]:
    return frozenset(row for row, _ in values)


ONE_CELL: dict[str, Spoil] = {
    "a digit lost": one_cell(digit_lost),
    "a digit doubled": one_cell(digit_doubled),
    "two digits transposed": one_cell(transposed),
    "a digit mistyped": one_cell(mistyped),
    "a total left at 0": total_left_zero,
}
MORE_CELLS: dict[str, Spoil] = {
    "two cells": one_cell(any_slip, 2),
    "swapped columns (表三)": swapped_columns,
    "swapped with the total (表四)": swapped_with_total,
    "swapped rows": swapped_rows,
    "three cells": one_cell(any_slip, 3),
    "five cells": one_cell(any_slip, 5),
    "a row shifted by a column": row_shifted,
    "all totals left at 0": totals_left_zero,
}


# One case, and what came of it.


@dataclass(frozen=True)
class Case:
    """One table with a fault."""

    name: str
    fault: str
    table: Table
    right: Values
    printed: Values
    blank: frozenset[Key] = frozenset()
    form: str = ""
    size: Size = "small"
    seed: int = 0

    @property
    def changed(self) -> dict[Key, int]:
        """The right figure of each cell that is wrong."""
        return {key: figure for key, figure in self.right.items() if self.printed[key] != figure}

    @property
    def facts(self) -> dict[Key, Fact]:
        """The table as it would be read."""
        return {
            key: Fact(
                self.table.code,
                *key,
                None if key in self.blank else float(figure),
                None,
                "blank" if key in self.blank else "reported",
                "" if key in self.blank else str(figure),
                "",
            )
            for key, figure in self.printed.items()
        }

    def tellable(self) -> bool:
        """Whether the identities tell the cell: it alone, by whatever change, can close all that fail."""
        system = equations(self.table, rows_of(self.printed))
        values: dict[Key, Decimal | None] = {
            key: None if key in self.blank else Decimal(figure) for key, figure in self.printed.items()
        }
        failing = [o for o in evaluate(system, values, self.blank) if o.closes is False]
        if not failing:
            return False
        in_all = set.intersection(*({key for _, key in o.equation.members} for o in failing))
        able = set()
        for key in in_all - self.blank:
            for outcome in failing:
                (sign,) = (s for s, k in outcome.equation.members if k == key)
                figure = self.printed[key] - sign * (outcome.left - outcome.right)
                if figure >= 0 and all(
                    o.closes is not False for o in evaluate(system, {**values, key: figure}, self.blank)
                ):
                    able.add(key)
        return able == set(self.changed)


def cases(faults: Mapping[str, Spoil], count: int, seed: int = 1, empty: float = 0.0) -> Iterator[Case]:
    """So many cases of each fault, over both forms, all sizes with figures, 表三 and 表四.

    Args:
        empty: the share of reports in which zeros are not printed; each zero cell is then left
            empty with a chance of one half.
    """
    for fault, spoil in faults.items():
        rng = random.Random(f"{seed}/{fault}")
        found = 0
        attempt = 0
        while found < count:
            attempt += 1
            form = rng.choice(list(VERSIONS))
            size = rng.choice([size for size in SIZES if size != "zero"])
            table = forms()[form].table("disputes" if rng.random() < 0.2 else "requests")
            number = 1000 * seed + attempt
            figures = make_figures(number, form, size)
            right = {key[1:]: int(figure) for key, figure in figures.values.items() if key[0] == table.code}
            printed = spoil(rng, right, table)
            if printed is None or printed == right:
                continue
            blank: frozenset[Key] = frozenset()
            if rng.random() < empty:
                blank = frozenset(
                    k for k in sorted(right) if not right[k] and not printed[k] and rng.random() < 0.5
                )
            found += 1
            yield Case(
                f"{fault} {found} ({form} {size})", fault, table, right, printed, blank, form, size, number
            )


def checked(given: Iterable[Case]) -> set[str]:
    """The names of the cases in which an identity of check_result fails."""
    rows: dict[str, list[tuple[object, ...]]] = defaultdict(list)
    for case in given:
        for key, fact in case.facts.items():
            rows[case.table.facts].append((case.name, *key, fact.value, fact.value, fact.status))
    newest = list(forms().values())[-1]
    tables = {
        table.facts: pl.DataFrame(
            rows[table.facts],
            schema=[
                "report_id",
                table.row_dimension,
                table.column_dimension,
                "value",
                "best_value",
                "status",
            ],
            schema_overrides=dict.fromkeys(
                ("report_id", table.row_dimension, table.column_dimension, "status"), pl.String
            )
            | dict.fromkeys(("value", "best_value"), pl.Float64),
            orient="row",
        )
        for table in newest.tables
        if table.identities
    }
    return set(identity_checks(tables).filter(pl.col("status") == "fail")["report_id"])


@dataclass
class Tally:
    """What came of the cases of one fault."""

    cases: int = 0
    detected: int = 0
    tellable: int = 0
    first: int = 0
    right: int = 0
    all_first: int = 0
    all_right: int = 0
    ties: int = 0
    silent: int = 0
    seconds: list[float] = field(default_factory=list)

    def add(
        self, case: Case, detected: bool, found: list[Suggestion], seconds: float, tellable: bool
    ) -> None:
        """Count one case. First: every wrong cell is among the suggestions of rank 1."""
        first: dict[Key, list[float]] = {(s.row, s.column): [] for s in found}
        for s in found:
            if s.rank == 1:
                first[s.row, s.column].append(s.suggested)
        hit = all(first.get(key) for key in case.changed)
        value = hit and all(figure in first[key] for key, figure in case.changed.items())
        self.cases += 1
        self.detected += detected
        self.all_first += hit
        self.all_right += value
        self.ties += sum(bool(figures) for figures in first.values()) > len(case.changed)
        self.silent += not found
        if tellable:
            self.tellable += 1
            self.first += hit
            self.right += value
        if detected:
            self.seconds.append(seconds)


def measure(faults: Mapping[str, Spoil], count: int, seed: int = 1, empty: float = 0.0) -> dict[str, Tally]:
    """Suggestions for so many cases of each fault, by fault."""
    given = list(cases(faults, count, seed, empty))
    failing = checked(given)
    tallies: dict[str, Tally] = defaultdict(Tally)
    for case in given:
        facts = case.facts
        start = time.process_time()
        found = suggest(facts, case.table)
        seconds = time.process_time() - start
        tellable = len(case.changed) == 1 and case.tellable()
        tallies[case.fault].add(case, case.name in failing, found, seconds, tellable)
    return tallies


def _share(part: int, whole: int) -> str:
    return f"{part / whole:.1%}" if whole else "–"


def _line(fault: str, tally: Tally) -> str:
    times = sorted(tally.seconds) or [0.0]
    cells = [
        fault,
        str(tally.cases),
        _share(tally.detected, tally.cases),
        str(tally.tellable or "–"),
        _share(tally.first, tally.tellable),
        _share(tally.right, tally.tellable),
        _share(tally.all_first, tally.cases),
        _share(tally.all_right, tally.cases),
        _share(tally.ties, tally.cases),
        f"{1000 * times[len(times) // 2]:.0f} / {1000 * times[-1]:.0f}",
    ]
    return f"| {' | '.join(cells)} |"


HEADER = (
    "| fault | cases | detected | tellable | of these: cell first | value right "
    "| of all: cells first | values right | with ties | CPU ms median / most |"
)


def _told(cases_each: int, rendered_each: int, seed: int) -> Iterator[str]:
    """The lines of the report, as they are measured."""
    suggest({}, forms()["2021"].table("requests"))
    clean = wrong = 0
    for size in SIZES:
        for form in (forms()[version] for version in VERSIONS):
            for number in range(10):
                figures = make_figures(number, form.form, size)
                for table in form.tables:
                    right = {key[1:]: int(v) for key, v in figures.values.items() if key[0] == table.code}
                    clean += 1
                    wrong += bool(suggest(Case("", "", table, right, right).facts, table))
    yield f"Figures in memory. Clean tables: {clean}, with a suggestion: {wrong}.\n"
    yield f"{HEADER}\n|{' --- |' * 10}"
    for empty, note in ((0.0, ""), (1.0, ", half the zeros not printed")):
        for faults in (ONE_CELL, MORE_CELLS):
            for fault, tally in measure(faults, cases_each, seed, empty).items():
                yield _line(fault + note, tally)
    if rendered_each:
        # That module needs the cases of this one.
        from tests.localisation_rendered import RENDERED, measure_rendered

        kinds = ", ".join(RENDERED)
        tallies, clean_files = measure_rendered({**ONE_CELL, **MORE_CELLS}, rendered_each, seed)
        yield (
            f"\nReports rendered ({kinds}), read and checked. Clean ones: {clean_files[0]},"
            f" with a finding of severity error: {clean_files[1]}.\n"
        )
        yield f"{HEADER}\n|{' --- |' * 10}"
        yield from (_line(fault, tally) for fault, tally in tallies.items())


def main() -> None:
    """Print the tables, and write them where they are kept."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cases", type=int, default=150, help="cases of each fault, in memory")
    parser.add_argument("--rendered", type=int, default=50, help="cases of each fault, as files")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument(
        "--write", type=Path, help="a Markdown file whose <!-- localisation --> part is written"
    )
    given = parser.parse_args()
    lines = []
    for line in _told(given.cases, given.rendered, given.seed):
        print(line, flush=True)
        lines.append(line)
    if given.write:
        write_part(given.write, "localisation", lines)


if __name__ == "__main__":
    main()
