"""Pages: the report's text and tables, and what the page says of itself.

Here: which part of a page is the report, the fields around it (title, agency, date, breadcrumb).
Not here: bytes and parsers (html_page), elements as lines and tables (html_flow).
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from pathlib import Path

import yaml
from lxml import etree

from pipeline.reading.document import Document, Grid
from pipeline.reading.flow import blocks, tidy
from pipeline.reading.html_flow import Page, Region, read_flow
from pipeline.reading.html_page import parse_page
from pipeline.reading.html_style import is_hidden

LEAST_CONTENT = 120
"""Characters, or a table, that an element must hold to be taken for the text of the page."""
MOST_AROUND = 0.4
"""Share of the page's text that what stands around the report may have."""
LINKS = 3
LINK_SHARE = 0.7
CARD_LINE = 150
CARD_LINES = 200
CARDS, CARD_CELLS = 60, 100
"""Where fields such as 发布时间：… are looked for: lines and their length, tables and their cells."""
_PARTS = re.compile(r"[\s_\-]+")
_DATE = re.compile(r"\d{4}\s*[-年./]\s*\d{1,2}\s*[-月./]\s*\d{1,2}")
_FILE = re.compile(r"\.(?:docx?|pdf|wps|xlsx?|zip|rar|ofd)(?:[?#]|$)", re.IGNORECASE)
_SAVED = re.compile(rb"<!--\s*saved from url=\(\d+\)(\S+)")


@dataclass(frozen=True, slots=True)
class _Words:
    """page_words.yaml."""

    meta: Mapping[str, Sequence[str]]
    labels: Mapping[str, Sequence[str]]
    openers: re.Pattern[str]
    crumb_names: frozenset[str]
    content: frozenset[str]
    around: frozenset[str]
    around_parts: frozenset[str]


@cache
def _words() -> _Words:
    said = yaml.safe_load((files("pipeline.reading") / "page_words.yaml").read_text(encoding="utf-8"))
    openers = "|".join(map(re.escape, sorted(said["breadcrumb"]["openers"], key=len, reverse=True)))
    return _Words(
        meta=said["meta"],
        labels=said["labels"],
        openers=re.compile(rf"^\s*(?:{openers})\s*(?:是|为)?\s*[:：>]?\s*"),
        crumb_names=frozenset(said["breadcrumb"]["names"]),
        content=frozenset(said["content"]),
        around=frozenset(said["around"]),
        around_parts=frozenset(said["around_parts"]),
    )


def read_html(path: Path) -> Document:
    """Read a page.

    Grids have the columns that a browser shows; pictures are in pixels, with bytes only from the
    page itself or from its own folder. Navigation and the like around the report are left out, a
    table that holds data never is. ``hints``: ``title``, ``agency``, ``date``, ``breadcrumb``, ``url``.

    Raises:
        ReadingError: ``unreadable`` for a page that is too large, too deep or in no known charset.
    """
    root = parse_page(path)
    masses, data_tables = _masses(root)
    region = _region(root, masses, data_tables)
    page = read_flow(root, region, path.parent)
    found = tuple(blocks(page.flow, "html"))
    if not any(isinstance(block, Grid) for block in found) and _hides_table(root):
        # Some pages show their text by script only.
        page = read_flow(root, region, path.parent, show_hidden=True)
        found = tuple(blocks(page.flow, "html"))
    return Document("html", found, hints=_hints(root, masses, page, path))


# The part of the page that is the report


@dataclass(slots=True)
class _Mass:
    text: int = 0
    linked: int = 0
    links: int = 0
    has_data: bool = False
    has_file: bool = False
    has_title: bool = False


Masses = dict[etree._Element, _Mass]


def _region(root: etree._Element, masses: Masses, data_tables: Set[etree._Element]) -> Region:
    total = max(masses[root].text, 1)
    container = _container(root, masses)
    kept = set() if container is None else {container, *container.iterancestors()}
    in_container = set() if container is None else set(container.iterdescendants())
    in_data = {element for table in data_tables for element in table.iterdescendants()}
    around: set[etree._Element] = set()
    for element in root.iter(
        "div", "ul", "ol", "dl", "nav", "header", "footer", "aside", "section", "td", "form"
    ):
        mass = masses[element]
        if element in kept or element in in_data or mass.has_data or mass.text > MOST_AROUND * total:
            continue
        listed = mass.links >= LINKS and mass.linked >= LINK_SHARE * mass.text and not mass.has_file
        if listed or (element not in in_container and _is_around(element, mass)):
            around.add(element)
    return Region(container, frozenset(around), data_tables)


def _is_around(element: etree._Element, mass: _Mass) -> bool:
    """Whether its tag or name says that it stands around the text; a title's place never does."""
    if element.tag == "td" or mass.has_title:
        return False
    words = _words()
    names = _names(element)
    parts = {part for name in names for part in _PARTS.split(name)}
    return (
        element.tag in ("nav", "footer", "aside", "header")
        or bool(names & (words.around | words.crumb_names))
        or bool(parts & words.around_parts)
    )


def _names(element: etree._Element) -> frozenset[str]:
    return frozenset(f"{element.get('class') or ''} {element.get('id') or ''}".lower().split())


def _masses(root: etree._Element) -> tuple[Masses, set[etree._Element]]:
    """Text, linked text and data tables under every element, counted from the leaves up."""
    masses: Masses = {}
    data_tables: set[etree._Element] = set()
    for element in reversed(list(root.iter())):
        mass = _Mass()
        if element.tag not in ("script", "style", "noscript", "template", "select", "head"):
            mass.text = len((element.text or "").strip())
            for child in element:
                inner = masses[child]
                mass.text += inner.text
                mass.linked += inner.linked
                mass.links += inner.links
                mass.has_data |= inner.has_data
                mass.has_file |= inner.has_file
                mass.has_title |= inner.has_title
                mass.text += len((child.tail or "").strip())
            if element.tag == "a":
                mass.linked, mass.links = mass.text, mass.links + 1
                mass.has_file |= bool(_FILE.search(element.get("href") or ""))
            elif element.tag == "h1":
                mass.has_title = mass.text > 0
            elif element.tag == "table" and _holds_data(element, mass):
                data_tables.add(element)
                mass.has_data = True
        masses[element] = mass
    return masses, data_tables


def _holds_data(table: etree._Element, mass: _Mass) -> bool:
    """Whether a table looks like one: rows and columns of cells, no links, no page around other tables."""
    if mass.has_data or next(table.iterdescendants("table"), None) is not None:
        return False
    if mass.linked > LINK_SHARE * max(mass.text, 1) and mass.links >= LINKS:
        return False
    rows = [row for row in table.iter("tr") if len(row.findall("td")) + len(row.findall("th")) > 1]
    return len(rows) >= 2


def _container(root: etree._Element, masses: Masses) -> etree._Element | None:
    """The outermost element that content systems name as the text, if it holds what the page has to say."""
    known = _words().content
    own_text = masses[root].text - masses[root].linked
    for element in root.iter("div", "section", "article", "td", "main", "ucapcontent", "span"):
        if element.tag not in ("article", "main", "ucapcontent") and not known & _names(element):
            continue
        mass = masses[element]
        if mass.text < LEAST_CONTENT and not mass.has_data:
            continue
        # What stands outside must be less than what stands inside.
        if mass.has_data >= masses[root].has_data and 2 * (mass.text - mass.linked) >= own_text:
            return element
    return None


def _hides_table(root: etree._Element) -> bool:
    return any(
        any(is_hidden(outer) for outer in (table, *table.iterancestors()))
        for table in root.iter("table")
        if len(table.findall(".//tr")) >= 2
    )


# What the page says of itself


def _hints(root: etree._Element, masses: Masses, page: Page, path: Path) -> dict[str, str]:
    words = _words()
    meta: dict[str, str] = {}
    for element in root.iter("meta"):
        name = (element.get("name") or element.get("property") or "").lower()
        content = tidy(element.get("content") or "")
        if name and content:
            meta.setdefault(name, content)
    cards = _cards(page)
    fields = {name: _labelled(page, cards, labels) for name, labels in words.labels.items()}
    said = {name: next((meta[key] for key in keys if key in meta), None) for name, keys in words.meta.items()}
    date = _DATE.search(fields["date"] or "")
    hints = {
        "title": said["title"] or fields["title"] or _title(root),
        "agency": fields["agency"] or said["agency"] or fields["source"],
        "date": said["date"] or (date[0] if date else None),
        "breadcrumb": _breadcrumb(root, masses),
        "url": said["url"] or _address(root, path),
    }
    return {name: text for name, text in hints.items() if text}


def _title(root: etree._Element) -> str | None:
    for element in root.iter("title"):
        text = tidy(re.sub(r"\s+", " ", "".join(element.itertext())))
        if text:
            return text
    return None


def _labelled(page: Page, cards: Mapping[str, str], labels: Sequence[str]) -> str | None:
    """The value of a field: on an index card, or after a colon in a short line."""
    for label in labels:
        if label in cards:
            return cards[label]
        pattern = re.compile(
            rf"(?:^|[\s|\[【])\[?{_spaced(label)}\s*\]?\s*[:：]\s*(?P<value>[^\s|｜\[【\]】]{{2,80}})"
        )
        for line in page.said[:CARD_LINES]:
            match = pattern.search(line) if len(line) <= CARD_LINE else None
            if match is not None:
                return match["value"]
    return None


def _spaced(label: str) -> str:
    """A label in which blanks may stand, as 索 引 号 is set."""
    return r"\s*".join(map(re.escape, label))


def _cards(page: Page) -> dict[str, str]:
    """Fields of index cards: tables in which several cells hold nothing but a field's name.

    The value is the cell to the right of the name.
    """
    known = {name for names in _words().labels.values() for name in names}
    found: dict[str, str] = {}
    for table in page.cards[:CARDS]:
        if len(table.boxes) > CARD_CELLS:
            continue
        cells = [(box.row, " ".join(box.lines)) for box in table.boxes]
        plain = [re.sub(r"\s+", "", text).strip("[]【】").rstrip(":：") for _, text in cells]
        if sum(text in known for text in plain) < 2:
            continue
        for at, name in enumerate(plain[:-1]):
            row, value = cells[at + 1]
            if name in known and row == cells[at][0] and value and plain[at + 1] not in known:
                found.setdefault(name, tidy(value))
    return found


def _breadcrumb(root: etree._Element, masses: Masses) -> str | None:
    """The stations of the page's place in the site, parted by ``>``."""
    words = _words()
    for element in root.iter("div", "p", "ul", "ol", "nav", "td", "span", "li"):
        if not 2 <= masses[element].text <= 300:
            continue
        text = tidy(re.sub(r"\s+", " ", "".join(element.itertext())))
        opened = words.openers.match(text)
        if opened is None and not (_names(element) & words.crumb_names):
            continue
        stations = text[opened.end() :] if opened else text
        if not re.search(r"[>›»→]", stations):
            linked = [tidy("".join(a.itertext())) for a in element.iter("a")]
            stations = " > ".join(station for station in linked if station)
        stations = re.sub(r"\s*[>›»→]+\s*", " > ", stations).strip(" >")
        if stations:
            return stations
    return None


def _address(root: etree._Element, path: Path) -> str | None:
    """Where the page was: its canonical address, or what the browser noted on saving it."""
    for element in root.iter("link"):
        href = element.get("href") or ""
        if (element.get("rel") or "").lower() == "canonical" and href.startswith("http"):
            return str(href)
    with path.open("rb") as file:
        match = _SAVED.search(file.read(4096))
    return match[1].decode("ascii", "replace") if match else None
