"""Figures stated in the text of a report, by the contract's dotted measure codes.

Here: which measure a number in a sentence states, and what is said to be none.
Not here: the words and frames (form/measures.yaml), text and numbers (narrative_numbers), tokens
(narrative_words), or whether the figures agree with the tables (checks/).

A measure may end in ``@name``: the figure of that body, a part or another than the report's own
(``requests.received@市政府``). Classes counted together are joined: ``requests.granted+granted_in_part``.
``fees.information_processing_yuan`` is in 元, ``requests.on_time_rate`` in percent.
What is not stated for the reported year, or not certainly about it, is left out.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import cache

from pipeline.cells.narrative_numbers import Passage, passages
from pipeline.cells.narrative_words import (
    Token,
    compiled,
    compiled_follow,
    compiled_zero,
    encode,
    tokenize,
)
from pipeline.cells.report import Statement
from pipeline.form.measures import CONJUNCTION, NO_VERB, Measure, measures

_YEAR = re.compile(r"(?<!\d)((?:19|20)\d\d)年")
_BLOCKING = frozenset({"change", "compare", "rate", "plan", "share"})
_TOPIC_OF_GROUP = {"application": "requests", "forum": "disputes", "rule": "rules"}
_TOPIC_OF_SECTION = {"requests": "requests", "disputes": "disputes"}
_EXCERPT = 60


def find_statements(sections: Sequence[tuple[str | None, str, str]]) -> tuple[Statement, ...]:
    """The figures that a report's text states of its own year.

    Args:
        sections: section code of the form or None, text and locator of each paragraph outside
            tables, in reading order. A paragraph may be one line of a broken text.
    Returns:
        Statements in reading order; the same measure may be stated more than once, also differently.
    """
    flows = list(passages(sections))
    year = _report_year(flows)
    found: list[Statement] = []
    lingering: str | None = None
    for passage in flows:
        reading = _Reading(passage, _first_topic(passage, year), lingering)
        for sentence in _sentences(tokenize(passage, year)):
            found += _read_sentence(reading, sentence)
        lingering = reading.topic or lingering
    return tuple(found)


def _report_year(flows: Sequence[Passage]) -> int | None:
    """The year that the text speaks of most; the later of two."""
    years = Counter(int(year) for passage in flows for year in _YEAR.findall(passage.text))
    return max(years, key=lambda year: (years[year], year)) if years else None


@dataclass(slots=True)
class _Clause:
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


@dataclass(slots=True)
class _Found:
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
class _Reading:
    """Where the reader of a passage is: the topic under way and what was named last."""

    passage: Passage
    topic: str | None
    lingering: str | None
    last_forum: tuple[str, ...] = ()
    last_rule: tuple[str, ...] = ()
    last_code: str | None = None
    last_topic: str | None = None
    found: list[_Found] = field(default_factory=list)
    part: bool = False
    verb: Token | None = None


@dataclass(frozen=True, slots=True)
class _Mention:
    """A number with the words that belong to it."""

    token: Token
    left: list[Token]
    right: list[Token]
    each: bool
    clause: int


def _sentences(tokens: Sequence[Token]) -> Iterator[list[_Clause]]:
    clauses: list[_Clause] = []
    current: list[Token] = []
    before, depth = "", 0
    for token in tokens:
        if token.kind != "mark":
            if token.name == "negation" and any(t.kind == "number" for t in current):
                clauses.append(_Clause(current, before, depth))
                current, before = [], ","
            current.append(token)
            continue
        if current:
            clauses.append(_Clause(current, before, depth))
            current = []
        before = token.name
        if token.name == "(":
            depth += 1
        elif token.name == ")":
            depth = max(0, depth - 1)
        elif token.name == "。":
            if clauses:
                yield clauses
            clauses, before, depth = [], "", 0
    if current:
        clauses.append(_Clause(current, before, depth))
    if clauses:
        yield clauses


def _first_topic(passage: Passage, year: int | None) -> str | None:
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


def _read_sentence(reading: _Reading, clauses: list[_Clause]) -> list[Statement]:
    reading.found, reading.verb = [], None
    reading.part = False
    state = "this"
    outside: list[bool] = []
    for index, clause in enumerate(clauses):
        while clause.depth > len(outside):
            outside.append(reading.part)
        while clause.depth < len(outside):
            reading.part = outside.pop()
        if clause.before == ";":
            reading.part, reading.verb = False, None
        if clause.has("of_which"):
            reading.part = True
        inside = state
        for token in clause.tokens:
            if token.kind == "time":
                inside = token.name
        if clause.numbers:
            _read_numbers(reading, clauses, index, state)
        elif inside == "this" and clause.has("negation"):
            _read_zeros(reading, clauses, index)
        else:
            _set_topic(reading, clause.tokens, numbers=False)
        state = state if clause.has("compare") else inside
    _settle(reading)
    return [_statement(reading.passage, each) for each in reading.found]


def _set_topic(reading: _Reading, tokens: Sequence[Token], *, numbers: bool) -> None:
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
    verbs = {"receive", "handle", "close"} & set(names)
    about_ours = reading.topic == "requests" and any(n in groups["application"].items for n in names)
    if "alien" in names and (numbers or verbs) and not about_ours:
        reading.topic = "alien"
    elif numbers and verbs and not about_ours and _unknown_object(tokens):
        reading.topic = "alien"
    elif "info" in names and {"publish", "disclose"} & set(names):
        reading.topic = "posts"


def _unknown_object(tokens: Sequence[Token]) -> bool:
    """Whether an unknown thing was received or handled."""
    letters, _ = encode(tokens)
    return letters.rstrip("#,").endswith("_")


# Numbers


def _read_numbers(reading: _Reading, clauses: list[_Clause], index: int, state: str) -> None:
    clause = clauses[index]
    for mention in _mentions(clause, index):
        now = state
        for token in clause.tokens:
            if token.kind == "time" and token.start < mention.token.start:
                now = token.name
        matched = False
        if now == "this" and mention.token.unit != "other":
            matched = _read_mention(reading, clauses, mention)
        if not matched:
            _set_topic(reading, [*mention.left, *mention.right], numbers=True)


def _mentions(clause: _Clause, index: int) -> list[_Mention]:
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
                split = 0 if any(t.kind in ("word", "unknown") for t in lefts[n - 1]) else len(between)
                if split == 0 and _completes(lefts[n - 1]):
                    split = next((i for i, t in enumerate(between) if t.name in measures().verbs), 0)
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
        found.append(_Mention(tokens[position], left, rights[n], each, index))
    return found


def _completes(left: Sequence[Token]) -> bool:
    """Whether the words end in a verb, so that its object stands behind the number."""
    words = [t for t in left if t.kind in ("word", "unknown")]
    return bool(words) and words[-1].kind == "word" and words[-1].name in measures().verbs


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
    """``A、B分别为1件、2件``: the first number goes with A, the next with B."""
    for n, left in enumerate(lefts):
        if not any(t.name == "respectively" for t in left):
            continue
        letters, kept = encode(left)
        names = [t for t in kept if t.name not in ("respectively",)]
        items: list[Token] = []
        while names and (names[-1].kind == "word"):
            token = names.pop()
            if token.name == CONJUNCTION:
                continue
            if items and not _same_group(token, items[-1]):
                names.append(token)
                break
            items.insert(0, token)
        following = lefts[n + 1 : n + len(items)]
        empty = all(
            not any(t.kind in ("word", "unknown") and t.name != CONJUNCTION for t in f) for f in following
        )
        if len(items) > 1 and len(following) == len(items) - 1 and empty:
            return [*lefts[:n], *([*names, item] for item in items), *lefts[n + len(items) :]]
    return lefts


def _same_group(a: Token, b: Token) -> bool:
    return any(a.name in g.items and b.name in g.items for g in measures().groups.values())


def _read_mention(reading: _Reading, clauses: list[_Clause], mention: _Mention) -> bool:
    token = mention.token
    names = {t.name for t in mention.left if t.kind == "word"}
    if names & _BLOCKING:
        return False
    left = mention.left
    if "negation" in names:
        if token.value != 0:
            return False
        left = [t for t in left if t.name != "negation"]
    if _read_body(reading, mention, left):
        return True
    left, right = _with_rest(reading, clauses[mention.clause], left, mention.right)
    for words, inherited in _contexts(reading, clauses, mention, left):
        if _try(reading, clauses, mention, words, right, inherited):
            return True
    return False


def _contexts(
    reading: _Reading, clauses: list[_Clause], mention: _Mention, left: list[Token]
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
    if reading.verb is not None and not names & set(measures().verbs):
        yield [reading.verb, *left], True


def _earlier(clauses: list[_Clause], mention: _Mention) -> list[Token]:
    """The clause before, if it has no number and the number's clause has none before it."""
    clause = clauses[mention.clause]
    first = clause.tokens[clause.numbers[0]] is mention.token
    if not first or mention.clause == 0 or clause.before in (";", "("):
        return []
    before = clauses[mention.clause - 1]
    blocked = before.numbers or before.has("negation", *_BLOCKING)
    return [] if blocked else before.tokens


def _with_rest(
    reading: _Reading, clause: _Clause, left: list[Token], right: list[Token]
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


def _try(
    reading: _Reading,
    clauses: list[_Clause],
    mention: _Mention,
    left: list[Token],
    right: list[Token],
    inherited: bool,
) -> bool:
    letters, kept = encode([*left, mention.token, *right])
    at = next(i for i, t in enumerate(kept) if t is mention.token)
    for measure in measures().measures:
        if not _allowed(reading, clauses, mention, measure):
            continue
        for frame, pattern in zip(measure.frames, compiled(measure), strict=True):
            match = pattern.search(letters)
            if match is None or not match.start() <= at < match.end():
                continue
            if not _whole(frame, match, letters, kept, at):
                continue
            span = kept[match.start() : match.end()]
            codes = _codes(reading, measure, span, mention)
            if codes is None:
                continue
            used = left if not inherited else left[1:]
            _state_all(reading, clauses, mention, measure, codes, span, used)
            return True
    return False


def _whole(frame: str, match: re.Match[str], letters: str, kept: Sequence[Token], at: int) -> bool:
    """Whether the frame's number is the whole thing: nothing else is counted by it."""
    if frame.startswith("#"):
        allowed = {"of_which", CONJUNCTION, "includes", "cause", "occur"}
        return all(t.kind == "word" and t.name in allowed for t in kept[:at])
    if match.end() == at + 1 and len(kept) > at + 1:
        following = kept[at + 1]
        adjacent = following.start == kept[at].end
        return not (adjacent and (following.kind == "unknown" or following.name in ("alien", "info")))
    return True


def _allowed(reading: _Reading, clauses: list[_Clause], mention: _Mention, measure: Measure) -> bool:
    token = mention.token
    if token.unit == "none":
        sister = any(f.token.unit == "count" for f in reading.found) and measure.topic in (
            "requests",
            "disputes",
        )
        if measure.units != "count" or not sister:
            return False
    elif token.unit != measure.units:
        return False
    if measure.not_part and (reading.part or _is_share(clauses, mention)):
        return False
    if measure.after and (reading.last_code is None or reading.last_code.split("@")[0] not in measure.after):
        return False
    if measure.needs and measure.kin is None and reading.topic not in measure.needs:
        return False
    if measure.beside_kin and not (
        reading.part or any(f.measure.startswith("requests.") for f in reading.found)
    ):
        return False
    return not (measure.about_foi and token.value > 0 and not _about_foi(reading, clauses, mention))


def _is_share(clauses: list[_Clause], mention: _Mention) -> bool:
    following = [*mention.right]
    if mention.clause + 1 < len(clauses) and not following:
        following = clauses[mention.clause + 1].tokens
    words = [t for t in following if t.kind != "neutral"]
    return bool(words) and words[0].name == "share"


def _about_foi(reading: _Reading, clauses: list[_Clause], mention: _Mention) -> bool:
    if reading.passage.section == "disputes" or any(f.measure.startswith("disputes.") for f in reading.found):
        return True
    own = [t for t in (*mention.left, *mention.right) if t.kind == "word"]
    ours = {*measures().groups["application"].items, "foi"}
    if any(t.name in ours for t in own) or any(t.name == "cause" and _says_reply(reading, t) for t in own):
        return True
    if any(t.name in ("receive", "handle", "close", "alien") for t in own):
        return False
    before = [t for clause in clauses[: mention.clause] for t in clause.tokens]
    return reading.topic in ("requests", "disputes") or any(t.name in ours for t in before)


def _says_reply(reading: _Reading, token: Token) -> bool:
    return token.end - token.start > 2 and reading.topic != "alien"


def _codes(
    reading: _Reading, measure: Measure, span: Sequence[Token], mention: _Mention
) -> tuple[str | None, ...] | None:
    """The measure codes that a matched frame states; None where it does not after all."""
    if measure.code is None:
        return (None,)
    groups = measures().groups
    codes = [measure.code]
    for name in re.findall(r"\{(\w+)\}", measure.code):
        group = groups[name.removeprefix("last_")]
        if name.startswith("last_"):
            items: tuple[str, ...] = reading.last_forum if name == "last_forum" else reading.last_rule
        else:
            items = tuple(dict.fromkeys(t.name for t in span if t.kind == "word" and t.name in group.items))
        if not items:
            return None
        if measure.kin == name and not _kin(reading, measure, items):
            return None
        parts = tuple(dict.fromkeys(group.code(item) for item in items))
        if len(items) > 1 and measure.merged:
            return (measure.merged,)
        if len(parts) > 1 and mention.token.value != 0 and not mention.each:
            order = [group.code(item) for item in group.items]
            parts = ("+".join(sorted(parts, key=order.index)),)
        codes = [code.replace("{" + name + "}", part) for code in codes for part in parts]
    return tuple(codes)


def _kin(reading: _Reading, measure: Measure, items: Sequence[str]) -> bool:
    """Outcomes need their topic; where a paragraph goes on from another, the clear ones carry it."""
    if reading.topic in measure.needs:
        return True
    return reading.topic is None and (
        reading.lingering in measure.needs or any("_" in item for item in items)
    )


def _state_all(
    reading: _Reading,
    clauses: list[_Clause],
    mention: _Mention,
    measure: Measure,
    codes: Sequence[str | None],
    span: Sequence[Token],
    left: Sequence[Token],
) -> None:
    clause = clauses[mention.clause]
    first = min((t.start for t in (*left, mention.token) if t.kind != "neutral"), default=mention.token.start)
    last = max((t.end for t in span), default=mention.token.end)
    scope = _scope(reading, clause, mention)
    token = mention.token
    for code in codes:
        if code is None:
            continue
        if code.startswith("disclosure.administrative_fees"):
            token = replace(token, value=token.value / measures().units.money["万元"])
        subject = _subject(reading.passage, left)
        reading.found.append(
            _Found(
                code,
                token,
                first,
                max(last, mention.token.end),
                clause.depth,
                mention.clause,
                subject,
                scope,
                measure.becomes,
                measure.beside,
            )
        )
    if (
        codes[0] is not None
        and codes[0].startswith("requests.carried_in")
        and any(t.name == "includes" for t in left)
    ):
        _includes_carried_in(reading)
    _remember(reading, measure, codes[0], span, left)
    _read_follow(reading, clauses, mention, measure, codes[0])


def _remember(
    reading: _Reading, measure: Measure, code: str | None, span: Sequence[Token], left: Sequence[Token]
) -> None:
    groups = measures().groups
    reading.topic = reading.last_topic = measure.topic
    forums = tuple(dict.fromkeys(t.name for t in span if t.name in groups["forum"].items))
    rules = tuple(dict.fromkeys(t.name for t in span if t.name in groups["rule"].items))
    reading.last_forum = forums[:1] if len(forums) == 1 else (() if forums else reading.last_forum)
    reading.last_rule = rules or reading.last_rule
    if code is not None and not code.startswith("requests.received."):
        reading.last_code = code
    verb = next((t for t in (*span, *left) if t.kind == "word" and t.name in measures().verbs), None)
    if verb is not None:
        reading.verb = verb


def _includes_carried_in(reading: _Reading) -> None:
    """收到20件（含上年结转2件）: the 20 are not the new ones alone."""
    for each in reversed(reading.found[:-1]):
        if each.measure == "requests.received":
            each.measure = "requests.received+carried_in"
            return
        if each.measure.startswith("requests.") and not each.measure.startswith("requests.received."):
            return


# Whose figure it is


@cache
def _others() -> tuple[re.Pattern[str], ...]:
    return tuple(re.compile(pattern) for pattern in measures().others)


@cache
def _bodies() -> tuple[re.Pattern[str], ...]:
    return tuple(re.compile(pattern) for pattern in measures().bodies)


def _scope(reading: _Reading, clause: _Clause, mention: _Mention) -> str:
    text = reading.passage.text[clause.tokens[0].start : clause.tokens[-1].end]
    for pattern in _others():
        match = pattern.search(text)
        if match is not None:
            return match["name"]
    if (reading.part or clause.depth) and reading.found:
        return reading.found[-1].scope
    return ""


def _read_body(reading: _Reading, mention: _Mention, left: Sequence[Token]) -> bool:
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
        t for t in left if t.name not in ("of_which", CONJUNCTION, "includes", "receive", "handle", "close")
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
    reading.found.append(_Found(parent, mention.token, own[0].start, end, 0, mention.clause, scope=name))
    return True


def _filler(reading: _Reading, token: Token) -> bool:
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


def _subject(passage: Passage, left: Sequence[Token]) -> str:
    """The name before the first word of meaning: who received, handled."""
    for token in left:
        if token.kind == "word":
            return ""
        if token.kind == "unknown":
            return passage.text[token.start : token.end]
    return ""


# What is none


def _read_zeros(reading: _Reading, clauses: list[_Clause], index: int) -> None:
    clause = clauses[index]
    at = next(i for i, t in enumerate(clause.tokens) if t.kind == "word" and t.name == "negation")
    before, after = clause.tokens[:at], clause.tokens[at + 1 :]
    if any(t.kind == "word" and t.name in (*_BLOCKING, "negation", "restrict") for t in after):
        return
    negation = clause.tokens[at]
    said = [t for t in after if t.kind in ("word", "unknown") and t.name not in measures().verbs]
    if said:
        parts = after
    else:
        parts = [*(t for t in after), *(t for t in before if t.name != "all")]
    verbs: set[str] = set()
    groups = measures().groups
    for part in _parts(parts):
        while part and (part[0].name in measures().verbs or part[0].kind in ("neutral", "time")):
            if part[0].kind == "word":
                verbs.add(part[0].name)
            part = part[1:]
        letters, kept = encode(part)
        for measure in measures().measures:
            fits = any(pattern.fullmatch(letters) for pattern in compiled_zero(measure)) if letters else False
            if (
                not fits
                or not _zero_verbs(measure, verbs)
                or (measure.needs and reading.topic not in measure.needs)
            ):
                continue
            words = [t for t in part if t.kind == "word"]
            span = [t for t in words if any(t.name in g.items for g in groups.values())]
            start = min(negation.start, *(t.start for t in words))
            zero = Token("number", "#", start, max(negation.end, *(t.end for t in words)), 0.0, measure.units)
            mention = _Mention(zero, [], [], True, index)
            codes = _codes(reading, measure, span or words, mention)
            if codes is None:
                continue
            for code in codes:
                if code is not None and not any(f.measure == code for f in reading.found):
                    scope = _scope(reading, clause, mention)
                    reading.found.append(
                        _Found(code, zero, start, zero.end, clause.depth, index, scope=scope)
                    )
            if measure.topic == "rules":
                reading.topic, reading.last_rule = "rules", tuple(t.name for t in span)
            if measure.topic != "rules":
                break


def _zero_verbs(measure: Measure, verbs: set[str]) -> bool:
    allowed = set(measure.zero_verbs) or {NO_VERB, "occur", "receive"}
    if not verbs:
        return NO_VERB in allowed
    return bool(verbs & allowed)


def _parts(tokens: Sequence[Token]) -> list[list[Token]]:
    """A list's members."""
    parts: list[list[Token]] = [[]]
    for token in tokens:
        if token.kind == "word" and token.name == CONJUNCTION:
            parts.append([])
        else:
            parts[-1].append(token)
    return [part for part in parts if part]


# What follows a number without one of its own


def _read_follow(
    reading: _Reading, clauses: list[_Clause], mention: _Mention, measure: Measure, code: str | None
) -> None:
    stretches = [mention.right]
    for clause in clauses[mention.clause + 1 :]:
        if clause.numbers:
            break
        stretches.append(clause.tokens)
    if (
        clauses[mention.clause].tokens[-1].start > mention.token.start
        and clauses[mention.clause].numbers[-1:]
    ):
        last = clauses[mention.clause].tokens[clauses[mention.clause].numbers[-1]]
        if last is not mention.token:
            stretches = stretches[:1]
    given: set[str] = set()
    for tokens in stretches:
        stop = next(
            (i for i, t in enumerate(tokens) if t.name in ("negation", "compare", "change")), len(tokens)
        )
        letters, kept = encode(tokens[:stop])
        for follow in measures().follow:
            if not (
                follow.after == measure.code
                if follow.after is not None
                else measure.topic == follow.topic and code is None
            ):
                continue
            if follow.only is not None and mention.token.value != follow.only:
                continue
            match = compiled_follow(follow).search(letters)
            if match is None or follow.gives in given:
                continue
            span = kept[match.start() : match.end()]
            codes = _codes(reading, replace_code(measure, follow.gives), span, mention)
            if codes is None:
                continue
            given.add(follow.gives)
            for each in codes:
                if each is not None:
                    reading.found.append(
                        _Found(
                            each,
                            mention.token,
                            mention.token.start,
                            span[-1].end,
                            clauses[mention.clause].depth,
                            mention.clause,
                            scope=reading.found[-1].scope if reading.found else "",
                        )
                    )


def replace_code(measure: Measure, code: str) -> Measure:
    """The measure that a following clause states, without the conditions of the first."""
    return Measure(code=code, topic=measure.topic, frames=())


# The sentence as a whole


def _settle(reading: _Reading) -> None:
    """What only the whole sentence shows: subjects that differ, verbs that mean another thing here."""
    for each in reading.found:
        noun, _, act = each.measure.rpartition(".")
        if each.becomes and any(f.measure in {f"{noun}.{b}" for b in each.beside} for f in reading.found):
            each.measure = f"{noun}.{each.becomes}"
    for code in ("requests.received", "requests.outcome_total"):
        same = [f for f in reading.found if f.measure == code and not f.scope]
        if len({f.token.value for f in same}) > 1:
            for each in same:
                each.scope = each.subject
    seen: set[tuple[str, float, str]] = set()
    kept: list[_Found] = []
    for each in reading.found:
        key = (each.measure, each.token.value, each.scope)
        if key not in seen:
            seen.add(key)
            kept.append(each)
    reading.found = kept


def _statement(passage: Passage, found: _Found) -> Statement:
    start, end = found.start, min(found.end, found.start + _EXCERPT)
    if found.end - found.start > _EXCERPT:
        start, end = found.end - _EXCERPT, found.end
    measure = f"{found.measure}@{found.scope}" if found.scope else found.measure
    return Statement(
        measure,
        found.token.value,
        found.token.qualifier,
        passage.excerpt(start, end),
        passage.locator(found.token.start),
    )
