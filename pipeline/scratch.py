"""This process's folder for temporary files; those that ended processes left are removed.

Here: the folder, and what becomes of it. Not here: what is put there (whatever uses ``tempfile``).
"""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import tempfile
from functools import cache
from multiprocessing.util import Finalize
from pathlib import Path

from pipeline import locks
from pipeline.settings import temporary_folder

_PREFIX = "gongkai-run-"


@cache
def claim() -> Path:
    """From now on temporary files of this process and of those that it starts go to a folder of its own.

    It is removed when the process ends. Of one that was killed the next one removes it, and ends what is
    still at work there.

    Raises:
        OSError: there is no folder for temporary files, or its disk is full.
    """
    base = temporary_folder()
    _sweep(base)
    while True:
        folder = Path(tempfile.mkdtemp(prefix=_PREFIX, dir=base))
        # The lock says that its owner lives. It is never closed, and goes with the process.
        handle = os.open(folder, os.O_RDONLY)
        if locks.try_take(handle) and folder.exists():
            break
        os.close(handle)  # swept by another process in between
    tempfile.tempdir = str(folder)
    # After those of multiprocessing, which removes its own (exitpriority -100) from in there.
    Finalize(None, shutil.rmtree, args=(folder, True), exitpriority=-1000)
    return folder


def _sweep(base: Path) -> None:
    for folder in base.glob(f"{_PREFIX}*"):
        with contextlib.suppress(OSError):
            handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
            try:
                if os.fstat(handle).st_uid == os.getuid() and locks.try_take(handle):
                    _end_at_work(folder)
                    shutil.rmtree(folder, ignore_errors=True)
            finally:
                os.close(handle)


def _end_at_work(folder: Path) -> None:
    """End programs that work in a folder, as LibreOffice does, where the system tells of them."""
    for process in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            if (process / "cwd").readlink().is_relative_to(folder.resolve()):
                os.kill(int(process.name), signal.SIGKILL)
