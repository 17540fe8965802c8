"""``gongkai crawl`` and ``gongkai raw``: arguments, what is printed, exit codes.

Here: the commands that cli.py takes in. Not here: any work.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
import yaml
from rich.console import Console
from rich.table import Table

from pipeline.crawl.launch import Crawled, crawl_sources
from pipeline.crawl.sources import SOURCES, Source, SourceFault, chosen, load
from pipeline.crawl.store import verify
from pipeline.settings import SettingsFault, crawl_contact, settings, sources_file
from pipeline.terminal import cell, printable

RawOption = Annotated[Path | None, typer.Option("--raw", help="raw folder [data/raw]")]
_COUNTS = ("lists", "new", "changed", "same", "fresh", "empty", "gone", "failed", "refused")
_FAULTS_SHOWN = 50

raw_app = typer.Typer(help="The raw folder: what was fetched into it.", no_args_is_help=True)


def crawl(
    context: typer.Context,
    source: Annotated[
        list[str] | None, typer.Argument(help="sources; all enabled ones if none is named")
    ] = None,
    raw: RawOption = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="list what would be fetched; ask for lists only")
    ] = False,
    limit: Annotated[
        int | None, typer.Option("--limit", min=1, help="most reports to ask of each source")
    ] = None,
    total: Annotated[
        int | None, typer.Option("--total", min=1, help="most reports to ask of all sources together")
    ] = None,
    sources: Annotated[Path | None, typer.Option("--sources", help="another sources.yaml")] = None,
    at_once: Annotated[int, typer.Option("--at-once", min=1, help="sources side by side")] = 4,
    listing: Annotated[bool, typer.Option("--list", help="list the sources; crawl nothing")] = False,
    build: Annotated[bool, typer.Option("--build", help="build the warehouse afterwards")] = False,
    warehouse: Annotated[
        Path | None, typer.Option("--warehouse", help="folder of the build [data/warehouse]")
    ] = None,
) -> None:
    """Fetch new and changed reports of configured sources into the raw folder."""
    console = Console()
    if build and dry_run:
        raise _failure("--build and --dry-run do not go together: a dry run fetches nothing")
    try:
        file = sources or sources_file() or SOURCES
        known = load(file)
        wanted = chosen(known, source or [])
        folder = settings(raw=raw).raw
    except (SourceFault, SettingsFault) as fault:
        raise _failure(str(fault)) from None

    if listing:
        if not source:
            console.print(_listed(list(known.values())))
        for described in wanted if source else ():
            typer.echo(_described(described))
        return

    def told(one: Crawled) -> None:
        if one.fault:
            console.print(cell(f"{one.source}: {one.fault}", "red"))
        for plan in one.planned:
            console.print(cell(f"{one.source}  {plan['would_fetch']}  {plan['title']}"), soft_wrap=True)

    try:
        done = crawl_sources(wanted, file, folder, crawl_contact(), limit, dry_run, at_once, told, total)
    except KeyboardInterrupt:
        raise _failure("ended; crawl again to go on where it was") from None
    console.print(_table(done, dry_run))
    for one in done:
        for line in (
            *one.counts.get("reasons", {}).items(),
            *((f, "") for f in one.counts.get("findings", ())),
        ):
            console.print(
                cell(f"{one.source}: {' · '.join(str(part) for part in line if part)}"), soft_wrap=True
            )
    if build:
        # What the other sources brought is built though one failed; the exit code tells of that one.
        commands = context.find_root().command.commands  # type: ignore[attr-defined]
        context.invoke(commands["build"].callback, raw=raw, warehouse=warehouse)
    if failed := [one.source for one in done if not one.ok]:
        raise _failure(f"{len(failed)} of {len(done)} sources failed: {', '.join(failed)}")


def _listed(sources: list[Source]) -> Table:
    """What sources.yaml says, and what is known of each entry."""
    table = Table(title=f"{len(sources)} sources", title_justify="left")
    for name in ("source", "title", "adapter", "years", "list"):
        table.add_column(name, overflow="fold")
    for source in sources:
        first, last = source.years
        known = "seen" if source.confirmed else "derived"
        known = known if source.enabled else f"{known}; crawled only by name"
        row = (source.name, source.title, source.adapter, f"{first}–{last or ''}", known)
        table.add_row(*(cell(text) for text in row))
    return table


def _described(source: Source) -> str:
    """All that the entry of one source says, as YAML."""
    said = source.model_dump(mode="json", exclude_unset=True)
    return yaml.safe_dump(said, allow_unicode=True, sort_keys=False, width=100)


def _table(done: list[Crawled], dry_run: bool) -> Table:
    table = Table(title="would fetch" if dry_run else "fetched", title_justify="left")
    names = ("lists", "would_fetch", "fresh", "failed", "refused") if dry_run else _COUNTS
    table.add_column("source", overflow="fold")
    for name in names:
        table.add_column(name.replace("_", " "), justify="right")
    table.add_column("ended", overflow="fold")
    for one in sorted(done, key=lambda o: o.source):
        ended = one.counts.get("stopped") or ("done" if one.ok else "failed")
        table.add_row(cell(one.source), *(f"{one.counts.get(name, 0):,}" for name in names), cell(ended))
    return table


@raw_app.command("verify")
def raw_verify(raw: RawOption = None) -> None:
    """Prove that the fetched files, their hashes and the manifests agree."""
    folder = settings(raw=raw).raw
    if not folder.is_dir():
        raise _failure(f"there is no raw folder at {folder}")
    proof = verify(folder)
    typer.echo(f"{proof.files:,} files, {proof.lines:,} lines of manifests, {proof.torn} torn by a crash")
    if proof.unlisted:
        typer.echo(f"{proof.unlisted:,} files of a crawl that has not ended; the next one writes their lines")
    for fault in proof.faults[:_FAULTS_SHOWN]:
        typer.echo(printable(fault))
    if proof.faults:
        raise _failure(f"{len(proof.faults)} faults")


def _failure(line: str) -> typer.Exit:
    """One clear message on stderr; exit 1."""
    typer.echo("gongkai: " + "\n".join(printable(part) for part in line.split("\n")), err=True)
    return typer.Exit(1)


def install(app: typer.Typer) -> None:
    """Add the commands to the command line."""
    app.command()(crawl)
    app.add_typer(raw_app, name="raw")
