"""A report's page: what it says of itself, its attachments and pictures, whether it is the report.

Here: one way for all systems, since their pages differ less than their lists.
Not here: reading the report (the build does), fetching what is found (spider.py).
"""

from __future__ import annotations

import base64
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

from pipeline.crawl.adapters import common
from pipeline.crawl.adapters.common import FILE_ENDINGS, Page, Step

_DOWNLOAD = re.compile(
    r"download\w*\.(jsp|do|action|aspx|ashx|php)|/download/|/attach(ment)?s?/", re.IGNORECASE
)
_IN_SCRIPT = re.compile(
    r"""['"]([^'"<>\s]{1,400}\.(?:pdf|docx?|ofd|wps|xlsx?|zip)(?:\?[^'"<>\s]*)?)['"]""", re.IGNORECASE
)
_NAMED_FILE = re.compile(rf"\.({'|'.join(FILE_ENDINGS)})[)）\]】》”]*$", re.IGNORECASE)
_FURNITURE = re.compile(
    r"logo|icon|ewm|qrcode|weixin|wechat|share|banner|/(?:css|skin|style|res)s?/|blank\.", re.I
)
_OWN_TEXT = 700
"""Characters outside links from which a page with attachments is itself taken for the report."""
_LEAST_TEXT = 60
_MOST_PICTURES = 40
_MOST_FILES = 60


@dataclass(frozen=True, slots=True)
class Picture:
    """A picture that the page shows: the address as the page writes it, and where that leads."""

    written: str
    url: str


@dataclass(frozen=True, slots=True)
class Parts:
    """What a report's page consists of.

    ``is_report`` is false where the page only leads to its attachments; ``empty`` is true where
    there is neither text nor attachment nor picture, as on a page that says that nothing is here.
    """

    is_report: bool
    empty: bool
    files: tuple[Step, ...]
    pictures: tuple[Picture, ...]
    hints: Mapping[str, str]


def parts(page: Page) -> Parts:
    """Take a page apart."""
    own = _own_text(page.tree)
    files = tuple(islice(_files(page), _MOST_FILES))
    pictures = tuple(islice(_pictures(page), _MOST_PICTURES))
    absent = len(own) < 400 and bool(common.words()["absent"].search(own))
    empty = absent or (len(own) < _LEAST_TEXT and not files and not pictures)
    hints = _hints(page)
    steps = tuple(
        Step(
            "file",
            url,
            title=(page.step.title or hints.get("title", ""))[:200],
            agency=page.step.agency or hints.get("agency", ""),
            published=page.step.published or hints.get("published", ""),
            index_number=hints.get("index_number", ""),
            referrer=page.url,
            depth=page.step.depth + 1,
        )
        for url in files
    )
    is_report = not empty and (not files or len(own) >= _OWN_TEXT)
    return Parts(is_report, empty, steps, pictures if is_report else (), hints)


def _own_text(tree: Any) -> str:
    """The page's text without links, scripts and forms: what an article has and a frame has not."""
    pieces: list[str] = []

    def walk(element: Any) -> None:
        stack = [(element, False)]
        while stack:
            node, leaving = stack.pop()
            if leaving:
                pieces.append(node.tail or "")
                continue
            stack.append((node, True))
            if not isinstance(node.tag, str) or node.tag in (
                "a",
                "script",
                "style",
                "form",
                "head",
                "noscript",
            ):
                continue
            pieces.append(node.text or "")
            stack.extend((child, False) for child in reversed(node))

    walk(tree)
    return common.squeezed("".join(pieces))


def _files(page: Page) -> Iterator[str]:
    """Attachments: links, frames that show a file, addresses in scripts."""
    seen: set[str] = {common.canonical(page.url)}

    def fresh(address: str) -> Iterator[str]:
        url = common.joined(page.base, address)
        if url is not None and common.canonical(url) not in seen:
            seen.add(common.canonical(url))
            yield url

    for element in page.tree.iter("a"):
        href = element.get("href") or ""
        text = common.squeezed("".join(element.itertext()) + (element.get("download") or ""))
        url = common.joined(page.base, href)
        if url and (common.is_file(url) or (_DOWNLOAD.search(url) and _NAMED_FILE.search(text))):
            yield from fresh(href)
        for shown in _shown_file(url or ""):
            yield from fresh(shown)
        for match in _IN_SCRIPT.finditer(
            (element.get("onclick") or "") + (href if "javascript" in href else "")
        ):
            yield from fresh(match[1])
    for element in page.tree.iter("iframe", "embed", "object"):
        address = element.get("src") or element.get("data") or ""
        url = common.joined(page.base, address)
        if url and common.is_file(url):
            yield from fresh(address)
        for shown in _shown_file(url or ""):
            yield from fresh(shown)
    for element in page.tree.iter("script"):
        for match in _IN_SCRIPT.finditer(element.text or ""):
            yield from fresh(match[1])


def _shown_file(url: str) -> Iterator[str]:
    """The file that a viewer is told to show: ``viewer.html?file=/a/b.pdf``."""
    for name, value in parse_qsl(urlsplit(url).query):
        if name.lower() in ("file", "src", "url", "pdf", "path") and _NAMED_FILE.search(
            unquote(value).split("?")[0]
        ):
            yield value


def _pictures(page: Page) -> Iterator[Picture]:
    """Pictures that may hold a page or table: none that a site shows everywhere."""
    seen: set[str] = set()
    for element in page.tree.iter("img"):
        written = element.get("src") or element.get("data-src") or element.get("data-original") or ""
        url = common.joined(page.base, written)
        if url is None or url in seen or _FURNITURE.search(urlsplit(url).path):
            continue
        if re.search(r"\.(gif|svg|ico)$", urlsplit(url).path, re.IGNORECASE) or _small(element):
            continue
        if any(
            box.tag == "a" and not common.is_file(box.get("href") or "") for box in element.iterancestors("a")
        ):
            continue
        seen.add(url)
        yield Picture(written, url)


def _small(element: Any) -> bool:
    for name in ("width", "height"):
        match = re.match(r"\s*(\d+)(?:px)?\s*$", element.get(name) or "")
        if match and int(match[1]) < 100:
            return True
    return False


def _hints(page: Page) -> dict[str, str]:
    words = common.words()
    meta: dict[str, str] = {}
    for element in page.tree.iter("meta"):
        name = (element.get("name") or element.get("property") or "").lower()
        if name and element.get("content"):
            meta.setdefault(name, " ".join(element.get("content").split()))
    hints = {
        name: next((meta[key] for key in keys if key in meta), "") for name, keys in words["meta"].items()
    }
    if not hints["title"]:
        titles = [" ".join("".join(e.itertext()).split()) for e in page.tree.iter("title")]
        hints["title"] = titles[0] if titles else ""
    hints["published"] = common.date_in(hints["published"])
    match = words["index_number"].search(_own_text(page.tree)[:4000])
    hints["index_number"] = match[1] if match else ""
    return {name: value[:200] for name, value in hints.items() if value}


def bundle(page: Page, pictures: Sequence[tuple[Picture, bytes, str]]) -> bytes:
    """A page and its pictures in one web archive; the same parts give the same bytes.

    Args:
        pictures: each with its bytes and the ending that they deserve.
    """
    mark = "----=_gongkai_parts"
    head = (
        f'MIME-Version: 1.0\r\nContent-Type: multipart/related; type="text/html"; boundary="{mark}"\r\n\r\n'
    )
    said = f'; charset="{page.charset}"' if re.fullmatch(r"[\w-]+", page.charset) else ""
    body = [_part(mark, f"text/html{said}", page.url, page.body)]
    for picture, data, ending in pictures:
        kind = {"jpg": "jpeg", "tif": "tiff"}.get(ending, ending)
        body.append(_part(mark, f"image/{kind}", picture.written, data))
    return (head + "".join(body) + f"--{mark}--\r\n").encode("ascii", "replace")


def _part(mark: str, kind: str, location: str, data: bytes) -> str:
    place = re.sub(r"[\x00-\x1f\x7f]", "", location)
    text = base64.encodebytes(data).decode("ascii").replace("\n", "\r\n")
    return (
        f"--{mark}\r\nContent-Type: {kind}\r\nContent-Transfer-Encoding: base64\r\n"
        f"Content-Location: {place}\r\n\r\n{text}\r\n"
    )
