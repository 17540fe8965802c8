"""Wordings met in the wild, loaded from ``lookups.yaml`` beside the form files.

Here: the shape of the lookups and their loader. Not here: how words are compared (folding).
"""

from __future__ import annotations

from functools import cache

from pydantic import ConfigDict
from pydantic.dataclasses import dataclass

from pipeline.form.model import HERE, FormFault, forms
from pipeline.form.strict import load_strict

_STRICT = ConfigDict(extra="forbid")


@dataclass(frozen=True, config=_STRICT)
class Extra:
    """Labels of rows and columns that local forms add."""

    rows: tuple[str, ...]
    columns: tuple[str, ...]


@dataclass(frozen=True, config=_STRICT)
class Values:
    """Tokens that stand in cells besides figures."""

    blank: tuple[str, ...]
    not_applicable: tuple[str, ...]
    zero: tuple[str, ...]
    about: tuple[str, ...]
    or_so: tuple[str, ...]
    units: tuple[str, ...]
    money: dict[str, int]
    myriads: dict[str, int]
    rise: tuple[str, ...]
    fall: tuple[str, ...]


@dataclass(frozen=True, config=_STRICT)
class ListWords:
    """Words of the headers of a list of indicators, and its units."""

    label_headers: tuple[str, ...]
    unit_headers: tuple[str, ...]
    idle_headers: tuple[str, ...]
    other_periods: tuple[str, ...]
    sums: tuple[str, ...]
    of_the_year: tuple[str, ...]
    units: tuple[str, ...]


@dataclass(frozen=True, config=_STRICT)
class Lookups:
    """All lookups; wordings by table and code."""

    sections: dict[str, tuple[str, ...]]
    rows: dict[str, dict[str, tuple[str, ...]]]
    columns: dict[str, dict[str, tuple[str, ...]]]
    extra: Extra
    indicators: ListWords
    values: Values
    debris: tuple[str, ...]
    radicals: dict[str, str]
    traditional: dict[str, str]


@cache
def lookups() -> Lookups:
    """The shipped lookups.

    Raises:
        FormFault: naming the place, also for a code that no form has.
    """
    path = HERE / "lookups.yaml"
    found = load_strict(path, Lookups, FormFault)
    for side in ("rows", "columns"):
        for table, wordings in getattr(found, side).items():
            known = {
                line.code
                for form in forms().values()
                for each in form.tables
                if each.code == table
                for line in getattr(each, side)
            }
            for code in wordings.keys() - known:
                raise FormFault(f"{path.name}: {side}.{table}.{code}: no form has this code")
    return found
