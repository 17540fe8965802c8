"""Asset checks: what was found about offices (never fails a run), and guards and claims about the
pipeline (may).

Here: one check for each identity of the forms and for each family of rules, for missing tables and
lost cells, and one for each guard and each claim of sql/checks; what each shows in the web UI.
Not here: the checks themselves (checks/, sql/), or what bars publication (steps.py, warehouse.py).
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from urllib.parse import quote

import dagster as dg
import duckdb
import polars as pl

from pipeline import steps, warehouse
from pipeline.checks.guards import QUESTIONS as GUARDED
from pipeline.checks.guards import CountGuard, FileGuard, guards
from pipeline.checks.rules import MEASURE, rules
from pipeline.defs.assets import MARTS, TABLES
from pipeline.defs.resources import KEY, run_of
from pipeline.form.model import forms
from pipeline.terminal import printable, unturned_in

Context = dg.AssetCheckExecutionContext
_ROWS_SHOWN = 100


@dataclass(frozen=True, slots=True)
class Family:
    """Findings that are one asset check: those whose code is one of ``codes``, or begins with one of
    ``prefixes`` and has no check of its own."""

    spec: dg.AssetCheckSpec
    codes: frozenset[str] = frozenset()
    prefixes: tuple[str, ...] = ()

    def has(self, code: str) -> bool:
        """Whether the finding's code names this family, by itself or by its beginning."""
        return code in self.codes or code.startswith(self.prefixes or "\0")


def _spec(name: str, asset: str, description: str) -> dg.AssetCheckSpec:
    others = [] if asset == "check_result" else ["check_result"]
    return dg.AssetCheckSpec(name, asset=asset, additional_deps=others, description=description)


def _identities() -> Iterator[Family]:
    """A check for each identity that a form prints, by its code."""
    said: dict[str, tuple[str, str]] = {}
    for form in forms().values():
        for table in form.tables:
            for identity in (*table.identities, *table.across_years):
                said[identity.code] = table.facts, f"{identity.clause} · {' '.join(identity.says.split())}"
    for code, (facts, description) in said.items():
        yield Family(_spec(_name(code), facts, description), frozenset({code}))


_ABOUT = {"narrative": "fact_narrative", "duplicate": "dim_document", "conflict": "dim_document"}


def _ruled(taken: frozenset[str]) -> Iterator[Family]:
    """A check for each rule of rules.yaml that no identity has; all of plausibility are one."""
    for code, rule in rules().checks.items():
        if code not in taken:
            area = code.split(".")[0]
            prefixes = (f"{area}.",) if code == MEASURE else ()
            spec = _spec(_name(code), _ABOUT.get(area, "check_result"), rule.reason)
            yield Family(spec, frozenset({code}), prefixes)
    areas: dict[str, list[str]] = {}
    for plausible in rules().plausibility:
        areas.setdefault(plausible.code.split(".")[0], []).append(plausible.reason)
    for area, reasons in areas.items():
        description = " · ".join(dict.fromkeys(reasons))
        # What reading itself found odd about the heading has codes of the same area.
        yield Family(_spec(area, "check_result", description), prefixes=(f"{area}.",))


def _name(code: str) -> str:
    return code.replace(".", "_")


IDENTITIES = tuple(_identities())
RULED = tuple(_ruled(frozenset(code for family in IDENTITIES for code in family.codes)))
MISSING = Family(
    _spec(
        "reports_missing_tables",
        "dim_report",
        "报告应有的三张表俱全 · every report has its three tables, with all their cells",
    ),
    prefixes=("completeness.",),
)
LOST = Family(
    _spec("lost_cells", "check_result", "各行单元格与格式一致 · every row has as many cells as the form's"),
    prefixes=("lost_cells.",),
)
NOTES = Family(
    _spec("reading_notes", "reading_note", "读取无疑问 · no cell that reading itself had to question"),
    prefixes=("reading.",),
)
FAMILIES = (*IDENTITIES, *RULED, MISSING, LOST, NOTES)
OTHER = Family(_spec("other_findings", "check_result", "其他发现 · findings that no other check shows"))
UNREAD = dg.AssetCheckSpec(
    "files_not_read",
    asset="dim_document",
    description="文件均可读取 · every file could be read",
)


def family_of(code: str) -> Family:
    """The family that shows a finding: that with its very code, else the one with its beginning."""
    own = [family for family in FAMILIES if code in family.codes]
    return (own or [family for family in FAMILIES if family.has(code)] or [OTHER])[0]


@dg.multi_asset_check(
    name="findings",
    specs=[*(family.spec for family in (*FAMILIES, OTHER)), UNREAD],
    can_subset=True,
    required_resource_keys={KEY},
)
def findings(context: Context) -> Iterator[dg.AssetCheckResult]:
    """What the checks found about the reports."""
    wanted = context.selected_asset_check_keys
    for result in all_findings(run_of(context).database.connection):
        if dg.AssetCheckKey(result.asset_key, result.check_name) in wanted:  # type: ignore[arg-type]
            yield result


def all_findings(connection: duckdb.DuckDBPyConnection) -> Iterator[dg.AssetCheckResult]:
    """The result of every family's check.

    Args:
        connection: to ``check_result``, ``dim_report`` and ``dim_document``.
    """
    codes = connection.sql("select distinct check_code as code from check_result order by code").pl()["code"]
    named = {family.spec.name: [c for c in codes if family_of(c) is family] for family in (*FAMILIES, OTHER)}
    for family in (*FAMILIES, OTHER):
        failed, tally = (
            connection.sql(query, params={"codes": named[family.spec.name]}).pl()
            for query in (_FAILED, _TALLY)
        )
        yield _finding(family.spec, failed, tally)
    documents = connection.sql("select path, status, message from dim_document").pl()
    unread = documents.filter(pl.col("status").is_in(["unreadable", "encrypted", "unsupported", "scanned"]))
    yield _result(
        UNREAD, unread, {"files": documents.height, "share_of_files": _share(unread.height, documents.height)}
    )


# The checks that passed are only counted: there are a hundred of them for each report.
_FAILED = """
    select check_result.*, agency_name, report_year, path, url
    from check_result
    left join dim_report using (report_id)
    left join (select document_id, min(path) as path, min_by(url, path) as url from dim_document group by all)
        using (document_id)
    where status = 'fail' and list_contains($codes::varchar[], check_code)
"""
_TALLY = """
    select
        count(*) filter (status = 'pass') as pass,
        count(*) filter (status = 'not_assessable') as not_assessable,
        count(distinct report_id) filter (status <> 'not_assessable') as assessed,
    from check_result
    where list_contains($codes::varchar[], check_code)
"""


_SHOWN = [
    "agency_name",
    "report_year",
    "path",
    "message",
    "report_id",
    "findings",
    "check_code",
    "scope",
    "severity",
    "difference",
]
_GRAVEST = pl.col("severity").replace_strict({"error": 0, "warn": 1, "info": 2}, return_dtype=pl.Int8)


def _finding(spec: dg.AssetCheckSpec, failed: pl.DataFrame, tally: pl.DataFrame) -> dg.AssetCheckResult:
    """One family's result: the open findings, those of the worst reports first, and the counts.

    A finding that a person settled does not fail the check; it is counted and listed apart.

    Args:
        failed: rows of ``_FAILED``; tally: the row of ``_TALLY``.
    """
    failing = failed.filter(pl.col("settled").is_null())
    settled = failed.filter(pl.col("settled").is_not_null())
    reports = failing["report_id"].n_unique()
    (counted,) = tally.iter_rows(named=True)
    counts: dict[str, int | float] = {
        "reports": reports,
        "share_of_reports": _share(reports, counted["assessed"]),
        **{severity: failing.filter(pl.col("severity") == severity).height for severity in ("error", "warn")},
        **{status: counted[status] for status in ("pass", "not_assessable")},
        "settled": settled.height,
    }
    worst = failing.with_columns(findings=pl.len().over("report_id")).sort(
        _GRAVEST.min().over("report_id"),
        -pl.col("findings").cast(pl.Int64),
        "report_id",
        -pl.col("difference").abs().fill_null(0),
        "check_code",
        "scope",
    )
    codes = failing.group_by("check_code").agg(fail=pl.len(), reports=pl.col("report_id").n_unique())
    more = {"codes": codes.sort("fail", "check_code", descending=[True, False])} if codes.height > 1 else {}
    if settled.height:
        columns = ["settled", *(name for name in _SHOWN if name != "findings")]
        more["settled_findings"] = settled.sort("report_id", "check_code", "scope").select(columns)
    shown: dict[str, dg.MetadataValue] = {name: _as_table(table) for name, table in more.items()}
    if worst.height:
        shown["worst_reports"] = _worst_reports(worst)
    return _result(spec, worst.select(_SHOWN), counts, shown)


def _worst_reports(findings: pl.DataFrame) -> dg.MarkdownMetadataValue:
    """The reports with the gravest findings first, with a link to where each was published, if known."""
    lines = ["| report | findings | the first of them | file |", "|---|---|---|---|"]
    for row in (
        findings.unique("report_id", keep="first", maintain_order=True).head(_WORST).iter_rows(named=True)
    ):
        name = _plain(f"{row['agency_name'] or row['report_id']} {row['report_year'] or ''}".strip())
        address = quote(row["url"] or "", safe=_IN_ADDRESS)
        web = address.startswith(("http://", "https://"))
        report = f"[{name}]({address})" if web else name
        lines.append(f"| {report} | {row['findings']} | {_plain(row['message'])} | {_plain(row['path'])} |")
    return dg.MetadataValue.md("\n".join(lines))


_WORST = 20
_IN_ADDRESS = ":/?#@!$&'*+,;=%~"
"""Signs that an address keeps; brackets and spaces would end it in Markdown."""


def _plain(text: str | None) -> str:
    """Words of a report as Markdown that means just these words."""
    return re.sub(r"([!-/:-@\[-`{-~])", r"\\\1", printable(" ".join((text or "").split())))


def _share(part: int, whole: int) -> float:
    return round(part / whole, 4) if whole else 0.0


def _result(
    spec: dg.AssetCheckSpec,
    failing: pl.DataFrame,
    counts: Mapping[str, int | float],
    more: Mapping[str, dg.MetadataValue] | None = None,
) -> dg.AssetCheckResult:
    return dg.AssetCheckResult(
        passed=failing.is_empty(),
        asset_key=spec.asset_key,
        check_name=spec.name,
        severity=dg.AssetCheckSeverity.WARN,
        metadata={"fail": failing.height, **counts, "failing": _as_table(failing), **(more or {})},
    )


def _as_table(rows: pl.DataFrame) -> dg.TableMetadataValue:
    """The first rows, as a table that the web UI shows."""
    records = [dg.TableRecord(unturned_in(row)) for row in rows.head(_ROWS_SHOWN).iter_rows(named=True)]
    columns = [dg.TableColumn(name, _ui_type(kind)) for name, kind in rows.schema.items()]
    return dg.MetadataValue.table(records, dg.TableSchema(columns))


def _ui_type(kind: pl.DataType) -> str:
    return "int" if kind.is_integer() else "float" if kind.is_float() else "string"


def _placed(uses: tuple[str, ...]) -> tuple[list[str], str]:
    """The tables and marts that a check reads, and the one made last: what follows waits for it."""
    # Keys of one asset are a set, whose order is another one in each process; a run is planned in one
    # process and works in another, and both have to place a check at the same table.
    made = [
        name for asset in (*TABLES, *MARTS) for name in sorted(key.to_user_string() for key in asset.keys)
    ]
    *others, last = sorted((name for name in uses if name in made), key=made.index)
    return others, last


def _guard(guard: FileGuard | CountGuard) -> dg.AssetChecksDefinition:
    """A guard of the pipeline: where it does not hold, nothing is published."""
    others, last = _placed(tuple(GUARDED))

    @dg.asset_check(
        name=guard.code,
        asset=last,
        additional_deps=others,
        description=guard.reason,
        blocking=True,
        required_resource_keys={KEY},
    )
    def holds(context: Context) -> dg.AssetCheckResult:
        run = run_of(context)
        results = steps.guard_results(run)
        return guard_result(results.filter(pl.col("guard") == guard.code), run.settings.accept)

    return holds


def guard_result(rows: pl.DataFrame, accept: bool = False) -> dg.AssetCheckResult:
    """A guard's result from its rows of ``checks.guards.RESULT``; with ``accept`` it bars nothing."""
    failing = rows.filter(pl.col("status") == "fail")
    compared = rows.filter(pl.col("status") != "not_assessable")
    metadata: dict[str, dg.MetadataValue | int | float | str] = {
        "fail": failing.height,
        "compared": compared.height,
        "groups": _as_table(rows.drop("guard").sort("status")),
    }
    if compared.is_empty():
        metadata["note"] = f"nothing to compare: {rows.get_column('message').item(0)}"
    else:
        # The group that is nearest to its limit, so that the trend is seen before it fails.
        nearest = compared.sort((pl.col("now") - pl.col("allowed")).abs()).row(0, named=True)
        metadata |= {name: round(nearest[name], 4) for name in ("before", "now", "allowed")}
    return dg.AssetCheckResult(
        passed=failing.is_empty(),
        severity=dg.AssetCheckSeverity.WARN if accept else dg.AssetCheckSeverity.ERROR,
        metadata=metadata,
        description="; ".join(failing["message"]) or None,
    )


def _claim(claim: warehouse.Statement) -> dg.AssetChecksDefinition:
    """A claim of sql/checks, on the last made of the tables that it reads."""
    others, last = _placed(claim.uses)

    @dg.asset_check(
        name=claim.name,
        asset=last,
        additional_deps=others,
        description=claim.header["claim"],
        blocking=claim.blocks,
        required_resource_keys={KEY},
    )
    def holds(context: Context) -> dg.AssetCheckResult:
        broken = steps.violations(run_of(context), claim)
        return dg.AssetCheckResult(
            passed=broken.is_empty(),
            severity=dg.AssetCheckSeverity.ERROR if claim.blocks else dg.AssetCheckSeverity.WARN,
            metadata={"violations": broken.height, "failing": _as_table(broken)},
        )

    return holds


CHECKS = [
    findings,
    *(_guard(guard) for guard in guards().all),
    *(_claim(claim) for claim in warehouse.statements("checks")),
]
