"""Values that a body of some kind and level can have, by the rules of plausibility.

Here: the tests that ``rules.yaml`` names, over all reports. Not here: identities, and what reading
itself found odd (completeness.py passes those notes on).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import polars as pl

from pipeline import frames
from pipeline.checks.figures import (
    CELL,
    as_frame,
    figures,
    line,
    none_found,
    places,
    plain,
    previous_reports,
    shaped,
    taken,
    title,
)
from pipeline.checks.rules import Cell, Plausible, cells_like, known_cells, rules

_FAILING = {
    "report_id": pl.String,
    "scope": pl.String,
    "left_value": pl.Float64,
    "right_value": pl.Float64,
    "message": pl.String,
}
ALL = "all cells"
"""The scope of the one row that a report has for a rule that none of its cells breaks."""


@dataclass(frozen=True)
class _Found:
    """What one test found: the cells that break it, and the reports that it could assess."""

    failing: pl.DataFrame
    assessed: pl.DataFrame
    """report_id of the reports with a figure to hold against the rule."""


_Frames = Mapping[str, pl.DataFrame]


def plausibility_checks(tables: Mapping[str, pl.DataFrame]) -> pl.DataFrame:
    """Every rule of plausibility over every report of an agency that it is for.

    One failing row for each cell that breaks a rule (scope ``table.row.column``; left the figure,
    right what it is held against); else one row ``all cells`` for each report and code: ``pass``, or
    ``not_assessable`` where no figure, no earlier report or no kind of agency is known.

    Args:
        tables: ``dim_report``, ``dim_agency`` and the fact tables.
    """
    bodies = _bodies(tables)
    cells = figures(tables, _wanted()).join(bodies.select("report_id"), on="report_id", how="semi")
    failing, settled = [], []
    for rule in rules().plausibility:
        wanted, unknown = _meant(rule, bodies)
        found = _TESTS[rule.test](rule, cells.join(wanted, on="report_id", how="semi"), tables)
        mine = found.failing.join(wanted.select("report_id"), on="report_id", how="semi")
        failing.append(
            mine.with_columns(
                check_code=pl.lit(rule.code), severity=pl.lit(rule.severity), status=pl.lit("fail")
            )
        )
        assessed = found.assessed.join(wanted, on="report_id", how="semi")
        for reports, status in (
            (assessed, "pass"),
            (wanted.join(assessed, on="report_id", how="anti"), "not_assessable"),
            (unknown, "not_assessable"),
        ):
            settled.append(reports.select("report_id", check_code=pl.lit(rule.code), status=pl.lit(status)))
    broken = pl.concat(failing).with_columns(difference=pl.col("left_value") - pl.col("right_value"))
    rest = (
        pl.concat(settled)
        .join(broken.select("report_id", "check_code").unique(), on=["report_id", "check_code"], how="anti")
        .group_by("report_id", "check_code")
        .agg((pl.col("status") == "pass").any().alias("passes"))
        .select(
            "report_id",
            "check_code",
            scope=pl.lit(ALL),
            status=pl.when("passes").then(pl.lit("pass")).otherwise(pl.lit("not_assessable")),
            message=pl.when("passes")
            .then(pl.lit(""))
            .otherwise(
                pl.lit("cannot be assessed: no figure, no earlier report, or no kind of agency known")
            ),
        )
    )
    return pl.concat([none_found(), shaped(broken), shaped(rest)])


def _bodies(tables: _Frames) -> pl.DataFrame:
    """Each report with its agency's kind and level."""
    agencies = taken(tables, "dim_agency").select("agency_id", "kind", "level")
    return (
        taken(tables, "dim_report")
        .select("report_id", "agency_id")
        .join(agencies.unique("agency_id", keep="first", maintain_order=True), on="agency_id", how="left")
    )


def _meant(rule: Plausible, bodies: pl.DataFrame) -> tuple[pl.DataFrame, pl.DataFrame]:
    """The reports of agencies that a rule is for, and those whose agency is not known."""
    if not rule.agencies:
        return bodies.select("report_id"), bodies.clear().select("report_id")
    fits = pl.any_horizontal(
        *(
            pl.all_horizontal(
                pl.lit(True),
                *((pl.col("kind").is_in(some.kinds).fill_null(False),) if some.kinds else ()),
                *((pl.col("level").is_in(some.levels).fill_null(False),) if some.levels else ()),
            )
            for some in rule.agencies
        )
    )
    unknown = pl.col("kind").is_null() & pl.col("level").is_null()
    return bodies.filter(fits).select("report_id"), bodies.filter(unknown).select("report_id")


def _rows(rule: Plausible, patterns: tuple[str, ...]) -> list[tuple[str, tuple[Cell, ...]]]:
    """The cells of a rule, once for each of its rows where it has some; the scope of each set."""
    if not rule.rows:
        return [(patterns[0].split(".")[0], cells_like(patterns))]
    return [(row, cells_like(p.replace("{row}", row) for p in patterns)) for row in rule.rows]


def _wanted() -> list[Cell]:
    """Every cell that a rule names; those by kind of number are looked up in the tables themselves."""
    found: dict[Cell, None] = {}
    for rule in rules().plausibility:
        for patterns in (rule.cells, rule.of):
            if patterns:
                for _, some in _rows(rule, patterns):
                    found.update(dict.fromkeys(some))
    return list(found)


def _scope() -> pl.Expr:
    return pl.concat_str(CELL, separator=".")


def _why(rule: Plausible) -> pl.Expr:
    return pl.lit(f"; {rule.also}. {rule.reason}" if rule.also else f". {rule.reason}")


def _failing(rows: pl.DataFrame) -> pl.DataFrame:
    return rows.select(pl.col(name).cast(kind) for name, kind in _FAILING.items())


def _single(rule: Plausible, cells: pl.DataFrame, tables: _Frames) -> _Found:
    """Each cell against a limit, or against being whole."""
    if rule.numbers:
        cells, assessed = _by_number(rule, tables)
    else:
        wanted = cells_like(rule.cells)
        cells = cells.join(as_frame(wanted), on=CELL, how="semi").filter(pl.col("figure").is_not_null())
        assessed = cells.select("report_id").unique()
    broken = cells.filter(_breaks(rule, pl.col("figure")))
    said = {
        "above": pl.format("above {}", plain(pl.lit(rule.limit))),
        "below": pl.format("below {}", plain(pl.lit(rule.limit))),
        "not_whole": pl.lit("not a whole number"),
    }[rule.test]
    against = pl.lit(rule.limit) if rule.test != "not_whole" else pl.col("figure").round()
    named = broken.select(CELL).unique().rows()
    return _Found(
        _failing(
            broken.join(places((t, r, c) for t, r, c in named), on=CELL).with_columns(
                scope=_scope(),
                left_value="figure",
                right_value=against,
                message=pl.format("{} = {}, {}{}", "place", plain("figure"), said, _why(rule)),
            )
        ),
        assessed,
    )


def _breaks(rule: Plausible, figure: pl.Expr) -> pl.Expr:
    if rule.test == "above":
        return figure > rule.limit
    if rule.test == "below":
        return figure < rule.limit
    return figure != figure.round()


def _by_number(rule: Plausible, tables: _Frames) -> tuple[pl.DataFrame, pl.DataFrame]:
    """The cells that break a rule on a kind of number, and the reports with any figure.

    Only rows that break it are named, since all cells of all reports are looked at.
    """
    broken, assessed = [], []
    kinds = pl.DataFrame(
        [cell for cell, spec in known_cells().items() if spec.number in rule.numbers],
        schema=dict.fromkeys(CELL, pl.String),
        orient="row",
    )
    for table, name in frames.FACTS.items():
        row, column = frames.dimensions(table)
        facts = (
            taken(tables, name)
            .filter(pl.col("best_value").is_not_null())
            .with_columns(pl.col("best_value").cast(pl.Float64).alias("figure"))
        )
        assessed.append(facts.select("report_id").unique())
        broken.append(
            facts.filter(_breaks(rule, pl.col("figure")))
            .select(
                "report_id",
                pl.lit(table).alias("table"),
                pl.col(row).alias("row"),
                pl.col(column).alias("column"),
                "figure",
            )
            .join(kinds, on=CELL, how="semi")
        )
    return pl.concat(broken), pl.concat(assessed).unique()


def _jump(rule: Plausible, cells: pl.DataFrame, tables: _Frames) -> _Found:
    """Each cell against last year's, both above zero."""
    assert rule.factor is not None
    links = previous_reports(tables).filter("comparable").select("report_id", "previous_id", "report_year")
    own = cells.join(as_frame(cells_like(rule.cells)), on=CELL, how="semi")
    pairs = (
        own.join(links, on="report_id")
        .join(own.rename({"report_id": "previous_id", "figure": "before"}), on=["previous_id", *CELL])
        .filter(pl.col("figure").is_not_null() & pl.col("before").is_not_null())
    )
    larger, smaller = pl.max_horizontal("figure", "before"), pl.min_horizontal("figure", "before")
    broken = pairs.filter(
        (smaller > 0) & (larger >= rule.at_least) & (larger >= pl.lit(rule.factor) * smaller)
    )
    times = (larger / smaller).round(0)
    return _Found(
        _failing(
            broken.join(places(cells_like(rule.cells)), on=CELL).with_columns(
                scope=_scope(),
                left_value="figure",
                right_value="before",
                message=pl.format(
                    "{} = {}, in the report of {} {}: {} times as {}{}",
                    "place",
                    plain("figure"),
                    pl.col("report_year") - 1,
                    plain("before"),
                    plain(times),
                    pl.when(pl.col("figure") > pl.col("before"))
                    .then(pl.lit("much"))
                    .otherwise(pl.lit("little")),
                    _why(rule),
                ),
            )
        ),
        pairs.select("report_id").unique(),
    )


def _sums(cells: pl.DataFrame, wanted: tuple[Cell, ...], name: str) -> pl.DataFrame:
    """The sum of some cells for each report that has any, and whether one of them is open."""
    return (
        cells.join(as_frame(wanted), on=CELL, how="semi")
        .group_by("report_id")
        .agg(pl.col("figure").sum().alias(name), pl.col("figure").null_count().alias(f"{name}_open"))
    )


def _ratio(rule: Plausible, cells: pl.DataFrame, tables: _Frames) -> _Found:
    """A sum that is many times another."""
    assert rule.factor is not None
    (_, left), (_, right) = _rows(rule, rule.cells)[0], _rows(rule, rule.of)[0]
    sums = (
        _sums(cells, left, "left_value")
        .join(_sums(cells, right, "right_value"), on="report_id")
        .filter(pl.col("right_value_open") == 0)
    )
    broken = sums.filter(
        (pl.col("left_value") >= rule.at_least)
        & (pl.col("left_value") > pl.lit(rule.factor) * pl.col("right_value"))
    )
    if rule.up_to is not None:
        broken = broken.filter(pl.col("left_value") <= pl.lit(rule.up_to) * pl.col("right_value"))
    return _Found(
        _failing(
            broken.with_columns(
                scope=pl.lit(".".join(left[0][::2]) if len(left) > 1 else ".".join(left[0])),
                message=pl.format(
                    "{} = {}, more than {} times {} = {}{}",
                    pl.lit(_said(left)),
                    plain("left_value"),
                    plain(pl.lit(rule.factor)),
                    pl.lit(_said(right)),
                    plain("right_value"),
                    _why(rule),
                ),
            )
        ),
        sums.select("report_id"),
    )


def _equals(rule: Plausible, cells: pl.DataFrame, tables: _Frames) -> _Found:
    """Two sums that are the same, where they should not be; row by row."""
    failing, assessed = [], []
    for (row, left), (_, right) in zip(_rows(rule, rule.cells), _rows(rule, rule.of), strict=True):
        sums = (
            _sums(cells, left, "left_value")
            .join(_sums(cells, right, "right_value"), on="report_id")
            .filter((pl.col("left_value_open") == 0) & (pl.col("right_value_open") == 0))
        )
        assessed.append(sums.select("report_id"))
        if rule.nonzero:
            moved = cells_like([rule.nonzero.replace("{row}", row)])
            sums = sums.join(
                cells.join(as_frame(moved), on=CELL, how="semi").filter(pl.col("figure") != 0),
                on="report_id",
                how="semi",
            )
        broken = sums.filter(
            (pl.col("left_value") == pl.col("right_value")) & (pl.col("left_value") >= rule.at_least)
        )
        failing.append(
            _failing(
                broken.with_columns(
                    scope=pl.lit(".".join(right[0])),
                    message=pl.format(
                        "{} = {}, the same as {}{}",
                        pl.lit(_said(left)),
                        plain("left_value"),
                        pl.lit(_said(right)),
                        _why(rule),
                    ),
                )
            )
        )
    return _Found(pl.concat(failing), pl.concat(assessed).unique())


def _said(cells: tuple[Cell, ...]) -> str:
    """A sum of cells in the form's labels; the table is named once, and so is what all share."""
    table = cells[0][0]
    rows = list(dict.fromkeys(row for _, row, _ in cells))
    columns = list(dict.fromkeys(column for _, _, column in cells))
    if len(columns) == 1:
        words = f"{' + '.join(line(table, row).label for row in rows)} · {line(table, columns[0]).label}"
    elif len(rows) == 1:
        words = f"{line(table, rows[0]).label} · {' + '.join(line(table, c).label for c in columns)}"
    else:
        words = " + ".join(f"{line(table, row).label} · {line(table, c).label}" for _, row, c in cells)
    return f"{title(table)}{words}"


_TESTS: Mapping[str, Callable[[Plausible, pl.DataFrame, _Frames], _Found]] = {
    "above": _single,
    "below": _single,
    "not_whole": _single,
    "jump": _jump,
    "ratio": _ratio,
    "equals": _equals,
}
