"""Tables that are missing, blank or incomplete, and what the reading itself found out.

Here: completeness.*, lost_cells.* and the notes of reading as findings. Not here: identities.
"""

from __future__ import annotations

from collections.abc import Mapping

import polars as pl

from pipeline.checks.identities import RESULT
from pipeline.checks.rules import rules
from pipeline.form.model import Form, Table, forms

# What each state of a table means for the report (CONTRACT: severity).
STATES: dict[str, tuple[str, str, str]] = {
    "complete": ("pass", "info", ""),
    "partial": ("fail", "warn", "some cells or rows of the table were not found"),
    "blank": ("fail", "warn", "the table is printed, no figure is filled in"),
    "header_only": ("fail", "warn", "only the table's header is printed"),
    "missing": ("fail", "error", "the table is not in the report"),
    "image_only": ("fail", "error", "the table is only a picture and was not read"),
}


_NOT_ON_THE_FORM = ("not_assessable", "info", "the form of that year has no such table")
OLDER_MISSING = ("fail", "warn", "the list is not in the report, perhaps in a file of its own")


def completeness_checks(tables: Mapping[str, pl.DataFrame]) -> pl.DataFrame:
    """``completeness.<table>`` for each report: passes only where the table is there and complete.

    A table that the form of the report's year does not have cannot be assessed.
    """
    reports = tables["dim_report"]
    found = [_lists(form, table, tables) for form, table in _older_lists()]
    for table in list(forms().values())[-1].tables:
        state = pl.col(f"{table.code}_table").cast(pl.String)

        older = (state == "missing") & _is_older(table)

        def part(index: int, state: pl.Expr = state, older: pl.Expr = older) -> pl.Expr:
            told = state.replace_strict({k: v[index] for k, v in STATES.items()})
            return pl.when(older).then(pl.lit(_NOT_ON_THE_FORM[index])).otherwise(told)

        found.append(
            reports.select(
                "report_id",
                pl.lit(f"completeness.{table.code}").alias("check_code"),
                state.alias("scope"),
                part(0).alias("status"),
                part(1).alias("severity"),
                pl.when(part(2) != "")
                .then(pl.format("《{}》：{}", pl.lit(table.title), part(2)))
                .otherwise(pl.lit(""))
                .alias("message"),
            )
        )
    return pl.concat(_shaped(frame) for frame in found)


def _older_lists() -> list[tuple[Form, Table]]:
    """Lists of indicators and the forms that they stand on."""
    return [(f, t) for f in forms().values() for t in f.tables if t.layout == "indicators"]


def _is_older(table: Table) -> pl.Expr:
    """Whether a report is of a year before the forms that have the table."""
    without = [f for f in forms().values() if f.years and not any(t.code == table.code for t in f.tables)]
    last = max((f.years[1] for f in without if f.years), default=0)
    version, year = pl.col("form_version").cast(pl.String), pl.col("report_year")
    of_older = version.is_in([f.form for f in without]) & (year.is_null() | (year <= last))
    return (of_older | (version.is_null() & (year <= last))).fill_null(False)


def _lists(form: Form, table: Table, tables: Mapping[str, pl.DataFrame]) -> pl.DataFrame:
    """``completeness`` of a list of indicators, for reports of its form and others that print it."""
    code = f"lost_cells.{table.code}"
    lost = tables["reading_note"].filter(pl.col("check_code") == code)["report_id"].drop_nulls().unique()
    facts = tables.get(table.facts)
    if facts is None or "status" not in facts.columns:
        return pl.DataFrame(schema=RESULT)
    empty = pl.col("status").cast(pl.String).is_in(["blank", "not_applicable"])
    unread = pl.col("status").cast(pl.String).is_in(["lost", "illegible"]) & pl.col("best_value").is_null()
    seen = facts.group_by("report_id").agg(blank=empty.all(), unread=unread.any())
    gone = pl.col("unread") | pl.col("report_id").is_in(lost.implode())
    state = (
        pl.when(pl.col("blank").is_null())
        .then(pl.lit("missing"))
        .when(gone)
        .then(pl.lit("partial"))
        .when("blank")
        .then(pl.lit("blank"))
        .otherwise(pl.lit("complete"))
    )
    told = {**STATES, "missing": OLDER_MISSING}
    reports = (
        tables["dim_report"]
        .select("report_id", pl.col("form_version").cast(pl.String))
        .join(seen, on="report_id", how="left")
    )
    return _shaped(
        reports.filter((pl.col("form_version") == form.form) | pl.col("blank").is_not_null())
        .with_columns(scope=state)
        .with_columns(
            check_code=pl.lit(f"completeness.{table.code}"),
            status=pl.col("scope").replace_strict({k: v[0] for k, v in told.items()}, return_dtype=pl.String),
            severity=pl.col("scope").replace_strict(
                {k: v[1] for k, v in told.items()}, return_dtype=pl.String
            ),
            said=pl.col("scope").replace_strict({k: v[2] for k, v in told.items()}, return_dtype=pl.String),
        )
        .with_columns(
            message=pl.when(pl.col("said") != "")
            .then(pl.format("《{}》：{}", pl.lit(table.title), "said"))
            .otherwise(pl.lit(""))
        )
    )


def reading_checks(tables: Mapping[str, pl.DataFrame]) -> pl.DataFrame:
    """The notes of reading as findings, and what passes where there is none.

    ``lost_cells.<table>`` passes where no row lost a cell, and cannot be assessed where no row was read;
    conflicts of the heading pass where agency or year are known.
    """
    notes = tables["reading_note"].filter(pl.col("report_id").is_not_null())
    reports = tables["dim_report"]
    found = [_shaped(notes.select(c for c in notes.columns if c in RESULT)), *_headings(reports, notes)]
    for table in list(forms().values())[-1].tables:
        code = f"lost_cells.{table.code}"
        faulty = notes.filter(pl.col("check_code") == code).select("report_id").unique()
        read = pl.col(f"{table.code}_table").cast(pl.String).is_in(["complete", "partial", "blank"])
        others = reports.join(faulty, on="report_id", how="anti")
        found += [_all_rows(others.filter(read), code), _no_rows(others.filter(~read), code)]
    for _, listed in _older_lists():
        code = f"lost_cells.{listed.code}"
        faulty = notes.filter(pl.col("check_code") == code).select("report_id").unique()
        facts = tables.get(listed.facts)
        if facts is not None:
            clean = facts.select("report_id").unique(maintain_order=True)
            found.append(_all_rows(clean.join(faulty, on="report_id", how="anti"), code))
    return pl.concat(found)


def _headings(reports: pl.DataFrame, notes: pl.DataFrame) -> list[pl.DataFrame]:
    """A row for each conflict of the heading that a report does not have."""
    found = []
    for code, rule in rules().headings.items():
        noted = notes.filter(pl.col("check_code") == code).select("report_id").unique()
        known = pl.col(rule.known).is_not_null()
        found.append(
            reports.join(noted, on="report_id", how="anti").select(
                "report_id",
                check_code=pl.lit(code),
                scope=pl.lit("heading"),
                status=pl.when(known).then(pl.lit("pass")).otherwise(pl.lit("not_assessable")),
                severity=pl.lit("info"),
                message=pl.when(known)
                .then(pl.lit(""))
                .otherwise(pl.lit("cannot be assessed, the report's agency or year is not known")),
            )
        )
    return [_shaped(frame) for frame in found]


def _no_rows(unread: pl.DataFrame, code: str) -> pl.DataFrame:
    """No table was read in which a row could have lost a cell."""
    return _shaped(
        unread.select(
            "report_id",
            pl.lit(code).alias("check_code"),
            pl.lit("all rows").alias("scope"),
            pl.lit("not_assessable").alias("status"),
            pl.lit("info").alias("severity"),
            pl.lit("cannot be assessed, no row of the table was read").alias("message"),
        )
    )


def _all_rows(clean: pl.DataFrame, code: str) -> pl.DataFrame:
    """A pass for reports of which no row lost a cell."""
    return _shaped(
        clean.select(
            "report_id",
            pl.lit(code).alias("check_code"),
            pl.lit("all rows").alias("scope"),
            pl.lit("pass").alias("status"),
            pl.lit("info").alias("severity"),
            pl.lit("").alias("message"),
        )
    )


def _shaped(frame: pl.DataFrame) -> pl.DataFrame:
    return frame.select(
        (pl.col(name) if name in frame.columns else pl.lit(None)).cast(kind).alias(name)
        for name, kind in RESULT.items()
    )
