"""DOCX files: the body in order, as a person sees it with changes accepted.

Here: paragraphs, tables, pictures, text boxes, content controls, notes; what is not shown is left out.
Not here: the package (word_package), automatic numbers (word_numbering), layout tables (flow).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from lxml import etree

from pipeline.reading.document import Document, ReadingError
from pipeline.reading.flow import Box, Line, Shown, Table, blocks, lowered, raised, tidy
from pipeline.reading.word_numbering import Numbering, W, read_numbering
from pipeline.reading.word_package import Package, open_package

_MC = "{http://schemas.openxmlformats.org/markup-compatibility/2006}"
_R = "{http://schemas.openxmlformats.org/officeDocument/2006/relationships}"
_A = "{http://schemas.openxmlformats.org/drawingml/2006/main}"
_WP = "{http://schemas.openxmlformats.org/drawingml/2006/wordprocessingDrawing}"
_M = "{http://schemas.openxmlformats.org/officeDocument/2006/math}"
_V = "{urn:schemas-microsoft-com:vml}"
_DC = "{http://purl.org/dc/elements/1.1/}"

EMU_PER_POINT = 12700
MAX_SPAN = 200
A4 = (595.0, 842.0)
COVERS = 0.6
"""Share of the page's area from which a picture is taken for the page."""

_WRAPPERS = frozenset(f"{W}{n}" for n in ("sdt", "sdtContent", "customXml", "smartTag", "ins", "moveTo"))
# Text that is not shown, or not part of the line.
_SKIPPED = frozenset(
    [
        f"{W}{n}"
        for n in ("pPr", "rPr", "del", "moveFrom", "delText", "delInstrText", "instrText", "rt", "sdtPr")
    ]
    + [
        f"{W}{n}"
        for n in ("sdtEndPr", "tbl", "fldData", "ffData", "numberingChange", "smartTagPr", "customXmlPr")
    ]
    + [
        f"{_M}{n}"
        for n in ("rPr", "ctrlPr", "oMathParaPr", "fPr", "sSupPr", "sSubPr", "dPr", "radPr", "naryPr")
    ]
)
_BREAKS = frozenset((f"{W}br", f"{W}cr"))
_TABS = frozenset((f"{W}tab", f"{W}ptab"))
_CONTENT = frozenset((f"{W}t", f"{W}tbl", f"{W}sym", f"{_A}blip", f"{_V}imagedata"))
_LENGTH = re.compile(r"(width|height)\s*:\s*([\d.]+)\s*(pt|in|cm|mm|px)?")
_POINTS = {"pt": 1.0, "": 0.75, "px": 0.75, "in": 72.0, "cm": 72 / 2.54, "mm": 72 / 25.4}

# Symbol fonts keep their own characters at F000 and up; those that reports use, and every digit.
_SYMBOL = {0xB1: "±", 0xB4: "×", 0xB7: "·", 0xA3: "≤", 0xB3: "≥", 0xB9: "≠", 0x2D: "−", 0xB0: "°"}
_WINGDINGS = {
    **{0x81 + i: chr(ord("①") + i) for i in range(10)},
    **{0x8C + i: chr(ord("❶") + i) for i in range(10)},
    **{0xFC: "✓", 0xFB: "✗", 0xFE: "☑", 0xFD: "☒", 0xA8: "□", 0x6F: "□", 0x6E: "■", 0x6C: "●", 0xA1: "○"},
    **{0x75: "◆", 0xA7: "▪", 0xD8: "➢", 0xE0: "→", 0x9F: "•"},
}


def read_docx(path: Path) -> Document:
    """Read a DOCX (also DOCM and strict Open XML).

    Grids have the table's own grid columns; pictures are in points. Text boxes follow the paragraph
    or table that holds them, notes follow the body and their paragraphs are counted after its own.
    A line break splits a paragraph into lines with one locator. ``hints`` has the title of the
    file's properties.

    Raises:
        ReadingError: ``encrypted``; ``unsupported`` for a file that is no DOCX (it says what it is)
            or whose text is embedded in another format; ``unreadable`` for a damaged or oversized one.
    """
    with open_package(path) as package:
        main = package.related("", "officeDocument") or "word/document.xml"
        root = package.xml(main)
        if root is None:
            raise ReadingError(
                "unreadable", "the package has no document in it. Save it again from Word or WPS."
            )
        body = root.find(f"{W}body")
        if root.tag != f"{W}document" or body is None:
            raise ReadingError("unsupported", f"an Office file, but no Word text ({main}). Save it as .docx.")
        if next(body.iter(f"{W}altChunk"), None) is not None:
            raise ReadingError(
                "unsupported",
                "its text is a page embedded in a Word file (altChunk). Open it in Word and save it again.",
            )
        flow = _Reader(package, main, body).read()
        return Document("docx", tuple(blocks(flow, "docx")), hints=_hints(package))


def _hints(package: Package) -> dict[str, str]:
    part = package.related("", "core-properties")
    root = None if part is None else package.xml(part)
    title = None if root is None else root.find(f"{_DC}title")
    text = tidy(title.text or "") if title is not None else ""
    return {"title": text} if text else {}


@dataclass(frozen=True, slots=True)
class _Style:
    name: str
    based_on: str | None
    outline: int | None
    list_id: str | None
    list_level: int | None
    hidden: bool | None


@dataclass(slots=True)
class _Words:
    """What a paragraph holds: its text, and what floats beside it."""

    text: list[str] = field(default_factory=list)
    beside: list[Line | Shown | Table] = field(default_factory=list)
    in_code: list[bool] = field(default_factory=list)
    """Open fields, innermost last: whether their code is being read, which is not shown."""

    def add(self, text: str) -> None:
        if not any(self.in_code):
            self.text.append(text)


class _Reader:
    """The walk through one document; holds what is counted on the way."""

    def __init__(self, package: Package, part: str, body: etree._Element) -> None:
        self.package = package
        self.part = part
        self.body = body
        styles_part = package.related(part, "styles")
        styles = None if styles_part is None else package.xml(styles_part)
        self.styles = _styles(styles)
        self.default_style = _default_style(styles)
        numbering_part = package.related(part, "numbering")
        numbers = None if numbering_part is None else package.xml(numbering_part)
        self.numbering: Numbering = read_numbering(numbers, styles)
        self.page = _page_size(body)
        self.paragraphs: dict[etree._Element, int] = {}
        self.tables: dict[etree._Element, int] = {}
        self.pictures = 0
        self.notes: list[tuple[str, str]] = []
        self.count(body)

    def read(self) -> list[Line | Shown | Table]:
        flow = self.blocks(self.body, in_cell=False)
        for part, note in list(self._noted()):
            self.part = part
            self.count(note)
            flow.extend(self.blocks(note, in_cell=False))
        return flow

    def _noted(self) -> Iterator[tuple[str, etree._Element]]:
        """Foot- and endnotes with their part, in the order in which the text refers to them."""
        found: dict[tuple[str, str], tuple[str, etree._Element]] = {}
        for kind in ("footnotes", "endnotes"):
            part = self.package.related(self.part, kind)
            root = None if part is None else self.package.xml(part)
            for note in root if root is not None else ():
                found[kind, note.get(f"{W}id", "")] = (part or "", note)
        yield from (found[key] for key in dict.fromkeys(self.notes) if key in found)

    def count(self, container: etree._Element) -> None:
        """Number paragraphs outside tables, and tables, in document order, in shown branches only."""
        stack = [(container, False)]
        while stack:
            element, inside = stack.pop()
            if element.tag == f"{W}p" and not inside:
                self.paragraphs[element] = len(self.paragraphs) + 1
            elif element.tag == f"{W}tbl":
                self.tables[element] = len(self.tables) + 1
                inside = True
            children = [_branch(element)] if element.tag == f"{_MC}AlternateContent" else list(element)
            stack.extend((child, inside) for child in reversed(children) if child is not None)

    # Blocks

    def blocks(self, container: etree._Element, in_cell: bool) -> list[Line | Shown | Table]:
        """What stands in a body, cell, note or text box."""
        flow: list[Line | Shown | Table] = []
        # A paragraph whose mark was deleted or hidden goes on in the next one.
        carried: tuple[str, str, int | None] | None = None
        for block in _members(container, (f"{W}p", f"{W}tbl")):
            if block.tag == f"{W}tbl":
                if carried:
                    flow.extend(_lines(*carried))
                    carried = None
                flow.append(self.table(block))
                continue
            words = _Words()
            self.inline(block, words, self._style_of(block))
            text = "".join(words.text)
            number = self._number(block, gone=_mark_gone(block) and not text.strip())
            if number and (in_cell or text.strip()):
                text = number + text.lstrip()
            locator = "" if in_cell else f"paragraph={self.paragraphs.get(block, 0)}"
            level = self._level(block)
            if carried:
                text, locator, level = carried[0] + text, carried[1], carried[2]
                carried = None
            if _mark_gone(block):
                carried = (text, locator, level) if text.strip() else None
            else:
                flow.extend(_lines(text, locator, level))
            flow.extend(
                Shown(b.number, b.width, b.height, b.data, locator, b.covers_page)
                if isinstance(b, Shown) and not b.locator
                else b
                for b in words.beside
            )
        if carried:
            flow.extend(_lines(*carried))
        return flow

    def table(self, tbl: etree._Element) -> Table:
        """A table on its own grid: spans, vertical merges, rows that begin late or end early."""
        boxes: list[Box] = []
        above: dict[int, Box] = {}
        row = 0
        for tr in _members(tbl, (f"{W}tr",)):
            properties = tr.find(f"{W}trPr")
            if properties is not None and (
                properties.find(f"{W}del") is not None or _on(properties.find(f"{W}hidden"))
            ):
                continue
            column = _number(properties, "gridBefore", 0)
            open_here: dict[int, Box] = {}
            last: Box | None = None
            for tc in _members(tr, (f"{W}tc",)):
                cell = tc.find(f"{W}tcPr")
                span = max(_number(cell, "gridSpan", 1), 1)
                start, column = column, column + span
                if _merge(cell, "hMerge") == "continue" and last is not None:
                    last.column_span += span
                    continue
                merge = _merge(cell, "vMerge")
                box = above.get(start)
                if merge == "continue" and box is not None and box.column_span == span:
                    box.row_span = row - box.row + 1
                else:
                    flow = [] if _is_placeholder(tc) else self.blocks(tc, in_cell=True)
                    box = Box(row, start, 1, span, flow)
                    boxes.append(box)
                last = box
                if merge is not None:
                    open_here[start] = box
            above = open_here
            row += 1
        return Table(self.tables.get(tbl, 0), boxes)

    # Paragraphs

    def inline(self, element: etree._Element, words: _Words, style: str | None) -> None:
        """Text and pictures of a paragraph or of what stands in one."""
        for child in element:
            tag = child.tag
            if tag in _SKIPPED:
                continue
            if tag == f"{W}r":
                self._run(child, words, style)
            elif tag == f"{_MC}AlternateContent":
                branch = _branch(child)
                if branch is not None:
                    self.inline(branch, words, style)
            elif tag == f"{W}sdt" and child.find(f"{W}sdtPr/{W}showingPlcHdr") is not None:
                continue
            else:
                self._piece(child, words, style, None)

    def _run(self, run: etree._Element, words: _Words, style: str | None) -> None:
        properties = run.find(f"{W}rPr")
        shown = not self._hidden(properties, style) and not _struck(properties)
        raise_ = None if properties is None else properties.find(f"{W}vertAlign")
        for child in run:
            if child.tag == f"{W}fldChar":
                _field(child.get(f"{W}fldCharType"), words)
            elif shown and child.tag not in _SKIPPED:
                self._piece(child, words, style, None if raise_ is None else raise_.get(f"{W}val"))

    def _piece(self, element: etree._Element, words: _Words, style: str | None, raise_: str | None) -> None:
        tag = element.tag
        if tag in (f"{W}t", f"{_M}t"):
            text = (element.text or "").replace("\n", " ").replace("\r", " ")
            if raise_ == "superscript":
                text = raised(text)
            elif raise_ == "subscript":
                text = lowered(text)
            words.add(text)
        elif tag in _TABS:
            words.add(" ")
        elif tag in _BREAKS:
            words.add("\n")
        elif tag == f"{W}noBreakHyphen":
            words.add("-")
        elif tag == f"{W}sym":
            words.add(_symbol(element))
        elif tag in (f"{W}footnoteReference", f"{W}endnoteReference"):
            kind = "footnotes" if tag == f"{W}footnoteReference" else "endnotes"
            self.notes.append((kind, element.get(f"{W}id", "")))
        elif tag in (f"{W}drawing", f"{W}pict", f"{W}object"):
            self._drawn(element, words)
        elif tag == f"{_MC}AlternateContent":
            branch = _branch(element)
            for child in branch if branch is not None else ():
                self._piece(child, words, style, raise_)
        elif tag == f"{_M}sSup":
            # A power in a formula is no further digit of the number before it.
            for part in element:
                before = len(words.text)
                self.inline(part, words, style)
                if part.tag == f"{_M}sup":
                    words.text[before:] = [raised(text) for text in words.text[before:]]
        else:
            self.inline(element, words, style)

    def _drawn(self, drawing: etree._Element, words: _Words) -> None:
        """Pictures and text boxes of a drawing."""
        width, height = _size(drawing)
        stack = [drawing]
        while stack:
            element = stack.pop()
            if element.tag == f"{W}txbxContent":
                words.beside.extend(self.blocks(element, in_cell=self._in_table(element)))
                continue
            if element.tag == f"{_A}blip" or element.tag == f"{_V}imagedata":
                self.pictures += 1
                relation = element.get(f"{_R}embed") or element.get(f"{_R}id") or ""
                data = self.package.picture(self.part, relation)
                covers = width * height >= COVERS * self.page[0] * self.page[1]
                words.beside.append(Shown(self.pictures, width, height, data, "", covers))
                continue
            children = [_branch(element)] if element.tag == f"{_MC}AlternateContent" else list(element)
            stack.extend(child for child in reversed(children) if child is not None)

    def _in_table(self, element: etree._Element) -> bool:
        return next(element.iterancestors(f"{W}tbl"), None) is not None

    # Properties

    def _style_of(self, paragraph: etree._Element) -> str | None:
        style = paragraph.find(f"{W}pPr/{W}pStyle")
        return self.default_style if style is None else style.get(f"{W}val")

    def _chain(self, style: str | None) -> Iterator[_Style]:
        """A style and those that it is based on."""
        seen: set[str] = set()
        while style is not None and style in self.styles and style not in seen:
            seen.add(style)
            yield self.styles[style]
            style = self.styles[style].based_on

    def _level(self, paragraph: etree._Element) -> int | None:
        own = paragraph.find(f"{W}pPr/{W}outlineLvl")
        outline = None if own is None else _int(own.get(f"{W}val"), 9)
        for style in self._chain(self._style_of(paragraph)):
            if outline is not None:
                break
            outline = style.outline
        return outline + 1 if outline is not None and 0 <= outline < 9 else None

    def _number(self, paragraph: etree._Element, gone: bool) -> str:
        """The automatic number before a paragraph; counts it unless it is gone with the changes."""
        own = paragraph.find(f"{W}pPr/{W}numPr")
        list_id = level = None
        if own is not None:
            list_id, level = _child(own, "numId"), _child(own, "ilvl")
        at = None if level is None else _int(level, 0)
        if list_id is None:
            name = self._style_of(paragraph)
            for style in self._chain(name):
                if at is None and style.list_level is not None:
                    at = style.list_level
                if style.list_id is not None:
                    list_id = style.list_id
                    tied = self.numbering.style_level(list_id, name)
                    at = tied if at is None and tied is not None else at
                    break
        if list_id is None or list_id == "0" or gone:
            return ""
        return self.numbering.next(list_id, at or 0)

    def _hidden(self, properties: etree._Element | None, style: str | None) -> bool:
        if properties is not None:
            own = properties.find(f"{W}vanish")
            if own is not None:
                return _on(own)
            named = properties.find(f"{W}rStyle")
            for found in self._chain(None if named is None else named.get(f"{W}val")):
                if found.hidden is not None:
                    return found.hidden
        return next((found.hidden for found in self._chain(style) if found.hidden is not None), False)


def _lines(text: str, locator: str, level: int | None) -> Iterator[Line]:
    for line in text.split("\n"):
        if clean := tidy(line):
            yield Line(clean, locator, level)


def _members(container: etree._Element, wanted: Iterable[str]) -> Iterator[etree._Element]:
    """Children of these kinds, also through content controls and other wrappers."""
    for child in container:
        if child.tag in wanted:
            yield child
        elif child.tag == f"{_MC}AlternateContent":
            branch = _branch(child)
            if branch is not None:
                yield from _members(branch, wanted)
        elif child.tag == f"{W}sdt" and child.find(f"{W}sdtPr/{W}showingPlcHdr") is not None:
            # The prompt of an empty control is no text; its cells and rows keep their places.
            if f"{W}p" not in wanted:
                yield from _members(child, wanted)
        elif child.tag in _WRAPPERS:
            yield from _members(child, wanted)


def _branch(alternate: etree._Element) -> etree._Element | None:
    """The one branch of alternate content that is read: the first choice with content, else the fallback."""
    choices = alternate.findall(f"{_MC}Choice")
    fallback = alternate.find(f"{_MC}Fallback")
    for branch in [*choices, *([fallback] if fallback is not None else [])]:
        if any(element.tag in _CONTENT for element in branch.iter()):
            return branch
    return choices[0] if choices else fallback


def _field(kind: str | None, words: _Words) -> None:
    if kind == "begin":
        words.in_code.append(True)
    elif kind == "separate" and words.in_code:
        words.in_code[-1] = False
    elif kind == "end" and words.in_code:
        words.in_code.pop()


def _symbol(element: etree._Element) -> str:
    try:
        code = int(element.get(f"{W}char", ""), 16)
    except ValueError:
        return ""
    font = element.get(f"{W}font", "").lower()
    low = code - 0xF000 if 0xF000 <= code <= 0xF0FF else code
    if font.startswith("wingdings"):
        return _WINGDINGS.get(low, chr(0xF000 + low) if low < 256 else chr(code))
    if font == "symbol" and low < 256:
        return _SYMBOL.get(low, chr(low) if chr(low).isdigit() else chr(0xF000 + low))
    return chr(code) if 0 < code < 0x110000 and not 0xD800 <= code < 0xE000 else ""


def _size(drawing: etree._Element) -> tuple[float, float]:
    """Width and height of a drawing in points; 0 where it does not say."""
    extent = next(drawing.iter(f"{_WP}extent"), None)
    if extent is not None:
        return _int(extent.get("cx"), 0) / EMU_PER_POINT, _int(extent.get("cy"), 0) / EMU_PER_POINT
    for element in drawing.iter():
        sizes = {
            m[1]: float(m[2]) * _POINTS[m[3] or ""] for m in _LENGTH.finditer(element.get("style") or "")
        }
        if len(sizes) == 2:
            return sizes["width"], sizes["height"]
    return 0.0, 0.0


def _page_size(body: etree._Element) -> tuple[float, float]:
    size = body.find(f"{W}sectPr/{W}pgSz")
    if size is None:
        return A4
    width, height = _int(size.get(f"{W}w"), 0) / 20, _int(size.get(f"{W}h"), 0) / 20
    return (width, height) if width > 0 and height > 0 else A4


def _styles(root: etree._Element | None) -> dict[str, _Style]:
    found: dict[str, _Style] = {}
    for style in root.findall(f"{W}style") if root is not None else ():
        name = (_child(style, "name") or "").lower()
        outline = style.find(f"{W}pPr/{W}outlineLvl")
        level = None if outline is None else _int(outline.get(f"{W}val"), 9)
        heading = re.fullmatch(r"heading ([1-9])", name)
        if level is None and heading is not None:
            level = int(heading[1]) - 1
        elif level is None and name == "title":
            level = 0
        list_properties = style.find(f"{W}pPr/{W}numPr")
        ilvl = None if list_properties is None else _child(list_properties, "ilvl")
        vanish = style.find(f"{W}rPr/{W}vanish")
        found[style.get(f"{W}styleId", "")] = _Style(
            name=name,
            based_on=_child(style, "basedOn"),
            outline=level,
            list_id=None if list_properties is None else _child(list_properties, "numId"),
            list_level=None if ilvl is None else _int(ilvl, 0),
            hidden=None if vanish is None else _on(vanish),
        )
    return found


def _default_style(root: etree._Element | None) -> str | None:
    for style in root.findall(f"{W}style") if root is not None else ():
        if style.get(f"{W}type") == "paragraph" and style.get(f"{W}default") in ("1", "true", "on"):
            return str(style.get(f"{W}styleId"))
    return None


def _child(element: etree._Element, name: str) -> str | None:
    child = element.find(f"{W}{name}")
    return None if child is None else child.get(f"{W}val")


def _number(properties: etree._Element | None, name: str, default: int) -> int:
    text = None if properties is None else _child(properties, name)
    return min(max(_int(text, default), 0), MAX_SPAN)


def _merge(properties: etree._Element | None, name: str) -> str | None:
    """``restart``, ``continue`` or None; Word writes a bare element for continue."""
    element = None if properties is None else properties.find(f"{W}{name}")
    return None if element is None else element.get(f"{W}val", "continue")


def _mark_gone(paragraph: etree._Element) -> bool:
    """Whether the paragraph's mark was deleted or is hidden, so that the next one joins it."""
    mark = paragraph.find(f"{W}pPr/{W}rPr")
    return mark is not None and (mark.find(f"{W}del") is not None or _on(mark.find(f"{W}vanish")))


def _struck(properties: etree._Element | None) -> bool:
    """Text that is struck through is no longer said."""
    return properties is not None and (
        _on(properties.find(f"{W}strike")) or _on(properties.find(f"{W}dstrike"))
    )


def _is_placeholder(tc: etree._Element) -> bool:
    content = tc.getparent()
    control = None if content is None or content.tag != f"{W}sdtContent" else content.getparent()
    return control is not None and control.find(f"{W}sdtPr/{W}showingPlcHdr") is not None


def _on(element: etree._Element | None) -> bool:
    return element is not None and element.get(f"{W}val", "1") not in ("0", "false", "off")


def _int(text: str | None, default: int) -> int:
    try:
        return int(text) if text is not None else default
    except ValueError:
        return default
