"""The sample reports that ship in data/raw: ``python -m tests.render.make_samples`` writes them anew.

Here: which files there are. The figures of five real reports come from seed_figures.json, under their
agencies' names and with a narrative of our own; every other agency is invented (示例…). Nothing else
may stand in data/raw: whatever lies there is taken for a report.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, replace
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Any

from pipeline.form import forms
from tests.render.cases import REGISTERED
from tests.render.deviation import apply
from tests.render.figures import Figures, Key, following, make_figures
from tests.render.formats import FORMATS, render, truth_of
from tests.render.report import Report, Text, build, edit_texts, section_title
from tests.render.truth import Expected

ROOT = Path(__file__).parents[2]
RAW = ROOT / "data" / "raw"
assert REGISTERED


@dataclass(frozen=True)
class Sample:
    """One file of data/raw: where it stands and what it is."""

    path: str
    format: str
    report: Report

    @property
    def expected(self) -> Expected:
        """What a reader must find in the file."""
        return truth_of(self.report, FORMATS[self.format])


@cache
def _seeds() -> dict[str, dict[str, Any]]:
    text = (Path(__file__).parent / "seed_figures.json").read_text(encoding="utf-8")
    loaded: dict[str, dict[str, Any]] = json.loads(text)
    return loaded


def _seed(name: str, deviations: tuple[str, ...], title: str | None = None) -> Report:
    """A report with the figures of a real one; tables that it lacks are laid out and then taken away."""
    seed = _seeds()[name]
    values: dict[Key, Decimal] = {}
    for table in forms()["2021"].tables:
        printed = seed["tables"].get(table.code, {})
        for cell in table.cells:
            figure = printed.get(f"{cell.row}.{cell.column}", "0")
            values[table.code, cell.row, cell.column] = Decimal(figure)
    figures = Figures("2021", values)
    agency, year = seed["agency"], seed["report_year"]
    report = build(agency, year, figures, int(name), title=title, region="哈尔滨市")
    return apply(report, deviations, int(name))


def _office_without_tables() -> Report:
    """The report whose only figures stand in its text."""
    report = _seed("003", ("tables_missing", "title_split"))
    stated: dict[str, int] = _seeds()["003"]["narrative"]
    n = {measure.split(".")[1]: figure for measure, figure in stated.items()}
    asked = (
        f"（二）依申请公开。{report.year}年收到政府信息公开申请 {n['received']} 件："
        f"予以公开 {n['granted']} 件，"
        f"部分公开 {n['granted_in_part']} 件，不予公开 {n['refused']} 件，无法提供 {n['unavailable']} 件，"
        f"不予处理 {n['declined']} 件，其他处理 {n['other']} 件，另有 {n['carried_out']} 件结转下年度。"
    )
    issued = stated["disclosure.normative_documents.issued"]
    words = f"{report.year}年制发规范性文件 {issued} 件，均已上网。各项数据见所附统计表。"
    report = edit_texts(report, lambda t: replace(t, text=asked) if "（二）" in t.text else t)
    at = section_title(report, "disclosure") + 1
    blocks = (*report.blocks[:at], Text(words, "paragraph"), *report.blocks[at:])
    statements = {measure: Decimal(figure) for measure, figure in stated.items()}
    return replace(report, blocks=blocks, truth=replace(report.truth, statements=statements))


def samples() -> Iterator[Sample]:
    """All samples, in the order of their paths."""
    yield Sample(
        "harbin/acheng_2023.txt",
        "txt_word",
        _seed(
            "001",
            ("sections_arabic", "label_vertical", "disputes_spacer_rows"),
            "阿城区2023年政府信息公开\n工作年度报告",
        ),
    )
    yield Sample(
        "harbin/nangang_2023.txt",
        "txt_tab",
        _seed(
            "000",
            (
                "title_spaced",
                "headings_markdown_mixed",
                "label_half_width",
                "lost_zero_column",
                "disputes_header_only",
            ),
        ),
    )
    yield Sample(
        "harbin/nangang_industry_bureau_2022.txt",
        "txt_tab",
        _seed("004", ("packed_left", "label_half_width")),
    )
    yield Sample("harbin/nangang_office_2021.txt", "txt_tab", _office_without_tables())
    yield Sample(
        "harbin/wanggang_2021.md",
        "md_tab",
        _seed("002", ("title_spaced", "label_truncated", "lost_zero_column")),
    )
    yield from _invented()


def _invented() -> Iterator[Sample]:
    city, bureau, town = "示例市人民政府", "示例市教育局", "示例市云山区样本镇人民政府"
    first = make_figures(11, "2021", "large")
    second = following(first, 12, "large")
    third = following(second, 13, "large")
    # Three years of one agency, each in another kind of file: what is carried over follows on.
    yield Sample("samples/bureau_2021.docx", "docx", build(bureau, 2021, first, 11, region="示例省"))
    yield Sample(
        "samples/bureau_2022.pdf",
        "pdf_rects",
        apply(build(bureau, 2022, second, 12, region="示例省"), ("header_repeated_on_pages",), 12),
    )
    yield Sample(
        "samples/bureau_2023.html",
        "html_page",
        apply(build(bureau, 2023, third, 13, region="示例省"), ("title_absent", "signature"), 13),
    )
    yield Sample(
        "samples/city_2020.html",
        "html_gb18030",
        apply(
            build(city, 2020, make_figures(21, "2019", "huge"), 21, region="示例省"),
            ("thousands_separators", "section_wordings", "extra_row_other_documents"),
            21,
        ),
    )
    yield Sample(
        "samples/city_2024.pdf",
        "pdf_lines",
        apply(
            build(city, 2024, make_figures(22, "2021", "huge"), 22, region="示例省"),
            ("page_break_in_label",),
            22,
        ),
    )
    yield Sample(
        "samples/county_health_2019.md",
        "md_pipe",
        apply(
            build("示例县卫生健康局", 2019, make_figures(31, "2019", "small"), 31, region="示例省"),
            ("procurement_in_wan", "title_year_first"),
            31,
        ),
    )
    yield Sample(
        "samples/county_water_2023.docx",
        "docx",
        apply(
            build("示例县水利局", 2023, make_figures(32, "2021", "small"), 32, region="示例省"),
            ("violation_outcome_total",),
            32,
        ),
    )
    yield Sample(
        "samples/market_bureau_2023.html",
        "html_word",
        apply(
            build("示例市市场监督管理局", 2023, make_figures(33, "2021", "large"), 33, region="示例省"),
            ("one_row_other", "unit_in_cell", "label_broken"),
            33,
        ),
    )
    yield Sample(
        "samples/street_2022.html",
        "html",
        apply(
            build("示例市云山区样本街道办事处", 2022, make_figures(34, "2021", "small"), 34, region="示例省"),
            ("one_table_as_picture",),
            36,
        ),
    )
    yield Sample(
        "samples/town_2022.txt",
        "txt_pipe",
        apply(
            build(town, 2022, make_figures(41, "2021", "zero"), 41, region="示例省示例市"),
            ("rules_not_applicable", "blank_zeros"),
            41,
        ),
    )
    yield Sample(
        "samples/town_2023_scan.png",
        "scan_png",
        replace(build(town, 2023, make_figures(42, "2021", "small"), 42), traits=frozenset({"clean_scan"})),
    )
    yield Sample(
        "samples/village_township_2021.txt",
        "txt_lines",
        apply(
            build("示例县范本乡", 2021, make_figures(43, "2019", "small"), 43, region="示例省"),
            ("title_without_work",),
            43,
        ),
    )


def main() -> None:
    """Write every sample that this machine can make; say which it cannot."""
    for sample in samples():
        path = RAW / sample.path
        kind = FORMATS[sample.format]
        if not kind.available:
            print(f"left as it is: {sample.path} (needs {kind.needs})")
            continue
        path.parent.mkdir(parents=True, exist_ok=True)
        render(sample.report, sample.format, path)
        print(f"{path.stat().st_size:>8}  {sample.path}")


if __name__ == "__main__":
    main()
