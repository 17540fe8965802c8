"""Tables that are missing, blank or incomplete, and what the reading itself found out.

Here: completeness.*, lost_cells.* and the notes of reading as findings. Not here: identities.
"""

from __future__ import annotations

from collections.abc import Mapping

import polars as pl

from pipeline.checks.identities import RESULT
from pipeline.form.model import forms

# What each state of a table means for the report (CONTRACT: severity).
STATES: dict[str, tuple[str, str, str]] = {
    "complete": ("pass", "info", ""),
    "partial": ("fail", "warn", "some cells or rows of the table were not found"),
    "blank": ("fail", "warn", "the table is printed, no figure is filled in"),
    "header_only": ("fail", "warn", "only the table's header is printed"),
    "missing": ("fail", "error", "the table is not in the report"),
    "image_only": ("fail", "error", "the table is only a picture and was not read"),
}


def completeness_checks(tables: Mapping[str, pl.DataFrame]) -> pl.DataFrame:
    """``completeness.<table>`` for each report: passes only where the table is there and complete."""
    reports = tables["dim_report"]
    found = []
    for table in list(forms().values())[-1].tables:
        state = pl.col(f"{table.code}_table").cast(pl.String)

        def part(index: int, state: pl.Expr = state) -> pl.Expr:
            return state.replace_strict({k: v[index] for k, v in STATES.items()})

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
    return _shaped(pl.concat(found))


def reading_checks(tables: Mapping[str, pl.DataFrame]) -> pl.DataFrame:
    """The notes of reading as findings, and a pass of ``lost_cells.<table>`` where no row lost a cell."""
    notes = tables["reading_note"].filter(pl.col("report_id").is_not_null())
    reports = tables["dim_report"]
    found = [_shaped(notes.select(c for c in notes.columns if c in RESULT))]
    for table in list(forms().values())[-1].tables:
        code = f"lost_cells.{table.code}"
        faulty = notes.filter(pl.col("check_code") == code).select("report_id").unique()
        clean = reports.filter(
            pl.col(f"{table.code}_table").cast(pl.String).is_in(["complete", "partial", "blank"])
        ).join(faulty, on="report_id", how="anti")
        found.append(
            _shaped(
                clean.select(
                    "report_id",
                    pl.lit(code).alias("check_code"),
                    pl.lit("all rows").alias("scope"),
                    pl.lit("pass").alias("status"),
                    pl.lit("info").alias("severity"),
                    pl.lit("").alias("message"),
                )
            )
        )
    return pl.concat(found)


def _shaped(frame: pl.DataFrame) -> pl.DataFrame:
    return frame.select(
        (pl.col(name) if name in frame.columns else pl.lit(None)).cast(kind).alias(name)
        for name, kind in RESULT.items()
    )
