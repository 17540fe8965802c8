"""What stands between the spider and the network: the gate, and patience with servers.

Here: every request through the rules of safety.py, redirects and robots.txt included; waiting as
long as a server asks, or longer each time. Not here: the rules themselves.
"""

from __future__ import annotations

import asyncio
import time
from email.utils import parsedate_to_datetime
from urllib.parse import urlsplit

from scrapy.crawler import Crawler
from scrapy.downloadermiddlewares.retry import RetryMiddleware
from scrapy.exceptions import IgnoreRequest
from scrapy.http import Request, Response
from scrapy.http.cookies import CookieJar
from scrapy.utils.response import response_status_message

from pipeline.crawl.safety import REFUSED_NAMES, refusal
from pipeline.crawl.sources import Source

SOURCE = "GONGKAI_SOURCE"
"""Scrapy setting: the Source that is crawled."""


class Refused(IgnoreRequest):
    """A request that the source's rules forbid; it was not sent."""


class Stopped(IgnoreRequest):
    """A request given up because the crawl is to end; it stays to be done."""


class Gate:
    """Lets nothing pass that the source's rules forbid, wherever it came from."""

    def __init__(self, source: Source) -> None:
        self.source = source

    @classmethod
    def from_crawler(cls, crawler: Crawler) -> Gate:
        return cls(crawler.settings[SOURCE])

    def process_request(self, request: Request) -> None:
        """Scrapy's hook."""
        reason = refusal(request.url, self.source)
        if reason is not None:
            raise Refused(reason)


class Patience(RetryMiddleware):
    """Tries again after faults that pass: as late as the server asks, else later each time.

    A host that asks for a pause gets it from all requests, not only from the one that it refused.
    """

    def __init__(self, settings: object) -> None:
        super().__init__(settings)  # type: ignore[arg-type]
        source: Source = settings[SOURCE]  # type: ignore[index]
        self.pace = source.pace
        self.quiet: dict[str, float] = {}

    async def process_request(self, request: Request) -> None:
        """Wait until the request's time has come."""
        host = urlsplit(request.url).netloc
        while True:
            wait = max(request.meta.get("not_before", 0), self.quiet.get(host, 0)) - time.monotonic()
            if wait <= 0:
                return
            if is_ending(self.crawler):
                raise Stopped("the crawl is to end")
            await asyncio.sleep(min(wait, 0.2))

    def process_response(self, request: Request, response: Response) -> Request | Response:  # type: ignore[override]
        """Plan another try where the answer is a fault that may pass."""
        if response.status not in self.retry_http_codes or request.meta.get("dont_retry"):
            return response
        asked = retry_after(response)
        if asked is not None and asked > self.pace.longest_wait:
            return response
        again = self._retry(request, response_status_message(response.status))
        if again is None:
            return response
        wait = self._backoff(again) if asked is None else asked
        if asked is not None or response.status == 429:
            host = urlsplit(request.url).netloc
            self.quiet[host] = max(self.quiet.get(host, 0), time.monotonic() + wait)
        again.meta["not_before"] = time.monotonic() + wait
        return again

    def process_exception(self, request: Request, exception: Exception) -> Request | None:  # type: ignore[override]
        """Plan another try after a fault of the connection that may pass."""
        if not isinstance(exception, self.exceptions_to_retry) or request.meta.get("dont_retry"):
            return None
        if (refused := REFUSED_NAMES.get(urlsplit(request.url).hostname or "")) is not None:
            raise Refused(refused)
        again = self._retry(request, exception)
        if again is not None:
            again.meta["not_before"] = time.monotonic() + self._backoff(again)
        return again

    def _backoff(self, again: Request) -> float:
        return min(self.pace.longest_wait, self.pace.backoff * 2 ** (again.meta["retry_times"] - 1))


class Cookies:
    """Cookies of sessions, each back to the one host that set it.

    Scrapy's own looks up which domains are public in a list that it fetches from the network.
    """

    def __init__(self) -> None:
        self.jar = CookieJar()

    def process_request(self, request: Request) -> None:
        """Scrapy's hook."""
        request.headers.pop("Cookie", None)
        self.jar.add_cookie_header(request)

    def process_response(self, request: Request, response: Response) -> Response:
        """Scrapy's hook."""
        for cookie in self.jar.make_cookies(response, request):
            cookie.domain = (urlsplit(request.url).hostname or "").lower()
            if "." not in cookie.domain:
                cookie.domain += ".local"  # as the standard library calls a name without dots
            cookie.domain_specified = cookie.domain_initial_dot = False
            self.jar.set_cookie_if_ok(cookie, request)
        return response


def is_ending(crawler: Crawler) -> bool:
    """Whether the crawl is to end: nothing more should be asked or waited for."""
    engine = crawler.engine
    if engine is None or not engine.running:
        return True
    slot = engine._slot
    return slot is None or slot.closing is not None


def retry_after(response: Response) -> float | None:
    """Seconds that a server asks to wait; None where it does not say."""
    value = (response.headers.get("Retry-After") or b"").decode("ascii", "replace").strip()
    if value.isdigit():
        return float(value)
    try:
        return max(0.0, parsedate_to_datetime(value).timestamp() - time.time())
    except (TypeError, ValueError, IndexError):
        return None
