"""Text made comparable: width, radicals, spaces, punctuation and enumerators folded away.

Here: folding of text and labels. Not here: what the words mean (lookups, matching in cells/).
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from functools import cache, lru_cache

from pipeline.form.lookups import lookups

_DROPPED = re.compile(r"[\s\"'“”‘’「」『』,，、;；:：。.．·|*#_~`\-—–－]+")
# Marks that take no room: joiners, directions, soft hyphens, byte order marks.
_NO_WIDTH = re.compile("[\u00ad\u061c\u180e\u200b-\u200f\u202a-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb]")
_ORDINAL = "一二三四五六七八九十"
# 一、 （二） (3) 3. 3、 ③ 第三，with an optional stray letter before (a scan's dirt)
_ENUMERATOR = re.compile(
    rf"^[a-z]?(?:\((?P<paren>[{_ORDINAL}]+|\d{{1,2}})\)|(?P<plain>[{_ORDINAL}]{{1,3}}|\d{{1,2}})(?=[、.．,，:：)\s]))[、.．,，:：)\s]*"
)


@cache
def _translation() -> dict[int, str]:
    return {ord(a): b for a, b in (lookups().radicals | lookups().traditional).items()}


def without_unseen(text: str) -> str:
    """Text without characters that take no room."""
    return _NO_WIDTH.sub("", text)


@lru_cache(maxsize=65536)
def fold(text: str) -> str:
    """Text with widths, radicals, traditional characters and debris folded; spaces kept."""
    for debris in lookups().debris:
        if debris in text:
            text = text.replace(debris, "")
    return unicodedata.normalize("NFKC", without_unseen(text)).translate(_translation())


@dataclass(frozen=True, slots=True)
class LabelKey:
    """A label for comparison: its enumerator as a number (0 where none) and kind, and its bare words."""

    ordinal: int
    mark: str
    """``section`` for 一、, ``paren`` for （一）, ``digit`` for 1., empty where there is none."""
    words: str
    stem: str
    """The words before a trailing note in brackets."""


@lru_cache(maxsize=65536)
def label_key(text: str) -> LabelKey:
    """Fold a label: ``（三） 不予公开`` → ordinal 3, mark paren, words 不予公开."""
    plain = fold(text).strip()
    plain = re.sub(r"\s+", " ", plain)
    squeezed = re.sub(r"\s+", "", plain)
    ordinal, mark, rest = 0, "", squeezed
    match = _ENUMERATOR.match(squeezed)
    if match is not None and match.end() < len(squeezed):
        token = match["paren"] or match["plain"]
        ordinal = int(token) if token.isdigit() else chinese_ordinal(token)
        mark = "paren" if match["paren"] else ("digit" if token.isdigit() else "section")
        rest = squeezed[match.end() :]
    words = _DROPPED.sub("", rest).lower()
    stem = re.sub(r"\(.*$", "", words) or words
    return LabelKey(ordinal, mark, words.replace("(", "").replace(")", ""), stem)


def chinese_ordinal(token: str) -> int:
    """一 … 九十九 as a number; 0 where it is none."""
    digits = {c: i for i, c in enumerate(_ORDINAL, 1)}
    if len(token) == 1:
        return digits.get(token, 0)
    tens, _, units = token.partition("十")
    if "十" not in token:
        return 0
    return digits.get(tens, 1 if not tens else 0) * 10 + (digits.get(units, 0) if units else 0)
