"""The text of a report against itself: parts against their whole, and one figure for one measure.

Here: ``narrative.parts`` and ``narrative.self_contradiction``. Not here: the text against the tables
(narrative.py).
"""

from __future__ import annotations

from collections.abc import Mapping

import polars as pl

from pipeline.checks.figures import figures, line, none_found, plain, shaped
from pipeline.checks.narrative import judge
from pipeline.checks.rules import Parts, rules
from pipeline.checks.statements import meaning, measure_label, statements

PARTS = "narrative.parts"
CONTRADICTION = "narrative.self_contradiction"
ALL = "all measures"
"""The scope of the one row that a report has where no measure is contradicted."""

_Frames = Mapping[str, pl.DataFrame]


def narrative_itself_checks(tables: _Frames) -> pl.DataFrame:
    """The text against itself, from the exact figures that it states of the report's own body.

    ``narrative.parts`` (scope: the whole): fails where the parts stated are more than the whole, or a
    list that is complete is not the whole; not assessable where the list may go on.
    ``narrative.self_contradiction`` (scope: the measure, or what is carried out): two figures for one
    measure that the tables do not explain, or all handled and yet some carried out.

    Args:
        tables: ``dim_report``, ``dim_agency``, ``fact_narrative`` and the fact tables.
    """
    stated = statements(tables).filter(pl.col("body").is_null(), pl.col("qualifier") == "exact")
    known = _carried_in(tables)
    fitting = judge(tables).filter("fits").select("statement")
    found = [_parts(rule, stated, known) for rule in rules().narrative.parts]
    return pl.concat([none_found(), *found, _contradictions(stated, fitting, known)])


def _carried_in(tables: _Frames) -> pl.DataFrame:
    """What the table of each report has as carried in: report_id, in_table."""
    found = meaning(rules().narrative.balance.carried_in)
    assert found is not None
    ((_, cell),) = found.readings[0].terms
    return (
        figures(tables, [cell])
        .filter(pl.col("figure").is_not_null())
        .select("report_id", pl.col("figure").alias("in_table"))
    )


# Parts and wholes


def _covers(base: str, rule: Parts) -> tuple[tuple[str, ...], bool]:
    """The parts of a rule that a measure states, and whether it states them whole; () where it is none."""
    head, _, last = base.rpartition(".")
    codes = [f"{head}.{code}" for code in last.split("+")]
    if set(codes) <= set(rule.parts):
        return tuple(codes), True
    if len(codes) > 1:
        return (), False
    for part in rule.parts:
        if base in _below(part):
            return (part,), False
    return (), False


def _below(part: str) -> frozenset[str]:
    """The measures of a group's own rows, or of a name that stands for several columns."""
    head, _, code = part.rpartition(".")
    table = part.split(".")[0]
    together = rules().narrative.together.get(table, {}).get(code)
    if together:
        return frozenset(f"{head}.{one}" for one in together)
    try:
        return frozenset(f"{head}.{one}" for one in line(table, code).parts)
    except KeyError:
        return frozenset()


def _parts(rule: Parts, stated: pl.DataFrame, known: pl.DataFrame) -> pl.DataFrame:
    singles = stated.unique(["report_id", "base"], keep="first", maintain_order=True)
    covering = [
        (base, part, whole, base.count("+"), measure_label(base))
        for base in singles["base"].unique().sort()
        for parts, whole in [_covers(base, rule)]
        for part in parts
    ]
    schema = {
        "base": pl.String,
        "part": pl.String,
        "is_whole": pl.Boolean,
        "joined": pl.Int64,
        "label": pl.String,
    }
    members = singles.join(pl.DataFrame(covering, schema=schema, orient="row"), on="base").select(
        "statement", "report_id", "base", "value", "part", "is_whole", "joined", "label"
    )
    # 予以公开和部分公开84件，其中部分公开20件: the 20 are in the 84; so are a group's rows in the group.
    widest = (
        members.filter("is_whole").group_by("report_id", "part").agg(pl.col("joined").max().alias("widest"))
    )
    inside = (
        members.join(widest, on=["report_id", "part"])
        .filter(~pl.col("is_whole") | (pl.col("joined") < pl.col("widest")))
        .select("statement")
    )
    members = members.join(inside, on="statement", how="anti")
    sums = (
        members.unique(["statement"], keep="first", maintain_order=True)
        .sort("statement")
        .group_by("report_id", maintain_order=True)
        .agg(
            pl.col("value").sum().alias("sum"),
            pl.format("{} {}", "label", plain("value")).str.join(" + ").alias("listed"),
        )
        .join(
            members.group_by("report_id").agg(
                pl.col("part").n_unique().alias("parts"),
                (pl.col("part").n_unique() == len(rule.parts)).alias("every") & pl.col("is_whole").all(),
                (pl.col("is_whole") & (pl.col("part") == (rule.closed_by or ""))).any().alias("closed"),
            ),
            on="report_id",
        )
        .filter(pl.col("parts") >= 2)
        .with_columns(complete=pl.col("every") | (pl.col("closed") & (pl.col("parts") >= 3)))
    )
    one = {
        name: _value_of(singles, measure, name)
        for name, measure in (("beside", rule.beside), ("stated_in", rule.added))
    }
    whole = _wholes(rule, singles)
    base = (
        sums.join(whole, on="report_id")
        .join(one["beside"], on="report_id", how="left")
        .join(one["stated_in"], on="report_id", how="left")
        .join(known, on="report_id", how="left")
        .with_columns(
            pl.col("beside").fill_null(0),
            added=pl.when(pl.col("is_received") & pl.lit(rule.added is not None))
            .then(pl.coalesce("stated_in", "in_table"))
            .otherwise(0.0),
        )
    )
    tolerance = rules().checks[PARTS].tolerance
    total = pl.col("whole") + pl.col("added").fill_null(0)
    left = pl.col("sum") + pl.col("beside")
    closes = (
        ((left - pl.col("whole")).abs() <= tolerance)
        | ((left - total).abs() <= tolerance)
        # What is carried out was received, but it was not handled.
        | (~pl.col("is_received") & ((pl.col("sum") - pl.col("whole")).abs() <= tolerance))
    )
    # Without a figure for what was carried in, the whole may be larger than what was received.
    over = (pl.col("sum") > total + tolerance) & pl.col("added").is_not_null()
    short = pl.col("complete") & (left < pl.col("whole") - tolerance)
    odd = pl.col("complete") & pl.col("added").is_not_null()
    judged = base.with_columns(closes=closes, breaks=~closes & (over | short | odd))
    picked = (
        judged.sort("report_id", ~pl.col("closes"), ~pl.col("breaks"), "order")
        .group_by("report_id", maintain_order=True)
        .agg(
            pl.all().exclude("closes", "breaks").first(),
            pl.col("closes").any(),
            pl.col("breaks").any(),
        )
        .with_columns(
            check_code=pl.lit(PARTS),
            scope=pl.lit(rule.scope),
            severity=pl.lit(rules().checks[PARTS].severity),
            status=pl.when("closes")
            .then(pl.lit("pass"))
            .when("breaks")
            .then(pl.lit("fail"))
            .otherwise(pl.lit("not_assessable")),
            left_value=pl.col("sum"),
            right_value=pl.col("whole"),
            difference=pl.col("sum") - pl.col("whole"),
        )
    )
    beside = pl.when(pl.col("beside") > 0).then(
        pl.format(" (with {} {})", pl.lit(measure_label(rule.beside) if rule.beside else ""), plain("beside"))
    )
    return shaped(
        picked.with_columns(
            message=pl.when(pl.col("status") == "fail")
            .then(
                pl.format(
                    "In the text {} = {}{}, but {} = {}; difference {}",
                    "listed",
                    plain("sum"),
                    beside.otherwise(pl.lit("")),
                    "whole_label",
                    plain("whole"),
                    plain("difference"),
                )
            )
            .when(pl.col("status") == "not_assessable")
            .then(pl.lit("cannot be assessed, the text's list of parts may not be complete"))
            .otherwise(pl.lit(""))
        )
    )


def _value_of(singles: pl.DataFrame, measure: str | None, name: str) -> pl.DataFrame:
    """The stated figure of one measure by report."""
    return singles.filter(pl.col("base") == (measure or "")).select("report_id", pl.col("value").alias(name))


def _wholes(rule: Parts, singles: pl.DataFrame) -> pl.DataFrame:
    """The stated wholes by report: whole, whole_label, order, and whether more may be added (received)."""
    last = rule.wholes[-1]
    named = pl.DataFrame(
        [(w, n, measure_label(w), w == last and rule.added is not None) for n, w in enumerate(rule.wholes)],
        schema={"base": pl.String, "order": pl.Int64, "whole_label": pl.String, "is_received": pl.Boolean},
        orient="row",
    )
    return singles.join(named, on="base").select(
        "report_id", pl.col("value").alias("whole"), "whole_label", "order", "is_received"
    )


# One figure for one measure


def _contradictions(stated: pl.DataFrame, fitting: pl.DataFrame, known: pl.DataFrame) -> pl.DataFrame:
    rule, often = rules().checks[CONTRADICTION], rules().narrative.often_repeated
    labels = {base: measure_label(base) for base in stated["base"].unique()}
    explained = stated.with_columns(fits=pl.col("statement").is_in(fitting["statement"].implode()))
    several = (
        explained.unique(["report_id", "base", "value"], keep="first", maintain_order=True)
        .sort("statement")
        .group_by("report_id", "base", maintain_order=True)
        .agg(
            pl.len().alias("figures"),
            pl.col("fits").all().alias("explained"),
            pl.col("value").first().alias("left_value"),
            pl.col("value").get(1, null_on_oob=True).alias("right_value"),
            pl.format("{} (“{}”)", plain("value"), "excerpt").str.join(", ").alias("listed"),
        )
        .filter((pl.col("figures") > 1) & ~pl.col("explained"))
        .select(
            "report_id",
            scope="base",
            status=pl.lit("fail"),
            severity=pl.when(pl.col("base").str.contains(often))
            .then(pl.lit("info"))
            .otherwise(pl.lit(rule.severity)),
            left_value="left_value",
            right_value="right_value",
            message=pl.format(
                "The text states {} figures for {}: {}; difference {}",
                "figures",
                pl.col("base").replace_strict(labels, return_dtype=pl.String, default=None),
                "listed",
                plain(pl.col("left_value") - pl.col("right_value")),
            ),
        )
    )
    balance = _balance(stated, known)
    rows = pl.concat([several, balance])
    quiet = (
        stated.select("report_id")
        .unique()
        .join(rows.filter(pl.col("status") != "pass"), on="report_id", how="anti")
        .with_columns(scope=pl.lit(ALL), status=pl.lit("pass"), message=pl.lit(""))
        .with_columns(check_code=pl.lit(CONTRADICTION))
    )
    told = rows.filter(pl.col("status") != "pass").with_columns(
        check_code=pl.lit(CONTRADICTION), difference=pl.col("left_value") - pl.col("right_value")
    )
    return pl.concat([shaped(told), shaped(quiet)])


def _balance(stated: pl.DataFrame, known: pl.DataFrame) -> pl.DataFrame:
    """All handled and yet some carried out: received + carried in = handled + carried out, in the text.

    Left is received and carried in, right handled and carried out. What is carried in is the text's
    figure, else the table's; without either a contradiction is one that no figure for it resolves.
    """
    codes, rule = rules().narrative.balance, rules().checks[CONTRADICTION]
    singles = stated.unique(["report_id", "base"], keep="first", maintain_order=True)
    wide = (
        _value_of(singles, codes.received, "received")
        .join(_value_of(singles, codes.handled, "handled"), on="report_id")
        .join(_value_of(singles, codes.carried_out, "out"), on="report_id")
        .join(_value_of(singles, codes.carried_in, "stated_in"), on="report_id", how="left")
        .join(known, on="report_id", how="left")
        .with_columns(carried=pl.coalesce("stated_in", "in_table"))
    )
    right = pl.col("handled") + pl.col("out")
    left = pl.col("received") + pl.col("carried").fill_null(0)
    # What is carried in may be in the figure for received already.
    closes = ((left - right).abs() <= rule.tolerance) | ((pl.col("received") - right).abs() <= rule.tolerance)
    open_ = pl.col("carried").is_null() & (pl.col("received") < right)
    labels = [pl.lit(measure_label(code)) for code in (codes.received, codes.handled, codes.carried_out)]
    return wide.select(
        "report_id",
        scope=pl.lit(codes.carried_out),
        status=pl.when(closes)
        .then(pl.lit("pass"))
        .when(open_)
        .then(pl.lit("not_assessable"))
        .otherwise(pl.lit("fail")),
        severity=pl.lit(rule.severity),
        left_value=left,
        right_value=right,
        message=pl.when(open_ & ~closes)
        .then(pl.lit("cannot be assessed, what was carried in is neither in the text nor in the table"))
        .otherwise(
            pl.format(
                "The text states {} = {}{}, {} = {} and {} = {}: {} against {}; difference {}",
                labels[0],
                plain("received"),
                pl.when(pl.col("carried") > 0)
                .then(pl.format(" (with {} carried in)", plain("carried")))
                .otherwise(pl.lit("")),
                labels[1],
                plain("handled"),
                labels[2],
                plain("out"),
                plain(left),
                plain(right),
                plain(left - right),
            )
        ),
    )
