"""Checks of shards that did not change stand from the last build, and the tables are those of a build from
nothing, whatever was changed."""

from __future__ import annotations

import random
import shutil
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path

import polars as pl
import pytest

from pipeline import frames, reading_version, shards, steps
from pipeline.check_cache import CheckCache, digest
from pipeline.checks import run_checks
from pipeline.settings import Settings
from tests import fakes

YEARS = (2022, 2023)
BODIES = 7
Tables = Mapping[str, list[tuple]]


@pytest.fixture(autouse=True)
def small_shards(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shards.shards, "__defaults__", (2,))


class Checks:
    """The project's checks; how often they were asked, and a rule that tests can change."""

    def __init__(self) -> None:
        self.__qualname__ = "Checks"
        self.asked = 0
        self.severity = "error"

    def __call__(self, tables: Mapping[str, pl.DataFrame]) -> pl.DataFrame:
        self.asked += 1
        severity = pl.col("severity").replace("error", self.severity)
        return run_checks(tables).with_columns(severity=severity)


class World:
    """A raw folder with its curation, whose tables are made over what is kept, and again from nothing."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.check = folder, Checks()
        self.raw, self.curation, self.warm = folder / "raw", folder / "curation", folder / "w"
        self.curation.mkdir()
        for year in YEARS:
            for number in range(BODIES):
                self.write(number, year, number + year % 3, wrong=number == 5)
            self.region(year, BODIES * BODIES)

    def write(self, number: int, year: int, received: int, wrong: bool = False) -> None:
        figures = fakes.balanced(received) | ({"received.total": 71.0} if wrong else {})
        agency, path = f"第{number}局", f"区/{year}-{number}.txt"
        fakes.write(self.raw, path, agency=agency, year=year, parent="某区", requests=figures)

    def region(self, year: int, received: int) -> None:
        figures, path = fakes.balanced(received), f"区/{year}-region.txt"
        fakes.write(self.raw, path, agency="某区", year=year, scope="aggregate", requests=figures)

    def settle(self, decision: str) -> None:
        """A decision on the wrong total of one report."""
        (document,) = (row[0] for row in self.build()["dim_document"] if f"{YEARS[-1]}-5" in row[1])
        value = "  value: 5.0\n" if decision == "corrected" else ""
        entry = f"- document: {document}\n  cell: requests.received.total\n  printed: 71.0\n{value}"
        entry += f'  decision: {decision}\n  reason: a digit lost\n  date: "2026-01-02"\n'
        (self.curation / "decided.yaml").write_text(entry, encoding="utf-8")

    def build(self, to: Path | None = None) -> Tables:
        """All tables, over what is kept; ``made`` says how findings were, ``asked`` how often checks ran."""
        chosen = Settings(self.raw, to or self.warm, 1, 20, 2048, curation=self.curation)
        before = self.check.asked
        with steps.open_run(chosen, "run", read=fakes.read_fake, check=self.check) as run:
            steps.decisions(run)
            for table in steps.READ_TABLES:
                steps.read_table(run, table)
            steps.reading_note(run)
            self.made = [steps.check_result(run), steps.suggested_correction(run)]
            steps.rejected_row(run)
            self.asked = self.check.asked - before
            made = set(frames.SCHEMAS) - set(frames.LABELS)
            return {name: steps.frame(run, name).rows() for name in sorted(made)}

    def redone(self) -> int:
        """Of how many shards the findings were not kept; empty ones are all the same."""
        return self.made[0].shards - self.made[0].kept

    def kept(self) -> list[Path]:
        return sorted((self.warm / ".cache" / "checks" / "check_result").iterdir())

    def from_nothing(self) -> Tables:
        """All tables, made of the same readings with nothing known of any check."""
        place = self.folder / "fresh"
        shutil.rmtree(place, ignore_errors=True)
        shutil.copytree(self.warm / ".cache" / "readings", place / ".cache" / "readings")
        return self.build(place)


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path)


def same(one: Tables, other: Tables) -> None:
    assert one.keys() == other.keys()
    for table, rows in one.items():
        assert rows == other[table], table


def failing(tables: Tables, begins: str) -> int:
    status = list(frames.columns("check_result")).index("status")
    code = list(frames.columns("check_result")).index("check_code")
    return sum(row[status] == "fail" and row[code].startswith(begins) for row in tables["check_result"])


def test_one_changed_report_has_its_shard_and_what_sums_it_up_checked(world: World) -> None:
    first = world.build()
    everything = world.redone()
    assert world.asked == everything == len(world.kept()) > 4
    world.write(3, 2023, 400, wrong=True)
    found = world.build()
    assert world.asked == world.redone() <= 2
    assert failing(found, "requests.") > failing(first, "requests.") > 0
    # The year of the region was compared with the changed part.
    assert failing(found, "rollup.") > failing(first, "rollup.")
    same(found, world.from_nothing())
    same(world.build(), found)
    assert world.asked == world.redone() == 0
    assert len(world.kept()) == everything
    for path in world.kept():
        path.write_bytes(b"PAR1")
    same(world.build(), found)
    assert world.redone() == everything


@pytest.mark.slow
def test_after_any_changes_the_tables_are_those_of_a_build_from_nothing(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shards.shards, "__defaults__", (3,))
    chance = random.Random(7)
    world.build()

    def another_rule() -> None:
        world.check.severity = "warn"
        monkeypatch.setattr("pipeline.steps.program_version", lambda: "with another rule")

    def add_and_edit() -> None:
        world.write(BODIES, 2023, chance.randrange(50), wrong=True)
        world.write(chance.randrange(BODIES), 2022, 60)

    changes: dict[str, Callable[[], None]] = {
        "add and edit": add_and_edit,
        "settle": partial(world.settle, "corrected"),
        "delete": lambda: (world.raw / f"区/2022-{chance.randrange(BODIES)}.txt").unlink(),
        "edit of a sum": lambda: world.region(2023, 1),
        "settle otherwise": partial(world.settle, "confirmed"),
        "rule": another_rule,
        "edit of what is decided": lambda: world.write(5, 2023, 9),
        "unsettle": lambda: (world.curation / "decided.yaml").unlink(),
    }
    # A decision on a file that is gone may be about any report: every shard is told of it.
    concerns_all = ("rule", "edit of what is decided", "unsettle")
    before: Tables = {}
    for name, change in changes.items():
        change()
        found = world.build()
        assert found != before, name
        assert (world.redone() == len(world.kept())) == (name in concerns_all), name
        assert world.redone() > 0, name
        same(found, world.from_nothing())
        before = found


def test_the_digest_is_of_rows_order_names_and_program() -> None:
    rows = pl.DataFrame({"a": [1, None, 3], "b": ["x", None, "z"]})
    grown = pl.concat([rows.head(1), rows.tail(2)], rechunk=False)
    assert digest("p", {"t": rows}) == digest("p", {"t": grown})
    others = [
        digest("q", {"t": rows}),
        digest("p", {"u": rows}),
        digest("p", {"t": rows.reverse()}),
        digest("p", {"t": rows.with_columns(a=pl.col("a").cast(pl.Float64))}),
        digest("p", {"t": rows.with_columns(b=pl.col("b").fill_null(""))}),
        digest("p", {"t": rows, "u": rows}),
        digest("p", {"t": rows}),
    ]
    assert len(set(others)) == len(others)


def test_only_what_was_asked_for_stays(tmp_path: Path) -> None:
    tables = [{"t": pl.DataFrame({"a": [number]})} for number in range(3)]
    first = CheckCache(tmp_path, "p")
    for one in tables:
        first.result(one, partial(pl.DataFrame, {"found": [1]}))
    second = CheckCache(tmp_path, "p")
    assert second.result(tables[1], pl.DataFrame).to_dict(as_series=False) == {"found": [1]}
    second.prune()
    assert (second.hits, second.asked, len(list(tmp_path.iterdir()))) == (1, 1, 1)


@pytest.mark.parametrize("changed", ["checks/rules.yaml", "form/form_2021.yaml", "curation/applying.py"])
def test_a_change_of_a_rule_file_is_another_program(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, changed: str
) -> None:
    package = tmp_path / "pipeline"
    shutil.copytree(reading_version.HERE, package, ignore=shutil.ignore_patterns("__pycache__"))
    monkeypatch.setattr(reading_version, "HERE", package)
    versions = []
    for _ in range(2):
        versions.append(reading_version.program_version.__wrapped__())
        with (package / changed).open("a", encoding="utf-8") as file:
            file.write("# \n")
    assert versions[0] != versions[1]
