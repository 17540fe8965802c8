"""The cage of workers: tried from within, by readers and programs that want out."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import textwrap
import threading
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from pipeline import reading_cage
from pipeline.cells.report import Report
from pipeline.collection import identify, list_files
from pipeline.reading import office
from pipeline.reading_pool import Limits, read_files
from tests import fakes

pytestmark = pytest.mark.skipif(os.name != "posix", reason="bounds of processes are POSIX's")


class Server:
    """A server on loopback that counts who reaches it."""

    def __init__(self) -> None:
        self.count = 0
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._socket.getsockname()[1]
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self) -> None:
        while True:
            try:
                reached, _ = self._socket.accept()
            except OSError:
                return
            self.count += 1
            reached.close()

    def close(self) -> None:
        self._socket.close()


@contextmanager
def serving() -> Iterator[Server]:
    server = Server()
    try:
        yield server
    finally:
        server.close()


def port_in(path: Path) -> int:
    return int(path.read_text())


def connects(path: Path, name: str) -> Report:
    """Reader that wants out by every door of Python's."""
    port = port_in(path)
    refused = []
    for out in (
        lambda: socket.create_connection(("127.0.0.1", port), timeout=2),
        lambda: urllib.request.urlopen(f"http://127.0.0.1:{port}/", timeout=2),
        lambda: socket.socket(socket.AF_INET, socket.SOCK_DGRAM).sendto(b"x", ("127.0.0.1", port)),
        lambda: socket.getaddrinfo("localhost", port),
    ):
        try:
            out()
        except OSError as fault:
            refused.append(str(fault))
    return Report("parsed", " | ".join(refused))


def connects_by_program(path: Path, name: str) -> Report:
    """Reader that starts a program, which starts another, which connects."""
    inner = f"import socket; socket.create_connection(('127.0.0.1', {port_in(path)}), 2)"
    outer = f"import subprocess, sys; sys.exit(subprocess.run([sys.executable, '-c', {inner!r}]).returncode)"
    ended = subprocess.run([sys.executable, "-c", outer], capture_output=True, check=False)
    return Report("parsed", f"ended with {ended.returncode}")


def writes_much(path: Path, name: str) -> Report:
    with Path(tempfile.gettempdir(), "large").open("wb") as file:
        # A hole takes no room on the disk.
        file.truncate(reading_cage.FILE_MEGABYTES * 1024 * 1024 + 1)
    return Report("parsed")


def opens_many(path: Path, name: str) -> Report:
    held = [path.open("rb") for _ in range(reading_cage.OPEN_FILES)]
    return Report("parsed", str(len(held)))


def tells_core(path: Path, name: str) -> Report:
    import resource

    return Report("parsed", str(resource.getrlimit(resource.RLIMIT_CORE)))


def hangs_in_office(path: Path, name: str) -> Report:
    office.PROGRAMS = (str(path.parent.parent / "soffice"),)
    office.ALONE_SECONDS = office.START_SECONDS = office.FILE_SECONDS = 0.5
    made = office.read_office([path], Path(tempfile.gettempdir()) / "made")[path]
    return Report("parsed", str(made))


def one(
    folder: Path, read: Callable[[Path, str], Report], content: str = "1", limits: Limits | None = None
) -> Report:
    """What comes of one file that holds this, read in a worker."""
    raw = folder / "raw"
    raw.mkdir(exist_ok=True)
    (raw / ("a.rtf" if content.startswith("{") else "a.txt")).write_text(content)
    files = identify(list_files(raw), folder / "files.parquet")
    (reading,) = read_files(files, read, 1, limits or Limits(30, 0))
    return reading.report


def test_a_reader_reaches_no_server(tmp_path: Path) -> None:
    with serving() as server:
        # The server counts: what is reached from here is seen.
        socket.create_connection(("127.0.0.1", server.port), timeout=2).close()
        end = time.monotonic() + 5
        while server.count == 0 and time.monotonic() < end:
            time.sleep(0.01)
        assert server.count == 1
        message = one(tmp_path, connects, str(server.port)).message
        assert message.count("no network") == 4
        time.sleep(0.1)
        assert server.count == 1


def _keeps_away() -> bool:
    """Whether this system lets a process go into a network of its own."""
    code = "import sys; from pipeline.reading_cage import cage; sys.exit(0 if cage() else 1)"
    return subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


@pytest.mark.skipif(not _keeps_away(), reason="needs Linux where namespaces are permitted (unshare)")
def test_a_program_that_a_reader_starts_reaches_no_server(tmp_path: Path) -> None:
    with serving() as server:
        assert one(tmp_path, connects_by_program, str(server.port)).message == "ended with 1"
        time.sleep(0.1)
        assert server.count == 0


def test_no_reader_writes_a_large_file_or_opens_many(tmp_path: Path) -> None:
    report = one(tmp_path, writes_much)
    assert report.status == "unreadable"
    assert f"more than {reading_cage.FILE_MEGABYTES} MB" in report.message
    assert "Too many open files" in one(tmp_path, opens_many).message
    assert one(tmp_path, tells_core).message == "(0, 0)"


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="needs Linux, to see which processes run")
def test_a_hanging_program_ends_with_its_children(tmp_path: Path) -> None:
    """The stand-in for LibreOffice starts a process that starts another; none of them ever ends by itself."""
    program = tmp_path / "soffice"
    program.write_text(
        textwrap.dedent(f"""\
            #!/bin/sh
            trap '' TERM HUP INT
            sh -c 'trap "" TERM HUP; sleep 300 & echo $$ $! >> {tmp_path}/started; wait' &
            echo $$ >> {tmp_path}/started
            wait
            """)
    )
    program.chmod(0o755)
    began = time.monotonic()
    assert "LibreOffice makes nothing of it" in one(tmp_path, hangs_in_office, "{\\rtf1 1}").message
    assert time.monotonic() - began < 20
    started = [int(number) for number in (tmp_path / "started").read_text().split()]
    assert len(started) == 3
    end = time.monotonic() + 5
    while any(map(_runs, started)) and time.monotonic() < end:
        time.sleep(0.05)
    assert not [process for process in started if _runs(process)]


def _runs(process: int) -> bool:
    try:
        return Path(f"/proc/{process}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except OSError:
        return False


@pytest.mark.parametrize("do", ["hang hard", "crash"])
def test_temporary_files_of_an_ended_worker_are_removed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, do: str
) -> None:
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(temporary))
    raw = tmp_path / "raw"
    fakes.write(raw, "a.txt", agency="甲", year=2023, do=do)
    files = identify(list_files(raw), tmp_path / "files.parquet")
    (reading,) = read_files(files, leaves_a_file, 1, Limits(0.3, 0))
    assert reading.report.status == "unreadable"
    assert not [*temporary.glob("gongkai-read-*")]


def leaves_a_file(path: Path, name: str) -> Report:
    Path(tempfile.mkdtemp(prefix="gongkai-"), "half").write_bytes(b"x" * 1000)
    return fakes.read_fake(path, name)


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("soffice") is None, reason="needs LibreOffice (libreoffice-writer)")
@pytest.mark.skipif(not _keeps_away(), reason="needs Linux where namespaces are permitted (unshare)")
def test_libreoffice_follows_no_link_out(tmp_path: Path) -> None:
    """A picture and a template that stand at an address: the text is read, the address is not asked."""
    with serving() as server:
        link = f"http://127.0.0.1:{server.port}/a.png"
        field = rf'{{\field{{\*\fldinst INCLUDEPICTURE "{link}" \\d}}{{\fldrslt 1}}}}'
        text = rf"{{\rtf1\ansi {{\*\template {link}}}{field} text\par}}"
        assert one(tmp_path, reads_office, text, Limits(150, 0)).message.strip().endswith("text")
        time.sleep(0.1)
        assert server.count == 0


def reads_office(path: Path, name: str) -> Report:
    from pipeline.reading.open import read_document

    return Report("parsed", read_document(path).text)


def test_the_cage_lowers_bounds_and_raises_none() -> None:
    """Within a process that is bounded more already, the stricter bound stays."""
    code = textwrap.dedent("""
        import resource
        resource.setrlimit(resource.RLIMIT_NOFILE, (100, 900))
        resource.setrlimit(resource.RLIMIT_FSIZE, (5000, 5000))
        from pipeline.reading_cage import cage
        cage()
        print(resource.getrlimit(resource.RLIMIT_NOFILE), resource.getrlimit(resource.RLIMIT_FSIZE))
        """)
    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert told.strip() == "(100, 100) (5000, 5000)"
    assert signal.getsignal(signal.SIGXFSZ) == signal.SIG_IGN  # so that too large a file raises
