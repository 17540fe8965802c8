"""The codebook as pages: Markdown in English and in Chinese, one HTML page in both.

Here: their layout. Not here: what they say (codebook.py, cautions.yaml).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Literal

import duckdb
from jinja2 import Environment, FileSystemLoader, select_autoescape

from pipeline.files import write_whole
from pipeline.form.model import forms
from pipeline.publish.codebook import Entry, entries, prepare

Language = Literal["en", "zh"]
_HERE = Path(__file__).parent


@dataclass(frozen=True, slots=True)
class Part:
    """A heading with its words and its table; ``depth`` 2 is a chapter."""

    depth: int
    title: str
    words: tuple[str, ...] = ()
    head: tuple[str, ...] = ()
    rows: tuple[tuple[str, ...], ...] = ()

    @property
    def anchor(self) -> str:
        """What a link within the page leads to."""
        return self.title.lower().replace(" ", "-")


# Words of the pages themselves: English, Chinese.
_WORDS: dict[str, tuple[str, str]] = {
    "title": ("Codebook", "编码本"),
    "intro": (
        "Every table, column, code and macro of gongkai.duckdb, made from the form and the schemas by "
        "`gongkai codebook`. The same stands in the file itself: table `codebook`, and comments on tables, "
        "columns and macros.",
        "gongkai.duckdb 的全部表、列、代码和宏，由格式定义和表结构经 `gongkai codebook` 生成。数据库内 "
        "`codebook` 表及各表、列、宏的注释与此相同。",
    ),
    "forms": ("Versions of the form", "格式版本"),
    "version": ("version", "版本"),
    "notice": ("notice", "文件"),
    "comparability": ("What the versions share, and what breaks", "各版可比性"),
    "table": ("table", "表"),
    "cautions": ("Cautions", "注意事项"),
    "caution": ("caution", "注意事项"),
    "code": ("code", "代码"),
    "meaning": ("meaning", "含义"),
    "attached": ("tables", "适用的表"),
    "null_reasons": ("Why a figure is absent", "数字为空的原因"),
    "dimensions": ("Dimensions", "维度表"),
    "facts": ("Facts", "事实表"),
    "marts": ("Marts", "分析表"),
    "others": ("Findings, readings and the build", "核验、读取与构建"),
    "column": ("column", "列"),
    "type": ("type", "类型"),
    "macros": ("Macros", "宏"),
    "parameters": ("parameters", "参数"),
    "columns_of": ("columns of its answer", "结果的列"),
    "codes": ("Codes", "代码表"),
    "forms_printing": ("forms", "格式版本"),
    "cells": ("Cells of the form, with units and clauses", "表格单元、单位与条款"),
    "cell": ("cell", "单元格"),
    "unit": ("unit", "单位"),
    "clause": ("clause", "条款"),
    "identities": ("Identities (勾稽关系)", "勾稽关系"),
    "says": ("identity", "关系式"),
}


def write(folder: Path) -> tuple[Path, ...]:
    """Write codebook.md, codebook.zh.md and codebook.html; the files written.

    Raises:
        OSError: the folder cannot be written.
    """
    folder.mkdir(parents=True, exist_ok=True)
    written = []
    for name, text in pages().items():
        write_whole(folder / name, text)
        written.append(folder / name)
    return tuple(written)


def pages() -> dict[str, str]:
    """The pages by file name."""
    found = _entries()
    return {
        "codebook.md": _markdown(found, "en"),
        "codebook.zh.md": _markdown(found, "zh"),
        "codebook.html": _html(found),
    }


@cache
def _entries() -> tuple[Entry, ...]:
    with duckdb.connect() as connection:
        prepare(connection)
        return tuple(entries(connection))


def _markdown(found: Sequence[Entry], language: Language) -> str:
    other = "[中文](codebook.zh.md)" if language == "en" else "[English](codebook.md)"
    lines = [f"# {_word('title', language)}", "", other, "", _word("intro", language), ""]
    for part in _parts(found, language):
        lines += ["#" * part.depth + " " + part.title, ""]
        lines += [line for words in part.words for line in (words, "")]
        if part.rows:
            lines.append(_row(part.head))
            lines.append("|" + "---|" * len(part.head))
            lines += [_row(row) for row in part.rows]
            lines.append("")
    return "\n".join(lines).rstrip() + "\n"


def _row(cells: Sequence[str]) -> str:
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"


def _html(found: Sequence[Entry]) -> str:
    environment = Environment(loader=FileSystemLoader(_HERE), autoescape=select_autoescape(default=True))
    return (
        environment.get_template("codebook.html.j2").render(
            languages=[
                (language, _word("title", language), _word("intro", language), list(_parts(found, language)))
                for language in ("en", "zh")
            ]
        )
        + "\n"
    )


def _word(name: str, language: Language) -> str:
    return _WORDS[name][0 if language == "en" else 1]


def _heads(language: Language, *names: str) -> tuple[str, ...]:
    return tuple(_word(name, language) for name in names)


def _parts(found: Sequence[Entry], language: Language) -> Iterator[Part]:
    def said(entry: Entry) -> str:
        text = entry.en if language == "en" else entry.zh
        return text or entry.zh

    def of(kind: str) -> list[Entry]:
        return [entry for entry in found if entry.kind == kind]

    def word(name: str) -> str:
        return _word(name, language)

    yield Part(
        2,
        word("forms"),
        head=_heads(language, "version", "notice"),
        rows=tuple((entry.code, entry.clause) for entry in of("form")),
    )
    comparable = [entry for entry in of("table") if entry.comparability_en]
    yield Part(
        3,
        word("comparability"),
        head=_heads(language, "table", "meaning"),
        rows=tuple(
            (f"`{e.table_name}`", e.comparability_en if language == "en" else e.comparability_zh)
            for e in comparable
        ),
    )
    attached: dict[str, list[str]] = {}
    for entry in (*of("table"), *of("macro")):
        for code in filter(None, entry.cautions.split(", ")):
            attached.setdefault(code, []).append(f"`{entry.table_name}`")
    yield Part(
        2,
        word("cautions"),
        head=_heads(language, "code", "meaning", "attached"),
        rows=tuple((f"`{e.code}`", said(e), " ".join(attached.get(e.code, []))) for e in of("caution")),
    )
    yield Part(
        2,
        word("null_reasons"),
        head=_heads(language, "code", "meaning"),
        rows=tuple((f"`{e.code}`", said(e)) for e in of("null_reason")),
    )
    chapters = {"dimensions": ("dim_",), "facts": ("fact_",), "marts": ("mart_",), "others": ("",)}
    named: set[str] = set()
    for chapter, beginnings in chapters.items():
        yield Part(2, word(chapter))
        for table in of("table"):
            if table.table_name in named or not table.table_name.startswith(beginnings):
                continue
            named.add(table.table_name)
            yield _table_part(found, table, language, said(table))
    yield Part(2, word("macros"))
    for macro in of("macro"):
        words = f"`{macro.table_name}({macro.data_type})`"
        yield _table_part(found, macro, language, f"{words} · {said(macro)}")
    yield Part(2, word("codes"))
    columns = dict.fromkeys((e.table_name, e.column_name) for e in of("code"))
    for table_name, column in columns:
        codes = [e for e in of("code") if (e.table_name, e.column_name) == (table_name, column)]
        yield Part(
            3,
            column,
            head=_heads(language, "code", "meaning", "forms_printing"),
            rows=tuple((f"`{e.code}`", said(e), e.form_versions) for e in codes),
        )
    yield Part(2, word("cells"))
    for facts in dict.fromkeys(e.table_name for e in of("cell")):
        yield Part(
            3,
            f"{facts} · {word('cell')}",
            head=_heads(language, "cell", "meaning", "unit", "clause", "forms_printing"),
            rows=tuple(
                (f"`{e.code}`", said(e), e.unit, e.clause, e.form_versions)
                for e in of("cell")
                if e.table_name == facts
            ),
        )
    yield Part(
        2,
        word("identities"),
        head=_heads(language, "code", "clause", "says", "forms_printing"),
        rows=tuple(
            (f"`{code}`", clause, f"`{says}`", versions)
            for code, clause, says, versions in _identities(found)
        ),
    )


def _identities(found: Sequence[Entry]) -> list[tuple[str, str, str, str]]:
    """Each identity once, with the versions of the form that print it."""
    versions: dict[tuple[str, str, str], list[str]] = {}
    for entry in found:
        if entry.kind == "identity":
            versions.setdefault((entry.code, entry.zh, entry.en), []).append(entry.form_versions)
    order = list(forms())
    return [(*key, ", ".join(sorted(value, key=order.index))) for key, value in versions.items()]


def _table_part(found: Sequence[Entry], table: Entry, language: Language, says: str) -> Part:
    words = [says]
    if table.cautions:
        codes = ", ".join(f"`{code}`" for code in table.cautions.split(", "))
        words.append(f"{_word('caution', language)}: {codes}")
    columns = [e for e in found if e.kind == "column" and e.table_name == table.table_name]
    return Part(
        3,
        table.table_name,
        tuple(words),
        _heads(language, "column", "type", "meaning"),
        tuple(
            (f"`{e.column_name}`", e.data_type.lower(), e.en if language == "en" else e.zh) for e in columns
        ),
    )
