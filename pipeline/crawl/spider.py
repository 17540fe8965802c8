"""The crawl of one source: steps into requests, answers into the store and further steps.

Here: the order of things, what is fetched again, counts, when a crawl ends. Not here: links of a
list (adapters/), bytes (store.py), network rules (safety.py, middleware.py).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncIterator, Iterable, Iterator
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import scrapy
from scrapy import exceptions
from scrapy.exceptions import CloseSpider, IgnoreRequest
from scrapy.http import Request, Response
from scrapy.utils.defer import deferred_from_coro
from twisted.python.failure import Failure

from pipeline.crawl.adapters import ADAPTERS
from pipeline.crawl.adapters.common import Page, Step, canonical
from pipeline.crawl.adapters.report_page import Parts, Picture, bundle, parts
from pipeline.crawl.journal import Journal
from pipeline.crawl.middleware import Refused, Stopped, is_ending
from pipeline.crawl.safety import refusal
from pipeline.crawl.sources import Source
from pipeline.crawl.store import Entry, Kept, Store, ending_of

_KEPT_HEADERS = ("ETag", "Last-Modified", "Content-Type", "Content-Length", "Date", "Content-Disposition")
_PICTURES = ("png", "jpg", "bmp", "tif", "webp", "gif")
# What Scrapy raises when it gives a request up.
_NETWORK_FAULTS: tuple[type[BaseException], ...] = (
    IgnoreRequest,
    OSError,
    *(
        e
        for e in vars(exceptions).values()
        if isinstance(e, type) and e.__name__.startswith(("Download", "Cannot"))
    ),
    exceptions.ResponseDataLossError,
)
_LEAST_PICTURE = 3_000
"""Bytes below which a picture is an ornament."""


@dataclass
class Counts:
    """What a crawl did: outcomes by kind, bytes, and why things failed (``reasons``).

    ``passing`` counts failures that may be none the next time: of the network, or of a busy server.
    """

    lists: int = 0
    pages: int = 0
    files: int = 0
    new: int = 0
    changed: int = 0
    same: int = 0
    fresh: int = 0
    empty: int = 0
    gone: int = 0
    failed: int = 0
    passing: int = 0
    refused: int = 0
    forbidden: int = 0
    entries_failed: int = 0
    bytes: int = 0
    reasons: Counter[str] = field(default_factory=Counter)


class SourceSpider(scrapy.Spider):
    """One crawl of one source."""

    name = "source"

    def __init__(
        self, source: Source, store: Store, journal: Journal, limit: int | None, dry_run: bool
    ) -> None:
        super().__init__(name=source.name)
        self.source, self.store, self.journal, self.dry_run = source, store, journal, dry_run
        self.adapter = ADAPTERS[source.adapter]
        self.limit = min(limit or source.bounds.files, source.bounds.files)
        self.counts = Counts()
        self.stopped = ""
        self.reason = ""
        self.planned: list[Step] = []
        self._asked = self._faults = 0
        self.reports_asked = 0
        self._begun = datetime.now(UTC)

    async def start(self) -> AsyncIterator[Request]:
        """The first steps, or those that an earlier crawl left undone."""
        if self.journal.resumed:
            steps = list(self.journal.pending.values())
        else:
            steps = self.journal.done(None, self.adapter.start(self.source))
        for request in self._expand(steps):
            yield request

    def closed(self, reason: str) -> None:
        """Scrapy's hook: why it ended."""
        self.reason = reason

    @property
    def finished(self) -> bool:
        """Whether everything found was dealt with."""
        return self.reason == "finished" and not self.stopped and not self.journal.pending

    # Steps into requests.

    def _expand(self, steps: Iterable[Step]) -> Iterator[Request]:
        """Requests for steps; those settled without asking are settled, and their finds taken up."""
        stack = list(steps)[::-1]
        while stack:
            step = stack.pop()
            reason = self._barred(step)
            if reason:
                self._record(step, Entry(**self._said(step, "refused"), reason=reason))
                self.journal.done(step)
                continue
            known = self._fresh(step)
            if known is not None:
                self.counts.fresh += 1
                found = self._children(step, known) if step.role == "page" else []
                stack.extend(reversed(self.journal.done(step, found)))
            elif self.dry_run and step.role != "list":
                self.planned.append(step)
            elif not self._within_limits(step):
                continue  # stays in the journal for the next crawl
            else:
                yield self._request(step)

    def _barred(self, step: Step) -> str | None:
        if step.depth > self.source.bounds.depth:
            return "deeper than the source's bound"
        return refusal(step.url, self.source)

    def _within_limits(self, step: Step) -> bool:
        bounds = self.source.bounds
        if self.stopped == "faults":
            return False
        if step.role != "list" and self.reports_asked >= self.limit:
            self.stopped = self.stopped or "limit"
            return False
        if self._asked >= bounds.requests or self.stopped == "bound":
            self.stopped = self.stopped or "bound"
            return False
        self._asked += 1
        self.reports_asked += step.role != "list"
        return True

    def _request(self, step: Step) -> Request:
        headers = {}
        if step.referrer:
            headers["Referer"] = step.referrer
        if step.method == "POST":
            headers["Content-Type"] = "application/x-www-form-urlencoded"
        known = self.store.latest.get(_key(step))
        if step.role != "list" and known is not None and self._held(known):
            if known.headers.get("ETag"):
                headers["If-None-Match"] = known.headers["ETag"]
            if known.headers.get("Last-Modified"):
                headers["If-Modified-Since"] = known.headers["Last-Modified"]
        return Request(
            step.url,
            method=step.method,
            body=step.body,
            headers=headers,
            callback=self.parse,
            errback=self.fail,
            cb_kwargs={"step": step},
            dont_filter=True,
            priority={"list": 0, "page": 10, "file": 20}[step.role],
        )

    def _held(self, known: Entry) -> bool:
        return known.path is not None and (self.store.folder / known.path).is_file()

    def _fresh(self, step: Step) -> Entry | None:
        """What is known of a report that was fetched well a short while ago and is listed as it was."""
        known = self.store.latest.get(_key(step))
        if step.role == "list" or known is None or known.listed != _listed(step) or not self._held(known):
            return None
        looked = datetime.fromisoformat(self.store.looked.get(known.key, known.time))
        # A look that is still to come is that of a clock which was wrong: it counts for nothing.
        recent = timedelta(0) <= self._begun - looked < timedelta(days=self.source.recheck_days)
        return known if recent else None

    def _children(self, step: Step, known: Entry) -> list[Step]:
        """The attachments that a page kept earlier leads to."""
        body = self.store.read(known.path or "")
        if body is None or ending_of(body) not in ("html", "txt"):
            return []
        return list(parts(Page(known.final_url or known.url, body, step, _charset(known.headers))).files)

    # Answers.

    async def parse(self, response: Response, step: Step) -> AsyncIterator[Request]:
        """An answer into the store; what it leads to."""
        self._weigh(response)
        found: list[Step] = []
        try:
            found = await self._take(response, step)
        except Stopped:
            return  # the step stays to be done
        except ValueError as fault:
            self._failed(step, str(fault), response.status)
        except OSError as fault:
            # A full disk: the step stays to be done, and nothing else can be kept either.
            self.stopped = f"cannot write: {fault.strerror or fault}"
            raise CloseSpider(self.stopped) from fault
        for request in self._expand(self.journal.done(step, found)):
            yield request

    async def _take(self, response: Response, step: Step) -> list[Step]:
        known = self.store.latest.get(_key(step))
        if response.status == 304 and known is not None and step.role != "list":
            self._faults = 0
            self._record(step, Entry(**self._of(response, step, "same"), **_bytes_of(known)))
            return self._children(step, known) if step.role == "page" else []
        if response.status in (404, 410) and known is not None and known.outcome != "failed":
            self._record(step, Entry(**self._of(response, step, "gone"), reason="no longer there; kept"))
            return []
        if response.status in (404, 410) and step.optional:
            self._record(step, Entry(**self._of(response, step, "empty"), reason="not there"))
            return []
        if response.status != 200:
            self._failed(step, f"HTTP {response.status}", response.status)
            return []
        self._faults = 0
        page = Page(response.url, response.body, step, _charset(self._headers(response)))
        if step.role == "list":
            return self._list(response, page)
        ending = ending_of(response.body)
        if step.role == "page" and ending in ("html", "txt"):
            return await self._page(response, page)
        if ending in ("html", "bin"):
            came = "a web page" if ending == "html" else f"nothing known ({len(response.body)} bytes)"
            raise ValueError(f"{came} came in place of a file")
        self.counts.files += 1
        self._keep(step, response, response.body, "document", ending)
        return []

    def _list(self, response: Response, page: Page) -> list[Step]:
        found = list(self.adapter.links(self.source, page))
        self.counts.lists += 1
        reports = sum(one.role != "list" for one in found)
        self._record(page.step, Entry(**self._of(response, page.step, "same"), reason=f"{reports} reports"))
        return found

    async def _page(self, response: Response, page: Page) -> list[Step]:
        step, told = page.step, parts(page)
        self.counts.pages += 1
        if told.empty:
            self._keep(step, response, page.body, "aside", "html", told, outcome="empty")
            return []
        pictures = await self._pictures(page, told)
        alone = told.is_report and not pictures
        # Before the page: one that is known is had again only if it has changed, so its bundle must be there.
        if pictures:
            whole = bundle(page, pictures)
            self._keep(step, response, whole, "document", "mht", told, suffix=" bundle")
        self._keep(step, response, page.body, "document" if alone else "aside", "html", told)
        return list(told.files)

    async def _pictures(self, page: Page, told: Parts) -> list[tuple[Picture, bytes, str]]:
        """The pictures of a page that is the report; one that cannot be had is counted."""
        found = []
        for picture in told.pictures:
            step = Step("file", picture.url, referrer=page.url, depth=page.step.depth + 1)
            if reason := self._barred(step):
                self._record(step, Entry(**self._said(step, "refused"), reason=reason))
                continue
            if is_ending(self.crawler):
                raise Stopped("the crawl is to end")
            assert self.crawler.engine is not None
            try:
                request = Request(picture.url, headers={"Referer": page.url}, dont_filter=True)
                answer = await self.crawler.engine.download_async(request)
            except Stopped:
                raise
            except _NETWORK_FAULTS as fault:
                self._failed(step, _reason(fault))
                continue
            self._weigh(answer)
            ending = ending_of(answer.body)
            if answer.status != 200 or ending not in _PICTURES:
                self._failed(step, f"HTTP {answer.status}, no picture", answer.status)
            elif len(answer.body) >= _LEAST_PICTURE:
                digest, path = self.store.put(answer.body, "aside", ending)
                held: dict[str, Any] = {
                    "sha256": digest,
                    "path": path,
                    "bytes": len(answer.body),
                    "kept": "aside",
                }
                before = self.store.latest.get(_key(step))
                outcome = _outcome(before, digest)
                self._record(step, Entry(**self._of(answer, step, outcome), **held), count=False)
                found.append((picture, answer.body, ending))
        return found

    def _keep(
        self,
        step: Step,
        response: Response,
        body: bytes,
        kept: Kept,
        ending: str,
        told: Parts | None = None,
        suffix: str = "",
        outcome: str = "",
    ) -> None:
        digest, path = self.store.put(body, kept, ending)
        said = self._of(response, step, "same")
        said["key"] += suffix
        before = self.store.latest.get(said["key"])
        said["outcome"] = outcome or _outcome(before, digest)
        hints = told.hints if told else {}
        for name in ("title", "agency", "published", "index_number"):
            said[name] = said.get(name) or hints.get(name, "")
        changed = before is not None and before.sha256 != digest
        entry = Entry(
            **said,
            sha256=digest,
            bytes=len(body),
            path=path,
            kept=kept,
            supersedes=before.sha256 if changed and before else None,
        )
        self._record(step, entry, count=kept == "document" or said["outcome"] in ("same", "empty"))

    # Faults.

    def fail(self, failure: Failure) -> Iterator[Request]:
        """A request without an answer."""
        step: Step = failure.request.cb_kwargs["step"]  # type: ignore[attr-defined]
        fault: BaseException = failure.value  # type: ignore[assignment]
        if isinstance(fault, Stopped):
            return iter(())
        if isinstance(fault, Refused):
            self._record(step, Entry(**self._said(step, "refused"), reason=str(fault)))
            if step.role == "list":
                self._entry_failed(step)
        elif isinstance(fault, IgnoreRequest) and "robots.txt" in str(fault):
            self.counts.forbidden += 1
            self._record(step, Entry(**self._said(step, "refused"), reason="forbidden by robots.txt"))
            if step.role == "list":
                self._entry_failed(step)
        else:
            given_up = isinstance(fault, IgnoreRequest | exceptions.DownloadCancelledError)
            self._failed(step, _reason(fault), lasts=given_up)
        self.journal.done(step)
        return iter(())

    def _failed(self, step: Step, reason: str, status: int | None = None, lasts: bool = False) -> None:
        self._record(step, Entry(**self._said(step, "failed"), reason=reason, status=status))
        self._entry_failed(step)
        passes = status is None or status in self.settings.getlist("RETRY_HTTP_CODES")
        self.counts.passing += passes and not lasts
        self._faults += 1
        if self._faults >= self.source.bounds.faults:
            self._end("faults")

    def _end(self, why: str) -> None:
        """End the crawl; what was found and not yet asked for stays in the journal."""
        if not self.stopped:
            self.stopped = why
            assert self.crawler.engine is not None
            deferred_from_coro(self.crawler.engine.close_spider_async(reason=why))

    def _weigh(self, response: Response) -> None:
        """Count the bytes; a crawl that has had all that it may take ends."""
        self.counts.bytes += len(response.body)
        if self.counts.bytes > self.source.bounds.megabytes * 1e6:
            self._end("bound")

    def _entry_failed(self, step: Step) -> None:
        """A list that cannot be had hides reports, so it counts as the source's fault."""
        if step.role == "list" and not step.optional:
            self.counts.entries_failed += 1

    # The manifest.

    def _said(self, step: Step, outcome: str) -> dict[str, Any]:
        names = ("title", "agency", "published", "index_number", "referrer")
        return {
            "time": datetime.now(UTC).isoformat(timespec="milliseconds"),
            "crawl": self.journal.crawl,
            "url": step.url,
            "key": _key(step),
            "role": step.role,
            "outcome": outcome,
            "listed": _listed(step),
            **{name: getattr(step, name) for name in names},
        }

    def _of(self, response: Response, step: Step, outcome: str) -> dict[str, Any]:
        final = response.url if response.url != step.url else ""
        unchecked = response.url.startswith("https:") and not self.source.check_certificates
        return {
            **self._said(step, outcome),
            "status": response.status,
            "final_url": final,
            "headers": self._headers(response),
            "certificate": "unchecked" if unchecked else "",
        }

    def _headers(self, response: Response) -> dict[str, str]:
        found = {}
        for name in _KEPT_HEADERS:
            value = response.headers.get(name)
            if value:
                found[name] = value.decode("latin-1")[:300]
        return found

    def _record(self, step: Step, entry: Entry, count: bool = True) -> None:
        if step.role != "list" or entry.outcome in ("failed", "refused"):
            if count:
                setattr(self.counts, entry.outcome, getattr(self.counts, entry.outcome) + 1)
            if entry.outcome in ("failed", "refused"):
                self.counts.reasons[entry.reason] += 1
        if not self.dry_run:
            self.store.add(entry)


def _key(step: Step) -> str:
    return step.key or canonical(step.url)


def _listed(step: Step) -> str:
    """How the list names a report: another line there is a reason to look again."""
    return f"{step.title}|{step.published}"


def _outcome(before: Entry | None, digest: str) -> str:
    return "new" if before is None else "same" if before.sha256 == digest else "changed"


def _bytes_of(known: Entry) -> dict[str, Any]:
    """The bytes of an entry, for a line that says that they still stand."""
    return {
        name: value for name, value in asdict(known).items() if name in ("sha256", "path", "bytes", "kept")
    }


def _charset(headers: Any) -> str:
    _, _, charset = str(headers.get("Content-Type", "")).lower().partition("charset=")
    return charset.split(";")[0].strip(" \"'")


def _reason(fault: BaseException) -> str:
    text = " ".join(str(fault).split())[:200]
    return f"{type(fault).__name__}: {text}" if text else type(fault).__name__
