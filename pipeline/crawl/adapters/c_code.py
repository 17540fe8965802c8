"""Site groups with c-codes: ``/site/c{column}/{YYYYMM}/c01_{id}.shtml`` or a name of 32 digits.

Here: their addresses, one column a year where the site has it so (option ``columns``).
Not here: what a report page holds (report_page.py). The month in an address may be that of a
migration: years come from titles, never from it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from urllib.parse import urlsplit

from pipeline.crawl.adapters import common
from pipeline.crawl.adapters.common import Page, Step
from pipeline.crawl.sources import Source

_ARTICLE = re.compile(r"/([^/]+)/(\d{6})/(?:c\d+_)?(\d{4,}|[0-9a-f]{32})(?:_\w+)?\.s?html?$")
_LIST = re.compile(
    r"/(c\d+[a-z]*|[0-9a-f]{32}|[a-z]+\d{5,})/(?:(?:list|index|common_list|zfxxgk)\w*\.s?html?)?$"
)


def start(source: Source) -> Iterator[Step]:
    """The entries, or the columns of the years asked for, each a folder below the first entry."""
    if not source.options.columns:
        for entry in common.entries(source):
            yield Step("list", entry)
        return
    for year, column in sorted(source.options.columns.items(), reverse=True):
        if source.wants(year):
            url = common.joined(source.entries[0], column.strip("/") + "/")
            if url is not None:
                yield Step("list", url, data={"year": str(year)})


def links(source: Source, page: Page) -> Iterator[Step]:
    """Articles, further pages, and columns of years or bodies."""
    own = urlsplit(page.url).path.rsplit("/", 1)[0].rsplit("/", 1)[-1]
    for link in page.links:
        path = urlsplit(link.url).path
        article = _ARTICLE.search(path)
        if article is not None:
            if common.is_report(source, link.text, article[1] == own):
                key = f"//{urlsplit(link.url).netloc}/{article[3]}"
                yield common.report_step(source, page, link, key)
        elif common.is_file(link.url):
            if common.is_report(source, link.text, False):
                yield common.report_step(source, page, link)
        elif (
            _LIST.search(path)
            and common.is_group(link.text)
            and source.wants(common.year_in(link.text))
            and common.canonical(link.url) != common.canonical(page.url)
        ):
            yield common.list_step(page, link.url)
    yield from common.numbered_pages(page)
    yield from common.next_page(page)
