"""Further files for one agency and year: copies, and files that print other figures.

Here: ``duplicate.report`` and ``conflict.documents``. Not here: which file the facts come from
(assembly.py).
"""

from __future__ import annotations

from collections.abc import Mapping

import polars as pl

from pipeline import frames
from pipeline.checks.figures import CELL, places, plain, shaped, taken
from pipeline.checks.rules import known_cells, rules


def document_checks(tables: Mapping[str, pl.DataFrame]) -> pl.DataFrame:
    """Each further file of a report against the file that the facts come from; scope is its path.

    ``duplicate.report`` fails (info) where every figure that both print is the same, or the bytes are;
    ``conflict.documents`` fails where some differ and names the first of them, with the sides of the
    first in left (the facts') and right (the other file's). Not assessable where no figure is in both.

    Args:
        tables: ``dim_report``, ``dim_document``, ``other_fact`` and the fact tables.
    """
    files = _further_files(tables)
    tolerance, named = rules().checks["conflict.documents"].tolerance, rules().documents.named
    cells = _both(tables)
    order = places(known_cells()).with_row_index("position")
    # A figure that only one of the two has may be one that the other's reading missed.
    differs = (pl.col("figure") - pl.col("other")).abs() > tolerance
    lines = (
        cells.filter(differs)
        .join(order, on=CELL)
        .sort("report_id", "path", "position")
        .with_columns(line=pl.format("{} {} here, {} there", "place", plain("figure"), plain("other")))
        .group_by("report_id", "path", maintain_order=True)
        .agg(
            pl.col("line").head(named).str.join("; ").alias("lines"),
            pl.col("figure").first().alias("left_value"),
            pl.col("other").first().alias("right_value"),
            pl.len().alias("differ"),
        )
    )
    counted = cells.group_by("report_id", "path").agg(
        (pl.col("figure").is_not_null() & pl.col("other").is_not_null()).sum().alias("both"),
        (pl.col("figure").is_null() != pl.col("other").is_null()).sum().alias("single"),
    )
    compared = (
        files.join(counted, on=["report_id", "path"], how="left")
        .join(lines, on=["report_id", "path"], how="left")
        .with_columns(pl.col("both", "single", "differ").fill_null(0), scope=pl.col("path"))
        .with_columns(difference=pl.col("left_value") - pl.col("right_value"))
    )
    agree = (pl.col("both") > 0) & (pl.col("differ") == 0)
    only = pl.when(pl.col("single") > 0).then(
        pl.format("; {} cells have a figure in one file only", "single")
    )
    copy = pl.col("same") | agree
    unknown = pl.lit("cannot be assessed, no figure is in both files")
    copies = compared.with_columns(
        check_code=pl.lit("duplicate.report"),
        status=_status(copy, pl.col("differ") > 0),
        severity=pl.lit(rules().checks["duplicate.report"].severity),
        left_value=None,
        right_value=None,
        difference=None,
        message=pl.when("same")
        .then(pl.format("the same bytes as {}", "chosen"))
        .when(copy)
        .then(
            pl.format(
                "all {} figures in both are those of {}{}", "both", "chosen", only.otherwise(pl.lit(""))
            )
        )
        .when(pl.col("differ") > 0)
        .then(pl.lit(""))
        .otherwise(unknown),
    )
    conflicts = compared.with_columns(
        check_code=pl.lit("conflict.documents"),
        severity=pl.lit(rules().checks["conflict.documents"].severity),
        status=_status(pl.col("differ") > 0, copy),
    ).with_columns(
        message=pl.when(pl.col("status") == "fail")
        .then(
            pl.format(
                "{} of {} figures in both differ from those of {}: {}{}{}",
                "differ",
                "both",
                "chosen",
                "lines",
                pl.when(pl.col("differ") > named)
                .then(pl.format("; and {} more", pl.col("differ") - named))
                .otherwise(pl.lit("")),
                only.otherwise(pl.lit("")),
            )
        )
        .when(pl.col("status") == "not_assessable")
        .then(unknown)
        .otherwise(pl.lit(""))
    )
    return pl.concat([shaped(copies), shaped(conflicts)])


def _status(fails: pl.Expr, passes: pl.Expr) -> pl.Expr:
    return (
        pl.when(fails)
        .then(pl.lit("fail"))
        .when(passes)
        .then(pl.lit("pass"))
        .otherwise(pl.lit("not_assessable"))
    )


def _further_files(tables: Mapping[str, pl.DataFrame]) -> pl.DataFrame:
    """report_id, path, chosen (the path of the facts' file), same (whether the bytes are)."""
    documents = taken(tables, "dim_document").select("path", "document_id", "report_id")
    others = taken(tables, "other_fact").select("path", "document_id", "report_id").unique()
    reports = taken(tables, "dim_report").select("report_id", pl.col("document_id").alias("chosen_id"))
    files = (
        pl.concat([documents, others])
        .unique(["path", "report_id"], keep="first", maintain_order=True)
        .join(reports, on="report_id")
        .with_columns(same=pl.col("document_id").eq_missing(pl.col("chosen_id")))
    )
    # Of several files with the chosen bytes, the facts come from the first by path.
    chosen = files.filter("same").group_by("report_id").agg(pl.col("path").min().alias("chosen"))
    return (
        files.join(chosen, on="report_id", how="left")
        .filter(pl.col("path").ne_missing(pl.col("chosen")))
        .with_columns(pl.coalesce("chosen", pl.lit("the report's file")))
        .select("report_id", "path", "chosen", "same")
        .sort("report_id", "path")
    )


def _both(tables: Mapping[str, pl.DataFrame]) -> pl.DataFrame:
    """The cells of further files beside the facts': report_id, path, cell, figure, other."""
    others = taken(tables, "other_fact").select(
        "report_id",
        "path",
        pl.col("table_name").alias("table"),
        pl.col("row_code").alias("row"),
        pl.col("column_code").alias("column"),
        pl.col("value").alias("other"),
    )
    reports = others.select("report_id").unique()
    facts = []
    for table, name in frames.FACTS.items():
        row, column = frames.dimensions(table)
        facts.append(
            taken(tables, name)
            .join(reports, on="report_id", how="semi")
            .select(
                "report_id",
                pl.lit(table).alias("table"),
                pl.col(row).alias("row"),
                pl.col(column).alias("column"),
                pl.col("value").cast(pl.Float64).alias("figure"),
            )
        )
    return others.join(pl.concat(facts), on=["report_id", *CELL], how="inner")
