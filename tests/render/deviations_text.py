"""Deviations of titles, headings and prose.

Here: what stands outside the tables. Not here: figures and tables (their own modules).
"""

from __future__ import annotations

import random
import re
from dataclasses import replace
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from pipeline.form import forms
from tests.render.deviation import deviation
from tests.render.formats import Format
from tests.render.layout import plain
from tests.render.report import Block, Report, Text, edit_texts, section_title

_NUMERALS = "一二三四五六七八九十"
_YEAR_DIGITS = "〇一二三四五六七八九"


@cache
def wordings() -> dict[str, Any]:
    """The wordings of wordings.yaml."""
    text = (Path(__file__).parent / "wordings.yaml").read_text(encoding="utf-8")
    loaded: dict[str, Any] = yaml.safe_load(text)
    return loaded


def _is_text(format: Format) -> bool:
    return format.family == "text"


def _title(report: Report, text: str) -> Report:
    changed = edit_texts(report, lambda t: replace(t, text=text) if t.kind == "title" else t)
    return replace(changed, page_title=text.replace("\n", ""))


def _contact(report: Report) -> Report:
    """A preface that names agency and year, for reports whose title does not."""
    words = (
        f"本报告所列数据的统计期限自{report.year}年1月1日起至{report.year}年12月31日止。"
        f"如有疑问，请联系{report.agency}（地址：示例路1号，电话：0000-7654321）。"
    )
    return edit_texts(report, lambda t: replace(t, text=words) if t.kind == "preface" else t)


def _year_in_preface(report: Report) -> Report:
    words = f"现公布{report.agency}{report.year}年度信息公开情况，数据截至{report.year}年12月31日。"
    return edit_texts(report, lambda t: replace(t, text=words) if t.kind == "preface" else t)


@deviation("title")
def title_spaced(report: Report, rng: random.Random) -> Report:
    """Spaces around the year."""
    return _title(report, f"{report.agency} {report.year} 年 政府信息公开工作年度报告")


@deviation("title")
def title_without_work(report: Report, rng: random.Random) -> Report:
    """政府信息公开年度报告, 政府信息公开年报 or 工作报告 in place of 工作年度报告."""
    tail = rng.choice(("政府信息公开年度报告", "政府信息公开年报", "政府信息公开工作报告"))
    return _title(report, f"{report.agency}{report.year}年{tail}")


@deviation("title")
def title_year_first(report: Report, rng: random.Random) -> Report:
    """The year before the agency."""
    mark = rng.choice(("年", "年度"))
    return _title(report, f"{report.year}{mark}{report.agency}政府信息公开工作年度报告")


@deviation("title")
def title_year_inside(report: Report, rng: random.Random) -> Report:
    """政府信息公开工作, then the year, then 年度报告."""
    return _title(report, f"{report.agency}政府信息公开工作{report.year}年度报告")


@deviation("title")
def title_double_degree(report: Report, rng: random.Random) -> Report:
    """2022年度 … 工作年度报告."""
    return _title(report, f"{report.agency}{report.year}年度政府信息公开工作年度报告")


@deviation("title")
def title_chinese_year(report: Report, rng: random.Random) -> Report:
    """二〇二一年 in place of 2021年, with either form of the zero."""
    year = "".join(_YEAR_DIGITS[int(digit)] for digit in str(report.year))
    if rng.random() < 0.5:
        year = year.replace("〇", "○")
    return _title(report, f"{report.agency}{year}年政府信息公开工作年度报告")


@deviation("title")
def title_without_nian(report: Report, rng: random.Random) -> Report:
    """年 left out after the year."""
    return _title(report, f"{report.agency}{report.year}政府信息公开工作年度报告")


@deviation("title", "preface")
def title_without_year(report: Report, rng: random.Random) -> Report:
    """No year in the title; it stands in the preface."""
    return _year_in_preface(_title(report, f"{report.agency}政府信息公开工作年度报告"))


@deviation("title", "preface")
def title_without_agency(report: Report, rng: random.Random) -> Report:
    """No agency in the title; it stands in the contact sentence."""
    return _contact(_title(report, f"{report.year}年政府信息公开工作年度报告"))


@deviation("title", "preface")
def title_absent(report: Report, rng: random.Random) -> Report:
    """No title at all; agency and year stand in the contact sentence."""
    report = _contact(_title(report, f"{report.year}年政府信息公开工作年度报告"))
    return edit_texts(report, lambda t: None if t.kind == "title" else t)


@deviation("title")
def title_split(report: Report, rng: random.Random) -> Report:
    """The title broken inside a word."""
    return _title(report, f"{report.agency}{report.year}年政府信息\n公开工作年度报告")


@deviation("title")
def title_two_lines(report: Report, rng: random.Random) -> Report:
    """The agency on one line, the year and the rest on the next."""
    return _title(report, f"{report.agency}\n{report.year}年政府信息公开工作年度报告")


@deviation("title")
def title_twice(report: Report, rng: random.Random) -> Report:
    """The title repeated, the second time without the agency."""
    again = Text(f"{report.year}年政府信息公开工作年度报告", "title")
    return replace(report, blocks=(report.blocks[0], again, *report.blocks[1:]))


@deviation("sections")
def section_wordings(report: Report, rng: random.Random) -> Report:
    """Other wordings of the section titles."""

    def change(text: Text) -> Text:
        if text.kind != "section" or text.code not in wordings()["sections"]:
            return text
        return replace(text, text=rng.choice(wordings()["sections"][text.code]))

    return edit_texts(report, change)


def _renumber(report: Report, by: int) -> Report:
    def change(text: Text) -> Text:
        if text.kind != "section" or text.text[0] not in _NUMERALS:
            return text
        at = _NUMERALS.index(text.text[0]) + by
        return replace(text, text=_NUMERALS[at] + text.text[1:])

    return edit_texts(report, change)


@deviation("sections")
def sections_shifted_up(report: Report, rng: random.Random) -> Report:
    """The first heading lost and the numbers after it one too low."""
    report = edit_texts(report, lambda t: None if t.kind == "section" and t.code == "overview" else t)
    return _renumber(report, -1)


@deviation("sections")
def sections_shifted_down(report: Report, rng: random.Random) -> Report:
    """A heading of their own before the first, so that all numbers are one too high."""
    report = _renumber(report, 1)
    at = section_title(report, "overview")
    extra = (Text("一、编制说明", "section"), Text("各项数据由各科室报送后汇总。", "paragraph"))
    return replace(report, blocks=(*report.blocks[:at], *extra, *report.blocks[at:]))


@deviation("sections")
def sections_arabic(report: Report, rng: random.Random) -> Report:
    """3、 in place of 三、, as Word's automatic numbers come out."""

    def change(text: Text) -> Text:
        if text.kind != "section" or text.code not in ("requests", "disputes"):
            return text
        return replace(text, text=f"{_NUMERALS.index(text.text[0]) + 1}、 {text.text[2:]}")

    return edit_texts(report, change)


@deviation("sections")
def sections_without_numbers(report: Report, rng: random.Random) -> Report:
    """Section titles without their numbers."""
    return edit_texts(report, lambda t: replace(t, text=t.text[2:]) if t.kind == "section" else t)


@deviation("sections")
def section_dirty(report: Report, rng: random.Random) -> Report:
    """A stray letter before the number of a section."""
    return edit_texts(report, lambda t: replace(t, text=f"l{t.text}") if t.code == "problems" else t)


@deviation("sections")
def section_split(report: Report, rng: random.Random) -> Report:
    """Section titles broken over two lines."""

    def change(text: Text) -> Text:
        if text.kind != "section" or text.code not in ("requests", "disputes"):
            return text
        at = len(text.text) * 2 // 3
        return replace(text, text=f"{text.text[:at]}\n{text.text[at:]}")

    return edit_texts(report, change)


@deviation("sections")
def topics_like_sections(report: Report, rng: random.Random) -> Report:
    """The topics of the first section numbered 一、二、三、 like sections, before the real ones."""
    labels = {s.label for s in forms()[report.form].sections}

    def change(text: Text) -> Text:
        found = re.match(r"（([一二三四五])）", text.text)
        if text.kind != "paragraph" or found is None:
            return text
        numbered = f"{found[1]}、{text.text[3:]}"
        assert numbered not in labels
        return replace(text, text=numbered)

    return edit_texts(report, change)


@deviation("sections", formats=_is_text)
def headings_markdown_mixed(report: Report, rng: random.Random) -> Report:
    """Markdown headings of levels that do not agree, one of them bold."""
    return replace(report, traits=report.traits | {"markdown_mixed"})


@deviation("prose")
def narrative_with_the_table(report: Report, rng: random.Random) -> Report:
    """Sentences with figures between the title of section three and its table."""
    received = report.figures["requests", "received", "total"]
    words = f"{report.year}年，本机关新收政府信息公开申请{plain(received)}件，具体见下表。"
    report = _after(report, "requests", Text(words, "paragraph"))
    statements = {**report.truth.statements, "requests.received": received}
    return replace(report, truth=replace(report.truth, statements=statements))


@deviation("prose")
def narrative_disagrees(report: Report, rng: random.Random) -> Report:
    """The text says another number of applications than the table."""
    wrong = report.figures["requests", "received", "total"] + rng.randint(1, 3)
    words = f"{report.year}年共收到政府信息公开申请{plain(wrong)}件。"
    report = edit_texts(
        report, lambda t: replace(t, text=f"（二）依申请公开。{words}") if "（二）" in t.text else t
    )
    truth = replace(report.truth, statements={"requests.received": Decimal(wrong)})
    return replace(report, truth=truth)


@deviation("prose")
def prose_with_other_figures(report: Report, rng: random.Random) -> Report:
    """Budgets, staff and areas in the text, which are no figures of the form."""
    words = (
        "（六）其他工作。全年完成道路养护36.5公里，支出预算942.76万元，新聘人员18名，"
        "接听咨询电话1,204次，制作展板12块。"
    )
    at = section_title(report, "disclosure")
    return replace(report, blocks=(*report.blocks[:at], Text(words, "paragraph"), *report.blocks[at:]))


@deviation("prose")
def instruction_left_in(report: Report, rng: random.Random) -> Report:
    """A line of the form's own instruction left standing before a table."""
    return _after(report, "disclosure", Text("（该部分以表格形式报告，见下表）", "paragraph"))


@deviation("notes")
def footnote(report: Report, rng: random.Random) -> Report:
    """A note with a figure under a table."""
    note = Text("注：1.上表案件数含上年转入的2件；2.诉讼按结案时间统计。", "note")
    blocks: list[Block] = []
    for block in report.blocks:
        blocks.append(block)
        if not isinstance(block, Text) and block.code == "disputes":
            blocks.append(note)
    return replace(report, blocks=tuple(blocks))


@deviation("sign")
def signature(report: Report, rng: random.Random) -> Report:
    """The agency and the date of the next year at the end."""
    end = (Text(report.agency, "sign"), Text(f"{report.year + 1}年1月{rng.randint(8, 31)}日", "sign"))
    return replace(report, blocks=(*report.blocks, *end))


@deviation("preface", formats=lambda f: f.family in ("text", "pdf"))
def letter_spaced(report: Report, rng: random.Random) -> Report:
    """A justified line whose characters stand apart."""
    extra = Text(" ".join("本报告可在政务公开专栏查阅下载。"), "paragraph")
    at = section_title(report, "overview")
    return replace(report, blocks=(*report.blocks[:at], extra, *report.blocks[at:]))


def _after(report: Report, section: str, text: Text) -> Report:
    at = section_title(report, section) + 1
    return replace(report, blocks=(*report.blocks[:at], text, *report.blocks[at:]))
