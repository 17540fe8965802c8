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
from collections.abc import Sequence
from dataclasses import replace

from pipeline.cells.narrative_context import (
    Found,
    Reading,
    contexts,
    first_topic,
    is_about_foi,
    is_share,
    is_sole,
    read_body,
    scope_of,
    set_topic,
    subject_of,
    with_rest,
)
from pipeline.cells.narrative_numbers import Passage, passages
from pipeline.cells.narrative_sentence import BLOCKING, Clause, Mention, list_members, mentions, sentences
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

# Years of 2022年结转 and 结转2024年 are not the reported one.
_YEAR = re.compile(r"(?<!\d)(?<!结转)(?<!结转至)(?<!结转到)((?:19|20)\d\d)年(?!度?结转)")
_EXCERPT = 60
# In tokens; what is longer is a list or a lost table, not a sentence.
_LONGEST_SENTENCE = 600
# Stated twice in one sentence with other figures, these belong to the bodies named there.
_BY_SUBJECT = ("requests.received", "requests.outcome_total", "disclosure.")


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
        reading = Reading(passage, first_topic(passage, year), lingering)
        for sentence in sentences(tokenize(passage, year)):
            found += _read_sentence(reading, sentence)
        lingering = reading.topic or lingering
    return tuple(found)


def _report_year(flows: Sequence[Passage]) -> int | None:
    """The year that the text speaks of most; the later of two."""
    years = Counter(int(year) for passage in flows for year in _YEAR.findall(passage.text))
    return max(years, key=lambda year: (years[year], year)) if years else None


def _read_sentence(reading: Reading, clauses: list[Clause]) -> list[Statement]:
    reading.found, reading.verb = [], None
    if sum(len(clause.tokens) for clause in clauses) > _LONGEST_SENTENCE:
        return []
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
            set_topic(reading, clause.tokens, numbers=False)
        state = state if clause.has("compare") else inside
    _settle(reading)
    return [_statement(reading.passage, each) for each in reading.found]


def _read_numbers(reading: Reading, clauses: list[Clause], index: int, state: str) -> None:
    clause = clauses[index]
    for mention in mentions(clause, index):
        now = state
        for token in clause.tokens:
            if token.kind == "time" and token.start < mention.token.start:
                now = token.name
        matched = False
        if now == "this" and mention.token.unit != "other":
            matched = _read_mention(reading, clauses, mention)
        if not matched:
            counted = mention.token.unit in ("count", "none")
            set_topic(reading, [*mention.left, *mention.right], numbers=counted)


def _read_mention(reading: Reading, clauses: list[Clause], mention: Mention) -> bool:
    token = mention.token
    names = {t.name for t in mention.left if t.kind == "word"}
    if names & BLOCKING:
        return False
    left = mention.left
    if "negation" in names:
        if token.value != 0:
            return False
        left = [t for t in left if t.name != "negation"]
    if read_body(reading, mention, left):
        return True
    left, right = with_rest(reading, clauses[mention.clause], left, mention.right)
    for words, inherited in contexts(reading, clauses, mention, left):
        if _try(reading, clauses, mention, words, right, inherited):
            return True
    return False


def _try(
    reading: Reading,
    clauses: list[Clause],
    mention: Mention,
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
            if measure.sole and not is_sole(reading, clauses, mention, left):
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


def _allowed(reading: Reading, clauses: list[Clause], mention: Mention, measure: Measure) -> bool:
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
    if measure.not_part and (reading.part or is_share(clauses, mention)):
        return False
    if measure.first and any(f.measure.split(".")[0] == measure.topic for f in reading.found):
        return False
    if measure.plain and any(t.kind == "unknown" for t in mention.left):
        return False
    new = any(t.name == "receive_new" for t in mention.left)
    if measure.once and reading.part and not new and any(f.measure == measure.code for f in reading.found):
        return False
    if measure.after and (reading.last_code is None or reading.last_code.split("@")[0] not in measure.after):
        return False
    if measure.needs and measure.kin is None and reading.topic not in measure.needs:
        return False
    if measure.beside_kin and not (
        reading.part or any(f.measure.startswith("requests.") for f in reading.found)
    ):
        return False
    return not (measure.about_foi and token.value > 0 and not is_about_foi(reading, clauses, mention))


def _codes(
    reading: Reading, measure: Measure, span: Sequence[Token], mention: Mention
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


def _kin(reading: Reading, measure: Measure, items: Sequence[str]) -> bool:
    """Outcomes need their topic; where a paragraph goes on from another, the clear ones carry it."""
    if reading.topic in measure.needs:
        return True
    return reading.topic is None and (
        reading.lingering in measure.needs or any("_" in item for item in items)
    )


def _state_all(
    reading: Reading,
    clauses: list[Clause],
    mention: Mention,
    measure: Measure,
    codes: Sequence[str | None],
    span: Sequence[Token],
    left: Sequence[Token],
) -> None:
    clause = clauses[mention.clause]
    first = min((t.start for t in (*left, mention.token) if t.kind != "neutral"), default=mention.token.start)
    last = max((t.end for t in span), default=mention.token.end)
    scope = scope_of(reading, clause, mention)
    token = mention.token
    for code in codes:
        if code is None:
            continue
        if code.startswith("disclosure.administrative_fees"):
            token = replace(token, value=token.value / measures().units.money["万元"])
        subject = subject_of(reading.passage, left)
        reading.found.append(
            Found(
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
    names = {t.name for t in (*left, *span)}
    within = reading.part or clause.depth > 0
    if (codes[0] == "requests.carried_in" and names & {"includes", "of_which"}) or (
        codes[0] == "requests.received" and "receive_new" in names and within
    ):
        _includes_carried_in(reading)
    _remember(reading, measure, codes[0], span, left)
    _read_follow(reading, clauses, mention, measure, codes[0])


def _remember(
    reading: Reading, measure: Measure, code: str | None, span: Sequence[Token], left: Sequence[Token]
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


def _includes_carried_in(reading: Reading) -> None:
    """收到20件（含上年结转2件）, 收到20件，其中新收18件: the 20 are not the new ones alone."""
    for each in reversed(reading.found[:-1]):
        if each.measure == "requests.received":
            each.measure = "requests.received+carried_in"
            return
        if each.measure.startswith("requests.") and not each.measure.startswith("requests.received."):
            return


def _read_zeros(reading: Reading, clauses: list[Clause], index: int) -> None:
    clause = clauses[index]
    at = next(i for i, t in enumerate(clause.tokens) if t.kind == "word" and t.name == "negation")
    before, after = clause.tokens[:at], clause.tokens[at + 1 :]
    if any(t.kind == "word" and t.name in (*BLOCKING, "negation", "restrict") for t in after):
        return
    negation = clause.tokens[at]
    said = [t for t in after if t.kind in ("word", "unknown") and t.name not in measures().verbs]
    if said:
        parts = after
    else:
        parts = [*(t for t in after), *(t for t in before if t.name != "all")]
    verbs: set[str] = set()
    groups = measures().groups
    for part in list_members(parts):
        while part and (part[0].name in measures().verbs or part[0].kind in ("neutral", "time")):
            if part[0].kind == "word":
                verbs.add(part[0].name)
            part = part[1:]
        letters, _ = encode(part)
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
            mention = Mention(zero, [], [], True, index)
            codes = _codes(reading, measure, span or words, mention)
            if codes is None:
                continue
            for code in codes:
                if code is not None and not any(f.measure == code for f in reading.found):
                    scope = scope_of(reading, clause, mention)
                    reading.found.append(Found(code, zero, start, zero.end, clause.depth, index, scope=scope))
            if measure.topic == "rules":
                reading.topic, reading.last_rule = "rules", tuple(t.name for t in span)
            if measure.topic != "rules":
                break


def _zero_verbs(measure: Measure, verbs: set[str]) -> bool:
    allowed = set(measure.zero_verbs) or {NO_VERB, "occur", "receive"}
    if not verbs:
        return NO_VERB in allowed
    return bool(verbs & allowed)


def _read_follow(
    reading: Reading, clauses: list[Clause], mention: Mention, measure: Measure, code: str | None
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
            codes = _codes(reading, _stating(measure, follow.gives), span, mention)
            if codes is None:
                continue
            given.add(follow.gives)
            for each in codes:
                if each is not None:
                    reading.found.append(
                        Found(
                            each,
                            mention.token,
                            mention.token.start,
                            span[-1].end,
                            clauses[mention.clause].depth,
                            mention.clause,
                            scope=reading.found[-1].scope if reading.found else "",
                        )
                    )


def _stating(measure: Measure, code: str) -> Measure:
    """The measure that a following clause states, without the conditions of the first."""
    return Measure(code=code, topic=measure.topic, frames=())


def _settle(reading: Reading) -> None:
    """What only the whole sentence shows: subjects that differ, verbs that mean another thing here."""
    for each in reading.found:
        noun = each.measure.rpartition(".")[0]
        if each.becomes and any(f.measure in {f"{noun}.{b}" for b in each.beside} for f in reading.found):
            each.measure = f"{noun}.{each.becomes}"
    for code in {f.measure for f in reading.found if f.measure.startswith(_BY_SUBJECT)}:
        same = [f for f in reading.found if f.measure == code and not f.scope]
        if len({f.token.value for f in same}) > 1:
            for each in same:
                each.scope = each.subject
    stated = {f.measure.split("@")[0] for f in reading.found if f.token.value > 0}
    if any(code.startswith("requests.received") for code in stated):
        # 未收到自然人的申请，收到企业申请3件: what is none was not all of them.
        reading.found = [f for f in reading.found if f.measure != "requests.received" or f.token.value > 0]
    seen: set[tuple[str, float, str]] = set()
    kept: list[Found] = []
    for each in reading.found:
        key = (each.measure, each.token.value, each.scope)
        if key not in seen:
            seen.add(key)
            kept.append(each)
    reading.found = kept


def _statement(passage: Passage, found: Found) -> Statement:
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
