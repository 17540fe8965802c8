"""What a sentence is read in: the topic under way, words carried over, whose figures they are.

Here: state from one sentence to the next and the conditions that a frame may set.
Not here: the frames themselves and what is stated (narrative).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import cache

from pipeline.cells.narrative_numbers import Passage
from pipeline.cells.narrative_sentence import BLOCKING, Clause, Mention
from pipeline.cells.narrative_words import Token, encode, tokenize
from pipeline.form.measures import CONJUNCTION, measures

_TOPIC_OF_GROUP = {"application": "requests", "forum": "disputes", "rule": "rules"}
_TOPIC_OF_SECTION = {"requests": "requests", "disputes": "disputes"}


@dataclass(slots=True)
class Found:
    """A statement of the sentence under way, with what later words may change."""

    measure: str
    token: Token
    start: int
    end: int
    depth: int
    clause: int
    subject: str = ""
    scope: str = ""
    becomes: str | None = None
    beside: tuple[str, ...] = ()


@dataclass(slots=True)
class Reading:
    """Where the reader of a passage is: the topic under way and what was named last."""

    passage: Passage
    topic: str | None
    lingering: str | None
    last_forum: tuple[str, ...] = ()
    last_rule: tuple[str, ...] = ()
    last_code: str | None = None
    last_topic: str | None = None
    found: list[Found] = field(default_factory=list)
    part: bool = False
    verb: Token | None = None


def first_topic(passage: Passage, year: int | None) -> str | None:
    heading = Passage(None, text=passage.heading)
    topic = _TOPIC_OF_SECTION.get(passage.section or "")
    for token in tokenize(heading, year):
        topic = _topic(token) or topic
    return topic


def _topic(token: Token) -> str | None:
    if token.kind != "word":
        return None
    for group, topic in _TOPIC_OF_GROUP.items():
        if token.name in measures().groups[group].items:
            return topic
    return None


def set_topic(reading: Reading, tokens: Sequence[Token], *, numbers: bool) -> None:
    """Words that say what is spoken of next, where no statement does."""
    groups = measures().groups
    names = [token.name for token in tokens if token.kind == "word"]
    for name in names:
        for group, topic in _TOPIC_OF_GROUP.items():
            if name in groups[group].items:
                reading.topic = topic
        if name in groups["forum"].items:
            reading.last_forum = (name,)
        if name in groups["rule"].items:
            reading.last_rule = (name,)
    verbs = {"receive", "receive_new", "handle", "close"} & set(names)
    about_ours = reading.topic == "requests" and any(n in groups["application"].items for n in names)
    if "alien" in names and (numbers or verbs) and not about_ours:
        reading.topic = "alien"
    elif numbers and reading.topic in ("requests", "disputes") and _named(names, ("application", "forum")):
        # A figure about them that is none of theirs: a part, a change, another body's.
        reading.topic = "alien"
    elif numbers and verbs and not about_ours and ("application_weak" in names or _unknown_object(tokens)):
        reading.topic = "alien"
    elif "info" in names and {"publish", "disclose"} & set(names):
        reading.topic = "posts"


def _named(names: Sequence[str], wanted: Sequence[str]) -> bool:
    return any(name in measures().groups[group].items for name in names for group in wanted)


def _unknown_object(tokens: Sequence[Token]) -> bool:
    """Whether an unknown thing was received or handled."""
    letters, _ = encode(tokens)
    return letters.rstrip("#,").endswith("_")


def contexts(
    reading: Reading, clauses: list[Clause], mention: Mention, left: list[Token]
) -> Iterator[tuple[list[Token], bool]]:
    """The words before a number: its own, then with those that a reader would carry over."""
    earlier = _earlier(clauses, mention)
    names = {t.name for t in left if t.kind == "word"}
    publishes = names & {"publish", "disclose"} and not names & set(measures().groups["channel"].items)
    if publishes and any(t.name == "via" for t in earlier):
        yield [*earlier, *left], False
    yield left, False
    if earlier and not any(t.kind in ("word", "unknown") for t in left):
        yield [*earlier, *left], False
    if reading.verb is not None and names and not names & set(measures().verbs):
        yield [reading.verb, *left], True


def _earlier(clauses: list[Clause], mention: Mention) -> list[Token]:
    """The clause before, if it has no number and the number's clause has none before it."""
    clause = clauses[mention.clause]
    first = clause.tokens[clause.numbers[0]] is mention.token
    if not first or mention.clause == 0 or clause.before in (";", "("):
        return []
    before = clauses[mention.clause - 1]
    blocked = before.numbers or before.has("negation", *BLOCKING)
    return [] if blocked else before.tokens


def with_rest(
    reading: Reading, clause: Clause, left: list[Token], right: list[Token]
) -> tuple[list[Token], list[Token]]:
    """A bare 其他 named by its sisters: an outcome beside outcomes, a result beside results."""
    words = [
        t
        for t in (*left, *right)
        if t.kind in ("word", "unknown") and t.name not in (CONJUNCTION, "application_weak")
    ]
    if [t.name for t in words] != ["rest"]:
        return left, right
    sisters = [each for each in reading.found if each.depth == clause.depth]
    if not sisters:
        return left, right
    last = sisters[-1].measure.split("@")[0].split(".")[-1]
    for group in measures().groups.values():
        codes = {group.code(item) for item in group.rest_beside}
        if group.rest and last in codes:
            new = replace(words[0], name=group.rest)
            return [new if t is words[0] else t for t in left], [new if t is words[0] else t for t in right]
    return left, right


def is_sole(reading: Reading, clauses: list[Clause], mention: Mention, left: Sequence[Token]) -> bool:
    """Whether a figure of all that was published cannot be one channel's: no channel is left over."""
    channels = measures().groups["channel"].items
    own = min((t.start for t in left), default=mention.token.start)
    for clause in clauses[: mention.clause + 1]:
        for token in clause.tokens:
            if token.start >= own or token.name not in channels:
                continue
            if not any(f.start <= token.start < f.end for f in reading.found):
                return False
    stated = any(f.measure.startswith("posts.") and f.measure != "posts.published" for f in reading.found)
    return not (stated and subject_of(reading.passage, left))


def is_share(clauses: list[Clause], mention: Mention) -> bool:
    following = [*mention.right]
    if mention.clause + 1 < len(clauses) and not following:
        following = clauses[mention.clause + 1].tokens
    words = [t for t in following if t.kind != "neutral"]
    return bool(words) and words[0].name == "share"


def is_about_foi(reading: Reading, clauses: list[Clause], mention: Mention) -> bool:
    if reading.passage.section == "disputes" or any(f.measure.startswith("disputes.") for f in reading.found):
        return True
    own = [t for t in (*mention.left, *mention.right) if t.kind == "word"]
    ours = {*measures().groups["application"].items, "foi", "about_reply"}
    if any(t.name in ours for t in own):
        return True
    if any(t.name in ("receive", "receive_new", "handle", "close", "alien") for t in own):
        return False
    before = [t for clause in clauses[: mention.clause] for t in clause.tokens]
    return reading.topic in ("requests", "disputes") or any(t.name in ours for t in before)


@cache
def _others() -> tuple[re.Pattern[str], ...]:
    return tuple(re.compile(pattern) for pattern in measures().others)


@cache
def _bodies() -> tuple[re.Pattern[str], ...]:
    return tuple(re.compile(pattern) for pattern in measures().bodies)


def scope_of(reading: Reading, clause: Clause, mention: Mention) -> str:
    text = reading.passage.text[clause.tokens[0].start : clause.tokens[-1].end]
    for pattern in _others():
        match = pattern.search(text)
        if match is not None:
            return match["name"]
    if (reading.part or clause.depth) and reading.found:
        return reading.found[-1].scope
    return ""


def subject_of(passage: Passage, left: Sequence[Token]) -> str:
    """The name before the first word of meaning: who received, handled."""
    name: list[Token] = []
    for token in left:
        if token.kind == "word":
            break
        if name or token.kind == "unknown":
            name.append(token)
    while name and passage.text[name[-1].start : name[-1].end] in measures().fillers:
        name.pop()
    return passage.text[name[0].start : name[-1].end] if name else ""


def read_body(reading: Reading, mention: Mention, left: Sequence[Token]) -> bool:
    """A member of a list that breaks a total down by body: 其中市政府349件."""
    parent = reading.last_code
    in_list = any(f.measure == parent for f in reading.found) and mention.token.unit == "count"
    if (
        not in_list
        or parent is None
        or mention.right
        or parent not in ("requests.received", "requests.outcome_total")
    ):
        return False
    own = [
        t
        for t in left
        if t.name not in ("of_which", CONJUNCTION, "includes", "receive", "receive_new", "handle", "close")
    ]
    while (
        own
        and own[-1].kind == "neutral"
        and own[-1].end - own[-1].start <= 2
        and len(own) > 1
        and _filler(reading, own[-1])
    ):
        own.pop()
    if not own or any(t.kind not in ("unknown", "neutral", "time") and t.name != "each" for t in own):
        return False
    name = reading.passage.text[own[0].start : own[-1].end]
    if not any(pattern.fullmatch(name) for pattern in _bodies()):
        return False
    end = mention.token.end
    reading.found.append(Found(parent, mention.token, own[0].start, end, 0, mention.clause, scope=name))
    return True


def _filler(reading: Reading, token: Token) -> bool:
    return reading.passage.text[token.start : token.end] in (
        "共",
        "为",
        "共计",
        "合计",
        "有",
        "计",
        "达",
        "是",
    )
