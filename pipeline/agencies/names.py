"""What an agency's name tells: which body it is, of which region, under whom, and its one name.

Here: taking a name apart. Not here: finding the name in a document (cells/heading.py), the words
themselves (agencies.yaml), the divisions (divisions.py).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Literal

from pipeline.agencies.divisions import Division, divisions
from pipeline.agencies.vocabulary import vocabulary
from pipeline.form.folding import fold

_WIDE = str.maketrans("()", "（）")
_SECOND_NAME = re.compile(r"\(([^()]{3,30})\)$")
# Words that cannot stand alone as what is left of a name: the division before them was part of it.
_RANKS_ALONE = re.compile(r"^(?:街道.*|街|街办.*|镇(?:人民政府)?|乡(?:人民政府)?)$")


@dataclass(frozen=True, slots=True)
class Agency:
    """A body by its name.

    ``canonical`` is one name for all aliases, beginning with the nearest region;
    ``full_name`` has province and city before it where they are known. Bodies with one
    ``full_name`` and ``division_code`` are the same, unless ``region_known`` is false.
    """

    agency_name: str
    canonical: str
    full_name: str
    level: str | None
    kind: str
    division_code: str | None
    parent_name: str | None
    parent_full_name: str | None = None
    aliases: tuple[str, ...] = ()
    scope: Literal["own", "aggregate"] | None = None
    region_known: bool = False


@dataclass(frozen=True, slots=True)
class _Region:
    """The regions that a name begins with: as printed, what they are, and what follows them."""

    rest: str
    printed: str = ""
    last: str = ""
    candidates: tuple[Division, ...] = ()
    division: Division | None = None
    level: str | None = None
    rank: str = ""
    """Set where only the rank is named: 市, 区."""

    @property
    def name(self) -> str:
        """The nearest region's name."""
        return self.division.name if self.division else self.last

    @property
    def full(self) -> str:
        """The regions from the province down, as far as known."""
        return _path_name(self.division.code) if self.division else self.printed


def squeeze(text: str) -> str:
    """Text folded and without any space."""
    return "".join(fold(text).split())


def canonical_agency(name: str, full_text_hints: Sequence[str] = ()) -> Agency:
    """Take an agency's name apart.

    Args:
        name: as a report prints it, e.g. ``国家税务总局珠海市香洲区税务局``; spaces do not count.
        full_text_hints: texts around it (title, preface, contact, breadcrumb, address of the page)
            whose mentions of divisions settle which of several regions of a name is meant.
    Returns:
        An Agency; what the name and the hints do not tell is None, never guessed.
    Source: naming rules observed in reports; GB/T 2260 for divisions.
    """
    return _canonical(squeeze(name), tuple(squeeze(hint) for hint in full_text_hints))


@lru_cache(maxsize=4096)
def _canonical(name: str, hints: tuple[str, ...]) -> Agency:
    words = vocabulary()
    body, scope = _without_scope_mark(name)
    shown = body.translate(_WIDE)
    body, aliases = _without_second_name(body)
    for honorific in words.honorifics:
        body = re.sub(honorific, "", body)
    if body in words.national_bodies:
        return _national(shown, body, aliases, scope)
    of_line = re.match(words.national_prefix, body)
    if of_line is not None:
        body = body[of_line.end() :]
    region = _settled(_region(body), hints)
    agency = _of_rest(shown, region, hints)
    if agency.scope is None and re.search(words.aggregate_names, body):
        agency = replace(agency, scope="aggregate")
    return replace(agency, aliases=aliases, scope=scope or agency.scope)


def kind_of(rest: str) -> str | None:
    """The kind of body by its name without the region; None where no word tells."""
    if len(rest) < 2:
        return None
    for rule in vocabulary().kinds:
        if re.search(rule.pattern, rest):
            return rule.kind
    return None


def is_agency_like(name: str) -> bool:
    """Whether a text can be an agency's name: a region, a township, or a body known by its last word."""
    body = _without_second_name(_without_scope_mark(squeeze(name))[0])[0]
    if body in vocabulary().national_bodies:
        return True
    region = _region(body)
    if not region.candidates and _division_after_words(body):
        return False
    if any(re.match(pattern, region.rest) for pattern in vocabulary().offices.values()):
        return True
    rest = _without_government(region.rest)
    if not rest:
        return bool(region.candidates or region.printed or region.rank)
    return _township(rest) is not None or kind_of(rest) is not None


def _division_after_words(body: str) -> bool:
    """Whether a listed division stands a few characters in: 请联系陕西省…, 与南岗区…."""
    return any(len(divisions().at_start(body[at:])[0]) > 2 for at in range(1, min(5, len(body))))


def is_bare(name: str) -> bool:
    """Whether a name leaves its region open: 区教育局, 城市管理局, 市政府."""
    body = _without_second_name(_without_scope_mark(squeeze(name))[0])[0]
    if body in vocabulary().national_bodies:
        return False
    body = re.sub(vocabulary().national_prefix, "", body)
    region = _region(body)
    # A customs house is named after its seat; a township's name is its own.
    if _township(region.rest) is not None or kind_of(region.rest) == "customs":
        return False
    return not region.candidates and not region.printed


def short_name(name: str) -> str:
    """A name without its region and rank: 区教育局 → 教育局, 武昌区教育局 → 教育局."""
    rest = _without_government(_region(squeeze(name)).rest)
    return vocabulary().short_names.get(rest, rest)


def _without_scope_mark(name: str) -> tuple[str, Literal["own", "aggregate"] | None]:
    for scope, pattern in vocabulary().scope_marks.items():
        match = re.search(pattern, name)
        if match is not None and match.start():
            return name[: match.start()], scope
    return name, None


def _without_second_name(name: str) -> tuple[str, tuple[str, ...]]:
    match = _SECOND_NAME.search(name)
    if match is None or not match.start():
        return name, ()
    return name[: match.start()], (match[1],)


def _without_government(rest: str) -> str:
    return re.sub(f"^{vocabulary().government}", "", rest)


def _region(body: str) -> _Region:
    """The chain of regions at the start of a name, by the list and then by their last characters."""
    known = divisions()
    at, last = 0, ""
    candidates: tuple[Division, ...] = ()
    while True:
        name, found = known.at_start(body[at:])
        if candidates:
            found = tuple(d for d in found if any(_lies_in(d, above) for above in candidates))
        if not found or _RANKS_ALONE.match(body[at + len(name) :]):
            break
        at, candidates, last = at + len(name), found, name
    if not candidates:
        name, found = known.short_at_start(body)
        if found and kind_of(body[len(name) :]) == "zone":
            return _Region(body[len(name) :], name, name, found)
    listed = _Region(body[at:], body[:at], last, candidates)
    unlisted = _unlisted(listed)
    if unlisted.printed:
        return unlisted
    match = re.match(vocabulary().bare_prefix, body)
    if match is not None:
        return _Region(body[match.end() :], rank=match["rank"], last=match["rank"])
    return _Region(body)


def _lies_in(division: Division, above: Division) -> bool:
    return division.code != above.code and division.code.startswith(above.code)


def _unlisted(region: _Region) -> _Region:
    """Regions that the list does not have, where what follows is a body, such a region, or nothing."""
    words = vocabulary()
    match = re.match(words.unlisted_region, region.rest)
    if match is None or match["name"].endswith(words.not_regions):
        return region
    name, rest = match["name"], region.rest[match.end() :]
    if re.search(words.not_in_regions, name) or _RANKS_ALONE.match(rest):
        return region
    rank = next((rank for rank in words.unlisted_levels if name.endswith(rank)), "")
    found = _Region(rest, region.printed + name, name, level=words.unlisted_levels.get(rank))
    inner = _unlisted(found)
    if inner is not found:
        return inner
    follows = _without_government(rest)
    if follows and _township(follows) is None and kind_of(follows) is None:
        return region
    return found


def _settled(region: _Region, hints: tuple[str, ...]) -> _Region:
    """The region with its division, where name and hints leave one."""
    if len(region.candidates) == 1:
        return _with_division(region, region.candidates[0])
    if not region.candidates and not region.rank:
        return region
    if region.rank:
        region = replace(region, level=vocabulary().bare_levels.get(region.rank))
    mentioned = _mentioned(hints)
    candidates = region.candidates or _of_rank(region.rank, mentioned)
    chosen = _best_placed(candidates, mentioned)
    if chosen is None:
        levels = {d.level for d in candidates} if region.candidates else set()
        return replace(region, level=levels.pop()) if len(levels) == 1 else region
    return _with_division(region, chosen)


def _with_division(region: _Region, division: Division) -> _Region:
    # A place that was only renamed has kept its code: it is listed under the name of today.
    division = divisions().by_code.get(division.code, division)
    return replace(region, division=division, level=division.level)


def _mentioned(hints: Iterable[str]) -> frozenset[Division]:
    return frozenset().union(*(_mentioned_in(hint) for hint in hints))


@lru_cache(maxsize=256)
def _mentioned_in(hint: str) -> frozenset[Division]:
    found = set(divisions().mentioned(hint))
    # The code of an agency in a page's address: 11, then the six digits of its division.
    for match in re.finditer(r"area=11(\d{6})", hint):
        for code in (match[1], match[1][:4], match[1][:2]):
            division = divisions().by_code.get(code)
            found.update((division,) if division else ())
    return frozenset(found)


def _of_rank(rank: str, mentioned: Iterable[Division]) -> tuple[Division, ...]:
    lengths = vocabulary().bare_codes.get(rank, ())
    return tuple(d for d in mentioned if d.name.endswith(rank) and len(d.code) in lengths)


def _best_placed(candidates: Sequence[Division], mentioned: Iterable[Division]) -> Division | None:
    """The one candidate that more of its own upper regions are mentioned of than of any other."""
    if len(candidates) == 1:
        return candidates[0]
    above = {d.code for d in mentioned}
    scored = sorted(
        ((sum(c.code.startswith(a) and c.code != a for a in above), c.code, c) for c in candidates),
        key=lambda item: (-item[0], item[1]),
    )
    if not scored or not scored[0][0] or (len(scored) > 1 and scored[0][0] == scored[1][0]):
        return None
    return scored[0][2]


def _path_name(code: str) -> str:
    return "".join(d.name for d in divisions().path(code))


def _of_rest(shown: str, region: _Region, hints: tuple[str, ...]) -> Agency:
    """The agency by what follows its region."""
    words = vocabulary()
    rest = region.rest
    for canonical, pattern in words.offices.items():
        if re.match(pattern, rest):
            return _local(shown, region, canonical, "office")
    rest = _without_government(rest)
    if not rest:
        return _government(shown, region)
    township = _township(rest)
    if township is not None:
        return _of_township(shown, region, *township, hints)
    rest = words.short_names.get(rest, rest)
    kind = kind_of(rest) or "other"
    branch = re.match(words.branch, rest)
    if branch is not None:
        found = _branch(shown, region, branch["bureau"], branch["place"], kind)
        if found is not None:
            return found
    if kind == "zone" or _is_functional(region):
        return _zone(shown, region, rest, kind)
    agency = _local(shown, region, rest, kind)
    if kind in words.lines:
        return _in_line(agency, region, kind)
    own_branch = re.match(words.bureau_of_branch, rest)
    if own_branch is not None and region.division is not None:
        return _under_upper(agency, region, own_branch["bureau"])
    return agency


def _parts(region: _Region) -> tuple[str | None, str | None, str | None]:
    """Level, official code of the division, and the region's full name."""
    code = region.division.official_code if region.division else None
    return region.level, code, region.full or None


def _local(shown: str, region: _Region, rest: str, kind: str) -> Agency:
    """A body of a region's government."""
    level, code, full = _parts(region)
    parent = region.name if region.printed or region.division else None
    return Agency(
        shown,
        f"{region.name}{rest}",
        f"{full or region.name}{rest}",
        level,
        kind,
        code,
        parent,
        full,
        region_known=region.division is not None,
    )


def _government(shown: str, region: _Region) -> Agency:
    level, code, full = _parts(region)
    if _is_functional(region):
        return _zone(shown, region, "", "zone")
    above = divisions().path(region.division.code)[:-1] if region.division else ()
    parent = above[-1].name if above else None
    known = region.division is not None
    return Agency(
        shown,
        region.name or shown,
        full or region.name or shown,
        level,
        "region",
        code,
        parent,
        "".join(d.name for d in above) or None,
        region_known=known,
    )


def _is_functional(region: _Region) -> bool:
    """Whether the region itself is a zone: the list gives those codes from 71 on."""
    code = region.division.code if region.division else ""
    return len(code) == 6 and code[4:] >= "71" and kind_of(region.division.name) == "zone"  # type: ignore[union-attr]


def _zone(shown: str, region: _Region, rest: str, kind: str) -> Agency:
    """A functional zone, or a body of one; a zone is no level of government."""
    rest = re.sub(r"(?:管理委员会|管委会)$", "", rest)
    listed = _is_functional(region)
    if listed:
        agency = _local(shown, region, rest, kind_of(rest) or "zone" if rest else "zone")
        if rest:
            return agency
        names = [d.name for d in divisions().path(region.division.code)[:-1]]  # type: ignore[union-attr]
        # 石家庄高新技术产业开发区 carries its city's name already.
        repeats = len(names) > 1 and region.name.startswith(names[-1][:-1])
        return replace(
            agency,
            full_name="".join(names[:-1] if repeats else names) + region.name,
            level=None,
            parent_name=names[-1],
            parent_full_name="".join(names),
        )
    for short, long in vocabulary().short_names.items():
        if rest.endswith(short) and kind_of(long) == "zone":
            rest = rest[: -len(short)] + long
    agency = _local(shown, region, rest, kind)
    if region.division is None:
        return replace(agency, level=None)
    # 永川区高新区 and 永川高新区 are one: the region's last character is dropped before a zone.
    place = re.sub(r"(?<=..)[省市县区]$", "", region.name)
    above = divisions().path(region.division.code)[:-1]
    upper = "".join(d.name for d in above)
    return replace(agency, canonical=place + rest, full_name=upper + place + rest, level=None)


def _township(rest: str) -> tuple[str, str] | None:
    """(name with its rank, kind) where the rest of a name is a township or street."""
    words = vocabulary()
    match = re.match(words.street, rest)
    if match is not None:
        return match["name"] + words.street_canonical, "street"
    match = re.match(words.township, rest)
    if match is not None:
        return match["name"], "township"
    return (rest, "township") if re.match(words.farm, rest) else None


def _of_township(shown: str, region: _Region, name: str, kind: str, hints: tuple[str, ...]) -> Agency:
    known = divisions()
    named = known.townships_named(name)
    if region.division is not None:
        within = tuple(d for d in named if d.code.startswith(region.division.code))
        found = within[0] if len(within) == 1 else None
    elif region.candidates:
        named = tuple(d for d in named if any(d.code.startswith(c.code) for c in region.candidates))
        found = _best_placed(named, _mentioned(hints))
    elif region.printed:
        found = None
    else:
        found = _township_by_hints(named, _mentioned(hints))
    if found is not None:
        county = known.by_code[found.code[:6]]
        if county.name in vocabulary().nominal_divisions or known.by_code[found.code[:4]].name == county.name:
            county = known.by_code[found.code[:4]]
        region = replace(region, division=county, level=county.level)
    _, code, full = _parts(region)
    parent = region.name if region.printed or region.division else None
    return Agency(
        shown,
        f"{region.name if not region.rank or region.division else ''}{name}",
        f"{full or ''}{name}",
        "township",
        kind,
        found.official_code if found else code,
        parent,
        full,
        region_known=region.division is not None,
    )


def _township_by_hints(named: Sequence[Division], mentioned: frozenset[Division]) -> Division | None:
    """A township named without its county: the one under most of the regions mentioned.

    Where regions are mentioned and it lies in none of them, even a name found once is not taken:
    the list may lack the township that is meant.
    """
    chosen = _best_placed(named, mentioned)
    if chosen is None or not mentioned:
        return chosen
    return chosen if any(chosen.code.startswith(d.code) for d in mentioned) else None


def _branch(shown: str, region: _Region, bureau: str, place: str, kind: str) -> Agency | None:
    """公安局渝中区分局 under 重庆市: the district's branch, under the city's bureau."""
    found = divisions().names.get(place) or divisions().short_at_start(place)[1]
    if region.division is not None:
        found = tuple(d for d in found if _lies_in(d, region.division))  # type: ignore[arg-type]
    if len(found) != 1:
        return None
    district = _with_division(_Region("", place, found[0].name), found[0])
    rest = vocabulary().branch_canonical.format(place="", bureau=bureau)
    agency = _local(shown, district, rest, kind)
    return _under_upper(agency, district, bureau)


def _under_upper(agency: Agency, region: _Region, bureau: str) -> Agency:
    """The agency under the bureau of the region above: a city's for its districts."""
    above = divisions().path(region.division.code)[:-1]  # type: ignore[union-attr]
    if not above:
        return agency
    upper = "".join(d.name for d in above)
    return replace(agency, parent_name=f"{above[-1].name}{bureau}局", parent_full_name=f"{upper}{bureau}局")


def _in_line(agency: Agency, region: _Region, kind: str) -> Agency:
    """The agency under the next body of its own line of command."""
    line = vocabulary().lines[kind]
    above = divisions().path(region.division.code)[:-1] if region.division else ()
    if not line.bureau or (region.division is not None and not above):
        return replace(agency, parent_name=line.top, parent_full_name=line.top)
    if not above:
        return (
            agency if agency.parent_name is None else replace(agency, parent_name=None, parent_full_name=None)
        )
    upper = "".join(d.name for d in above)
    return replace(
        agency, parent_name=f"{above[-1].name}{line.bureau}", parent_full_name=f"{upper}{line.bureau}"
    )


def _national(
    shown: str, body: str, aliases: tuple[str, ...], scope: Literal["own", "aggregate"] | None
) -> Agency:
    kind = kind_of(body) or "department"
    if scope is None and re.search(vocabulary().aggregate_names, body):
        scope = "aggregate"
    return Agency(shown, body, body, "national", kind, None, None, None, aliases, scope, True)
