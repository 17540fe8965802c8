"""A sentence as clauses, and each of its numbers with the words that belong to it.

Here: clause marks, which words go with which number, lists that are dealt out (分别).
Not here: what the words mean together (narrative), or what the sentences before said (narrative_context).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from pipeline.cells.narrative_words import Token
from pipeline.form.measures import CONJUNCTION, measures

UNCLEAR = "compare"
BLOCKING = frozenset({"change", "compare", "rate", "plan", "share"})
"""Words that make something else of the number behind them."""


@dataclass(slots=True)
class Clause:
    """What stands between two clause marks."""

    tokens: list[Token]
    before: str
    """The mark before it: empty at the start of a sentence."""
    depth: int

    @property
    def numbers(self) -> list[int]:
        return [i for i, token in enumerate(self.tokens) if token.kind == "number"]

    def has(self, *names: str) -> bool:
        return any(token.kind == "word" and token.name in names for token in self.tokens)


@dataclass(frozen=True, slots=True)
class Mention:
    """A number with the words that belong to it."""

    token: Token
    left: list[Token]
    right: list[Token]
    each: bool
    clause: int


def sentences(tokens: Sequence[Token]) -> Iterator[list[Clause]]:
    clauses: list[Clause] = []
    current: list[Token] = []
    before, depth, counted = "", 0, False
    for token in tokens:
        if token.kind != "mark":
            if token.name == "negation" and counted:
                clauses.append(Clause(current, before, depth))
                current, before, counted = [], ",", False
            counted = counted or token.kind == "number"
            current.append(token)
            continue
        if current:
            clauses.append(Clause(current, before, depth))
            current = []
        before, counted = token.name, False
        if token.name == "(":
            depth += 1
        elif token.name == ")":
            depth = max(0, depth - 1)
        elif token.name == "。":
            if clauses:
                yield clauses
            clauses, before, depth = [], "", 0
    if current:
        clauses.append(Clause(current, before, depth))
    if clauses:
        yield clauses


def mentions(clause: Clause, index: int) -> list[Mention]:
    """Each number of a clause with its words; the words between two numbers are shared out."""
    at = clause.numbers
    tokens = clause.tokens
    lefts: list[list[Token]] = []
    rights: list[list[Token]] = [[] for _ in at]
    start = 0
    for n, position in enumerate(at):
        between = tokens[start:position]
        if n == 0:
            lefts.append(between)
        else:
            split = next((i for i, t in enumerate(between) if t.name == CONJUNCTION), None)
            if split is None:
                split = _seam(lefts[n - 1], between)
            rights[n - 1] = between[:split]
            lefts.append(between[split:])
        start = position + 1
    if at:
        rights[-1] = tokens[start:]
    lefts = _dealt_out(lefts)
    found = []
    for n, position in enumerate(at):
        while lefts[n] and lefts[n][0].name == CONJUNCTION:
            lefts[n] = lefts[n][1:]
        left, each = _without_each(lefts[n])
        found.append(Mention(tokens[position], left, rights[n], each, index))
    return found


def _seam(left: Sequence[Token], between: Sequence[Token]) -> int:
    """Where the words between two numbers divide: what the first counts, then what is said next.

    A number that has its noun before it needs none behind; one that has only a verb before it, or
    nothing, takes the words up to the next verb (制发3份规范性文件废止1份).
    """
    words = [t for t in left if t.kind in ("word", "unknown")]
    if words and (words[-1].kind == "unknown" or words[-1].name not in measures().verbs):
        return 0
    if words and between and between[0].name in measures().verbs:
        return 0
    named = False
    for at, token in enumerate(between):
        if named and token.name in measures().verbs:
            return at
        named = named or (token.kind in ("word", "unknown") and token.name not in measures().verbs)
    return 0 if words and not named else len(between)


def _without_each(left: list[Token]) -> tuple[list[Token], bool]:
    kept = list(left)
    while (
        kept
        and kept[-1].kind in ("neutral", "word")
        and (kept[-1].kind == "neutral" or kept[-1].name in ("each", "all", "respectively"))
    ):
        if kept[-1].kind == "word":
            return [*kept[:-1]], True
        kept.pop()
    return left, False


def _dealt_out(lefts: list[list[Token]]) -> list[list[Token]]:
    """``A、B分别为1件、2件``: the first number goes with A, the next with B; unclear ones are refused."""
    for n, left in enumerate(lefts):
        at = next((i for i, t in enumerate(left) if t.name == "respectively"), None)
        if at is None:
            continue
        names = [t for t in left[:at] if t.kind in ("word", "unknown")]
        listed = [i for i, t in enumerate(names) if _grouped(t)]
        first = last = listed[-1] if listed else 0
        while (
            first >= 2 and names[first - 1].name == CONJUNCTION and _same_group(names[first - 2], names[last])
        ):
            first -= 2
        items = [t for t in names[first : last + 1] if t.name != CONJUNCTION] if listed else []
        following = lefts[n + 1 :]
        empty = all(t.kind not in ("word", "unknown") or t.name == CONJUNCTION for f in following for t in f)
        if len(items) > 1 and len(following) == len(items) - 1 and empty:
            return [*lefts[:n], *([*names[:first], item, *names[last + 1 :]] for item in items)]
        unclear = replace(left[at], name=UNCLEAR)
        return [*lefts[:n], *([unclear, *each] for each in lefts[n:])]
    return lefts


def _grouped(token: Token) -> bool:
    return any(token.name in group.items for group in measures().groups.values())


def _same_group(a: Token, b: Token) -> bool:
    return any(a.name in g.items and b.name in g.items for g in measures().groups.values())


def list_members(tokens: Sequence[Token]) -> list[list[Token]]:
    """A list's members."""
    parts: list[list[Token]] = [[]]
    for token in tokens:
        if token.kind == "word" and token.name == CONJUNCTION:
            parts.append([])
        else:
            parts[-1].append(token)
    return [part for part in parts if part]
