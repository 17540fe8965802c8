"""博达 VSB: ``/info/{tree}/{id}.htm``, lists ``name.htm`` with ``name/2.htm`` behind a next link.

Here: its addresses. Not here: what a report page holds (report_page.py).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from urllib.parse import urlsplit

from pipeline.crawl.adapters import common
from pipeline.crawl.adapters.common import Page, Step
from pipeline.crawl.sources import Source

_ARTICLE = re.compile(r"/info/(\d+)/(\d+)\.html?$")


def start(source: Source) -> Iterator[Step]:
    """The list's first page."""
    for entry in common.entries(source):
        yield Step("list", entry)


def links(source: Source, page: Page) -> Iterator[Step]:
    """Articles, the next page, and lists of years or bodies."""
    counts: dict[str, int] = {}
    for link in page.links:
        match = _ARTICLE.search(urlsplit(link.url).path)
        if match and words_say_report(link.text):
            counts[match[1]] = counts.get(match[1], 0) + 1
    # The tree that most of the list's reports are in is the list's own.
    own = max(counts, key=lambda tree: counts[tree]) if counts else None
    for link in page.links:
        match = _ARTICLE.search(urlsplit(link.url).path)
        if match is not None:
            if common.is_report(source, link.text, match[1] == own):
                key = f"//{urlsplit(link.url).netloc}/info/{match[2]}"
                yield common.report_step(source, page, link, key)
        elif common.is_file(link.url):
            if common.is_report(source, link.text, False):
                yield common.report_step(source, page, link)
        elif (
            common.is_group(link.text)
            and _is_below(page.url, link.url)
            and source.wants(common.year_in(link.text))
        ):
            yield common.list_step(page, link.url)
    yield from common.next_page(page)


def words_say_report(text: str) -> bool:
    """Whether a link's text alone names a report."""
    return bool(common.words()["report"].search(text))


def _is_below(folder: str, url: str) -> bool:
    """Lists below ``a/b.htm`` lie in ``a/b/``; those of its site's root do not count."""
    if common.canonical(folder) == common.canonical(url):
        return False
    return common.below(re.sub(r"\.html?$", "/", folder), url) or common.below(folder, url)
