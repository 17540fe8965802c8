"""Running it for years: versions that follow each other, backups while it works, what logs say and do not."""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import dagster as dg
import duckdb
import pytest

from pipeline import warehouse, warehouse_version
from pipeline.checks import run_checks
from pipeline.crawl.store import Entry, Store
from pipeline.defs.launch import Outcome, run_build
from pipeline.publish import explore, explore_server
from pipeline.settings import Settings
from tests import fakes

ROOT = Path(__file__).parents[1]
NAME, FIGURE = "某某秘密镇", 48151623
"""Of the reports; neither may stand in a log."""
pytestmark = pytest.mark.xdist_group("build")


@pytest.fixture(scope="module", autouse=True)
def own_instance() -> Iterator[None]:
    """Runs of the tests do not stand in the project's history."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("pipeline.defs.launch._instance", dg.DagsterInstance.ephemeral)
        yield


def settings(folder: Path) -> Settings:
    return Settings(folder / "raw", folder / "w", 1, 20, 2048, curation=folder / "curation")


def build(folder: Path, **other: object) -> Outcome:
    return run_build(settings(folder), folder / "build.log", read=fakes.read_fake, **other)  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with two reports, files that cannot be read, one decision, and the warehouse of them."""
    folder = tmp_path_factory.mktemp("operation")
    raw = folder / "raw"
    fakes.write(raw, "a/2022.txt", agency=NAME, year=2022, requests=fakes.balanced(FIGURE))
    wrong = {**fakes.balanced(FIGURE), "received.total": FIGURE + 1.0}
    path = fakes.write(raw, "a/2023.txt", agency=f"{NAME}人民政府", year=2023, requests=wrong)
    fakes.write(raw, "a/locked.txt", do="refuse", agency=NAME)
    fakes.write(raw, "a/raises.txt", do="raise", agency=NAME)
    (raw / "a" / "x\n2026 forged \x1b[31m.exe").write_text(NAME)
    (raw / "a" / "away.txt").symlink_to(folder / "nowhere")
    (folder / "curation").mkdir()
    (folder / "curation" / "a.yaml").write_text(
        f"- document: {hashlib.sha256(path.read_bytes()).hexdigest()}\n"
        f"  cell: requests.received.total\n  printed: {FIGURE + 1}\n  decision: corrected\n"
        f"  value: {FIGURE}\n"
        "  reason: the applicants add up to 3\n  date: 2026-11-20\n",
        encoding="utf-8",
    )
    assert build(folder).fault is None
    return folder


@pytest.fixture
def copy(made: Path, tmp_path: Path) -> Path:
    """The same folder, to be changed."""
    shutil.copytree(made, tmp_path / "copy", symlinks=True)
    return tmp_path / "copy"


def published(folder: Path) -> Path:
    return folder / "w" / warehouse.NAME


def tables(folder: Path) -> dict[str, list[tuple]]:
    """Everything in the folder's warehouse but which run made it."""
    return rows(published(folder))


def rows(path: Path) -> dict[str, list[tuple]]:
    with warehouse.connect(path, read_only=True) as connection:
        names = warehouse.tables(connection) - {warehouse.BUILD_INFO}
        return {
            name: connection.execute(f"select * from {name} order by all").fetchall()
            for name in sorted(names)
        }


# Versions


def of_version(folder: Path, version: int | None) -> bytes:
    """Make the published file one of another version; its bytes then."""
    with duckdb.connect(str(published(folder))) as connection:
        if version is None:
            connection.execute("alter table build_info drop column schema_version")
        else:
            connection.execute("update build_info set schema_version = ?", [version])
    return published(folder).read_bytes()


def test_a_build_signs_with_the_version_of_its_tables(made: Path) -> None:
    with warehouse.connect(published(made), read_only=True) as connection:
        assert warehouse_version.version_of(connection) == warehouse_version.SCHEMA


def test_an_older_program_refuses_a_newer_file_in_one_line_and_leaves_it(copy: Path) -> None:
    before = of_version(copy, warehouse_version.SCHEMA + 1)
    (copy / "raw" / "a" / "2022.txt").unlink()
    told = f"made by a newer version of gongkai (its tables are of version {warehouse_version.SCHEMA + 1}"
    fault = build(copy).fault
    assert fault and told in fault and len(fault.splitlines()) == 1
    with (
        pytest.raises(warehouse.WarehouseFault, match="newer version"),
        warehouse.connect(published(copy), read_only=True),
    ):
        pass
    with pytest.raises(explore.ExploreFault, match="newer version"):
        explore_server.Server(published(copy))
    assert published(copy).read_bytes() == before


def test_a_newer_program_makes_an_older_file_anew(copy: Path, made: Path) -> None:
    of_version(copy, None)
    assert warehouse.made_of(published(copy)) == "", "so the next build makes it anew"
    outcome = build(copy)
    assert (outcome.fault, outcome.unchanged, outcome.read) == (None, False, 0)
    assert tables(copy) == tables(made)
    with warehouse.connect(published(copy), read_only=True) as connection:
        assert warehouse_version.version_of(connection) == warehouse_version.SCHEMA


def test_no_part_is_made_anew_in_a_file_of_an_older_version(copy: Path) -> None:
    before = of_version(copy, 0)
    with pytest.raises(warehouse.WarehouseFault, match="older version; `gongkai build` makes it anew"):
        warehouse.begin(copy / "w", "part", fresh=False)
    assert published(copy).read_bytes() == before


def test_what_no_program_opens_bars_no_build(copy: Path, made: Path) -> None:
    published(copy).write_bytes(b"cut off")
    assert build(copy).fault is None
    assert tables(copy) == tables(made)


# Backups


def test_a_backup_taken_while_a_build_works_gives_the_same_tables(copy: Path, tmp_path: Path) -> None:
    """While files are read and while tables are checked, everything is copied; both copies are whole."""
    before = tables(copy)
    fakes.write(copy / "raw", "b/new.txt", agency="王岗镇", year=2023, requests=fakes.balanced(7))
    taken: list[Path] = []

    def back_up(name: str) -> None:
        place = tmp_path / name
        if place not in taken:
            taken.append(place)
            place.mkdir()
            command = ["tar", "--create", "--file", str(place / "all.tar"), "raw", "curation", "w"]
            subprocess.run(command, cwd=copy, check=True)

    def check(frames: object) -> object:
        back_up("while checking")
        return run_checks(frames)  # type: ignore[arg-type]

    outcome = build(copy, progress=lambda done, of: back_up("while reading"), check=check)
    assert (outcome.fault, len(taken)) == (None, 2)
    after = tables(copy)
    assert len(after["dim_report"]) == len(before["dim_report"]) + 1
    for place in taken:
        subprocess.run(["tar", "--extract", "--file", "all.tar"], cwd=place, check=True)
        assert tables(place) == before, "the warehouse in the backup is the one that was published then"
    restored = taken[0]
    shutil.rmtree(restored / "w")  # as from a backup of reports and decisions alone
    assert build(restored).fault is None
    assert tables(restored) == after


# Logs


def test_the_log_says_what_was_done_to_which_file_and_nothing_that_stands_in_one(made: Path) -> None:
    log = (made / "build.log").read_text(encoding="utf-8")
    lines = [line.split(" INFO ", 1)[1] for line in log.splitlines() if " INFO " in line]
    done = {line.split(",")[0] for line in lines}
    assert {"read a/2022.txt: parsed", "read a/2023.txt: parsed"} <= done
    assert {"read a/locked.txt: encrypted", "read a/raises.txt: unreadable"} <= done
    assert "read a/x\\x0a2026 forged \\x1b[31m.exe: unreadable" in done
    assert any(line.startswith("not read a/away.txt: ") for line in lines)
    said = (NAME, str(FIGURE), "本机关收到申请", "一、总体情况", "\x1b")
    assert [word for word in said if word in log] == []
    with warehouse.connect(published(made), read_only=True) as connection:
        query = "select distinct text from fact_section"
        assert connection.execute(query).fetchall() == [("本机关收到申请。",)], "which it would hold"
        assert connection.execute("select max(value) from fact_request").fetchall() == [(FIGURE + 1.0,)]


def commands(heading: str) -> str:
    """The shell lines that docs/operate.md prints under a heading."""
    page = (ROOT / "docs" / "operate.md").read_text(encoding="utf-8")
    part = page.split(f"\n## {heading}\n", 1)[1].split("\n## ", 1)[0]
    (block,) = re.findall(r"^```sh\n(.*?)^```", part, re.DOTALL | re.MULTILINE)
    return block


def run(script: str, folder: Path) -> str:
    """Lines as printed, in a folder that holds a project's own; what they print."""
    home = folder / "dagster"
    home.mkdir(parents=True, exist_ok=True)
    (home / "dagster.yaml").write_text("telemetry:\n  enabled: false\n")
    if not (folder / ".venv").exists():
        (folder / ".venv").symlink_to(Path(sys.executable).parent.parent)
    places = {
        "GONGKAI_RAW": folder / "data" / "raw",
        "GONGKAI_WAREHOUSE": folder / "data" / "warehouse",
        "GONGKAI_CURATION": folder / "data" / "curation",
        "DAGSTER_HOME": home,
    }
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", script],
        cwd=folder,
        env={**os.environ, **{name: str(place) for name, place in places.items()}},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.slow
def test_backup_and_restore_as_printed(tmp_path: Path) -> None:
    old, new = tmp_path / "old", tmp_path / "new"
    (old / "data" / "curation").mkdir(parents=True)
    data = (ROOT / "data" / "raw" / "samples" / "town_2022.txt").read_bytes()
    store = Store(old / "data" / "raw", "some-town")
    digest, path = store.put(data, "document", "txt")
    address = "https://www.example.gov.cn/2022.txt"
    store.add(
        Entry(
            datetime.now(UTC).isoformat(),
            "one",
            address,
            address,
            "document",
            "new",
            200,
            sha256=digest,
            bytes=len(data),
            path=path,
            kept="document",
        )
    )
    (old / "data" / "curation" / "a.yaml").write_text(
        f"- document: {digest}\n  cell: requests.received.total\n  printed: 15\n  decision: confirmed\n"
        "  reason: as the office says\n  date: 2026-11-20\n",
        encoding="utf-8",
    )
    places = [old / "data" / name for name in ("raw", "warehouse")]
    (old / "data" / "warehouse").mkdir()
    outcome = run_build(Settings(*places, 1, 60, 4096, curation=old / "data" / "curation"), old / "build.log")
    assert outcome.fault is None
    run(commands("Backups"), old)
    new.mkdir()
    (old / "backup.tar.gz").rename(new / "backup.tar.gz")
    assert "1 files, 1 lines of manifests" in run(commands("Restore"), new)
    made, again = (rows(folder / "data" / "warehouse" / warehouse.NAME) for folder in (old, new))
    assert made == again
    assert [row[:2] for row in made["decisions"]] and made["dim_document"][0][3] == address
