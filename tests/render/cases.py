"""Rendered reports with the truth beside them, drawn so that every deviation and format comes up.

Here: the seeded product of format, deviation, size and form. Not here: what any of them is.
"""

from __future__ import annotations

import itertools
import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.render import (
    deviations_cells,
    deviations_figures,
    deviations_grids,
    deviations_labels,
    deviations_tables,
    deviations_text,
    deviations_wild,
    indicators,
    wording,
)
from tests.render.deviation import DEVIATIONS, apply
from tests.render.figures import SIZES, Size, make_figures
from tests.render.formats import FORMATS, QUICK, render
from tests.render.indicators import indicator_report
from tests.render.report import Report, build
from tests.render.truth import Expected

# Loading these modules fills the register.
REGISTERED = (
    deviations_text,
    deviations_figures,
    deviations_cells,
    deviations_labels,
    deviations_tables,
    deviations_grids,
    deviations_wild,
)
_YEARS = {"2019": (2019, 2020, 2021, 2022, 2023), "2021": (2021, 2022, 2023, 2024, 2025)}


@dataclass(frozen=True)
class Case:
    """One file to be: what it is made of, and a name that says so."""

    format: str
    deviations: tuple[str, ...]
    form: str
    size: Size
    seed: int

    @property
    def name(self) -> str:
        """For test ids and file names."""
        what = "+".join(self.deviations) or "plain"
        return f"{self.format}-{self.form}-{self.size}-{what}-{self.seed}"

    def report(self) -> Report:
        """The report before it is rendered."""
        if self.form == indicators.FORM:
            # Every third one has other wordings, every third blanks for zeros.
            turn = self.seed % 3
            return indicator_report(self.seed, self.size, 0.4 * (turn == 1), 0.5 * (turn == 2))
        rng = random.Random(f"case/{self.seed}")
        region, agency = rng.choice(wording.AGENCIES)
        figures = make_figures(self.seed, self.form, self.size)
        report = build(agency, rng.choice(_YEARS[self.form]), figures, self.seed, region=region)
        return apply(report, self.deviations, self.seed)

    def render(self, folder: Path) -> tuple[Path, Expected]:
        """Write the file into a folder; the path and what a reader must find."""
        path = folder / f"{self.name}{FORMATS[self.format].suffix}"
        return path, render(self.report(), self.format, path)


def cases(
    n: int,
    seed: int = 0,
    formats: Sequence[str] | None = None,
    deviations: Sequence[str] | None = None,
    pairs: bool = True,
) -> Iterator[Case]:
    """``n`` cases; the same arguments always give the same ones.

    First every deviation once, with the formats taken in turn; then on through the product of
    format and deviation, where every third case carries two deviations (``pairs``) and every
    tenth none.

    Args:
        formats: names from ``FORMATS``; by default those that need nothing installed.
        deviations: names from ``DEVIATIONS``; by default all.
    """
    rng = random.Random(f"cases/{seed}")
    kinds = list(formats if formats is not None else QUICK)
    names = list(deviations if deviations is not None else DEVIATIONS)
    rng.shuffle(kinds)
    rng.shuffle(names)
    made = itertools.islice(_stream(rng, kinds, names, pairs), n)
    for number, (format, chosen, form, size) in enumerate(made):
        yield Case(format, chosen, form, size, seed * 100_000 + number)


def indicator_cases(n: int, seed: int = 0, formats: Sequence[str] | None = None) -> Iterator[Case]:
    """``n`` cases of the form with the list of indicators, formats and sizes taken in turn."""
    kinds = list(formats if formats is not None else QUICK)
    for number in range(n):
        size = SIZES[(number + number // len(kinds)) % len(SIZES)]
        yield Case(kinds[number % len(kinds)], (), indicators.FORM, size, seed * 100_000 + number)


_Drawn = tuple[str, tuple[str, ...], str, Size]


def _stream(rng: random.Random, kinds: list[str], names: list[str], pairs: bool) -> Iterator[_Drawn]:
    if not any(_possible(kind, name) for kind in kinds for name in names):
        for number in itertools.count():
            yield kinds[number % len(kinds)], (), rng.choice(list(_YEARS)), SIZES[number % len(SIZES)]
    count = 0
    for turn in itertools.count():
        for at, name in enumerate(names):
            # Each turn pairs a deviation with the next format, so that the product fills up evenly.
            fitting = [k for k in kinds if _possible(k, name)]
            if not fitting:
                continue
            kind = fitting[(turn + at) % len(fitting)]
            form, size = rng.choice(_possible(kind, name))
            count += 1
            chosen: tuple[str, ...] = (name,)
            if turn and count % 10 == 0:
                chosen = ()
            elif turn and pairs and count % 3 == 0:
                chosen = _second(rng, name, names, kind, form, size)
            yield kind, chosen, form, size


def _possible(kind: str, name: str) -> list[tuple[str, Size]]:
    item = DEVIATIONS[name]
    return [(form, size) for form in _YEARS for size in SIZES if item.fits(kind, form, size)]


def _second(
    rng: random.Random, name: str, names: list[str], kind: str, form: str, size: Size
) -> tuple[str, ...]:
    touched = DEVIATIONS[name].touches
    others = [
        n for n in names if not DEVIATIONS[n].touches & touched and DEVIATIONS[n].fits(kind, form, size)
    ]
    return tuple(sorted((name, rng.choice(others)))) if others else (name,)
