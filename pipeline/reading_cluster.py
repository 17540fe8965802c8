"""Read many files on a Dask cluster, each in a process of its own on the worker that it falls to.

Here: what travels to the workers, which clusters are refused, and what becomes of workers that die.
Not here: how a document is bounded there (reading_pool.py), or what is kept of what was read.
"""

from __future__ import annotations

import asyncio
import hashlib
import multiprocessing
import platform
import re
import shutil
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, CancelledError, Executor, Future, wait
from contextlib import contextmanager
from dataclasses import replace
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING

from pipeline.collection import RawFile
from pipeline.faults import first_line
from pipeline.raw_url import FOLDER
from pipeline.reading import office
from pipeline.reading_beside import Beside
from pipeline.reading_pool import Limits, ReadFile, read_files, unreadable
from pipeline.reading_rows import Reading
from pipeline.reading_version import program_version, reader_versions
from pipeline.urls import lacks

if TYPE_CHECKING:
    from distributed import Client

# A task takes as many files, or as many bytes, whichever comes first: enough that sending it costs
# nothing beside reading, and so little that the scheduler, through which it goes, stays small.
_FILES = 20
_BYTES = 8 << 20
# Tasks under way for each thread of the cluster: the next one waits at the worker.
_AHEAD = 2
_ANSWER = 10
_JOIN = 30
"""Seconds that a cluster without workers has to get one."""
_PATIENCE = 300
"""Seconds that a cluster may be without workers while files wait: a node that starts again."""
_LOOK = 5
_EXTRA = "pip install 'gongkai[cluster]'"
_DEV = "dev"
_MAY_START = "may start processes"

Versions = Mapping[str, str]


class ClusterFault(RuntimeError):
    """The cluster cannot be used; the message says in one line why, and what to do."""


def read_on_cluster(
    files: Sequence[RawFile], read: ReadFile, address: str, limits: Limits, workers: int = 1
) -> Iterator[Reading]:
    """Read files on the Dask cluster whose scheduler is at ``address``; gives each as it is done.

    The bytes of a file travel with its task, so that nothing has to be shared; those behind a URL are
    fetched by the worker. A page with a picture in a file beside it is read here, where that file is,
    unless the workers see its folder. A task whose worker dies is done again; one
    that ends several workers is taken apart, and a file that ends them alone is unreadable.

    Args:
        address: ``tcp://host:port``, or ``tls://host:port`` with Dask's own settings for TLS.
        workers: processes that read what is read here.
    Raises:
        ClusterFault: the extra is not installed, no scheduler or worker answers, or one is of another
            version; all workers or the scheduler are lost on the way.
    """
    if not files:
        return  # a build that finds nothing new needs no cluster
    with _client(address) as client:
        own = versions()
        _check(client, address, own)
        here: list[RawFile] = []
        yield from _read(client, address, files, read, limits, own, here)
    # What cannot travel, or cannot be had: it gets the status here that it would get anyway.
    yield from read_files(here, read, workers, limits)


@contextmanager
def _client(address: str) -> Iterator[Client]:
    try:
        from distributed import Client
    except ImportError as fault:
        raise ClusterFault(f"reading on a Dask cluster needs one more package: {_EXTRA}") from fault
    try:
        # A client that cannot start closes itself when it is collected, and where that falls into the start
        # of another, which holds the lock of all, both wait for ever: so none is made before one answers.
        asyncio.run(_answer(address))
        client = Client(address, timeout=_ANSWER, set_as_default=False)
    except (OSError, RuntimeError, TypeError, ValueError) as fault:
        reason = first_line(fault)
        raise ClusterFault(
            f"no Dask scheduler answers at {address}: {reason}. Start one with `dask scheduler`, "
            "or read on this machine with --executor local"
        ) from fault
    with client:
        yield client


async def _answer(address: str) -> None:
    """Reach a scheduler, with Dask's own settings for TLS; raises what ``Client`` raises."""
    from distributed import Security
    from distributed.comm import connect

    reached = await connect(address, timeout=_ANSWER, **Security().get_connection_args("client"))
    await reached.close()


# Versions.


def versions() -> dict[str, str]:
    """What must be equal on all machines, by its name; and whether this process may start others."""
    found = {"Python": platform.python_version(), "gongkai": metadata.version("gongkai")}
    found.update({name: _installed(name) for name in sorted({*_packages(), "dask"})})
    found["LibreOffice"] = "installed" if any(map(shutil.which, office.PROGRAMS)) else "none"
    found["gongkai's code"] = program_version()
    found.update({f"the reader of {kind} files": version for kind, version in reader_versions().items()})
    found[_MAY_START] = "no" if multiprocessing.current_process().daemon else "yes"
    return found


def _packages() -> Iterator[str]:
    """The packages that gongkai needs, or takes where they are there."""
    for line in metadata.requires("gongkai") or ():
        name = re.match(r"[A-Za-z0-9._-]+", line)
        if name and f'extra == "{_DEV}"' not in line:
            yield name[0]


def _installed(package: str) -> str:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return "none"


def _check(client: Client, address: str, own: Versions) -> None:
    """Refuse a cluster that could read otherwise than this machine."""
    try:
        _refuse_other(f"the scheduler at {address}", client.run_on_scheduler(versions), own)
    except (ImportError, AttributeError) as fault:
        raise ClusterFault(_cannot_load(f"the scheduler at {address}", fault)) from fault
    try:
        client.wait_for_workers(1, timeout=_JOIN)
    except TimeoutError as fault:
        raise ClusterFault(
            f"the Dask cluster at {address} has no worker, and none joined within {_JOIN} s: start some "
            "with `dask worker`; a cluster that scales itself needs a minimum of 1"
        ) from fault
    for worker, found in client.run(versions, on_error="return").items():
        if isinstance(found, BaseException):
            raise ClusterFault(_cannot_load(f"worker {worker}", found))
        _may_read(f"worker {worker}", found, own)


def _may_read(who: str, theirs: Versions, own: Versions) -> None:
    _refuse_other(who, theirs, own)
    if theirs[_MAY_START] == "no":
        raise ClusterFault(
            f"{who} may start no processes, in which a document can be bounded: start workers with "
            "DASK_DISTRIBUTED__WORKER__DAEMON=False in their environment"
        )


def _refuse_other(who: str, theirs: Versions, own: Versions) -> None:
    for name in (name for name in own if name != _MAY_START):
        if theirs.get(name) != own[name]:
            raise ClusterFault(
                f"{who} has {name} {theirs.get(name, 'none')}, this machine has {own[name]}: "
                "install the same gongkai from the same requirements on all machines, and start it anew"
            )


def _cannot_load(who: str, fault: BaseException) -> str:
    reason = first_line(fault)
    return f"{who} cannot load gongkai ({reason}): install the same version there, with {_EXTRA}"


# Tasks.


def _read(
    client: Client,
    address: str,
    files: Sequence[RawFile],
    read: ReadFile,
    limits: Limits,
    own: Versions,
    here: list[RawFile],
) -> Iterator[Reading]:
    """Readings from the cluster; files that are to be read on this machine are put into ``here``."""
    from distributed import KilledWorker

    beside = Beside()
    executor: Executor = client.get_executor(pure=False)
    waiting = list(_tasks(files))[::-1]
    running: dict[Future[list[Reading]], list[RawFile]] = {}
    while waiting or running:
        room = _AHEAD * max(1, _threads(client, address))
        while waiting and len(running) < room:
            sent = []
            for file in waiting.pop():
                content = b"" if file.url else _content(file)
                if content is None or (content and beside.named_in(content, file.place)):
                    here.append(file)
                else:
                    sent.append((file, content))
            if sent:
                future = executor.submit(_read_task, read, sent, limits, own)
                running[future] = [file for file, _ in sent]
        for future in _done(client, address, running):
            task = running.pop(future)
            try:
                found = future.result()
            except KilledWorker as fault:
                if len(task) > 1:
                    waiting.extend([file] for file in task)
                else:
                    yield unreadable(task[0], _killed(fault.allowed_failures + 1), str(limits))
            except CancelledError as fault:
                raise ClusterFault(_gone(address)) from fault
            except (ImportError, AttributeError) as fault:
                raise ClusterFault(_cannot_load("a worker", fault)) from fault
            else:
                yield from found


def _tasks(files: Sequence[RawFile]) -> Iterator[list[RawFile]]:
    task: list[RawFile] = []
    size = 0
    for file in files:
        if task and (len(task) == _FILES or size + file.bytes > _BYTES):
            yield task
            task, size = [], 0
        task.append(file)
        size += file.bytes
    if task:
        yield task


def _content(file: RawFile) -> bytes | None:
    """The bytes that the document is named by; None where they cannot be had, or are others now."""
    try:
        content = file.place.read_bytes()
    except OSError:
        return None
    return content if hashlib.sha256(content).hexdigest() == file.document_id else None


def _done(client: Client, address: str, running: Mapping[Future[list[Reading]], object]) -> set[Future]:
    """The tasks that are done, once some are.

    Raises:
        ClusterFault: the cluster has been without workers, or without its scheduler, for too long.
    """
    alone_since: float | None = None
    while running:
        done, _ = wait(running, timeout=_LOOK, return_when=FIRST_COMPLETED)
        if done:
            return done
        if _threads(client, address):
            alone_since = None
        elif alone_since is None:
            alone_since = time.monotonic()
        elif time.monotonic() - alone_since > _PATIENCE:
            raise ClusterFault(_lost(f"the Dask cluster at {address} has had no worker for {_PATIENCE} s"))
    return set()


def _threads(client: Client, address: str) -> int:
    """How many tasks the workers that are there now take at once."""
    if client.status != "running":
        raise ClusterFault(_gone(address))
    try:
        return sum(client.nthreads().values())
    except (OSError, CancelledError, RuntimeError) as fault:
        raise ClusterFault(_gone(address)) from fault


def _killed(times: int) -> str:
    return f"reading it ended {times} workers of the cluster. Save only the report's pages as a new file."


def _gone(address: str) -> str:
    return _lost(f"the Dask scheduler at {address} is gone")


def _lost(what: str) -> str:
    return f"{what}; what was read until then is kept: run again once it is there"


# What follows runs in a worker of the cluster.


def _read_task(
    read: ReadFile, sent: Sequence[tuple[RawFile, bytes]], limits: Limits, own: Versions
) -> list[Reading]:
    from distributed import get_worker

    worker = get_worker()
    # Workers come and go: one that joined late is looked at here.
    _may_read(f"worker {worker.address}", versions(), own)
    # Dask removes what a worker that was killed leaves in its folder.
    with tempfile.TemporaryDirectory(prefix="gongkai-", dir=worker.local_directory) as folder:
        files = []
        for number, (file, content) in enumerate(sent):
            if file.url:
                _must_see(worker.address, file)
                files.append(file)
                continue
            place = Path(folder, str(number), file.place.name)
            place.parent.mkdir()
            place.write_bytes(content)
            info = place.stat()
            files.append(replace(file, at=str(place), mtime_ns=info.st_mtime_ns, changed_ns=info.st_ctime_ns))
        return list(read_files(files, read, 1, limits))


def _must_see(worker: str, file: RawFile) -> None:
    """A folder that is not mounted, or a package that is not there, would make all files unreadable."""
    if not file.url.startswith(FOLDER):
        if missing := lacks(file.url):
            raise ClusterFault(f"worker {worker} cannot fetch files: {missing} (pip install it there)")
        return
    root = file.place.parents[file.path.count("/")]
    if not root.is_dir():
        raise ClusterFault(
            f"worker {worker} has no folder {root}: mount it there, or name it by its path and not as a URL, "
            "so that its files travel"
        )
