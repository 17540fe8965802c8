"""How reports name themselves, loaded from ``headings.yaml`` beside the form files.

Here: the shape of those words and patterns, and their loader. Not here: how a heading is found
(cells/) or what an agency's name tells (agencies/).
"""

from __future__ import annotations

import re
from functools import cache
from typing import Literal

from pydantic import ConfigDict
from pydantic.dataclasses import dataclass

from pipeline.form.model import HERE, FormFault
from pipeline.form.strict import load_strict

_STRICT = ConfigDict(extra="forbid", arbitrary_types_allowed=True)


@dataclass(frozen=True, config=_STRICT)
class Shared:
    """A name's last words that the title's own words took away."""

    ends: str
    word: str


@dataclass(frozen=True, config=_STRICT)
class Title:
    """Patterns of titles."""

    pattern: re.Pattern[str]
    lead: re.Pattern[str]
    tail: re.Pattern[str]
    sentence: re.Pattern[str]
    goes_on: re.Pattern[str]
    separators: re.Pattern[str]
    shared: Shared


@dataclass(frozen=True, config=_STRICT)
class Preface:
    """Patterns of prefaces that name the agency."""

    agency: tuple[re.Pattern[str], ...]
    contact: tuple[re.Pattern[str], ...]
    contact_units: re.Pattern[str]
    contact_office: str
    contact_whole: re.Pattern[str]


@dataclass(frozen=True, config=_STRICT)
class Metadata:
    """Labels of a page's own table of metadata."""

    agency: frozenset[str]
    title: frozenset[str]
    date: frozenset[str]


@dataclass(frozen=True, config=_STRICT)
class Period:
    """The period that a report's figures cover."""

    start: re.Pattern[str]
    end: re.Pattern[str]


@dataclass(frozen=True, config=_STRICT)
class ScopeWords:
    """Phrases that say what the figures cover."""

    aggregate: tuple[re.Pattern[str], ...]
    own: tuple[re.Pattern[str], ...]
    own_words: re.Pattern[str]
    region_words: re.Pattern[str]


@dataclass(frozen=True, config=_STRICT)
class Headings:
    """All of ``headings.yaml``; see the comments there."""

    year: re.Pattern[str]
    chinese_year: re.Pattern[str]
    chinese_digits: dict[str, int]
    name: str
    title: Title
    other_kinds: dict[str, re.Pattern[str]]
    preface_of_report: tuple[re.Pattern[str], ...]
    preface: Preface
    metadata: Metadata
    period: Period
    not_statements: re.Pattern[str]
    statement: re.Pattern[str]
    date: re.Pattern[str]
    date_labels: re.Pattern[str]
    template: re.Pattern[str]
    scope: ScopeWords
    self_words: dict[str, frozenset[str]]
    self_words_after: str
    not_bylines: re.Pattern[str]
    not_names: re.Pattern[str]
    breadcrumb: re.Pattern[str]


@cache
def headings() -> Headings:
    """The shipped words and patterns, with {year} and {name} put in.

    Raises:
        FormFault: naming the place of each fault.
    """
    path = HERE / "headings.yaml"
    return load_strict(path, Headings, FormFault, _with_words)


def _with_words(data: dict[str, _Tree]) -> _Tree:
    """The file with what stands under ``year`` and ``name`` in place of the marks."""
    return _filled(data, {f"{{{word}}}": str(data.get(word, "")) for word in ("year", "name")})


_Tree = dict[str, "_Tree"] | list["_Tree"] | str | int | Literal[None]


def _filled(tree: _Tree, words: dict[str, str]) -> _Tree:
    if isinstance(tree, dict):
        return {key: _filled(value, words) for key, value in tree.items()}
    if isinstance(tree, list):
        return [_filled(value, words) for value in tree]
    if isinstance(tree, str):
        for mark, pattern in words.items():
            tree = tree.replace(mark, pattern)
    return tree
