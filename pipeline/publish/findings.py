"""The findings of a warehouse: listed with names that `gongkai settle` takes, and decided on.

Here: the list, its names, and the decision that a person's words mean. Not here: how findings are
made (checks/), how decisions are written (curation/writing.py) or applied (curation/applying.py).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date

import duckdb
from pydantic import ValidationError
from rich.console import Console
from rich.text import Text

from pipeline.curation.applying import cells_of_finding, fact_tables, same_figure
from pipeline.curation.decisions import BREAKS, STALE, Decision, Sides, Verdict, fact_cells, faults_of
from pipeline.curation.writing import SettleFault
from pipeline.terminal import cell
from pipeline.warehouse import WarehouseFault, columns

Connection = duckdb.DuckDBPyConnection
_STYLE = {"error": "bold red", "warn": "yellow", "info": "dim"}
_NAMED = 12


@dataclass(frozen=True, slots=True)
class Finding:
    """A check that failed at a report; ``name`` is what `gongkai settle` calls it."""

    report_id: str
    about: str
    path: str
    severity: str
    check_code: str
    scope: str
    left: float | None
    right: float | None
    message: str
    settled: str | None
    alone: bool
    """Whether no other finding of the report has the same code and scope, but other sides."""

    @property
    def name(self) -> str:
        """``code/scope``, with both sides where that names several findings."""
        name = f"{self.check_code}/{self.scope}"
        return name if self.alone else f"{name}@{_figure(self.left)}:{_figure(self.right)}"


def _figure(value: float | None) -> str:
    return "-" if value is None else f"{value:.15g}"


_FINDINGS = """
    with findings as (
        select
            *,
            case severity when 'error' then 1 when 'warn' then 2 else 3 end as grade,
            concat_ws(':', coalesce(left_value::varchar, '-'), coalesce(right_value::varchar, '-')) as sides,
        from check_result
        where status = 'fail'
    ),
    named as (
        select
            *,
            min(sides) over place = max(sides) over place as alone,
            min(grade) over (partition by report_id) as worst,
            count(*) filter (where grade = 1) over (partition by report_id) as errors,
        from findings
        window place as (partition by report_id, check_code, scope)
    )
    select
        named.report_id,
        concat_ws(' ', dim_report.agency_name, dim_report.report_year) as about,
        coalesce((select min(path) from dim_document
                  where dim_document.document_id = dim_report.document_id), '') as path,
        severity, check_code, named.scope, left_value, right_value, coalesce(message, '') as message,
        settled, alone
    from named join dim_report using (report_id)
    where ($report is null or named.report_id = $report)
      and ($code is null or check_code = $code or starts_with(check_code, $code || '.'))
      and ($severity is null or severity = $severity)
      and ($settled is null or (settled is not null) = $settled)
    order by worst, errors desc, named.report_id, grade, check_code, named.scope, left_value, right_value
"""


def findings(
    connection: Connection,
    report: str | None = None,
    code: str | None = None,
    severity: str | None = None,
    settled: bool | None = None,
) -> list[Finding]:
    """The findings, those of the worst reports first.

    Args:
        report: only those of this report id.
        code: only those with this code, or one that begins with it and a dot.
        settled: only those that are settled, or only those that are not.
    Raises:
        WarehouseFault: the warehouse was made before findings could be settled.
    """
    if "settled" not in columns(connection).get("check_result", []):
        raise WarehouseFault("the warehouse is of an earlier version; `gongkai build` makes it anew")
    asked = {"report": report, "code": code, "severity": severity, "settled": settled}
    return [Finding(*row) for row in connection.execute(_FINDINGS, asked).fetchall()]


def show_findings(console: Console, found: Sequence[Finding], limit: int) -> None:
    """Print findings by report, one a line with the name to settle it by and its message below."""
    report = None
    for one in found[:limit]:
        if one.report_id != report:
            report = one.report_id
            console.print()
            _line(console, Text.assemble(cell(one.about, "bold"), cell(f"  {report} · {one.path}", "dim")))
        settled = cell(f"  [{one.settled}]", "green") if one.settled else Text("")
        _line(
            console,
            Text.assemble("  ", cell(f"{one.severity:5} ", _STYLE[one.severity]), cell(one.name), settled),
        )
        if one.message:
            _line(console, Text.assemble("        ", cell(one.message, "dim")))
    console.print()
    settled_ones = sum(one.settled is not None for one in found)
    _line(console, cell(f"{len(found):,} findings, {settled_ones:,} of them settled"))
    if len(found) > limit:
        _line(console, cell(f"… {len(found) - limit:,} not shown; --limit {len(found)} shows them all"))


def _line(console: Console, text: Text) -> None:
    # Never broken: names are there to be copied.
    console.print(text, soft_wrap=True)


@dataclass(frozen=True, slots=True)
class Settlement:
    """A decision ready to be written: the source whose file it goes to, and what it settles by itself."""

    decision: Decision
    source: str
    settles: tuple[str, ...]
    outdated: Callable[[Decision], bool]
    """Whether an earlier decision is one about the same thing, to be replaced by this one."""


def decide(
    connection: Connection,
    report_id: str,
    word: str,
    verdict: Verdict,
    value: float | None,
    reason: str,
    today: date,
    source: str | None = None,
    by: str | None = None,
) -> Settlement:
    """The decision that a person's words mean.

    Args:
        word: ``table.row.column``, or a finding's name; its code alone where that names one finding.
        value: the right figure, for ``corrected``.
    Raises:
        SettleFault: there is no such cell or finding, or the decision does not fit it.
        WarehouseFault: as ``findings``.
    """
    there = findings(connection, report=report_id)
    ((document, path, agency_source),) = connection.execute(
        """select dim_report.document_id, min(path), arg_min(source, path) from dim_report
           join dim_document using (document_id) where dim_report.report_id = ? group by all""",
        [report_id],
    ).fetchall()
    target: dict[str, object]
    if word in fact_cells():
        target = {"cell": word, "printed": _printed(connection, report_id, word)}
        about = [one for one in there if _is_about(one, word, verdict)]
    else:
        about = _named(there, word)
        first = about[0]
        if first.check_code in (STALE, BREAKS):
            raise SettleFault(f"{first.name} is about a decision: change that one. {first.message}")
        sides = None if first.left is None and first.right is None else Sides(first.left, first.right)
        target = {"check": f"{first.check_code}/{first.scope}", "printed": sides}
    try:
        decision = Decision(
            document=document,
            decision=verdict,
            value=value,
            reason=reason,
            source=source,
            by=by,
            date=today.isoformat(),
            report=report_id,
            file=path,
            **target,  # type: ignore[arg-type]
        )
    except ValidationError as error:
        raise SettleFault(f"{word}: {faults_of(error)}") from error
    documents = {
        row[0] for row in connection.execute("select distinct document_id from dim_document").fetchall()
    }

    def outdated(other: Decision) -> bool:
        if other.target != decision.target:
            return False
        if other.document != document:
            return other.document not in documents and (other.report == report_id or other.file == path)
        return other.key == decision.key or not any(_stands(one, other) for one in there)

    settles = () if verdict == "corrected" else tuple(one.name for one in about)
    return Settlement(decision, agency_source, settles, outdated)


def _named(there: Sequence[Finding], word: str) -> list[Finding]:
    """The findings that a word names: one, or several that are alike in everything but their message."""
    for named in (
        [one for one in there if one.name == word],
        [one for one in there if f"{one.check_code}/{one.scope}" == word],
        [one for one in there if one.check_code == word],
    ):
        if len({one.name for one in named}) > 1:
            raise SettleFault(f"{word} names several findings: {_names(named)}")
        if named:
            return named
    known = f"its findings are {_names(there)}" if there else "no check failed there"
    raise SettleFault(f"the report has no cell (table.row.column) and no finding {word}; {known}")


def _names(there: Sequence[Finding]) -> str:
    names = list(dict.fromkeys(one.name for one in there))
    more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
    return ", ".join(names[:_NAMED]) + more


def _is_about(one: Finding, word: str, verdict: Verdict) -> bool:
    if one.scope == word:
        return True
    return verdict == "confirmed" and word in cells_of_finding(one.check_code, one.scope)


def _stands(one: Finding, decision: Decision) -> bool:
    """Whether a finding is the one that an earlier decision is about."""
    left, right = decision.sides
    mine = f"{one.check_code}/{one.scope}" == decision.check
    return mine and same_figure(one.left, left) and same_figure(one.right, right)


def _printed(connection: Connection, report_id: str, word: str) -> float | None:
    """The printed figure of a report's cell.

    Raises:
        SettleFault: the report does not have the cell.
    """
    code, row, column = word.split(".")
    table = next(table for table in fact_tables().values() if table.code == code)
    where = f"{table.row_dimension} = ?"
    codes = [row]
    if table.layout != "indicators":
        where += f" and {table.column_dimension} = ?"
        codes.append(column)
    found = connection.execute(
        f"select value::double from {table.facts} where report_id = ? and {where}", [report_id, *codes]
    ).fetchone()
    if found is None:
        raise SettleFault(
            f"the report has no cell {word}: its table was not read, or the form is another one"
        )
    value: float | None = found[0]
    return value
