"""A page's bytes as a tree, within bounds.

Here: charset, limits, the parser and when a browser's parser is asked, which elements are not shown.
Not here: what the page says (html), tables (html_flow).
"""

from __future__ import annotations

import re
import warnings
from pathlib import Path

import html5lib
from lxml import etree

from pipeline.reading.document import ReadingError

MAX_BYTES = 30_000_000
MAX_TAGS = 300_000
MAX_DEPTH = 1_500
"""Nested elements; the parser silently stops at 2048, so deeper pages are refused before."""
MAX_NAME = 1_000
"""Letters of a tag's name; the browser-like parser takes the square of their number in time."""
MAX_SOUP = 4_000_000
"""Bytes up to which the slow browser-like parser is asked."""
MAX_BROKEN = 50
"""Characters that may be undecodable before the charset is taken for wrong."""

_DECLARED = re.compile(rb"""charset\s*=\s*["']?\s*([a-zA-Z0-9_\-:.]+)""", re.IGNORECASE)
_XML_DECLARED = re.compile(rb"""^\s*<\?xml[^>]*encoding\s*=\s*["']([a-zA-Z0-9_\-]+)""")
_CHINESE = frozenset(
    ("gb2312", "gbk", "gb18030", "gb_2312-80", "x-gbk", "cp936", "ms936", "chinese", "euc-cn")
)
# What the browser-like parser's tree cannot hold; a blank keeps figures on both sides apart.
_NOT_XML = re.compile("[\x01-\x08\x0b\x0e-\x1f\ud800-\udfff\ufffe\uffff]")
# Possessive, so that a tag without an end takes no time to tell.
_TAG = re.compile(r"<(/?)([a-zA-Z][a-zA-Z0-9:]*+)(?:[^<>/]|/(?!>))*+(/?)>")
# Elements that a parser closes by itself, so that leaving them open nests nothing.
_SELF_CLOSED_TAGS = (
    "p li td tr th tbody thead tfoot option dd dt br hr img input meta link col colgroup area base "
    "embed source track wbr param html head body"
)
_SELF_CLOSED = frozenset(_SELF_CLOSED_TAGS.split())
_UTF8_PAIR = re.compile(rb"[\xc2-\xf4][\x80-\xbf]+")


def parse_page(path: Path) -> etree._Element:
    """The root element of a page.

    Raises:
        ReadingError: ``unreadable`` for a page too large, too deep, without a known charset or empty.
    """
    size = path.stat().st_size
    if size > MAX_BYTES:
        raise ReadingError(
            "unreadable", f"{size:,} bytes; a report's page has far less. Save only the report's own page."
        )
    return parse_markup(decode_page(path.read_bytes()))


def parse_markup(text: str) -> etree._Element:
    """The root element of a page's text.

    Raises:
        ReadingError: ``unreadable`` for markup too deep or empty.
    """
    _check(text)
    text = text.replace("\0", "")
    parser = etree.HTMLParser(
        encoding="utf-8", no_network=True, remove_comments=True, remove_pis=True, huge_tree=True
    )
    try:
        root = etree.fromstring(text.encode("utf-8", "replace"), parser)
    except (etree.XMLSyntaxError, ValueError) as fault:
        raise ReadingError("unreadable", f"no page can be made of it ({fault}). Save it again.") from None
    if root is None:
        raise ReadingError("unreadable", "the page is empty. Save it again from the browser.")
    if len(text) <= MAX_SOUP and _is_soup(root, text):
        with warnings.catch_warnings():
            # Names such as o:p are spelt otherwise in this tree; nothing here asks for them.
            warnings.simplefilter("ignore")
            try:
                root = html5lib.parse(
                    _NOT_XML.sub(" ", text), treebuilder="lxml", namespaceHTMLElements=False
                ).getroot()
            except ValueError:  # written as a reference: &#1;
                message = "control characters stand in its text. Open it in a browser and save it again."
                raise ReadingError("unreadable", message) from None
    # Comments go, the text after them stays.
    etree.strip_tags(root, etree.Comment, etree.ProcessingInstruction, etree.Entity)
    return root


def decode_page(data: bytes) -> str:
    """Text of a page: BOM, declared charset, strict UTF-8, GB18030; never a guess by statistics.

    ``gb2312`` and ``gbk`` are read as GB18030. A page that calls itself so but is valid UTF-8 with
    many Chinese characters is UTF-8: GB18030 bytes are that only by a chance that length rules out.

    Raises:
        ReadingError: ``unreadable`` where no charset fits.
    """
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        return data.decode("utf-16", "replace")
    if data.startswith(b"\xef\xbb\xbf"):
        return data[3:].decode("utf-8", "replace")
    declared = _declared(data)
    charsets = [declared, "utf-8", "gb18030"]
    if declared == "gb18030" and len(_UTF8_PAIR.findall(data[:200_000])) >= 8:
        charsets = ["utf-8", "gb18030"]
    for charset in charsets:
        if charset is not None:
            try:
                return data.decode(charset)
            except (UnicodeDecodeError, LookupError):
                continue
    # A cut or foreign byte here and there is no reason to lose a page; digits are never touched.
    broken = [(data.decode(c, "replace"), c) for c in ("utf-8", "gb18030")]
    text, _ = min(broken, key=lambda pair: pair[0].count("\ufffd"))
    if text.count("\ufffd") <= min(MAX_BROKEN, len(text) // 50):
        return text
    raise ReadingError("unreadable", "the page is in no charset known here. Save it again as UTF-8.")


def _declared(data: bytes) -> str | None:
    head = data[:8192]
    match = _XML_DECLARED.search(head) or _DECLARED.search(head)
    if match is None:
        return None
    name = match[1].decode("ascii").lower()
    if name in _CHINESE:
        return "gb18030"
    # A page without a BOM whose declaration could be read as ASCII is not UTF-16.
    return "utf-8" if name.startswith(("utf-16", "utf16", "unicode")) else name


def _check(text: str) -> None:
    """Bounds that need no tree."""
    if text.count("<") > MAX_TAGS:
        raise ReadingError(
            "unreadable",
            f"{text.count('<'):,} tags; a report has far fewer. Save only the report's own page.",
        )
    if re.search(rf"<[a-zA-Z][^\s<>/]{{{MAX_NAME}}}", text):
        raise ReadingError("unreadable", "a tag that does not end. Save the report's text anew.")
    depth = deepest = 0
    open_tags: dict[str, int] = {}
    for match in _TAG.finditer(text):
        closing, name, empty = match.groups()
        name = name.lower()
        if name in _SELF_CLOSED or empty:
            continue
        if not closing:
            open_tags[name] = open_tags.get(name, 0) + 1
            depth += 1
            deepest = max(deepest, depth)
        elif open_tags.get(name):
            open_tags[name] -= 1
            depth -= 1
    if deepest > MAX_DEPTH:
        raise ReadingError(
            "unreadable", f"{deepest:,} elements nested in one another. Save the report's text anew."
        )


def _is_soup(root: etree._Element, text: str) -> bool:
    """Whether tables are so broken that only a browser's rules tell what is shown."""
    lower = text.lower()
    if lower.count("<table") != lower.count("</table") or "<table" not in lower:
        return "<table" in lower
    for cell in root.iter("td", "th"):
        parent = cell.getparent()
        if parent is None or parent.tag != "tr":
            return True
    for row in root.iter("tr"):
        parent = row.getparent()
        if parent is None or parent.tag not in ("table", "tbody", "thead", "tfoot"):
            return True
        if any(child.tag not in ("td", "th", "script", "style", "template") for child in row):
            return True
    return any(
        child.tag in ("div", "p", "span", "font", "b", "center")
        for table in root.iter("table", "tbody")
        for child in table
    )
