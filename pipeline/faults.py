"""Faults of packages: their kinds, named although a package may not be installed, and what they say.

Here: finding and telling them. Not here: what is done with a fault.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable


def loaded(names: Iterable[str], *others: type[Exception]) -> tuple[type[Exception], ...]:
    """The kinds of faults named ``module.Name`` whose module is loaded; and these others."""
    found = []
    for name in names:
        module, _, kind = name.rpartition(".")
        found.append(getattr(sys.modules.get(module), kind, None))
    return (*others, *(kind for kind in found if isinstance(kind, type) and issubclass(kind, Exception)))


def first_line(fault: BaseException) -> str:
    """What a fault says, in one line; its kind where it says nothing."""
    return str(fault).split("\n")[0].strip(" .") or type(fault).__name__
