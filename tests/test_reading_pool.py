"""Workers that cannot work fail the run; nothing that a worker started or wrote outlives it."""

from __future__ import annotations

import os
import sys
import tempfile
import textwrap
import time
from importlib import import_module
from pathlib import Path

import pytest

from pipeline.cells.report import Report
from pipeline.collection import RawFile, identify, list_files
from pipeline.reading import office
from pipeline.reading_pool import Limits, WorkersFailed, read_files
from tests import fakes


def files_of(folder: Path, *names: str, do: str = "") -> tuple[RawFile, ...]:
    raw = folder / "raw"
    for name in names:
        fakes.write(raw, name, agency="甲", year=2023, do=do)
    return identify(list_files(raw), folder / "files.parquet")


def test_a_reader_that_no_worker_can_load_fails_the_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = f"import os\nif os.getpid() != {os.getpid()}:\n    raise ImportError('half installed')\n"
    (tmp_path / "half_installed.py").write_text(source + "def read(path, name): ...\n")
    monkeypatch.syspath_prepend(tmp_path)
    read = import_module("half_installed").read
    try:
        with pytest.raises(WorkersFailed, match="half_installed cannot be loaded"):
            list(read_files(files_of(tmp_path, "a.txt", "b.txt"), read, 2, Limits()))
    finally:
        del sys.modules["half_installed"]


@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="needs Linux, to know what a worker takes")
def test_a_bound_below_what_a_worker_takes_fails_the_run(tmp_path: Path) -> None:
    files = files_of(tmp_path, "a.txt", "b.txt", do="eat")
    with pytest.raises(WorkersFailed, match=r"set GONGKAI_DOCUMENT_MEGABYTES to \d+ or more"):
        list(read_files(files, fakes.read_fake, 2, Limits(20, 24)))


def read_by_office(path: Path, name: str) -> Report:
    """Convert the file by the program that stands beside the raw folder."""
    office.PROGRAMS = (str(path.parent.parent / "soffice"),)
    office.read_office([path], Path(tempfile.gettempdir()) / "made")
    return Report("parsed")


def _runs(process: int) -> bool:
    try:
        state = Path(f"/proc/{process}/stat").read_text().rsplit(")", 1)[1].split()[0]
    except OSError:
        return False
    return state != "Z"


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="needs Linux, to see which processes run")
def test_nothing_of_a_killed_worker_is_left(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The stand-in for LibreOffice starts a process of its own and kills the worker that called it."""
    program = tmp_path / "soffice"
    program.write_text(
        textwrap.dedent(f"""\
            #!/bin/sh
            sleep 300 &
            echo $$ $! >> {tmp_path}/started
            kill -9 $PPID
            wait
            """)
    )
    program.chmod(0o755)
    raw = tmp_path / "raw"
    raw.mkdir()
    (raw / "a.rtf").write_bytes(rb"{\rtf1 1}")
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(temporary))
    files = identify(list_files(raw), tmp_path / "files.parquet")
    (reading,) = read_files(files, read_by_office, 1, Limits(20, 0))
    assert "ended the worker process twice" in reading.report.message
    started = [int(number) for number in (tmp_path / "started").read_text().split()]
    assert len(started) == 4
    end = time.monotonic() + 5
    while any(map(_runs, started)) and time.monotonic() < end:
        time.sleep(0.05)
    assert not [process for process in started if _runs(process)]
    assert not [*temporary.glob("gongkai-*")]
