"""Part: builds of collections larger than can be rendered, and what their curve says of millions.

The collections are made by benchmarks.scale, in a process of its own for each size. Here: their measures and
the fit. Not here: how the reports are made up (scale).
"""

from __future__ import annotations

import json
import math
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.results import Fact, Measure, Part, measured
from benchmarks.running import RunFault, dagster_in, python
from benchmarks.suite import CHANGED, NOTHING, UNCHANGED, Size

NAME = "growth"
BUILDS = {"first": NOTHING, "unchanged": UNCHANGED, "one_changed": CHANGED}
"""What scale calls its builds, and what they are called here."""
A_REPORT = "ms a report, {}"
PROCESSOR = "processor time, {}"
PEAK, ON_DISK, CELLS = "peak memory", "warehouse", "cells"
TARGET = 3_000_000
_LARGEST = 2
"""Sizes that the exponent is taken from."""


def measure(size: Size, folder: Path) -> Part:
    """Seconds, time a report, peak memory and size on disk for each number of reports."""
    took: dict[tuple[str, str, str], list[float]] = defaultdict(list)
    facts: dict[str, Fact] = {}
    notes = []
    for reports, times in size.growth.items():
        for turn in range(times):
            found = folder / f"{reports}-{turn}.json"
            words = ("-m", "benchmarks.scale", str(reports), "--json", str(found))
            try:
                python(*words, environment=dagster_in(folder))
            except RunFault as fault:
                # It also ends so where a build took more memory than is set: then there are figures.
                if not found.exists():
                    notes.append(f"{reports:,} reports were not built: {str(fault).strip().splitlines()[-1]}")
                    break
                notes.append(f"A build of {reports:,} reports took more memory than the limit.")
            (told,) = json.loads(found.read_text(encoding="utf-8"))
            facts |= {"MiB set": told["megabytes_set"], "workers": told["workers"]}
            for row, column, unit, value in measures_of(told):
                took[row, column, unit].append(value)
    return Part(NAME, tuple(measured(*key, values) for key, values in took.items()), facts, tuple(notes))


def measures_of(told: Mapping[str, Any]) -> Iterator[tuple[str, str, str, float]]:
    """What benchmarks.scale found for one size, as row, column, unit and value."""
    reports = int(told["reports"])
    row = f"{reports:,}"
    yield row, "reports", "", float(reports)
    for name, title in BUILDS.items():
        seconds = float(told[f"{name}_seconds"])
        yield row, title, "s", seconds
        yield row, A_REPORT.format(title), "ms", seconds * 1e3 / reports
        yield row, PROCESSOR.format(title), "s", float(told[f"{name}_processor_seconds"])
    yield row, PEAK, "MiB", float(told["peak_megabytes"])
    yield row, CELLS, "", float(told["cells"])
    yield row, ON_DISK, "MiB", float(told["warehouse_megabytes"])


@dataclass(frozen=True, slots=True)
class Curve:
    """A quantity that grows with the number of reports: ``fixed`` + ``each`` · reports, and as a power law.

    ``exponent``: of the power law through the largest sizes; 1 is proportional. ``off``: the largest relative
    distance of a measured point from the straight line.
    """

    fixed: float
    each: float
    exponent: float
    off: float
    points: tuple[tuple[float, float], ...]

    def straight(self, reports: float) -> float:
        """What the straight line says of so many reports."""
        return self.fixed + self.each * reports

    def power(self, reports: float) -> float:
        """What the power law says of so many reports, going on from the largest size."""
        largest, value = self.points[-1]
        return float(value * (reports / largest) ** self.exponent)


def curve(points: Sequence[tuple[float, float]]) -> Curve | None:
    """The fit through (reports, quantity); None for fewer than two sizes, or where it does not grow.

    The line is fitted to relative distances, so that the smallest size counts as much as the largest, and
    with a fixed cost that is not below zero.
    """
    found = tuple(sorted(points))
    if len({reports for reports, _ in found}) < _LARGEST:
        return None
    sizes, values = np.array([p[0] for p in found]), np.array([p[1] for p in found])
    weighed = np.stack([1 / values, sizes / values], axis=1)
    (fixed, each), *_ = np.linalg.lstsq(weighed, np.ones(len(found)), rcond=None)
    if each <= 0:
        return None
    if fixed < 0:
        fixed, each = 0.0, float((sizes / values).sum() / ((sizes / values) ** 2).sum())
    off = float(np.max(np.abs((fixed + each * sizes) / values - 1)))
    (low, before), (high, after) = found[-_LARGEST:]
    exponent = math.log(after / before) / math.log(high / low)
    return Curve(float(fixed), float(each), exponent, off, found)


def curve_of(part: Part, column: str) -> Curve | None:
    """The fit of one column over all sizes."""
    return curve([(_reports(m), m.median) for m in part.measures if m.column == column])


def _reports(measure: Measure) -> float:
    return float(measure.row.replace(",", ""))
