"""Dagster's part: a run for each source, one failing alone, checks, and the sensor that starts a build."""

from __future__ import annotations

import importlib
import itertools
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import ModuleType
from zoneinfo import ZoneInfo

import dagster as dg
import pytest
from dagster import RetryPolicy
from dagster._utils.schedules import schedule_execution_time_iterator

from pipeline.crawl.store import Entry
from pipeline.defs import crawl as wiring
from pipeline.defs import definitions
from tests.crawl_runs import source, write_sources
from tests.crawl_server import Answer, Published, put_report, serving

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
        expected = ["示范区第0局", "示范区第3局", "示范区第9局"]
        good = source(site, "generic", "/list/", name="good", years=[2022, 2024], expected_agencies=expected)
        bad = source(site, "generic", "/none/", name="bad")
        off = source(site, "generic", "/list/", name="off", enabled=False)
        patch.setenv("GONGKAI_SOURCES", str(write_sources(tmp_path, good, bad, off)))
        patch.setenv("GONGKAI_RAW", str(tmp_path / "raw"))
        # The policy as it stands, with no wait before another try.
        patch.setattr(dg, "RetryPolicy", lambda **said: RetryPolicy(**{**said, "delay": 0}))
        wired = importlib.reload(wiring)
        wired.site = site  # type: ignore[attr-defined]
        yield wired
    importlib.reload(wiring)


def run(two: ModuleType, partition: str, instance: dg.DagsterInstance) -> dg.ExecuteInProcessResult:
    defs = dg.Definitions(assets=[two.fetched_reports], asset_checks=two.CRAWL_CHECKS, jobs=[two.CRAWL_JOB])
    job = defs.resolve_job_def("crawl")
    return job.execute_in_process(partition_key=partition, instance=instance, raise_on_error=False)


def tries(done: dg.ExecuteInProcessResult) -> int:
    """How often the crawl was begun in a run."""
    begun = (dg.DagsterEventType.STEP_START, dg.DagsterEventType.STEP_RESTARTED)
    return sum(e.event_type in begun and e.step_key == "fetched_reports" for e in done.all_events)


@pytest.mark.slow
def test_each_source_is_a_run_of_its_own_and_one_fails_alone(two: ModuleType) -> None:
    assert two.PARTITIONS.get_partition_keys() == ["good", "bad"]
    with dg.instance_for_test() as instance:
        done = run(two, "good", instance)
        assert done.success
        (made,) = done.get_asset_materialization_events()
        assert made.partition == "good" and made.materialization.metadata["new"].value == 9
        assert "Spider closed" in str(made.materialization.metadata["log"].value)
        # A list that is gone is not asked for again within the hour.
        failed = run(two, "bad", instance)
        assert not failed.success and tries(failed) == 1
        (failure,) = failed.get_step_failure_events()
        assert "bad: failed 1 × HTTP 404" in str(failure.step_failure_data.error_display_string)
        held = instance.get_materialized_partitions(dg.AssetKey("fetched_reports"))
        assert held == {"good"}
        statuses = sorted(one.status.value for one in instance.get_runs())
        assert statuses == ["FAILURE", "SUCCESS"]


def test_freshness_and_coverage_are_checked_for_each_source(two: ModuleType) -> None:
    done = run(two, "good", dg.DagsterInstance.ephemeral())
    found = {one.check_name: one for one in done.get_asset_check_evaluations()}
    assert found["fresh_good"].passed and not found["fresh_bad"].passed
    coverage = found["coverage_good"]
    assert not coverage.passed and coverage.severity is dg.AssetCheckSeverity.WARN
    assert coverage.metadata["years_short"].value == [2023]
    assert coverage.metadata["by_year"].value == {"2022": 4, "2023": 1, "2024": 4}
    assert coverage.metadata["missing"].value == [
        "示范区第3局 2023", "示范区第9局 2022", "示范区第9局 2023", "示范区第9局 2024",
    ]  # fmt: skip


def test_freshness_passes_by_season(two: ModuleType) -> None:
    (source, *_) = two._SOURCES.values()
    seen = Entry("2025-01-01T00:00:00+00:00", "c", "http://a", "//a", "list", "same")

    def fresh(month: int, day: int) -> bool:
        return bool(two._fresh(source, [seen], datetime(2025, month, day, tzinfo=UTC)).passed)

    assert fresh(1, 9) and not fresh(1, 12)
    seen = Entry("2025-05-01T00:00:00+00:00", "c", "http://a", "//a", "list", "same")
    assert fresh(6, 8) and not fresh(6, 12)
    seen = Entry("2025-05-01T00:00:00+00:00", "c", "http://a", "//a", "list", "failed")
    assert not fresh(5, 2)


def test_faults_that_pass_are_tried_again(two: ModuleType) -> None:
    policy = two.fetched_reports.op.retry_policy
    assert policy is not None and policy.max_retries == 2
    site, page = two.site, two.site.pages["/list/"]
    # One crawl asks three times; the second one has its list.
    page.before += [Answer(status=503)] * 3
    done = run(two, "good", dg.DagsterInstance.ephemeral())
    assert done.success and tries(done) == 2
    assert site.paths.count("/list/") == 4


def test_the_schedule_is_weekly_in_season_and_asks_for_every_source(two: ModuleType) -> None:
    schedule = two.crawl_schedule
    ticks = schedule_execution_time_iterator(
        datetime(2025, 3, 20, tzinfo=UTC).timestamp(), schedule.cron_schedule, schedule.execution_timezone
    )
    first = [tick.astimezone(ZoneInfo("Asia/Shanghai")) for tick in itertools.islice(ticks, 14)]
    assert [f"{tick:%m-%d %H:%M}" for tick in first] == [
        "03-24 03:00", "03-31 03:00", *(f"{month:02}-01 03:00" for month in range(4, 13)),
        "01-05 03:00", "01-12 03:00", "01-19 03:00",
    ]  # fmt: skip
    assert all(tick.utcoffset() == timedelta(hours=8) for tick in first)
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
    (tmp_path / "raw" / "a" / "one.txt").write_text("1")  # as by hand
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
