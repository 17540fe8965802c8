"""Guards of the pipeline itself: a build held against the last one that was published.

Here: the shape of ``guards.yaml``, and what each guard finds. Not here: what is done about it
(steps.py bars publication, defs/ shows it), or checks of what offices print (the other modules).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Annotated, Literal

import polars as pl
from pydantic import ConfigDict, Field
from pydantic.dataclasses import dataclass

from pipeline import frames
from pipeline.cells.report import DocumentStatus
from pipeline.checks.rules import RulesFault, Words
from pipeline.form.strict import load_strict

HERE = Path(__file__).parent
_STRICT = ConfigDict(extra="forbid")
Share = Annotated[float, Field(ge=0, le=1)]
Least = Annotated[int, Field(ge=1)]

RESULT = {
    "guard": pl.String,
    "place": pl.String,
    "status": pl.String,
    "before": pl.Float64,
    "now": pl.Float64,
    "allowed": pl.Float64,
    "counted": pl.Int64,
    "message": pl.String,
}
"""One row for each guard and group: shares (files) or numbers (figures, folder) before and now,
the worst value of ``now`` that is allowed, and how many files or figures were counted before."""

QUESTIONS: Mapping[str, str] = {
    "dim_document": "select document_id, source, format, status, report_id from dim_document",
    "dim_report": "select report_id, report_year from dim_report",
    **{
        facts: f"select report_id, count(value)::bigint as figures from {facts} group by report_id"
        for facts in frames.FACTS.values()
    },
}
"""What the guards must know of a warehouse, in SQL: files, reports, and each report's number of figures."""


@dataclass(frozen=True, config=_STRICT)
class FileGuard:
    """The share of files in some states must not rise by more than ``rise``."""

    code: Words
    of: Literal["same", "all"]
    failing: tuple[DocumentStatus, ...]
    rise: Share
    least: Least
    reason: Words
    by: Literal["format", "source"] | None = None


@dataclass(frozen=True, config=_STRICT)
class CountGuard:
    """A number must not fall below ``keep`` of what it was."""

    code: Words
    keep: Share
    least: Least
    reason: Words


@dataclass(frozen=True, config=_STRICT)
class Guards:
    """All that ``guards.yaml`` says."""

    files: tuple[FileGuard, ...]
    figures: CountGuard
    folder: CountGuard

    @property
    def all(self) -> tuple[FileGuard | CountGuard, ...]:
        """Every guard, each with its own code."""
        return (*self.files, self.figures, self.folder)


def load_guards(path: Path) -> Guards:
    """Read a file of guards.

    Raises:
        RulesFault: naming the file and the place of each fault.
    """
    found = load_strict(path, Guards, RulesFault)
    codes = [guard.code for guard in found.all]
    if len(set(codes)) < len(codes):
        raise RulesFault(f"{path.name}: a code stands twice")
    return found


@cache
def guards() -> Guards:
    """The guards that ship with the pipeline."""
    return load_guards(HERE / "guards.yaml")


def guard_results(now: Mapping[str, pl.DataFrame], before: Mapping[str, pl.DataFrame] | None) -> pl.DataFrame:
    """What every guard finds, in the order of the file: rows of ``RESULT``.

    Args:
        now, before: the answers to ``QUESTIONS``, of this build and of the one that is
            published; None where nothing is published yet.
    Returns:
        ``pass`` or ``fail`` for each group that can be compared; one ``not_assessable`` row for a
        guard that has nothing to compare.
    """
    found: list[dict[str, object]] = []
    for guard in guards().all:
        mine = list(_check(guard, now, before)) if before is not None else []
        nothing = "nothing is published yet" if before is None else f"fewer than {guard.least} to compare"
        found += mine or [{"guard": guard.code, "status": "not_assessable", "message": nothing}]
    return pl.DataFrame(found, schema=RESULT)


def told(failed: Iterable[str]) -> str:
    """Why nothing is published, in one line.

    Args:
        failed: what each failing guard found.
    """
    return (
        "not published, since this build is much worse than the published one: "
        + "; ".join(failed)
        + " (`gongkai build --accept` publishes it all the same)"
    )


def failures(results: pl.DataFrame) -> list[str]:
    """One line for a person about each guard and group that failed."""
    failed = results.filter(pl.col("status") == "fail")
    return [f"{guard}: {message}" for guard, message in failed.select("guard", "message").iter_rows()]


def _check(
    guard: FileGuard | CountGuard, now: Mapping[str, pl.DataFrame], before: Mapping[str, pl.DataFrame]
) -> Iterator[dict[str, object]]:
    if isinstance(guard, FileGuard):
        yield from _shares(guard, now["dim_document"], before["dim_document"])
    elif guard is guards().figures:
        yield from _figures(guard, now, before)
    else:
        files = before["dim_document"].height, now["dim_document"].height
        yield from _counts(guard, [("all files", *files)], "files")


def _shares(guard: FileGuard, now: pl.DataFrame, before: pl.DataFrame) -> Iterator[dict[str, object]]:
    """The share of failing files in each group, in both builds."""
    group = pl.col(guard.by) if guard.by else pl.lit("all files")
    if guard.of == "same":
        # The group is that of the earlier build: a file that can no longer be read has no sure format.
        files = before.filter(pl.col("document_id").is_not_null()).unique("document_id", maintain_order=True)
        pair = files.join(now.unique("document_id"), on="document_id", suffix="_now")
        states = [pair.select(place=group, status="status"), pair.select(place=group, status="status_now")]
    else:
        states = [frame.select(place=group, status="status") for frame in (before, now)]
    earlier, later = (
        state.group_by("place").agg(
            files=pl.len(), failing=pl.col("status").is_in(list(guard.failing)).sum().cast(pl.Int64)
        )
        for state in states
    )
    both = earlier.join(later, on="place", suffix="_now").filter(
        (pl.col("files") >= guard.least) & (pl.col("files_now") >= guard.least)
    )
    for row in both.sort("place").iter_rows(named=True):
        was, is_now = row["failing"] / row["files"], row["failing_now"] / row["files_now"]
        kind = "of the same files" if guard.of == "same" else "of files"
        message = (
            f"{row['place']}: {row['failing_now']} {kind} of {row['files_now']} are not read,"
            f" {row['failing']} of {row['files']} in the published warehouse"
        )
        yield _row(guard, row["place"], was, is_now, was + guard.rise, row["files"], message, rises=True)


def _figures(
    guard: CountGuard, now: Mapping[str, pl.DataFrame], before: Mapping[str, pl.DataFrame]
) -> Iterator[dict[str, object]]:
    """How many figures each table has of each year; before, only of reports that still have a file."""
    there = before["dim_document"].join(
        now["dim_document"].filter(pl.col("document_id").is_not_null()), on="document_id", how="semi"
    )
    for facts in frames.FACTS.values():
        earlier = _per_year(before, facts, there)
        later = _per_year(now, facts, now["dim_report"])
        places = [(f"{facts} {year}", count, later.get(year, 0)) for year, count in earlier.items()]
        yield from _counts(guard, places, "figures")


def _per_year(tables: Mapping[str, pl.DataFrame], facts: str, reports: pl.DataFrame) -> dict[int, int]:
    """How many figures a table has of each year, of these reports (report_id)."""
    years = tables["dim_report"].join(reports, on="report_id", how="semi").select("report_id", "report_year")
    figures = tables[facts].join(years.drop_nulls(), on="report_id")
    counted = figures.group_by("report_year").agg(pl.col("figures").sum()).filter(pl.col("figures") > 0)
    return dict(counted.sort("report_year").iter_rows())


def _counts(
    guard: CountGuard, places: Iterable[tuple[str, int, int]], what: str
) -> Iterator[dict[str, object]]:
    for place, was, is_now in places:
        if was >= guard.least:
            message = f"{place}: {is_now:,} {what}, {was:,} in the published warehouse"
            yield _row(guard, place, was, is_now, was * guard.keep, was, message, rises=False)


def _row(
    guard: FileGuard | CountGuard,
    place: str,
    before: float,
    now: float,
    allowed: float,
    counted: int,
    message: str,
    rises: bool,
) -> dict[str, object]:
    holds = now <= allowed if rises else now >= allowed
    return {
        "guard": guard.code,
        "place": place,
        "status": "pass" if holds else "fail",
        "before": float(before),
        "now": float(now),
        "allowed": float(allowed),
        "counted": counted,
        "message": message,
    }
