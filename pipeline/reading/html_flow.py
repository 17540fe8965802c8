"""A page's elements as flow: lines, pictures, tables in their places.

Here: blocks and lines, what is not shown, the browser's table algorithm, tables made of other elements.
Not here: bytes (html_page), which part of the page is the report (html).
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Mapping, Set
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import unquote, unquote_to_bytes

from lxml import etree

from pipeline.reading.document import ReadingError
from pipeline.reading.flow import Box, Line, Shown, Table, box_locator, lowered, placed, raised, tidy
from pipeline.reading.html_style import (
    INLINE,
    TABLE_DISPLAYS,
    css_displays,
    css_hidden,
    display_of,
    is_hidden,
    is_muted,
    script_of,
    selected,
)

MAX_SPAN = 1000
"""Columns that one cell may span, as browsers have it."""
MAX_SLOTS = 1_000_000
MAX_NESTED = 40
MAX_PICTURE = 20_000_000
SPACER = 40
"""Pixels up to which a picture, both ways, is an icon or a spacer."""

_UNSHOWN_TAGS = (
    "head script style noscript template iframe object embed applet select button svg canvas audio video "
    "map datalist noframes xml del s strike rt rp title"
)
_UNSHOWN = frozenset(_UNSHOWN_TAGS.split())
_BLOCK_TAGS = (
    "html body p div h1 h2 h3 h4 h5 h6 li ul ol dl dt dd section article main header footer nav aside form "
    "fieldset legend address blockquote center pre figure figcaption hr table caption tr td th thead tbody "
    "tfoot details summary dir menu"
)
_BLOCKS = frozenset(_BLOCK_TAGS.split())
_HEADINGS = {f"h{n}": n for n in range(1, 7)}
_GROUPS = {"thead": 0, "tbody": 1, "tfoot": 2}
_WHITE = re.compile(r"[ \t\r\n\f]+")
_LENGTH = re.compile(r"^\s*([\d.]+)\s*(?:px)?\s*;?\s*$")


@dataclass(slots=True)
class _Frame:
    """Where text goes: the body, a cell, or a table outside its cells."""

    flow: list[Line | Shown | Table] = field(default_factory=list)
    words: list[str] = field(default_factory=list)
    beside: list[Shown] = field(default_factory=list)
    column_span: int = 1
    row_span: int = 1
    table: _TableFrame | None = None
    cell: etree._Element | None = None
    """The element that opened it, where it is a cell."""


@dataclass(slots=True)
class _TableFrame:
    number: int
    groups: list[tuple[int, list[list[_Frame]]]] = field(default_factory=list)
    open_row: list[_Frame] | None = None

    def open_group(self, rank: int) -> None:
        self.groups.append((rank, []))
        self.open_row = None

    def add_row(self) -> None:
        if not self.groups:
            self.groups.append((1, []))
        self.open_row = []
        self.groups[-1][1].append(self.open_row)


@dataclass(frozen=True, slots=True)
class Region:
    """What of a page is the report: inside ``container`` where one is known, outside ``around``."""

    container: etree._Element | None = None
    around: Set[etree._Element] = frozenset()
    data_tables: Set[etree._Element] = frozenset()
    """Tables that are kept wherever they stand."""


@dataclass(slots=True)
class Page:
    """The flow of a page, and all that it says anywhere, for what it says of itself."""

    flow: list[Line | Shown | Table]
    said: list[str]
    cards: list[Table]


def read_flow(root: etree._Element, region: Region, folder: Path, show_hidden: bool = False) -> Page:
    """Walk the page once.

    Paragraphs are counted over the whole page outside tables; tables and pictures likewise.

    Raises:
        ReadingError: ``unreadable`` for tables beyond any page's.
    """
    return _Walk(root, region, folder, show_hidden).run()


class _Walk:
    def __init__(self, root: etree._Element, region: Region, folder: Path, show_hidden: bool) -> None:
        self.root = root
        self.region = region
        self.folder = folder
        self.show_hidden = show_hidden
        self.displays = css_displays(root)
        self.hidden = css_hidden(root)
        self.tables = _numbered_tables(root, self.displays)
        self.images = {image: n for n, image in enumerate(root.iter("img"), 1)}
        self.frames: list[_Frame] = [_Frame()]
        self.said: list[str] = []
        self.cards: list[Table] = []
        self.paragraphs = 0
        self.outside = 0 if region.container is None else 1
        self.around = self.data = self.muted = self.preformatted = self.nested = 0
        self.levels: list[int] = []
        self.scripts: list[str] = []
        self.slots = 0

    def run(self) -> Page:
        walk = etree.iterwalk(self.root, events=("start", "end"))
        left_out: etree._Element | None = None
        for event, element in walk:
            if left_out is not None:
                # The walk still tells the end of an element that it skipped.
                if event == "end" and element is left_out:
                    left_out = None
                    self._text(element.tail)
                continue
            if event == "start":
                if self._is_left_out(element):
                    walk.skip_subtree()
                    left_out = element
                else:
                    self._start(element)
                    self._text(element.text)
            else:
                self._end(element)
                if element is not self.root:
                    self._text(element.tail)
        self._flush()
        return Page(self.frames[0].flow, self.said, self.cards)

    # Elements

    def _is_left_out(self, element: etree._Element) -> bool:
        tag = element.tag
        if not isinstance(tag, str) or tag in _UNSHOWN:
            return True
        if element.get("aria-hidden") == "true" and (tag in ("nav", "ul") or element in self.region.around):
            return True
        if tag == "input":
            return (element.get("type") or "text").lower() not in ("text", "number", "tel", "")
        if self.nested and tag in INLINE and selected(element) & self.hidden:
            return True
        return not self.show_hidden and is_hidden(element)

    def _kind(self, element: etree._Element) -> str:
        """The element's tag, or the table part that it is shown as."""
        tag = str(element.tag)
        if tag in ("table", "tr", "td", "th", *_GROUPS):
            return tag
        display = display_of(element, self.displays)
        if display is not None:
            return TABLE_DISPLAYS.get(
                display, "div" if display in ("block", "flex", "grid", "list-item") else tag
            )
        return tag

    def _start(self, element: etree._Element) -> None:
        kind = self._kind(element)
        if kind in _BLOCKS:
            self._flush()
        if element is self.region.container:
            self._flush()
            self.outside -= 1
        if element in self.region.around:
            self._flush()
            self.around += 1
        if element in self.region.data_tables:
            self.data += 1
        if is_muted(element):
            self.muted += 1
        frame = self.frames[-1]
        table = self._open_table()
        if kind == "table":
            self.nested += 1
            if self.nested > MAX_NESTED:
                raise ReadingError(
                    "unreadable", f"tables nested more than {MAX_NESTED} deep. Save the report's text anew."
                )
            self.frames.append(_Frame(table=_TableFrame(self.tables.get(element, 0))))
        elif kind in _GROUPS and table is not None:
            table.open_group(_GROUPS[kind])
        elif kind == "tr" and table is not None:
            table.add_row()
        elif kind in ("td", "th") and table is not None:
            if table.open_row is None:
                table.add_row()
            cell = _Frame(
                cell=element,
                column_span=_span(element.get("colspan"), 1, MAX_SPAN),
                row_span=_span(element.get("rowspan"), 0, 65534),
            )
            assert table.open_row is not None
            table.open_row.append(cell)
            self.frames.append(cell)
        elif kind == "br":
            frame.words.append("\n")
        elif kind == "img":
            self._picture(element)
        elif kind == "input":
            self._text(element.get("value"))
        elif kind == "pre" or kind == "textarea":
            self.preformatted += 1
        elif script := script_of(element, self.nested > 0):
            self.scripts.append(script)
        if kind in _HEADINGS:
            self.levels.append(_HEADINGS[kind])

    def _end(self, element: etree._Element) -> None:
        kind = self._kind(element)
        if kind in _BLOCKS or element is self.region.container or element in self.region.around:
            self._flush()
        table = self._open_table()
        if kind == "table":
            self.nested -= 1
            self._close_table()
        elif kind in _GROUPS and table is not None:
            # Rows after a group's end open one of their own.
            table.open_group(1)
        elif kind == "tr" and table is not None:
            table.open_row = None
        elif self.frames[-1].cell is element:
            self.frames.pop()
        elif kind == "pre" or kind == "textarea":
            self.preformatted -= 1
        elif self.scripts and script_of(element, self.nested > 0):
            self.scripts.pop()
        if kind in _HEADINGS and self.levels:
            self.levels.pop()
        if is_muted(element):
            self.muted -= 1
        if element is self.region.container:
            self.outside += 1
        if element in self.region.around:
            self.around -= 1
        if element in self.region.data_tables:
            self.data -= 1

    def _open_table(self) -> _TableFrame | None:
        """The table whose parts may come next: the innermost frame's, or the one of an open cell's."""
        return self.frames[-1].table

    # Text

    def _text(self, text: str | None) -> None:
        if not text or self.muted:
            return
        text = text if self.preformatted else _WHITE.sub(" ", text)
        if self.scripts:
            text = raised(text) if self.scripts[-1] == "sup" else lowered(text)
        self.frames[-1].words.append(text)

    def _flush(self) -> None:
        """End the paragraph: its lines, then the pictures that stood in it."""
        frame = self.frames[-1]
        if not frame.words and not frame.beside:
            return
        lines = [clean for line in "".join(frame.words).split("\n") if (clean := tidy(line))]
        frame.words.clear()
        in_cell = any(f.cell is not None for f in self.frames)
        if lines and not in_cell:
            self.paragraphs += 1
        self.said.extend(lines)
        level = self.levels[-1] if self.levels else None
        kept = self._is_kept() or (level == 1 and not self.around)
        if kept:
            locator = "" if in_cell else f"paragraph={self.paragraphs}"
            self._target().extend(Line(line, locator, level) for line in lines)
            self._target().extend(frame.beside)
        frame.beside.clear()

    def _is_kept(self) -> bool:
        return self.data > 0 or (not self.outside and not self.around)

    def _target(self) -> list[Line | Shown | Table]:
        """Where blocks go: what stands in a table outside its cells is shown before the table."""
        return next(frame.flow for frame in reversed(self.frames) if frame.table is None)

    def _picture(self, element: etree._Element) -> None:
        width, height = _pixels(element, "width"), _pixels(element, "height")
        if self.muted or (0 < width <= SPACER and 0 < height <= SPACER):
            return
        sources = (element.get(name) for name in ("src", "data-src", "data-original"))
        data = next((d for d in (_picture_data(s, self.folder) for s in sources if s) if d), None)
        self.frames[-1].beside.append(Shown(self.images[element], width, height, data))

    # Tables

    def _close_table(self) -> None:
        frame = self.frames.pop()
        assert frame.table is not None
        table = Table(frame.table.number, self._boxes(frame.table))
        if not any(box.flow for box in table.boxes) and not self._is_kept():
            return
        self.cards.append(table)
        if self._is_kept():
            self._target().append(table)
            return
        # A layout table may hold the report, or a table, in one of its cells.
        for box in table.boxes:
            self._target().extend(placed(item, box_locator(table, box)) for item in box.flow)

    def _boxes(self, frame: _TableFrame) -> list[Box]:
        """Cells in their places: the algorithm for forming a table of the HTML standard."""
        boxes: list[Box] = []
        first = 0
        for _, rows in sorted(frame.groups, key=lambda group: group[0]):
            taken: list[int] = []
            end = first + len(rows)
            for row, cells in enumerate(rows, first):
                column = 0
                for cell in cells:
                    while column < len(taken) and taken[column] > row:
                        column += 1
                    span = cell.column_span
                    self.slots += span
                    if self.slots > MAX_SLOTS:
                        raise ReadingError(
                            "unreadable",
                            "tables of more cells than a report has. Save the report's text anew.",
                        )
                    taken.extend([0] * (column + span - len(taken)))
                    below = end if cell.row_span == 0 else min(row + cell.row_span, end)
                    # Where a cell from above reaches into the span, both cover the place; the upper keeps it.
                    free = next((n for n in range(1, span) if taken[column + n] > row), span)
                    for place in range(column, column + span):
                        taken[place] = max(taken[place], below)
                    boxes.append(Box(row, column, below - row, free, cell.flow))
                    column += span
            first = end
        width = max((box.column for box in boxes), default=0) + 1
        for box in boxes:
            # colspan=1000 is a way to say: all that there are.
            if box.column_span > 60:
                box.column_span = max(1, min(box.column_span, width - box.column))
        return boxes


def _numbered_tables(root: etree._Element, displays: Mapping[str, str]) -> dict[etree._Element, int]:
    """Tables in document order, those made of other elements among them."""
    found: dict[etree._Element, int] = {}
    for element in root.iter():
        if element.tag == "table" or (
            isinstance(element.tag, str)
            and element.tag not in ("tr", "td", "th", *_GROUPS)
            and TABLE_DISPLAYS.get(display_of(element, displays) or "") == "table"
        ):
            found[element] = len(found) + 1
    return found


def _span(text: str | None, least: int, most: int) -> int:
    """A span attribute as browsers read it: leading digits; 1 for what is no number."""
    match = re.match(r"\s*\+?(\d{1,9})", text or "")
    if match is None:
        return 1
    number = int(match[1])
    return 1 if number < least else min(number, most)


def _pixels(element: etree._Element, name: str) -> float:
    """Width or height in pixels; 0 where it is not said."""
    style = re.search(rf"(?:^|;)\s*{name}\s*:\s*([\d.]+)px", element.get("style") or "", re.IGNORECASE)
    match = style or _LENGTH.match(element.get(name) or "")
    try:
        return float(match[1]) if match else 0.0
    except ValueError:
        return 0.0


def _picture_data(source: str, folder: Path) -> bytes | None:
    """The bytes of a picture in the page or beside it in the page's folder; nothing is ever fetched."""
    source = source.strip()
    if source[:5].lower() == "data:":
        head, comma, body = source.partition(",")
        if not comma or not head[5:].lower().startswith("image/") or len(body) > MAX_PICTURE:
            return None
        try:
            if head.lower().endswith(";base64"):
                return base64.b64decode(re.sub(r"\s+", "", unquote(body)), validate=False) or None
            return unquote_to_bytes(body) or None
        except (binascii.Error, ValueError):
            return None
    name = unquote(source.split("#")[0].split("?")[0]).replace("\\", "/")
    if not name or "\0" in name or name.startswith("/") or re.match(r"[a-zA-Z][\w+.-]*:", name):
        return None
    try:
        inside = folder.resolve()
        file = (inside / name).resolve()
        if not file.is_relative_to(inside) or not file.is_file() or file.stat().st_size > MAX_PICTURE:
            return None
        return file.read_bytes() or None
    except (OSError, ValueError):
        return None
