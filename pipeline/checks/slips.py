"""How figures go wrong between the count and the page: the slips, and how likely each is.

Here: which slip turns a right figure into a printed one, its cost and words, from localisation.yaml.
Not here: which cells are doubted (localisation.py).
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from pydantic import ConfigDict
from pydantic.dataclasses import dataclass as checked

from pipeline.form.model import FormFault
from pipeline.form.strict import load_strict

_STRICT = ConfigDict(extra="forbid")


@checked(frozen=True, config=_STRICT)
class PictureWeight:
    """What a cell costs that an engine read with less than this confidence."""

    below: float
    weight: int


@checked(frozen=True, config=_STRICT)
class Weights:
    """What it costs to doubt a cell, in hundredths."""

    clean: int
    read_from_picture: tuple[PictureWeight, ...]
    realigned: int
    lost: int
    blank: int
    total_over_blank: int
    unconfirmed: int
    left_open: int
    least: int


@checked(frozen=True, config=_STRICT)
class Limits:
    """How far the search goes."""

    sets: int
    solutions: int
    cells: int
    solver_work: float


@checked(frozen=True, config=_STRICT)
class Likelihood:
    """One kind of slip: the less its cost, the likelier it is."""

    cost: int
    words: str


@checked(frozen=True, config=_STRICT)
class Rules:
    """All of localisation.yaml."""

    weights: Weights
    limits: Limits
    slips: dict[str, Likelihood]
    look_alike: frozenset[str]

    def slip(self, kind: str) -> Slip:
        """A slip of this kind; KeyError where the file has none."""
        found = self.slips[kind]
        return Slip(kind, found.cost, found.words)


@dataclass(frozen=True, slots=True)
class Slip:
    """How a figure may have gone wrong; ``words`` end a sentence."""

    kind: str
    cost: int
    words: str


@cache
def rules() -> Rules:
    """The weights, limits and slips that ship with the package.

    Raises:
        FormFault: naming the place of each fault in localisation.yaml.
    """
    return load_strict(Path(__file__).with_name("localisation.yaml"), Rules, FormFault)


def likeliest(
    printed: int | None,
    right: int,
    *,
    total: bool = False,
    neighbours: Collection[int] = (),
    picture: bool = False,
) -> Slip:
    """The likeliest slip that prints one figure for another.

    Args:
        printed: what stands in the cell; None where it is empty or lost.
        right: what should stand there.
        total: whether the cell sums up others.
        neighbours: the right figures of the cells beside, above and below.
        picture: whether an engine read the cell from a picture.
    Returns:
        The cheapest that fits; ``unknown`` where none does, never an error.
    """
    if printed is None:
        return rules().slip("left_blank")
    found = [rules().slip("unknown")]
    if printed == -right:
        found.append(rules().slip("sign"))
    if printed == 0:
        found.append(rules().slip("total_left_zero" if total else "left_zero"))
    if total:
        found.append(rules().slip("wrongly_added"))
    if printed >= 0 and right >= 0:
        # A zero or a single digit beside an equal one says little.
        if printed in neighbours and printed > 9:
            found.append(rules().slip("shifted"))
        found += [rules().slip(kind) for kind in _digit_slips(str(printed), str(right), picture)]
    return min(found, key=lambda slip: slip.cost)


def _digit_slips(printed: str, right: str, picture: bool) -> Iterator[str]:
    if len(printed) == len(right):
        differing = [i for i, (a, b) in enumerate(zip(printed, right, strict=True)) if a != b]
        if len(differing) == 1:
            (at,) = differing
            alike = "".join(sorted(printed[at] + right[at])) in rules().look_alike
            yield "mistyped" if not alike else "misread_picture" if picture else "misread"
    if len(printed) <= len(right) and printed.zfill(len(right)) in _transposed(right):
        yield "transposed"
    if printed in _stripped(_without_one(right)):
        yield "digit_lost"
    if right in _without_one(printed):
        doubled = {
            printed[:i] + printed[i + 1 :] for i in range(1, len(printed)) if printed[i] == printed[i - 1]
        }
        yield "digit_doubled" if right in doubled else "digit_added"
    longer, shorter = max(printed, right, key=len), min(printed, right, key=len)
    if longer.rstrip("0") == shorter.rstrip("0") != "" and longer != shorter:
        yield "magnitude"


def _transposed(figure: str) -> set[str]:
    """The figure with two neighbouring digits exchanged."""
    swaps = (figure[:i] + figure[i + 1] + figure[i] + figure[i + 2 :] for i in range(len(figure) - 1))
    return {swap for swap in swaps if swap != figure}


def _without_one(figure: str) -> set[str]:
    """The figure without one of its digits; nothing is left of a single one."""
    return {figure[:i] + figure[i + 1 :] for i in range(len(figure))} if len(figure) > 1 else set()


def _stripped(figures: Iterable[str]) -> set[str]:
    return {str(int(figure)) for figure in figures}
