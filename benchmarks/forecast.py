"""What the growth curve says of a number of reports that was not built.

Here: the statement, with all that it rests on. Not here: the fit (growth) or the page's other parts.
"""

from __future__ import annotations

from collections.abc import Iterator
from statistics import mean

from benchmarks import corpus, growth, readers
from benchmarks.results import Part, Results, digits

_HOUR = 3600.0
_GIB = 1024.0


def told(part: Part, results: Results, reports: int = growth.TARGET) -> str:
    """The statement in Markdown; what cannot be said is said to be missing."""
    lines = list(_builds(part, reports))
    if not lines:
        return "The sizes are too few or too small for a curve: time does not grow between them."
    largest = max(reports for reports, _ in _points(part))
    beyond = (
        f"A build of {reports:,} reports is {reports / largest:,.0f} times the largest that was measured"
        f" ({largest:,.0f}), so this is what the curve says, not what was seen. The straight line is fixed"
        " cost and cost a report, fitted to relative distances; the power law goes on from the two largest"
        " sizes."
    )
    return "\n".join([beyond, "", *lines, *_memory(part, reports), *_reading(results, reports)])


def _points(part: Part) -> list[tuple[float, float]]:
    found = growth.curve_of(part, growth.BUILDS["first"])
    return list(found.points) if found else []


def _builds(part: Part, reports: int) -> Iterator[str]:
    for title in growth.BUILDS.values():
        found = growth.curve_of(part, title)
        if found is None:
            continue
        low, high = sorted((found.straight(reports), found.power(reports)))
        yield (
            f"- Build, {title}: **{_time(low)} to {_time(high)}** without reading"
            f" ({found.fixed:.1f} s and {found.each * 1e3:.3g} ms a report, points within {found.off:.0%} of"
            f" the line; exponent {found.exponent:.2f} between the two largest sizes, 1 is proportional)."
        )


def _memory(part: Part, reports: int) -> Iterator[str]:
    peak, disk = growth.curve_of(part, growth.PEAK), growth.curve_of(part, growth.ON_DISK)
    if peak is not None:
        low, high = sorted((peak.straight(reports), peak.power(reports)))
        (_, largest) = peak.points[-1]
        yield (
            f"- Peak memory: {largest / _GIB:.1f} GiB at the largest size; if it went on growing as it does"
            f" between the measured sizes, {low / _GIB:.1f} to {high / _GIB:.1f} GiB."
        )
    if disk is not None:
        yield f"- The warehouse: {disk.straight(reports) / _GIB:.0f} GiB."


def _reading(results: Results, reports: int) -> Iterator[str]:
    part = results.part(readers.NAME)
    if part is None:
        return
    each = [
        sum(m.median for column in (readers.READING, readers.CELLS) if (m := part.of(name, column)))
        for name in corpus.MIX
        if part.of(name, readers.READING)
    ]
    if not each:
        return
    cores = int(results.machine["cores"])
    seconds = reports * mean(each) / 1e3
    yield (
        f"- Reading them once: {mean(each):.0f} ms a file in the mix of formats that is built above"
        f" ({digits(seconds / _HOUR)} hours of one core), so **{_time(seconds / cores)}** on the {cores}"
        " cores of this machine and in proportion less on more. What was read is kept: it is paid once for"
        " each file."
    )


def _time(seconds: float) -> str:
    if seconds < 2 * 60:
        return f"{seconds:.0f} s"
    if seconds < 2 * _HOUR:
        return f"{seconds / 60:.0f} min"
    return f"{seconds / _HOUR:.1f} h"
