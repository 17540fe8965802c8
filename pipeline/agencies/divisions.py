"""The country's divisions from province to township: codes, names, what lies in what.

Here: the shipped list and look-ups in it. Not here: names of agencies (names.py).
Source: GB/T 2260 and the statistical codes to the township, 2023, and the yearly lists up to 2019.
"""

from __future__ import annotations

import gzip
import re
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path

from pipeline.agencies.vocabulary import vocabulary

FILE = Path(__file__).parent / "divisions.csv.gz"
_LEVELS = {2: "province", 4: "prefecture", 6: "county", 9: "township"}
_DIRECT = ("11", "12", "31", "50")
_LONGEST = 20


@dataclass(frozen=True, slots=True)
class Division:
    """A division; the length of ``code`` (2, 4, 6 or 9 digits) is its level.

    ``current`` is false for one that was renamed, moved or dissolved before the list of 2023.
    """

    code: str
    name: str
    current: bool = True

    @property
    def level(self) -> str:
        """province, prefecture, county or township."""
        return _LEVELS[len(self.code)]

    @property
    def official_code(self) -> str:
        """The code as GB/T 2260 writes it: six digits, nine for a township."""
        return self.code if len(self.code) == 9 else self.code.ljust(6, "0")


class Divisions:
    """All divisions, held as text: only county level and above is split, townships when asked for."""

    def __init__(self, text: str) -> None:
        self._text = text
        self.by_code: dict[str, Division] = {}
        self._townships: dict[str, str] = {}
        names: dict[str, list[Division]] = defaultdict(list)
        for line in text.splitlines()[1:]:
            code, name, last_year, townships = line.split(",")
            division = Division(code, name, not last_year)
            if division.current or code not in self.by_code:
                self.by_code[code] = division
            if townships:
                self._townships[code] = townships
            if name in vocabulary().nominal_divisions or self._repeats_city(code, name):
                continue
            for alias in _aliases(code, name):
                names[alias].append(division)
        self.names = {name: _preferred(found) for name, found in names.items()}

    def _repeats_city(self, code: str, name: str) -> bool:
        """Dongguan and its like: a city without counties stands a second time as its own county."""
        above = self.by_code.get(code[:4])
        return len(code) == 6 and above is not None and above.name == name

    @cached_property
    def _short_names(self) -> dict[str, tuple[Division, ...]]:
        """Names of provinces, prefectures and cities without the last character of their kind."""
        short: dict[str, list[Division]] = defaultdict(list)
        for name, found in self.names.items():
            if len(name) > 2 and name.endswith(("省", "市", "县", "区")):
                short[name[:-1]].extend(d for d in found if d.current)
        return {name: tuple(found) for name, found in short.items()}

    def at_start(self, text: str) -> tuple[str, tuple[Division, ...]]:
        """The longest division name that a text begins with and the divisions of that name."""
        for length in range(min(_LONGEST, len(text)), 1, -1):
            found = self.names.get(text[:length])
            if found:
                return text[:length], found
        return "", ()

    def short_at_start(self, text: str) -> tuple[str, tuple[Division, ...]]:
        """As ``at_start``, for names without 省, 市, 县, 区."""
        for length in range(min(_LONGEST, len(text)), 1, -1):
            found = self._short_names.get(text[:length])
            if found:
                return text[:length], found
        return "", ()

    def mentioned(self, text: str) -> set[Division]:
        """Divisions of county level and above whose full names stand in a text without spaces.

        A name that several divisions bear gives all of them.
        """
        found: set[Division] = set()
        for match in re.finditer("[省市区县旗州盟]", text):
            end = match.end()
            for start in range(max(0, end - _LONGEST), end - 1):
                divisions = self.names.get(text[start:end])
                if divisions is None or text[start:end] in vocabulary().common_words:
                    continue
                # 新县 stands in 创新县 too: so short a name counts only after another division's.
                if end - start > 2 or text[start - 1 : start] in ("", "省", "市", "州"):
                    found.update(divisions)
                    break
        return found

    def path(self, code: str) -> tuple[Division, ...]:
        """The division with this code and those above it, from the province down; nominal levels left out."""
        lengths = [n for n in (2, 4, 6) if n <= len(code)]
        above = [self.by_code[code[:n]] for n in lengths if code[:n] in self.by_code]
        found = [d for d in above if d.name not in vocabulary().nominal_divisions]
        if len(code) == 9:
            found.extend(d for d in self.townships(code[:6]) if d.code == code)
        return tuple(found)

    def townships(self, county: str) -> tuple[Division, ...]:
        """Townships and streets of a county by its six digits."""
        entries = self._townships.get(county, "").split(" ")
        return tuple(Division(county + entry[:3], entry[3:]) for entry in entries if entry)

    def townships_named(self, name: str) -> tuple[Division, ...]:
        """Townships and streets of that name in the whole country."""
        found = []
        at = self._text.find(name)
        while at >= 0:
            end = at + len(name)
            if self._text[at - 1].isdigit() and self._text[end : end + 1] in (" ", "\n", ""):
                line = self._text.rfind("\n", 0, at) + 1
                found.append(Division(self._text[line : line + 6] + self._text[at - 3 : at], name))
            at = self._text.find(name, end)
        return tuple(found)


def _aliases(code: str, name: str) -> Iterable[str]:
    """The name, and for autonomous divisions the short forms: 凉山彝族自治州 → 凉山州."""
    yield name
    match = re.match(vocabulary().autonomous, name)
    if match is not None and len(code) > 2:
        yield match["place"] + match["rank"]
    if len(code) == 2 and match is not None:
        yield match["place"]


def _preferred(found: list[Division]) -> tuple[Division, ...]:
    """Those in use where there are any: a county moved to another city is found where it is now."""
    current = tuple(d for d in found if d.current)
    return current or tuple(found)


def is_direct(code: str) -> bool:
    """Whether a division lies in a city directly under the central government."""
    return code[:2] in _DIRECT


@cache
def divisions() -> Divisions:
    """The shipped list, read once."""
    return Divisions(gzip.decompress(FILE.read_bytes()).decode())
