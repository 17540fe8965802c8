"""The assets: raw files, readings, every table, marts, the published file.

Here: names, groups, dependencies and metadata. Not here: any work (steps.py).
"""

from collections.abc import Callable, Iterator

import dagster as dg

from pipeline import frames, steps, warehouse
from pipeline.defs.resources import KEY, PUBLISHED, run_of
from pipeline.publish import quality
from pipeline.publish.codebook import table_comment

OWNERS = ["team:gongkai"]
_NEEDS = {KEY}
Context = dg.AssetExecutionContext


@dg.asset(group_name="reading", kinds={"file"}, owners=OWNERS, required_resource_keys=_NEEDS)
def raw_files(context: Context) -> dg.MaterializeResult:
    """原始文件: the files of the raw folder, each with the sha256 of its bytes."""
    files = steps.raw_files(run_of(context))
    refused = [f"{file.path}: {file.message}" for file in files if file.refused]
    return dg.MaterializeResult(
        metadata={
            "dagster/row_count": len(files),
            "bytes": sum(file.bytes for file in files),
            "not_read": dg.MetadataValue.json(refused[:100]),
        }
    )


@dg.asset(
    group_name="reading", kinds={"python"}, owners=OWNERS, deps=[raw_files], required_resource_keys=_NEEDS
)
def document_text(context: Context) -> dg.MaterializeResult:
    """文件内容: each file read into text, tables and heading; files known from earlier runs are not read."""
    counts = steps.document_text(run_of(context))
    return dg.MaterializeResult(
        metadata={
            "dagster/row_count": counts.read + counts.known,
            "read_now": counts.read,
            "known_before": counts.known,
            "refused": counts.refused,
            "files_per_second": counts.per_second,
            "slowest": dg.MetadataValue.json([list(one) for one in counts.slowest]),
        }
    )


@dg.asset(
    group_name="reading", kinds={"polars"}, owners=OWNERS, deps=[document_text], required_resource_keys=_NEEDS
)
def report_tables(context: Context) -> dg.MaterializeResult:
    """报告各表: the cells of each report's tables, its agency and year, and which file it comes from."""
    counts = steps.report_tables(run_of(context))
    return dg.MaterializeResult(
        metadata={"dagster/row_count": sum(counts.values()), "rows": dg.MetadataValue.json(counts)}
    )


def _spec(table: str, deps: list[str], group: str = "warehouse") -> dg.AssetSpec:
    about = table_comment(table)
    return dg.AssetSpec(
        table,
        deps=deps,
        description=about.text,
        group_name=group,
        owners=OWNERS,
        kinds={"polars", "duckdb"},
        metadata={"dagster/column_schema": _column_schema(table)},
    )


def _column_schema(table: str) -> dg.TableSchema:
    described = table_comment(table).columns
    return dg.TableSchema(
        columns=[
            dg.TableColumn(
                name,
                str(column.dtype),
                described[name],
                dg.TableColumnConstraints(nullable=column.nullable, unique=False),
            )
            for name, column in frames.columns(table).items()
        ]
    )


def _finish(context: Context, made: steps.Made) -> dg.MaterializeResult:
    """Metadata of a table; where the run does not end in ``published``, the table is published here."""
    _publish_if_alone(context)
    of_shards = {"shards": made.shards, "shards_kept": made.kept} if made.shards else {}
    return dg.MaterializeResult(
        asset_key=made.table,
        metadata={"dagster/row_count": made.rows, "rejected_rows": made.rejected, **of_shards},
    )


def _publish_if_alone(context: Context) -> None:
    if context.run.asset_selection and PUBLISHED not in context.run.asset_selection:
        steps.publish(run_of(context))


def _table(
    table: str, make: Callable[[steps.Run], steps.Made], deps: list[str], group: str = "warehouse"
) -> dg.AssetsDefinition:
    @dg.multi_asset(name=table, specs=[_spec(table, deps, group)], required_resource_keys=_NEEDS)
    def one(context: Context) -> dg.MaterializeResult:
        return _finish(context, make(run_of(context)))

    return one


def _read_table(table: str) -> dg.AssetsDefinition:
    decided = ["decisions"] if table in steps.FACT_TABLES else []
    return _table(table, lambda run: steps.read_table(run, table), ["report_tables", *decided])


DECISIONS = _table("decisions", steps.decisions, [], "curation")
READ = [_read_table(table) for table in steps.READ_TABLES]
NOTES = _table("reading_note", steps.reading_note, ["report_tables", "dim_document", *frames.FACTS.values()])
CHECK_RESULT = _table("check_result", steps.check_result, [*steps.CHECKED_TABLES, "decisions"], "checks")
SUGGESTED = _table("suggested_correction", steps.suggested_correction, list(steps.SUGGESTED_FROM), "checks")
REJECTED = _table(
    "rejected_row",
    steps.rejected_row,
    [*steps.CHECKED_TABLES, "decisions", "check_result", "suggested_correction"],
    "checks",
)


@dg.multi_asset(
    name="labels",
    specs=[_spec(table, [], "labels") for table in frames.LABELS],
    required_resource_keys=_NEEDS,
)
def labels(context: Context) -> Iterator[dg.MaterializeResult]:
    """The form's labels, one table for each dimension."""
    for made in steps.labels(run_of(context)):
        yield _finish(context, made)


def _mart(statement: warehouse.Statement) -> dg.AssetsDefinition:
    @dg.asset(
        name=statement.name,
        deps=list(statement.uses),
        description=statement.header["about"],
        group_name="marts",
        kinds={"duckdb", "sql"},
        owners=OWNERS,
        required_resource_keys=_NEEDS,
        metadata={"grain": statement.header.get("grain", "")},
    )
    def one(context: Context) -> dg.MaterializeResult:
        rows = steps.mart(run_of(context), statement)
        _publish_if_alone(context)
        return dg.MaterializeResult(metadata={"dagster/row_count": rows})

    return one


MARTS = [_mart(statement) for statement in warehouse.statements("marts")]
TABLES = [DECISIONS, *READ, NOTES, labels, CHECK_RESULT, SUGGESTED, REJECTED]
FILLING = frozenset(key for table in TABLES for key in table.keys)
"""The assets that fill the warehouse with rows."""


@dg.asset(
    group_name="publish",
    kinds={"duckdb"},
    owners=OWNERS,
    deps=[key for made in (*TABLES, *MARTS) for key in made.keys],
    required_resource_keys=_NEEDS,
)
def published(context: Context) -> dg.MaterializeResult:
    """发布: the staged file takes the place of gongkai.duckdb, whole or not at all."""
    run = run_of(context)
    size = steps.publish(run)
    return dg.MaterializeResult(
        metadata={
            "path": dg.MetadataValue.path(str(run.stage.published)),
            "bytes": size,
            "quality_page": dg.MetadataValue.path(str(run.stage.warehouse / quality.NAME)),
        }
    )


ASSETS = [raw_files, document_text, report_tables, *TABLES, *MARTS, published]
