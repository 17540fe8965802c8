"""Checks of shards that did not change stand from the last build, and the tables are those of a build from
nothing, whatever was changed."""

from __future__ import annotations

import random
import shutil
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from pathlib import Path

import dagster as dg
import polars as pl
import pytest

from pipeline import frames, reading_version, shards, warehouse
from pipeline.check_cache import CheckCache, digest
from pipeline.checks import run_checks
from pipeline.defs.launch import run_build
from pipeline.settings import Settings
from tests import fakes

pytestmark = pytest.mark.xdist_group("build")
YEARS = (2022, 2023)
BODIES = 10


@pytest.fixture(scope="module", autouse=True)
def own_instance() -> Iterator[None]:
    """Runs of the tests do not stand in the project's history."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("pipeline.defs.launch._instance", dg.DagsterInstance.ephemeral)
        yield


@pytest.fixture(autouse=True)
def small_shards(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shards.shards, "__defaults__", (3,))


class Checks:
    """The project's checks; how often they were asked, and a rule that tests can change."""

    def __init__(self) -> None:
        self.__qualname__ = "Checks"
        self.asked = 0
        self.severity = "error"

    def __call__(self, tables: Mapping[str, pl.DataFrame]) -> pl.DataFrame:
        self.asked += 1
        found = run_checks(tables)
        severity = pl.col("severity").replace("error", self.severity)
        return found.with_columns(severity=severity)


class World:
    """A raw folder with its curation, built over what was built before, and again from nothing."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.check, self.fresh = folder, Checks(), 0
        self.raw, self.curation = folder / "raw", folder / "curation"
        self.curation.mkdir()
        for year in YEARS:
            for number in range(BODIES):
                self.write(number, year, number + year % 3, wrong=number == 5)
            self.region(year, BODIES)

    def write(self, number: int, year: int, received: int, wrong: bool = False) -> None:
        figures = fakes.balanced(received) | ({"received.total": 71.0} if wrong else {})
        agency, path = f"第{number}局", f"区/{year}-{number}.txt"
        fakes.write(self.raw, path, agency=agency, year=year, parent="某区", requests=figures)

    def region(self, year: int, received: int) -> None:
        figures, path = fakes.balanced(received), f"区/{year}-region.txt"
        fakes.write(self.raw, path, agency="某区", year=year, scope="aggregate", requests=figures)

    def settle(self, decision: str) -> None:
        """A decision on the wrong total of one year's report."""
        path = f"区/{YEARS[-1]}-5.txt"
        ((document,),) = self.ask(f"select document_id from dim_document where path = '{path}'")
        value = "  value: 5.0\n" if decision == "corrected" else ""
        entry = f"- document: {document}\n  cell: requests.received.total\n  printed: 71.0\n{value}"
        entry += f'  decision: {decision}\n  reason: a digit lost\n  date: "2026-01-02"\n'
        (self.curation / "decided.yaml").write_text(entry, encoding="utf-8")

    def build(self, to: Path | None = None) -> int:
        """Build; how often the checks were asked."""
        warm, before = to or self.folder / "w", self.check.asked
        chosen = Settings(self.raw, warm, 2, 20, 2048, curation=self.curation, accept=True)
        run = run_build(chosen, self.folder / "log", read=fakes.read_fake, check=self.check)
        assert run.fault is None
        return self.check.asked - before

    def ask(self, query: str, of: Path | None = None) -> list[tuple]:
        with warehouse.connect((of or self.folder / "w") / warehouse.NAME, read_only=True) as connection:
            return connection.execute(query).fetchall()

    def rows(self, of: Path | None = None) -> dict[str, list[tuple]]:
        """Every table and view; tables in their order, views promise none."""
        listed = self.ask("select table_name from information_schema.tables where table_schema = 'main'", of)
        names = sorted({name for (name,) in listed} - {warehouse.BUILD_INFO})
        return {
            name: self.ask(f"select * from {name} {'' if name in frames.SCHEMAS else 'order by all'}", of)
            for name in names
        }

    def from_nothing(self) -> dict[str, list[tuple]]:
        self.fresh += 1
        place = self.folder / f"fresh{self.fresh}"
        self.build(place)
        found = self.rows(place)
        shutil.rmtree(place)
        return found

    def kept(self) -> int:
        return len(list((self.folder / "w" / ".cache" / "checks" / "check_result").glob("*")))


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path)


def same(one: Mapping[str, list[tuple]], other: Mapping[str, list[tuple]]) -> None:
    assert one.keys() == other.keys()
    for table, rows in one.items():
        assert rows == other[table], table


def test_one_changed_report_has_its_shard_and_what_sums_it_up_checked(world: World) -> None:
    everything = world.build()
    ((before,),) = world.ask("select count(*) from check_result where status = 'fail'")
    world.write(3, 2023, 40, wrong=True)
    asked = world.build()
    assert 0 < asked <= 2 < everything
    same(world.rows(), world.from_nothing())
    ((after,),) = world.ask("select count(*) from check_result where status = 'fail'")
    assert after > before > 0
    # The year of the region was compared with the changed part.
    assert world.ask("select 1 from check_result where check_code like 'rollup.%' and status = 'fail'")
    assert world.kept() == everything


@pytest.mark.slow
def test_after_any_changes_the_tables_are_those_of_a_build_from_nothing(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    chance = random.Random(7)
    everything = world.build()

    def another_rule() -> None:
        world.check.severity = "warn"
        monkeypatch.setattr("pipeline.steps.program_version", lambda: "with another rule")

    changes: dict[str, Callable[[], None]] = {
        "add": lambda: world.write(BODIES, 2023, chance.randrange(50), wrong=True),
        "edit": lambda: world.write(chance.randrange(BODIES), 2022, 60),
        "settle": partial(world.settle, "corrected"),
        "delete": lambda: (world.raw / f"区/2022-{chance.randrange(BODIES)}.txt").unlink(),
        "edit of a sum": lambda: world.region(2023, 1),
        "settle otherwise": partial(world.settle, "confirmed"),
        "rule": another_rule,
        "edit of what is decided": lambda: world.write(5, 2023, 9),
        "unsettle": lambda: (world.curation / "decided.yaml").unlink(),
    }
    for name, change in changes.items():
        change()
        asked = world.build()
        assert asked > 0, name
        if name != "rule":
            # A corrected cell has its shard checked a second time, with the corrected value.
            assert asked < everything, name
        same(world.rows(), world.from_nothing())


def test_a_spoilt_result_is_found_out_anew(world: World) -> None:
    everything = world.build()
    first = world.rows()
    for path in (world.folder / "w" / ".cache" / "checks" / "check_result").iterdir():
        path.write_bytes(b"PAR1")
    (world.folder / "w" / warehouse.NAME).unlink()
    assert world.build() == everything
    same(world.rows(), first)


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
