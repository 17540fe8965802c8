"""Kinds of faults that packages raise which may not be installed, so that they can be named.

Here: finding them. Not here: what is done with a fault.
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
