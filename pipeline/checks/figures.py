"""Figures by cell, their official names and the shape of findings, for the families that share them.

Here: the cells of the fact tables as one long frame, labels from the form, rows of check_result.
Not here: what is checked.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import cache

import polars as pl

from pipeline import frames
from pipeline.checks.identities import RESULT
from pipeline.checks.rules import Cell
from pipeline.form.model import Line, Table, forms

CELL = ["table", "row", "column"]
"""The columns that name a cell in a frame."""
_CELL_SCHEMA = dict.fromkeys(CELL, pl.String)


def taken(tables: Mapping[str, pl.DataFrame], name: str) -> pl.DataFrame:
    """A table with all columns of its schema: NULL where they are absent, no rows where the table is."""
    frame = tables.get(name)
    if frame is None:
        return frames.empty(name)
    return frame.select(
        (pl.col(column) if column in frame.columns else pl.lit(None)).cast(kind.dtype).alias(column)
        for column, kind in frames.columns(name).items()
    )


def beside(table: str) -> str:
    """The name under which ``tables`` holds what sums of a region are compared with: the reports that
    sum up a region, and those of its bodies. Absent where the tables hold the whole collection."""
    return f"beside.{table}"


def with_beside(tables: Mapping[str, pl.DataFrame]) -> dict[str, pl.DataFrame]:
    """The tables with what is beside them in their places."""
    return {name: tables.get(beside(name), frame) for name, frame in tables.items()}


def as_frame(cells: Iterable[Cell]) -> pl.DataFrame:
    """Cells as rows of table, row and column."""
    return pl.DataFrame(list(cells), schema=_CELL_SCHEMA, orient="row")


def figures(tables: Mapping[str, pl.DataFrame], cells: Iterable[Cell]) -> pl.DataFrame:
    """The wanted cells of every report: report_id, table, row, column, figure.

    ``figure`` is the printed one, or the one that the identities leave; NULL where there is neither.
    A cell that a report does not print has no row. A group that is printed by its parts stands as
    their sum; it is NULL where a part is.
    """
    wanted = list(dict.fromkeys(cells))
    found = [_of_table(tables, table, wanted) for table in frames.FACTS]
    return pl.concat(found)


def _of_table(tables: Mapping[str, pl.DataFrame], table: str, wanted: list[Cell]) -> pl.DataFrame:
    parts = {(row, part) for _, row, _ in wanted for part in _parts(table).get(row, ())}
    direct = [(t, row, row, column) for t, row, column in wanted if t == table]
    through = [
        (t, row, part, column) for t, row, column in wanted if t == table for r, part in parts if r == row
    ]
    keys = pl.DataFrame(
        [*direct, *through],
        schema={"table": pl.String, "row": pl.String, "printed": pl.String, "column": pl.String},
        orient="row",
    )
    row, column = frames.dimensions(table)
    own = (
        taken(tables, frames.FACTS[table])
        .lazy()
        .select(
            "report_id",
            printed=pl.col(row),
            column=pl.col(column),
            figure=pl.col("best_value").cast(pl.Float64),
        )
        .filter(
            pl.col("printed").is_in(keys["printed"].unique().to_list()),
            pl.col("column").is_in(keys["column"].unique().to_list()),
        )
        .join(keys.lazy(), on=["printed", "column"])
    )
    shown = own.filter(pl.col("row") == pl.col("printed")).select("report_id", *CELL, "figure")
    if not through:
        return shown.collect()
    summed = (
        own.filter(pl.col("row") != pl.col("printed"))
        .group_by("report_id", *CELL)
        .agg(pl.col("figure").sum(), pl.col("figure").null_count().alias("open"), pl.len().alias("printed"))
        .with_columns(
            whole=pl.col("row").replace_strict({r: len(p) for r, p in _parts(table).items()}, default=0)
        )
        .with_columns(
            figure=pl.when((pl.col("open") == 0) & (pl.col("printed") == pl.col("whole"))).then("figure")
        )
        .select("report_id", *CELL, "figure")
    )
    return (
        pl.concat([shown, summed])
        .group_by("report_id", *CELL)
        # The group's own figure, where one is printed beside its parts.
        .agg(pl.col("figure").drop_nulls().first())
        .collect()
    )


@cache
def _parts(table: str) -> dict[str, tuple[str, ...]]:
    """The parts of each group, in the newest form that prints them."""
    return {
        line.code: line.parts
        for form in forms().values()
        for known in form.tables
        if known.code == table
        for line in known.rows
        if line.parts
    }


@cache
def newest(table: str) -> Table:
    """A table as the newest form prints it."""
    return next(t for form in reversed(forms().values()) for t in form.tables if t.code == table)


@cache
def line(table: str, code: str) -> Line:
    """A row or column of a table, as the newest form that has it prints it.

    Raises:
        KeyError: no form has it.
    """
    for form in reversed(forms().values()):
        for known in form.tables:
            if known.code == table:
                for one in (*known.rows, *known.columns):
                    if one.code == code:
                        return one
    raise KeyError(f"{table}.{code}")


def title(table: str) -> str:
    """The table's official title in marks: 《三、…》."""
    return f"《{newest(table).title}》"


def label(row: str, column: str, table: str) -> str:
    """A cell by its official labels: row · column."""
    return f"{line(table, row).label} · {line(table, column).label}"


def places(cells: Iterable[Cell]) -> pl.DataFrame:
    """The official names of cells: table, row, column, place (《table》row · column)."""
    return pl.DataFrame(
        [(t, r, c, f"{title(t)}{label(r, c, t)}") for t, r, c in dict.fromkeys(cells)],
        schema={**_CELL_SCHEMA, "place": pl.String},
        orient="row",
    )


def previous_reports(tables: Mapping[str, pl.DataFrame]) -> pl.DataFrame:
    """Each report with its agency's report of the year before: report_id, report_year, previous_id.

    ``previous_id`` is NULL where that report is not here, or the agency or the year is not known.
    ``comparable`` is False where one of the two covers the agency alone and the other a region.
    """
    reports = taken(tables, "dim_report").select("report_id", "agency_id", "report_year", "scope")
    before = reports.filter(pl.col("agency_id").is_not_null()).select(
        "agency_id",
        pl.col("report_id").alias("previous_id"),
        pl.col("report_year") + 1,
        pl.col("scope").alias("previous_scope"),
    )
    scopes = ["own", "aggregate"]
    return reports.join(
        before.unique(["agency_id", "report_year"], keep="first", maintain_order=True),
        on=["agency_id", "report_year"],
        how="left",
    ).with_columns(
        comparable=~(
            pl.col("scope").is_in(scopes)
            & pl.col("previous_scope").is_in(scopes)
            & (pl.col("scope") != pl.col("previous_scope"))
        ).fill_null(False)
    )


def shaped(frame: pl.DataFrame | pl.LazyFrame) -> pl.DataFrame:
    """Rows in the shape of check_result; what is absent is NULL, and info where it did not fail."""
    rows = frame.lazy().collect()
    worst = pl.col("severity") if "severity" in rows.columns else pl.lit("info")
    rows = rows.with_columns(
        severity=pl.when(pl.col("status") == "fail").then(worst).otherwise(pl.lit("info"))
    )
    return rows.select(
        (pl.col(name) if name in rows.columns else pl.lit(None)).cast(kind).alias(name)
        for name, kind in RESULT.items()
    )


def none_found() -> pl.DataFrame:
    """No findings."""
    return pl.DataFrame(schema=RESULT)


def plain(column: str | pl.Expr) -> pl.Expr:
    """A figure in words: without the decimals that whole numbers, or sums of amounts, do not need."""
    figure = pl.col(column) if isinstance(column, str) else column
    return figure.round(6).cast(pl.String).str.replace(r"\.0$", "")
