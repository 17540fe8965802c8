"""The warehouse in shards of whole agencies, so that checks need memory for one shard only.

Here: the shards, and what checks and suggestions are given of each. Not here: the checks.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import duckdb
import polars as pl

from pipeline import frames
from pipeline.checks import beside
from pipeline.warehouse import read

REPORTS_EACH = 3000
"""About so many reports are in a shard: half a million cells."""
_DIGITS = 4


@dataclass(frozen=True, slots=True)
class Shard:
    """All reports whose id is in a range. Ids begin with the agency's, so no agency is in two shards.

    ``low`` is the first id (none for the first shard), ``high`` the first one beyond.
    """

    low: str
    high: str

    def has(self, column: str) -> str:
        """The SQL condition that a report's or agency's id is of this shard."""
        found = f"{column} >= '{self.low}' and {column} < '{self.high}'"
        # What belongs to no report is looked at once.
        return f"({found})" if self.low else f"({column} is null or {column} < '{self.high}')"


ALL = Shard("", "g")
"""One shard with everything: no hex digit comes after f."""


def shards(connection: duckdb.DuckDBPyConnection, reports_each: int = REPORTS_EACH) -> list[Shard]:
    """Shards of about equal size: ids begin with hex digits of a hash."""
    ((reports,),) = connection.execute("select count(*) from dim_report").fetchall()
    count = 1
    while count * reports_each < reports and count < 16**_DIGITS:
        count *= 2
    ends = [f"{number * 16**_DIGITS // count:0{_DIGITS}x}" for number in range(1, count)]
    return [Shard(low, high) for low, high in zip([ALL.low, *ends], [*ends, ALL.high], strict=True)]


def tables(
    connection: duckdb.DuckDBPyConnection, shard: Shard, wanted: Iterable[str], failing: bool = False
) -> dict[str, pl.DataFrame]:
    """The rows of tables that are of a shard; beside them what sums of a region are compared with.

    Args:
        failing: only reports with a finding of severity error or warn.
    """
    names = list(wanted)
    found = {name: read(connection, name, _of(name, shard, failing)) for name in names}
    if "dim_agency" in names and shard != ALL:
        found |= {beside(name): frame for name, frame in _related(connection, shard, names)}
    return found


def decisions(connection: duckdb.DuckDBPyConnection, shard: Shard) -> pl.DataFrame:
    """The decisions that a shard's reports may be concerned by: on its files, and on files that are gone."""
    here = f"select document_id from dim_document where {shard.has('report_id')}"
    gone = "select document_id from dim_document where document_id is not null"
    return read(connection, "decisions", f"document_id in ({here}) or document_id not in ({gone})")


def _of(table: str, shard: Shard, failing: bool) -> str:
    columns = frames.columns(table)
    condition = shard.has("report_id" if "report_id" in columns else "agency_id")
    if failing:
        found = f"select report_id from check_result where {condition} and status = 'fail'"
        condition += f" and report_id in ({found} and severity <> 'info')"
    return condition


def _related(
    connection: duckdb.DuckDBPyConnection, shard: Shard, names: Iterable[str]
) -> Iterator[tuple[str, pl.DataFrame]]:
    """Of the shard's reports that sum up a region: they, and the reports of the region's bodies."""
    regions = f"""
        select agency_id, report_year
        from dim_report
        where scope = 'aggregate' and {shard.has("agency_id")} and agency_id is not null
    """
    reports = f"""
        select report_id
        from dim_report
        left join dim_agency using (agency_id)
        where (agency_id, report_year) in ({regions})
        or (parent_agency_id, report_year) in ({regions})
    """
    for name in names:
        if name == "dim_report" or name in frames.FACTS.values():
            yield name, read(connection, name, f"report_id in ({reports})")
        elif name == "dim_agency":
            agencies = f"select agency_id from dim_report where report_id in ({reports})"
            yield name, read(connection, name, f"agency_id in ({agencies})")
