"""Run the job in this process, for the command line.

Here: which Dagster instance, where its log lines go, why a run failed. Not here: any step.
"""

import logging
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import dagster as dg
from dagster._core.definitions.asset_checks.asset_check_evaluation import AssetCheckEvaluation
from dagster._core.instance.ref import InstanceRef
from dagster_shared.check import CheckError

from pipeline import scratch, steps, warehouse
from pipeline.cells.read import read_file
from pipeline.checks import run_checks
from pipeline.checks.guards import guards, told
from pipeline.defs import JOB, LOG, definitions
from pipeline.defs.resources import KEY, READING
from pipeline.faults import loaded
from pipeline.reading_pool import ReadFile
from pipeline.settings import DAGSTER_YAML, INSTANCE, Settings, dagster_home
from pipeline.urls import UrlFault

# What the steps print is the terminal's, not a log's.
_NO_CAPTURE = {
    "module": "dagster._core.storage.noop_compute_log_manager",
    "class": "NoOpComputeLogManager",
}

_COUNTED = ("read_now", "known_before", "files_per_second")
_LONGEST = 3
_REASON = 300
# What storages of Dagster raise where their database cannot be had.
_OF_STORAGES = (
    "dagster_postgres.utils.DagsterPostgresException",
    "dagster_mysql.utils.DagsterMySQLException",
    "sqlalchemy.exc.SQLAlchemyError",
)

# Faults whose message is all that there is to say.
_NO_MEMORY = "OutOfMemoryException"
_SAID = ("WarehouseFault", "ClusterFault", "UrlFault")


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a run ended: ``fault`` says in one line why it failed; None where it did not.

    ``unchanged``: nothing was new, and what was published stands. ``stages``: the steps of the run with
    the seconds that each took, in the order that they ended. ``slowest``: files that took long to read.
    """

    fault: str | None
    read: int = 0
    known: int = 0
    unchanged: bool = field(default=False, compare=False)
    stages: tuple[tuple[str, float], ...] = field(default=(), compare=False)
    slowest: tuple[tuple[str, float], ...] = field(default=(), compare=False)

    @property
    def longest(self) -> str:
        """The steps that took longest, in one line."""
        return _longest(self.stages)


class InstanceFault(RuntimeError):
    """The Dagster instance that the user chose cannot be had; the message says why in one line."""


def run_build(
    settings: Settings,
    log: Path,
    progress: steps.Progress | None = None,
    read: ReadFile = read_file,
    check: steps.RunChecks = run_checks,
) -> Outcome:
    """The job ``build`` over these folders; its log lines go to the file ``log``, written anew.

    Where another run writes to the warehouse, this one waits as its settings say, or ends at once.
    """
    try:
        scratch.claim()
        # Before anything is written: the log, too, is the other run's.
        with warehouse.lock(settings.warehouse, settings.wait):
            pass
    except warehouse.WarehouseFault as fault:
        return Outcome(str(fault))
    except OSError as error:
        return Outcome(f"cannot make a folder for temporary files: {error.strerror or error}")
    log.write_text("", encoding="utf-8")
    # Appending, since setting up a new instance closes the handlers that it finds.
    handler = logging.FileHandler(log, mode="a", encoding="utf-8")
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(message)s"))
    job = definitions(read, check, progress, _file_logger(handler)).resolve_job_def(JOB)
    folders = {
        "raw": settings.raw_url or str(settings.raw),
        "warehouse": str(settings.warehouse),
        "workers": settings.workers,
        **({"curation": str(settings.curation)} if settings.curation else {}),
        "accept": settings.accept,
        "verify": settings.verify,
        "wait": settings.wait,
        "executor": settings.executor,
        **({"readings": settings.readings_url} if settings.readings_url else {}),
    }
    config = {"resources": {KEY: {"config": folders}}, "loggers": {LOG: {}}}
    only = sorted(READING) if _is_current(settings, read, check) else None
    steps.LOG.setLevel(logging.INFO)
    steps.LOG.addHandler(handler)
    try:
        with _instance() as instance:
            result = job.execute_in_process(
                run_config=config, instance=instance, raise_on_error=False, asset_selection=only
            )
            stages = tuple(_stages(result.all_events))
            instance.add_run_tags(result.run_id, _cost(result, stages))
    except InstanceFault as fault:
        return Outcome(str(fault))
    finally:
        steps.LOG.removeHandler(handler)
        handler.close()
    if not result.success:
        return Outcome(_fault(result.all_events, log))
    counts = _metadata(result, "document_text")
    read_now, known = counts.get("read_now", 0), counts.get("known_before", 0)
    slowest = tuple((str(path), float(str(took))) for path, took in _json(result, "document_text", "slowest"))
    return Outcome(None, read_now, known, only is not None, stages, slowest)


def _is_current(settings: Settings, read: ReadFile, check: steps.RunChecks) -> bool:
    try:
        return steps.is_current(settings, read, check)
    except (OSError, UrlFault):
        return False  # the run will say what is wrong


@contextmanager
def _instance() -> Iterator[dg.DagsterInstance]:
    """The user's instance, else the project's under data/instance, else one that ends with the run."""
    home = dagster_home()
    if home is None and not (DAGSTER_YAML.exists() and _can_write(INSTANCE)):
        with dg.DagsterInstance.ephemeral() as instance:
            yield instance
        return
    overrides: dict[str, object] = {"compute_logs": _NO_CAPTURE}
    if home is None:
        # The project's dagster.yaml names the folder relative to the project.
        overrides["storage"] = {"sqlite": {"base_dir": str(INSTANCE)}}
    folder = str(home or DAGSTER_YAML.parent)
    try:
        reference = InstanceRef.from_dir(
            str(home or INSTANCE),
            config_dir=folder,
            overrides=overrides,  # type: ignore[arg-type]
        )
        instance = dg.DagsterInstance.from_ref(reference)
    except loaded(_OF_STORAGES, dg.DagsterError, CheckError, ImportError, OSError) as fault:
        raise InstanceFault(f"Dagster's {folder}/dagster.yaml cannot be used: {_reason(fault)}") from fault
    with instance:
        yield instance


def _reason(fault: BaseException) -> str:
    """What caused a fault of Dagster's settings, in one line; faults of the YAML tell the path in it."""
    while fault.__cause__ is not None:
        fault = fault.__cause__
    errors = [str(error.message) for error in getattr(fault, "errors", ())]
    lines = " ".join(errors or [str(fault)]).partition("In order for")[0]
    return " ".join(lines.split())[:_REASON].strip() or type(fault).__name__


def _can_write(folder: Path) -> bool:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            return True
    except OSError:
        return False


def _file_logger(handler: logging.Handler) -> dg.LoggerDefinition:
    @dg.logger({}, description="Log lines into a file")
    def to_file(context: dg.InitLoggerContext) -> logging.Logger:
        logger = logging.Logger("gongkai.run", logging.DEBUG)
        logger.addHandler(handler)
        return logger

    return to_file


def _fault(events: Sequence[dg.DagsterEvent], log: Path) -> str:
    """The guards of the pipeline that failed, else the first error of a run, down to what caused it."""
    barred = [
        f"{found.check_name}: {found.description}"
        for event in events
        if isinstance(found := event.event_specific_data, AssetCheckEvaluation)
        and not found.passed
        and found.check_name in {guard.code for guard in guards().all}
    ]
    if barred:
        return told(barred)
    for event in events:
        error = getattr(event.event_specific_data, "error", None)
        if error is not None:
            while error.cause is not None and str(error.cls_name).startswith("Dagster"):
                error = error.cause
            message = str(error.message).strip() or "no reason was given"
            name, _, text = message.partition(": ")
            if name.endswith(_SAID):
                return text
            if name.endswith(_NO_MEMORY):
                text = "DuckDB's share of the memory is too small; set GONGKAI_MEGABYTES higher"
                return f"{event.step_key}: {text} (the run's log: {log})"
            return f"{event.step_key}: {message.splitlines()[0]} (the run's log: {log})"
    return f"the run failed; its log: {log}"


def _stages(events: Sequence[dg.DagsterEvent]) -> Iterator[tuple[str, float]]:
    for event in events:
        if event.event_type == dg.DagsterEventType.STEP_SUCCESS and event.step_key:
            yield event.step_key, event.step_success_data.duration_ms / 1000


def _longest(stages: Sequence[tuple[str, float]]) -> str:
    most = sorted(stages, key=lambda one: -one[1])[:_LONGEST]
    return ", ".join(f"{name} {seconds:.1f} s" for name, seconds in most)


def _cost(result: dg.ExecuteInProcessResult, stages: Sequence[tuple[str, float]]) -> dict[str, str]:
    """What a run took, as tags of the run: files read and known, files a second, its longest steps."""
    found = _of_asset(result, "document_text")
    counts = {name: str(found[name].value) for name in _COUNTED if name in found}
    return {f"gongkai/{name}": said for name, said in {**counts, "longest_steps": _longest(stages)}.items()}


def _metadata(result: dg.ExecuteInProcessResult, asset: str) -> dict[str, int]:
    metadata = _of_asset(result, asset)
    return {name: value.value for name, value in metadata.items() if isinstance(value.value, int)}


def _json(result: dg.ExecuteInProcessResult, asset: str, name: str) -> list[list[object]]:
    value = _of_asset(result, asset).get(name)
    return list(value.value) if value is not None else []  # type: ignore[arg-type]


def _of_asset(result: dg.ExecuteInProcessResult, asset: str) -> Mapping[str, dg.MetadataValue]:
    for event in result.get_asset_materialization_events():
        if event.asset_key == dg.AssetKey(asset):
            return event.materialization.metadata
    return {}
