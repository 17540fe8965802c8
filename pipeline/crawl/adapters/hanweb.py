"""大汉 (JCMS, JPAGE, JPaaS): static lists, ``dataproxy.jsp``, the unit API, the annual-report servlet.

Here: its addresses and the three ways in which its lists come. Not here: report pages (report_page.py).
"""

from __future__ import annotations

import hashlib
import html
import json
import re
from collections.abc import Iterator
from urllib.parse import quote, urlencode, urlsplit

from pipeline.crawl.adapters import common
from pipeline.crawl.adapters.common import Link, Page, Step
from pipeline.crawl.sources import Source

_ARTICLE = re.compile(
    r"/art/\d{4}/\d{1,2}/\d{1,2}/art_(\d+)_(\d+)\.html?$|/art/\d{4}/art_([0-9a-f]{32})\.html?$"
)
_COLUMN = re.compile(r"/col/col(\d+)/(?:index\.html?)?$")
_RECORD = re.compile(r"<record>\s*<!\[CDATA\[(.*?)\]\]>\s*</record>", re.DOTALL | re.IGNORECASE)
_TOTAL = re.compile(r"<totalrecord>\s*(\d+)|\btotalRecords?['\"]?\s*[:=]\s*['\"]?(\d+)", re.IGNORECASE)
_PROXY = re.compile(r"/module(?:/web)?/jpage/(?:more\w*)?dataproxy\.jsp", re.IGNORECASE)
# What dataproxy.jsp is told, in the order that its own pages send it.
_ASKED = (
    "col",
    "appid",
    "webid",
    "path",
    "columnid",
    "sourceContentType",
    "unitid",
    "webname",
    "permissiontype",
)
_WINDOW = 60
_MOST = 10_000
_UNIT = "/api-gateway/jpaas-publish-server/front/page/build/unit"
_QUERY = re.compile(r"""queryData\s*=\s*(?:"([^"]*)"|'([^']*)')""", re.IGNORECASE)
_PAIR = re.compile(r"""['"](\w+)['"]\s*:\s*['"]([^'"]*)['"]""")
_SERVLET = "/module/xxgk/xxgkAnnualReport.jsp"
_AREA = re.compile(r"xxgkAnnualReport\.jsp\?[^\"'\s]*?area=([0-9A-Za-z]+)", re.IGNORECASE)


def start(source: Source) -> Iterator[Step]:
    """The lists, and for each agency code of the options the servlet's page of each year."""
    for entry in common.entries(source):
        yield Step("list", entry)
    first, last = source.years
    for area in source.options.areas:
        for year in range(first, common.last_year(last) + 1):
            url = common.joined(source.entries[0], f"{_SERVLET}?{urlencode({'area': area, 'fbtime': year})}")
            if url is not None:
                # An agency without a report of that year is no fault.
                yield Step("page", url, optional=True)


def links(source: Source, page: Page) -> Iterator[Step]:
    """Articles of a list in any of its forms, and the rest of the list."""
    way = page.step.data.get("way")
    if way == "proxy":
        yield from _proxy_answer(source, page)
    elif way == "unit":
        yield from _unit_answer(source, page)
    else:
        yield from _static(source, page)


def _static(source: Source, page: Page) -> Iterator[Step]:
    own = _COLUMN.search(urlsplit(page.url).path)
    records = "".join(_RECORD.findall(page.text))
    found = [*page.links, *(page.fragment_links(records) if records else [])]
    yield from _reports(source, page, found, own[1] if own else None)
    for link in found:
        column = _COLUMN.search(urlsplit(link.url).path)
        other = column is not None and (own is None or column[1] != own[1])
        if other and common.is_group(link.text) and source.wants(common.year_in(link.text)):
            yield common.list_step(page, link.url)
    yield from _servlet(source, page)
    yield from _proxy(page)
    yield from _units(page)
    yield from common.next_page(page)


def _reports(source: Source, page: Page, found: list[Link], column: str | None) -> Iterator[Step]:
    for link in found:
        match = _ARTICLE.search(urlsplit(link.url).path)
        if match is not None:
            of_unit = match[3] is not None and page.step.data.get("way") == "unit"
            if common.is_report(source, link.text, of_unit or (column is not None and match[1] == column)):
                # The last number is the article's in the whole site, whatever column shows it.
                yield common.report_step(
                    source, page, link, f"//{urlsplit(link.url).netloc}/art_{match[2] or match[3]}"
                )
        elif common.is_file(link.url) and common.is_report(source, link.text, False):
            yield common.report_step(source, page, link)


def _servlet(source: Source, page: Page) -> Iterator[Step]:
    """Agencies that the page links to by the servlet, in each year asked for."""
    first, last = source.years
    for area in dict.fromkeys(_AREA.findall(html.unescape(page.text))):
        for year in range(first, common.last_year(last) + 1):
            url = common.joined(page.base, f"{_SERVLET}?{urlencode({'area': area, 'fbtime': year})}")
            if url is not None:
                yield Step("page", url, referrer=page.url, depth=page.step.depth + 1, optional=True)


# dataproxy.jsp


def _proxy(page: Page) -> Iterator[Step]:
    """The whole list by way of dataproxy.jsp, whose parameters stand in the page's script."""
    text = html.unescape(page.text)
    if "dataproxy" not in text and "jpage" not in text:
        return
    column, unit = _value(text, "columnid"), _value(text, "unitid")
    if not column or not unit:
        return
    asked = {name: _value(text, name) for name in _ASKED}
    asked = {
        **asked,
        "col": asked["col"] or "1",
        "path": asked["path"] or "/",
        "columnid": column,
        "unitid": unit,
    }
    match = _PROXY.search(text)
    path = match[0] if match else "/module/web/jpage/dataproxy.jsp"
    yield from _window(page, path, urlencode({k: v for k, v in asked.items() if v}), 1, column)


def _value(text: str, name: str) -> str:
    match = re.search(rf"\b{name}['\"]?\s*[:=]\s*['\"]?([^'\"&,;}}\s)]*)", text, re.IGNORECASE)
    return match[1] if match else ""


def _window(page: Page, path: str, body: str, first: int, column: str) -> Iterator[Step]:
    last = first + _WINDOW - 1
    url = common.joined(page.base, f"{path}?startrecord={first}&endrecord={last}&perpage={_WINDOW // 3}")
    if url is not None:
        data = {"way": "proxy", "path": path, "first": str(first), "column": column}
        yield common.list_step(page, url, same_list=True, method="POST", body=body, data=data)


def _proxy_answer(source: Source, page: Page) -> Iterator[Step]:
    data, records = page.step.data, _RECORD.findall(page.text)
    if not records and "<recordset" not in page.text and "<datastore" not in page.text:
        raise ValueError("the list's data is not of the kind that dataproxy.jsp gives")
    yield from _reports(source, page, page.fragment_links("".join(records)), data["column"])
    match = _TOTAL.search(page.text)
    total = int(match[1] or match[2]) if match else None
    following = int(data["first"]) + _WINDOW
    more = following <= total if total is not None else len(records) >= _WINDOW
    if records and more and following < _MOST:
        yield from _window(page, data["path"], page.step.body, following, data["column"])


# JPaaS


def _units(page: Page) -> Iterator[Step]:
    """The first page of each list unit that the page builds from the API."""
    for match in _QUERY.finditer(page.text):
        pairs = dict(_PAIR.findall(html.unescape(match[1] or match[2] or "")))
        if {"webId", "pageId", "tplSetId", "tagId"} <= pairs.keys():
            yield _unit(page, {name: pairs[name] for name in ("webId", "pageId", "tplSetId", "tagId")}, 1, "")


def _unit(page: Page, ids: dict[str, str], number: int, before: str) -> Step:
    asked = {
        "parseType": "bulidstatic",
        "webId": ids["webId"],
        "tplSetId": ids["tplSetId"],
        "pageType": "column",
        "tagId": ids["tagId"],
        "editType": "null",
        "pageId": ids["pageId"],
    }
    if number > 1:
        asked["paramJson"] = json.dumps({"pageNo": number, "pageSize": "24"}, separators=(",", ":"))
    url = common.joined(page.base, f"{_UNIT}?{urlencode(asked, quote_via=quote)}")
    assert url is not None
    data = {**ids, "way": "unit", "number": str(number), "before": before}
    return common.list_step(page, url, same_list=True, data=data, optional=number > 1)


def _unit_answer(source: Source, page: Page) -> Iterator[Step]:
    try:
        fragment = str(json.loads(page.text)["data"]["html"] or "")
    except (ValueError, KeyError, TypeError):
        raise ValueError("the list is no JSON of the kind that the unit API gives") from None
    data = page.step.data
    # Links are relative to the page that shows the list.
    shown = Page(page.step.referrer or page.url, b"", page.step)
    found = shown.fragment_links(fragment)
    steps = list(_reports(source, page, found, None))
    yield from steps
    digest = hashlib.sha256("\n".join(sorted(link.url for link in found)).encode()).hexdigest()[:16]
    # A server that does not know the page number gives the first page again.
    if steps and digest != data["before"] and int(data["number"]) < 400:
        following = Page(shown.url, b"", page.step)
        yield _unit(following, dict(data), int(data["number"]) + 1, digest)
