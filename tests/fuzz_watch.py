"""What may not happen while a file is read, and the looking for it.

Here: which reader takes an input, the watch over what the process does meanwhile, and what a Document must
be. Not here: the inputs (fuzz_inputs.py), or how many there are (fuzz.py).
"""

from __future__ import annotations

import os
import re
import signal
import sys
import tempfile
import traceback
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import get_args

from pipeline.crawl import sources
from pipeline.curation import decisions
from pipeline.form.model import FormFault, load_form
from pipeline.reading import image
from pipeline.reading.document import Document, Grid, Paragraph, Picture, ReadingError, ReadingStatus
from pipeline.reading.open import read_document
from tests import fuzz_inputs as inputs
from tests import fuzz_office, fuzz_pictures
from tests.fuzz_words import saying

SECONDS = 10
"""Seconds of processor time that an input may take."""
MEGABYTES = 1536
"""What a process that fuzzes may take beyond what it takes at its start."""
_ELSEWHERE = ("socket.connect", "socket.bind", "socket.sendto", "socket.getaddrinfo", "socket.gethostbyname")
_PROGRAMS = ("subprocess.Popen", "os.system", "os.exec", "os.posix_spawn", "os.fork")
_PLACES = (
    "os.mkdir",
    "os.remove",
    "os.rename",
    "os.rmdir",
    "os.link",
    "os.symlink",
    "os.chmod",
    "os.truncate",
)
_WRITES = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND
_LOCATOR = re.compile(
    r"line=[1-9]\d*(;field=[1-9]\d*)?"
    r"|page=[1-9]\d*(;image=[1-9]\d*)?(;box=[-\d.,]+)?"
    r"|paragraph=[1-9]\d*(;image=[1-9]\d*)?(;box=[-\d.,]+)?"
    r"|table=[1-9]\d*(;row=[1-9]\d*(;column=[1-9]\d*)?)?(;image=[1-9]\d*)?(;box=[-\d.,]+)?"
    r"|image=[1-9]\d*(;box=[-\d.,]+)?"
)


class Fault(BaseException):
    """Something that may not happen; no Exception, so that no reader takes it for one of its own."""


@dataclass(frozen=True)
class Reader:
    """One thing to be fuzzed: its seeds, how they are changed, and what takes an input.

    ``endings``: of the file that an input is written to, one of them. ``programs``: it runs others.
    ``at_once``: inputs for one process, after which a run may end.
    """

    kind: str
    seeds: Callable[[], Sequence[bytes]]
    take: Callable[[Path], object]
    endings: tuple[str, ...]
    programs: bool = False
    seconds: float = SECONDS
    at_once: int = 500


def _document(path: Path) -> None:
    check(read_document(path))


def _rules(path: Path) -> None:
    """Decoding, and the lines of tables: recognition, which takes seconds, is ``ocr``."""
    import numpy as np

    from pipeline.reading.ocr_rules import find_tables, without_streaks

    with path.open("rb") as file:
        for number, picture in enumerate(image._frames(file)):
            if number == 3:
                break
            grey = np.asarray(picture.convert("L").crop((0, 0, 600, 600)))
            if min(grey.shape) > 0:
                find_tables(without_streaks(grey))


def _words(path: Path) -> None:
    """A picture, with an engine that may say anything of it: places in the picture, each cell's its own."""
    with saying(path.read_bytes()):
        document = read_document(path)
    check(document)
    with path.open("rb") as file:
        sizes = [picture.size for picture in image._frames(file)]
    for block in document.blocks:
        for locator in (block.locator, *(c.locator for c in getattr(block, "cells", ()))):
            _in_its_picture(locator, sizes)
        if isinstance(block, Grid):
            taken = [
                (row, column)
                for cell in block.cells
                for row in range(cell.row, cell.row + cell.row_span)
                for column in range(cell.column, cell.column + cell.column_span)
            ]
            _hold(len(taken) == len(set(taken)), "a place in two cells")


def _given(path: Path) -> None:
    """An old Office file, with a LibreOffice that may make anything of it."""
    with fuzz_office.making(path.read_bytes()):
        check(read_document(path))


def _in_its_picture(locator: str, sizes: Sequence[tuple[int, int]]) -> None:
    number, _, box = locator.removeprefix("image=").partition(";box=")
    wide, high = sizes[int(number) - 1]
    if box:
        x0, y0, x1, y1 = map(int, box.split(","))
        _hold(0 <= x0 <= x1 <= wide and 0 <= y0 <= y1 <= high, "box out of its picture")


def _form(path: Path) -> None:
    try:
        load_form(path)
    except FormFault:
        return


def _sources(path: Path) -> None:
    try:
        sources.load(path)
    except sources.SourceFault:
        return


def _curation(path: Path) -> None:
    # It never fails: what cannot be used is an entry with its fault, and all are rows.
    decisions.rows(decisions.load_folder(path.parent))


_OCR = 120
READERS: dict[str, Reader] = {
    "text": Reader(
        "text",
        lambda: inputs.rendered("txt_tab", "txt_pipe", "txt_lines", "md_pipe"),
        _document,
        (".txt", ".md"),
    ),
    "html": Reader(
        "tags",
        lambda: inputs.rendered("html", "html_word", "html_nested", "html_gb18030"),
        _document,
        (".html",),
    ),
    "docx": Reader("word", lambda: inputs.rendered("docx"), _document, (".docx",)),
    "pdf": Reader(
        "pdf",
        lambda: inputs.rendered("pdf_lines", "pdf_rects", "pdf_rotated"),
        _document,
        (".pdf",),
        seconds=30,
    ),
    "sheet": Reader("sheet", inputs.sheets, _document, (".xlsx", ".et")),
    "bundle": Reader("zip", inputs.bundles, _document, (".zip", ".eml", ".mht", "")),
    "ofd": Reader("zip", inputs.ofds, _document, (".ofd",)),
    "image": Reader("raw", fuzz_pictures.pictures, _rules, (".png", ".tif")),
    "ocr": Reader("raw", fuzz_pictures.pictures, _document, (".png", ".tif"), seconds=_OCR),
    "ocr_words": Reader("words", fuzz_pictures.ruled, _words, (".bmp", ".png")),
    "office": Reader(
        "office",
        inputs.office_files,
        _document,
        (".rtf", ".doc", ".wps", ".xls", ".et"),
        programs=True,
        seconds=_OCR,
        at_once=10,
    ),
    "office_given": Reader(
        "given",
        fuzz_office.files,
        _given,
        (".rtf", ".doc", ".wps", ".xls", ".et", ".odt"),
        programs=True,
    ),
    "form": Reader("yaml", inputs.form_files, _form, (".yaml",)),
    "sources": Reader("yaml", inputs.source_files, _sources, (".yaml",)),
    "curation": Reader("yaml", inputs.decisions, _curation, (".yaml",)),
}


def check(document: Document) -> None:
    """Hold a Document to what document.py promises.

    Raises:
        Fault: what it breaks.
    """
    document.text.encode("utf-8")
    for block in document.blocks:
        if not _LOCATOR.fullmatch(block.locator):
            raise Fault(f"locator {block.locator[:60]!r}")
        if isinstance(block, Paragraph):
            _hold(block.level is None or block.level >= 0, "level below 0")
        elif isinstance(block, Picture):
            _hold(block.width >= 0 and block.height >= 0, "picture of less than nothing")
        elif isinstance(block, Grid):
            _grid(block)
    _hold(document.pages is None or document.pages >= 0, "pages below 0")
    for hint in document.hints.values():
        hint.encode("utf-8")


def _grid(grid: Grid) -> None:
    starts = set()
    for cell in grid.cells:
        _hold(cell.row >= 0 and cell.column >= 0, "cell before the first")
        _hold(cell.row_span >= 1 and cell.column_span >= 1, "span below 1")
        _hold(cell.row + cell.row_span <= 1_000_000, "row past any table")
        _hold(0 <= cell.confidence <= 1, "confidence out of 0 to 1")
        _hold((cell.row, cell.column) not in starts, "two cells begin in one place")
        starts.add((cell.row, cell.column))
        "\n".join(cell.alternatives).encode("utf-8")
        _hold(cell.text not in cell.alternatives, "an alternative that is the text itself")
        if not _LOCATOR.fullmatch(cell.locator):
            raise Fault(f"locator {cell.locator[:60]!r}")


def _hold(holds: bool, what: str) -> None:
    if not holds:
        raise Fault(what)


# The watch.


class Watch:
    """Tries inputs of one reader in this process; one for a process, for its hook stays."""

    def __init__(self, reader: Reader, folder: Path) -> None:
        """
        Args:
            folder: empty; all that is written must be in it, and is gone after each input.
        """
        self.reader = reader
        self.folder = folder
        self.open = False
        self.seen: str | None = None
        self.results: dict[str, int] = {}
        self._prefix = str(folder)
        tempfile.tempdir = self._prefix
        sys.addaudithook(self._hook)
        signal.signal(signal.SIGPROF, _ring)

    def _hook(self, event: str, arguments: tuple[object, ...]) -> None:
        if not self.open:
            return
        if event == "open":
            path, mode, flags = arguments
            if (isinstance(flags, int) and flags & _WRITES) or (
                isinstance(mode, str) and set(mode) & set("wax+")
            ):
                self._inside(event, path)
        elif event in _PLACES:
            self._inside(event, arguments[0])
            if event == "os.rename":
                self._inside(event, arguments[1])
        elif event == "socket.bind" and str(arguments[1]).endswith((", 0)", ", 0, 0, 0)")):
            return  # urllib3 asks so, once, whether there is IPv6; nobody listens there
        elif event in _ELSEWHERE or (event in _PROGRAMS and not self.reader.programs):
            self.seen = f"{event} {arguments[0]!r}"[:200]

    def _inside(self, event: str, path: object) -> None:
        if isinstance(path, (str, bytes)):
            name = os.fsdecode(path)
            # A relative name is of a folder held open (rmtree), or of the working folder, which is looked at.
            if Path(name).is_absolute() and not name.startswith((self._prefix, os.devnull)):
                self.seen = f"{event} {name}"[:200]

    def try_one(self, data: bytes, ending: str) -> str | None:
        """The fault that an input brings about; None for none."""
        path = self.folder / f"input{ending}"
        path.write_bytes(data)
        self.seen = None
        result = "read"
        fault = None
        signal.setitimer(signal.ITIMER_PROF, self.reader.seconds)
        self.open = True
        try:
            self.reader.take(path)
        except ReadingError as error:
            result = error.status
            if result not in get_args(ReadingStatus):
                fault = f"a status that is none: {result}"
        except Fault as error:
            fault = f"{error} at {_place(error)}" if str(error) != _HANG else f"{_HANG} {_place(error)}"
        except MemoryError as error:
            fault = f"memory at {_place(error)}"
        except Exception as error:  # what the pool would have to catch
            fault = f"{type(error).__name__} at {_place(error)}: {str(error)[:80]}"
        finally:
            self.open = False
            signal.setitimer(signal.ITIMER_PROF, 0)
        self.results[result] = self.results.get(result, 0) + 1
        path.unlink(missing_ok=True)
        left = [entry.name for entry in self.folder.iterdir()]
        return fault or self.seen or (f"left behind: {left[0]}" if left else None)


_HANG = "longer than its time, in"


def _ring(number: int, frame: FrameType | None) -> None:
    raise Fault(_HANG)


def _place(error: BaseException) -> str:
    """The innermost line of ours."""
    found = "nowhere"
    for frame in traceback.extract_tb(error.__traceback__):
        if "/pipeline/" in frame.filename:
            found = f"{frame.filename.rsplit('/pipeline/', 1)[1]}:{frame.name}"
    return found
