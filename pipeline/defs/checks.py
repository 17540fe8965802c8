"""Asset checks: what was found about offices (never fails a run), and guards and claims about the
pipeline (may).

Here: one check for each identity of the forms and for each family of rules, for missing tables and
lost cells, and one for each guard and each claim of sql/checks; what each shows in the web UI.
Not here: the checks themselves (checks/, sql/), or what bars publication (steps.py, warehouse.py).
"""

from collections.abc import Iterator

import dagster as dg
import polars as pl

from pipeline import steps, warehouse
from pipeline.checks.guards import COLUMNS as GUARDED
from pipeline.checks.guards import CountGuard, FileGuard, guards
from pipeline.checks.rules import MEASURE, rules
from pipeline.defs.assets import MARTS, TABLES
from pipeline.defs.resources import KEY, run_of
from pipeline.form.model import forms

Context = dg.AssetCheckExecutionContext
_ROWS_SHOWN = 100


def _identities() -> dict[str, dg.AssetCheckSpec]:
    """A check for each identity that a form prints, by its code."""
    found: dict[str, dg.AssetCheckSpec] = {}
    for form in forms().values():
        for table in form.tables:
            for identity in (*table.identities, *table.across_years):
                found[identity.code] = dg.AssetCheckSpec(
                    name=identity.code.replace(".", "_"),
                    asset=table.facts,
                    additional_deps=["check_result"],
                    description=f"{identity.clause} · {' '.join(identity.says.split())}",
                )
    return found


IDENTITIES = _identities()
MISSING = dg.AssetCheckSpec(
    "reports_missing_tables",
    asset="dim_report",
    additional_deps=["check_result"],
    description="报告应有的三张表俱全 · every report has its three tables, with all their cells",
)
LOST = dg.AssetCheckSpec(
    "lost_cells",
    asset="check_result",
    description="各行单元格与格式一致 · every row has as many cells as the form's",
)
UNREAD = dg.AssetCheckSpec(
    "files_not_read",
    asset="dim_document",
    description="文件均可读取 · every file could be read",
)


@dg.multi_asset_check(
    name="findings",
    specs=[*IDENTITIES.values(), MISSING, LOST, UNREAD],
    can_subset=True,
    required_resource_keys={KEY},
)
def findings(context: Context) -> Iterator[dg.AssetCheckResult]:
    """What the checks found about the reports."""
    wanted = context.selected_asset_check_keys
    for result in _all_findings(run_of(context)):
        if dg.AssetCheckKey(result.asset_key, result.check_name) in wanted:  # type: ignore[arg-type]
            yield result


def _all_findings(run: steps.Run) -> Iterator[dg.AssetCheckResult]:
    results, reports = steps.frame(run, "check_result"), steps.frame(run, "dim_report")
    named = results.join(
        reports.select("report_id", "agency_name", "report_year"), on="report_id", how="left"
    )
    for code, spec in IDENTITIES.items():
        yield _finding(spec, named.filter(pl.col("check_code") == code))
    codes = [f"completeness.{table}" for table in frames.FACTS]
    yield _finding(MISSING, named.filter(pl.col("check_code").is_in(codes)))
    yield _finding(LOST, named.filter(pl.col("check_code").str.starts_with("lost_cells.")))
    documents = steps.frame(run, "dim_document")
    unread = documents.filter(pl.col("status").is_in(["unreadable", "encrypted", "unsupported", "scanned"]))
    yield _result(UNREAD, unread.select("path", "status", "message"), {"files": documents.height})


_SHOWN = [
    "agency_name",
    "report_year",
    "report_id",
    "check_code",
    "scope",
    "severity",
    "difference",
    "message",
]


def _finding(spec: dg.AssetCheckSpec, rows: pl.DataFrame) -> dg.AssetCheckResult:
    counts = {status: rows.filter(pl.col("status") == status).height for status in ("pass", "not_assessable")}
    return _result(spec, rows.filter(pl.col("status") == "fail").select(_SHOWN), counts)


def _result(spec: dg.AssetCheckSpec, failing: pl.DataFrame, counts: dict[str, int]) -> dg.AssetCheckResult:
    return dg.AssetCheckResult(
        passed=failing.is_empty(),
        asset_key=spec.asset_key,
        check_name=spec.name,
        severity=dg.AssetCheckSeverity.WARN,
        metadata={"fail": failing.height, **counts, "failing": _as_table(failing)},
    )


def _as_table(rows: pl.DataFrame) -> dg.TableMetadataValue:
    """The first rows, as a table that the web UI shows."""
    records = [dg.TableRecord(row) for row in rows.head(_ROWS_SHOWN).iter_rows(named=True)]
    columns = [dg.TableColumn(name, _ui_type(kind)) for name, kind in rows.schema.items()]
    return dg.MetadataValue.table(records, dg.TableSchema(columns))


def _ui_type(kind: pl.DataType) -> str:
    return "int" if kind.is_integer() else "float" if kind.is_float() else "string"


def _claim(claim: warehouse.Statement) -> dg.AssetChecksDefinition:
    """A claim of sql/checks, on the last made of the tables that it reads: what follows waits for it."""
    made = [key.to_user_string() for asset in (*TABLES, *MARTS) for key in asset.keys]
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
