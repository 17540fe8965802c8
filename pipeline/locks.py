"""One writer at a time: a lock that goes with its process however that ends, and who holds it.

Here: taking the lock of a file, waiting for it, the line that names its holder. Not here: what is locked,
or what a second writer is told to do.
"""

from __future__ import annotations

import contextlib
import os
import platform
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

try:  # POSIX only; elsewhere two writers must be kept apart by hand
    import fcntl
except ImportError:  # pragma: no cover
    fcntl = None  # type: ignore[assignment]

# Whoever only looks whether a lock is free holds it for an instant.
_INSTANT = 0.3
_AGAIN = 0.05
_LONGEST = 300


class Busy(Exception):
    """Another process holds the lock; ``holder`` names it as far as it has said, for a sentence."""

    def __init__(self, holder: str) -> None:
        super().__init__(holder)
        self.holder = holder


@contextmanager
def hold(path: Path, what: str, wait: float = 0) -> Iterator[None]:
    """Hold the lock of a file, which is made where it is absent and stays.

    Args:
        what: who holds it now, for others: "a build".
        wait: seconds to wait for whoever holds it.
    Raises:
        Busy: another process holds it, after that time still.
        OSError: the file cannot be opened.
    """
    handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    try:
        take(handle, path, wait)
        _note(handle, this_process(what))
        yield
        _note(handle, "")
    finally:
        os.close(handle)


def take(handle: int, note: Path, wait: float = 0) -> None:
    """Lock an open file or folder until it is closed.

    Args:
        note: the file in which a holder has said who it is.
    Raises:
        Busy: as ``hold``.
    """
    until = time.monotonic() + max(wait, _INSTANT)
    while not try_take(handle):
        if time.monotonic() >= until:
            raise Busy(_holder(note))
        time.sleep(_AGAIN)


def try_take(handle: int) -> bool:
    """Lock an open file or folder, if nobody else has it."""
    if fcntl is None:
        return True
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:  # as PermissionError on some systems
        return False
    return True


def this_process(what: str) -> str:
    """The line in which a holder says who it is."""
    now = f"{datetime.now(UTC):%Y-%m-%d %H:%M:%S} UTC"
    return f"{what}, process {os.getpid()} on {platform.node()}, since {now}"


def _note(handle: int, holder: str) -> None:
    # Where it cannot be written, as on a full disk, the lock is held all the same.
    with contextlib.suppress(OSError):
        os.ftruncate(handle, 0)
        os.pwrite(handle, holder.encode(), 0)


def _holder(note: Path) -> str:
    try:
        said = note.read_bytes()[:_LONGEST].decode("utf-8", "replace")
    except OSError:
        said = ""
    line = "".join(letter for letter in said if letter.isprintable()).strip()
    return line or "it has not said who it is"
