"""The codes' labels in English, which no form prints.

Here: loading ``english.yaml``. Not here: the form's own labels (model.py).
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from pathlib import Path

import yaml
from pydantic import TypeAdapter

FILE = Path(__file__).parent / "english.yaml"


@cache
def english() -> Mapping[str, Mapping[str, str]]:
    """English labels by dimension and code, e.g. ``["outcome"]["granted"]``."""
    data = yaml.safe_load(FILE.read_text(encoding="utf-8"))
    return TypeAdapter(dict[str, dict[str, str]]).validate_python(data)
