"""The form's identities over the published facts: one row of check_result for each report, rule and place.

Vectorised over all reports; the equations come from the form. Not here: identities across years,
or which reading of a table was believed (cells/).
"""

from __future__ import annotations

from collections.abc import Mapping

import polars as pl

from pipeline.form.model import Form, Identity, Table, forms, terms

RESULT = {
    "report_id": pl.String,
    "check_code": pl.String,
    "scope": pl.String,
    "status": pl.String,
    "severity": pl.String,
    "left_value": pl.Float64,
    "right_value": pl.Float64,
    "difference": pl.Float64,
    "message": pl.String,
}
"""Columns of check_result."""

TOLERANCE = 1e-6
"""Figures in the form are whole numbers; this is only floating point's."""


def identity_checks(tables: Mapping[str, pl.DataFrame]) -> pl.DataFrame:
    """Every in-table identity of every form over every report that prints the table.

    Args:
        tables: ``dim_report`` and the fact tables, with the contract's columns.
    Returns:
        Rows in the shape of check_result: ``pass``, ``fail`` (severity error) or
        ``not_assessable`` (an empty cell, or one that was not read; blanks count as zero only
        where the identity closes with them so).
    Source: the 勾稽关系 clauses in the form files.
    """
    newest = list(forms().values())[-1]
    found = [
        _check(table, identity, tables[table.facts], _prints_groups(newest))
        for table in newest.tables
        for identity in table.identities
    ]
    return pl.concat(found) if found else pl.DataFrame(schema=RESULT)


def _prints_groups(form: Form) -> dict[str, int]:
    return {line.code: len(line.parts) for table in form.tables for line in table.rows}


def members(table: Table, identity: Identity) -> pl.DataFrame:
    """The cells of an identity: scope, row, column, side (1 left, -1 right), sign, term, and its size.

    A group's term lists the group's own cell and its parts; a report prints one or the other.
    """
    left, right = terms(identity)
    rows = []
    for side, side_terms in ((1, left), (-1, right)):
        for term in side_terms:
            if identity.for_each == "column":
                line = table.row(term.code)
                for column in table.columns:
                    rows += [
                        (column.code, code, column.code, side, term.sign, term.code, len(line.parts))
                        for code in (term.code, *line.parts)
                    ]
            else:
                rows += [
                    (row.code, row.code, term.code, side, term.sign, term.code, 0)
                    for row in table.rows
                    if not identity.rows or row.code in identity.rows
                ]
    return pl.DataFrame(
        rows, schema=["scope", "row", "column", "side", "sign", "term", "parts"], orient="row"
    )


def _check(table: Table, identity: Identity, facts: pl.DataFrame, parts: dict[str, int]) -> pl.DataFrame:
    left, right = terms(identity)
    cells = (
        facts.rename({table.row_dimension: "row", table.column_dimension: "column"})
        .select("report_id", "row", "column", "value", "best_value", "status")
        .with_columns(
            pl.when(pl.col("status") == "lost")
            .then("best_value")
            .otherwise("value")
            .cast(pl.Float64)
            .alias("figure")
        )
        .join(members(table, identity).lazy().collect(), on=["row", "column"], how="inner")
    )
    lost = pl.col("figure").is_null() & pl.col("status").is_in(["lost", "illegible"])
    empty = pl.col("figure").is_null() & pl.col("status").is_in(["blank", "not_applicable"])
    whole = (
        cells.group_by("report_id", "scope", "term")
        .agg(
            ((pl.len() == pl.col("parts").first()) | (pl.col("row") == pl.col("term")).any()).alias("whole"),
        )
        .group_by("report_id", "scope")
        .agg((pl.col("whole").all() & (pl.len() == len(left) + len(right))).alias("whole"))
    )
    if identity.for_each == "row":
        whole = (
            cells.group_by("report_id", "scope")
            .agg(pl.col("term").n_unique().alias("terms"))
            .select("report_id", "scope", (pl.col("terms") == len(left) + len(right)).alias("whole"))
        )
    labels = {c.code: c.label for c in (*table.columns, *table.rows)}
    sums = (
        cells.group_by("report_id", "scope")
        .agg(
            (pl.col("figure") * pl.col("sign")).filter(pl.col("side") == 1).sum().alias("left_value"),
            (pl.col("figure") * pl.col("sign")).filter(pl.col("side") == -1).sum().alias("right_value"),
            lost.any().alias("lost"),
            (empty & (pl.col("side") == 1)).any().alias("empty_left"),
            (empty & (pl.col("side") == -1)).any().alias("empty_right"),
            pl.col("row" if identity.for_each == "column" else "column")
            .filter(lost | empty)
            .replace_strict(labels, default=None)
            .unique(maintain_order=True)
            .str.join("、")
            .alias("open"),
        )
        .join(whole, on=["report_id", "scope"])
        .with_columns((pl.col("left_value") - pl.col("right_value")).alias("difference"))
    )
    closes = pl.col("difference").abs() <= TOLERANCE
    known = ~pl.col("lost") & pl.col("whole")
    full = known & ~pl.col("empty_left") & ~pl.col("empty_right")
    # Known figures on one side already exceed the other, and only that side's cells are open.
    hopeless = known & (
        (pl.col("empty_left") & ~pl.col("empty_right") & (pl.col("difference") > TOLERANCE))
        | (pl.col("empty_right") & ~pl.col("empty_left") & (pl.col("difference") < -TOLERANCE))
    )
    status = (
        pl.when(known & closes)
        .then(pl.lit("pass"))
        .when(full | hopeless)
        .then(pl.lit("fail"))
        .otherwise(pl.lit("not_assessable"))
    )
    side = {
        line.code: line.label for line in (table.rows if identity.for_each == "column" else table.columns)
    }
    said = [" + ".join(side[t.code] for t in ts) for ts in (left, right)]
    place = pl.lit(f"《{table.title}》") + pl.col("scope").replace_strict(labels, default=None)
    return (
        sums.with_columns(
            pl.lit(identity.code).alias("check_code"),
            status.alias("status"),
        )
        .with_columns(
            pl.when(pl.col("status") == "fail")
            .then(pl.lit("error"))
            .otherwise(pl.lit("info"))
            .alias("severity"),
            pl.when(pl.col("status") == "fail")
            .then(
                pl.format(
                    "{}：{} = {}, but {} = {}; difference {}",
                    place,
                    pl.lit(said[0]),
                    _plain("left_value"),
                    pl.lit(said[1]),
                    _plain("right_value"),
                    _plain("difference"),
                )
            )
            .when(pl.col("status") == "not_assessable")
            .then(
                pl.format(
                    "{}：cannot be assessed, no figure for {}",
                    place,
                    pl.when(pl.col("open") != "").then("open").otherwise(pl.lit("rows that were not found")),
                )
            )
            .otherwise(pl.lit(""))
            .alias("message"),
        )
        .select(pl.col(name).cast(kind) for name, kind in RESULT.items())
    )


def _plain(column: str) -> pl.Expr:
    """A figure without the decimal point that whole numbers do not need."""
    return pl.col(column).cast(pl.String).str.replace(r"\.0$", "")
