"""The running text of a report made readable: paragraphs joined, folded, and the numbers in it.

Here: which paragraphs are one sentence broken over lines, spaces inside words and numbers, the value
of a number as written. Not here: what a number counts (narrative).
"""

from __future__ import annotations

import re
import unicodedata
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import cache

from pipeline.form.folding import fold
from pipeline.form.measures import measures

DOUBT = "\ufffc"
"""Stands where digits were apart and nothing says whether they are one number."""

_ENUMERATOR = re.compile(
    r"^\s*(?:#+\s*)?(?:[一二三四五六七八九十]{1,3}[、.．]|[（(][一二三四五六七八九十\d]{1,3}[）)]|\d{1,2}[.．、]|第[一二三四五六七八九十]+[章节部])"
)
_SENTENCE_END = re.compile(r"[。！？!?;；:：][”’」』)）]?\s*$")
_MARK_WITHIN = re.compile(r"[，。；：,;:]|\d")
_PAGE_NUMBER = re.compile(r"^\W*(?:第?\s*\d{1,4}\s*页?)\W*$")
_FULL_LINE = 15
_HEADING_LENGTH = 40
# No sentence is as long; text without a single full stop is not joined for ever.
_LONGEST = 5_000


@dataclass(slots=True)
class Passage:
    """Text in one flow, without white space, and for each character where it comes from."""

    section: str | None
    heading: str = ""
    text: str = ""
    raw: str = ""
    origins: list[int] = field(default_factory=list)
    starts: list[int] = field(default_factory=list)
    locators: list[str] = field(default_factory=list)

    def locator(self, at: int) -> str:
        """The paragraph that the character at ``at`` of the text stands in."""
        return self.locators[bisect_right(self.starts, self.origins[at]) - 1]

    def excerpt(self, start: int, end: int) -> str:
        """The words as the report prints them, without white space."""
        return "".join(self.raw[self.origins[start] : self.origins[end - 1] + 1].split())


@cache
def _folded(char: str) -> str:
    if char in "，":
        return char
    if char == "…":
        return "…"
    kind = unicodedata.decomposition(char)
    if kind.startswith("<circle>"):
        return "；"
    if kind.startswith(("<super>", "<sub>")):
        return DOUBT
    plain = fold(char)
    return "".join(measures().traditional.get(c, c) for c in plain)


def passages(sections: Sequence[tuple[str | None, str, str]]) -> Iterator[Passage]:
    """Join paragraphs that are one flow of text: a line that does not end a sentence goes on in the next."""
    current: Passage | None = None
    heading, last, page_break = "", "", False
    for section, text, locator in sections:
        if not text.strip():
            continue
        if _PAGE_NUMBER.match(text):
            page_break = True
            continue
        goes_on = (
            current is not None
            and current.section == section
            and len(current.raw) < _LONGEST
            and not _SENTENCE_END.search(last)
            and not _ENUMERATOR.match(text)
            and not _is_heading(last)
        )
        if not goes_on:
            if current is not None and not _is_heading(last):
                yield current
                heading = ""
            elif current is not None:
                heading = current.text
            current = Passage(section, heading)
        assert current is not None
        short = len("".join(last.split())) < _FULL_LINE
        _append(current, text, locator, doubtful=goes_on and (page_break or short))
        last, page_break = text, False
    if current is not None:
        yield current


def _is_heading(text: str) -> bool:
    bare = _ENUMERATOR.sub("", text.strip(), count=1)
    return (
        len(bare) < len(text.strip()) and len(bare) <= _HEADING_LENGTH and not _MARK_WITHIN.search(bare)
    ) or text.lstrip().startswith("#")


def _append(passage: Passage, text: str, locator: str, *, doubtful: bool) -> None:
    """Fold ``text`` onto the passage; ``doubtful`` where a number that goes on over the seam is in doubt."""
    offset = len(passage.raw)
    passage.raw += text + "\n"
    passage.starts.append(offset)
    passage.locators.append(locator)
    out: list[str] = []
    gap, seam = "", doubtful
    previous = passage.text[-1:]
    for index, char in enumerate(text):
        if char.isspace() or char in "\u200b\ufeff\u00ad":
            gap += char
            continue
        for plain in _folded(char):
            if (
                previous.isdigit()
                and plain.isdigit()
                and (seam or (gap and not _one_number(text, index, gap)))
            ):
                out.append(DOUBT)
                passage.origins.append(offset + index)
            out.append(plain)
            passage.origins.append(offset + index)
            previous, gap, seam = plain, "", False
    passage.text += "".join(out)


def _one_number(text: str, index: int, gap: str) -> bool:
    """Whether digits on both sides of white space are one number: a line's end, or letters set apart."""
    if "\n" in gap:
        return True
    before = text[max(0, index - 40) : index].split()[-1:]
    after = text[index : index + 40].split(maxsplit=1)[:1]
    return bool(before and after) and len(before[0]) == 1 and len(after[0]) == 1


_DIGITS = {c: i for i, c in enumerate("零一二三四五六七八九")} | {"〇": 0, "○": 0, "两": 2}
_SCALES = {"十": 10, "百": 100, "千": 1000}


def chinese_number(text: str) -> int | None:
    """十二 → 12, 三百零五 → 305, 两千 → 2000, 一万二千 → 12000; None where it is no number."""
    total = section = 0
    digit: int | None = None
    for char in text:
        if char in _DIGITS:
            if digit:
                return None
            digit = _DIGITS[char]
        elif char in _SCALES:
            section += (1 if digit is None else digit) * _SCALES[char]
            digit = None
        elif char == "万" and (section or digit):
            total += (section + (digit or 0)) * 10000
            section, digit = 0, None
        else:
            return None
    return total + section + (digit or 0)


def plain_number(digits: str, scale: str) -> float:
    """The value of ``1,208`` or ``1.2`` with a scale word (百千万亿) behind."""
    factor = {"": 1, "百": 100, "千": 1000, "万": 10_000, "亿": 100_000_000}[scale]
    value = float(digits.replace(",", "")) * factor
    return round(value, 6)
