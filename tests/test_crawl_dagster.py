"""Dagster's part: a run for each source, one failing alone, checks, and the sensor that starts a build."""

from __future__ import annotations

import importlib
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from types import ModuleType
from zoneinfo import ZoneInfo

import dagster as dg
import pytest

from pipeline.defs import crawl as wiring
from pipeline.defs import definitions
from tests.crawl_runs import source, write_sources
from tests.crawl_server import Published, put_report, serving

pytestmark = pytest.mark.xdist_group("build")


@pytest.fixture
def two(tmp_path: Path) -> Iterator[ModuleType]:
    """The wiring over two sources of loopback sites: one well, one whose list is gone."""
    with serving() as site, pytest.MonkeyPatch.context() as patch:
        links = ""
        for year in (2022, 2023, 2024):
            for n in range(4 if year != 2023 else 1):
                report = Published(f"示范区第{n}局", year)
                put_report(site, f"/r/{year}{n}", report)
                links += f"<a href='/r/{year}{n}'>{report.title}</a>"
        site.html("/list/", links)
        good = source(site, "generic", "/list/", name="good", years=[2022, 2024])
        bad = source(site, "generic", "/none/", name="bad")
        off = source(site, "generic", "/list/", name="off", enabled=False)
        patch.setenv("GONGKAI_SOURCES", str(write_sources(tmp_path, good, bad, off)))
        patch.setenv("GONGKAI_RAW", str(tmp_path / "raw"))
        yield importlib.reload(wiring)
    importlib.reload(wiring)


def run(two: ModuleType, partition: str) -> dg.ExecuteInProcessResult:
    defs = dg.Definitions(assets=[two.fetched_reports], asset_checks=two.CRAWL_CHECKS, jobs=[two.CRAWL_JOB])
    job = defs.resolve_job_def("crawl")
    instance = dg.DagsterInstance.ephemeral()
    return job.execute_in_process(partition_key=partition, instance=instance, raise_on_error=False)


def test_each_source_is_a_run_of_its_own(two: ModuleType) -> None:
    assert two.PARTITIONS.get_partition_keys() == ["good", "bad"]
    done = run(two, "good")
    assert done.success
    (made,) = done.get_asset_materialization_events()
    assert made.materialization.metadata["new"].value == 9
    assert "Spider closed" in str(made.materialization.metadata["log"].value)
    found = {one.check_name: one for one in done.get_asset_check_evaluations()}
    assert found["fresh_good"].passed and not found["fresh_bad"].passed
    assert found["coverage_good"].metadata["years_short"].value == [2023]
    assert found["coverage_good"].metadata["by_year"].value == {"2022": 4, "2023": 1, "2024": 4}


def test_a_source_that_fails_is_tried_again_and_fails_alone(two: ModuleType) -> None:
    policy = two.fetched_reports.op.retry_policy
    assert policy is not None and policy.max_retries == 2
    with pytest.raises(dg.Failure, match=r"bad: .*HTTP 404") as failure:
        two.fetched_reports(dg.build_asset_context(partition_key="bad"))
    assert failure.value.allow_retries
    assert run(two, "good").success


def test_the_schedule_is_weekly_in_season_and_asks_for_every_source(two: ModuleType) -> None:
    schedule = two.crawl_schedule
    assert schedule.execution_timezone == "Asia/Shanghai"
    when = datetime(2025, 1, 6, 3, tzinfo=ZoneInfo("Asia/Shanghai"))
    defs = dg.Definitions(assets=[two.fetched_reports], jobs=[two.CRAWL_JOB], schedules=[schedule])
    context = dg.build_schedule_context(
        scheduled_execution_time=when, repository_def=defs.get_repository_def()
    )
    requests = schedule.evaluate_tick(context).run_requests
    assert requests is not None
    assert [(one.partition_key, one.run_key) for one in requests] == [
        ("good", "good 2025-01-06"),
        ("bad", "bad 2025-01-06"),
    ]


def test_a_build_starts_once_new_files_lie_still(two: ModuleType, tmp_path: Path) -> None:
    instance = dg.DagsterInstance.ephemeral()

    def tick(cursor: str | None) -> tuple[int, str | None]:
        context = dg.build_sensor_context(instance=instance, cursor=cursor)
        found = two.new_files.evaluate_tick(context)
        return len(found.run_requests or []), found.cursor or cursor

    assert tick(None)[0] == 0
    (tmp_path / "raw" / "a").mkdir(parents=True)
    (tmp_path / "raw" / "a" / "one.txt").write_text("1")
    started, cursor = tick(None)
    assert started == 0, "the file may still be being written"
    started, cursor = tick(cursor)
    assert started == 1
    assert tick(cursor)[0] == 0
    (tmp_path / "raw" / "a" / "two.txt").write_text("2")
    assert [tick(cursor)[0], tick(tick(cursor)[1])[0]] == [0, 1]


def test_the_build_does_not_crawl() -> None:
    defs = definitions()
    built = defs.resolve_job_def("build").asset_layer.executable_asset_keys
    assert dg.AssetKey("fetched_reports") not in built and dg.AssetKey("published") in built
