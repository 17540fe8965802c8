"""TRS WCM: ``column/YYYYMM/tYYYYMMDD_id.html``, lists paged by ``createPageHTML``.

Here: its addresses. Not here: what a report page holds (report_page.py).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from urllib.parse import urlsplit

from pipeline.crawl.adapters import common
from pipeline.crawl.adapters.common import Page, Step
from pipeline.crawl.sources import Source

_ARTICLE = re.compile(r"/(\d{6})/t(\d{8})_(\d+)(?:_\w+)?\.(?:s?html?)$")
_COLUMN = re.compile(r"/(?:index\.s?html?)?$")


def start(source: Source) -> Iterator[Step]:
    """The column's first page."""
    for entry in common.entries(source):
        yield Step("list", entry)


def links(source: Source, page: Page) -> Iterator[Step]:
    """Articles, further pages, and columns below this one."""
    for link in page.links:
        path = urlsplit(link.url).path
        article = _ARTICLE.search(path)
        within = common.below(page.url, link.url)
        if article is not None:
            if common.is_report(source, link.text, within):
                # The number is the article's in the whole site: one article in two columns is one.
                key = f"//{urlsplit(link.url).netloc}/t{article[2]}_{article[3]}"
                yield common.report_step(source, page, link, key)
        elif common.is_file(link.url):
            if common.is_report(source, link.text, within):
                yield common.report_step(source, page, link)
        elif _COLUMN.search(path) and within and path != urlsplit(page.url).path:
            year = common.year_in(link.text)
            if source.wants(year):
                yield common.list_step(page, link.url)
    yield from common.numbered_pages(page)
