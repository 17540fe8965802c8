"""From a question to a figure: how grants, refusals and 本机关不掌握 moved over the years.

``marimo edit docs/notebooks/grants_over_the_years.py`` opens it; run by ``python`` with
``--warehouse FOLDER/gongkai.duckdb --to FIGURE.svg`` it writes the figure. Here: the one question.
"""

import marimo

app = marimo.App(app_title="grants, refusals, not held")


@app.cell
def _():
    from pathlib import Path

    import duckdb
    import marimo as mo
    import pygal
    from pygal.style import Style

    return Path, Style, duckdb, mo, pygal


@app.cell
def _(Path, mo):
    # The warehouse that `make run` builds, or any other.
    _project = Path(__file__).resolve().parents[2]
    warehouse = Path(mo.cli_args().get("warehouse") or _project / "data/warehouse/gongkai.duckdb")
    figure_file = mo.cli_args().get("to")
    return figure_file, warehouse


@app.cell
def _(mo):
    mo.md("""
    # 予以公开、不予公开、本机关不掌握 · granted, refused, not held

    **Question.** Of the applications that single offices decided in a year, what share was granted in full,
    what share refused, and what share answered with 本机关不掌握相关政府信息?

    **Which reports.** Those with `basis = 'offices'`: a region's report sums up its offices, and adding both
    counts twice. A report counts for a measure only where both the measure and 总计 of its decisions are
    known; NULL is never taken for zero.

    **How sure.** A flagged figure stands in a check that failed. The share is worked out twice, with and
    without the reports whose figures are flagged; where the two lines part, the flags matter.

    **Caution.** The reports of one year are not those of another. Look at `reports_counted` before reading a
    movement into a line.
    """)
    return


@app.cell
def _():
    basis = "offices"
    measures = ("requests_granted", "requests_refused", "requests_unavailable_not_held")
    return basis, measures


@app.cell
def _(basis, duckdb, measures, warehouse):
    with duckdb.connect(str(warehouse), read_only=True) as _connection:
        _result = _connection.execute(
            """
            select
                parts.measure,
                parts.report_year,
                count(*) as reports,
                count(*) filter (known) as reports_counted,
                count(*) filter (known and flagged) as reports_flagged,
                sum(parts.figure) filter (known)::bigint as applications,
                sum(whole.figure) filter (known)::bigint as decided,
                sum(parts.figure) filter (known and not flagged)::bigint as applications_unflagged,
                sum(whole.figure) filter (known and not flagged)::bigint as decided_unflagged,
                applications / nullif(decided, 0) as share,
                applications_unflagged / nullif(decided_unflagged, 0) as share_unflagged,
            from mart_measures as parts
            join mart_measures as whole
                on parts.report_id = whole.report_id and whole.measure = 'requests_outcome_total'
            cross join lateral (
                select
                    parts.figure is not null and whole.figure is not null as known,
                    parts.is_flagged or whole.is_flagged as flagged,
            )
            where parts.measure in (select unnest($measures)) and parts.basis = $basis
            group by parts.measure, parts.report_year
            order by parts.measure, parts.report_year
            """,
            {"measures": list(measures), "basis": basis},
        )
        _names = [_column[0] for _column in _result.description]
        rows = [dict(zip(_names, _row, strict=True)) for _row in _result.fetchall()]
        labels = dict(_connection.execute("select measure, label from dim_panel_column").fetchall())
    return labels, rows


@app.cell
def _(mo, rows):
    mo.ui.table(rows, selection=None)
    return


@app.cell
def _(Style, labels, measures, pygal, rows):
    # Colours that differ in lightness too; the viewer's own fonts, so that every script is shown.
    _colours = ("#1b7837", "#b2182b", "#555555")
    chart = pygal.Line(
        js=[],
        style=Style(
            colors=tuple(_c for _c in _colours for _ in range(2)),
            background="#ffffff",
            plot_background="#ffffff",
            font_family="'Noto Sans CJK SC','Source Han Sans SC','PingFang SC','Microsoft YaHei',sans-serif",
        ),
        width=860,
        height=460,
        title="办结申请中的比例 · share of decided applications",
        legend_at_bottom=True,
        legend_at_bottom_columns=2,
        truncate_legend=-1,
        min_scale=4,
        include_x_axis=True,
        value_formatter=lambda share: "" if share is None else f"{share:.0%}",
        disable_xml_declaration=True,
    )
    # Every year between the first and the last: one without a report is a gap, not a shorter way.
    _seen = [_row["report_year"] for _row in rows]
    years = list(range(min(_seen), max(_seen) + 1)) if _seen else []
    chart.x_labels = [str(_year) for _year in years]
    for _measure in measures:
        _by_year = {_row["report_year"]: _row for _row in rows if _row["measure"] == _measure}
        for _column, _note, _dashes in (
            ("share", "", None),
            ("share_unflagged", " · 不含存疑 without flagged", "6,6"),
        ):
            # A year without a known figure is a gap in the line.
            chart.add(
                labels[_measure].rsplit(" › ", 1)[-1] + _note,
                [_by_year[_year][_column] if _year in _by_year else None for _year in years],
                stroke_style={"width": 2.5, **({"dasharray": _dashes} if _dashes else {})},
                allow_interruptions=True,
            )
    figure = chart.render(is_unicode=True)
    return figure, years


@app.cell
def _(figure, mo):
    mo.Html(figure)
    return


@app.cell
def _(Path, figure, figure_file, mo):
    if figure_file:
        Path(figure_file).write_text(figure, encoding="utf-8")
        print(f"written: {figure_file}")
    mo.md(f"Written to `{figure_file}`." if figure_file else "`--to FIGURE.svg` writes the figure to a file.")
    return


if __name__ == "__main__":
    app.run()
