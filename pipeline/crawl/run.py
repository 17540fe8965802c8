"""One crawl of one source in this process: Scrapy's settings, and the counts at the end.

Here: what the source's data means to Scrapy. Not here: processes of many sources (launch.py).
"""

from __future__ import annotations

import json
import time
from importlib import metadata
from pathlib import Path
from typing import Any

from scrapy.crawler import CrawlerProcess

from pipeline.crawl.journal import Journal
from pipeline.crawl.middleware import SOURCE
from pipeline.crawl.safety import PRIVATE
from pipeline.crawl.sources import Source
from pipeline.crawl.spider import SourceSpider
from pipeline.crawl.store import Store

_HERE = "pipeline.crawl"


def crawl(source: Source, raw: Path, contact: str, limit: int | None, dry_run: bool) -> dict[str, Any]:
    """Crawl one source into ``raw``; what was done, as plain data for JSON.

    Raises:
        StoreFault: another crawl of the source is under way, or its folder cannot be written.
    """
    store = Store(raw, source.name)
    if dry_run:
        return _crawl(source, store, contact, limit, dry_run=True)
    with store.lock():
        return _crawl(source, store, contact, limit, dry_run=False)


def _crawl(source: Source, store: Store, contact: str, limit: int | None, dry_run: bool) -> dict[str, Any]:
    begun = time.monotonic()
    journal = Journal(store.hidden, write=not dry_run)
    process = CrawlerProcess(scrapy_settings(source, contact))
    crawler = process.create_crawler(SourceSpider)
    process.crawl(crawler, source=source, store=store, journal=journal, limit=limit, dry_run=dry_run)
    process.start()
    spider = crawler.spider
    assert isinstance(spider, SourceSpider) and crawler.stats is not None
    finished = spider.finished or (dry_run and spider.reason == "finished")
    if finished:
        journal.close()
    counts = {name: value for name, value in vars(spider.counts).items() if name != "reasons"}
    told: dict[str, Any] = {
        "source": source.name,
        "ok": _is_ok(spider, finished),
        "finished": finished,
        "stopped": spider.stopped or ("" if spider.reason == "finished" else spider.reason),
        "resumed": journal.resumed,
        "left": len(journal.pending) if not dry_run else 0,
        "reports_asked": spider.reports_asked,
        "requests": crawler.stats.get_value("downloader/request_count", 0),
        "retries": crawler.stats.get_value("retry/count", 0),
        **counts,
        "reasons": dict(spider.counts.reasons.most_common(20)),
        "findings": _findings(source),
        "seconds": round(time.monotonic() - begun, 1),
    }
    if dry_run:
        told["would_fetch"] = len(spider.planned)
        for step in spider.planned:
            line = {"would_fetch": step.url, "title": step.title, "published": step.published}
            print(json.dumps(line, ensure_ascii=False), flush=True)
    return told


def _is_ok(spider: SourceSpider, finished: bool) -> bool:
    """Whether the source did not fail: its lists were had, and not everything asked of it was a fault.

    A crawl that a limit ended is well and goes on with the next; one ended by a signal is not done.
    """
    counts = spider.counts
    good = counts.new + counts.changed + counts.same + counts.fresh + len(spider.planned)
    if counts.entries_failed or (counts.failed + counts.refused and not good):
        return False
    return finished or spider.stopped == "limit"


def _findings(source: Source) -> list[str]:
    found = []
    if not source.check_certificates:
        found.append("certificates are not checked, as the source's entry says")
    if not source.confirmed:
        found.append("the entry address follows from a report's and was not yet seen to be the list")
    return found


def user_agent(contact: str) -> str:
    """Who we are and how to reach us."""
    version = metadata.version("gongkai")
    reach = f"; contact: {contact}" if contact else ""
    return f"gongkai/{version} (yearly disclosure reports for research{reach})"


def scrapy_settings(source: Source, contact: str) -> dict[str, Any]:
    """The source's pace and bounds in Scrapy's words."""
    pace, bounds = source.pace, source.bounds
    return {
        SOURCE: source,
        PRIVATE: source.private_addresses,
        "USER_AGENT": user_agent(contact),
        "ROBOTSTXT_OBEY": True,
        "ROBOTSTXT_USER_AGENT": "gongkai",
        # No more than one host may take, so that a pause that it asks for finds none in the queue.
        "CONCURRENT_REQUESTS": pace.per_host,
        "CONCURRENT_REQUESTS_PER_DOMAIN": pace.per_host,
        "DOWNLOAD_DELAY": pace.seconds,
        "RANDOMIZE_DOWNLOAD_DELAY": False,  # the pace is a floor, never half of it
        "AUTOTHROTTLE_ENABLED": pace.seconds > 0,
        "AUTOTHROTTLE_START_DELAY": pace.seconds,
        "AUTOTHROTTLE_MAX_DELAY": max(60.0, pace.seconds),
        "DOWNLOAD_TIMEOUT": pace.timeout,
        "RETRY_TIMES": pace.retries,
        "REDIRECT_MAX_TIMES": bounds.redirects,
        "DOWNLOAD_MAXSIZE": int(bounds.megabytes_each * 1e6),
        "DOWNLOAD_WARNSIZE": 0,
        "DOWNLOAD_FAIL_ON_DATALOSS": True,
        "DOWNLOAD_VERIFY_CERTIFICATES": source.check_certificates,
        "CLOSESPIDER_TIMEOUT": bounds.minutes * 60,
        "DNS_RESOLVER": f"{_HERE}.safety.GuardedResolver",
        "DOWNLOADER_MIDDLEWARES": {
            f"{_HERE}.middleware.Gate": 10,
            f"{_HERE}.middleware.Patience": 550,
            f"{_HERE}.middleware.Cookies": 700,
            "scrapy.downloadermiddlewares.cookies.CookiesMiddleware": None,
            "scrapy.downloadermiddlewares.retry.RetryMiddleware": None,
            "scrapy.downloadermiddlewares.offsite.OffsiteMiddleware": None,
        },
        # Every answer is looked at, faults too; no proxy stands between the rules and the network.
        "HTTPERROR_ALLOW_ALL": True,
        "HTTPPROXY_ENABLED": False,
        "REFERER_ENABLED": False,
        "TELNETCONSOLE_ENABLED": False,
        "REMOTE_CONTROL_ENABLED": False,
        "LOG_LEVEL": "INFO",
        "STATS_DUMP": False,
        "DEFAULT_REQUEST_HEADERS": {"Accept": "*/*", "Accept-Language": "zh-CN,zh;q=0.9"},
    }
