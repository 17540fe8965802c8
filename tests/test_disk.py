"""Disks that are full or read-only, files and folders that change or are barred, clocks that go back."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import dagster as dg
import pytest
from typer.testing import CliRunner

from pipeline import warehouse
from pipeline.cells.report import Report
from pipeline.cli import app
from pipeline.crawl.store import verify
from pipeline.defs import launch
from pipeline.defs.launch import Outcome, run_build
from pipeline.publish import quality
from pipeline.settings import Settings
from tests import crawl_server, fakes
from tests.crawl_runs import crawl, source, stored, write_sources
from tests.crawl_server import serving
from tests.crawl_warm import run
from tests.kills_world import contents, digests

pytestmark = pytest.mark.xdist_group("build")


class Disk:
    """A small disk in memory, mounted for a test."""

    def __init__(self, place: Path, megabytes: int) -> None:
        self.place, self.megabytes = place, megabytes
        place.mkdir()
        self._mount("-t", "tmpfs", "-o", f"size={megabytes}m", "tmpfs")

    def _mount(self, *words: str) -> None:
        done = subprocess.run(["mount", *words, str(self.place)], capture_output=True, text=True, check=False)
        if done.returncode:
            pytest.skip(f"needs root and the right to mount a tmpfs: {done.stderr.strip()}")

    def fill(self, leave: int) -> None:
        """Take all room but so many kilobytes."""
        self.free()
        room = shutil.disk_usage(self.place).free - leave * 1024
        (self.place / "filler").write_bytes(b"\0" * max(0, room))

    def free(self) -> None:
        """Give the room back."""
        (self.place / "filler").unlink(missing_ok=True)

    def bar(self) -> None:
        """Read-only from now on."""
        self._mount("-o", "remount,ro")

    def close(self) -> None:
        """Unmount it."""
        subprocess.run(["umount", "-l", str(self.place)], check=False)


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Disk]:
    made = Disk(tmp_path / "disk", 64)
    yield made
    made.close()


@pytest.fixture(autouse=True)
def own_instance(monkeypatch: pytest.MonkeyPatch) -> None:
    """Runs of the tests do not stand in the project's history."""
    monkeypatch.setattr(launch, "_instance", dg.DagsterInstance.ephemeral)


def build(root: Path, at: Path | None = None) -> Outcome:
    """A build of ``root/raw`` into a folder of ``at``."""
    chosen = Settings(root / "raw", (at or root) / "w", 1, 20, 2048)
    return run_build(chosen, root / "build.log", read=fakes.read_fake)


def put(root: Path, year: int, files: int = 3) -> None:
    for number in range(files):
        fakes.write(root / "raw", f"{number}.txt", agency=f"第{number}局", year=year)


def messages(root: Path) -> dict[str, tuple[str, str]]:
    """What the warehouse says of each file: state and message."""
    with warehouse.connect(root / "w" / warehouse.NAME, read_only=True) as connection:
        rows = connection.execute("select path, status, message from dim_document").fetchall()
    return {path: (status, message) for path, status, message in rows}


def left(folder: Path) -> list[str]:
    """What stands in a warehouse folder beside what belongs there."""
    known = {".lock", ".staging", ".cache", "build.log", warehouse.NAME, quality.NAME}
    found = {path.name for path in folder.iterdir()} - known
    inside = [path.name for path in (folder / ".staging").glob("*")]
    return sorted(found) + inside + [path.name for path in folder.rglob("*.tmp")]


# A full disk.


@pytest.mark.slow
def test_a_full_disk_costs_nothing_and_the_next_build_goes_on(tmp_path: Path, disk: Disk) -> None:
    put(tmp_path, 2022)
    assert build(tmp_path, disk.place).fault is None
    published = disk.place / "w" / warehouse.NAME
    before, old = published.read_bytes(), contents(published)
    put(tmp_path, 2023, files=4)
    faults = []
    for kilobytes in (0, 60, 400, 3000):
        disk.fill(kilobytes)
        outcome = build(tmp_path, disk.place)
        faults.append(outcome.fault)
        assert published.read_bytes() == before and left(disk.place / "w") == [], kilobytes
        assert contents(published) == old
    assert all(fault and "\n" not in fault and "space" in fault.lower() for fault in faults), faults
    disk.free()
    assert build(tmp_path, disk.place).fault is None
    put(tmp_path, 2023, files=4)
    assert build(tmp_path).fault is None
    assert contents(published) == contents(tmp_path / "w" / warehouse.NAME)


@pytest.mark.slow
def test_a_disk_that_is_full_during_an_export_leaves_the_old_one(tmp_path: Path, disk: Disk) -> None:
    put(tmp_path, 2022)
    assert build(tmp_path).fault is None
    out = disk.place / "out"
    words = ["export", "--warehouse", str(tmp_path / "w"), "--to", str(out), "--format", "all"]
    assert CliRunner().invoke(app, words).exit_code == 0
    before = digests(out)
    for kilobytes in (0, 40, 200, 700):
        disk.fill(kilobytes)
        done = CliRunner().invoke(app, words)
        assert done.exit_code == 1 and isinstance(done.exception, SystemExit), (kilobytes, done.exception)
        assert "cannot write" in done.stderr and "space" in done.stderr.lower(), done.stderr
        assert digests(out) == before and not (disk.place / ".out.exporting").exists()
    disk.free()
    assert CliRunner().invoke(app, words).exit_code == 0


@pytest.mark.slow
def test_a_disk_that_is_full_ends_a_crawl_which_goes_on_later(tmp_path: Path, disk: Disk) -> None:
    with serving() as site:
        entry, documents = crawl_server.vsb(site)
        given = source(site, "vsb", entry)
        whole = tmp_path / "whole"
        whole.mkdir()
        crawl(whole, given)
        for kilobytes in (24, 60):
            disk.fill(kilobytes)
            (disk.place / "sources.yaml").unlink(missing_ok=True)
            told = full_crawl(disk.place, given)
            assert not told["ok"] and "space" in str(told).lower(), told
            assert verify(disk.place / "raw").faults == ()
        disk.free()
        told = crawl(disk.place, given)
        assert told["ok"] and told["finished"] and len(stored(disk.place)) == documents
        assert stored(disk.place) == stored(whole) and verify(disk.place / "raw").faults == ()


def full_crawl(folder: Path, given: Mapping[str, Any]) -> dict[str, Any]:
    """A crawl with its sources.yaml elsewhere, since the disk is full."""
    elsewhere = folder.parent / "elsewhere"
    elsewhere.mkdir(exist_ok=True)
    file = write_sources(elsewhere, given)
    words = ["test", "--raw", str(folder / "raw"), "--sources", str(file)]
    done = run(words)
    assert done.stdout, done.stderr[-3000:]
    told: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return told


# Folders that cannot be written or read.


@pytest.mark.slow
def test_folders_that_are_read_only(tmp_path: Path, disk: Disk) -> None:
    """The raw folder may be; the warehouse's says so in one line, and what is published is read."""
    raw = disk.place / "raw"
    fakes.write(disk.place, "raw/a.txt", agency="甲", year=2023)
    assert (
        run_build(Settings(raw, disk.place / "w", 1, 20, 2048), tmp_path / "log", read=fakes.read_fake).fault
        is None
    )
    published = disk.place / "w" / warehouse.NAME
    old = contents(published)
    disk.bar()
    other = Settings(raw, tmp_path / "w", 1, 20, 2048)
    assert run_build(other, tmp_path / "log", read=fakes.read_fake).fault is None
    assert contents(tmp_path / "w" / warehouse.NAME) == old == contents(published)
    done = CliRunner().invoke(app, ["build", "--raw", str(raw), "--warehouse", str(disk.place / "w")])
    assert done.exit_code == 1 and len(done.stderr.splitlines()) == 1
    assert "cannot write to the warehouse folder" in done.stderr and "Read-only" in done.stderr
    done = CliRunner().invoke(
        app, ["export", "--warehouse", str(tmp_path / "w"), "--to", str(disk.place / "out")]
    )
    assert done.exit_code == 1 and "Read-only" in done.stderr


BARRED = """
import sys
from pathlib import Path
from pipeline.collection import identify, list_files
for file in identify(list_files(Path(sys.argv[1])), Path(sys.argv[2])):
    print(file.path, file.refused, file.message, sep="|")
"""


def test_files_and_folders_that_may_not_be_read_are_named(tmp_path: Path) -> None:
    raw = tmp_path / "raw"
    fakes.write(raw, "open.txt", agency="甲")
    fakes.write(raw, "barred.txt", agency="甲").chmod(0)
    fakes.write(raw, "folder/inside.txt", agency="甲")
    (raw / "folder").chmod(0)
    command = [sys.executable, "-c", BARRED, str(raw), str(tmp_path / "files.parquet")]
    if os.getuid() == 0:
        # Root may read everything, unless it has given that up.
        if shutil.which("setpriv") is None:
            pytest.skip("needs setpriv (Debian: apt-get install util-linux), or another user than root")
        command = ["setpriv", "--bounding-set=-dac_override,-dac_read_search", *command]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=Path(__file__).parents[1])
    (raw / "folder").chmod(0o755)
    assert done.stdout.splitlines() == [
        "barred.txt|unreadable|Permission denied",
        "folder|unreadable|folder: Permission denied",
        "open.txt|None|",
    ]


# Files that change while they are read.


def read_changing(path: Path, name: str) -> Report:
    """A reader during which files go or grow."""
    report = fakes.read_fake(path, name)
    if name == "gone.txt":
        path.unlink()
    if name == "grows.txt":
        with path.open("a") as stream:
            stream.write(" " * 100)
    if name == "swapped.txt":
        when = path.stat().st_mtime_ns
        text = path.read_text("utf-8")
        time.sleep(0.02)
        path.write_text(text.replace("2023", "2022"), "utf-8")
        os.utime(path, ns=(when, when))
    return report


def test_a_file_that_goes_or_changes_while_it_is_read_is_stated_and_read_again(tmp_path: Path) -> None:
    for name in ("gone", "grows", "swapped", "stays"):
        fakes.write(tmp_path / "raw", f"{name}.txt", agency=name, year=2023)
    chosen = Settings(tmp_path / "raw", tmp_path / "w", 1, 20, 2048)
    assert run_build(chosen, tmp_path / "log", read=read_changing).fault is None
    found = messages(tmp_path)
    assert found["stays.txt"][0] == "parsed"
    assert found["gone.txt"][0] == "unreadable" and "Run again when it can" in found["gone.txt"][1]
    for name in ("grows.txt", "swapped.txt"):
        assert found[name] == ("unreadable", "the file changed during the run. Run again.")
    assert run_build(chosen, tmp_path / "log", read=fakes.read_fake).fault is None
    assert {name: state for name, (state, _) in messages(tmp_path).items()} == {
        "grows.txt": "parsed",
        "swapped.txt": "parsed",
        "stays.txt": "parsed",
    }
    with warehouse.connect(tmp_path / "w" / warehouse.NAME, read_only=True) as connection:
        rows = connection.execute(
            "select report_year from dim_report where agency_name = 'swapped'"
        ).fetchall()
    assert rows == [(2022,)]


def test_a_raw_folder_that_is_not_there_is_one_line(tmp_path: Path) -> None:
    put(tmp_path, 2022, files=40)
    assert build(tmp_path).fault is None
    before = (tmp_path / "w" / warehouse.NAME).read_bytes()
    (tmp_path / "raw").rename(tmp_path / "elsewhere")
    done = CliRunner().invoke(
        app, ["build", "--raw", str(tmp_path / "raw"), "--warehouse", str(tmp_path / "w")]
    )
    assert (done.exit_code, len(done.stderr.splitlines())) == (1, 1) and "no raw folder" in done.stderr
    fault = build(tmp_path).fault
    assert fault is not None and "No such file" in fault
    # As where a disk is not mounted: the folder is there, and empty.
    (tmp_path / "raw").mkdir()
    fault = build(tmp_path).fault
    assert fault is not None and "files_there" in fault and "--accept" in fault
    assert (tmp_path / "w" / warehouse.NAME).read_bytes() == before


def test_links_that_lead_out_or_round_are_stated_and_end(tmp_path: Path) -> None:
    put(tmp_path, 2022, files=1)
    raw = tmp_path / "raw"
    fakes.write(tmp_path, "outside/secret.txt", agency="外", year=2022)
    (raw / "out.txt").symlink_to(tmp_path / "outside" / "secret.txt")
    (raw / "folder").symlink_to(tmp_path / "outside")
    (raw / "round").symlink_to(raw)
    (raw / "a.txt").symlink_to(raw / "b.txt")
    (raw / "b.txt").symlink_to(raw / "a.txt")
    assert build(tmp_path).fault is None
    found = messages(tmp_path)
    assert found["0.txt"][0] == "parsed" and len(found) == 6
    assert {found[name][1] for name in ("out.txt", "folder")} == {
        "a link out of the raw folder is not followed"
    }
    assert {found[name] for name in ("a.txt", "b.txt")} == {("unreadable", "a link that leads nowhere")}
    with warehouse.connect(tmp_path / "w" / warehouse.NAME, read_only=True) as connection:
        assert connection.execute("select count(*) from dim_report where agency_name = '外'").fetchall() == [
            (0,)
        ]


# Clocks.


def test_times_that_are_still_to_come_change_nothing(tmp_path: Path) -> None:
    """Files of a machine whose clock was ahead, and a build after the clock was set back."""
    put(tmp_path, 2022)
    ahead = time.time() + 10 * 365 * 86400
    for path in (tmp_path / "raw").iterdir():
        os.utime(path, (ahead, ahead))
    assert build(tmp_path).fault is None
    first = contents(tmp_path / "w" / warehouse.NAME)
    os.utime(tmp_path / "w" / warehouse.NAME, (ahead, ahead))
    assert build(tmp_path) == Outcome(None, read=0, known=3)
    assert contents(tmp_path / "w" / warehouse.NAME) == first
    path = tmp_path / "raw" / "0.txt"
    path.write_text(path.read_text("utf-8").replace("2022", "2021"), "utf-8")
    os.utime(path, (ahead, ahead))
    assert build(tmp_path).read == 1
    assert contents(tmp_path / "w" / warehouse.NAME) != first


@pytest.mark.slow
def test_a_look_that_is_still_to_come_ends_no_looking(tmp_path: Path) -> None:
    """A crawl whose clock was ahead: the next one asks again, and does not wait for that day."""
    with serving() as site:
        entry, documents = crawl_server.vsb(site)
        given = source(site, "vsb", entry, recheck_days=30)
        crawl(tmp_path, given)
        manifest = tmp_path / "raw" / "test" / ".gongkai" / "manifest.jsonl"
        year = time.gmtime().tm_year
        manifest.write_text(manifest.read_text("utf-8").replace(f'"time":"{year}', '"time":"2099'), "utf-8")
        told = crawl(tmp_path, given)
        assert told["ok"] and told["fresh"] == 0 and told["same"] >= documents
        again = crawl(tmp_path, given)
        assert again["fresh"] >= documents and verify(tmp_path / "raw").faults == ()


def test_what_someone_wrote_to_the_published_file_bars_no_later_build(tmp_path: Path) -> None:
    """A write-ahead log of the old file, beside the new one, would keep everybody from opening it."""
    put(tmp_path, 2022)
    assert build(tmp_path).fault is None
    path = tmp_path / "w" / warehouse.NAME
    program = (
        "import duckdb, os, sys; c = duckdb.connect(sys.argv[1]);"
        " c.execute('create table mine as select 1'); os.kill(os.getpid(), 9)"
    )
    subprocess.run([sys.executable, "-c", program, str(path)], check=False)
    assert path.with_name(f"{path.name}.wal").exists()
    put(tmp_path, 2023)
    assert build(tmp_path).fault is None
    assert not path.with_name(f"{path.name}.wal").exists()
    with warehouse.connect(path, read_only=True) as connection:
        assert connection.execute("select distinct report_year from dim_report").fetchall() == [(2023,)]
