"""Builds killed within the swap and while they read: the short part of the campaign of kills.py."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import dagster as dg
import pytest

from pipeline import warehouse
from pipeline.defs import launch
from pipeline.defs.killed import close_killed
from pipeline.defs.launch import run_build
from pipeline.publish import quality
from pipeline.settings import Settings
from tests import fakes
from tests.kills_world import contents, run_of

pytestmark = pytest.mark.xdist_group("build")

BUILD = """
import os, signal, sys
from pathlib import Path
from pipeline.defs.launch import run_build
from pipeline.settings import Settings
from tests import fakes
root, name = Path(sys.argv[1]), sys.argv[2]
def stop(event, given):
    if name and event == "os.rename" and os.fsdecode(given[1]).endswith(name):
        os.killpg(0, signal.SIGKILL)
if __name__ == "__main__":
    sys.addaudithook(stop)
    run_build(Settings(root / "raw", root / "w", 2, 60, 2048), root / "build.log", read=fakes.read_fake)
"""


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A raw folder of one report, and room for Dagster's history and temporary files."""
    monkeypatch.setattr(launch, "_instance", dg.DagsterInstance.ephemeral)
    for folder in ("home", "tmp"):
        (tmp_path / folder).mkdir()
    (tmp_path / "home" / "dagster.yaml").write_text("telemetry:\n  enabled: false\n")
    fakes.write(tmp_path / "raw", "a.txt", agency="甲", year=2022)
    return tmp_path


def start(root: Path, killed_at: str = "") -> subprocess.Popen[bytes]:
    """A build in a process group of its own, which kills itself at the rename to a name."""
    return subprocess.Popen(
        [sys.executable, "-c", BUILD, str(root), killed_at],
        cwd=Path(__file__).parents[1],
        env={**os.environ, "DAGSTER_HOME": str(root / "home"), "TMPDIR": str(root / "tmp")},
        start_new_session=True,
    )


def build(root: Path) -> None:
    chosen = Settings(root / "raw", root / "w", 2, 60, 2048)
    assert run_build(chosen, root / "build.log", read=fakes.read_fake).fault is None


@pytest.mark.slow
@pytest.mark.parametrize("name", [quality.NAME, warehouse.NAME])
def test_a_kill_within_the_swap(name: str, world: Path) -> None:
    build(world)
    published = world / "w" / warehouse.NAME
    before, page = published.read_bytes(), world / "w" / quality.NAME
    old = page.read_bytes()
    fakes.write(world / "raw", "b.txt", agency="乙", year=2023)
    run = start(world, name)
    assert run.wait(120) == -signal.SIGKILL
    assert published.read_bytes() == before and (page.read_bytes() == old) is (name == quality.NAME)
    # Dagster lets one run at a time work: one that was killed is not to be taken for one at work.
    with dg.DagsterInstance.from_config(str(world / "home")) as history:
        (killed,) = history.get_runs()
        assert not killed.is_finished and close_killed(history) == 1 and close_killed(history) == 0
        (killed,) = history.get_runs()
        assert killed.is_failure
    build(world)
    assert run_of(published) in page.read_text("utf-8") and list((world / "w" / ".staging").iterdir()) == []
    now = contents(published)
    (world / "w").rename(world / "killed")
    build(world)
    assert contents(published) == now


@pytest.mark.slow
def test_nothing_outlives_a_build_whose_main_process_is_killed(world: Path) -> None:
    """As by a system without memory: its workers end by themselves, the next build removes the rest."""
    fakes.write(world / "raw", "hangs.txt", do="hang")
    run = start(world)
    until = time.monotonic() + 60
    while not list((world / "tmp").glob("gongkai-run-*/gongkai-read-*")):
        assert run.poll() is None and time.monotonic() < until
        time.sleep(0.05)
    time.sleep(0.5)
    run.kill()
    run.wait()
    until = time.monotonic() + 30
    with pytest.raises(ProcessLookupError):
        while time.monotonic() < until:
            os.killpg(run.pid, 0)
            time.sleep(0.05)
    assert list((world / "tmp").iterdir())
    (world / "raw" / "hangs.txt").unlink()
    assert start(world).wait(120) == 0
    assert list((world / "tmp").iterdir()) == []
