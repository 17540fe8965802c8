"""Two runs at the same time, and readers during swaps: each ends as if alone, or is told who is first."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import dagster as dg
import pytest

from pipeline import warehouse
from pipeline.crawl.store import verify
from pipeline.defs import launch
from pipeline.defs.launch import Outcome, run_build
from pipeline.publish import export
from pipeline.settings import Settings
from tests import crawl_server, fakes
from tests.crawl_runs import command, source, stored, write_sources
from tests.crawl_server import serving
from tests.kills_world import contents, package_faults

pytestmark = pytest.mark.xdist_group("build")
ROOT = Path(__file__).parents[1]
READERS = 3
SWAPS = 2

POLL = """
import sys, time
from pathlib import Path
import duckdb
path, stop = Path(sys.argv[1]), Path(sys.argv[2])
seen, opened = set(), 0
print("ready", flush=True)
while not stop.exists():
    with duckdb.connect(str(path), read_only=True) as connection:
        for _ in range(3):
            run, = connection.execute("select run from build_info").fetchone()
            years = connection.execute("select distinct report_year from dim_report").fetchall()
            facts, = connection.execute("select count(*) from fact_request").fetchone()
            reports, = connection.execute("select count(*) from dim_report").fetchone()
            assert len(years) == 1 and facts == reports * CELLS, (years, facts, reports)
            seen.add((run, years[0][0]))
            time.sleep(0.005)
    opened += 1
assert len({run for run, _ in seen}) == len(seen), seen
print(opened, len(seen))
"""

BUILD = """
import sys, time
from pathlib import Path
from pipeline import steps
from pipeline.defs.launch import run_build
from pipeline.settings import Settings
from tests import fakes
if __name__ == "__main__":
    root, wait = Path(sys.argv[1]), float(sys.argv[2])
    def check(tables):
        (root / "checking").touch()
        while not (root / "go").exists():
            time.sleep(0.02)
        return steps.run_checks(tables)
    settings = Settings(root / "raw", root / "w", 1, 20, 2048, wait=wait)
    print(run_build(settings, root / "build.log", read=fakes.read_fake, check=check).fault)
"""


@pytest.fixture(autouse=True)
def own_instance(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Runs of the tests do not stand in the project's history."""
    monkeypatch.setattr(launch, "_instance", dg.DagsterInstance.ephemeral)
    home = tmp_path / "home"
    home.mkdir()
    (home / "dagster.yaml").write_text("telemetry:\n  enabled: false\n")


def settings(root: Path, wait: float = 0) -> Settings:
    return Settings(root / "raw", root / "w", 1, 20, 2048, wait=wait)


def build(root: Path, wait: float = 0) -> Outcome:
    (root / "raw").mkdir(exist_ok=True)
    return run_build(settings(root, wait), root / "second.log", read=fakes.read_fake)


def put(root: Path, year: int) -> None:
    """The same agencies with reports of one year, and of no other."""
    for number in range(3):
        fakes.write(root / "raw", f"{number}.txt", agency=f"第{number}局", year=year)


@contextmanager
def building(root: Path, wait: float = 0) -> Iterator[subprocess.Popen[str]]:
    """A build in another process, held where it checks, until the file ``go`` is there."""
    home = root / "home"
    process = subprocess.Popen(
        [sys.executable, "-c", BUILD, str(root), str(wait)],
        cwd=ROOT,
        env={**os.environ, "DAGSTER_HOME": str(home)},
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    try:
        until = time.monotonic() + 90
        while not (root / "checking").exists():
            assert process.poll() is None and time.monotonic() < until
            time.sleep(0.02)
        yield process
    finally:
        process.kill()
        process.wait()


def ended(process: subprocess.Popen[str], root: Path) -> str:
    """Let a held build go on; what it says at its end."""
    (root / "go").touch()
    said, _ = process.communicate(timeout=90)
    return said.strip()


@pytest.mark.slow
def test_the_second_build_is_told_who_is_first_and_waits_where_it_is_to(tmp_path: Path) -> None:
    put(tmp_path, 2022)
    with building(tmp_path) as first:
        log = (tmp_path / "build.log").read_text()
        fault = build(tmp_path).fault
        assert fault is not None and "\n" not in fault
        assert f"a build, process {first.pid} on " in fault and "--wait SECONDS" in fault
        before = time.monotonic()
        fault = build(tmp_path, wait=1).fault
        assert fault is not None and "after 1 s" in fault and 1 <= time.monotonic() - before < 10
        assert not (tmp_path / "second.log").exists() and (tmp_path / "build.log").read_text() == log
        assert ended(first, tmp_path) == "None"
    assert build(tmp_path) == Outcome(None, read=0, known=3)


@pytest.mark.slow
def test_a_build_that_waits_goes_on_when_the_first_is_killed(tmp_path: Path) -> None:
    put(tmp_path, 2022)
    with building(tmp_path) as first:
        put(tmp_path, 2023)
        waiting = subprocess.Popen(
            [sys.executable, "-c", BUILD, str(tmp_path), "60"],
            cwd=ROOT,
            env={**os.environ, "DAGSTER_HOME": str(tmp_path / "home")},
            stdout=subprocess.PIPE,
            text=True,
        )
        time.sleep(3)
        assert waiting.poll() is None
        first.kill()
        first.wait()
        assert ended(waiting, tmp_path) == "None"
    with warehouse.connect(tmp_path / "w" / warehouse.NAME, read_only=True) as connection:
        assert connection.execute("select distinct report_year from dim_report").fetchall() == [(2023,)]


@pytest.mark.slow
def test_readers_see_the_old_warehouse_or_the_new_one_and_nothing_else(tmp_path: Path) -> None:
    put(tmp_path, 2020)
    assert build(tmp_path).fault is None
    path, stop = tmp_path / "w" / warehouse.NAME, tmp_path / "stop"
    with warehouse.connect(path, read_only=True) as connection:
        question = "select (select count(*) from fact_request) // (select count(*) from dim_report)"
        ((cells,),) = connection.execute(question).fetchall()
    program = POLL.replace("CELLS", str(cells))
    readers = [
        subprocess.Popen(
            [sys.executable, "-c", program, str(path), str(stop)], stdout=subprocess.PIPE, text=True
        )
        for _ in range(READERS)
    ]
    for reader in readers:
        assert reader.stdout and reader.stdout.readline() == "ready\n"
    for swap in range(SWAPS):
        put(tmp_path, 2021 + swap)
        assert build(tmp_path).fault is None
    stop.touch()
    found = [tuple(map(int, reader.communicate(timeout=60)[0].split())) for reader in readers]
    assert [reader.returncode for reader in readers] == [0] * READERS
    assert all(opened > SWAPS and seen > 1 for opened, seen in found), found


@pytest.mark.slow
def test_an_export_during_a_build_is_of_one_warehouse(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(tmp_path, 2022)
    assert build(tmp_path).fault is None
    path, out = tmp_path / "w" / warehouse.NAME, tmp_path / "out"
    swapped = []

    def swap(what: str, done: int, of: int) -> None:
        if done == 2:
            put(tmp_path, 2023)
            swapped.append(build(tmp_path).fault)
            with pytest.raises(export.ExportFault, match=f"an export, process {os.getpid()} on "):
                export.export(path, out, [export.Format.CSV], ["dim_report"])

    export.export(path, out, [export.Format.CSV], progress=swap)
    assert swapped == [None] and package_faults(out) == []
    texts = "".join(file.read_text("utf-8") for file in sorted((out / "csv").glob("*.csv")))
    assert "第0局2022" in texts and "第0局2023" not in texts


@pytest.mark.slow
def test_a_crawl_and_builds_at_the_same_time_end_as_one_after_the_other(tmp_path: Path) -> None:
    with serving() as site:
        entry, documents = crawl_server.vsb(site)
        site.delay = 0.05
        write_sources(tmp_path, source(site, "vsb", entry))
        crawl = subprocess.Popen(command(tmp_path, "test"), stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        raw = tmp_path / "raw"
        builds = 0
        while crawl.poll() is None:
            if stored(tmp_path):
                outcome = run_build(settings(tmp_path), tmp_path / "log")
                assert outcome.fault is None, outcome.fault
                builds += 1
        told = json.loads(crawl.communicate()[0].splitlines()[-1])
        assert told["ok"] and told["finished"] and len(stored(tmp_path)) == documents
    assert builds
    assert verify(raw).faults == ()
    assert run_build(settings(tmp_path), tmp_path / "log").fault is None
    together = contents(tmp_path / "w" / warehouse.NAME)
    alone = tmp_path / "alone"
    alone.mkdir()
    fresh = Settings(raw, alone / "w", 1, 20, 2048)
    assert run_build(fresh, alone / "log").fault is None
    assert contents(alone / "w" / warehouse.NAME) == together
