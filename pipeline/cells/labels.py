"""How much a printed label is like a label of the form.

Here: wordings by line of the form, similarity of one text to one line. Not here: which row of a
report takes which line (matching), since that needs the neighbours.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, lru_cache
from typing import Literal

from rapidfuzz import fuzz, process

from pipeline.form.folding import LabelKey, label_key
from pipeline.form.lookups import lookups
from pipeline.form.model import Line, Node, Table

Side = Literal["rows", "columns"]
SIDES: tuple[Side, ...] = ("rows", "columns")
SURE = 0.8
"""From here on a label is taken at its word; below, the place must help."""
POSSIBLE = 0.55
_LEAST = 60
"""Per cent of two labels' characters in common below which they are not alike."""
_NOTHING: Mapping[Line, float] = {}
_NOTE_MARK = re.compile(r"(?<=[\u4e00-\u9fff])(?:\[?注?\d{1,2}\]?|[*※†]+|注)$")
"""A note's mark behind a label (规章①, 行政许可[1]) after folding, or a figure that stuck to it."""


@dataclass(frozen=True, slots=True)
class Wordings:
    """The comparable wordings of one line: the official one first."""

    keys: tuple[LabelKey, ...]


@cache
def wordings(table: Table, side: Side, line: Line) -> Wordings:
    """The official label of a line and the wordings met for it."""
    met = getattr(lookups(), side).get(table.code, {}).get(line.code, ())
    return Wordings(tuple(label_key(text) for text in (line.label, *met)))


@lru_cache(maxsize=50_000)
def likenesses(text: str, table: Table, side: Side) -> Mapping[Line, float]:
    """How much a text is like the lines of a table: by line, those alone that it is like at all."""
    key, known = label_key(text), _known(table, side)
    words = key.words
    if known.alphabet.isdisjoint(words):
        return _NOTHING
    # One call for all wordings tells which are worth a closer look; a part of a label is, too.
    near = process.cdist([words], known.words, scorer=fuzz.ratio, score_cutoff=_LEAST)[0].tolist()
    close = {
        line
        for line, other, stem, ratio in zip(known.lines, known.words, known.stems, near, strict=True)
        if ratio or other in words or words in other or stem == key.stem
    }
    found = {
        line: similarity(text, wordings(table, side, line).keys) for line in known.order if line in close
    }
    return {line: score for line, score in found.items() if score}


@dataclass(frozen=True, slots=True)
class _Known:
    """All wordings of a side of a table, side by side with their lines; the lines in printed order."""

    order: tuple[Line, ...]
    lines: tuple[Line, ...]
    words: tuple[str, ...]
    stems: tuple[str, ...]
    alphabet: frozenset[str]


@cache
def _known(table: Table, side: Side) -> _Known:
    order = table.rows if side == "rows" else table.all_columns
    pairs = [(line, key) for line in order for key in wordings(table, side, line).keys]
    return _Known(
        order,
        tuple(line for line, _ in pairs),
        tuple(key.words for _, key in pairs),
        tuple(key.stem for _, key in pairs),
        frozenset("".join(key.words for _, key in pairs)),
    )


def similarity(text: str, line_keys: tuple[LabelKey, ...]) -> float:
    """0 … 1: 1 for a known wording, about 0.9 for one cut off or with a remark, else by edit distance."""
    key = label_key(text)
    if not key.words:
        return 0.0
    best = 0.0
    unmarked = _NOTE_MARK.sub("", key.words)
    for index, known in enumerate(line_keys):
        score = _alike(key, unmarked, known)
        if index and score == 1.0:
            score = 0.98
        if score and key.ordinal and known.ordinal:
            score += 0.02 if key.ordinal == known.ordinal else -0.08
        best = max(best, score)
    return min(best, 1.0)


def _alike(key: LabelKey, unmarked: str, known: LabelKey) -> float:
    words, other = key.words, known.words
    if words == other:
        return 1.0
    if unmarked == other:
        return 0.96
    if key.stem == known.stem and len(key.stem) >= 4:
        return 0.97
    if len(words) >= 4 and other.startswith(words):
        # Cut off at the cell's edge; the more is left, the surer.
        return 0.86 + 0.1 * len(words) / len(other)
    if other in words:
        if len(other) >= 2 and words.startswith(other) and key.words != key.stem and key.stem == other:
            return 0.9
        if len(other) >= 4 and words.endswith(other):
            # The group's label and the row's own in one cell.
            return 0.87
        if len(other) >= 5 and words.startswith(other):
            return 0.86
    if len(words) < 3 or len(other) < 3:
        return 0.0
    return fuzz.ratio(words, other, score_cutoff=_LEAST) / 100 * 0.95


def ends_in_figure(text: str) -> bool:
    """Whether a label ends in digits: a note's mark, or a figure that stuck to it."""
    return bool(re.search(r"[\u4e00-\u9fff）)][:：\s]*\d+$", text.strip()))


@cache
def _headings(table: Table, side: Side) -> frozenset[str]:
    """Words of the headings without a code: they group, and take no figures."""

    def walk(nodes: tuple[Node, ...]) -> Iterator[str]:
        for node in nodes:
            if node.code is None:
                yield label_key(node.label).words
            yield from walk(node.children)

    return frozenset(words for block in table.blocks for words in walk(getattr(block, side)))


def best_line(text: str, table: Table, side: Side, lines: Sequence[Line]) -> tuple[Line | None, float]:
    """The line whose label a text is most like, and how much; a grouping heading's own label is none."""
    like = likenesses(text, table, side)
    if not like or label_key(text).words in _headings(table, side):
        return None, 0.0
    score, line = max(((like.get(line, 0.0), line) for line in lines), key=_score, default=(0.0, None))
    return (line, score) if score > 0 else (None, 0.0)


def _score(pair: tuple[float, Line]) -> float:
    return pair[0]


@cache
def _extra(side: Side) -> frozenset[str]:
    return frozenset(label_key(text).words for text in getattr(lookups().extra, side))


def is_extra(text: str, side: Side) -> bool:
    """Whether a label is one that local forms add and the form does not have."""
    return label_key(text).words in _extra(side)
