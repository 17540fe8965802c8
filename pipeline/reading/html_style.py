"""What style sheets and style attributes do to a page's elements, as far as reading needs it.

Here: what is not shown, what is shown as a part of a table, what stands above the line.
Not here: walking a page (html_flow).
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from lxml import etree

_CSS_RULE = re.compile(r"([^{}]+)\{([^{}]*)\}")
_CSS_CLASS = re.compile(r"^[a-z0-9]*([.#][\w-]+)$", re.IGNORECASE)
_DISPLAY = re.compile(r"(?:^|;)\s*display\s*:\s*([\w-]+)", re.IGNORECASE)
INLINE = frozenset({"a", "b", "big", "em", "font", "i", "label", "small", "span", "strong", "u"})
_ALIGN = re.compile(r"(?:^|;)\s*vertical-align\s*:\s*(super|sub)\b", re.IGNORECASE)
_NOTHING = re.compile(r"(?:^|;)(?:font-size:0(?:\.0+)?(?:px|pt|em|rem|%)?|opacity:0(?:\.0+)?)(?:;|!|$)")
_WHITE_INK = re.compile(r"(?:^|;)color:(?:#fff|#ffffff|white|rgb\(255,255,255\))(?:;|!|$)")
# Possessive, so that an unclosed rule takes no time to tell.
_MEDIA = re.compile(r"@media[^{}]*+\{(?:[^{}]*+\{[^{}]*+\})*+[^{}]*+\}")
TABLE_DISPLAYS = {
    "table": "table",
    "inline-table": "table",
    "table-row": "tr",
    "table-cell": "td",
    "table-row-group": "tbody",
    "table-header-group": "thead",
    "table-footer-group": "tfoot",
}


def is_hidden(element: etree._Element) -> bool:
    """Whether an element by itself is not displayed."""
    style = (element.get("style") or "").lower()
    if element.get("hidden") is not None:
        return True
    if not style:
        return False
    squeezed = style.replace(" ", "")
    return (
        "display:none" in squeezed or "mso-hide:all" in squeezed or "text-decoration:line-through" in squeezed
    )


def is_muted(element: etree._Element) -> bool:
    """Whether an element keeps its room but shows nothing: unseen, without size, or white on white."""
    style = element.get("style")
    if style is None and element.get("color") is None:
        return False
    squeezed = (style or "").lower().replace(" ", "")
    if "visibility:hidden" in squeezed or _NOTHING.search(squeezed) is not None:
        return True
    if element.tag not in INLINE or not (
        _WHITE_INK.search(squeezed) or _WHITE_INK.search(f";color:{(element.get('color') or '').lower()}")
    ):
        return False
    # White words are seen on any other ground; what a class paints cannot be told.
    for outer in (element, *element.iterancestors()):
        if "background" in (outer.get("style") or "").lower() or outer.get("bgcolor") or outer.get("class"):
            return False
        if outer.tag == "table":
            break
    return True


def display_of(element: etree._Element, displays: Mapping[str, str]) -> str | None:
    """The display that its own style or a plain class rule of the page gives an element."""
    style = element.get("style")
    match = _DISPLAY.search(style) if style else None
    if match is not None:
        return match[1].lower()
    if not displays:
        return None
    names = [f".{name}" for name in (element.get("class") or "").split()]
    names += [f"#{element.get('id')}"] if element.get("id") else []
    return next((displays[name] for name in names if name in displays), None)


def css_displays(root: etree._Element) -> dict[str, str]:
    """Classes and ids that the page's own style sheet shows as table parts."""
    found: dict[str, str] = {}
    for style in root.iter("style"):
        text = re.sub(r"/\*.*?\*/", "", style.text or "", flags=re.DOTALL)
        for selectors, rules in _CSS_RULE.findall(text):
            match = _DISPLAY.search(rules)
            if match is None or match[1].lower() not in TABLE_DISPLAYS:
                continue
            for selector in selectors.split(","):
                name = _CSS_CLASS.match(selector.strip())
                if name is not None:
                    found[name[1]] = match[1].lower()
    return found


def css_hidden(root: etree._Element) -> frozenset[str]:
    """Classes and ids that the page's own style sheet never shows, whatever the screen."""
    found: set[str] = set()
    for style in root.iter("style"):
        text = _MEDIA.sub("", re.sub(r"/\*.*?\*/", "", style.text or "", flags=re.DOTALL))
        for selectors, rules in _CSS_RULE.findall(text):
            match = _DISPLAY.search(rules)
            if match is not None and match[1].lower() == "none":
                names = (_CSS_CLASS.match(selector.strip()) for selector in selectors.split(","))
                found |= {name[1] for name in names if name is not None}
    return frozenset(found)


def selected(element: etree._Element) -> set[str]:
    """What a plain rule of a style sheet may call an element."""
    names = {f".{name}" for name in (element.get("class") or "").split()}
    return names | ({f"#{element.get('id')}"} if element.get("id") else set())


def script_of(element: etree._Element, in_table: bool) -> str:
    """``sup`` or ``sub`` for what stands above or below the line, as a note's mark in a cell does."""
    if element.tag in ("sup", "sub"):
        return str(element.tag)
    if element.tag not in INLINE:
        return ""
    align = _ALIGN.search(element.get("style") or "")
    if align is not None:
        return "sup" if align[1].lower() == "super" else "sub"
    to_note = element.tag == "a" and (element.get("href") or "").startswith("#") and in_table
    return "sup" if to_note and re.fullmatch(r"\s*\d{1,2}\s*", "".join(element.itertext())) else ""
