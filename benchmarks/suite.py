"""The sizes of a run: how many files, repetitions and reports each part takes.

Here: the sizes only. Not here: the parts, or the command (__main__).
"""

from __future__ import annotations

from dataclasses import dataclass, field

from tests.render import FORMATS, QUICK

NOTHING, UNCHANGED, CHANGED = "from nothing", "no change", "one file changed"
KEPT = "readings kept, tables anew"
SITUATIONS = (NOTHING, UNCHANGED, CHANGED, KEPT)
"""The builds of a collection, in this order."""
PDF = tuple(name for name, format in FORMATS.items() if format.family == "pdf")


@dataclass(frozen=True, slots=True)
class Size:
    """How much is measured.

    ``formats``: those that readers are timed over; ``pdf``: those that are compared with other programs;
    ``each``: files of a format, timed ``rounds`` times. ``together``: reports whose frames and checks are
    timed. ``rival_each`` and ``rival_rounds``: the same for engines that are no dependency, and ``rivals``
    the interpreter that has them. ``files``: the collection that is built, ``times`` over in these
    ``situations``, and exported where ``exports`` says so. ``growth``: numbers of reports, and how often each
    is measured. ``pages``: what the crawler fetches.
    """

    name: str
    formats: tuple[str, ...]
    pdf: tuple[str, ...]
    each: int
    rounds: int
    together: int
    rival_each: int
    rival_rounds: int
    files: int
    times: int
    situations: tuple[str, ...] = SITUATIONS
    exports: bool = True
    growth: dict[int, int] = field(default_factory=dict)
    pages: int = 0
    rivals: str | None = None


QUICK_SIZE = Size(
    "quick",
    ("docx", "html", "html_page", "pdf_lines", "txt_word"),
    ("pdf_lines", "pdf_fills"),
    each=1,
    rounds=3,
    together=100,
    rival_each=1,
    rival_rounds=2,
    files=16,
    times=1,
    situations=(NOTHING, UNCHANGED),
    exports=False,
)
FULL_SIZE = Size(
    "full",
    QUICK,
    PDF,
    each=2,
    rounds=5,
    together=1_000,
    rival_each=1,
    rival_rounds=2,
    files=300,
    times=2,
    growth={1_000: 2, 10_000: 1, 100_000: 1},
    pages=500,
)
