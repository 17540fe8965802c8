"""The words of agencies' names, loaded from ``agencies.yaml``.

Here: the shape of that file and its loader. Not here: how a name is taken apart (names.py).
"""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path
from typing import Annotated, Literal

from pydantic import AfterValidator, ConfigDict
from pydantic.dataclasses import dataclass

from pipeline.form.model import FormFault
from pipeline.form.strict import load_strict

PATH = Path(__file__).parent / "agencies.yaml"
_STRICT = ConfigDict(extra="forbid")


def _compiles(pattern: str) -> str:
    try:
        re.compile(pattern)
    except re.error as error:
        raise ValueError(f"not a regular expression: {error}") from error
    return pattern


Pattern = Annotated[str, AfterValidator(_compiles)]


@dataclass(frozen=True, config=_STRICT)
class KindRule:
    """A kind of body and the names that are of it."""

    kind: str
    pattern: Pattern


@dataclass(frozen=True, config=_STRICT)
class Hierarchy:
    """A line of command beside the regions: its bureaus' name and the body on top."""

    bureau: str
    top: str


@dataclass(frozen=True, config=_STRICT)
class Vocabulary:
    """All of ``agencies.yaml``; see the comments there."""

    nominal_divisions: frozenset[str]
    common_words: frozenset[str]
    autonomous: Pattern
    bare_prefix: Pattern
    bare_levels: dict[str, str]
    bare_codes: dict[str, tuple[int, ...]]
    unlisted_region: Pattern
    unlisted_levels: dict[str, str]
    not_regions: tuple[str, ...]
    not_in_regions: Pattern
    honorifics: tuple[Pattern, ...]
    national_bodies: frozenset[str]
    national_prefix: Pattern
    government: Pattern
    offices: dict[str, Pattern]
    street: Pattern
    street_canonical: str
    township: Pattern
    farm: Pattern
    branch: Pattern
    branch_canonical: str
    bureau_of_branch: Pattern
    kinds: tuple[KindRule, ...]
    short_names: dict[str, str]
    scope_marks: dict[Literal["own", "aggregate"], Pattern]
    aggregate_names: Pattern
    lines: dict[str, Hierarchy]


@cache
def vocabulary() -> Vocabulary:
    """The shipped words.

    Raises:
        FormFault: naming the place of each fault.
    """
    return load_strict(PATH, Vocabulary, FormFault)
