"""Files written whole or not at all.

Here: the one way in which small files are written. Not here: what stands in them.
"""

from __future__ import annotations

import os
from glob import escape
from pathlib import Path


def write_whole(path: Path, content: str | bytes) -> None:
    """Put the content in place of the file with one rename; a reader sees the old file or the new one.

    Args:
        content: text is written as UTF-8.
    Raises:
        OSError: the folder or the file cannot be written; the old file stays.
    """
    # Through a link to the file that it names, which keeps the link.
    path = path.resolve()
    begins = f".{path.name[:100]}."
    _sweep(path.parent, begins)
    temporary = path.with_name(f"{begins}{os.getpid()}.tmp")
    try:
        with temporary.open("wb") as stream:
            stream.write(content.encode() if isinstance(content, str) else content)
            stream.flush()
            os.fsync(stream.fileno())
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def _sweep(folder: Path, begins: str) -> None:
    """Remove what writes of this file left whose process was ended."""
    for left in folder.glob(f"{escape(begins)}*.tmp"):
        number = left.name.removeprefix(begins).removesuffix(".tmp")
        if number.isdecimal() and not _is_alive(int(number)):
            left.unlink(missing_ok=True)


def _is_alive(process: int) -> bool:
    try:
        os.kill(process, 0)
    except PermissionError:
        return True  # another person's
    except (ProcessLookupError, OverflowError):
        return False
    return True
