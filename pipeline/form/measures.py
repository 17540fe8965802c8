"""Figures stated in the text, as data: words, frames and measures, loaded from ``measures.yaml``.

Here: the shape of the data, its loader with clear faults, the little language of wordings.
Not here: how a sentence is read (cells/narrative), or the form's own labels (the form files).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache
from itertools import product
from pathlib import Path
from typing import Annotated, Literal

from pydantic import ConfigDict, StringConstraints
from pydantic.dataclasses import dataclass

from pipeline.form.model import HERE, FormFault, forms
from pipeline.form.strict import load_strict

_STRICT = ConfigDict(extra="forbid")
Name = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]*$")]
UnitKind = Literal["count", "money", "percent"]

NEUTRAL, CONJUNCTION, NO_VERB = "neutral", "conj", "none"
_FRAME_TOKEN = re.compile(
    r"^(?P<any>\$?[a-z_]+(?:\|\$?[a-z_]+)*)(?P<list>:list)?(?P<times>[?*+]?)$|^(?P<sign>[#^_~*])$"
)


@dataclass(frozen=True, config=_STRICT)
class Group:
    """Concepts that are alternatives of one kind.

    ``names`` are the codes of items whose code in a measure differs from the concept's name.
    ``rest`` is the item that a bare 其他 means where one of ``rest_beside`` was stated before it.
    """

    items: tuple[Name, ...]
    names: dict[str, str] | None = None
    rest: str | None = None
    rest_beside: tuple[Name, ...] = ()

    def code(self, item: str) -> str:
        """The item's part of a measure code."""
        return (self.names or {}).get(item, item)


@dataclass(frozen=True, config=_STRICT)
class Measure:
    """A measure and the frames that state it; see the notes above ``measures`` in the file."""

    code: str | None
    topic: Name
    frames: tuple[str, ...]
    units: UnitKind = "count"
    needs: tuple[Name, ...] = ()
    after: tuple[str, ...] = ()
    kin: Name | None = None
    beside_kin: bool = False
    about_foi: bool = False
    not_part: bool = False
    once: bool = False
    sole: bool = False
    first: bool = False
    plain: bool = False
    becomes: Name | None = None
    beside: tuple[Name, ...] = ()
    merged: str | None = None
    zero: tuple[str, ...] = ()
    zero_verbs: tuple[Name, ...] = ()


@dataclass(frozen=True, config=_STRICT)
class Follow:
    """What a clause without a number says of the figure before it; ``only`` for this value of it."""

    after: str | None
    frame: str
    gives: str
    topic: Name | None = None
    only: int | None = None


@dataclass(frozen=True, config=_STRICT)
class Units:
    """Words around a number: its unit and how sure it is."""

    count: tuple[str, ...]
    money: dict[str, int]
    at_least_before: tuple[str, ...]
    about_before: tuple[str, ...]
    at_least_after: tuple[str, ...]
    about_after: tuple[str, ...]


@dataclass(frozen=True, config=_STRICT)
class Time:
    """Words for the reported year and for other times."""

    this: tuple[str, ...]
    other: tuple[str, ...]


@dataclass(frozen=True, config=_STRICT)
class Measures:
    """All that ``measures.yaml`` says."""

    words: dict[Name, tuple[str, ...]]
    neutral: tuple[str, ...]
    verbs: tuple[Name, ...]
    fillers: tuple[str, ...]
    conjunctions: tuple[str, ...]
    time: Time
    units: Units
    others: tuple[str, ...]
    bodies: tuple[str, ...]
    groups: dict[Name, Group]
    measures: tuple[Measure, ...]
    follow: tuple[Follow, ...]
    traditional: dict[str, str]


def wordings(pattern: str) -> tuple[str, ...]:
    """All wordings of a pattern: ``上[一]年(度|)`` → 上年, 上年度, 上一年, 上一年度. Nests.

    Raises:
        FormFault: a bracket that does not close.
    """
    found, rest = _choices(pattern, 0, "")
    if rest != len(pattern):
        raise FormFault(f"measures.yaml: a bracket closes that was not opened in {pattern!r}")
    return tuple(dict.fromkeys(word for word in found if word))


def _choices(pattern: str, at: int, end: str) -> tuple[list[str], int]:
    """The alternatives from ``at`` to the bracket ``end``, and where that stands."""
    alternatives: list[str] = []
    parts: list[list[str]] = []
    while at < len(pattern) and pattern[at] not in ")]":
        char = pattern[at]
        if char in "([":
            inner, at = _choices(pattern, at + 1, ")" if char == "(" else "]")
            parts.append(["", *inner] if char == "[" else inner)
        elif char == "|" and end:
            alternatives += ["".join(each) for each in product(*parts)]
            parts = []
        else:
            parts.append([char])
        at += 1
    if end and (at >= len(pattern) or pattern[at] != end):
        raise FormFault(f"measures.yaml: {end!r} is missing in {pattern!r}")
    return [*alternatives, *("".join(each) for each in product(*parts))], at


def load_measures(path: Path) -> Measures:
    """Read a file of measures.

    Raises:
        FormFault: naming the place of each fault, also for a frame with an unknown concept, a measure
            that names an unknown group, or an outcome, applicant or forum that no form has.
    """
    found = load_strict(path, Measures, FormFault)
    for place, fault in _faults(found):
        raise FormFault(f"{path.name}: {place}: {fault}")
    return found


@dataclass(frozen=True)
class FrameToken:
    """A token of a frame: a ``sign``, or concepts and groups of which one stands there."""

    sign: str = ""
    names: tuple[str, ...] = ()
    groups: tuple[str, ...] = ()
    listed: bool = False
    times: str = ""


def frame_tokens(frame: str) -> Iterator[FrameToken]:
    """The tokens of a frame.

    Raises:
        FormFault: a token that is none.
    """
    for token in frame.split():
        match = _FRAME_TOKEN.match(token)
        if match is None:
            raise FormFault(f"measures.yaml: {token!r} is no token of a frame, in {frame!r}")
        if token in ("_", "~") or match["sign"]:
            yield FrameToken(sign=token)
            continue
        parts = match["any"].split("|")
        names = tuple(part for part in parts if not part.startswith("$"))
        groups = tuple(part[1:] for part in parts if part.startswith("$"))
        yield FrameToken("", names, groups, bool(match["list"]), match["times"])


def _faults(found: Measures) -> Iterator[tuple[str, str]]:
    known = {*found.words, *form_words(), CONJUNCTION}
    for name, group in found.groups.items():
        for item in {*group.items, *group.rest_beside} - known:
            yield f"groups.{name}", f"no words for {item!r}"
    for verb in {*found.verbs, *(v for m in found.measures for v in m.zero_verbs)} - known - {NO_VERB}:
        yield "verbs", f"no words for {verb!r}"
    for index, measure in enumerate(found.measures):
        place = f"measures.{index} ({measure.code})"
        for frame in (*measure.frames, *measure.zero):
            yield from ((place, fault) for fault in _frame_faults(frame, found, known))
        for name in re.findall(r"\{(\w+)\}", measure.code or ""):
            if name.removeprefix("last_") not in found.groups:
                yield place, f"no group {name!r}"
    for index, follow in enumerate(found.follow):
        yield from ((f"follow.{index}", fault) for fault in _frame_faults(follow.frame, found, known))
    for index, pattern in enumerate((*found.others, *found.bodies)):
        try:
            re.compile(pattern)
        except re.error as error:
            yield f"others and bodies, {index}", f"not a pattern: {error}"


def _frame_faults(frame: str, found: Measures, known: set[str]) -> Iterator[str]:
    for token in frame_tokens(frame):
        for group in token.groups:
            if group not in found.groups:
                yield f"no group {group!r} in {frame!r}"
        for name in token.names:
            if name not in known:
                yield f"no words for {name!r} in {frame!r}"


@cache
def form_words() -> dict[str, frozenset[str]]:
    """The official labels of outcomes, applicants, forums and results, as words, by code.

    Enumerators and notes in brackets are left off. Codes that stand in several places with other
    labels (总计, 其他) are left out: the words for them are in ``measures.yaml``.
    """
    words: dict[str, set[str]] = {}
    for form in forms().values():
        for table in form.tables:
            if table.code not in ("requests", "disputes"):
                continue
            for line in (*table.rows, *table.columns):
                bare = re.sub(r"^[（(]?[一二三四五六七八九十\d]+[）)、.]", "", line.label)
                bare = re.sub(r"（.*$", "", bare)
                if line.code not in ("total", "other", "other_other", "other_organization", "outcome_total"):
                    words.setdefault(line.code, set()).update({bare, bare.removeprefix("属于")})
    for code in ("received", "carried_in", "carried_out"):
        words.pop(code, None)
    return {code: frozenset(found) for code, found in words.items()}


@cache
def measures() -> Measures:
    """The shipped measures."""
    return load_measures(HERE / "measures.yaml")
