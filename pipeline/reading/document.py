"""What every reader gives: a Document of blocks in reading order, each with its place in the file.

Here: the types, the grammar of locators, and the one error of readers.
Not here: anything about a kind of file (its own module) or about the form (cells/).

Locators, one line of text each, so that a person and a program can go back to the place:
    line=12                                    a line of a text file, counted from 1
    line=12;field=3                            a tab or pipe separated field of that line, from 1
    page=2;box=70.1,120.0,92.4,133.5           a PDF place in points: left, top, right, bottom,
                                               measured from the top left of the page as shown
    paragraph=5                                body paragraph of a DOCX or HTML file, from 1
    table=2;row=4;column=3                     DOCX, HTML: tables in document order (nested ones
                                               count where they begin), rows, and grid columns, from 1
    image=1;box=10,20,30,40                    a picture (n-th of the file), box in its pixels
A locator of a picture inside another file has both, outermost first: ``page=2;image=1;box=…``.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Literal

FileFormat = Literal["pdf", "docx", "doc", "html", "txt", "md", "image", "other"]
ReadingStatus = Literal["unreadable", "encrypted", "unsupported", "scanned"]


def recognised(locator: str) -> bool:
    """Whether what stands at a place was recognised in a picture, not given as text."""
    return "image=" in locator


class ReadingError(Exception):
    """A file that gives no Document. ``status`` is dim_document's, the message says what to do."""

    def __init__(self, status: ReadingStatus, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.message = message


@dataclass(frozen=True, slots=True)
class Cell:
    """A cell of a grid; row and column count from 0, spans are at least 1.

    ``confidence`` is 1.0 for text that the file carries, an engine's own figure for OCR;
    ``alternatives`` are other texts that recognition held possible, likeliest first.
    """

    row: int
    column: int
    text: str
    locator: str
    row_span: int = 1
    column_span: int = 1
    confidence: float = 1.0
    alternatives: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Grid:
    """A table as the file lays it out.

    ``layout`` says how far columns can be trusted: ``spans`` where positions and merged cells come
    from the file's own structure or its ruled lines, ``fields`` where lines were only split at
    separators, so that a lost field shifts what follows.
    """

    cells: tuple[Cell, ...]
    layout: Literal["spans", "fields"]
    locator: str
    engine: str = ""

    @property
    def row_count(self) -> int:
        """Rows, counting spans."""
        return max((c.row + c.row_span for c in self.cells), default=0)

    @property
    def column_count(self) -> int:
        """Columns, counting spans."""
        return max((c.column + c.column_span for c in self.cells), default=0)

    def rows(self) -> Iterator[list[Cell]]:
        """The cells that begin in each row, left to right."""
        by_row: dict[int, list[Cell]] = {}
        for cell in self.cells:
            by_row.setdefault(cell.row, []).append(cell)
        for row in range(self.row_count):
            yield sorted(by_row.get(row, []), key=lambda c: c.column)


@dataclass(frozen=True, slots=True)
class Paragraph:
    """A line or paragraph of text outside tables. ``level`` is a heading's level where the file says so."""

    text: str
    locator: str
    level: int | None = None


@dataclass(frozen=True, slots=True)
class Picture:
    """A picture that may hold a table or a whole page; ``data`` its encoded bytes where they are at hand."""

    locator: str
    width: float
    height: float
    data: bytes | None = None
    covers_page: bool = False


Block = Paragraph | Grid | Picture


@dataclass(frozen=True, slots=True)
class Document:
    """A file's content in reading order.

    ``hints`` are what the file says of itself outside the text, for title, agency and year:
    ``title``, ``agency``, ``date``, ``url``. ``alternatives`` are other readings of the same
    tables by another engine or setting, made on demand (see ``reading.second_opinion``).
    """

    format: FileFormat
    blocks: tuple[Block, ...]
    hints: Mapping[str, str] = field(default_factory=dict)
    pages: int | None = None

    @property
    def text(self) -> str:
        """All text, paragraphs and cells, in reading order; a line for each paragraph and table row."""
        lines: list[str] = []
        for block in self.blocks:
            if isinstance(block, Paragraph):
                lines.append(block.text)
            elif isinstance(block, Grid):
                lines.extend("\t".join(cell.text for cell in row) for row in block.rows())
        return "\n".join(lines)
