"""PDF files, first reading: blocks in reading order from what PDFium finds on each page.

Here: the order of the steps, what kind of page each is, blocks in order with their places.
Not here: the steps themselves (pdf_objects, pdf_clean, pdf_geometry, pdf_cells, pdf_columns,
pdf_text, pdf_margins) or the second engine (pdf_second).
"""

from __future__ import annotations

import io
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pypdfium2 as pdfium
from numpy.typing import NDArray

from pipeline.reading.document import Block, Document, Grid, Paragraph, Picture, ReadingError
from pipeline.reading.pdf_cells import ENGINE, TOO_GARBLED, grid, in_table
from pipeline.reading.pdf_clean import UNREAD, clean, spaces
from pipeline.reading.pdf_columns import column_runs, fields_grid
from pipeline.reading.pdf_geometry import Lattice, joined, lattices
from pipeline.reading.pdf_margins import ZONE, MarginLine, running
from pipeline.reading.pdf_objects import (
    Box,
    Glyphs,
    PageContent,
    opened,
    page_content,
    render,
)
from pipeline.reading.pdf_text import TextLine, garbled, marks, paragraphs, text_lines, turned_lines, union
from pipeline.reading.pdf_turning import turn_box, turned

MAX_PAGES = 300
"""Pages read of one file; a report has a few. What follows is left out and ``hints`` says so."""
FEW = 40
"""Glyphs up to which the text on a page-wide picture is a stamp or a page number, not the page's text."""
_TAIL = 2048
_PLACE = re.compile(r"page=(\d+)(?:;.*?box=([\d.\-,]+))?")


@dataclass(frozen=True, slots=True)
class PageReading:
    """One page made ready: upright, with readable glyphs only and its tables' lattices.

    ``quarter`` says by how many quarter turns clockwise its text stands on the page as shown, whose
    size is ``width`` and ``height``. ``pictured``: what it says is only to be had from its picture.
    ``dropped``: boxes of glyphs left out, on the page as shown.
    """

    content: PageContent
    quarter: int
    width: float
    height: float
    pictured: bool
    lattices: tuple[Lattice, ...]
    dropped: NDArray[np.float64]

    @property
    def number(self) -> int:
        """The page's number from 1."""
        return self.content.number

    def shown_box(self, box: Box) -> Box:
        """A box of the upright content on the page as shown."""
        return turn_box(box, self.quarter, self.width, self.height)

    def content_box(self, box: Box) -> Box:
        """A box on the page as shown on the upright content."""
        return turn_box(box, -self.quarter % 4, self.content.width, self.content.height)

    def locate(self, box: Box) -> str:
        """The locator of a box of the upright content."""
        return locator(self.number, self.shown_box(box))


def locator(page: int, box: Box) -> str:
    """The locator of a box on a page as shown, in points."""
    return f"page={page};box=" + ",".join(f"{side:.1f}" for side in box)


def box_of(place: str) -> Box:
    """The box that a locator of a PDF names.

    Raises:
        ValueError: for a locator without page and box.
    """
    match = _PLACE.match(place)
    sides = [float(side) for side in match[2].split(",")] if match is not None and match[2] else []
    if len(sides) != 4:
        raise ValueError(f"{place!r} names no box")
    return (sides[0], sides[1], sides[2], sides[3])


def read_pdf(path: Path) -> Document:
    """Read a PDF by its characters, rules and fills.

    A page whose text is not to be trusted (a scan with invisible text, fonts that do not name their
    characters, text drawn as shapes) gives one Picture and no text.

    Raises:
        ReadingError: ``encrypted`` or ``unreadable``.
    """
    pages, hints, count = read_pages(path)
    blocks = [block for page in pages for block in page_blocks(page)]
    return Document("pdf", tuple(blocks), hints, count)


def page_picture(path: Path, page_number: int, box: Box | None = None, dpi: float = 200) -> bytes:
    """A page (from 1), or a box of it in points from the top left as shown, drawn as PNG.

    Raises:
        ReadingError: ``encrypted`` or ``unreadable``, also where there is no such page.
    """
    with opened(path) as pdf:
        if not 1 <= page_number <= len(pdf):
            raise ReadingError("unreadable", f"there is no page {page_number}")
        bitmap = render(pdf, page_number - 1, box, dpi)
        try:
            out = io.BytesIO()
            bitmap.to_pil().save(out, "PNG")
        finally:
            bitmap.close()
    return out.getvalue()


def picture_at(path: Path, place: str, dpi: float = 200) -> bytes:
    """The part of a page that a locator names, drawn as PNG.

    Raises:
        ReadingError: as ``page_picture``.
        ValueError: for a locator that names no page.
    """
    match = _PLACE.match(place)
    if match is None:
        raise ValueError(f"{place!r} names no page")
    return page_picture(path, int(match[1]), box_of(place) if match[2] else None, dpi)


def read_pages(path: Path) -> tuple[list[PageReading], dict[str, str], int]:
    """All pages made ready, the file's hints, and how many pages the file has.

    Raises:
        ReadingError: as ``read_pdf``.
    """
    hints: dict[str, str] = {}
    with opened(path) as pdf:
        count = len(pdf)
        contents = [page_content(pdf, i) for i in range(min(count, MAX_PAGES))]
        title = _title(pdf)
    if title:
        hints["title"] = title
    if count > MAX_PAGES:
        hints["truncated"] = f"{count} pages; the first {MAX_PAGES} were read"
    damaged = [str(i + 1) for i, content in enumerate(contents) if content is None]
    if not count or len(damaged) == len(contents):
        raise ReadingError("unreadable", "no page of the PDF can be read; fetch the file again")
    if damaged:
        hints["damaged"] = f"pages {', '.join(damaged)} cannot be read"
    elif _ends_early(path):
        hints["damaged"] = "the file ends early; pages or parts of them may be missing"
    pages = [_made_ready(content) for content in contents if content is not None]
    return _without_running_lines(pages), hints, count


def _title(pdf: pdfium.PdfDocument) -> str:
    """The file's title, where a person may have given it one."""
    try:
        title = pdf.get_metadata_value("Title")
    except UnicodeDecodeError:  # half a character of UTF-16: the file may be sound for all that
        return ""
    title = re.sub(r"^Microsoft Word - ", "", title).replace("\0", "").strip()
    return "" if title.lower() in ("untitled", "(anonymous)") else title


def _ends_early(path: Path) -> bool:
    with path.open("rb") as file:
        file.seek(0, 2)
        file.seek(max(file.tell() - _TAIL, 0))
        return b"%%EOF" not in file.read()


def _made_ready(content: PageContent) -> PageReading:
    width, height = content.width, content.height
    cleaned = clean(content)
    glyphs = cleaned.content.glyphs
    solid = ~spaces(glyphs)
    pictured = _pictured(content, int(solid.sum()), cleaned.hidden, cleaned.illegible)
    quarter = 0
    if solid.any():
        quarter = int(np.bincount(glyphs.quarter[solid].clip(0), minlength=4).argmax())
    upright_content = turned(cleaned.content, quarter)
    tables = () if pictured else tuple(lattices(upright_content))
    return PageReading(upright_content, quarter, width, height, pictured, tables, cleaned.dropped)


def _pictured(content: PageContent, seen: int, hidden: int, illegible: float) -> bool:
    """Whether the page must be read as a picture: its text is missing, invisible or not to be trusted.

    Args:
        seen: glyphs that a reader sees; hidden: glyphs that one does not; illegible: share of the
            seen ones whose character is unknown.
    """
    covered = image_cover(content)
    if seen and illegible > TOO_GARBLED:
        return True
    if covered >= 0.5 and seen < FEW and (hidden or not seen):
        return True
    outlines = len(content.outlines)
    if not seen:
        return covered >= 0.05 or outlines >= 20
    return outlines >= 150 and seen < outlines / 5


def image_cover(content: PageContent) -> float:
    """The share of the page that pictures cover."""
    if not content.images:
        return 0.0
    across = (np.arange(50) + 0.5) / 50 * content.width
    down = (np.arange(50) + 0.5) / 50 * content.height
    covered = np.zeros((50, 50), dtype=bool)
    for image in content.images:
        left, top, right, bottom = image.box
        covered |= ((down > top) & (down < bottom))[:, None] & ((across > left) & (across < right))[None, :]
    return float(covered.mean())


def _without_running_lines(pages: list[PageReading]) -> list[PageReading]:
    """The pages without their running headers, footers and page numbers."""
    lines: list[MarginLine] = []
    places: dict[int, tuple[int, Box]] = {}
    for index, page in enumerate(pages):
        if page.pictured:
            continue
        tables = [table.box for table in page.lattices]
        for line in _margin_lines(page):
            shown = replace(line, box=page.shown_box(line.box))
            tabled = any(_overlap(line.box, table) for table in tables)
            margin_line = MarginLine(index, shown, tabled)
            places[id(margin_line)] = (index, line.box)
            lines.append(margin_line)
    out: dict[int, list[Box]] = {}
    for each in running(lines, len(pages)):
        index, box = places[id(each)]
        out.setdefault(index, []).append(box)
    return [_without(page, out[i]) if i in out else page for i, page in enumerate(pages)]


def _margin_lines(page: PageReading) -> list[TextLine]:
    """Lines in the page's top and bottom margin as shown, upright there or running with sideways text."""
    glyphs = page.content.glyphs
    if page.quarter % 2:
        place, size = glyphs.cx, page.content.width
    else:
        place, size = glyphs.cy, page.content.height
    sides = [(place, size)] if page.quarter == 0 else [(place, size), (glyphs.cy, page.content.height)]
    near = np.zeros(len(glyphs), dtype=bool)
    for at, length in sides:
        near |= (at < ZONE * length) | (at > (1 - ZONE) * length)
    found = marks(glyphs.take(near))
    lines = text_lines([m for m in found if m.quarter == 0])
    for quarter in (1, 2, 3):
        lines += turned_lines(found, quarter)
    return lines


def _overlap(a: Box, b: Box) -> bool:
    return a[0] < b[2] and b[0] < a[2] and a[1] < b[3] and b[1] < a[3]


def _without(page: PageReading, boxes: Sequence[Box]) -> PageReading:
    glyphs = page.content.glyphs
    out = np.zeros(len(glyphs), dtype=bool)
    for left, top, right, bottom in boxes:
        x, y = glyphs.cx, glyphs.cy
        out |= (x > left - 0.5) & (x < right + 0.5) & (y > top - 0.5) & (y < bottom + 0.5)
    if not out.any():
        return page
    gone = np.column_stack((glyphs.left, glyphs.top, glyphs.right, glyphs.bottom))[out]
    shown = np.array([page.shown_box((b[0], b[1], b[2], b[3])) for b in gone.tolist()])
    return replace(
        page,
        content=replace(page.content, glyphs=glyphs.take(~out)),
        dropped=np.vstack((page.dropped, shown)),
    )


def whole_page(page: PageReading) -> Picture:
    """The page as a picture, to be read by recognition."""
    place = locator(page.number, (0.0, 0.0, page.width, page.height))
    return Picture(place, page.width, page.height, covers_page=True)


def page_blocks(page: PageReading) -> list[Block]:
    """A page's blocks, top to bottom."""
    if page.pictured:
        return [whole_page(page)]
    glyphs = page.content.glyphs
    placed: list[tuple[float, Block]] = []
    free = np.ones(len(glyphs), dtype=bool)
    # Small tables first: one that stands in a cell of another keeps its text to itself.
    for lattice in sorted(page.lattices, key=_area):
        inside = in_table(lattice, glyphs) & free
        if not inside.any() and any(_contains(other.box, lattice.box) for other in page.lattices):
            continue
        found = grid(lattice, glyphs.take(inside), page.content, page.locate)
        if found is not None:
            placed.append((lattice.box[1], found))
            free &= ~inside
        elif inside.any() or _drawn_over(page.content, lattice.box):
            placed.append((lattice.box[1], _picture(page, lattice.box)))
            free &= ~inside
    placed += _pictures(page)
    placed += _text_blocks(page, glyphs.take(free), [top for top, _ in placed])
    return [block for _, block in sorted(placed, key=lambda entry: entry[0])]


def _area(lattice: Lattice) -> float:
    left, top, right, bottom = lattice.box
    return (right - left) * (bottom - top)


def _contains(outer: Box, inner: Box) -> bool:
    return outer is not inner and (
        outer[0] < inner[0] and outer[1] < inner[1] and outer[2] > inner[2] and outer[3] > inner[3]
    )


def _drawn_over(content: PageContent, box: Box) -> bool:
    return any(_overlap((b[0], b[1], b[2], b[3]), box) for b in content.outlines.tolist())


def _picture(page: PageReading, box: Box) -> Picture:
    left, top, right, bottom = page.shown_box(box)
    return Picture(page.locate(box), right - left, bottom - top)


def _pictures(page: PageReading) -> Iterator[tuple[float, Picture]]:
    """Pictures large enough for a table that do not lie under or over text."""
    content = page.content
    whole = content.width * content.height
    solid = content.glyphs.take(~spaces(content.glyphs))
    for box in _pieced_together([image.box for image in content.images]):
        left, top = max(box[0], 0.0), max(box[1], 0.0)
        right, bottom = min(box[2], content.width), min(box[3], content.height)
        if right - left < 100 or bottom - top < 30 or (right - left) * (bottom - top) < 0.012 * whole:
            continue
        x, y = solid.cx, solid.cy
        over = ((x > left) & (x < right) & (y > top) & (y < bottom)).sum()
        if over >= 4 and over > min(FEW - 1, 0.0002 * (right - left) * (bottom - top)):
            continue
        yield top, _picture(page, (left, top, right, bottom))


def _pieced_together(boxes: list[Box]) -> list[Box]:
    """Strips of one picture joined."""
    joined_boxes: list[Box] = []
    for box in sorted(boxes, key=lambda b: (b[1], b[0])):
        for i, other in enumerate(joined_boxes):
            same_width = abs(other[0] - box[0]) < 2 and abs(other[2] - box[2]) < 2
            if same_width and -2 <= box[1] - other[3] <= 1:
                joined_boxes[i] = union((other, box))
                break
        else:
            joined_boxes.append(box)
    return joined_boxes


def _text_blocks(page: PageReading, glyphs: Glyphs, breaks: Sequence[float]) -> list[tuple[float, Block]]:
    """Paragraphs and unruled tables of the text outside ruled tables; ``breaks`` part what stands between."""
    found: list[tuple[float, Block]] = []
    found_marks = marks(glyphs)
    lines = text_lines([m for m in found_marks if m.quarter == 0])
    stops = sorted(breaks)
    groups: dict[int, list[TextLine]] = {}
    for line in lines:
        groups.setdefault(int(np.searchsorted(stops, line.middle)), []).append(line)
    for group in groups.values():
        found += _group_blocks(page, group)
    for quarter in (1, 2, 3):
        found += _paragraph_blocks(page, turned_lines(found_marks, quarter))
    return found


def _group_blocks(page: PageReading, lines: list[TextLine]) -> Iterator[tuple[float, Block]]:
    at = 0
    for run in column_runs(lines):
        rules = joined(page.content.across)
        table = fields_grid(lines[run.start : run.end], rules, page.locate, ENGINE)
        if table is None:
            continue
        yield from _paragraph_blocks(page, lines[at : run.start])
        yield lines[run.start].box[1], _legible(page, table, lines[run.start : run.end])
        at = run.end
    yield from _paragraph_blocks(page, lines[at:])


def _legible(page: PageReading, table: Grid, lines: Sequence[TextLine]) -> Block:
    if _share_unknown("".join(line.text for line in lines)) > TOO_GARBLED:
        return _picture(page, union([line.box for line in lines]))
    return table


def _share_unknown(text: str) -> float:
    solid = text.replace(" ", "")
    return solid.count(UNREAD) / max(len(solid), 1)


def _paragraph_blocks(page: PageReading, lines: Sequence[TextLine]) -> Iterator[tuple[float, Block]]:
    """Paragraphs with a line of text for each line seen; runs of illegible lines are pictures."""
    for group in paragraphs(lines):
        box = union([line.box for line in group])
        text = "\n".join(line.text for line in group)
        if garbled(text) and _share_unknown(text) > TOO_GARBLED:
            yield group[0].middle, _picture(page, box)
        else:
            yield group[0].middle, Paragraph(text, page.locate(box))
