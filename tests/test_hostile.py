"""Files made to harm: each costs only itself, within its bounds, and says what to do about it."""

from __future__ import annotations

import os
import shutil
import socket
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

import polars as pl
import pytest

from pipeline.cells.report import Report
from pipeline.collection import identify, list_files
from pipeline.reading import office
from pipeline.reading.text import read_text
from pipeline.reading_cache import AGAIN, NAMED, ReadingCache
from pipeline.reading_pool import Limits, ReadFile, read_files
from pipeline.reading_rows import Reading
from tests import fakes, hostile
from tests.render import Expected

LIMITS = Limits(seconds=30, megabytes=3072)
GOOD = ("0 good.docx", "m good.docx", "z good.docx")

# Status, and what the message must say; None for a report that is read exactly.
OUTCOMES: dict[str, tuple[str, str] | None] = {
    "locked.pdf": ("encrypted", "password"),
    "locked.docx": ("encrypted", "password"),
    "locked.zip": ("encrypted", "password"),
    "cut.docx": ("unreadable", "Fetch it again"),
    "cut.pdf": ("unreadable", "fetch the file again"),
    "cut.png": ("unreadable", "save it anew"),
    "empty.pdf": ("unreadable", "Fetch it again"),
    "bomb.docx": ("unreadable", "unpacks to"),
    "lying bomb.docx": ("unreadable", "damaged"),
    "bomb.zip": ("unreadable", "unpacks to"),
    "lying bomb.zip": ("unreadable", "damaged"),
    "nested.zip": ("unsupported", "Unpack it"),
    "disguised nested.zip": ("unsupported", "Unpack it"),
    "nested.eml": ("unreadable", "Save its report"),
    "huge.png": ("unreadable", "300 dpi"),
    "wide.xlsx": ("unreadable", "Save only"),
    "squared paper.png": ("scanned", ""),
    "grain.png": ("scanned", ""),
    "laughs.docx": ("unreadable", "entities"),
    "late laughs.docx": ("unreadable", "damaged"),
    "laughs.html": ("not_a_report", "no title"),
    "fetches.docx": ("unreadable", "entities"),
    "late fetches.docx": ("unreadable", "entities"),
    "fetches.xhtml": ("not_a_report", "no title"),
    "10000 pages.pdf": ("not_a_report", "no t"),
    "50 MB.html": ("unreadable", "Save only"),
    "deep.html": ("unreadable", "nested"),
    "deep lists.html": ("unreadable", "nested"),
    "deep tables.html": ("unreadable", "nested"),
    "1400 deep tables.html": ("unreadable", "nested"),
    "unended tag.html": ("unreadable", "does not end"),
    "deep.docx": ("unreadable", "damaged"),
    "blanks.txt": ("not_a_report", "no title"),
    "tabs.txt": ("not_a_report", "no text"),
    "digits.txt": ("not_a_report", "no title"),
    "looped pages.pdf": ("unreadable", "fetch the file again"),
    "huge page.pdf": ("not_a_report", "no text"),
    "deep states.pdf": ("not_a_report", "no text"),
    "a pdf.docx": None,
    "a page.pdf": None,
    "a picture.txt": ("scanned", ""),
    "text.doc": None,
    "a docx.pdf": None,
    "zeros.pdf": ("unreadable", "fetch the file again"),
    "noise.doc": ("unsupported", "no reader"),
}


@pytest.fixture(scope="module")
def expected() -> Expected:
    """What the good report says."""
    with tempfile.TemporaryDirectory() as folder:
        return hostile.GOOD.render(Path(folder))[1]


def read_all(raw: Path, read: ReadFile = hostile.read_file, limits: Limits = LIMITS) -> dict[str, Reading]:
    files = identify(list_files(raw), raw.parent / "files.parquet")
    return by_name(read_files([f for f in files if not f.refused], read, 2, limits))


def by_name(readings: Iterable[Reading]) -> dict[str, Reading]:
    found = list(readings)
    named = {reading.name: reading for reading in found}
    assert len(named) == len(found)
    return named


def assert_exact(report: Report, expected: Expected) -> None:
    """Every cell of the report is the truth's."""
    assert report.status == "parsed", report.message
    facts = {(t.table, f.row, f.column): f.value for t in report.tables for f in t.facts}
    assert len(facts) == len(expected.cells) > 100
    for key, cell in expected.cells.items():
        assert facts[key] == (None if cell.figure is None else float(cell.figure)), key


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Reading]]:
    """One run over all quick files, with good reports among them."""
    folder = tmp_path_factory.mktemp("hostile")
    raw = folder / "raw"
    raw.mkdir()
    (folder / "secret.txt").write_text(hostile.SECRET)
    for name, make in hostile.QUICK.items():
        make(raw / name)
    whole = hostile.good_file(folder)
    for name in GOOD:
        (raw / name).write_bytes(whole)
    yield read_all(raw)
    shutil.rmtree(folder)


def test_every_file_has_an_outcome() -> None:
    assert set(OUTCOMES) == set(hostile.QUICK)


@pytest.mark.xdist_group("hostile")
@pytest.mark.parametrize("name", OUTCOMES)
def test_a_hostile_file_says_what_to_do(run: dict[str, Reading], name: str, expected: Expected) -> None:
    report = run[name].report
    outcome = OUTCOMES[name]
    if outcome is None:
        assert_exact(report, expected)
    else:
        assert (report.status, outcome[1] in report.message) == (outcome[0], True), report.message
        assert not [f for t in report.tables for f in t.facts if f.value is not None]


@pytest.mark.xdist_group("hostile")
def test_no_other_file_is_read_through_one(run: dict[str, Reading]) -> None:
    assert not [name for name, reading in run.items() if hostile.SECRET in reading.payload]


@pytest.mark.xdist_group("hostile")
@pytest.mark.parametrize("name", GOOD)
def test_good_reports_beside_them_are_read_exactly(
    run: dict[str, Reading], name: str, expected: Expected
) -> None:
    assert_exact(run[name].report, expected)


@pytest.mark.xdist_group("hostile")
def test_no_message_shows_a_place_on_this_machine(run: dict[str, Reading]) -> None:
    assert not [r.report.message for r in run.values() if tempfile.gettempdir() in r.report.message]


# Slow ones, each within bounds of time and memory.


@pytest.mark.slow
@pytest.mark.parametrize("name", hostile.SLOW)
def test_a_file_that_takes_long_is_bounded(tmp_path: Path, name: str, expected: Expected) -> None:
    raw = tmp_path / "raw"
    raw.mkdir()
    (tmp_path / "secret.txt").write_text(hostile.SECRET)
    hostile.SLOW[name](raw / name)
    (raw / GOOD[-1]).write_bytes(hostile.good_file(tmp_path))
    limits = Limits(seconds=10, megabytes=2048)
    started = time.monotonic()
    found = read_all(raw, limits=limits)
    # Twice the hard bound, for the reading among others and the one alone, and the pools' beginning.
    assert time.monotonic() - started < 2 * (1.5 * limits.seconds + 1) + 15
    assert hostile.SECRET not in found[name].payload
    report = found[name].report
    assert report.status in ("unreadable", "not_a_report", "scanned")
    assert report.message
    assert_exact(found[GOOD[-1]].report, expected)


def test_one_cell_to_a_line_takes_time_by_its_length(tmp_path: Path) -> None:
    path = tmp_path / "long.txt"
    hostile.SLOW["pipes.txt"](path)
    started = time.monotonic()
    assert len(read_text(path).blocks) == 26_001
    assert time.monotonic() - started < 5


# Names and places


def test_odd_names_are_only_names(tmp_path: Path, expected: Expected) -> None:
    raw = tmp_path / "raw"
    raw.mkdir()
    whole = hostile.good_file(tmp_path, "html")
    for name in hostile.NAMES:
        (raw / name).write_bytes(whole)
    Path(os.fsdecode(os.fsencode(raw) + b"/" + hostile.NAME_BYTES)).write_bytes(whole)
    found = read_all(raw)
    assert set(found) == {*hostile.NAMES, "\\xb1\\xa8\\xff.html"}
    for reading in found.values():
        assert_exact(reading.report, expected)
    assert not (Path.cwd() / "made").exists() and not (raw / "touch made").exists()


@pytest.mark.slow
@pytest.mark.skipif(
    not any(shutil.which(name) for name in office.PROGRAMS),
    reason="needs LibreOffice (Debian: apt-get install libreoffice-writer)",
)
def test_odd_names_reach_no_other_program(tmp_path: Path) -> None:
    raw = tmp_path / "raw"
    raw.mkdir()
    names = [name.replace(".html", ".rtf") for name in hostile.NAMES[:5]]
    for name in names:
        (raw / name).write_bytes(rb"{\rtf1 1}")
    found = read_all(raw, limits=Limits(60, 4096))
    assert {name: reading.report.status for name, reading in found.items()} == dict.fromkeys(
        names, "not_a_report"
    )
    assert {reading.format for reading in found.values()} == {"doc"}


def test_what_is_no_file_is_listed_and_never_opened(tmp_path: Path, expected: Expected) -> None:
    raw = tmp_path / "raw"
    (raw / "a folder.pdf").mkdir(parents=True)
    whole = hostile.good_file(tmp_path)
    (raw / "a folder.pdf" / "inside.docx").write_bytes(whole)
    (tmp_path / "secret.txt").write_text(hostile.SECRET)
    (raw / "link.txt").symlink_to(tmp_path / "secret.txt")
    (raw / "device.pdf").symlink_to("/dev/zero")
    (raw / "self.pdf").symlink_to(raw / "self.pdf")
    os.mkfifo(raw / "pipe.pdf")
    with socket.socket(socket.AF_UNIX) as bound:
        here = Path.cwd()
        os.chdir(raw)  # a socket's name is short
        try:
            bound.bind("socket.pdf")
        finally:
            os.chdir(here)
        files = identify(list_files(raw), tmp_path / "files.parquet")
    refused = {file.path: file.refused for file in files if file.refused}
    assert refused == {
        "link.txt": "unsupported",
        "device.pdf": "unsupported",
        "self.pdf": "unreadable",
        "pipe.pdf": "unsupported",
        "socket.pdf": "unsupported",
    }
    assert all(file.message for file in files if file.refused)
    assert_exact(read_all(raw)["a folder.pdf/inside.docx"].report, expected)


# Files that change during the run


def _gone(path: Path) -> None:
    path.unlink()


def _changed(path: Path) -> None:
    path.write_bytes(path.read_bytes() + b"\n")


def _a_folder(path: Path) -> None:
    path.unlink()
    path.mkdir()


@pytest.mark.parametrize("change", [_gone, _changed, _a_folder])
def test_a_file_that_changes_during_the_run_is_read_again_by_the_next(
    tmp_path: Path, change: Callable[[Path], None], expected: Expected
) -> None:
    raw = tmp_path / "raw"
    raw.mkdir()
    whole = hostile.good_file(tmp_path)
    for name in ("changes.docx", "stays.docx"):
        (raw / name).write_bytes(whole)
    files = identify(list_files(raw), tmp_path / "files.parquet")
    change(raw / "changes.docx")
    found = by_name(read_files(files, hostile.read_file, 1, LIMITS))
    report = found["changes.docx"].report
    assert (report.status, "Run again" in report.message) == ("unreadable", True)
    assert found["changes.docx"].only_under == AGAIN
    assert_exact(found["stays.docx"].report, expected)

    cache = ReadingCache(tmp_path / "cache", fakes.versions("v1"), str(LIMITS))
    cache.add(found.values())
    assert cache.known()["name"].to_list() == ["stays.docx"]
    wanted = pl.DataFrame([(file.document_id, file.path) for file in files], schema=NAMED, orient="row")
    (loaded,) = cache.held(wanted).identities()
    assert sorted(loaded["name"]) == ["changes.docx", "stays.docx"]


# Readers that hang or eat memory


def test_a_reader_that_hangs_or_eats_memory_costs_only_itself(tmp_path: Path, expected: Expected) -> None:
    raw = tmp_path / "raw"
    raw.mkdir()
    whole = hostile.good_file(tmp_path)
    for name in ("a hang.docx", "b eat.docx", *GOOD):
        (raw / name).write_bytes(whole)
    started = time.monotonic()
    found = read_all(raw, hostile.read_or_harm, Limits(seconds=6, megabytes=1536))
    assert time.monotonic() - started < 40
    for name, says in (("a hang.docx", "longer than 6 s"), ("b eat.docx", "more memory than 1536 MB")):
        report = found[name].report
        assert (report.status, says in report.message) == ("unreadable", True), report.message
        assert "raise the limits" in report.message
    for name in GOOD:
        assert_exact(found[name].report, expected)
