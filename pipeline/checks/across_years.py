"""Identities between a report and the same agency's report of the year before.

Here: the ``across_years`` identities of the forms over all reports. Not here: identities within a
year (identities.py), or jumps that no identity forbids (plausibility.py).
"""

from __future__ import annotations

from collections.abc import Mapping

import polars as pl

from pipeline.checks.figures import figures, none_found, plain, previous_reports, shaped, title
from pipeline.checks.rules import Check, rules
from pipeline.form.model import Identity, Table, Term, forms, terms

PREVIOUS = "previous report"
"""The scope of the one row that a report has where nothing can be compared."""


def across_years_checks(tables: Mapping[str, pl.DataFrame]) -> pl.DataFrame:
    """Every across-years identity of every form over every report that prints its cells.

    Args:
        tables: ``dim_report`` and the fact tables, with the contract's columns.
    Returns:
        Rows in the shape of check_result: ``pass``, ``fail``, or ``not_assessable``; for the latter one
        row a report where the report of the year before is not here, one a place where a figure is.
    Source: the 勾稽关系 clauses under ``across_years`` in the form files.
    """
    found = [
        _check(table, identity, rules().checks[identity.code], tables) for table, identity in _identities()
    ]
    return pl.concat([none_found(), *found])


def _identities() -> list[tuple[Table, Identity]]:
    """Each identity once, as the newest form that states it has it."""
    found: dict[str, tuple[Table, Identity]] = {}
    for form in reversed(forms().values()):
        for table in form.tables:
            for identity in table.across_years:
                found.setdefault(identity.code, (table, identity))
    return list(found.values())


def _members(table: Table, identity: Identity) -> pl.DataFrame:
    """The cells of an identity: scope, row, column, factor (sign by side), side and previous."""
    left, right = terms(identity)
    found = []
    for side, of_side in ((1, left), (-1, right)):
        for term in of_side:
            for line in table.columns if identity.for_each == "column" else table.rows:
                if identity.rows and line.code not in identity.rows:
                    continue
                across = identity.for_each == "column"
                cell = (term.code, line.code) if across else (line.code, term.code)
                found.append((line.code, *cell, term.sign, side, term.previous))
    schema = ["scope", "row", "column", "sign", "side", "previous"]
    return pl.DataFrame(found, schema=schema, orient="row")


def _check(table: Table, identity: Identity, rule: Check, tables: Mapping[str, pl.DataFrame]) -> pl.DataFrame:
    members = _members(table, identity)
    cells = figures(
        tables, {(table.code, row, column) for row, column in members["row", "column"].iter_rows()}
    )
    reports = previous_reports(tables)
    now = cells.join(members.filter(~pl.col("previous")), on=["row", "column"])
    before = (
        cells.rename({"report_id": "previous_id"})
        .join(members.filter("previous"), on=["row", "column"])
        .join(reports.filter("comparable").select("report_id", "previous_id"), on="previous_id")
        .select(now.columns)
    )
    printed = now.select("report_id").unique().join(reports, on="report_id")
    linked = before.select("report_id").unique()
    place = pl.lit(title(table.code)) + pl.col("scope").replace_strict(_labels(table), default=None)
    left, right = terms(identity)
    year = pl.col("report_year").cast(pl.String)
    said_left, said_right = (_said(table, identity, side) for side in (left, right))
    sums = (
        pl.concat([now.join(linked, on="report_id", how="semi"), before])
        .group_by("report_id", "scope")
        .agg(
            *(
                (pl.col("figure") * pl.col("sign")).filter(pl.col("side") == side).sum().alias(name)
                for name, side in (("left_value", 1), ("right_value", -1))
            ),
            pl.col("figure").is_not_null().sum().alias("known"),
        )
        .join(printed, on="report_id")
        .with_columns(
            check_code=pl.lit(identity.code),
            severity=pl.lit(rule.severity),
            difference=pl.col("left_value") - pl.col("right_value"),
        )
    )
    whole = pl.col("known") == len(left) + len(right)
    status = (
        pl.when(~whole)
        .then(pl.lit("not_assessable"))
        .when(pl.col("difference").abs() <= rule.tolerance)
        .then(pl.lit("pass"))
        .otherwise(pl.lit("fail"))
    )
    compared = sums.with_columns(status=status).with_columns(
        *(
            pl.when(pl.col("status") != "not_assessable").then(name).alias(name)
            for name in ("left_value", "right_value", "difference")
        ),
        message=pl.when(pl.col("status") == "fail")
        .then(
            pl.format(
                "{}：{} {} = {}, but {} = {}; difference {}",
                place,
                year,
                said_left,
                plain("left_value"),
                said_right,
                plain("right_value"),
                plain("difference"),
            )
        )
        .when(pl.col("status") == "not_assessable")
        .then(pl.format("{}：cannot be assessed, a figure of this or last year's report is not known", place))
        .otherwise(pl.lit("")),
    )
    unlinked = printed.join(linked, on="report_id", how="anti").with_columns(
        check_code=pl.lit(identity.code),
        scope=pl.lit(PREVIOUS),
        status=pl.lit("not_assessable"),
        message=pl.lit(title(table.code) + "：cannot be assessed, ") + _why_unlinked(),
    )
    return pl.concat([shaped(compared), shaped(unlinked)])


def _said(table: Table, identity: Identity, side: tuple[Term, ...]) -> pl.Expr:
    """One side in the form's labels, each of last year's cells with its year."""
    crossed = table.rows if identity.for_each == "column" else table.columns
    lines = {line.code: line.label for line in crossed}
    before = (pl.col("report_year") - 1).cast(pl.String)
    words: list[pl.Expr] = []
    for number, term in enumerate(side):
        sign = "−" if term.sign < 0 else "+"
        words.append(pl.lit(f" {sign} " if number else "− " if term.sign < 0 else ""))
        words += [before, pl.lit(" ")] if term.previous else []
        words.append(pl.lit(lines[term.code]))
    return pl.concat_str(words)


def _labels(table: Table) -> dict[str, str]:
    return {line.code: line.label for line in (*table.columns, *table.rows)}


def _why_unlinked() -> pl.Expr:
    """Why a report has no figures of the year before; needs report_year, agency_id, previous_id."""
    unknown = pl.col("report_year").is_null() | pl.col("agency_id").is_null()
    return (
        pl.when(unknown)
        .then(pl.lit("the agency or the year is not known"))
        .when(pl.col("previous_id").is_null())
        .then(pl.format("the report of {} is not here", pl.col("report_year") - 1))
        .when(~pl.col("comparable"))
        .then(pl.lit("one of the two reports covers the agency alone, the other a region"))
        .otherwise(pl.format("the report of {} does not print these figures", pl.col("report_year") - 1))
    )
