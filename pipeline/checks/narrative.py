"""Figures stated in the text against the tables, in every reading that the text allows.

Here: ``narrative.<measure>`` and ``rollup.narrative``. Not here: the text against itself
(narrative_itself.py), what a measure may mean (statements.py, rules.yaml).
"""

from __future__ import annotations

from collections.abc import Mapping

import polars as pl

from pipeline import frames
from pipeline.checks.figures import CELL, figures, none_found, plain, shaped, taken, title
from pipeline.checks.rules import Room, rules
from pipeline.checks.statements import is_own, is_whole, meaning, statements

_TERMS = {
    "base": pl.String,
    "reading": pl.Int64,
    "above_zero": pl.Boolean,
    "said": pl.String,
    "sign": pl.Int64,
    **dict.fromkeys(CELL, pl.String),
}
_MEANINGS = {"base": pl.String, "severity": pl.String, "of_table": pl.String, "amount": pl.Boolean}


def narrative_checks(tables: Mapping[str, pl.DataFrame]) -> pl.DataFrame:
    """One row for each report and measure that the text states and a table has.

    ``pass`` where each stated figure fits an allowed reading; ``fail`` names the nearest reading and
    its value (left: the text's, right: the table's); ``not_assessable`` where the table has no figure,
    or a reading that might fit has none. In a region's report, a smaller figure of its government
    alone is one warning that says so, and the text's other figures of that table are not assessed.

    Args:
        tables: ``dim_report``, ``dim_agency``, ``fact_narrative`` and the fact tables.
    """
    judged = judge(tables)
    told = _told_once(judged)
    rank = pl.col("status").replace_strict({"fail": 0, "not_assessable": 1, "pass": 2}, return_dtype=pl.Int8)
    return pl.concat(
        [
            none_found(),
            shaped(
                told.sort(rank, "statement").unique(
                    ["report_id", "measure"], keep="first", maintain_order=True
                )
            ),
        ]
    )


def judge(tables: Mapping[str, pl.DataFrame]) -> pl.DataFrame:
    """Each stated figure that can be held against a table, with status, nearest reading and message.

    Columns: those of ``statements`` and of check_result, and ``narrower`` (the figure of a region's
    own body, below the table's).
    """
    stated = _comparable(statements(tables))
    bases = stated["base"].unique().sort().to_list()
    terms, meanings = _expand(bases)
    cells = figures(tables, set(terms.select(CELL).iter_rows()))
    values = (
        stated.select("statement", "report_id", "base", "value")
        .join(terms, on="base")
        # A stated 0 has only the plain readings.
        .filter(~pl.col("above_zero") | (pl.col("value") > 0))
        .join(cells.with_columns(printed=pl.lit(True)), on=["report_id", *CELL], how="left")
        .group_by("statement", "reading", "above_zero", "said")
        .agg(
            (pl.col("figure") * pl.col("sign")).sum().alias("has"),
            pl.col("figure").null_count().alias("open"),
            pl.col("printed").is_null().any().alias("absent"),
        )
    )
    stated = (
        stated.join(meanings, on="base")
        .join(_rooms(), on=["qualifier", "amount"])
        .with_columns(
            pl.when(pl.col(share) > 0)
            .then(pl.max_horizontal(pl.col(share) * pl.col("value"), "least"))
            .otherwise(0.0)
            .alias(room)
            for share, room in (("share_under", "under"), ("share_over", "over"))
        )
    )
    partial = taken(tables, "dim_report").select(
        "report_id",
        partial=pl.concat_list(
            pl.when(pl.col(f"{table}_table") == "partial").then(pl.lit(table)) for table in frames.FACTS
        ),
    )
    near = (
        values.join(
            stated.select("statement", "report_id", "value", "under", "over", "of_table"), on="statement"
        )
        .join(partial, on="report_id", how="left")
        .with_columns(
            known=pl.col("open") == 0,
            # A row that was not found may be printed; one that the form does not have never is.
            may_fit=(pl.col("open") > 0)
            & ~pl.col("above_zero")
            & (~pl.col("absent") | pl.col("partial").list.contains(pl.col("of_table"))),
            off=(pl.col("value") - pl.col("has")).abs(),
        )
        .with_columns(
            fits=pl.col("known")
            & (pl.col("has") >= pl.col("value") - pl.col("under") - 1e-9)
            & (pl.col("has") <= pl.col("value") + pl.col("over") + 1e-9)
        )
    )
    best = (
        near.sort("statement", ~pl.col("fits"), ~pl.col("known"), "off", "reading")
        .group_by("statement", maintain_order=True)
        .agg(
            pl.col("fits").any(),
            pl.col("known").any(),
            pl.col("may_fit").any(),
            pl.col("said").first(),
            pl.col("has").first().alias("right_value"),
        )
    )
    return _worded(stated.join(best, on="statement"))


def _comparable(stated: pl.DataFrame) -> pl.DataFrame:
    """The statements to hold against the tables: of the report's body, or of the region and its government.

    A government's own figure stands for the region's where the text gives no other for the measure.
    """
    whole = stated.filter(pl.col("body").is_null() | (pl.col("region") & is_whole(pl.col("body"))))
    own = stated.filter(pl.col("region") & is_own(pl.col("body")))
    alone = own.join(whole.select("report_id", "base").unique(), on=["report_id", "base"], how="anti")
    # Several bodies are parts, and rollup.narrative has them.
    single = (
        stated.filter(pl.col("body").is_not_null() & pl.col("region"))
        .group_by("report_id", "base")
        .agg(pl.col("body").n_unique().alias("bodies"))
        .filter(pl.col("bodies") == 1)
    )
    alone = alone.join(single, on=["report_id", "base"], how="semi")
    return pl.concat([whole.with_columns(own=False), alone.with_columns(own=True)]).sort("statement")


def _expand(bases: list[str]) -> tuple[pl.DataFrame, pl.DataFrame]:
    """The readings of some measures as terms, and what holds of each measure."""
    terms: list[tuple[object, ...]] = []
    meanings: list[tuple[object, ...]] = []
    for base in bases:
        found = meaning(base)
        if found is None:
            continue
        meanings.append((base, found.severity, found.table, found.is_amount))
        for number, reading in enumerate(found.readings):
            for sign, cell in reading.terms:
                terms.append((base, number, reading.above_zero, reading.said, sign, *cell))
    return pl.DataFrame(terms, schema=_TERMS, orient="row"), pl.DataFrame(
        meanings, schema=_MEANINGS, orient="row"
    )


def _rooms() -> pl.DataFrame:
    """How far the table may lie from the text, by qualifier and whether it is money: shares and least."""
    found = []
    for qualifier, room in rules().narrative.qualifiers.items():
        for amount in (False, True):
            taken_room: Room = rules().narrative.amounts if amount and qualifier == "exact" else room
            found.append((qualifier, amount, taken_room.under, taken_room.over, taken_room.least))
    schema = {
        "qualifier": pl.String,
        "amount": pl.Boolean,
        "share_under": pl.Float64,
        "share_over": pl.Float64,
        "least": pl.Float64,
    }
    return pl.DataFrame(found, schema=schema, orient="row")


def _worded(rows: pl.DataFrame) -> pl.DataFrame:
    """Status and message of each judged statement."""
    words = rules().narrative.own_words
    smaller = ~pl.col("fits") & pl.col("known") & (pl.col("value") < pl.col("right_value"))
    rows = rows.with_columns(
        check_code=pl.lit("narrative.") + pl.col("base").str.replace_all("+", "_and_", literal=True),
        scope=pl.col("measure"),
        narrower=smaller
        & pl.col("region")
        & (pl.col("own") | pl.col("excerpt").str.contains(words).fill_null(False)),
        status=pl.when("fits")
        .then(pl.lit("pass"))
        .when(~pl.col("known") | pl.col("may_fit"))
        .then(pl.lit("not_assessable"))
        .otherwise(pl.lit("fail")),
        left_value=pl.col("value"),
        right_value=pl.when("known").then("right_value"),
        about=pl.col("of_table").replace_strict({table: title(table) for table in frames.FACTS}),
    ).with_columns(
        narrower=pl.col("narrower") & (pl.col("status") == "fail"),
        difference=pl.col("left_value") - pl.col("right_value"),
    )
    text = pl.format(
        "{}：the text says {} {} (“{}”)",
        "about",
        pl.col("qualifier").replace_strict({"exact": "", "at_least": "at least ", "about": "about "}),
        plain("value"),
        "excerpt",
    ).str.replace("  ", " ", literal=True)
    return rows.with_columns(
        message=pl.when("narrower")
        .then(
            pl.format(
                "{}, which is {} alone; the table covers the whole region, with {} = {}; difference {}",
                text,
                pl.coalesce("body", pl.lit("the agency")),
                "said",
                plain("right_value"),
                plain("difference"),
            )
        )
        .when(pl.col("status") == "fail")
        .then(
            pl.format(
                "{}, which fits no allowed reading; the nearest is {} = {}; difference {}",
                text,
                "said",
                plain("right_value"),
                plain("difference"),
            )
        )
        .when(pl.col("status") == "not_assessable")
        .then(pl.format("{}; cannot be assessed, the table has no figure for {}", text, "said"))
        .otherwise(pl.lit(""))
    )


def _told_once(judged: pl.DataFrame) -> pl.DataFrame:
    """Where the text is of the region's own body, one warning for the report says it."""
    first = (
        judged.filter("narrower")
        .sort("statement")
        .unique("report_id", keep="first", maintain_order=True)
        .select("report_id", pl.col("statement").alias("told"), pl.col("of_table").alias("told_table"))
    )
    rows = judged.join(first, on="report_id", how="left", maintain_order="left")
    follows = (
        pl.col("told").is_not_null()
        & (pl.col("statement") != pl.col("told"))
        & (pl.col("status") == "fail")
        & (pl.col("narrower") | ((pl.col("of_table") == pl.col("told_table")) & (pl.col("difference") < 0)))
    )
    return rows.with_columns(
        status=pl.when(follows).then(pl.lit("not_assessable")).otherwise("status"),
        message=pl.when(follows)
        .then(
            pl.format(
                "{}：cannot be assessed, the text is of the agency alone, the table of the region",
                "about",
            )
        )
        .otherwise("message"),
    )


def narrative_rollup_checks(tables: Mapping[str, pl.DataFrame]) -> pl.DataFrame:
    """``rollup.narrative``: the figures that a region's text gives for single bodies, against its table.

    One row for each measure with such figures (scope the measure): fails where their sum is above
    the largest figure that the measure may mean (left the table's, right the sum).

    Args:
        tables: as for ``narrative_checks``.
    """
    rule = rules().checks["rollup.narrative"]
    bodies = (
        statements(tables)
        .filter(
            "region",
            pl.col("body").is_not_null(),
            ~is_whole(pl.col("body")),
            pl.col("base").is_in(rules().rollup.narrative),
        )
        .group_by("report_id", "base", "body", maintain_order=True)
        .agg(pl.col("value").max())
    )
    terms, _ = _expand(bodies["base"].unique().sort().to_list())
    terms = terms.filter(~pl.col("above_zero"))
    cells = figures(tables, set(terms.select(CELL).iter_rows()))
    largest = (
        cells.join(terms, on=CELL)
        .group_by("report_id", "base", "reading", "said")
        .agg(
            (pl.col("figure") * pl.col("sign")).sum().alias("left_value"),
            pl.col("figure").null_count().alias("open"),
        )
        .sort("report_id", "base", pl.col("open") > 0, -pl.col("left_value"), "reading")
        .group_by("report_id", "base", maintain_order=True)
        .agg(pl.col("left_value", "said").first(), (pl.col("open").sum() > 0).alias("open"))
    )
    sums = (
        bodies.group_by("report_id", "base", maintain_order=True)
        .agg(
            pl.col("value").sum().alias("right_value"),
            pl.format("{} {}", "body", plain("value")).str.join(" + ").alias("summed"),
        )
        .join(largest, on=["report_id", "base"], how="left", maintain_order="left")
        .with_columns(
            check_code=pl.lit("rollup.narrative"),
            scope=pl.col("base"),
            severity=pl.lit(rule.severity),
            difference=pl.col("left_value") - pl.col("right_value"),
        )
        .with_columns(
            status=pl.when(pl.col("difference") >= -rule.tolerance)
            .then(pl.lit("pass"))
            .when(pl.col("difference").is_null() | pl.col("open"))
            .then(pl.lit("not_assessable"))
            .otherwise(pl.lit("fail"))
        )
    )
    about = pl.col("base").str.split(".").list.first().replace_strict({t: title(t) for t in frames.FACTS})
    return shaped(
        sums.with_columns(
            message=pl.when(pl.col("status") == "fail")
            .then(
                pl.format(
                    "{}：the text names bodies with {} = {}, but the table has {} = {}; difference {}",
                    about,
                    "summed",
                    plain("right_value"),
                    "said",
                    plain("left_value"),
                    plain("difference"),
                )
            )
            .when(pl.col("status") == "not_assessable")
            .then(pl.format("{}：cannot be assessed, the table has no figure", about))
            .otherwise(pl.lit(""))
        )
    )
