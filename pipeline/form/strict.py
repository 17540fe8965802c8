"""YAML into frozen dataclasses, with every fault named by file and place.

Here: the one way in which data files of the project are loaded. Not here: what any of them says.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import yaml
from pydantic import TypeAdapter, ValidationError

from pipeline import plain_yaml

T = TypeVar("T")


def load_strict(
    path: Path, shape: type[T], fault: type[ValueError], prepare: Callable[[Any], Any] | None = None
) -> T:
    """Read a YAML file as ``shape`` (a pydantic dataclass with ``extra="forbid"``).

    Args:
        prepare: changes what the file says before its shape is looked at.
    Raises:
        fault: ``file.yaml: tables.1.rows.2.code: what is wrong``, all faults in one line; also for a
            file that is no YAML or no UTF-8. YAML tags that make objects are refused.
    """
    try:
        data = plain_yaml.load(path.read_text(encoding="utf-8"))
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise fault(f"{path.name}: not YAML: {error}") from error
    try:
        return TypeAdapter(shape).validate_python(prepare(data) if prepare is not None else data)
    except ValidationError as error:
        faults = (f"{'.'.join(map(str, e['loc'])) or 'file'}: {e['msg']}" for e in error.errors())
        raise fault(f"{path.name}: " + "; ".join(faults)) from error
