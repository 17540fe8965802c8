"""The figure that a cell prints.

Here: from the text of one cell to a number in the cell's unit, or why there is none.
Not here: which cell of the form it is (tables), or whether the figures agree (identities).
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from decimal import Decimal
from functools import cache, lru_cache
from typing import Literal

from pipeline.form.folding import fold
from pipeline.form.lookups import lookups
from pipeline.form.model import NumberKind

UNREAD = "\ufffd"
"""What a reader gives for a character that is there and cannot be told; recognition gives a ``?``."""

ValueStatus = Literal["reported", "blank", "not_applicable", "illegible", "text"]

_NUMBER = re.compile(r"(?P<sign>[+\-−]?)(?P<digits>\d{1,3}(?:,\d{3})+|\d+)(?P<decimals>\.\d+)?")
_MARKS = "*※†‡☆★△▲"
"""Marks of footnotes that stand before or behind a figure."""
_SPACE_IN_NUMBER = re.compile(r"(?<=[\d,.])\s+(?=[\d,.])")


@dataclass(frozen=True, slots=True)
class Value:
    """A cell's figure in the cell's unit; ``status`` is ``text`` where the cell holds words, not a figure.

    ``doubt`` says why a figure, though read, wants the identities' word (e.g. joined digits).
    """

    status: ValueStatus
    number: Decimal | None = None
    doubt: str = ""


@cache
def _tokens() -> tuple[frozenset[str], frozenset[str], frozenset[str]]:
    values = lookups().values
    return (
        frozenset(fold(t).strip() for t in values.blank),
        frozenset(_bare(t) for t in values.not_applicable),
        frozenset(_bare(t) for t in values.zero),
    )


@cache
def _unit_pattern() -> re.Pattern[str]:
    units = sorted(lookups().values.units, key=len, reverse=True)
    return re.compile(rf"^\(?(?P<unit>{'|'.join(map(re.escape, units))})\)?")


@cache
def _about_pattern() -> re.Pattern[str]:
    """A figure that is said to be none exactly (约30件, 5件以上), and nothing else."""
    values = lookups().values
    before, after, units = (
        "|".join(map(re.escape, sorted(map(fold, words), key=len, reverse=True)))
        for words in (values.about, values.or_so, values.units)
    )
    figure = rf"\d[\d,.]*(?:{units})?"
    return re.compile(rf"(?:{before}){figure}(?:{after})?(?:{units})?|{figure}(?:{after})(?:{units})?")


def _bare(text: str) -> str:
    return re.sub(r"\s+", "", fold(text))


def _without_marks(text: str) -> str:
    """Drop footnote marks (superscripts, circled digits) that width folding would turn into digits."""
    return "".join(
        c for c in text if not unicodedata.decomposition(c).startswith(("<super>", "<sub>", "<circle>"))
    )


@lru_cache(maxsize=65536)
def parse_value(
    text: str, kind: NumberKind = "count", unit: str | None = None, header_unit: str = ""
) -> Value:
    """Read the figure of a cell.

    Args:
        text: the cell's text as the file has it.
        kind: what the form expects there (count, amount, signed).
        unit: the unit of the warehouse column (``元``, ``万元``, else a plain count).
        header_unit: a money unit that the report's own header prints (``采购总金额(万元)``).
    Returns:
        The figure converted to ``unit``; ``illegible`` for digits that make no one number.
    """
    marked = _without_marks(text)
    plain = fold(marked).strip()
    blank, not_applicable, zero = _tokens()
    bare = re.sub(r"\s+", "", plain)
    if bare in blank:
        return Value("blank") if not text.strip() or marked == text else Value("illegible")
    if bare in not_applicable:
        return Value("not_applicable")
    if bare in zero:
        return Value("reported", Decimal(0))
    if re.fullmatch(rf"[{UNREAD}?\d.,]*[{UNREAD}?][{UNREAD}?\d.,]*", bare):
        return Value("illegible")
    if not any(c.isdigit() for c in bare):
        return Value("text")
    return _figure(plain, kind, unit, header_unit)


def _figure(plain: str, kind: NumberKind, unit: str | None, header_unit: str) -> Value:
    values = lookups().values
    doubt = ""
    plain = plain.strip(_MARKS).strip()
    joined = _SPACE_IN_NUMBER.sub("", plain)
    if joined != plain:
        groups = re.split(r"\s+", re.sub(r"[^\d\s]", "", plain).strip())
        if not all(len(g) == 3 for g in groups[1:]):
            doubt = "digits stood apart"
        else:
            doubt = "spaces for thousands"
    bare = re.sub(r"\s+", "", joined)
    sign = 1
    for words, factor in ((values.rise, 1), (values.fall, -1)):
        for word in words:
            if kind == "signed" and bare.startswith(word):
                bare, sign = bare[len(word) :], factor
    if _about_pattern().fullmatch(bare):
        return Value("illegible")
    match = _NUMBER.match(bare)
    if match is None:
        return Value("text") if not bare[:1].isdigit() else Value("illegible")
    digits = match["digits"].replace(",", "")
    if len(digits) > 1 and digits[0] == "0":
        return Value("illegible")
    number = Decimal(digits + (match["decimals"] or "")) * sign
    if match["sign"] in ("-", "−"):
        number = -number
    rest = bare[match.end() :].strip("。.;；,，、")
    money = header_unit
    found = _unit_pattern().match(rest)
    if found is not None:
        if found["unit"] in values.money and unit in values.money:
            money = found["unit"]
        elif kind != "amount" and found["unit"] in values.myriads:
            number, doubt = number * values.myriads[found["unit"]], f"rounded to {found['unit']}"
        elif kind != "amount" and found["unit"] in values.money:
            return Value("illegible")
        rest = rest[found.end() :]
        counted = _unit_pattern().match(rest) if doubt.startswith("rounded") else None
        rest = rest[counted.end() :] if counted is not None else rest
    if re.fullmatch(r"\(\d+\)", rest):
        doubt = doubt or "another figure stands in brackets behind"
    if rest and not _is_remark(rest):
        # Words behind a digit are a numbered label (3.其他); anything else is not one figure.
        return Value("text") if re.search(r"[\u4e00-\u9fff]{2,}", rest) else Value("illegible")
    if unit in values.money and money and money != unit:
        number = number * values.money[money] / values.money[unit]
    if kind != "amount" and number != number.to_integral_value():
        return Value("illegible")
    return Value("reported", number.normalize() if number else Decimal(0), doubt)


def _is_remark(rest: str) -> bool:
    """A remark in brackets behind a figure, as in 22（其中修订16件）."""
    return bool(re.fullmatch(r"\([^()]*\)", rest))


def is_value(text: str) -> bool:
    """Whether a cell's text is a figure, a blank or a not-applicable mark rather than words."""
    return parse_value(text, "amount").status != "text"


def is_figure(text: str) -> bool:
    """Whether a cell's text is a figure."""
    return (
        parse_value(text, "signed").status == "reported" or parse_value(text, "amount").status == "reported"
    )
