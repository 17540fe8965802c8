"""The form's identities over the published facts: one row of check_result for each report, rule and place.

Vectorised over all reports and over all identities of a table at once; the equations come from the
form. Not here: identities across years, or which reading of a table was believed (cells/).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import polars as pl

from pipeline.form.model import Table, forms, terms

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
    """Every in-table identity over every report that prints the table.

    Args:
        tables: the fact tables, with the contract's columns.
    Returns:
        Rows in the shape of check_result: ``pass``, ``fail`` (severity error) or
        ``not_assessable`` (an empty cell, or one that was not read; blanks count as zero only
        where the identity closes with them so).
    Source: the 勾稽关系 clauses in the form files.
    """
    found = [
        _check(table, tables[table.facts])
        for table in newest_tables()
        if table.identities and table.facts in tables
    ]
    return pl.concat(found) if found else pl.DataFrame(schema=RESULT)


def newest_tables() -> Iterator[Table]:
    """Each table of the forms once, as the newest form that has it prints it."""
    newest = {table.code: table for form in forms().values() for table in form.tables}
    yield from newest.values()


def places(table: Table) -> pl.DataFrame:
    """Where the table's identities hold: place, check_code, scope, how many terms, both sides in words."""
    rows: list[tuple[object, ...]] = []
    for identity in table.identities:
        sides = terms(identity)
        lines = table.rows if identity.for_each == "column" else table.columns
        labels = {line.code: line.label for line in lines}
        said = [" + ".join(labels[term.code] for term in side) for side in sides]
        along = table.columns if identity.for_each == "column" else table.rows
        for line in along:
            if identity.for_each == "column" or not identity.rows or line.code in identity.rows:
                where = f"《{table.title}》{line.label}"
                rows.append((len(rows), identity.code, line.code, len(sides[0] + sides[1]), where, *said))
    names = ["place", "check_code", "scope", "terms", "where", "left_words", "right_words"]
    return pl.DataFrame(rows, schema=names, orient="row")


def members(table: Table) -> pl.DataFrame:
    """The cells of each place: row, column, place, side (1 left, -1 right), sign, weight, label.

    A group's term lists the group's own cell and its parts, since a report prints one or the other.
    ``weight`` is the cell's share of its term, so that the weights of a whole place add up to its terms.
    """
    index = {
        (code, scope): place
        for place, code, scope in places(table).select("place", "check_code", "scope").rows()
    }
    rows = []
    for identity in table.identities:
        for side, side_terms in zip((1, -1), terms(identity), strict=True):
            for term in side_terms:
                if identity.for_each == "row":
                    label = table.column(term.code).label
                    rows += [
                        (row.code, term.code, index[identity.code, row.code], side, term.sign, 1.0, label)
                        for row in table.rows
                        if (identity.code, row.code) in index
                    ]
                    continue
                line = table.row(term.code)
                parts = [(part, 1.0 / len(line.parts)) for part in line.parts]
                for column in table.columns:
                    place = index[identity.code, column.code]
                    rows += [
                        (code, column.code, place, side, term.sign, weight, table.row(code).label)
                        for code, weight in [(term.code, 1.0), *parts]
                    ]
    names = ["row", "column", "place", "side", "sign", "weight", "label"]
    return pl.DataFrame(rows, schema=names, orient="row")


def _check(table: Table, facts: pl.DataFrame) -> pl.DataFrame:
    # Figures may come back from a lost cell; a blank one has none, whatever the identities leave for it.
    figure = pl.when(pl.col("status") == "lost").then("best_value").otherwise("value").cast(pl.Float64)
    reports = facts.select("report_id").unique(maintain_order=True).with_row_index("report")
    grid = members(table).select("row", "column").unique(maintain_order=True).with_row_index("cell")
    at = members(table).join(grid, on=["row", "column"]).drop("row", "column")
    known = (
        facts.lazy()
        .select(
            "report_id",
            pl.col(table.row_dimension).alias("row"),
            column_of(table).alias("column"),
            "status",
            figure.alias("figure"),
        )
        .join(grid.lazy(), on=["row", "column"])
        .join(reports.lazy(), on="report_id")
        .select(
            "report",
            "cell",
            pl.col("figure").fill_null(0.0),
            pl.col("figure").is_null().alias("open"),
            (pl.col("figure").is_null() & pl.col("status").is_in(["lost", "illegible"])).alias("lost"),
        )
    )
    left, signed = pl.col("side") == 1, pl.col("figure") * pl.col("sign")
    sums = (
        known.join(at.lazy().drop("label"), on="cell")
        .group_by("report", "place")
        .agg(
            signed.filter(left).sum().alias("left_value"),
            signed.filter(~left).sum().alias("right_value"),
            pl.col("weight").sum().alias("weight"),
            pl.col("lost").any(),
            (pl.col("open") & left).any().alias("open_left"),
            (pl.col("open") & ~left).any().alias("open_right"),
        )
        .join(places(table).lazy(), on="place")
        .with_columns((pl.col("left_value") - pl.col("right_value")).alias("difference"))
        .with_columns(_status().alias("status"))
        .collect()
    )
    undecided = sums.filter(pl.col("status") == "not_assessable").select("report", "place")
    openings = (
        known.filter("open")
        .join(at.lazy(), on="cell")
        .join(undecided.lazy(), on=["report", "place"])
        .group_by("report", "place")
        .agg(pl.col("label").unique(maintain_order=True).str.join("、").alias("without"))
        .collect()
    )
    return (
        sums.join(openings, on=["report", "place"], how="left")
        .join(reports, on="report")
        .with_columns(
            pl.when(pl.col("status") == "fail")
            .then(pl.lit("error"))
            .otherwise(pl.lit("info"))
            .alias("severity"),
            _message().alias("message"),
        )
        .select(pl.col(name).cast(kind) for name, kind in RESULT.items())
    )


def column_of(table: Table) -> pl.Expr:
    """The column's code in a table of facts; that of a list of indicators stands in no column."""
    (only, *others) = table.columns
    if table.layout == "indicators" and not others:
        return pl.lit(only.code)
    return pl.col(table.column_dimension)


def _status() -> pl.Expr:
    difference, left, right = pl.col("difference"), pl.col("open_left"), pl.col("open_right")
    whole = (pl.col("weight") - pl.col("terms")).abs() < TOLERANCE
    assessable = whole & ~pl.col("lost")
    # Known figures on one side already exceed the other, and only that side's cells are open.
    hopeless = (left & ~right & (difference > TOLERANCE)) | (right & ~left & (difference < -TOLERANCE))
    return (
        pl.when(assessable & (difference.abs() <= TOLERANCE))
        .then(pl.lit("pass"))
        .when(assessable & (hopeless | ~(left | right)))
        .then(pl.lit("fail"))
        .otherwise(pl.lit("not_assessable"))
    )


def _message() -> pl.Expr:
    sides = pl.format(
        "{}：{} = {}, but {} = {}; difference {}",
        "where",
        "left_words",
        _plain("left_value"),
        "right_words",
        _plain("right_value"),
        _plain("difference"),
    )
    gaps = pl.col("without").fill_null("rows that were not found")
    return (
        pl.when(pl.col("status") == "fail")
        .then(sides)
        .when(pl.col("status") == "not_assessable")
        .then(pl.format("{}：cannot be assessed, no figure for {}", "where", gaps))
        .otherwise(pl.lit(""))
    )


def _plain(column: str) -> pl.Expr:
    """A figure without the decimal point that whole numbers do not need."""
    return pl.col(column).cast(pl.String).str.replace(r"\.0$", "")
