"""DOC, WPS, RTF and ODT: what LibreOffice makes of them, and what it is not asked."""

from __future__ import annotations

import shutil
import subprocess
import time
from pathlib import Path

import docx
import pytest

from pipeline.reading import office
from pipeline.reading.document import Grid, ReadingError
from pipeline.reading.office import read_office
from pipeline.reading.word import read_docx

OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
needs_office = pytest.mark.skipif(
    not any(shutil.which(name) for name in office.PROGRAMS),
    reason="needs LibreOffice (Debian: apt-get install libreoffice-writer)",
)


def word_file(path: Path) -> Path:
    """A small DOCX with merged cells and a heading."""
    made = docx.Document()
    made.add_heading("一、题", 1)
    table = made.add_table(3, 3)
    for row in range(3):
        for column in range(3):
            table.cell(row, column).text = f"{row}{column}"
    table.cell(0, 0).merge(table.cell(0, 1)).text = "合"
    table.cell(1, 0).merge(table.cell(2, 0)).text = "并"
    # LibreOffice writes a table that ends the text as running text into a .doc.
    made.add_paragraph("末")
    made.save(str(path))
    return path


def grid(path: Path) -> list[tuple[int, int, int, int, str]]:
    found = next(block for block in read_docx(path).blocks if isinstance(block, Grid))
    return [(c.row, c.column, c.row_span, c.column_span, c.text) for c in found.cells]


def saved_as(source: Path, filters: dict[str, str], folder: Path) -> None:
    for ending, name in filters.items():
        subprocess.run(
            [
                shutil.which("soffice") or "libreoffice",
                f"-env:UserInstallation={(folder / 'profile').as_uri()}",
                "--headless",
                "--convert-to",
                f"{ending}:{name}",
                "--outdir",
                str(folder),
                str(source),
            ],
            check=True,
            capture_output=True,
            timeout=120,
        )


@needs_office
@pytest.mark.slow
def test_every_kind_keeps_its_cells_and_a_damaged_file_costs_only_itself(tmp_path: Path) -> None:
    source = word_file(tmp_path / "source.docx")
    saved_as(source, {"doc": "MS Word 97", "rtf": "Rich Text Format", "odt": "writer8"}, tmp_path)
    (tmp_path / "a").mkdir()
    same_name = shutil.copy(tmp_path / "source.doc", tmp_path / "a" / "source.doc")
    # WPS writes Word's own format under its own ending.
    wps = shutil.copy(tmp_path / "source.doc", tmp_path / "年报 2023.wps")
    whole = (tmp_path / "source.doc").read_bytes()
    cuts = [tmp_path / "a cut.doc", tmp_path / "b cut.doc"]
    for cut, length in zip(cuts, (len(whole) // 2, 2500), strict=True):
        cut.write_bytes(whole[:length])
    good = [tmp_path / f"source.{ending}" for ending in ("doc", "rtf", "odt")]
    good += [Path(same_name), Path(wps)]

    results = read_office([*good, *cuts], tmp_path / "into")

    assert list(results) == [*good, *cuts]
    for cut in cuts:
        error = results[cut]
        assert isinstance(error, ReadingError) and error.status == "unreadable"
    made = [results[path] for path in good]
    assert len({str(path) for path in made}) == len(good)
    for path in made:
        assert isinstance(path, Path) and path.parent == tmp_path / "into"
        assert grid(path) == grid(source)
        assert read_docx(path).blocks[0].text == "一、题"  # type: ignore[union-attr]


@pytest.mark.parametrize(
    ("data", "status", "says"),
    [
        (OLE + b"\0" * 504 + b"\xec\xa5" + b"\0" * 8 + b"\x00\x01" + b"\0" * 600, "encrypted", "password"),
        (OLE + b"\0" * 600 + "EncryptedPackage".encode("utf-16-le"), "encrypted", "password"),
        (OLE + b"\0" * 2000, "unreadable", "Word"),
        (b"<html><table></table></html>", "unsupported", ".html"),
        (b"MIME-Version: 1.0", "unsupported", ".html"),
        (b"PK\x03\x04....word/document.xml", "unsupported", ".docx"),
        (b"anything", "unreadable", "bytes"),
        (b"", "unreadable", "empty"),
    ],
)
def test_what_is_not_tried_says_why(tmp_path: Path, data: bytes, status: str, says: str) -> None:
    path = tmp_path / "x.doc"
    path.write_bytes(data)
    error = read_office([path], tmp_path / "into")[path]
    assert isinstance(error, ReadingError)
    assert (error.status, says in error.message) == (status, True)


def test_without_libreoffice_the_message_says_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(office, "PROGRAMS", ("no-such-office",))
    path = tmp_path / "x.rtf"
    path.write_bytes(b"{\\rtf1 1}")
    error = read_office([path], tmp_path / "into")[path]
    assert isinstance(error, ReadingError)
    assert error.status == "unsupported" and "libreoffice-writer" in error.message


def test_a_program_that_hangs_is_ended_with_its_children(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pids = tmp_path / "pids"
    program = tmp_path / "hangs"
    program.write_text(f"#!/bin/sh\nsleep 300 &\necho $! >> {pids}\nwait\n")
    program.chmod(0o755)
    monkeypatch.setattr(office, "PROGRAMS", (str(program),))
    monkeypatch.setattr(office, "START_SECONDS", 0.5)
    monkeypatch.setattr(office, "FILE_SECONDS", 0.0)
    monkeypatch.setattr(office, "ALONE_SECONDS", 0.5)
    files = [tmp_path / name for name in ("a.rtf", "b.rtf")]
    for file in files:
        file.write_bytes(b"{\\rtf1 1}")
    started = time.monotonic()
    results = read_office(files, tmp_path / "into")
    assert time.monotonic() - started < 10
    assert [error.status for error in results.values() if isinstance(error, ReadingError)] == [
        "unreadable"
    ] * 2
    children = [int(pid) for pid in pids.read_text().split()]
    # Both together, then each alone; none is left.
    assert len(children) == 3
    assert not [pid for pid in children if _runs(pid)]


def _runs(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0]
    except OSError:
        return False
    return state not in ("Z", "X")
