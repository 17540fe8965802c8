"""Aggregates against their parts: a region's report against the known reports of its bodies.

Here: ``rollup.*``. Not here: sums within one table (identities.py), or which body is part of which
(agencies/, as dim_agency has it).
"""

from __future__ import annotations

from collections.abc import Mapping

import polars as pl

from pipeline.checks.figures import CELL, figures, places, plain, shaped, taken, with_beside
from pipeline.checks.rules import cells_like, rules

KNOWN_PARTS = "known parts"
"""The scope of the row that holds an aggregate against all its parts together, with the cell's codes."""


def rollup_checks(tables: Mapping[str, pl.DataFrame]) -> pl.DataFrame:
    """Reports that sum up a region are not below the sum of its parts' reports of the same year.

    One row for each aggregate and figure (scope ``known parts · row.column``), and one for each part
    that alone is above the aggregate (scope: the part's name). Left is the aggregate's figure, right
    the parts'. Not assessable where no report of a part has the figure.

    Args:
        tables: ``dim_report``, ``dim_agency`` and the fact tables, or these of the region's bodies
            beside them.
    """
    everything = with_beside(tables)
    found = [_rollup(everything, code, patterns) for code, patterns in rules().rollup.cells.items()]
    mine = taken(tables, "dim_report").select("report_id")
    return pl.concat([*found]).join(mine, on="report_id", how="semi", maintain_order="left")


def _rollup(tables: Mapping[str, pl.DataFrame], code: str, patterns: tuple[str, ...]) -> pl.DataFrame:
    rule, who = rules().checks[code], rules().rollup
    wanted = cells_like(patterns)
    agencies = taken(tables, "dim_agency").select("agency_id", "kind", "parent_agency_id")
    reports = taken(tables, "dim_report").select(
        "report_id", "agency_id", "agency_name", "report_year", "scope"
    )
    cells = figures(tables, wanted).join(places(wanted), on=CELL)
    regions = reports.filter(pl.col("scope") == "aggregate")
    copies = pl.col("kind").is_in(who.not_if_aggregate) & (pl.col("scope") == "aggregate")
    parts = (
        reports.join(agencies, on="agency_id")
        .filter(
            pl.col("parent_agency_id").is_not_null(),
            ~pl.col("kind").is_in(who.not_parts).fill_null(False),
            ~copies.fill_null(False),
        )
        .select(
            "report_year",
            pl.col("parent_agency_id").alias("agency_id"),
            pl.col("report_id").alias("part_id"),
            pl.col("agency_name").alias("part"),
        )
        .join(cells.rename({"report_id": "part_id", "figure": "of_part"}).drop("place"), on="part_id")
        .filter(pl.col("of_part").is_not_null())
    )
    whole = cells.join(regions, on="report_id").rename({"figure": "left_value"})
    pairs = whole.join(parts, on=["agency_id", "report_year", *CELL]).with_columns(
        above=pl.col("of_part") - pl.col("left_value") > rule.tolerance
    )
    single = pairs.filter("above").with_columns(
        scope="part",
        right_value="of_part",
        status=pl.lit("fail"),
        said=pl.format("{} alone has", "part"),
    )
    sums = pairs.group_by("report_id", *CELL).agg(
        pl.col("of_part").sum().alias("right_value"), pl.len().alias("parts"), pl.col("above").any()
    )
    both = (
        whole.join(sums, on=["report_id", *CELL], how="left")
        # A part that alone is above says it already.
        .filter(~pl.col("above").fill_null(False))
        .with_columns(
            scope=pl.format("{} · {}.{}", pl.lit(KNOWN_PARTS), "row", "column"),
            said=pl.format("{} of its parts have together", "parts"),
            status=pl.when(pl.col("left_value").is_null() | pl.col("right_value").is_null())
            .then(pl.lit("not_assessable"))
            .when(pl.col("right_value") - pl.col("left_value") > rule.tolerance)
            .then(pl.lit("fail"))
            .otherwise(pl.lit("pass")),
        )
    )
    columns = ["report_id", "place", "scope", "status", "left_value", "right_value", "said"]
    rows = pl.concat([single.select(columns), both.select(columns)]).with_columns(
        check_code=pl.lit(code),
        severity=pl.lit(rule.severity),
        difference=pl.col("left_value") - pl.col("right_value"),
    )
    return shaped(
        rows.with_columns(
            message=pl.when(pl.col("status") == "fail")
            .then(
                pl.format(
                    "{}：the report of the whole has {}, but {} {}; difference {}",
                    "place",
                    plain("left_value"),
                    "said",
                    plain("right_value"),
                    plain("difference"),
                )
            )
            .when(pl.col("status") == "not_assessable")
            .then(pl.format("{}：cannot be assessed, no report of a part with this figure is here", "place"))
            .otherwise(pl.lit(""))
        )
    )
