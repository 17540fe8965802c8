"""Figures in cells: what is a number, what is none, and what must never be taken for one."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.cells.numbers import parse_value


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("16368(件)", 16368),
        ("12件", 12),
        ("22（其中修订16件）", 22),
        ("55（含自然失效 29 件）", 55),
        ("1,234", 1234),
        ("1，234", 1234),
        ("１２", 12),
        (" 0 ", 0),
        ("0\n", 0),
        ("12.0", 12),
        ("1\n0", 10),
        ("零", 0),
        ("5²", 5),
        ("5①", 5),
    ],
)
def test_counts(text: str, number: int) -> None:
    value = parse_value(text)
    assert (value.status, value.number) == ("reported", number)


@pytest.mark.parametrize("text", ["0 0", "00", "1,23", "1.5", "10/2", "2023年", "1-2", "3~5", "1,2345"])
def test_digits_that_make_no_one_count(text: str) -> None:
    assert parse_value(text).status == "illegible"


@pytest.mark.parametrize("text", ["约5", "大约1,200件", "5余件", "5件以上", "近12万", "＞3", "30多", "≈7"])
def test_about(text: str) -> None:
    assert parse_value(text).status == "illegible"


@pytest.mark.parametrize("text", ["/", "／", "—", "——", "-", "无", "不涉及", "N/A"])
def test_not_applicable(text: str) -> None:
    assert parse_value(text).status == "not_applicable"


@pytest.mark.parametrize("text", ["", " ", "\u3000", "\xa0", "\n"])
def test_blank(text: str) -> None:
    assert parse_value(text).status == "blank"


@pytest.mark.parametrize("text", ["规章", "3. 其他", "3.其他", "(七) 总计", "O"])
def test_words(text: str) -> None:
    assert parse_value(text).status == "text"


@pytest.mark.parametrize(
    ("text", "unit", "header", "number"),
    [
        ("251000元", "元", "", "251000"),
        ("1646.5万元", "元", "", "16465000"),
        ("211.509万", "元", "", "2115090"),
        ("477.35", "元", "万元", "4773500"),
        ("1012.922", "万元", "万元", "1012.922"),
        ("18.8710", "万元", "", "18.871"),
        ("3000元", "万元", "万元", "0.3"),
    ],
)
def test_amounts_are_in_the_column_s_unit(text: str, unit: str, header: str, number: str) -> None:
    assert parse_value(text, "amount", unit, header).number == Decimal(number)


@pytest.mark.parametrize(
    ("text", "number"), [("+43", 43), ("-1942", -1942), ("－5", -5), ("增加3", 3), ("减少3", -3)]
)
def test_changes_keep_their_sign(text: str, number: int) -> None:
    assert parse_value(text, "signed").number == number


def test_joined_digits_carry_a_doubt() -> None:
    assert parse_value("1 0").doubt
    assert parse_value("1 234").doubt
    assert not parse_value("10").doubt


@given(st.integers(0, 10**9))
def test_any_count_survives_its_spellings(number: int) -> None:
    full_width = "".join(chr(ord(c) + 0xFEE0) for c in str(number))
    for text in (str(number), f"{number:,}", f"{number}件", f" {number}\n", full_width):
        assert parse_value(text).number == number


@given(st.text(max_size=12))
def test_nothing_breaks_and_no_number_without_a_digit(text: str) -> None:
    value = parse_value(text, "amount", "元")
    if value.status == "reported" and value.number:
        assert any(c.isdigit() for c in text)
