"""Crawls for Dagster: an asset by source, its schedule and checks, and the sensor that starts a build.

Here: wiring and metadata. Not here: fetching (pipeline/crawl), building (steps.py).
"""

import hashlib
import json
import warnings
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import dagster as dg

from pipeline.agencies import Agency, canonical_agency
from pipeline.cells.heading import same_body
from pipeline.cells.heading_text import page_title
from pipeline.collection import list_files
from pipeline.crawl.adapters.common import last_year, year_in
from pipeline.crawl.launch import Crawled, crawl_sources
from pipeline.crawl.sources import SOURCES, Source, SourceFault, load
from pipeline.crawl.store import HIDDEN, MANIFEST, Entry, entries
from pipeline.defs.killed import close_killed, note
from pipeline.settings import crawl_contact, settings, sources_file

BUILD = "build"
CRAWL = "crawl"
_OWNERS = ["team:gongkai"]
_ZONE = "Asia/Shanghai"
# Mondays while reports come out, the first of the month in the rest of the year.
_TIMES = ["0 3 * 1-3 1", "0 3 1 4-12 *"]
_IN_SEASON, _OFF_SEASON = timedelta(days=10), timedelta(days=40)
_REST_SECONDS = 120
# A year for which this part of the best year's reports is missing is worth a look.
_GAP = 0.5


def _sources() -> dict[str, Source]:
    """Enabled sources. A fault in sources.yaml takes the crawls away, not the build."""
    try:
        found = load(sources_file() or SOURCES)
    except SourceFault as fault:
        warnings.warn(f"no source can be crawled: {fault}", stacklevel=2)
        return {}
    return {name: source for name, source in found.items() if source.enabled}


_SOURCES = _sources()
PARTITIONS = dg.StaticPartitionsDefinition(list(_SOURCES))


@dg.asset(
    group_name="crawl",
    kinds={"file"},
    owners=_OWNERS,
    partitions_def=PARTITIONS,
    # What passes within hours; the crawl itself has tried each request several times by then.
    retry_policy=dg.RetryPolicy(max_retries=2, delay=900, backoff=dg.Backoff.EXPONENTIAL),
)
def fetched_reports(context: dg.AssetExecutionContext) -> dg.MaterializeResult:
    """抓取: new and changed reports of one source, fetched into the raw folder."""
    note(context.instance, context.run_id)
    source = _SOURCES[context.partition_key]
    (done,) = crawl_sources([source], sources_file() or SOURCES, settings().raw, crawl_contact())
    context.log.info(done.log)
    if not done.ok:
        # A list that is gone or a fault in sources.yaml is no other in a quarter of an hour.
        again = bool(done.counts.get("passing"))
        raise dg.Failure(_fault(done), metadata=_metadata(done), allow_retries=again)
    return dg.MaterializeResult(metadata=_metadata(done))


def _fault(done: Crawled) -> str:
    reasons = ", ".join(f"{count} × {reason}" for reason, count in done.counts.get("reasons", {}).items())
    return f"{done.source}: {done.fault or done.counts.get('stopped') or 'failed'} {reasons}".strip()


def _metadata(done: Crawled) -> dict[str, dg.MetadataValue]:
    found: dict[str, dg.MetadataValue] = {"log": dg.MetadataValue.text(done.log)}
    for name, value in done.counts.items():
        if isinstance(value, bool | str):
            found[name] = dg.MetadataValue.text(str(value))
        elif isinstance(value, int):
            found[name] = dg.MetadataValue.int(value)
        elif isinstance(value, dict | list):
            found[name] = dg.MetadataValue.json(value)
    return found


# Checks: of each source, whether it was looked at lately and what it has of what it should have.


def _spec(kind: str, source: Source, description: str) -> dg.AssetCheckSpec:
    return dg.AssetCheckSpec(f"{kind}_{source.name}", asset="fetched_reports", description=description)


_FRESH = {n: _spec("fresh", s, f"{s.title} · its list was had lately") for n, s in _SOURCES.items()}
_COVERED = {n: _spec("coverage", s, f"{s.title} · agencies and years found") for n, s in _SOURCES.items()}


def _crawl_checks() -> list[dg.AssetChecksDefinition]:
    if not _SOURCES:
        return []

    @dg.multi_asset_check(name="crawled", specs=[*_FRESH.values(), *_COVERED.values()], can_subset=True)
    def crawled(context: dg.AssetCheckExecutionContext) -> Iterator[dg.AssetCheckResult]:
        """Freshness and coverage of each source."""
        raw, now = settings().raw, datetime.now(UTC)
        wanted = {key.name for key in context.selected_asset_check_keys}
        for name, source in _SOURCES.items():
            if not {_FRESH[name].name, _COVERED[name].name} & wanted:
                continue
            known = list(entries(raw / name / HIDDEN / MANIFEST))
            for result in (_fresh(source, known, now), _coverage(source, known)):
                if result.check_name in wanted:
                    yield result

    return [crawled]


def _fresh(source: Source, known: list[Entry], now: datetime) -> dg.AssetCheckResult:
    times = [datetime.fromisoformat(e.time) for e in known if e.role == "list" and e.outcome == "same"]
    last = max(times, default=None)
    allowed = _IN_SEASON if now.month <= 3 else _OFF_SEASON
    return dg.AssetCheckResult(
        passed=last is not None and now - last < allowed,
        asset_key="fetched_reports",
        check_name=_FRESH[source.name].name,
        severity=dg.AssetCheckSeverity.WARN,
        metadata={"last_list": last.isoformat() if last else "never", "days_allowed": allowed.days},
    )


def _coverage(source: Source, known: list[Entry]) -> dg.AssetCheckResult:
    """Reports found by year and body against what is expected; else each year against the best one."""
    newest = {e.key: e for e in known if e.sha256 and e.kept == "document"}
    found = Counter(year_in(e.title) for e in newest.values())
    years = range(source.years[0], last_year(source.years[1]) + 1)
    begun = [year for year in years if year >= min((y for y in years if found[y]), default=9999)]
    expected = source.expected_agencies
    missing = _missing(source, expected, newest.values(), begun) if isinstance(expected, tuple) else []
    if isinstance(expected, int):
        short = [year for year in years if found[year] < expected]
    else:
        best = max((found[year] for year in years), default=0)
        short = [year for year in begun if found[year] < _GAP * best]
    return dg.AssetCheckResult(
        passed=bool(newest) and not short and not missing,
        asset_key="fetched_reports",
        check_name=_COVERED[source.name].name,
        severity=dg.AssetCheckSeverity.WARN,
        metadata={
            "by_year": dg.MetadataValue.json({str(year): found[year] for year in years if found[year]}),
            "year_unknown": found[None],
            "expected_agencies": dg.MetadataValue.json({"expected": expected}),
            "years_short": dg.MetadataValue.json(short),
            "missing": dg.MetadataValue.json(missing),
        },
    )


def _missing(
    source: Source, expected: Iterable[str], found: Iterable[Entry], years: Iterable[int]
) -> list[str]:
    """Each expected body and year of which no report was found, as ``body year``."""
    have: dict[int, list[Agency]] = defaultdict(list)
    for entry in found:
        title, year = page_title(entry.title), year_in(entry.title)
        if title is not None and title.agency and year is not None:
            have[year].append(canonical_agency(title.agency, (source.title,)))
    bodies = {name: canonical_agency(name, (source.title,)) for name in expected}
    return [
        f"{name} {year}"
        for name, body in bodies.items()
        for year in years
        if not any(same_body(body, other) for other in have[year])
    ]


CRAWL_CHECKS = _crawl_checks()
CRAWL_JOB = dg.define_asset_job(
    CRAWL,
    selection=dg.AssetSelection.assets("fetched_reports"),
    description="New and changed reports of one source into the raw folder",
)


@dg.schedule(job=CRAWL_JOB, cron_schedule=_TIMES, execution_timezone=_ZONE)
def crawl_schedule(context: dg.ScheduleEvaluationContext) -> Iterator[dg.RunRequest]:
    """Weekly from January to March, monthly in the rest of the year; a run for each source."""
    day = context.scheduled_execution_time.date().isoformat()
    for name in _SOURCES:
        yield dg.RunRequest(run_key=f"{name} {day}", partition_key=name, tags={"gongkai/source": name})


@dg.sensor(
    job_name=BUILD,
    minimum_interval_seconds=_REST_SECONDS,
    default_status=dg.DefaultSensorStatus.RUNNING,
)
def new_files(context: dg.SensorEvaluationContext) -> dg.SensorResult | dg.SkipReason:
    """Starts a build when files of the raw folder changed, fetched or put in by hand, and lie still."""
    close_killed(context.instance)
    raw = settings().raw
    if not raw.is_dir():
        return dg.SkipReason(f"there is no raw folder at {raw}")
    now = _fingerprint(raw)
    seen = json.loads(context.cursor) if context.cursor else {}
    if now == seen.get("built"):
        return dg.SkipReason("nothing has changed since the last build")
    if now != seen.get("seen"):
        context.update_cursor(json.dumps({**seen, "seen": now}))
        return dg.SkipReason("files are changing; a build begins when they lie still")
    return dg.SensorResult(
        run_requests=[dg.RunRequest(run_key=now)], cursor=json.dumps({"seen": now, "built": now})
    )


def _fingerprint(raw: Path) -> str:
    """One name for the state of the folder: paths, sizes and times of its files."""
    digest = hashlib.sha256()
    for file in list_files(raw):
        digest.update(f"{file.path}\0{file.bytes}\0{file.mtime_ns}\0".encode())
    return digest.hexdigest()[:24]
