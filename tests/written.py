"""Measured figures in the docs: what a command prints, put where the document keeps it.

Here: replacing one marked part of a Markdown file. Not here: any measuring.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterable
from pathlib import Path


def write_part(path: Path, name: str, lines: Iterable[str]) -> None:
    """Put the lines between ``<!-- name -->`` and ``<!-- end -->``, with the command that made them.

    Raises:
        ValueError: the file has no such part.
    """
    text = path.read_text(encoding="utf-8")
    part = re.compile(rf"<!-- {name} -->\n.*?<!-- end -->", re.S)
    if not part.search(text):
        raise ValueError(f"{path} has no part <!-- {name} -->")
    command = f"`python -m tests.{Path(sys.argv[0]).stem} {' '.join(sys.argv[1:])}`"
    told = "\n".join((f"<!-- {name} -->", command, "", *lines, "<!-- end -->"))
    path.write_text(part.sub(lambda _: told, text), encoding="utf-8")
