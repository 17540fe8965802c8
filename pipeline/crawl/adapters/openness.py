"""OpennessAnnualReport and its kin (Anhui, Sichuan): ``…/show/{id}.html``, ``public/{unit}/{id}.html``.

Here: their addresses and the lists by unit and year. Not here: report pages (report_page.py).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from urllib.parse import urlsplit

from pipeline.crawl.adapters import common
from pipeline.crawl.adapters.common import Page, Step
from pipeline.crawl.sources import Source

_SHOW = re.compile(
    r"/(?:Openness|Xxgk)AnnualReport/show/(\d+)|/Xxgknb/show/(\d+)|/public/(?:\d+)/(\d+)\.html", re.IGNORECASE
)
_PHP = re.compile(r"gknb_show\.php\?(?:.*&)?id=(\d+)", re.IGNORECASE)
_LIST = re.compile(
    r"/(?:Openness|Xxgk)AnnualReport/(?:year|index|list|\?|$)|/public/column/|branch_id=|timeFrame=|gknb\.php",
    re.IGNORECASE,
)


def start(source: Source) -> Iterator[Step]:
    """The entries, with ``{year}`` and ``{unit}`` spelt out."""
    for entry in common.entries(source):
        units = source.options.units if "{unit}" in entry else ("",)
        for unit in units:
            yield Step("list", entry.replace("{unit}", unit))


def links(source: Source, page: Page) -> Iterator[Step]:
    """Reports, and lists of further years, units and pages."""
    for link in page.links:
        match = _SHOW.search(link.url) or _PHP.search(link.url)
        if match is not None:
            # Such a platform shows nothing but annual reports; public/ shows other things too.
            sure = "/public/" not in link.url
            if common.is_report(source, link.text, sure):
                yield common.report_step(source, page, link)
        elif common.is_file(link.url):
            if common.is_report(source, link.text, False):
                yield common.report_step(source, page, link)
        elif _LIST.search(link.url) and common.canonical(link.url) != common.canonical(page.url):
            same = urlsplit(link.url).path.rsplit("/", 1)[0] == urlsplit(page.url).path.rsplit("/", 1)[0]
            wanted = source.wants(common.year_in(link.text) or common.year_in(_frame(link.url)))
            if wanted and (common.is_group(link.text) or common.is_turning(link.text) or same):
                yield common.list_step(page, link.url, same_list=common.is_turning(link.text))
    yield from common.next_page(page)


def _frame(url: str) -> str:
    match = re.search(r"timeFrame=(\d{4})|/year/\d+/(\d{4})", url)
    return (match[1] or match[2]) if match else ""
