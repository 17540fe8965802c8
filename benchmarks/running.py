"""Run a program and see what its processes take together: seconds, processor time, peak memory.

Here: the process and the watch over it. Not here: what is run, or what the figures mean.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import psutil

from pipeline.settings import child_environment

EVERY = 0.2
"""Seconds between two looks at the memory."""
ROOT = Path(__file__).parents[1]


@dataclass(frozen=True, slots=True)
class Ran:
    """What a program wrote, the seconds from its start to its end, processor seconds, peak memory in MiB."""

    output: str
    seconds: float
    processor: float
    megabytes: float


class RunFault(RuntimeError):
    """A measured program failed; the message is the end of what it said."""


def python(*words: str, environment: Mapping[str, str] | None = None) -> Ran:
    """``python`` with these words, under this interpreter, in the project's folder.

    Raises:
        RunFault: it ends with another code than 0.
    """
    return run([sys.executable, *words], environment)


def dagster_in(folder: Path) -> dict[str, str]:
    """An environment in which Dagster keeps its runs in a folder, and not with the user's."""
    instance = folder / "dagster"
    instance.mkdir(exist_ok=True)
    (instance / "dagster.yaml").touch()
    return {"DAGSTER_HOME": str(instance)}


def run(command: Sequence[str], environment: Mapping[str, str] | None = None) -> Ran:
    """Run a program to its end.

    Raises:
        RunFault: it ends with another code than 0.
    """
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        started = time.monotonic()
        process = subprocess.Popen(
            command, cwd=ROOT, env=child_environment() | dict(environment or {}), stdout=out, stderr=err
        )
        watch = _Watch(process.pid)
        watch.start()
        try:
            code = process.wait()
        except BaseException:
            process.terminate()
            raise
        seconds = time.monotonic() - started
        watch.end()
        told = []
        for file in (out, err):
            file.seek(0)
            told.append(file.read().decode("utf-8", "replace"))
    if code:
        raise RunFault(f"{' '.join(command[:4])} …: {told[1][-2000:] or told[0][-2000:]}")
    return Ran(told[0], seconds, sum(watch.processor.values()), watch.bytes / 2**20)


class _Watch(threading.Thread):
    """Looks again and again at a process and all below it.

    ``bytes``: the most memory that they held together, shared pages counted once. ``processor``: seconds
    that each had taken when it was last seen; what a process does after the last look at it is not in it.
    """

    def __init__(self, pid: int) -> None:
        super().__init__(daemon=True)
        self.pid = pid
        self.bytes = 0
        self.processor: dict[int, float] = {}
        self.ended = threading.Event()

    def run(self) -> None:
        while not self.ended.is_set():
            self.look()
            self.ended.wait(EVERY)

    def look(self) -> None:
        held = 0
        for process in _tree(self.pid):
            try:
                held += _memory(process)
                times = process.cpu_times()
            except psutil.Error:
                continue  # it has ended
            self.processor[process.pid] = times.user + times.system
        self.bytes = max(self.bytes, held)

    def end(self) -> None:
        self.ended.set()
        self.join()


def _tree(pid: int) -> list[psutil.Process]:
    try:
        top = psutil.Process(pid)
        return [top, *top.children(recursive=True)]
    except psutil.Error:
        return []


def _memory(process: psutil.Process) -> int:
    """Proportional set size where the system tells it (Linux), else the resident set."""
    memory = process.memory_full_info()
    return int(getattr(memory, "pss", 0) or memory.rss)
