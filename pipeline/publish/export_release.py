"""What changed since an earlier release: reports, cells, findings, counted.

Here: the record that each export keeps for the next one (``release/``), the comparison, the note in words.
Not here: the tables that are exported.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path

import jinja2

from pipeline import frames
from pipeline.publish.export_package import MARK, NAME, Version
from pipeline.publish.export_plan import Connection, ExportFault

FOLDER = "release"
NOTE = "RELEASE.md"
COUNTS = "changes.json"
# Cells compared in one go; more are compared in shares.
_SHARE = 2_000_000


@dataclass(frozen=True, slots=True)
class Changes:
    """Counts of what differs from the release before; all NULL for a first release.

    ``cells_changed`` counts cells of both releases whose figure, status or correction differs;
    cells that came or went count as such only in reports of both releases.
    """

    since: str | None
    reports: int
    cells: int
    findings: int
    reports_added: int | None = None
    reports_changed: int | None = None
    reports_removed: int | None = None
    cells_changed: int | None = None
    cells_added: int | None = None
    cells_removed: int | None = None
    findings_opened: int | None = None
    findings_closed: int | None = None


def write_record(connection: Connection, folder: Path) -> None:
    """Keep what the next release compares itself with: reports, cells, open findings."""
    folder.mkdir(parents=True)
    parts = []
    for table, facts in frames.FACTS.items():
        row, column = frames.dimensions(table)
        parts.append(_cells(facts, row, column))
    parts.append(_cells(frames.INDICATORS, "indicator", "''"))
    queries = {
        "reports": "select * from dim_report order by report_id",
        "cells": " union all ".join(parts),
        "findings": "select report_id, check_code, scope, severity from check_result"
        " where status = 'fail' and settled is null order by all",
    }
    for name, query in queries.items():
        path = _quoted(folder / f"{name}.parquet")
        connection.execute(f"copy ({query}) to {path} (format parquet, compression zstd)")


def _cells(facts: str, row: str, column: str) -> str:
    return (
        f"select report_id, '{facts}' as table_name, {row} as row_code, {column} as column_code,"
        f" best_value::double as best_value, corrected_value::double as corrected_value, status from {facts}"
    )


def earlier(folder: Path) -> str:
    """The version of an earlier export.

    Raises:
        ExportFault: the folder is none that can be compared with.
    """
    try:
        package = json.loads((folder / NAME).read_text(encoding="utf-8"))
        found = package["version"] if MARK in package else None
    except (OSError, ValueError, KeyError, TypeError):
        found = None
    whole = all((folder / FOLDER / f"{name}.parquet").is_file() for name in ("reports", "cells", "findings"))
    if not found or not whole:
        raise ExportFault(f"{folder} holds no earlier export to compare with")
    return str(found)


def compare(connection: Connection, now: Path, before: Path | None) -> Changes:
    """Count what differs between the records of two exports.

    Args:
        now: the folder of the export that is being made.
        before: the folder of an earlier one; None for a first release.
    """

    def one(query: str) -> int:
        (count,) = connection.execute(query).fetchone() or (0,)
        return int(count)

    new, old = _sources(now), _sources(before) if before else {}
    totals = {name: one(f"select count(*) from {source}") for name, source in new.items()}
    if before is None:
        return Changes(None, totals["reports"], totals["cells"], totals["findings"])
    connection.execute("create or replace temp table touched (report_id varchar)")
    cells = {"changed": 0, "added": 0, "removed": 0}
    shares = 1 + max(totals["cells"], one(f"select count(*) from {old['cells']}")) // _SHARE
    for share in range(shares):
        # One row for each cell that differs, of reports in both releases.
        connection.execute(
            f"""create or replace temp table differing as
            with common as (
                select n.report_id from {new["reports"]} as n join {old["reports"]} as o using (report_id)
                where hash(n.report_id) % {shares} = {share}
            )
            select report_id, case when o.status is null then 'added' when n.status is null then 'removed'
                else 'changed' end as how
            from (select * from {new["cells"]} where report_id in (from common)) n
            full join (select * from {old["cells"]} where report_id in (from common)) o
                using (report_id, table_name, row_code, column_code)
            where (n.best_value, n.corrected_value, n.status)
                is distinct from (o.best_value, o.corrected_value, o.status)"""
        )
        for how, count in connection.execute("select how, count(*) from differing group by 1").fetchall():
            cells[how] += count
        connection.execute("insert into touched select distinct report_id from differing")
    names = ", ".join(
        name for name in frames.columns("dim_report") if name in _columns(connection, old["reports"])
    )
    connection.execute(
        f"insert into touched select n.report_id from (select {names} from {new['reports']}) n"
        f" join (select {names} from {old['reports']}) o using (report_id) where n is distinct from o"
    )

    def only(left: str, right: str) -> int:
        return one(f"select count(*) from {left} where report_id not in (select report_id from {right})")

    def opened(left: str, right: str) -> int:
        key = "report_id, check_code, scope"
        return one(f"select count(*) from (select {key} from {left} except all select {key} from {right})")

    found = Changes(
        since=earlier(before),
        **totals,
        reports_added=only(new["reports"], old["reports"]),
        reports_changed=one("select count(distinct report_id) from touched"),
        reports_removed=only(old["reports"], new["reports"]),
        cells_changed=cells["changed"],
        cells_added=cells["added"],
        cells_removed=cells["removed"],
        findings_opened=opened(new["findings"], old["findings"]),
        findings_closed=opened(old["findings"], new["findings"]),
    )
    connection.execute("drop table touched; drop table differing")
    return found


def _columns(connection: Connection, source: str) -> list[str]:
    return [row[0] for row in connection.execute(f"describe select * from {source}").fetchall()]


def _sources(folder: Path) -> dict[str, str]:
    return {
        name: f"read_parquet({_quoted(folder / FOLDER / f'{name}.parquet')})"
        for name in ("reports", "cells", "findings")
    }


def _quoted(path: Path) -> str:
    return "'" + str(path).replace("'", "''") + "'"


def write_note(folder: Path, changes: Changes, made: Version, tables: list[dict[str, object]]) -> None:
    """RELEASE.md in Chinese and English, and the same counts for programs."""
    environment = jinja2.Environment(  # noqa: S701 - Markdown, of words and counts of our own
        loader=jinja2.PackageLoader("pipeline.publish", ""),
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    text = environment.get_template("export_release.md.j2").render(changes=changes, made=made, tables=tables)
    (folder / NOTE).write_text(text, encoding="utf-8")
    counts = json.dumps({"version": made.text, **asdict(changes)}, ensure_ascii=False, indent=2)
    (folder / FOLDER / COUNTS).write_text(counts + "\n", encoding="utf-8")
