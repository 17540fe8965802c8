"""``gongkai`` on the command line.

Here: arguments, progress, what is printed, exit codes. Not here: any work.
"""

from __future__ import annotations

import json
import os
import shutil
import sys
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NoReturn

import duckdb
import typer
from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    ProgressColumn,
    Task,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)
from rich.table import Table
from rich.text import Text

from pipeline import warehouse as store
from pipeline.crawl import commands as crawl_commands
from pipeline.curation.decisions import Verdict
from pipeline.curation.writing import SettleFault, entry_text
from pipeline.curation.writing import settle as write_decision
from pipeline.files import write_whole
from pipeline.publish import compare as comparing
from pipeline.publish import compare_page
from pipeline.publish import findings as listing
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

if TYPE_CHECKING:
    from pipeline.defs.launch import Outcome
    from pipeline.doctor import Found

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
_PROFILED = 15

RawOption = Annotated[Path | None, typer.Option("--raw", help="folder with report files [data/raw]")]
RawOrUrlOption = Annotated[
    str | None,
    typer.Option("--raw", help="folder with report files, or its URL (file://, s3://…) [data/raw]"),
]
WarehouseOption = Annotated[
    Path | None, typer.Option("--warehouse", help="folder of gongkai.duckdb [data/warehouse]")
]
WorkersOption = Annotated[
    int | None, typer.Option("--workers", min=1, help="processes that read files [one a core]")
]
ExecutorOption = Annotated[
    str | None,
    typer.Option("--executor", help="who reads: local, or dask://HOST:PORT, a Dask cluster [local]"),
]
CurationOption = Annotated[
    Path | None, typer.Option("--curation", help="folder of settled findings [data/curation]")
]
_REPORT = "report id, agency and year, file path or document id"


@app.callback()
def gongkai() -> None:
    """One warehouse of all reports."""


@app.command()
def build(
    raw: RawOrUrlOption = None,
    warehouse: WarehouseOption = None,
    workers: WorkersOption = None,
    accept: Annotated[
        bool, typer.Option("--accept", help="publish even a build much worse than the published one")
    ] = False,
    curation: CurationOption = None,
    verify: Annotated[
        bool, typer.Option("--verify", help="read every file's bytes to see what changed, not size and time")
    ] = False,
    wait: Annotated[
        float | None, typer.Option("--wait", min=0, help="seconds to wait for another run to end [0]")
    ] = None,
    profile: Annotated[
        bool, typer.Option("--profile", help="also print what each step and the slowest files took")
    ] = False,
    executor: ExecutorOption = None,
    readings: Annotated[
        str | None,
        typer.Option("--readings", help="URL where machines share what they have read [none]"),
    ] = None,
) -> None:
    """Read every report file of the raw folder into gongkai.duckdb."""
    console = Console()
    chosen = _settings(raw, warehouse, workers, accept, curation, verify, wait, executor, readings)
    if not chosen.raw_url and not chosen.raw.is_dir():
        _fail(f"there is no raw folder at {chosen.raw}")
    if curation is not None and not curation.is_dir():
        _fail(f"there is no curation folder at {curation}")
    try:
        store.prepare(chosen.warehouse)
    except store.WarehouseFault as fault:
        _fail(str(fault))
    from pipeline.defs.launch import run_build  # Dagster takes a second to load: only where it is needed

    log = chosen.warehouse / _LOG
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        _Speed(),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=console, transient=not console.is_terminal) as bar:
        task = bar.add_task("reading", total=None)

        def progress(done: int, of: int) -> None:
            bar.update(task, completed=done, total=of)

        outcome = run_build(chosen, log, progress)
    if outcome.fault:
        _fail(outcome.fault)
    console.print(f"{outcome.read} files read, {outcome.known} unchanged")
    if outcome.unchanged:
        console.print("nothing is new: the published warehouse stands")
    if outcome.stages:
        seconds = sum(took for _, took in outcome.stages)
        console.print(f"{seconds:.1f} s in its steps; longest: {outcome.longest}", soft_wrap=True)
    if profile:
        _profile(console, outcome)
    _summary(console, chosen)


class _Speed(ProgressColumn):
    """Files a second, once it is known."""

    def render(self, task: Task) -> Text:
        return Text(f"{task.speed:,.1f} files/s" if task.speed else "")


def _profile(console: Console, outcome: Outcome) -> None:
    """What each step took, the longest first, and the files that took longest to read."""
    for title, rows in (("seconds of each step", outcome.stages), ("slowest files", outcome.slowest)):
        table = Table(title=title, title_justify="left")
        table.add_column("seconds", justify="right")
        table.add_column("what", overflow="fold")
        for name, seconds in sorted(rows, key=lambda row: -row[1])[:_PROFILED]:
            table.add_row(f"{seconds:.2f}", cell(name))
        console.print(table)


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
            "settled": counts(
                "select coalesce(decision, 'cannot be used'), count(*) from decisions group by 1 order by 1"
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
        faults = connection.execute(
            "select file, entry, fault from decisions where fault is not null order by all"
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
    for name, entry, fault in faults:
        typer.echo(printable(f"gongkai: a decision does not count: {name} entry {entry}: {fault}"), err=True)
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
    report: Annotated[list[str], typer.Argument(help=_REPORT)],
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
            match = _match(connection, " ".join(report))
            if match.report_id is None:
                console.print(cell(f"{match.name} · {match.about}"))
                return
            pages.show(console, connection, match.report_id, why)
    except store.WarehouseFault as fault:
        _fail(str(fault))


def _match(connection: pages.Connection, words: str) -> pages.Match:
    """The one report or file that a person means."""
    matches = pages.find(connection, words)
    if not matches:
        _fail(f"no report, agency or file is called {words}")
    if len({match.report_id for match in matches}) > 1:
        _fail("which of these?\n" + "\n".join(f"  {match.report_id}  {match.name}" for match in matches))
    return matches[0]


def _report_id(connection: pages.Connection, words: str) -> str:
    match = _match(connection, words)
    if match.report_id is None:
        _fail(f"{match.name} · {match.about}")
    return match.report_id


@app.command()
def findings(
    report: Annotated[str | None, typer.Option("--report", help=_REPORT)] = None,
    code: Annotated[str | None, typer.Option("--code", help="a check's code, or its beginning")] = None,
    severity: Annotated[str | None, typer.Option("--severity", help="error, warn or info")] = None,
    settled: Annotated[
        bool | None, typer.Option("--settled/--open", help="only those that are settled, or are not")
    ] = None,
    limit: Annotated[int, typer.Option("--limit", min=1, help="how many to print")] = 50,
    warehouse: WarehouseOption = None,
) -> None:
    """List what the checks found, with the names that `gongkai settle` takes."""
    chosen = _settings(None, warehouse, None)
    if severity not in (None, "error", "warn", "info"):
        _fail(f"a severity is error, warn or info, not {severity}")
    try:
        with store.connect(chosen.warehouse / store.NAME, read_only=True) as connection:
            wanted = _report_id(connection, report) if report else None
            found = listing.findings(connection, wanted, code, severity, settled)
    except store.WarehouseFault as fault:
        _fail(str(fault))
    listing.show_findings(Console(), found, limit)


@app.command()
def settle(
    report: Annotated[str, typer.Argument(help=_REPORT)],
    what: Annotated[str, typer.Argument(help="a finding's name, or a cell: requests.received.total")],
    verdict: Annotated[Verdict, typer.Option("--as", help="what it is")],
    reason: Annotated[str, typer.Option("--reason", help="why, in a sentence")],
    value: Annotated[float | None, typer.Option("--value", help="the right figure, if corrected")] = None,
    source: Annotated[str | None, typer.Option("--source", help="where that can be seen")] = None,
    by: Annotated[str | None, typer.Option("--by", help="who decides")] = None,
    replace: Annotated[bool, typer.Option("--replace", help="in place of an earlier decision")] = False,
    warehouse: WarehouseOption = None,
    curation: CurationOption = None,
) -> None:
    """Settle a finding or a cell: confirmed (the office's mistake), dismissed (none) or corrected."""
    chosen = _settings(None, warehouse, None, curation=curation)
    assert chosen.curation is not None
    try:
        with store.connect(chosen.warehouse / store.NAME, read_only=True) as connection:
            wanted = _report_id(connection, report)
            made = listing.decide(connection, wanted, what, verdict, value, reason, date.today(), source, by)
        replaces = made.outdated if replace else None
        path = write_decision(chosen.curation, made.source, made.decision, replaces)
    except (store.WarehouseFault, SettleFault) as fault:
        _fail(str(fault))
    typer.echo(f"written to {printable(path)}; it holds from the next `gongkai build` on\n")
    for line in entry_text(made.decision).splitlines():
        typer.echo(printable(line))
    for name in made.settles:
        typer.echo(printable(f"settles {name}"))


@app.command()
def compare(
    report_a: Annotated[str, typer.Argument(help=_REPORT)],
    report_b: Annotated[str, typer.Argument(help=_REPORT)],
    html: Annotated[Path | None, typer.Option("--html", help="write one page to this file")] = None,
    warehouse: WarehouseOption = None,
) -> None:
    """Two reports, or two files of one report, side by side as the official form."""
    console = Console()
    if not console.is_terminal:
        console.width = max(console.width, _PAGE)
    chosen = _settings(None, warehouse, None)
    try:
        with store.connect(chosen.warehouse / store.NAME, read_only=True) as connection:
            found = comparing.compare(connection, report_a, report_b)
    except (store.WarehouseFault, comparing.CompareFault) as fault:
        _fail(str(fault))
    if html is None:
        comparing.show_comparison(console, found)
        return
    try:
        write_whole(html, compare_page.page(found))
    except OSError as error:
        _fail(f"cannot write {html}: {error.strerror}")
    typer.echo(printable(f"{html}: {comparing.summary(found)}"))


@app.command()
def quality(
    to: Annotated[
        Path | None, typer.Option("--to", help="the file to write [quality.html in the warehouse folder]")
    ] = None,
    raw: RawOption = None,
    warehouse: WarehouseOption = None,
) -> None:
    """Write the quality page: coverage, findings, and the reports to look at first, as one HTML file."""
    from pipeline.publish import quality as quality_page  # its chart library takes a moment to load

    chosen = _settings(raw, warehouse, None)
    path = (to or chosen.warehouse / quality_page.NAME).expanduser().absolute()
    try:
        with store.connect(chosen.warehouse / store.NAME, read_only=True) as connection:
            write_whole(path, quality_page.page(connection, chosen.raw))
    except store.WarehouseFault as fault:
        _fail(str(fault))
    except duckdb.Error:
        _fail(f"{chosen.warehouse / store.NAME} is of an older version; `gongkai build` makes it anew")
    except OSError as error:
        _fail(f"cannot write {path}: {error.strerror or error}")
    typer.echo(printable(path))


@app.command()
def explore(
    to: Annotated[
        Path | None, typer.Option("--to", help="folder to write, which opens from disk [serve on loopback]")
    ] = None,
    sql_from: Annotated[
        Path | None,
        typer.Option("--sql-from", help="npm package of DuckDB-WASM, folder or .tgz, for SQL in the browser"),
    ] = None,
    port: Annotated[int, typer.Option("--port", min=0, max=65535, help="0 takes a free one")] = 0,
    warehouse: WarehouseOption = None,
) -> None:
    """Look at agencies, reports and league tables in the browser: serve the explorer, or write it."""
    from pipeline.publish import explore as exploring  # only where it is needed
    from pipeline.publish.explore_server import Server
    from pipeline.publish.explore_wasm import PackageFault

    chosen = _settings(None, warehouse, None)
    path = chosen.warehouse / store.NAME
    try:
        if to is None:
            if sql_from is not None:
                _fail("--sql-from goes with --to; served, the page asks DuckDB here")
            with Server(path, port, chosen.megabytes // 4 or 1024) as server:
                typer.echo(f"{server.address}  (Ctrl+C ends it)")
                server.serve_forever()
        else:
            with Progress(console=Console(stderr=True), transient=True) as bar:
                task = bar.add_task("writing", total=None)

                def progress(done: int, of: int) -> None:
                    bar.update(task, completed=done, total=of)

                made = exploring.write(path, to, sql_from, progress)
            about = f"{made.reports:,} reports, {made.files:,} files, {made.bytes / 1e6:,.1f} MB"
            typer.echo(printable(f"{to / exploring.PAGE}: {about}"))
    except KeyboardInterrupt:
        typer.echo("")
    except (store.WarehouseFault, exploring.ExploreFault, PackageFault) as fault:
        _fail(str(fault))
    except duckdb.Error as error:
        _fail(f"cannot read {path}: {str(error).splitlines()[0]}")
    except OSError as error:
        _fail(f"cannot write {to}: {error.strerror or error}" if to else f"cannot listen: {error.strerror}")


@app.command()
def export(
    to: Annotated[Path, typer.Option("--to", help="folder to write: new, empty, or an export to replace")],
    formats: Annotated[
        str, typer.Option("--format", help="parquet, csv, csv-bom, xlsx, stata (dta), or all; commas between")
    ] = "parquet",
    tables: Annotated[
        str, typer.Option("--tables", help="tables or views, commas between [all published tables]")
    ] = "",
    since: Annotated[
        Path | None, typer.Option("--since", help="earlier export to compare with [the one replaced]")
    ] = None,
    warehouse: WarehouseOption = None,
) -> None:
    """Write the published tables as a data package with codebook, citation and release note."""
    from pipeline.publish import export as exporting  # its format libraries take a moment to load

    chosen = _settings(None, warehouse, None)
    console = Console(stderr=True)
    try:
        wanted = exporting.formats(formats)
        names = [name.strip() for name in tables.split(",") if name.strip()]
        with Progress(console=console, transient=True) as bar:
            task = bar.add_task("exporting", total=None)

            def progress(what: str, done: int, of: int) -> None:
                bar.update(task, description=what or "exporting", completed=done, total=of)

            path = chosen.warehouse / store.NAME
            made = exporting.export(path, to, wanted, names, since, chosen.megabytes // 4, progress)
    except (store.WarehouseFault, exporting.ExportFault) as fault:
        _fail(str(fault))
    except (OSError, duckdb.Error) as error:
        _fail(f"cannot write {to}: {getattr(error, 'strerror', None) or str(error).splitlines()[0]}")
    for name, files in made.written.items():
        typer.echo(printable(f"{name}: {len(files)} files, {sum(file.rows for file in files):,} rows"))
    typer.echo(printable(f"{to}: {exporting.summary(made.changes)}"))


@app.command()
def codebook(
    to: Annotated[
        Path, typer.Option("--to", help="folder for codebook.md, codebook.zh.md and codebook.html")
    ],
) -> None:
    """What every table, column, code and macro means, in Chinese and English."""
    from pipeline.publish import codebook_pages  # makes an empty warehouse in memory

    try:
        for path in codebook_pages.write(to):
            typer.echo(printable(path))
    except OSError as error:
        _fail(f"cannot write to {to}: {error.strerror or error}")


@app.command()
def doctor(
    as_json: Annotated[bool, typer.Option("--json", help="for programs: one JSON object")] = False,
    raw: RawOption = None,
    warehouse: WarehouseOption = None,
    curation: CurationOption = None,
) -> None:
    """检查运行环境: versions, folders, disk, memory, optional parts, and what to do about what is missing."""
    from pipeline.doctor import look  # loads what it tells the versions of

    found = look(_settings(raw, warehouse, None, curation=curation))
    failed = [one for one in found if one.state == "fail"]
    if as_json:
        said = {"ok": not failed, "checks": [asdict(one) for one in found]}
        typer.echo(json.dumps(said, ensure_ascii=False, indent=2))
    else:
        _doctor(found)
    raise typer.Exit(1 if failed else 0)


_STATES = {
    "ok": ("✓ 正常 ok", ""),
    "optional": ("· 可选 optional", ""),
    "warn": ("! 注意 look", "yellow"),
    "fail": ("✗ 缺失 fails", "bold red"),
}


def _doctor(found: Sequence[Found]) -> None:
    table = Table(show_header=False, box=None, pad_edge=False)
    for _ in range(3):
        table.add_column(overflow="fold")
    area = None
    for one in found:
        if one.area != area:
            area = one.area
            table.add_row(cell(area, "bold"))
        state, style = _STATES[one.state]
        table.add_row(cell(f"  {one.name}"), cell(state, style), cell(one.found))
        if one.advice:
            table.add_row("", "", cell(f"→ {one.advice}", style))
    Console().print(table)


@app.command()
def dev(port: Annotated[int, typer.Option(help="port on 127.0.0.1")] = 3000) -> None:
    """Dagster's web UI and daemon, for this machine only (pipeline/defs/web.py)."""
    home = dagster_home()
    if home is None:
        # Dagster wants its settings inside the folder that it keeps its state in.
        home = INSTANCE
        home.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(DAGSTER_YAML, home / DAGSTER_YAML.name)
    command = [sys.executable, "-m", "pipeline.defs.web", "-m", "pipeline.definitions"]
    command += ["-h", "127.0.0.1", "-p", str(port)]
    os.chdir(PROJECT)
    # In our place, so that whoever stops us stops it.
    os.execve(sys.executable, command, child_environment(DAGSTER_HOME=str(home)))


def _settings(
    raw: Path | str | None,
    warehouse: Path | None,
    workers: int | None,
    accept: bool = False,
    curation: Path | None = None,
    verify: bool = False,
    wait: float | None = None,
    executor: str | None = None,
    readings: str | None = None,
) -> Settings:
    try:
        return settings(
            raw,
            warehouse,
            workers,
            accept=accept,
            curation=curation,
            verify=verify,
            wait=wait,
            executor=executor,
            readings=readings,
        )
    except SettingsFault as fault:
        _fail(str(fault))


def _fail(line: str) -> NoReturn:
    """One clear message on stderr, and exit 1."""
    safe = "\n".join(printable(part) for part in line.split("\n"))
    typer.echo(f"gongkai: {safe}", err=True)
    raise typer.Exit(1)


crawl_commands.install(app)


def main() -> None:
    """The command ``gongkai``."""
    app()


if __name__ == "__main__":
    main()
