"""Dagster's view of the pipeline: assets, checks, the job. Thin wiring over steps.py.

With pipeline/definitions.py the only place that imports dagster.
"""

from __future__ import annotations

import dagster as dg

from pipeline import steps
from pipeline.cells.read import read_file
from pipeline.checks import run_checks
from pipeline.defs.assets import ASSETS, FILLING
from pipeline.defs.checks import CHECKS
from pipeline.defs.crawl import CRAWL_CHECKS, CRAWL_JOB, crawl_schedule, fetched_reports, new_files
from pipeline.defs.resources import KEY, build_resource
from pipeline.reading_pool import ReadFile

JOB = "build"
LOG = "file"


def definitions(
    read: ReadFile = read_file,
    check: steps.RunChecks = run_checks,
    progress: steps.Progress | None = None,
    logger: dg.LoggerDefinition | None = None,
) -> dg.Definitions:
    """Everything that Dagster shows and runs.

    Args:
        read, check, progress: who reads a file, who checks the tables, who is told how far it is.
        logger: where the run's log lines go when a run asks for the logger ``file``.
    """
    return dg.Definitions(
        assets=[*ASSETS, fetched_reports],
        asset_checks=[*CHECKS, *CRAWL_CHECKS],
        jobs=[
            dg.define_asset_job(
                JOB,
                selection=dg.AssetSelection.assets(*ASSETS),
                description="Every report file of the raw folder into gongkai.duckdb",
            ),
            CRAWL_JOB,
        ],
        schedules=[crawl_schedule],
        sensors=[new_files],
        resources={KEY: build_resource(FILLING, read, check, progress)},
        # One process: the steps share a lock and a staging file; reading has its own pool.
        executor=dg.in_process_executor,
        loggers={LOG: logger} if logger else {},
    )
