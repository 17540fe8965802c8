"""``gongkai`` on the command line.

Here: arguments, progress, what is printed, exit codes. Not here: any work.
"""

from __future__ import annotations

import os
import shutil
import sys
from collections import Counter
from pathlib import Path
from typing import Annotated, NoReturn

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from pipeline import warehouse as store
from pipeline.publish import show as pages
from pipeline.settings import (
    DAGSTER_YAML,
    INSTANCE,
    PROJECT,
    Settings,
    SettingsFault,
    child_environment,
    dagster_home,
    settings,
)
from pipeline.terminal import cell, printable

app = typer.Typer(
    help="政府信息公开工作年度报告: yearly disclosure reports into a DuckDB warehouse.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
_LOG = "build.log"
# Wide enough for the form where the output is no terminal.
_PAGE = 160
_GAPS_SHOWN = 50

RawOption = Annotated[Path | None, typer.Option("--raw", help="folder with report files [data/raw]")]
WarehouseOption = Annotated[
    Path | None, typer.Option("--warehouse", help="folder of gongkai.duckdb [data/warehouse]")
]
WorkersOption = Annotated[
    int | None, typer.Option("--workers", min=1, help="processes that read files [one a core]")
]


@app.callback()
def gongkai() -> None:
    """One warehouse of all reports."""


@app.command()
def build(
    raw: RawOption = None,
    warehouse: WarehouseOption = None,
    workers: WorkersOption = None,
    accept: Annotated[
        bool, typer.Option("--accept", help="publish even a build much worse than the published one")
    ] = False,
) -> None:
    """Read every report file of the raw folder into gongkai.duckdb."""
    console = Console()
    chosen = _settings(raw, warehouse, workers, accept)
    if not chosen.raw.is_dir():
        _fail(f"there is no raw folder at {chosen.raw}")
    try:
        store.prepare(chosen.warehouse)
    except store.WarehouseFault as fault:
        _fail(str(fault))
    from pipeline.defs.launch import run_build  # Dagster takes a second to load: only where it is needed

    log = chosen.warehouse / _LOG
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console, transient=not console.is_terminal) as bar:
        task = bar.add_task("reading", total=None)

        def progress(done: int, of: int) -> None:
            bar.update(task, completed=done, total=of)

        outcome = run_build(chosen, log, progress)
    if outcome.fault:
        _fail(outcome.fault)
    console.print(f"{outcome.read} files read, {outcome.known} unchanged")
    _summary(console, chosen)


def _summary(console: Console, chosen: Settings) -> None:
    """The closing table."""
    with store.connect(chosen.warehouse / store.NAME, read_only=True) as connection:

        def counts(query: str) -> list[tuple[str, int]]:
            return [(str(name), int(count)) for name, count in connection.execute(query).fetchall()]

        groups = {
            "files": counts("select status, count(*) from dim_document group by 1 order by 2 desc, 1"),
            "reports": counts(
                "select coalesce(report_year::varchar, 'year unknown'), count(*)"
                " from dim_report group by 1 order by 1"
            ),
            "cells": counts(
                "select status, count(*) from (select status from fact_disclosure union all select status"
                " from fact_request union all select status from fact_dispute union all select status"
                " from fact_indicator) group by 1 order by 2 desc, 1"
            ),
            "checks failed": counts(
                "select severity || ' · ' || check_code, count(*) from check_result where status = 'fail'"
                " group by 1 order by min(case severity when 'error' then 1 when 'warn' then 2 else 3 end), 1"
            ),
            "rows rejected": counts("select table_name, count(*) from rejected_row group by 1 order by 1"),
        }
        missing = connection.execute(
            """select coalesce(agency_name, report_id), report_year,
                   string_agg(table_name || ' ' || state, ', ' order by table_name)
               from mart_missing_tables
               group by report_id, agency_name, report_year
               order by 1, 2"""
        ).fetchall()
    table = Table(title=printable(chosen.warehouse / store.NAME), title_justify="left")
    table.add_column("what")
    table.add_column("kind", overflow="fold")
    table.add_column("count", justify="right")
    for what, rows in groups.items():
        table.add_section()
        total = Counter(dict(rows)).total()
        table.add_row(cell(what, "bold"), "", cell(f"{total:,}", "bold"))
        for name, count in rows:
            table.add_row("", cell(name), f"{count:,}")
    console.print(table)
    if missing:
        gaps = Table(title="tables missing or not whole", title_justify="left")
        for name in ("report", "year", "tables"):
            gaps.add_column(name, overflow="fold")
        for name, year, tables in missing[:_GAPS_SHOWN]:
            gaps.add_row(cell(name), cell(year), cell(tables))
        console.print(gaps)
        if len(missing) > _GAPS_SHOWN:
            console.print(f"… and {len(missing) - _GAPS_SHOWN} more: select * from mart_missing_tables")


@app.command()
def show(
    report: Annotated[list[str], typer.Argument(help="report id, agency and year, file path or document id")],
    warehouse: WarehouseOption = None,
    why: Annotated[bool, typer.Option("--why", help="also say why it was read so")] = False,
) -> None:
    """Print one report as the official form, with doubtful cells marked."""
    console = Console()
    if not console.is_terminal:
        console.width = max(console.width, _PAGE)
    chosen = _settings(None, warehouse, None)
    try:
        with store.connect(chosen.warehouse / store.NAME, read_only=True) as connection:
            matches = pages.find(connection, " ".join(report))
            if not matches:
                _fail(f"no report, agency or file is called {' '.join(report)}")
            if len({match.report_id for match in matches}) > 1:
                _fail(
                    "which of these?\n" + "\n".join(f"  {match.report_id}  {match.name}" for match in matches)
                )
            (match, *_) = matches
            if match.report_id is None:
                console.print(cell(f"{match.name} · {match.about}"))
                return
            pages.show(console, connection, match.report_id, why)
    except store.WarehouseFault as fault:
        _fail(str(fault))


@app.command()
def dev(port: Annotated[int, typer.Option(help="port on 127.0.0.1")] = 3000) -> None:
    """Dagster's web UI and daemon on this machine only."""
    home = dagster_home()
    if home is None:
        # Dagster wants its settings inside the folder that it keeps its state in.
        home = INSTANCE
        home.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(DAGSTER_YAML, home / DAGSTER_YAML.name)
    command = [sys.executable, "-m", "dagster", "dev", "-m", "pipeline.definitions"]
    command += ["-h", "127.0.0.1", "-p", str(port)]
    os.chdir(PROJECT)
    # In our place, so that whoever stops us stops it.
    os.execve(sys.executable, command, child_environment(DAGSTER_HOME=str(home)))


def _settings(
    raw: Path | None, warehouse: Path | None, workers: int | None, accept: bool = False
) -> Settings:
    try:
        return settings(raw, warehouse, workers, accept=accept)
    except SettingsFault as fault:
        _fail(str(fault))


def _fail(line: str) -> NoReturn:
    """One clear message on stderr, and exit 1."""
    safe = "\n".join(printable(part) for part in line.split("\n"))
    typer.echo(f"gongkai: {safe}", err=True)
    raise typer.Exit(1)


def main() -> None:
    """The command ``gongkai``."""
    app()


if __name__ == "__main__":
    main()
