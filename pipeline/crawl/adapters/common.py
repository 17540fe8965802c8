"""What all adapters share: steps, pages, links, the one name of an address.

Here: plain data in and out, no network. Not here: the ways of single systems (their own modules).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Any, Literal
from urllib.parse import parse_qsl, quote, urlencode, urljoin, urlsplit, urlunsplit

import yaml
from lxml import etree, html

from pipeline.crawl.sources import Source

Role = Literal["list", "page", "file"]
FILE_ENDINGS = (
    "pdf", "doc", "docx", "wps", "rtf", "odt", "ofd", "xls", "xlsx", "et", "zip", "rar", "txt",
    "jpg", "jpeg", "png", "tif", "tiff", "bmp",
)  # fmt: skip
_FILE = re.compile(rf"\.({'|'.join(FILE_ENDINGS)})$", re.IGNORECASE)
_DECLARED = re.compile(rb"""charset\s*=\s*["']?\s*([a-zA-Z0-9_\-:.]+)""", re.IGNORECASE)
_CHINESE = frozenset(("gb2312", "gbk", "gb18030", "gb_2312-80", "x-gbk", "cp936"))
# What servers add to an address that leads to the same page.
_NOISE = frozenset(
    ("print", "isprint", "from", "spm", "jsessionid", "_t", "timestamp", "t", "app", "wap", "share", "ver")
)
_TWIN = re.compile(r"_(?:wap|app|print|mobile)(?=\.\w+$)", re.IGNORECASE)
_SESSION = re.compile(r";jsessionid=[^/?#]*", re.IGNORECASE)
_INDEX = re.compile(r"/(?:index|default)\.(?:s?html?|jsp|aspx?|php)$", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Step:
    """One thing to ask for, with what its finder knew of it.

    ``data`` is the adapter's own, handed back with the answer; ``optional`` steps may be absent
    (a page beyond the last) without that being a fault.
    """

    role: Role
    url: str
    method: str = "GET"
    body: str = ""
    key: str = ""
    title: str = ""
    agency: str = ""
    published: str = ""
    index_number: str = ""
    referrer: str = ""
    depth: int = 0
    optional: bool = False
    data: Mapping[str, str] = field(default_factory=dict)

    @property
    def identity(self) -> str:
        """One name for all ways to ask for the same thing."""
        name = self.key or canonical(self.url)
        return f"{self.role} {name}" + (f" {self.body}" if self.body else "")


@dataclass(frozen=True, slots=True)
class Link:
    """An anchor: absolute address, its text without blanks, the date printed beside it."""

    url: str
    text: str
    date: str = ""


@dataclass(frozen=True)
class Page:
    """An answer of the site: where it was at the end, its bytes, and the step that asked for it."""

    url: str
    body: bytes
    step: Step
    charset: str = ""

    @cached_property
    def text(self) -> str:
        """The answer as text: BOM, declared charset, UTF-8, GB18030."""
        return decode(self.body, self.charset)

    @cached_property
    def tree(self) -> Any:
        """The page as a tree; an empty one where the answer is no page."""
        return _tree(self.text)

    @cached_property
    def links(self) -> list[Link]:
        """The page's anchors in order."""
        return list(anchors(self.tree, self.base))

    @cached_property
    def base(self) -> str:
        """What relative addresses are relative to."""
        for element in self.tree.iter("base"):
            if element.get("href"):
                return joined(self.url, element.get("href")) or self.url
        return self.url

    def fragment_links(self, fragment: str) -> list[Link]:
        """The anchors of a piece of a page, such as lists come in."""
        return list(anchors(_tree(fragment), self.base))


def _tree(text: str) -> Any:
    parser = html.HTMLParser(encoding="utf-8", no_network=True, remove_comments=True, huge_tree=False)
    try:
        root = html.document_fromstring(text.replace("\0", "").encode("utf-8", "replace"), parser=parser)
    except (etree.ParserError, etree.XMLSyntaxError, ValueError):
        root = html.document_fromstring("<html><body></body></html>")
    return root


def decode(data: bytes, charset: str = "") -> str:
    """Text of an answer; never a guess by statistics.

    A page that calls itself GB2312 and holds nothing but valid UTF-8 is UTF-8.
    """
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        return data.decode("utf-16", "replace")
    match = _DECLARED.search(data[:8192])
    said = [name.lower() for name in (charset, match[1].decode("ascii") if match else "") if name]
    names = ["gb18030" if name in _CHINESE else name for name in said]
    for name in ("utf-8-sig", *names, "gb18030"):
        try:
            return data.decode(name)
        except (UnicodeDecodeError, LookupError):
            continue
    return data.decode("gb18030" if "gb18030" in names else "utf-8", "replace")


@lru_cache(1)
def words() -> dict[str, Any]:
    """The patterns of words.yaml, compiled; ``meta`` as it stands."""
    data = yaml.safe_load((Path(__file__).parents[1] / "words.yaml").read_text(encoding="utf-8"))
    return {k: re.compile(v, re.IGNORECASE) if isinstance(v, str) else v for k, v in data.items()}


def squeezed(text: str) -> str:
    """Text without any blanks."""
    return re.sub(r"[\s\u3000\xa0\u200b\ufeff]+", "", text)


def joined(base: str, address: str) -> str | None:
    """An absolute http(s) address without its fragment; None for what is none."""
    address = "".join(c for c in address.strip() if c >= " ")
    if not address or address.startswith("#") or len(address) > 2_000:
        return None
    try:
        parts = urlsplit(urljoin(base, address.replace("\\", "/")))
    except ValueError:
        return None
    if parts.scheme not in ("http", "https") or not parts.netloc:
        return None
    path = quote(parts.path, safe="/%:@!$&'()*+,;=~-._") or "/"
    query = quote(parts.query, safe="/%:@!$&'()*+,;=~-._?{}\"[]")
    return urlunsplit((parts.scheme, parts.netloc.lower(), path, query, ""))


def canonical(url: str) -> str:
    """One name for the twins of an address: scheme, session, print and mobile views do not count."""
    parts = urlsplit(url)
    netloc = parts.netloc.lower().removesuffix(":80" if parts.scheme == "http" else ":443")
    path = _INDEX.sub("/", _TWIN.sub("", _SESSION.sub("", parts.path)))
    pairs = [(k, v) for k, v in parse_qsl(parts.query, keep_blank_values=True) if k.lower() not in _NOISE]
    query = urlencode(sorted(pairs))
    return f"//{netloc}{path}" + (f"?{query}" if query else "")


def anchors(tree: Any, base: str) -> Iterator[Link]:
    """The links of a tree: the text is the anchor's, or its title where that is longer."""
    for element in tree.iter("a"):
        href = element.get("href") or ""
        if href.strip().lower().startswith(("javascript", "mailto", "tel")):
            continue
        url = joined(base, href)
        if url is None:
            continue
        shown, title = squeezed("".join(element.itertext())), squeezed(element.get("title") or "")
        yield Link(url, title if len(title) > len(shown) else shown, _date_near(element))


def _date_near(element: Any) -> str:
    """The date in the same list item or row, where it is the only one."""
    box = element
    for _ in range(3):
        parent = box.getparent()
        if parent is None or parent.tag in ("ul", "ol", "table", "tbody", "body"):
            break
        box = parent
        if box.tag in ("li", "tr", "dd"):
            break
    if box is element or len(list(box.iter("a"))) > 3:
        return ""
    return date_in("".join(box.itertext()))


def date_in(text: str) -> str:
    """The first date in a text, as YYYY-MM-DD; empty where there is none."""
    for match in words()["date"].finditer(text[:2000]):
        year, month, day = (int(part) for part in match.groups())
        if 1 <= month <= 12 and 1 <= day <= 31:
            return f"{year:04d}-{month:02d}-{day:02d}"
    return ""


def year_in(text: str) -> int | None:
    """The year that a title names, where it names exactly one."""
    years = {int(match[1]) for match in words()["year"].finditer(date_free(text))}
    return years.pop() if len(years) == 1 else None


def date_free(text: str) -> str:
    """A title without the date that some lists print in it."""
    return words()["date"].sub("", text)


def is_file(url: str) -> bool:
    """Whether an address ends like a document or a picture."""
    return bool(_FILE.search(urlsplit(url).path))


def is_report(source: Source, text: str, in_column: bool) -> bool:
    """Whether a link leads to a report that the source asks for.

    Args:
        in_column: the link's address is of the list's own column, so that its name need not say it.
    """
    if not source.wants(year_in(text)):
        return False
    if words()["skip"].search(text):
        return False
    if words()["report"].search(text):
        return not re.fullmatch(r"[^0-9]{0,12}(公开)?(年报|年度报告)", text) or in_column
    return in_column and bool(text) and not words()["other"].search(text) and not is_turning(text)


def is_turning(text: str) -> bool:
    """Whether a link only turns the list's pages."""
    return bool(
        re.fullmatch(
            r"[\d<>›»«‹.…]{1,6}|[首尾末上下前后]一?页|第?\d+页|(last|first|prev|next)\w*", text, re.I
        )
    )


def is_group(text: str) -> bool:
    """Whether a link leads to a list of reports of a year or of some bodies."""
    return bool(words()["group"].search(text)) and len(text) <= 40


def report_step(source: Source, page: Page, link: Link, key: str = "") -> Step:
    """The step that asks for a report."""
    role: Role = "file" if is_file(link.url) else "page"
    return Step(
        role,
        link.url,
        key=key,
        title=link.text[:200],
        published=link.date,
        referrer=page.url,
        depth=page.step.depth + 1,
    )


def list_step(page: Page, url: str, **more: Any) -> Step:
    """The step that asks for a further list; a next page of the same list is no deeper."""
    depth = page.step.depth + (0 if more.pop("same_list", False) else 1)
    return Step("list", url, referrer=page.url, depth=depth, **more)


_PAGES = re.compile(
    r"createPage(?:HTML)?\s*\(\s*(?:['\"][\w-]*['\"]\s*,\s*)?(\d{1,5})\s*,\s*(\d{1,5})\s*,\s*"
    r"['\"]([\w-]{1,40})['\"]\s*,\s*['\"](\w{1,6})['\"]"
)


def numbered_pages(page: Page) -> Iterator[Step]:
    """The further pages of a list that its script numbers: createPageHTML(pages, this, name, ending).

    Where the first page counts as 0 the second is ``name_1``; where it counts as 1, ``name_2``.
    """
    if page.step.data.get("turned"):
        return
    match = _PAGES.search(page.text)
    if match is None:
        return
    count, current = int(match[1]), int(match[2])
    if current > 1:
        return
    for number in range(1 + current, min(count, 2_000) + current):
        url = joined(page.base, f"{match[3]}_{number}.{match[4]}")
        if url is not None:
            yield list_step(page, url, same_list=True, data={"turned": "1"}, optional=True)


def next_page(page: Page) -> Iterator[Step]:
    """The page that a link calls the next one."""
    for link in page.links:
        if words()["next"].search(link.text) and canonical(link.url) != canonical(page.url):
            yield list_step(page, link.url, same_list=True)
            return


def below(folder: str, url: str) -> bool:
    """Whether an address lies in the folder of another one of the same host."""
    one, other = urlsplit(folder), urlsplit(url)
    return one.netloc.lower() == other.netloc.lower() and other.path.startswith(
        one.path.rsplit("/", 1)[0] + "/"
    )


def entries(source: Source) -> Iterator[str]:
    """The entry addresses, ``{year}`` in them spelt out for each year asked for."""
    first, last = source.years
    for entry in source.entries:
        if "{year}" in entry:
            yield from (entry.replace("{year}", str(year)) for year in range(first, last_year(last) + 1))
        else:
            yield entry


def last_year(last: int | None) -> int:
    """The last year asked for; where none is said, the year that has just ended."""
    from datetime import date

    return last if last is not None else date.today().year - 1
