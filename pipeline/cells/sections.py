"""The report's sections: titles in all their wordings and numbering faults, and the text under each.

Here: which paragraph opens which section, lines joined back into paragraphs. Not here: tables.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache, lru_cache

from pipeline.cells.labels import similarity
from pipeline.cells.numbers import is_value
from pipeline.cells.report import SectionText
from pipeline.form.folding import LabelKey, fold, label_key
from pipeline.form.lookups import lookups
from pipeline.form.model import forms
from pipeline.reading.document import Block, Document, Paragraph

PREFACE = "preface"
"""The code of what stands before the first section."""
MAX_TITLE = 45
SURE_TITLE = 0.85
_ENDS = tuple("。！？!?；;：:")
_CJK_SPACE = re.compile(r"(?<=[\u3000-\u9fff\uff00-\uffef])[ \t]+(?=[\u3000-\u9fff\uff00-\uffef])")


@dataclass(frozen=True, slots=True)
class Opening:
    """A section title: its code, its text, and the index of its block in the document."""

    code: str
    title: str
    block: int


@cache
def _titles() -> dict[str, tuple[LabelKey, ...]]:
    titles: dict[str, tuple[LabelKey, ...]] = {}
    for form in forms().values():
        for section in form.sections:
            met = lookups().sections.get(section.code, ())
            titles[section.code] = tuple(label_key(text) for text in (section.label, *met))
    return titles


def find_sections(document: Document) -> list[Opening]:
    """Section titles in document order, each section once (the title most like the official one).

    Numbering does not count, except that a title marked （一） or standing in a sentence is a sub-topic.
    """
    best: dict[str, tuple[float, Opening]] = {}
    blocks = document.blocks
    for index, block in enumerate(blocks):
        if not isinstance(block, Paragraph):
            continue
        for text in _title_texts(blocks, index):
            code, score = _section_of(text)
            if code is None:
                continue
            if label_key(text).mark == "section" or block.level is not None:
                score += 0.03
            if code not in best or score > best[code][0] + 1e-6:
                best[code] = (score, Opening(code, text, index))
    return sorted((opening for _, opening in best.values()), key=lambda o: o.block)


def _title_texts(blocks: Sequence[Block], index: int) -> Iterator[str]:
    """The paragraph as a title, and joined with the next one where a line break cut it."""
    text = blocks[index].text.strip()  # type: ignore[union-attr]
    if not text or len(text) > MAX_TITLE or text.endswith(_ENDS[:6]):
        return
    yield text
    for follower in blocks[index + 1 : index + 2]:
        if (
            isinstance(follower, Paragraph)
            and 0 < len(follower.text.strip()) <= 12
            and not label_key(follower.text).mark
        ):
            yield text + follower.text.strip()


@lru_cache(maxsize=8192)
def _section_of(text: str) -> tuple[str | None, float]:
    key = label_key(text)
    if key.mark == "paren" or len(key.words) < 4:
        return None, 0.0
    scores = {code: similarity(text, keys) for code, keys in _titles().items()}
    # A title's own number is often wrong, so the bonus for agreeing numbers is taken out again.
    code = max(scores, key=lambda c: scores[c])
    return (code, scores[code]) if scores[code] >= SURE_TITLE else (None, 0.0)


def flowing(document: Document) -> list[tuple[int, str, str]]:
    """Paragraphs with wrapped lines joined: (index of the first block, text, locator).

    A line is taken to go on where it ends in no sentence mark, the next opens no item, and it is
    as long as a line of running text.
    """
    found: list[tuple[int, str, str]] = []
    openings = {o.block for o in find_sections(document)}
    last = -2
    for index, block in enumerate(document.blocks):
        if not isinstance(block, Paragraph) or not block.text.strip():
            continue
        text = _CJK_SPACE.sub("", block.text.strip())
        if is_value(text):
            continue
        if (
            found
            and index == last + 1
            and index not in openings
            and found[-1][0] not in openings
            and not found[-1][1].endswith(_ENDS)
            and len(found[-1][1].rsplit("\n", 1)[-1]) >= 15
            and not _opens_item(text)
        ):
            start, before, place = found[-1]
            found[-1] = (start, f"{before}\n{text}", place)
        else:
            found.append((index, text, block.locator))
        last = index
    return found


def _opens_item(text: str) -> bool:
    key = label_key(text[:12])
    return key.mark in ("section", "paren") or bool(re.match(r"^\d{1,2}[、.．]\D", fold(text)))


def section_texts(document: Document, openings: Sequence[Opening]) -> list[SectionText]:
    """The text of each section; what stands before the first is ``PREFACE``."""
    paragraphs = flowing(document)
    starts = [(-1, PREFACE, ""), *((o.block, o.code, o.title) for o in openings)]
    texts = []
    for number, (start, code, title) in enumerate(starts):
        end = starts[number + 1][0] if number + 1 < len(starts) else len(document.blocks)
        mine = [(t, place) for i, t, place in paragraphs if start < i < end]
        if mine or title:
            place = mine[0][1] if mine else document.blocks[start].locator
            texts.append(SectionText(code, title, "\n".join(t for t, _ in mine), place))
    return texts


def section_paragraphs(document: Document, openings: Sequence[Opening]) -> list[tuple[str | None, str, str]]:
    """Paragraphs of running text as (section code, text, locator)."""
    found: list[tuple[str | None, str, str]] = []
    for index, text, place in flowing(document):
        before = [o.code for o in openings if o.block < index]
        if any(o.block == index for o in openings):
            continue
        found.append((before[-1] if before else None, text, place))
    return found
