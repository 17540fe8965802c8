"""The notebook: it runs as it stands over a build, and its figures are those of the facts."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import duckdb
import pytest
from lxml import etree

from tests.readme import ROOT

pytestmark = [pytest.mark.xdist_group("samples"), pytest.mark.slow]
NOTEBOOK = ROOT / "docs/notebooks/grants_over_the_years.py"
# A measure's rows of 表三: its sum is known where each of them is, or where the group is one row.
PARTS = {
    "requests_granted": "granted",
    "requests_refused": "refused_%",
    "requests_unavailable_not_held": "unavailable_not_held",
}


@pytest.fixture(scope="module")
def found(samples: duckdb.DuckDBPyConnection) -> dict[str, Any]:
    """What the notebook's cells hold after a run over the build of data/raw."""
    names: dict[str, Any] = {"__file__": str(NOTEBOOK), "__name__": "notebook"}
    exec(compile(NOTEBOOK.read_text(encoding="utf-8"), str(NOTEBOOK), "exec"), names)
    _, held = names["app"].run(defs={"warehouse": _file(samples), "figure_file": None})
    return dict(held)


def _file(samples: duckdb.DuckDBPyConnection) -> Path:
    (path,) = samples.execute("select path from duckdb_databases() where path is not null").fetchall()[0]
    return Path(path)


def test_its_sums_are_the_sums_of_the_cells(
    samples: duckdb.DuckDBPyConnection, found: dict[str, Any]
) -> None:
    counted = 0
    for row in found["rows"]:
        wanted = [0, 0, 0, 0, 0]
        reports = samples.execute(
            "select report_id from mart_report_basis join dim_report using (report_id) "
            "where basis = 'offices' and report_year = ?",
            [row["report_year"]],
        ).fetchall()
        for (report,) in reports:
            cells = samples.execute(
                "select best_value from fact_request "
                "where report_id = ? and applicant = 'total' and outcome like ?",
                [report, PARTS[row["measure"]]],
            ).fetchall()
            whole = samples.execute(
                "select best_value from fact_request "
                "where report_id = ? and applicant = 'total' and outcome = 'outcome_total'",
                [report],
            ).fetchone()
            if not cells or any(value is None for (value,) in cells) or not whole or whole[0] is None:
                continue
            (flagged,) = samples.execute(
                "select bool_or(is_flagged) from mart_measures where report_id = ? "
                "and measure in (?, 'requests_outcome_total')",
                [report, row["measure"]],
            ).fetchone() or (None,)
            applications = sum(value for (value,) in cells)
            clear = not flagged
            wanted = [
                had + more
                for had, more in zip(
                    wanted, (1, applications, whole[0], applications * clear, whole[0] * clear), strict=True
                )
            ]
        counted += wanted[0]
        assert row["reports"] == len(reports)
        said = ("reports_counted", "applications", "decided", "applications_unflagged", "decided_unflagged")
        assert [row[name] or 0 for name in said] == wanted, row
    assert counted > 20


def test_flags_and_unknown_figures_make_a_difference(found: dict[str, Any]) -> None:
    rows = found["rows"]
    assert {row["measure"] for row in rows} == set(PARTS)
    assert any(row["reports_counted"] < row["reports"] for row in rows)
    flagged = [row for row in rows if row["reports_flagged"]]
    assert flagged
    assert all(row["decided_unflagged"] != row["decided"] for row in flagged)
    assert any(row["share_unflagged"] != row["share"] for row in flagged)


def test_run_as_a_script_it_writes_the_figure(samples: duckdb.DuckDBPyConnection, tmp_path: Path) -> None:
    figure = tmp_path / "figure.svg"
    command = [sys.executable, NOTEBOOK, "--warehouse", _file(samples), "--to", figure]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    root = etree.parse(str(figure)).getroot()
    shown = " ".join(root.itertext())
    labels = dict(samples.execute("select measure, label from dim_panel_column").fetchall())
    for measure in PARTS:
        assert labels[measure].rsplit(" › ", 1)[-1] in shown
    (years,) = samples.execute(
        "select list(distinct report_year order by report_year) from mart_measures where basis = 'offices'"
    ).fetchone() or ([],)
    assert all(str(year) in shown for year in years)
    assert not root.findall(".//{*}script[@src]")
    assert "@import" not in shown


def test_over_no_report_it_draws_an_empty_figure(tmp_path: Path, samples: duckdb.DuckDBPyConnection) -> None:
    path = tmp_path / "empty.duckdb"
    with duckdb.connect(str(path)) as connection:
        for table, most in (("mart_measures", 0), ("dim_panel_column", 1000)):
            copied = samples.execute(f"from {table} limit {most}").to_arrow_table()
            connection.register("copied", copied).execute(f"create table {table} as from copied")
    done = subprocess.run(
        [sys.executable, NOTEBOOK, "--warehouse", path], cwd=tmp_path, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
