"""Files written whole or not at all.

Here: the one way in which small text files are written. Not here: what stands in them.
"""

from __future__ import annotations

import os
from pathlib import Path


def write_whole(path: Path, text: str) -> None:
    """Put the text in place of the file with one rename; a reader sees the old file or the new one.

    Raises:
        OSError: the folder or the file cannot be written; the old file stays.
    """
    # Through a link to the file that it names, which keeps the link.
    path = path.resolve()
    temporary = path.with_name(f".{path.name[:100]}.{os.getpid()}.tmp")
    try:
        with temporary.open("w", encoding="utf-8", newline="\n") as stream:
            stream.write(text)
            stream.flush()
            os.fsync(stream.fileno())
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)
