"""Read many files on a Dask cluster, each in a private process of the worker that it falls to.

Here: what travels to the workers, which workers are refused, and what becomes of one that dies.
Not here: how a document is bounded there (reading_pool.py), or what is kept of it.
"""

from __future__ import annotations

import multiprocessing
import os
import platform
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, wait
from dataclasses import replace
from importlib import metadata
from pathlib import Path

from pipeline.cells.report import Report
from pipeline.collection import RawFile
from pipeline.reading_cache import AGAIN
from pipeline.reading_pool import Limits, ReadFile, read_files
from pipeline.reading_rows import Reading, pack
from pipeline.reading_version import program_version, reader_versions

_BATCH = 20
_IN_FLIGHT = 3
_LIBRARIES = ("distributed", "polars", "pydantic", "pypdfium2", "pdfplumber", "lxml", "ortools")
_DAEMON = "may start processes"


class ClusterFault(RuntimeError):
    """The cluster cannot be used; the message says why in one line."""


Sent = tuple[RawFile, bytes]


def read_on_cluster(
    files: Sequence[RawFile], read: ReadFile, address: str, limits: Limits
) -> Iterator[Reading]:
    """Read files on the cluster whose scheduler is at ``address``; gives each as it is done.

    The bytes of a file travel with its task, so that nothing has to be shared. A batch whose
    workers died is read again, file by file; a file that still ends workers is unreadable.

    Raises:
        ClusterFault: no scheduler, no worker, or a worker of another version.
    """
    from distributed import Client, KilledWorker  # an extra

    try:
        client = Client(address, timeout="10s", set_as_default=False)
    except (OSError, TimeoutError) as fault:
        raise ClusterFault(f"no Dask scheduler answers at {address}") from fault
    with client:
        count = _check_workers(client.run(versions), versions())
        executor = client.get_executor(pure=False)
        waiting = [list(files[at : at + _BATCH]) for at in range(0, len(files), _BATCH)][::-1]
        running: dict[Future[list[Reading]], list[RawFile]] = {}
        while waiting or running:
            while waiting and len(running) < _IN_FLIGHT * count:
                batch = waiting.pop()
                sent, lost = _load(batch)
                yield from lost
                if sent:
                    running[executor.submit(_read_batch, read, sent, limits)] = [file for file, _ in sent]
            done, _ = wait(running, return_when=FIRST_COMPLETED) if running else (set(), None)
            for future in done:
                batch = running.pop(future)
                try:
                    yield from future.result()
                except KilledWorker:
                    if len(batch) > 1:
                        waiting.extend([file] for file in batch)
                    else:
                        yield _unreadable(batch[0], "reading it ended the cluster's workers.", str(limits))


def versions() -> dict[str, str]:
    """What must be equal on all machines, by its name."""
    found = {"gongkai": program_version(), "Python": platform.python_version()}
    found.update({f"reader of {kind}": version for kind, version in reader_versions().items()})
    found.update({name: metadata.version(name) for name in _LIBRARIES})
    found[_DAEMON] = "no" if multiprocessing.current_process().daemon else "yes"
    return found


def _check_workers(workers: Mapping[str, Mapping[str, str]], own: Mapping[str, str]) -> int:
    if not workers:
        raise ClusterFault("the Dask cluster has no workers")
    for address, theirs in workers.items():
        if theirs.get(_DAEMON) == "no":
            raise ClusterFault(
                f"worker {address} may start no processes of its own: start it with "
                "DASK_DISTRIBUTED__WORKER__DAEMON=False, or --no-nanny"
            )
        for name in sorted((own.keys() | theirs.keys()) - {_DAEMON}):
            if own.get(name) != theirs.get(name):
                raise ClusterFault(
                    f"worker {address} has {name} {theirs.get(name)}, this machine {own.get(name)}: "
                    "install the same version on all"
                )
    return len(workers)


def _load(batch: Sequence[RawFile]) -> tuple[list[Sent], list[Reading]]:
    sent: list[Sent] = []
    lost: list[Reading] = []
    for file in batch:
        try:
            content = file.place.read_bytes()
            info = file.place.stat()
        except OSError as fault:
            reason = f"cannot be opened: {fault.strerror or type(fault).__name__}. Run again when it can."
            lost.append(_unreadable(file, reason, AGAIN))
            continue
        if (len(content), info.st_size, info.st_mtime_ns) != (file.bytes, file.bytes, file.mtime_ns):
            lost.append(_unreadable(file, "the file changed during the run. Run again.", AGAIN))
        else:
            sent.append((file, content))
    return sent, lost


def _unreadable(file: RawFile, message: str, only_under: str) -> Reading:
    assert file.document_id is not None
    return Reading(file.document_id, file.path, "other", pack(Report("unreadable", message)), only_under)


def _read_batch(read: ReadFile, sent: Sequence[Sent], limits: Limits) -> list[Reading]:
    """Runs in a worker of the cluster."""
    with tempfile.TemporaryDirectory(prefix="gongkai-cluster-") as folder:
        files = []
        for number, (file, content) in enumerate(sent):
            place = Path(folder, str(number), file.place.name)
            place.parent.mkdir()
            place.write_bytes(content)
            os.utime(place, ns=(file.mtime_ns, file.mtime_ns))
            files.append(replace(file, place=place, mtime_ns=place.stat().st_mtime_ns))
        return list(read_files(files, read, 1, limits))
