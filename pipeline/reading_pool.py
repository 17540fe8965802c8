"""Read many files in worker processes, so that a bad one costs only itself.

Here: the pool, the bounds on each document's time and memory, and what becomes of a document that
raises, hangs or kills its worker. Not here: how a file is read, or what is kept of it.
"""

from __future__ import annotations

import contextlib
import errno
import faulthandler
import multiprocessing
import os
import shutil
import signal
import tempfile
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass, replace
from pathlib import Path
from types import FrameType
from typing import TypeVar

from pipeline.cells.report import DocumentStatus, Report
from pipeline.collection import RawFile
from pipeline.raw_url import FOLDER, local_copy
from pipeline.reading.document import FileFormat, ReadingError
from pipeline.reading.office import end_left_behind
from pipeline.reading.open import sniff
from pipeline.reading_cache import AGAIN
from pipeline.reading_cage import FILE_MEGABYTES, cage
from pipeline.reading_rows import Reading, pack

try:  # POSIX only; without it the memory of a document is not bounded
    import resource
except ImportError:  # pragma: no cover
    resource = None  # type: ignore[assignment]

T = TypeVar("T")
_DEEPEST = 103 - len("/pymp-01234567/listener-01234567")
"""Bytes of a path under which multiprocessing has room for its sockets; macOS allows 103, Linux 107."""
ReadFile = Callable[[Path, str], Report]
"""Reads one file: its place, and its name relative to the raw folder. A module's own function."""

# The hard stop comes after the soft one, for code that a signal does not interrupt.
_GRACE = 1.5
_MESSAGE_LENGTH = 500
# Megabytes that a worker needs at least beside what it takes at its start: the stack of its watchdog.
_ROOM = 16
_ANEW = "Save only the report's pages as a new file, or raise the limits."


@dataclass(frozen=True, slots=True)
class Limits:
    """What one document may take; 0 is no bound."""

    seconds: float = 120
    megabytes: int = 4096

    def __str__(self) -> str:
        return f"{self.seconds:g} s, {self.megabytes} MB"


class WorkersFailed(RuntimeError):
    """No worker process can start or work at all: a fault of the installation or of the limits."""


class _OutOfTime(BaseException):
    """No Exception, so that no reader takes it for a fault of the file."""


def read_files(files: Sequence[RawFile], read: ReadFile, workers: int, limits: Limits) -> Iterator[Reading]:
    """Read files in ``workers`` processes; gives each as it is done.

    A document that ends its worker, or finds too little memory in one that has read others, is
    tried once more, alone, and then given as unreadable.

    Raises:
        WorkersFailed: a worker cannot do its work whatever the document.
    """
    context = _context(read)
    tried = False
    waiting = deque(files)
    suspects: list[RawFile] = []
    while waiting:
        running: dict[Future[_Outcome], tuple[RawFile, contextlib.ExitStack]] = {}
        with _pool(context, min(workers, len(waiting)), limits) as pool:
            try:
                while waiting or running:
                    while waiting and len(running) < 2 * workers:
                        file, held = waiting[0], contextlib.ExitStack()
                        at_hand = _fetched(file, held, limits)
                        if isinstance(at_hand, _Outcome):
                            yield _reading(waiting.popleft(), at_hand)
                            continue
                        future = pool.submit(_read_one, read, at_hand, limits)
                        running[future] = waiting.popleft(), held
                    done, _ = wait(running, return_when=FIRST_COMPLETED) if running else (set(), set())
                    for future in done:
                        outcome = future.result()
                        file, held = running.pop(future)
                        held.close()
                        if outcome.starved:
                            suspects.append(file)
                        else:
                            yield _reading(file, outcome)
            except BrokenProcessPool:
                # Whichever document did it was in flight: those are read alone, the others go on.
                suspects.extend(file for file, _ in running.values())
                if not tried:
                    _try_worker(context, read, limits)
                    tried = True
            except BaseException:
                pool.shutdown(wait=False, cancel_futures=True)
                for worker in multiprocessing.active_children():
                    worker.terminate()
                raise
            finally:
                for _, held in running.values():
                    held.close()
    if suspects and not tried:
        _try_worker(context, read, limits)
    for file in suspects:
        yield _alone(file, read, limits, context)


def unreadable(file: RawFile, message: str, only_under: str | None = None) -> Reading:
    """What is kept of a file that cannot be read, and under which limits alone."""
    return _reading(file, _failure("unreadable", message, only_under))


@dataclass(frozen=True, slots=True)
class _Outcome:
    payload: str
    format: FileFormat = "other"
    only_under: str | None = None
    starved: bool = False
    seconds: float = 0.0


def _reading(file: RawFile, outcome: _Outcome) -> Reading:
    assert file.document_id is not None
    return Reading(
        file.document_id, file.path, outcome.format, outcome.payload, outcome.only_under, outcome.seconds
    )


def _alone(
    file: RawFile, read: ReadFile, limits: Limits, context: multiprocessing.context.BaseContext
) -> Reading:
    try:
        with _pool(context, 1, limits) as pool, contextlib.ExitStack() as held:
            at_hand = _fetched(file, held, limits)
            if isinstance(at_hand, _Outcome):
                return _reading(file, at_hand)
            return _reading(file, pool.submit(_read_one, read, at_hand, limits).result())
    except BrokenProcessPool:
        message = f"reading it ended the worker process twice (limits: {limits}). {_ANEW}"
        return _reading(file, _failure("unreadable", message, str(limits)))


def _fetched(file: RawFile, held: contextlib.ExitStack, limits: Limits) -> RawFile | _Outcome:
    """The file where a worker, which has no network, can read it until ``held`` ends; or why not."""
    if not file.url or file.url.startswith(FOLDER):
        return file
    own = _caught(lambda: held.enter_context(local_copy(file)), limits)
    if isinstance(own, _Outcome):
        return replace(own, only_under=AGAIN, starved=False)  # whatever it was, it may pass
    return replace(own, url="")


def _context(read: ReadFile) -> multiprocessing.context.BaseContext:
    """A clean server that has the readers loaded, and forks warm workers; fresh processes elsewhere.

    Also where temporary files lie too deep for the server's socket, whose whole path a system keeps short.
    """
    too_deep = len(os.fsencode(tempfile.gettempdir())) > _DEEPEST
    if too_deep or "forkserver" not in multiprocessing.get_all_start_methods():
        return multiprocessing.get_context("spawn")
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload([read.__module__])
    return context


@contextlib.contextmanager
def _pool(
    context: multiprocessing.context.BaseContext, workers: int, limits: Limits
) -> Iterator[ProcessPoolExecutor]:
    """Workers with a folder for what they make on the way; nothing of it outlives them, however they end."""
    folder = Path(tempfile.mkdtemp(prefix="gongkai-read-"))
    try:
        with ProcessPoolExecutor(workers, context, _start_worker, (limits, folder)) as pool:
            yield pool
    finally:
        end_left_behind(folder)
        shutil.rmtree(folder, ignore_errors=True)


def _try_worker(context: multiprocessing.context.BaseContext, read: ReadFile, limits: Limits) -> None:
    """Start a worker that reads nothing.

    Raises:
        WorkersFailed: it does not start, or has no memory left to work with.
    """
    try:
        with _pool(context, 1, replace(limits, megabytes=0)) as pool:
            taken = pool.submit(_loaded, read).result()
    except BrokenProcessPool as fault:
        raise WorkersFailed(
            f"worker processes end before they read anything: {read.__module__} cannot be loaded in one, or "
            "the system ends them (memory?). The fault stands above; install gongkai anew or free memory."
        ) from fault
    if limits.megabytes and limits.megabytes < taken + _ROOM:
        raise WorkersFailed(
            f"a worker takes {taken} MB of address space before it reads anything and may take "
            f"{limits.megabytes} MB: set GONGKAI_DOCUMENT_MEGABYTES to {2 * taken} or more"
        )


# What follows runs in the workers.


def _start_worker(limits: Limits, folder: Path) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the parent's to handle
    cage()  # before there is a second thread
    threading.Thread(target=_end_with_parent, args=(folder,), daemon=True).start()
    tempfile.tempdir = str(folder)
    if limits.megabytes and resource is not None:
        if limits.megabytes < _megabytes() + _ROOM:
            raise MemoryError("the bound of a document is below what a worker takes")
        bound = limits.megabytes * 1024 * 1024
        with contextlib.suppress(ValueError, OSError):  # a stricter bound is set, or the system has none
            resource.setrlimit(resource.RLIMIT_AS, (bound, resource.getrlimit(resource.RLIMIT_AS)[1]))


def _end_with_parent(folder: Path) -> None:
    """Where the parent is killed, nobody else ends its workers: each waits for work for ever."""
    parent = multiprocessing.parent_process()
    if parent is None:
        return
    parent.join()
    end_left_behind(folder)
    os._exit(1)


def _loaded(read: ReadFile) -> int:
    """The address space of a worker in which the reader is loaded."""
    return _megabytes()


def _megabytes() -> int:
    """The address space of this process; 0 where the system does not tell."""
    try:
        pages = int(Path("/proc/self/statm").read_text().split()[0])
    except (OSError, ValueError):
        return 0
    return pages * os.sysconf("SC_PAGE_SIZE") // (1024 * 1024)


def _read_one(read: ReadFile, file: RawFile, limits: Limits) -> _Outcome:
    """One document within its limits."""
    kind: FileFormat = "other"

    def whole() -> _Outcome:
        nonlocal kind
        with local_copy(file) as own:
            started = time.perf_counter()
            with _Alarm(limits.seconds):
                kind = sniff(own.place)
                report = pack(read(own.place, own.path))
            took = time.perf_counter() - started
            # What was read must be the bytes that the document is named by.
            if not own.is_still(own.place.stat()):
                return _failure("unreadable", "the file changed during the run. Run again.", AGAIN)
        return _Outcome(report, seconds=took)

    return replace(_caught(whole, limits), format=kind)


def _caught(work: Callable[[], T], limits: Limits) -> T | _Outcome:
    """What the work gives, or its fault as an outcome: the one boundary where any fault becomes a row."""
    try:
        return work()
    except OSError as fault:
        if fault.errno == errno.EFBIG:
            message = f"reading it wrote a file of more than {FILE_MEGABYTES} MB. {_ANEW}"
            return _failure("unreadable", message, str(limits))
        message = f"cannot be opened: {fault.strerror or type(fault).__name__}. Run again when it can."
        return _failure("unreadable", message, AGAIN)
    except ReadingError as fault:
        return _failure(fault.status, fault.message)
    except _OutOfTime:
        message = f"reading it took longer than {limits.seconds:g} s. {_ANEW}"
        return _failure("unreadable", message, str(limits))
    except MemoryError:
        message = f"reading it took more memory than {limits.megabytes} MB. {_ANEW}"
        return replace(_failure("unreadable", message, str(limits)), starved=True)
    except Exception as fault:
        return _failure("unreadable", f"{type(fault).__name__}: {fault}")


def _failure(status: DocumentStatus, message: str, only_under: str | None = None) -> _Outcome:
    text = message.encode("utf-8", "backslashreplace").decode()[:_MESSAGE_LENGTH]
    return _Outcome(pack(Report(status, text)), only_under=only_under)


class _Alarm:
    """Raises in the worker when the time is up; ends the worker when that does not help."""

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds

    def __enter__(self) -> None:
        if self.seconds and hasattr(signal, "setitimer"):
            self.sink = Path(os.devnull).open("w")
            faulthandler.dump_traceback_later(self.seconds * _GRACE + 1, exit=True, file=self.sink)
            signal.signal(signal.SIGALRM, _ring)
            signal.setitimer(signal.ITIMER_REAL, self.seconds)

    def __exit__(self, *_: object) -> None:
        if self.seconds and hasattr(signal, "setitimer"):
            signal.setitimer(signal.ITIMER_REAL, 0)
            faulthandler.cancel_dump_traceback_later()
            self.sink.close()


def _ring(number: int, frame: FrameType | None) -> None:
    raise _OutOfTime
