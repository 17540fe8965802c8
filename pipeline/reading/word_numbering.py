"""The numbers that Word puts before paragraphs: they stand in no text and are counted here.

Here: numbering.xml and the styles that lead to it, counters and restarts, number formats.
Not here: which paragraphs there are (word).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from lxml import etree

W = "{http://schemas.openxmlformats.org/wordprocessingml/2006/main}"
LEVELS = 9

_DIGITS = "〇一二三四五六七八九"
_LEGAL = "零壹贰叁肆伍陆柒捌玖"
_STEMS = "甲乙丙丁戊己庚辛壬癸"
_BRANCHES = "子丑寅卯辰巳午未申酉戌亥"


@dataclass(frozen=True, slots=True)
class Level:
    """One level of a list: how its number looks and where it starts."""

    start: int = 1
    format: str = "decimal"
    text: str = ""
    suffix: str = "tab"
    style: str | None = None
    restart: int | None = None
    legal: bool = False


@dataclass(frozen=True, slots=True)
class List:
    """A w:num: its abstract list, levels after overrides, and the starts that its overrides give."""

    abstract: str
    levels: dict[int, Level]
    starts: dict[int, int]


@dataclass(slots=True)
class Numbering:
    """The lists of a document and how far each has been counted, paragraph by paragraph."""

    lists: dict[str, List]
    _counters: dict[str, list[int | None]] = field(default_factory=dict)
    _started: set[tuple[str, int]] = field(default_factory=set)

    def style_level(self, list_id: str, style: str | None) -> int | None:
        """The level that a list ties to a paragraph style."""
        found = self.lists.get(list_id)
        if found is None or style is None:
            return None
        return next((at for at, level in found.levels.items() if level.style == style), None)

    def next(self, list_id: str, at: int) -> str:
        """Count a paragraph and give the number printed before it, with the blank that follows it."""
        found = self.lists.get(list_id)
        if found is None or not 0 <= at < LEVELS:
            return ""
        counters = self._counters.setdefault(found.abstract, [None] * LEVELS)
        level = found.levels.get(at, Level())
        if at in found.starts and (list_id, at) not in self._started:
            counters[at] = found.starts[at]
        else:
            before = counters[at]
            counters[at] = level.start if before is None else before + 1
        self._started.add((list_id, at))
        for deeper in range(at + 1, LEVELS):
            restart = found.levels.get(deeper, Level()).restart
            # Without w:lvlRestart any higher level starts a level anew; 0 means never.
            if restart is None or at < restart:
                counters[deeper] = None
        return self._printed(found, at, level, counters)

    def _printed(self, found: List, at: int, level: Level, counters: list[int | None]) -> str:
        if level.format in ("bullet", "none") and "%" not in level.text:
            return "" if level.format == "bullet" else level.text
        if level.format == "bullet":
            return ""
        text = level.text
        for upper in range(at + 1):
            own = found.levels.get(upper, Level())
            number = counters[upper]
            shown = "decimal" if level.legal else own.format
            text = text.replace(f"%{upper + 1}", formatted(own.start if number is None else number, shown))
        if not text or level.suffix == "nothing" or text[-1] in "、。．）〕】：":
            return text
        return text + " "


def read_numbering(root: etree._Element | None, styles: etree._Element | None) -> Numbering:
    """The lists of numbering.xml; styles.xml is needed where a list refers to a numbering style."""
    if root is None:
        return Numbering({})
    abstracts = {_value(a, "abstractNumId", attribute=True): a for a in root.findall(f"{W}abstractNum")}
    nums = {_value(n, "numId", attribute=True): n for n in root.findall(f"{W}num")}
    lists: dict[str, List] = {}
    for list_id, num in nums.items():
        abstract_id = _linked(_value(num, "abstractNumId"), abstracts, nums, styles)
        abstract = abstracts.get(abstract_id)
        levels = {} if abstract is None else _levels(abstract)
        starts: dict[int, int] = {}
        for override in num.findall(f"{W}lvlOverride"):
            at = _int(override.get(f"{W}ilvl"), 0)
            own = override.find(f"{W}lvl")
            if own is not None:
                levels[at] = _level(own)
                starts[at] = levels[at].start
            start = override.find(f"{W}startOverride")
            if start is not None:
                starts[at] = _int(start.get(f"{W}val"), 1)
        lists[list_id] = List(abstract_id, levels, starts)
    return Numbering(lists)


def _linked(
    abstract_id: str,
    abstracts: dict[str, etree._Element],
    nums: dict[str, etree._Element],
    styles: etree._Element | None,
) -> str:
    """The abstract list that one without levels stands for, by way of its numbering style."""
    for _ in range(5):
        abstract = abstracts.get(abstract_id)
        link = None if abstract is None else abstract.find(f"{W}numStyleLink")
        if link is None or styles is None:
            return abstract_id
        wanted = link.get(f"{W}val")
        for style in styles.findall(f"{W}style"):
            if style.get(f"{W}styleId") == wanted:
                target = style.find(f"{W}pPr/{W}numPr/{W}numId")
                num = None if target is None else nums.get(target.get(f"{W}val", ""))
                if num is not None:
                    abstract_id = _value(num, "abstractNumId")
                break
        else:
            return abstract_id
    return abstract_id


def _levels(abstract: etree._Element) -> dict[int, Level]:
    return {_int(lvl.get(f"{W}ilvl"), 0): _level(lvl) for lvl in abstract.findall(f"{W}lvl")}


def _level(lvl: etree._Element) -> Level:
    # A custom format stands in a choice; the plain one beside it is what older programs print.
    formats = [f.get(f"{W}val", "decimal") for f in lvl.iter(f"{W}numFmt")]
    plain = next((f for f in reversed(formats) if f != "custom"), "decimal")
    restart = lvl.find(f"{W}lvlRestart")
    legal = lvl.find(f"{W}isLgl")
    return Level(
        start=_int(_value(lvl, "start", "1"), 1),
        format=plain,
        text=_value(lvl, "lvlText"),
        suffix=_value(lvl, "suff", "tab"),
        style=_value(lvl, "pStyle") or None,
        restart=None if restart is None else _int(restart.get(f"{W}val"), 0),
        legal=legal is not None and legal.get(f"{W}val", "1") not in ("0", "false", "off"),
    )


def _value(element: etree._Element, name: str, default: str = "", attribute: bool = False) -> str:
    if attribute:
        return str(element.get(f"{W}{name}", default))
    child = element.find(f"{W}{name}")
    return default if child is None else str(child.get(f"{W}val", default))


def _int(text: str | None, default: int) -> int:
    try:
        return int(text or default)
    except ValueError:
        return default


def chinese(
    number: int, digits: str = _DIGITS, tens: str = "十", hundreds: str = "百", thousands: str = "千"
) -> str:
    """A number in Chinese with its powers: 一百零二, 十二, 二十."""
    if not 0 < number < 10_000:
        return digits[0] if number == 0 else str(number)
    text, gap = "", False
    for power, mark in ((1000, thousands), (100, hundreds), (10, tens), (1, "")):
        digit = number // power % 10
        if digit:
            text += ("零" if gap and text else "") + digits[digit] + mark
            gap = False
        else:
            gap = bool(text)
    return text[1:] if digits is _DIGITS and text.startswith("一十") else text


def _digitwise(number: int) -> str:
    return "".join(_DIGITS[int(d)] for d in str(number))


def _roman(number: int) -> str:
    if not 0 < number < 4000:
        return str(number)
    text = ""
    for value, mark in zip(
        (1000, 900, 500, 400, 100, 90, 50, 40, 10, 9, 5, 4, 1),
        ("M", "CM", "D", "CD", "C", "XC", "L", "XL", "X", "IX", "V", "IV", "I"),
        strict=True,
    ):
        text += mark * (number // value)
        number %= value
    return text


def _letter(number: int) -> str:
    return chr(ord("A") + (number - 1) % 26) * ((number - 1) // 26 + 1) if number > 0 else str(number)


def _circled(number: int) -> str:
    for low, high, first in ((1, 20, "①"), (21, 35, "㉑"), (36, 50, "㊱")):
        if low <= number <= high:
            return chr(ord(first) + number - low)
    return str(number)


def _from(first: str, most: int) -> Callable[[int], str]:
    """Characters that follow one another in Unicode: ⑴ ⑵ ⑶."""
    return lambda number: chr(ord(first) + number - 1) if 1 <= number <= most else str(number)


def _wide(number: int) -> str:
    return str(number).translate(str.maketrans("0123456789", "０１２３４５６７８９"))


_FORMATS: dict[str, Callable[[int], str]] = {
    "decimal": str,
    "decimalHalfWidth": str,
    "decimalZero": lambda n: f"{n:02d}",
    "decimalFullWidth": _wide,
    "decimalFullWidth2": _wide,
    "decimalEnclosedCircle": _circled,
    "decimalEnclosedCircleChinese": _circled,
    "decimalEnclosedFullstop": _from("⒈", 20),
    "decimalEnclosedParen": _from("⑴", 20),
    "upperRoman": _roman,
    "lowerRoman": lambda n: _roman(n).lower(),
    "upperLetter": _letter,
    "lowerLetter": lambda n: _letter(n).lower(),
    "numberInDash": lambda n: f"- {n} -",
    "chineseCounting": lambda n: chinese(n) if n < 100 else _digitwise(n),
    "chineseCountingThousand": chinese,
    "japaneseCounting": chinese,
    "taiwaneseCounting": lambda n: chinese(n) if n < 100 else _digitwise(n),
    "taiwaneseCountingThousand": chinese,
    "chineseLegalSimplified": lambda n: chinese(n, _LEGAL, "拾", "佰", "仟"),
    "ideographLegalTraditional": lambda n: chinese(n, "零壹貳參肆伍陸柒捌玖", "拾", "佰", "仟"),
    "japaneseDigitalTenThousand": _digitwise,
    "taiwaneseDigital": _digitwise,
    "ideographDigital": _digitwise,
    "ideographEnclosedCircle": _from("㊀", 10),
    "ideographTraditional": lambda n: _STEMS[(n - 1) % 10] if n > 0 else str(n),
    "ideographZodiac": lambda n: _BRANCHES[(n - 1) % 12] if n > 0 else str(n),
    "none": lambda n: "",
}


def formatted(number: int, name: str) -> str:
    """A number in one of Word's formats (ST_NumberFormat); unknown ones as plain digits."""
    return _FORMATS.get(name, str)(number)
