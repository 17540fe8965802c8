"""Any other site: a list page, a pattern of the reports' addresses, a next page.

Here: what the options ``link``, ``lists`` and ``next`` say, and what is done where they say nothing.
Not here: report pages (report_page.py).
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from pipeline.crawl.adapters import common
from pipeline.crawl.adapters.common import Page, Step
from pipeline.crawl.sources import Source


def start(source: Source) -> Iterator[Step]:
    """The entries, with ``{year}`` spelt out."""
    for entry in common.entries(source):
        yield Step("list", entry)


def links(source: Source, page: Page) -> Iterator[Step]:
    """Links that the pattern takes, or whose text names a report; the next page; lists below."""
    options = source.options
    for link in page.links:
        if options.link and re.search(options.link, link.url):
            if common.is_report(source, link.text, True):
                yield common.report_step(source, page, link)
        elif options.lists and re.search(options.lists, link.url):
            if common.canonical(link.url) != common.canonical(page.url):
                yield common.list_step(page, link.url)
        elif options.next and re.search(options.next, link.url):
            yield common.list_step(page, link.url, same_list=True)
        elif not options.link and common.is_report(source, link.text, False):
            yield common.report_step(source, page, link)
    yield from common.numbered_pages(page)
    if not options.next:
        yield from common.next_page(page)
