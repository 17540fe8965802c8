"""Runs in Dagster's history whose process was killed: they are closed, since no one else would.

Here: noting of which process a run is, and closing. Not here: what a killed run leaves on the disk
(warehouse.py, scratch.py). One run works at a time: one that seems to go on for ever would bar all others.
"""

import os
import platform
from pathlib import Path

import dagster as dg
from dagster._core.storage.dagster_run import IN_PROGRESS_RUN_STATUSES

_TAG = "gongkai/process"


def note(instance: dg.DagsterInstance, run: str) -> None:
    """Say that a run is of this process."""
    instance.add_run_tags(run, {_TAG: _process(os.getpid())})


def close_killed(instance: dg.DagsterInstance) -> int:
    """Mark the runs as failed whose process on this machine is gone; how many there were."""
    closed = 0
    for run in instance.get_runs(dg.RunsFilter(statuses=IN_PROGRESS_RUN_STATUSES)):
        said = run.tags.get(_TAG, "")
        host, _, number = said.rpartition(" ")[0].rpartition(" ")
        if host == platform.node() and number.isdecimal() and _process(int(number)) != said:
            instance.report_run_failed(run, "its process was killed")
            closed += 1
    return closed


def _process(number: int) -> str:
    """Machine, number and birth of a process, so that a number used again is another process."""
    try:
        # Behind the name in brackets, which may hold anything; the 22nd field is the moment of its start.
        born = Path(f"/proc/{number}/stat").read_text(errors="replace").rpartition(")")[2].split()[19]
    except (OSError, IndexError):
        born = "0" if _is_alive(number) else "gone"
    return f"{platform.node()} {number} {born}"


def _is_alive(number: int) -> bool:
    try:
        os.kill(number, 0)
    except PermissionError:
        return True
    except (ProcessLookupError, OverflowError):
        return False
    return True
