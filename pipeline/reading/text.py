"""TXT and MD files: lines into paragraphs, separated fields into grids.

Here: charset, lines, tab and pipe separated fields, the one-cell-per-line export of word processors.
Not here: what a line means.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from pipeline.reading.document import Block, Cell, Document, FileFormat, Grid, Paragraph, ReadingError
from pipeline.reading.flow import without_unseen

MAX_BYTES = 20_000_000
_HEADING = re.compile(r"^(#{1,6})\s+")
# Possessive, so that a long line that is no rule takes no time to tell.
_RULE = re.compile(r"\|?\s*+:?-{2,}+:?\s*+(?:\|\s*+:?-{2,}+:?\s*+)*+\|?")


def read_text(path: Path) -> Document:
    """Read a TXT or MD file.

    Raises:
        ReadingError: ``unreadable`` for bytes that are no text or too many.
    """
    data = path.read_bytes()
    if len(data) > MAX_BYTES:
        raise ReadingError(
            "unreadable", f"{len(data):,} bytes of text; a report has far less. Split the file."
        )
    lines = without_unseen(decode(data)).splitlines()
    kind: FileFormat = "md" if path.suffix.lower() in (".md", ".markdown") else "txt"
    return Document(kind, tuple(_blocks(lines)))


def decode(data: bytes) -> str:
    """Text of bytes: BOM, then strict UTF-8, then GB18030; no guessing by statistics.

    Raises:
        ReadingError: ``unreadable`` where neither fits or NUL bytes show another kind of file.
    """
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        try:
            return data.decode("utf-16")
        except UnicodeDecodeError:
            raise ReadingError("unreadable", "marked as UTF-16 but is not. Save it again as UTF-8.") from None
    if b"\0" in data:
        raise ReadingError("unreadable", "not text: it has NUL bytes. Is the file's ending right?")
    for charset in ("utf-8-sig", "gb18030"):
        try:
            return data.decode(charset)
        except UnicodeDecodeError:
            continue
    raise ReadingError("unreadable", "neither UTF-8 nor GB18030. Save it again as UTF-8.")


def _blocks(lines: list[str]) -> Iterator[Block]:
    at = 0
    runs: dict[int, tuple[int, bool]] = {}
    while at < len(lines):
        found = _word_export(lines, at) or _tabbed(lines, at) or _piped(lines, at, runs)
        if found is not None:
            grid, at = found
            yield grid
            continue
        line = lines[at]
        at += 1
        if "|" in line and _one_to_a_line([line]):
            ended = at >= 2 and _previous(lines, at - 1).rstrip().endswith("|")
            line = line.replace("|", " ")
            if not line.strip() and ended:
                # A pipe alone after a cell that a pipe has ended: an empty cell.
                yield Paragraph("", f"line={at}")
        if line.strip():
            match = _HEADING.match(line)
            text = line[match.end() :] if match else line
            yield Paragraph(text.strip(), f"line={at}", len(match[1]) if match else None)


def _previous(lines: list[str], before: int) -> str:
    return next((lines[at] for at in range(before - 1, -1, -1) if lines[at].strip()), "")


def _tabbed(lines: list[str], start: int) -> tuple[Grid, int] | None:
    """Lines with tab separated fields; an empty line between two of them does not end the grid."""
    if "\t" not in lines[start] or not lines[start].strip():
        return None
    end = _run(lines, start, lambda line: "\t" in line)
    if end is None:
        return None
    return _fields(lines, start, end, "\t"), end


def _piped(lines: list[str], start: int, runs: dict[int, tuple[int, bool]]) -> tuple[Grid, int] | None:
    """Lines with pipe separated fields: Markdown tables and pages flattened to text.

    ``runs`` keeps, for each line of a run met before, where the run ends and whether what is left
    of it has one cell to a line, so that a long run is looked at once.
    """
    if start not in runs:
        end = _run(lines, start, lambda line: "|" in line or "｜" in line)
        if end is None:
            return None
        few = filled = 0
        for at in range(end - 1, start - 1, -1):
            if lines[at].strip():
                filled += 1
                few += _cells_in(lines[at]) <= 1
            if "|" in lines[at] or "｜" in lines[at]:
                runs[at] = end, few > 0.8 * filled
    end, one_to_a_line = runs[start]
    return None if one_to_a_line else (_fields(lines, start, end, "|"), end)


def _cells_in(line: str) -> int:
    return sum(1 for field in re.split(r"[|｜]", line) if field.strip())


def _one_to_a_line(lines: list[str]) -> bool:
    """Whether pipes only end cells that stand one to a line (``规章 |``), so that rows cannot be seen."""
    filled = [_cells_in(line) for line in lines if line.strip()]
    return sum(1 for n in filled if n <= 1) > 0.8 * len(filled)


def _run(lines: list[str], start: int, belongs) -> int | None:  # type: ignore[no-untyped-def]
    if not belongs(lines[start]):
        return None
    end = start
    at = start
    while at < len(lines):
        if belongs(lines[at]):
            end = at + 1
        elif lines[at].strip() or at - end >= 2:
            break
        at += 1
    return end


def _fields(lines: list[str], start: int, end: int, separator: str) -> Grid:
    cells: list[Cell] = []
    row = 0
    for number in range(start, end):
        line = lines[number].replace("｜", "|") if separator == "|" else lines[number]
        if (not line.strip() and separator not in line) or (
            separator == "|" and _RULE.fullmatch(line.strip())
        ):
            continue
        texts = line.split(separator)
        first = 0
        if separator == "|" and not texts[0].strip() and line.lstrip().startswith("|"):
            # A leading pipe is a border, not an empty field; a trailing one likewise.
            first, texts = 1, texts[1:]
            if texts and not texts[-1].strip():
                texts = texts[:-1]
        for column, text in enumerate(texts):
            place = f"line={number + 1};field={column + first + 1}"
            cells.append(Cell(row, column, text.strip(), place))
        row += 1
    return Grid(tuple(cells), "fields", f"line={start + 1}", engine="text")


def _word_export(lines: list[str], start: int) -> tuple[Grid, int] | None:
    """A word processor's export: a tab opens each cell, lines without one go on, a blank line ends a row."""
    if not _opens_cell(lines[start]) or start + 1 >= len(lines):
        return None
    openers = following = 0
    end = at = start
    gap = 0
    while at < len(lines):
        line = lines[at]
        if _opens_cell(line):
            openers, end, gap = openers + 1, at + 1, 0
        elif not line.strip():
            gap += 1
            if gap > 2:
                break
        elif gap == 0 and len(line.strip()) <= 30:
            following, end = following + 1, at + 1
        else:
            break
        at += 1
    if openers < 4:
        return None
    cells: list[Cell] = []
    row = column = 0
    texts: list[str] = []
    place = ""

    def close() -> None:
        nonlocal column
        if place:
            cells.append(Cell(row, column, "\n".join(texts).strip(), place))
            column += 1

    for number in range(start, end):
        line = lines[number]
        if _opens_cell(line):
            close()
            texts, place = [line[1:]], f"line={number + 1}"
        elif line.strip():
            texts.append(line)
        else:
            close()
            texts, place = [], ""
            if column:
                row, column = row + 1, 0
    close()
    return Grid(tuple(cells), "fields", f"line={start + 1}", engine="text"), end


def _opens_cell(line: str) -> bool:
    return line.startswith("\t") and "\t" not in line[1:].rstrip("\t") and not line[1:].startswith("\t")
