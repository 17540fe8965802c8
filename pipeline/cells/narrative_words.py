"""The text of a passage as tokens: words of meaning, numbers with their unit, times, clause marks.

Here: the one scanner over all wordings, and the frames compiled to patterns over tokens.
Not here: joining of paragraphs (narrative_numbers), what a number counts (narrative).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Literal

from pipeline.cells.narrative_numbers import DOUBT, Passage, chinese_number, plain_number
from pipeline.cells.report import Qualifier
from pipeline.form.lookups import lookups
from pipeline.form.measures import (
    CONJUNCTION,
    NEUTRAL,
    Follow,
    Measure,
    form_words,
    frame_tokens,
    measures,
    wordings,
)

Kind = Literal["word", "unknown", "number", "time", "mark", "neutral"]
_LONG_ENOUGH = 4


@dataclass(frozen=True, slots=True)
class Token:
    """A stretch of text with one meaning. ``name`` is the concept, the mark, or the state of time."""

    kind: Kind
    name: str
    start: int
    end: int
    value: float = 0.0
    unit: str = ""
    """For a number: ``count``, ``money`` (value in 元), ``percent``, ``none``, or ``other``."""
    qualifier: Qualifier = "exact"


@cache
def concepts() -> dict[str, str]:
    """Every wording and its concept. The form's labels and lookups count as wordings too."""
    data = measures()
    found: dict[str, str] = {}
    for line in data.neutral:
        for word in wordings(line):
            found[word] = NEUTRAL
    for code, labels in form_words().items():
        for label in labels:
            found.setdefault(label, code)
    for code, met in lookups().rows["requests"].items():
        if code in data.groups["outcome"].items:
            for label in met:
                if len(label) >= _LONG_ENOUGH and "(" not in label:
                    found.setdefault(label, code)
    for concept, patterns in data.words.items():
        for pattern in patterns:
            for word in wordings(pattern):
                found[word] = concept
    for word in data.conjunctions:
        found[word] = CONJUNCTION
    for state, words in (("time_this", data.time.this), ("time_other", data.time.other)):
        for word in words:
            found[word] = state
    return found


def _trie(words: Iterable[str]) -> str:
    """A pattern that finds the longest of many words, branching letter by letter."""
    root: dict[str, dict] = {}
    for word in words:
        node = root
        for char in word:
            node = node.setdefault(char, {})
        node[""] = {}

    def render(node: dict[str, dict]) -> str:
        ends = "" in node
        branches = [re.escape(c) + render(n) for c, n in node.items() if c]
        if not branches:
            return ""
        body = branches[0] if len(branches) == 1 else "(?:" + "|".join(branches) + ")"
        return f"(?:{body})?" if ends else body

    by_first: dict[str, dict[str, dict]] = {c: n for c, n in root.items() if c}
    return "|".join(re.escape(c) + render(n) for c, n in by_first.items())


def _any(words: Iterable[str]) -> str:
    return "|".join(re.escape(word) for word in sorted(words, key=len, reverse=True))


@cache
def _scanner() -> re.Pattern[str]:
    units = measures().units
    # 个 and 部 count only where no noun makes something else of them (3个部门, 12部门).
    count = (
        _any(u for u in units.count if u not in ("个", "部"))
        + r"|个(?![\u4e00-\u9fff])|个(?=(?:行政|政府)?规[范章])|部(?!门)"
    )
    after = _any((*units.at_least_after, *units.about_after))
    parts = [
        r"(?P<junk>https?://[\x21-\x7e]{1,500}|www\.[\x21-\x7e]{1,500}|\d{13,}|[A-Za-z0-9_.+-]{1,64}@[A-Za-z0-9.-]{1,64}"
        r"|[〔\[(﹝【]\d{4}[〕\])﹞】]第?\d*号?|\d{3,4}-\d{7,8}(?:-\d+)?|(?<!\d)1[3-9]\d{9}(?!\d)"
        r"|(?:邮编|电话|传真|邮政编码)(?:号码)?[:：]?[\d-]+"
        r"|第[\d一二三四五六七八九十百〇零][\d一二三四五六七八九十百〇零、,，和至到()第]{0,40}[条款项章节号批届次期类个名位部]?(?:第?[(（]?[\d一二三四五六七八九十]+[)）]?[款项])*"
        rf"|[\d.,]{{0,30}}{DOUBT}[\d.,{DOUBT}]{{0,60}}(?:{count}|[万亿]?元)?"
        r"|\d+，\d{3}(?!\d)|\d+(?:[.:]\d+){2,}|附?[表图]\d+|附件\d+"
        r"|百分之[一二三四五六七八九十百点零]+)",
        r"(?P<carry>结转[至到]?(?P<to>20\d\d)年(?:度)?(?:继续)?(?:办理)?|(?P<of>20\d\d)年度?结转)",
        r"(?P<title>《[^》]{1,80}》|“(?P<quoted>[^”]{1,40})”)",
        r"(?P<date>(?<!\d)(?:截[至止]到?)?(?:(?P<year>(?:19|20)\d\d)|二[〇○零](?P<tens>[〇○零一二三四])(?P<ones>[〇○零一二三四五六七八九]))年度?"
        r"(?:(?P<month>\d{1,2})月(?P<monthend>份|底|末)?(?:(?P<day>\d{1,2})日)?)?[底末初]?)",
        r"(?P<months>(?:截[至止]到?)?(?P<from>\d{1,2})(?:月(?:\d{1,2}日)?)?起?[-—–~至到](?P<till>\d{1,2})月(?:份|底|\d{1,2}日)?"
        r"|(?:截[至止]到?)?(?P<onemonth>\d{1,2})月(?:份|底|末|\d{1,2}日)?)",
        r"(?P<full>(?:办结|办复|答复办结)率(?:均|都)?(?:为|达到|达|实现)?100%)",
        r"(?P<span>(?:\d+|[一二两三四五六七八九十百]+)(?:个工作日|个自然日|个月|个小时|日内|天|小时|分钟|周岁)|\d+(?:号|楼|室|路|年))",
        r"(?P<percent>(?P<rate>\d+(?:\.\d+)?)%)",
        r"(?P<number>(?<![\d.A-Za-z])(?P<digits>\d{1,3}(?:,\d{3}){1,4}(?!\d)|\d{1,12})(?P<decimals>\.\d{1,6})?(?P<scale>[百千万亿])?"
        rf"(?P<plus>[余多])?(?P<scale2>[万亿])?(?:(?P<count>{count})(?:信息)?|(?P<money>{_any(units.money)}))?"
        rf"(?P<after>{after})?)",
        r"(?P<chinese>(?<![第每同任某逐另这那哪之统唯专单几数上])(?P<numeral>[一二两三四五六七八九十百千零〇万]+)"
        rf"(?P<cplus>[余多])?(?P<cunit>件次|条次|件|条|份|宗|起|篇|例|则)(?P<cafter>{after})?(?!事|龙|主线|心))",
        rf"(?P<word>{_trie(concepts())})",
        r"(?P<mark>[，,;；:：()。！？!?.])",
        r"(?P<silent>[…\"'‘’「」『』“”*·\-—–→~])",
        r"(?P<aside>\([\u4e00-\u9fff、]{1,3}\))",
    ]
    # An aside such as 县(区) comes before the marks, or its brackets would end the clause.
    parts.insert(-3, parts.pop())
    return re.compile("|".join(parts))


@cache
def _quantity_words() -> tuple[tuple[str, ...], tuple[str, ...], frozenset[str], frozenset[str]]:
    units = measures().units
    return (
        tuple(sorted(units.at_least_before, key=len, reverse=True)),
        tuple(sorted(units.about_before, key=len, reverse=True)),
        frozenset(units.at_least_after),
        frozenset(units.about_after),
    )


def _qualifier(text: str, start: int, marks: Iterable[str | None]) -> Qualifier:
    at_least_before, about_before, at_least_after, about_after = _quantity_words()
    found = {mark for mark in marks if mark}
    if found & (at_least_after | {"余", "多"}) or text.endswith(at_least_before, 0, start):
        return "at_least"
    if found & about_after or text.endswith(about_before, 0, start):
        return "about"
    return "exact"


def tokenize(passage: Passage, report_year: int | None) -> list[Token]:
    """All tokens of a passage; unknown text between them comes as one token each."""
    text = passage.text
    tokens: list[Token] = []
    at = 0
    for match in _scanner().finditer(text):
        start, end = match.span()
        if start == end:
            continue
        if start > at:
            tokens.append(Token("unknown", "_", at, start))
        token = _token(match, text, report_year)
        tokens.append(token)
        at = end
    if at < len(text):
        tokens.append(Token("unknown", "_", at, len(text)))
    return tokens


def _token(match: re.Match[str], text: str, year: int | None) -> Token:
    start, end = match.span()
    group = match.lastgroup
    if match["word"]:
        concept = concepts()[match["word"]]
        if concept in ("time_this", "time_other"):
            return Token("time", concept.removeprefix("time_"), start, end)
        return Token("neutral" if concept == NEUTRAL else "word", concept, start, end)
    if match["mark"]:
        return Token("mark", _mark(match["mark"]), start, end)
    if match["number"]:
        value = plain_number(match["digits"] + (match["decimals"] or ""), match["scale"] or "")
        value *= {"": 1, "万": 10_000, "亿": 100_000_000}[match["scale2"] or ""]
        unit, value = _unit(match, value, text)
        marks = (match["plus"], match["after"])
        return Token("number", "#", start, end, round(value, 6), unit, _qualifier(text, start, marks))
    if match["chinese"]:
        number = chinese_number(match["numeral"])
        if number is None:
            return Token("unknown", "_", start, end)
        marks = (match["cplus"], match["cafter"])
        return Token("number", "#", start, end, float(number), "count", _qualifier(text, start, marks))
    if match["percent"]:
        return Token("number", "#", start, end, float(match["rate"]), "percent", _qualifier(text, start, ()))
    if match["carry"]:
        return _carried(match, year)
    if match["date"]:
        return Token("time", _state(match, year), start, end)
    if match["months"]:
        ends = match["onemonth"] == "12" and (match["months"].startswith("截") or "31日" in match["months"])
        begins = match["onemonth"] == "1" and match["months"].endswith("1日")
        whole = (match["from"] == "1" and match["till"] == "12") or ends or begins
        return Token("time", "this" if whole else "other", start, end)
    if match["full"]:
        return Token("word", "close", start, end)
    if match["title"]:
        concept = concepts().get(match["quoted"] or "", NEUTRAL)
        return Token("neutral" if concept == NEUTRAL else "word", concept, start, end)
    if match["span"] or match["junk"]:
        return Token("number", "#", start, end, 0.0, "other")
    if match["silent"]:
        return Token("neutral", NEUTRAL, start, end)
    return Token("unknown", group or "_", start, end)


def _mark(char: str) -> str:
    if char in "。！？!?.":
        return "。"
    return {"；": ";", "，": ",", "：": ":"}.get(char, char)


def _unit(match: re.Match[str], value: float, text: str) -> tuple[str, float]:
    if match["money"]:
        return "money", value * measures().units.money[match["money"]]
    if match["count"]:
        return ("count", value) if value == int(value) else ("other", value)
    following = text[match.end() : match.end() + 1]
    alone = (
        not following or not ("\u4e00" <= following <= "\u9fff" or following.isalnum()) or following == "占"
    )
    return ("none" if alone and value == int(value) else "other"), value


def _carried(match: re.Match[str], year: int | None) -> Token:
    start, end = match.span()
    if match["to"]:
        fits = year is None or int(match["to"]) == year + 1
        return Token("word", "carried_out" if fits else "alien", start, end)
    fits = year is None or int(match["of"]) == year - 1
    return Token("word", "carried_in" if fits else "alien", start, end)


def _state(match: re.Match[str], year: int | None) -> str:
    digits = "〇一二三四五六七八九"
    named = match["year"] or "20" + "".join(
        str(digits.index("〇" if c in "○零" else c)) for c in (match["tens"], match["ones"])
    )
    if year is not None and int(named) != year:
        return "other"
    month, day = match["month"], match["day"]
    if month is None or (month, day) == ("1", "1"):
        return "this"
    ends = day == "31" or (
        day is None and (match["monthend"] in ("底", "末") or match["date"].startswith("截"))
    )
    return "this" if month == "12" and ends else "other"


# Frames as patterns over tokens: a letter for each concept, # for the number.


@cache
def _letters() -> dict[str, str]:
    names = sorted({*measures().words, *form_words()})
    return {name: chr(0xE000 + i) for i, name in enumerate(names)} | {CONJUNCTION: ",", "_": "_"}


def encode(tokens: Sequence[Token]) -> tuple[str, list[Token]]:
    """Tokens as letters, and the token of each letter. Neutral words and times are left out."""
    letters = _letters()
    out: list[str] = []
    kept: list[Token] = []
    for token in tokens:
        if token.kind == "number":
            letter = "#"
        elif token.kind == "word":
            letter = letters[token.name]
        elif token.kind == "unknown":
            letter = "_"
        else:
            continue
        if letter == "_" and out and out[-1] == "_":
            continue
        out.append(letter)
        kept.append(token)
    return "".join(out), kept


def _class(names: Iterable[str]) -> str:
    return "[" + "".join(_letters()[name] for name in names) + "]"


@cache
def frame_pattern(frame: str) -> re.Pattern[str]:
    """A frame compiled over the letters of ``encode``."""
    groups = measures().groups
    letters = _letters()
    barred = "".join(letters[name] for name in (*measures().verbs, "alien"))
    signs = {"#": "#", "^": r"\A_?,?", "_": "_?", "~": "[_,]*", "*": f"[^#{barred}]*"}
    out: list[str] = []
    for token in frame_tokens(frame):
        if token.sign:
            out.append(signs[token.sign])
            continue
        one = _class((*token.names, *(item for name in token.groups for item in groups[name].items)))
        joined = f"(?:{one}(?:[,{letters['includes']}]+{one})*)" if token.listed else one
        out.append(joined + token.times)
    return re.compile("".join(out))


@cache
def compiled(measure: Measure) -> tuple[re.Pattern[str], ...]:
    """The frames of a measure."""
    return tuple(frame_pattern(frame) for frame in measure.frames)


@cache
def compiled_zero(measure: Measure) -> tuple[re.Pattern[str], ...]:
    """The frames of what is said to be none."""
    return tuple(frame_pattern(frame) for frame in measure.zero)


@cache
def compiled_follow(follow: Follow) -> re.Pattern[str]:
    """The frame of a clause that says more of the figure before it."""
    return frame_pattern(follow.frame)
