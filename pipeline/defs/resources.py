"""The one resource: a run of the build, with its lock and staging place, and the folders it works on."""

from collections.abc import Iterator
from pathlib import Path

import dagster as dg

from pipeline import scratch, steps
from pipeline.cells.read import read_file
from pipeline.checks import run_checks
from pipeline.defs.killed import close_killed, note
from pipeline.reading_pool import ReadFile
from pipeline.settings import settings

KEY = "build"
PUBLISHED = dg.AssetKey("published")
READING = frozenset({dg.AssetKey("raw_files"), dg.AssetKey("document_text")})
"""What a run in which nothing is new goes through."""
_CONFIG = {
    "raw": dg.Field(
        str,
        is_required=False,
        description="folder or URL with report files; default: GONGKAI_RAW_URL, GONGKAI_RAW",
    ),
    "warehouse": dg.Field(str, is_required=False, description="warehouse folder; default: GONGKAI_WAREHOUSE"),
    "curation": dg.Field(
        str, is_required=False, description="folder of settled findings; default: GONGKAI_CURATION"
    ),
    "workers": dg.Field(int, is_required=False, description="processes that read; default: one a core"),
    "verify": dg.Field(bool, default_value=False, description="read every file's bytes to know it"),
    "accept": dg.Field(
        bool, default_value=False, description="publish although guards of the pipeline do not hold"
    ),
    "wait": dg.Field(
        float, is_required=False, description="seconds to wait for another run; default: GONGKAI_WAIT"
    ),
    "executor": dg.Field(
        str,
        is_required=False,
        description="who reads: local, or dask://HOST:PORT, a Dask cluster; default: GONGKAI_EXECUTOR",
    ),
    "readings": dg.Field(
        str,
        is_required=False,
        description="URL where machines share what they have read; default: GONGKAI_READINGS_URL",
    ),
}


def build_resource(
    tables: frozenset[dg.AssetKey],
    read: ReadFile = read_file,
    check: steps.RunChecks = run_checks,
    progress: steps.Progress | None = None,
) -> dg.ResourceDefinition:
    """The run that assets work on.

    Args:
        tables: the assets that fill the warehouse; a run that makes them all begins with an empty
            file, any other with a copy of what is published.
    """

    @dg.resource(config_schema=_CONFIG, description="One run's lock, staging place and settings")
    def build(context: dg.InitResourceContext) -> Iterator[steps.Run]:
        config = context.resource_config
        chosen = settings(
            config.get("raw"),
            Path(config["warehouse"]) if "warehouse" in config else None,
            config.get("workers"),
            curation=Path(config["curation"]) if "curation" in config else None,
            accept=config["accept"],
            verify=config["verify"],
            wait=config.get("wait"),
            executor=config.get("executor"),
            readings=config.get("readings"),
        )
        scratch.claim()
        run = context.run
        assert run is not None, "a build is a run of Dagster's"
        assert context.instance is not None
        close_killed(context.instance)
        note(context.instance, run.run_id)
        # A run of the whole job names no assets.
        selection = run.asset_selection
        # One that ends before the tables changes none, and needs no copy of what is published.
        whole = not selection or tables | {PUBLISHED} <= selection or selection <= READING
        with steps.open_run(chosen, run.run_id, whole, read, check, progress) as opened:
            yield opened

    return build


def run_of(context: dg.AssetExecutionContext | dg.AssetCheckExecutionContext) -> steps.Run:
    """The run that an asset or check works on."""
    run: steps.Run = context.resources.build
    return run
