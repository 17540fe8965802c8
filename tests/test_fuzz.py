"""A short run of the fuzzer over every reader, the inputs that once broke one, and what the watch sees."""

from __future__ import annotations

import io
import os
import random
import re
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import numpy.typing as npt
import pytest
from PIL import Image
from reportlab.pdfgen import canvas

from pipeline.crawl.sources import SourceFault, load
from pipeline.curation.decisions import load_folder
from pipeline.form.model import FormFault, load_form
from pipeline.reading.document import Cell, Document, Grid, Paragraph, ReadingError
from pipeline.reading.image import _frames, ocr_available
from pipeline.reading.open import read_document
from tests import fuzz, fuzz_inputs, fuzz_ole, fuzz_pictures
from tests.fuzz_inputs import zipped
from tests.fuzz_watch import READERS, Fault, Watch, check
from tests.render import external

pytestmark = pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="needs Linux")

# As many as a second or so allows; LibreOffice and recognition take seconds each (docs/reliability.md).
QUICK = {
    "text": 400, "html": 60, "docx": 40, "pdf": 30, "sheet": 100, "bundle": 100, "ofd": 400, "image": 20,
    "ocr_words": 30, "office_given": 40, "form": 100, "sources": 150, "curation": 300,
}  # fmt: skip
OUTSIDE = "gongkai-fuzz-outside"


@pytest.mark.parametrize("reader", QUICK)
def test_no_input_breaks_a_reader(reader: str) -> None:
    found = fuzz.run(reader, QUICK[reader], seed=1)
    assert not found.faults
    assert found.inputs == QUICK[reader] == sum(found.results.values())
    # Inputs are near enough to real files that some are read.
    assert found.results["unsupported" if reader == "ofd" else "read"] > QUICK[reader] / 10


@pytest.mark.slow
@pytest.mark.skipif(external.libreoffice() is None, reason="needs LibreOffice (libreoffice-writer)")
def test_no_old_office_file_breaks_its_reader() -> None:
    """A few only, and the old formats among them: each is a call of LibreOffice."""
    assert sum(seed.startswith(fuzz_ole.MARK) for seed in fuzz_inputs.office_files()) >= 1
    found = fuzz.run("office", 6, seed=2)
    assert not found.faults
    assert found.inputs == 6
    assert found.results["read"]


def test_without_libreoffice_there_is_still_rtf(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(external, "libreoffice", lambda: None)
    assert fuzz_inputs.office_files.__wrapped__() == fuzz_inputs.rtfs()


def test_numbers_of_an_old_office_file_change_in_their_place() -> None:
    """Header, chains, directory and the heads of both kinds of stream; never a byte more or less."""
    data = fuzz_ole.MARK + bytes(504) + b"\xff" * 512 + (b"\xec\xa5" + bytes(510)) * 2
    data += b"\x09\x08\x10\0" + bytes(508)
    made = [fuzz_ole.renumbered(random.Random(number), data) for number in range(300)]
    assert {len(one) for one in made} == {len(data)}
    changed = {at // 512 for one in made for at in range(len(data)) if one[at] != data[at]}
    assert changed == set(range(len(data) // 512))


def test_an_input_follows_from_its_number() -> None:
    assert fuzz.input_of("docx", 7, 12) == fuzz.input_of("docx", 7, 12)
    assert len({fuzz.input_of("html", 7, number) for number in range(50)}) > 45


def writes_outside(path: Path) -> None:
    (Path(tempfile.gettempdir()).parent / OUTSIDE).write_text("x")


def connects(path: Path) -> None:
    with socket.socket() as door:
        door.connect_ex(("127.0.0.1", 9))


def starts_a_program(path: Path) -> None:
    subprocess.run([sys.executable, "-c", ""], check=True)


def leaves_a_file(path: Path) -> None:
    path.with_name("left").write_text("x")


def hangs(path: Path) -> None:
    end = time.process_time() + 20
    while time.process_time() < end:
        pass


def raises(path: Path) -> None:
    raise KeyError("w:val")


def eats(path: Path) -> None:
    _ = "x" * (2 << 30)


def dies(path: Path) -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def refuses(path: Path) -> None:
    raise ReadingError("unreadable", "as readers do")


@pytest.mark.parametrize(
    ("take", "told"),
    [
        (writes_outside, f"open .*{OUTSIDE}"),
        (connects, "socket.connect"),
        (starts_a_program, "subprocess.Popen"),
        (leaves_a_file, "left behind: left"),
        (hangs, "longer than its time"),
        (raises, "KeyError at"),
        (eats, "memory at"),
        (dies, "signal 9 ended the process"),
        (refuses, None),
    ],
)
def test_the_watch_sees(
    monkeypatch: pytest.MonkeyPatch, take: Callable[[Path], None], told: str | None
) -> None:
    """One process a reader that does what none may do; the run goes on behind one that dies."""
    monkeypatch.setitem(READERS, "text", replace(READERS["text"], take=take, seconds=0.5))
    found = fuzz.run("text", 2, seed=1)
    (Path(tempfile.gettempdir()) / OUTSIDE).unlink(missing_ok=True)
    assert found.inputs == 2
    if told is None:
        assert not found.faults
    else:
        (fault,) = found.faults
        assert re.search(told, fault)


@pytest.mark.parametrize(
    ("document", "told"),
    [
        (Document("txt", (Paragraph("x", "line=0"),)), "locator"),
        (Document("txt", (Grid((Cell(-1, 0, "x", "line=1"),), "spans", "line=1"),)), "before the first"),
        (Document("txt", (Grid((Cell(0, 0, "x", "line=1", 0),), "spans", "line=1"),)), "span below 1"),
        (Document("txt", (Grid((Cell(0, 0, "x", "line=1"),) * 2, "spans", "line=1"),)), "one place"),
        (Document("txt", (), pages=-1), "pages"),
    ],
)
def test_a_document_that_breaks_its_promises_is_a_fault(document: Document, told: str) -> None:
    with pytest.raises(Fault, match=told):
        check(document)


def test_the_watch_takes_a_sound_reader_for_one(tmp_path: Path) -> None:
    """In a process of its own, for the hook stays."""
    child = os.fork()
    if child == 0:
        code = 1
        try:
            watch = Watch(READERS["text"], tmp_path)
            code = 0 if watch.try_one("一、总体情况\n".encode(), ".txt") is None else 1
        finally:
            os._exit(code)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0


# What fuzzing found, cut down.


def test_control_characters_in_broken_markup(tmp_path: Path) -> None:
    """The tree of the browser-like parser holds none: they part figures like a blank, and never join them."""
    page = tmp_path / "a.html"
    page.write_bytes("<table><tr><td>行政许可<td>1\x0b2<tr><td>x\x02y</table><td>".encode())
    cells = [c.text for block in read_document(page).blocks if isinstance(block, Grid) for c in block.cells]
    assert "1 2" in cells
    assert "12" not in cells


def test_control_characters_as_references(tmp_path: Path) -> None:
    page = tmp_path / "a.html"
    page.write_bytes("<p>年报<table><tr><td>行政许可<td>1&#1;2<tr><td>x</table><td>".encode())
    try:
        text = read_document(page).text
    except ReadingError as error:
        assert "control characters" in error.message
    else:
        assert "12" not in text


def test_a_member_without_a_name(tmp_path: Path) -> None:
    archive = tmp_path / "a.zip"
    archive.write_bytes(zipped([("", b"x"), ("report.txt", "一、总体情况\n".encode())]))
    assert "总体情况" in read_document(archive).text
    archive.write_bytes(zipped([("", b"x")]))
    with pytest.raises(ReadingError, match="no report in this archive"):
        read_document(archive)


def test_half_a_character_in_the_title_of_a_pdf(tmp_path: Path) -> None:
    """PDFium hands it on, and UTF-16 has no such text; the pages are read all the same."""
    pdf = tmp_path / "a.pdf"
    page = canvas.Canvas(str(pdf), pageCompression=0)
    page.setTitle("XXXX")
    page.drawString(100, 700, "2023")
    page.save()
    whole = pdf.read_bytes()
    assert whole.count(b"(XXXX)") == 1
    pdf.write_bytes(whole.replace(b"(XXXX)", b"<FEFFD8000041>"))
    document = read_document(pdf)
    assert (document.text.strip(), document.hints) == ("2023", {})


@dataclass
class Says:
    """Stands for the engine's models: these corners, and "12" with this probability in every line."""

    corners: Sequence[Sequence[tuple[float, float]]]
    score: float = 0.99

    def run(self, _: None, given: dict[str, npt.NDArray[np.float32]]) -> list[npt.NDArray[np.float32]]:
        steps = np.zeros((len(given["x"]), 4, 8), dtype=np.float32)
        steps[:, :, 0] = 0.1
        steps[:, 0, 1] = steps[:, 1, 2] = self.score
        return [steps]

    def read(self, monkeypatch: pytest.MonkeyPatch, path: Path) -> Document:
        """A ruled table with some ink below it, read with this engine."""
        from pipeline.reading import ocr_engine

        with Image.open(io.BytesIO(fuzz_pictures.pictures()[0])) as picture:
            picture.paste(0, (20, 95, 26, 98))
            picture.save(path)
        boxes = np.array(self.corners, dtype=np.float64).reshape(-1, 4, 2)
        monkeypatch.setattr(ocr_engine, "_detector", lambda: lambda *_, **__: SimpleNamespace(boxes=boxes))
        monkeypatch.setattr(ocr_engine, "_recogniser", lambda: (self, "x", ("", *"1234567")))
        document = read_document(path)
        check(document)
        return document


needs_ocr = pytest.mark.skipif(not ocr_available(), reason="needs the extra gongkai[ocr]")
LINE = [(10, 240), (390, 240), (390, 249), (10, 249)]
"""Below the table, in the picture as it is worked on: two and a half times as large."""


@needs_ocr
@pytest.mark.parametrize(
    "corners",
    [
        [(float("nan"), 240), *LINE[1:]],
        [(10, float("inf")), *LINE[1:]],
        [(-1e9, 240), *LINE[1:]],
        [*LINE[:2], (1e30, 249), LINE[3]],
        [(10, 232), (390, 232), (390, 232), (10, 232)],
        [(10, 232)] * 4,
    ],
)
def test_corners_that_no_line_has(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, corners: list[tuple[float, float]]
) -> None:
    """A line that the engine places nowhere is none; what reaches out of the picture ends at its side."""
    document = Says([LINE, corners, corners]).read(monkeypatch, tmp_path / "a.png")
    lines = [block for block in document.blocks if isinstance(block, Paragraph)]
    assert lines
    assert all(re.fullmatch(r"image=1;box=\d{1,3},\d{1,2},\d{1,3},\d{1,3}", line.locator) for line in lines)


@needs_ocr
@pytest.mark.parametrize("score", [float("nan"), float("inf"), -float("inf"), 2.0])
def test_probabilities_that_are_none(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, score: float) -> None:
    """No cell has a confidence that is no number: ``check`` holds it."""
    document = Says([], score).read(monkeypatch, tmp_path / "a.png")
    cells = [c for block in document.blocks if isinstance(block, Grid) for c in block.cells]
    (inked,) = [c for c in cells if c.text]
    assert inked.text == ("12" if score == 2.0 else "?")


@pytest.mark.parametrize("name", ["mimetype", "MimeType"])
@pytest.mark.parametrize("ending", [".odt", ".et", ".wps"])
def test_a_package_whose_mark_cannot_be_unpacked(tmp_path: Path, name: str, ending: str) -> None:
    """Or is written otherwise: what it is cannot be told, and that is said."""
    path = tmp_path / f"a{ending}"
    whole = zipped([(name, b"application/vnd.oasis.opendocument.text" * 9)])
    at = whole.index(name.encode()) + len(name)
    path.write_bytes(whole[:at] + b"\xff\xff\xff" + whole[at + 3 :])
    with pytest.raises(ReadingError):
        read_document(path)


def test_a_page_of_a_tiff_that_tells_no_size() -> None:
    made = io.BytesIO()
    Image.new("L", (8, 8)).save(made, "TIFF")
    whole = bytearray(made.getvalue())
    (first,) = struct.unpack_from("<I", whole, 4)
    (entries,) = struct.unpack_from("<H", whole, first)
    # A second directory of one entry (black is 0): width and height are missing.
    struct.pack_into("<I", whole, first + 2 + 12 * entries, len(whole))
    whole += struct.pack("<HHHIHHI", 1, 262, 3, 1, 1, 0, 0)
    with pytest.raises(ReadingError, match="a damaged picture") as fault:
        list(_frames(io.BytesIO(whole)))
    assert fault.value.status == "unreadable"


# Values that PyYAML's own converters fail on, each with another fault; the last is too deep for it.
NO_YAML = (
    "!!timestamp x",
    "!!int x",
    "!!int ''",
    "!!bool x",
    "!!float x",
    "2024-99-99",
    "!!binary [",
    "[" * 3000,
)


@pytest.mark.parametrize("value", NO_YAML)
def test_values_that_yaml_cannot_convert(tmp_path: Path, value: str) -> None:
    """Each loader says its own fault, with the file; decisions never stop a build."""
    path = tmp_path / "a.yaml"
    path.write_text(f"- reason: {value}\n")
    with pytest.raises(FormFault, match=r"a\.yaml"):
        load_form(path)
    with pytest.raises(SourceFault, match=r"a\.yaml"):
        load(path)
    entries = load_folder(tmp_path)
    assert entries
    assert all(entry.decision is None and entry.fault for entry in entries)
