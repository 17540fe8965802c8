"""Sources as data: what sources.yaml may say, and clear faults where it says something else.

Here: the schema and the loader. Not here: how a source is fetched (adapters/, spider.py).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Annotated, Literal
from urllib.parse import urlsplit

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from pipeline import plain_yaml

SOURCES = Path(__file__).with_name("sources.yaml")
AdapterName = Literal["hanweb", "trs", "gkmlpt", "c_code", "openness", "vsb", "generic"]
# Which options each adapter understands; any other is a fault, so that a slip is not passed over.
_OPTIONS: dict[str, frozenset[str]] = {
    "hanweb": frozenset({"areas"}),
    "trs": frozenset(),
    "gkmlpt": frozenset({"site_id", "categories"}),
    "c_code": frozenset({"columns"}),
    "openness": frozenset({"units"}),
    "vsb": frozenset(),
    "generic": frozenset({"link", "lists", "next"}),
}
_HOST = re.compile(r"(\*\.)?[a-z0-9]([a-z0-9.-]*[a-z0-9])?(:\d{1,5})?")


class SourceFault(ValueError):
    """sources.yaml cannot be used; the message has one line for each fault, with its place."""


class _Strict(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Pace(_Strict):
    """How gently a site is asked: seconds between requests to one host, and patience with it."""

    seconds: float = Field(2.0, ge=0, le=3600)
    per_host: int = Field(1, ge=1, le=16)
    timeout: float = Field(60, gt=0, le=3600)
    retries: int = Field(3, ge=0, le=10)
    backoff: float = Field(5, ge=0, le=600)
    longest_wait: float = Field(300, ge=0, le=7200)


class Bounds(_Strict):
    """What one crawl of a source may take; ``faults`` is how many in a row end it."""

    requests: int = Field(10_000, ge=1)
    files: int = Field(10_000, ge=1)
    megabytes_each: float = Field(50, gt=0, le=2000)
    megabytes: float = Field(5_000, gt=0)
    minutes: float = Field(720, gt=0)
    redirects: int = Field(5, ge=0, le=20)
    depth: int = Field(6, ge=1, le=20)
    faults: int = Field(30, ge=1)


class Options(_Strict):
    """What single adapters ask for beyond addresses; each module of adapters/ says which.

    ``areas`` are agency codes of the annual-report servlet, ``units`` the units or branches of an
    openness platform, ``columns`` column folders by year, ``site_id`` and ``categories`` those of
    gkmlpt, ``link``, ``lists`` and ``next`` patterns of addresses (regular expressions).
    """

    areas: tuple[str, ...] = ()
    units: tuple[str, ...] = ()
    columns: dict[int, str] = Field(default_factory=dict)
    site_id: str = ""
    categories: tuple[str, ...] = ()
    link: str = ""
    lists: str = ""
    next: str = ""

    @field_validator("link", "lists", "next")
    @classmethod
    def _compiles(cls, pattern: str) -> str:
        try:
            re.compile(pattern)
        except re.error as fault:
            raise ValueError(f"no regular expression: {fault}") from None
        return pattern


class Source(_Strict):
    """A site, or the part of it, where one body or region publishes its reports.

    ``hosts`` are all that may be asked: names, ``*.name`` for those below one, with ``:port`` where
    it is not the scheme's own. ``confirmed`` is false where the entry follows from a report's
    address and the list itself was not seen at it. ``recheck_days`` is how long a report
    fetched well is not asked for again while its line on the list stays the same.
    ``expected_agencies``: names of bodies known to publish here, or how many do; each year of them is
    looked for by the coverage check.
    """

    name: Annotated[str, Field(pattern=r"^[a-z][a-z0-9_-]{1,39}$")]
    title: Annotated[str, Field(min_length=1)]
    division_code: Annotated[str, Field(pattern=r"^\d{6}$")] | None = None
    adapter: AdapterName
    entries: tuple[str, ...] = ()
    hosts: Annotated[tuple[str, ...], Field(min_length=1)]
    years: tuple[int, int | None] = (2008, None)
    pace: Pace = Field(default_factory=Pace.model_construct)
    bounds: Bounds = Field(default_factory=Bounds.model_construct)
    owner: str = ""
    expected_agencies: int | tuple[str, ...] | None = None
    recheck_days: float = Field(30, ge=0)
    confirmed: bool = True
    enabled: bool = True
    private_addresses: bool = False
    check_certificates: bool = True
    note: str = ""
    options: Options = Field(default_factory=Options.model_construct)

    @field_validator("hosts")
    @classmethod
    def _hosts(cls, hosts: tuple[str, ...]) -> tuple[str, ...]:
        for host in hosts:
            if not _HOST.fullmatch(host):
                raise ValueError(f"{host!r} is no host: a name in small letters, with :port where needed")
        return hosts

    @field_validator("expected_agencies", mode="before")
    @classmethod
    def _expected(cls, said: object) -> object:
        number = isinstance(said, int) and not isinstance(said, bool) and said >= 1
        names = isinstance(said, list | tuple) and said and all(isinstance(n, str) and n for n in said)
        if said is not None and not number and not names:
            raise ValueError("how many bodies (1 or more), or a list of their names")
        return said

    @model_validator(mode="after")
    def _whole(self) -> Source:
        if not (self.entries or self.options.columns):
            raise ValueError("entries: at least one address of a list is needed")
        for entry in self.entries:
            parts = urlsplit(entry)
            if parts.scheme not in ("http", "https") or not parts.hostname:
                raise ValueError(f"entries: {entry!r} is no http or https address")
            if not allows_host(self.hosts, entry):
                raise ValueError(f"entries: {entry!r} is at a host that hosts does not name")
        first, last = self.years
        if not 1990 <= first <= (last or 2100) <= 2100:
            raise ValueError(f"years: {first} to {last} is no range of years")
        given = {name for name in Options.model_fields if getattr(self.options, name)}
        if unknown := given - _OPTIONS[self.adapter]:
            known = ", ".join(sorted(_OPTIONS[self.adapter])) or "none"
            raise ValueError(
                f"options: {', '.join(sorted(unknown))} mean nothing to {self.adapter} (known: {known})"
            )
        if self.options.columns and not self.entries:
            raise ValueError("options: columns need an entry that names the site")
        return self

    def wants(self, year: int | None) -> bool:
        """Whether reports on a year are asked for; one that is not known yet is."""
        first, last = self.years
        return year is None or (first <= year and (last is None or year <= last))


def allows_host(hosts: Iterable[str], url: str) -> bool:
    """Whether an address is at one of the hosts, port included."""
    parts = urlsplit(url)
    try:
        port = parts.port
    except ValueError:
        return False
    own = {"http": 80, "https": 443}.get(parts.scheme)
    name = (parts.hostname or "").rstrip(".")
    for host in hosts:
        wanted, _, wanted_port = host.partition(":")
        if (int(wanted_port) if wanted_port else own) != (port or own):
            continue
        if name == wanted or (wanted.startswith("*.") and name.endswith(wanted[1:])):
            return bool(name)
    return False


def load(path: Path = SOURCES) -> dict[str, Source]:
    """All sources by name, in the file's order.

    Raises:
        SourceFault: the file is absent, no YAML, or says something that the schema does not know.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as fault:
        raise SourceFault(f"{path}: cannot be read ({fault})") from None
    try:
        data = plain_yaml.load(text)
    except yaml.YAMLError as fault:
        raise SourceFault(f"{path}: no YAML: {' '.join(str(fault).split())}") from None
    if not isinstance(data, dict) or set(data) != {"sources"} or not isinstance(data["sources"], list):
        raise SourceFault(f"{path}: one key, sources, with a list under it, is all that stands here")
    found: dict[str, Source] = {}
    faults: list[str] = []
    for place, entry in enumerate(data["sources"], 1):
        name = entry.get("name", f"source {place}") if isinstance(entry, dict) else f"source {place}"
        try:
            source = Source.model_validate(entry)
        except ValidationError as error:
            faults += [_fault(path, str(name), one["loc"], one["msg"]) for one in error.errors()]
            continue
        if source.name in found:
            faults.append(f"{path.name}: {name}: the name stands twice")
        found[source.name] = source
    if faults:
        raise SourceFault("\n".join(faults))
    return found


def _fault(path: Path, name: str, place: Sequence[int | str], message: str) -> str:
    where = ".".join(str(part) for part in place)
    said = message.removeprefix("Value error, ")
    return f"{path.name}: {name}: {where + ': ' if where else ''}{said}"


def chosen(sources: dict[str, Source], names: Sequence[str]) -> list[Source]:
    """The sources of these names; all enabled ones where none is named.

    Raises:
        SourceFault: a name is not known.
    """
    if unknown := [name for name in names if name not in sources]:
        raise SourceFault(f"no source is called {', '.join(unknown)}; known: {', '.join(sources)}")
    return [sources[name] for name in dict.fromkeys(names)] or [s for s in sources.values() if s.enabled]
