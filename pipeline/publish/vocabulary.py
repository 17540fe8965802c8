"""What the codebook says that neither the form nor a schema does, from ``cautions.yaml``.

Here: loading it, with both languages apart. Not here: putting the codebook together (codebook.py).
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Annotated

import yaml
from pydantic import ConfigDict, StringConstraints, TypeAdapter
from pydantic.dataclasses import dataclass

FILE = Path(__file__).parent / "cautions.yaml"
Both = Annotated[str, StringConstraints(pattern=r"^[^·]+ · [^·]+$")]
"""Chinese, then English."""


@dataclass(frozen=True, config=ConfigDict(extra="forbid"))
class Caution:
    """What to beware of, and the tables made of frames that it is attached to."""

    says: Both
    tables: tuple[str, ...]


@dataclass(frozen=True, config=ConfigDict(extra="forbid"))
class Vocabulary:
    """The words of ``cautions.yaml``, by code."""

    cautions: Mapping[str, Caution]
    null_reasons: Mapping[str, Both]
    codes: Mapping[str, Mapping[str, Both]]
    comparability: Mapping[str, Both]
    columns: Mapping[str, Both]
    areas: Mapping[str, Both]
    headings: Mapping[str, Both]
    preface: Both
    sections: Mapping[str, str]
    measures: Mapping[str, Both]


@cache
def vocabulary() -> Vocabulary:
    """The vocabulary as shipped."""
    return TypeAdapter(Vocabulary).validate_python(yaml.safe_load(FILE.read_text(encoding="utf-8")))


def chinese(text: str) -> str:
    """The Chinese half of ``中文 · English``, or the text itself."""
    return text.partition(" · ")[0]


def english(text: str) -> str:
    """The English half of ``中文 · English``, or the text itself."""
    return text.partition(" · ")[2] or text
