"""gkmlpt and ``content/post_{id}.html`` (Guangdong): lists from an API, or pages with next links.

Here: its addresses. Not here: what a report page holds (report_page.py).
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from urllib.parse import urlsplit

from pipeline.crawl.adapters import common
from pipeline.crawl.adapters.common import Link, Page, Step
from pipeline.crawl.sources import Source

_POST = re.compile(r"/post_(\d+)\.html?$")
_SITE = re.compile(r"""\bSID['"]?\s*[:=]\s*['"]?(\d{3,12})""")
_CATEGORY = re.compile(r"^(\d+)$")
_MOST = 1_000


def start(source: Source) -> Iterator[Step]:
    """The entries; the category of a gkmlpt entry stands behind its ``#`` or in the options."""
    for entry in common.entries(source):
        parts = urlsplit(entry)
        named = _CATEGORY.match(parts.fragment)
        categories = source.options.categories or ((named[1],) if named else ())
        url = entry.split("#")[0]
        yield Step("list", url, data={"categories": ",".join(categories)} if categories else {})


def links(source: Source, page: Page) -> Iterator[Step]:
    """Posts of an API answer or a page, and what comes after them."""
    if "category" in page.step.data:
        yield from _answer(source, page)
        return
    if page.step.data.get("categories"):
        site = source.options.site_id or next(iter(_SITE.findall(page.text)), "")
        if site:
            for category in page.step.data["categories"].split(","):
                yield _ask(page, category, site, 1)
    for link in page.links:
        post = _POST.search(urlsplit(link.url).path)
        if post is not None:
            if common.is_report(source, link.text, common.below(page.url, link.url)):
                yield common.report_step(source, page, link, _key(link.url, post[1]))
        elif common.is_file(link.url):
            if common.is_report(source, link.text, False):
                yield common.report_step(source, page, link)
        elif (
            common.is_group(link.text)
            and common.below(page.url, link.url)
            and common.canonical(link.url) != common.canonical(page.url)
            and source.wants(common.year_in(link.text))
        ):
            yield common.list_step(page, link.url)
    yield from common.next_page(page)


def _ask(page: Page, category: str, site: str, number: int) -> Step:
    """One page of the API; it lies beside the platform's own page."""
    base = page.url.split("/gkmlpt/")[0]
    url = f"{base}/gkmlpt/api/all/{category}?page={number}&sid={site}"
    data = {"category": category, "site": site, "number": str(number), "seen": "0"}
    return common.list_step(page, url, same_list=True, data=data, optional=number > 1)


def _answer(source: Source, page: Page) -> Iterator[Step]:
    try:
        answer = json.loads(page.text)
        articles = answer.get("articles") or []
        total = int((answer.get("classify") or {}).get("post_count") or 0)
    except (ValueError, AttributeError, TypeError):
        raise ValueError("the list is no JSON of the kind that this platform gives") from None
    for article in articles:
        if not isinstance(article, dict):
            continue
        url = common.joined(page.url, str(article.get("post_url") or article.get("url") or ""))
        title = common.squeezed(str(article.get("title") or ""))
        if url is None or not common.is_report(source, title, True):
            continue
        post = _POST.search(urlsplit(url).path)
        link = Link(url, title, common.date_in(str(article.get("created_at") or article.get("date") or "")))
        yield common.report_step(source, page, link, _key(url, post[1]) if post else "")
    data = page.step.data
    number, seen = int(data["number"]), int(data["seen"]) + len(articles)
    if articles and seen < total and number < _MOST:
        step = _ask(page, data["category"], data["site"], number + 1)
        yield Step(
            **{**{f: getattr(step, f) for f in step.__slots__}, "data": {**step.data, "seen": str(seen)}}
        )


def _key(url: str, post: str) -> str:
    return f"//{urlsplit(url).netloc}/post_{post}"
