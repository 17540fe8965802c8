"""The statistics table of 2014-2018: printed in many ways, read back exactly or flagged."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from pathlib import Path

import docx
import polars as pl
import pytest

from pipeline import frames
from pipeline.assembly import labels, notes_of_rejected
from pipeline.cells.indicators import read_indicators
from pipeline.form import Node, forms, terms
from pipeline.form.lookups import lookups
from pipeline.reading.document import Document, Paragraph
from pipeline.reading.open import read_document
from tests.accuracy import measure, tables_of
from tests.render import FORMATS, QUICK, build, indicator_cases, make_figures, render
from tests.render.indicators import indicator_values

TABLE = forms()["2014"].table("indicators")
CODES = [line.code for line in TABLE.rows]
Figures = Mapping[str, Decimal | None]


@dataclass(frozen=True)
class Printed:
    """One printed row; a heading has neither code nor unit. ``figure`` is the text of its cell."""

    code: str | None
    label: str
    unit: str = ""
    figure: str = ""


def printed(values: Figures, seed: int = 0, variants: float = 0.0) -> list[Printed]:
    """The rows of the form with these figures; some labels in wordings met elsewhere."""
    rng = random.Random(seed)
    rows: list[Printed] = []

    def walk(nodes: Sequence[Node]) -> None:
        for node in nodes:
            label = node.label
            if node.code is not None and rng.random() < variants:
                label = rng.choice(lookups().rows["indicators"].get(node.code, (label,)))
            if node.code is None:
                rows.append(Printed(None, label))
            elif node.code in values:
                value = values[node.code]
                text = "" if value is None else f"{value:f}"
                rows.append(Printed(node.code, label, node.unit or "", text))
            walk(node.children)

    walk(TABLE.blocks[0].rows)
    return rows


HEADER = (TABLE.blocks[0].corner or "", "单位", TABLE.columns[0].label)


def lines_before(year: int = 2016) -> list[str]:
    return [
        f"示例市教育局{year}年政府信息公开工作年度报告",
        "根据《中华人民共和国政府信息公开条例》编制本报告。",
        "一、概述",
        "本机关按时更新网站的各个栏目。",
        TABLE.title,
        f"（{year}年度）",
    ]


def write(folder: Path, kind: str, rows: Sequence[Printed], header: Sequence[str] = HEADER) -> Path:
    """A report with the table, in one of the ways that files lay it out."""
    before, after = lines_before(), ["单位负责人：张三", "填报日期：2017年1月10日"]
    cells = [(r.label, r.unit, r.figure) for r in rows]
    if kind == "docx":
        path = folder / "report.docx"
        document = docx.Document()
        for line in before:
            document.add_paragraph(line)
        grid = document.add_table(rows=0, cols=3)
        for row in (header, *cells):
            for cell, text in zip(grid.add_row().cells, row, strict=True):
                cell.text = text
        for line in after:
            document.add_paragraph(line)
        document.save(str(path))
        return path
    if kind == "html":
        path = folder / "report.html"
        body = "".join(f"<p>{line}</p>" for line in before)
        body += "<table><tr>" + "".join(f"<th>{text}</th>" for text in header) + "</tr>"
        for row, one in zip(cells, rows, strict=True):
            if one.code is None:
                body += f"<tr><td colspan=3>{one.label}</td></tr>"
            else:
                body += "<tr>" + "".join(f"<td>{text}</td>" for text in row) + "</tr>"
        body += "</table>" + "".join(f"<p>{line}</p>" for line in after)
        path.write_text(f"<html><head><meta charset=utf-8></head><body>{body}</body></html>", "utf-8")
        return path
    path = folder / "report.txt"
    if kind == "lines":
        body = [text for row in (header, *cells) for text in row if text]
    elif kind == "spaces":
        body = ["  ".join(text for text in row if text) for row in (header, *cells)]
    else:
        body = [{"tab": "\t", "pipe": " | "}[kind].join(row) for row in (header, *cells)]
    path.write_text("\n".join([*before, *body, *after]), "utf-8")
    return path


def write_grid(folder: Path, header: Sequence[str], rows: Sequence[Sequence[str]]) -> Path:
    """A report whose table has these columns."""
    path = folder / "report.html"
    body = "".join(f"<p>{line}</p>" for line in lines_before()) + "<table>"
    for row in ([header] if header else []) + list(rows):
        body += "<tr>" + "".join(f"<td>{text}</td>" for text in row) + "</tr>"
    path.write_text(f"<html><head><meta charset=utf-8></head><body>{body}</table></body></html>", "utf-8")
    return path


def facts(found: Mapping[str, pl.DataFrame]) -> dict[str, Decimal | None]:
    rows = found["fact_indicator"].select("indicator", "value").iter_rows()
    return {code: None if value is None else Decimal(str(value)) for code, value in rows}


def failing(found: Mapping[str, pl.DataFrame], *severities: str) -> set[tuple[str, str]]:
    results = found["check_result"].filter(pl.col("status") == "fail")
    if severities:
        results = results.filter(pl.col("severity").cast(pl.String).is_in(severities))
    return set(results.select("check_code", "scope").iter_rows())


KINDS = ("html", "docx", "tab", "pipe", "lines", "spaces")


def test_the_form_is_the_printed_one() -> None:
    assert len(TABLE.cells) == len(CODES) == 58
    assert not any(line.is_group for line in TABLE.rows)
    units = {line.unit for line in TABLE.rows}
    assert units == {"条", "件", "次", "篇", "个", "人", "人次", "万元"}
    assert TABLE.row("refused_trade_secret").path[1:3] == ("（三）申请答复数", "4.不同意公开答复数")
    assert [c.row for c in TABLE.cells if c.number == "amount"] == ["application_fees", "dedicated_funds"]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("seed", [1, 2])
@pytest.mark.parametrize("variants", [0.0, 0.5])
def test_every_figure_comes_back(tmp_path: Path, kind: str, seed: int, variants: float) -> None:
    values = indicator_values(seed, top=(4, 9000)[seed % 2])
    found = tables_of(write(tmp_path, kind, printed(values, seed, variants)))
    assert facts(found) == values
    assert failing(found) == set()
    report = found["dim_report"].row(0, named=True)
    assert (report["form_version"], report["report_year"], report["agency_name"]) == (
        "2014",
        2016,
        "示例市教育局",
    )
    assert found["dim_document"]["status"].to_list() == ["parsed"]
    assert {report[f"{t.code}_table"] for t in forms()["2021"].tables} == {"missing"}
    units = dict(found["fact_indicator"].select("indicator", "unit").iter_rows())
    assert units == {line.code: line.unit for line in TABLE.rows}
    states = found["check_result"].filter(pl.col("check_code").str.starts_with("completeness."))
    told = dict(states.select("check_code", "status").iter_rows())
    assert told == {
        "completeness.indicators": "pass",
        **{f"completeness.{t.code}": "not_assessable" for t in forms()["2021"].tables},
    }


@pytest.mark.parametrize("kind", ["html", "tab"])
@pytest.mark.parametrize("identity", TABLE.identities, ids=lambda i: i.code)
def test_one_changed_figure_fails_its_identity(tmp_path: Path, kind: str, identity) -> None:  # type: ignore[no-untyped-def]
    values = indicator_values(3)
    code = terms(identity)[1][0].code
    values[code] += 7
    found = tables_of(write(tmp_path, kind, printed(values)))
    assert facts(found) == values
    assert failing(found, "error") == {(identity.code, "statistic")}


@pytest.mark.parametrize("kind", KINDS)
def test_blanks_are_no_zeros(tmp_path: Path, kind: str) -> None:
    values: dict[str, Decimal | None] = dict(indicator_values(4))
    for code in ("meetings", "complaints", "staff_part_time"):
        values[code] = None
    found = tables_of(write(tmp_path, kind, printed(values)))
    got = facts(found)
    assert {c: v for c, v in got.items() if v is not None} == {
        c: v for c, v in values.items() if v is not None
    }
    facts_by = {row["indicator"]: row for row in found["fact_indicator"].iter_rows(named=True)}
    for code in ("meetings", "complaints"):
        assert facts_by[code]["status"] in ("blank", "lost")
        assert facts_by[code]["best_value"] is None
        # Where a line of text just goes on, a blank cannot be told from a lost figure.
        assert (facts_by[code]["status"] == "blank") or ("lost_cells.indicators", code) in failing(found)
    # The identity leaves one figure.
    derived = values["staff"] - values["staff_full_time"]  # type: ignore[operator]
    assert Decimal(str(facts_by["staff_part_time"]["derived_value"])) == derived


def test_not_applicable_and_units_behind_figures(tmp_path: Path) -> None:
    rows = [
        replace(row, figure="/")
        if row.code == "application_fees"
        else replace(row, figure=f"{row.figure}{row.unit}", unit="")
        if row.code and row.code != "dedicated_funds"
        else row
        for row in printed(indicator_values(5))
    ]
    found = tables_of(write(tmp_path, "html", rows))
    assert facts(found) == {**indicator_values(5), "application_fees": None}
    status = dict(found["fact_indicator"].select("indicator", "status").iter_rows())
    assert status["application_fees"] == "not_applicable"


@pytest.mark.parametrize("where", ["unit", "label", "figure"])
def test_money_in_yuan_is_in_ten_thousands(tmp_path: Path, where: str) -> None:
    values = {**indicator_values(6), "application_fees": Decimal("1.25")}
    yuan = {
        "unit": {"unit": "元", "figure": "12500"},
        "label": {"label": "七、依申请公开信息收取的费用（元）", "unit": "", "figure": "12500"},
        "figure": {"figure": "12500元"},
    }[where]
    rows = [replace(r, **yuan) if r.code == "application_fees" else r for r in printed(values)]
    assert facts(tables_of(write(tmp_path, "html", rows)))["application_fees"] == Decimal("1.25")


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("seed", range(6))
def test_lost_rows_are_flagged_and_move_nothing(tmp_path: Path, kind: str, seed: int) -> None:
    values = indicator_values(seed)
    rng = random.Random(seed)
    gone = set(rng.sample(CODES, 5))
    rows = [row for row in printed(values) if row.code not in gone]
    found = tables_of(write(tmp_path, kind, rows))
    got = {code: value for code, value in facts(found).items() if value is not None}
    flagged = {scope for code, scope in failing(found) if code == "lost_cells.indicators"}
    for code, value in got.items():
        assert code not in gone and value == values[code], code
    assert gone <= flagged
    assert set(CODES) - set(got) <= flagged
    assert ("completeness.indicators", "partial") in failing(found)
    assert not failing(found, "error")


def test_rows_of_the_same_words_are_told_by_their_neighbours(tmp_path: Path) -> None:
    values = indicator_values(8)
    block = [c for c in CODES if c.startswith("reconsiderations")]
    rows = [row for row in printed(values) if row.code not in block]
    got = facts(tables_of(write(tmp_path, "html", rows)))
    assert got == {code: value for code, value in values.items() if code not in block}
    # Without any neighbour between the two, a row could be either: it is left out.
    heads = {"litigations", "litigations_upheld", "reconsiderations", "reconsiderations_upheld"}
    rows = [r for r in printed(values) if r.code not in {*heads, "litigations_corrected"}]
    found = tables_of(write(tmp_path, "html", rows))
    assert not {"reconsiderations_corrected", "litigations_corrected"} & facts(found).keys()
    flagged = {scope for code, scope in failing(found) if code == "lost_cells.indicators"}
    assert {"reconsiderations_corrected", "litigations_corrected"} <= flagged


@pytest.mark.parametrize("kind", ["tab", "pipe", "lines", "spaces"])
def test_a_figure_dropped_from_its_line_is_lost(tmp_path: Path, kind: str) -> None:
    values: dict[str, Decimal | None] = {**indicator_values(9), "meetings": None}
    path = write(tmp_path, kind, printed(values))
    path.write_text(
        "\n".join(line.rstrip(" |\t") for line in path.read_text("utf-8").splitlines()), encoding="utf-8"
    )
    found = tables_of(path)
    assert facts(found) == values
    assert ("lost_cells.indicators", "meetings") in failing(found)


def test_labels_that_go_on_behind_the_figure(tmp_path: Path) -> None:
    values = indicator_values(16)
    rows = printed(values)
    body = [f"{r.label}  {r.unit}{r.figure}" if r.code else r.label for r in rows]
    cut = {
        TABLE.row(code).label: 11 for code in ("application_fees", "litigations_upheld", "dedicated_funds")
    }
    lines = []
    for row, line in zip(rows, body, strict=True):
        at = cut.get(row.label)
        lines += [row.label[:at] + line[len(row.label) :], row.label[at:]] if at else [line]
    path = tmp_path / "report.txt"
    path.write_text("\n".join([*lines_before(), *lines]), "utf-8")
    found = tables_of(path)
    assert facts(found) == values
    assert failing(found) == set()


def _two_columns(values: Figures, *, first: int = 1, then: int = 7) -> list[tuple[str, ...]]:
    rows = []
    for row in printed(values):
        figure = Decimal(row.figure or 0)
        rows.append(
            (row.label, row.unit, f"{figure * first:f}", f"{figure * then:f}") if row.code else (row.label,)
        )
    return rows


@pytest.mark.parametrize(
    "names", [("当年", "历年累计"), ("本年度", "上年度"), ("统计数", "累计"), ("统计数", "同比增减")]
)
def test_the_year_s_column_is_read_where_the_header_names_it(tmp_path: Path, names: tuple[str, str]) -> None:
    values = indicator_values(10)
    found = tables_of(write_grid(tmp_path, (*HEADER[:2], *names), _two_columns(values)))
    assert facts(found) == values
    assert failing(found) == set()


@pytest.mark.parametrize(
    "header", [("统计指标", "单位", "2015年", "2016年"), ("统计指标", "单位", "本期实际", "甲"), ()]
)
def test_of_two_columns_without_a_name_none_is_guessed(tmp_path: Path, header: tuple[str, ...]) -> None:
    values = {code: value + 1 for code, value in indicator_values(11).items()}
    rows = _two_columns(values)
    # One row lost a figure: what is left may be of either column.
    rows = [row[:3] if row[0] == TABLE.row("meetings").label else row for row in rows]
    found = tables_of(write_grid(tmp_path, header, rows))
    assert {code for code, value in facts(found).items() if value is not None} == set()
    assert {("lost_cells.indicators", code) for code in CODES} <= failing(found)


def test_codes_of_rows_are_no_figures(tmp_path: Path) -> None:
    values = indicator_values(12)
    header = ("序号", "统计指标", "单位", "代码", "统计数", "备注")
    rows = [
        (str(n), row.label, row.unit, f"{n + 10}", row.figure, "")
        if row.code
        else ("", row.label, "", "", "", "")
        for n, row in enumerate(printed(values), 1)
    ]
    assert facts(tables_of(write_grid(tmp_path, header, rows))) == values
    path = tmp_path / "lines" / "report.txt"
    path.parent.mkdir()
    # In separated fields a lost figure must not be made up from the code.
    body = ["\t".join(header[1:5]), *("\t".join(row[1:5]) for row in rows)]
    body = [line.rsplit("\t", 1)[0] if TABLE.row("meetings").label in line else line for line in body]
    path.write_text("\n".join([*lines_before(), *body]), "utf-8")
    found = tables_of(path)
    assert facts(found) == {**values, "meetings": None}
    assert ("lost_cells.indicators", "meetings") in failing(found)


def test_two_prints_are_not_mixed(tmp_path: Path) -> None:
    own, whole = indicator_values(13), indicator_values(14)
    rows = [(r.label, r.unit, r.figure) for values in (own, whole) for r in printed(values)]
    found = tables_of(write_grid(tmp_path, HEADER, rows))
    assert facts(found) == own
    assert ("reading.indicators", "line") in failing(found)


def test_figures_that_are_none_are_flagged(tmp_path: Path) -> None:
    values = indicator_values(15)
    odd = {"meetings": "-3", "complaints": "约5", "people_trained": "1.5", "reading_points": "3O"}
    rows = [replace(r, figure=odd.get(r.code or "", r.figure)) for r in printed(values)]
    found = tables_of(write(tmp_path, "html", rows))
    assert facts(found) == {**values, **dict.fromkeys(odd)}
    assert {("reading.indicators", f"{code}.statistic") for code in odd} <= failing(found)


@pytest.mark.parametrize("form", ["2019", "2021"])
@pytest.mark.parametrize("kind", QUICK)
def test_newer_reports_have_no_indicators(tmp_path: Path, kind: str, form: str) -> None:
    path = tmp_path / f"report{FORMATS[kind].suffix}"
    render(build("示例市样本局", 2022, make_figures(3, form, "large"), 3), kind, path)
    assert read_indicators(read_document(path)) is None


def test_a_report_of_those_years_without_any_table(tmp_path: Path) -> None:
    path = tmp_path / "report.txt"
    for year, version in ((2016, "2014"), (2012, None)):
        text = [*lines_before(year)[:4], "全年主动公开政府信息696条，收到申请数12件。"]
        path.write_text("\n".join(text), "utf-8")
        found = tables_of(path)
        assert found["dim_report"]["form_version"].to_list() == [version]
        assert found["fact_indicator"].is_empty()
        assert failing(found, "error") == set()
        assert (("completeness.indicators", "missing") in failing(found, "warn")) == (version == "2014")
    path.write_text("\n".join(lines_before(2022)[:4]), "utf-8")
    assert ("completeness.requests", "missing") in failing(tables_of(path), "error")


def test_a_figure_that_fits_no_indicator_is_a_finding() -> None:
    rows = pl.DataFrame(
        {
            "report_id": ["r"] * 5,
            "indicator": ["staff", "meetings", "application_fees", "complaints", "unknown"],
            "unit": ["人", "次", "万元", "件", "件"],
            "value": [-1.0, 2.5, 2.5, 3.0, 1.0],
            "best_value": [-1.0, 2.5, 2.5, 3.0, 1.0],
            "status": ["reported"] * 5,
            "raw_text": ["-1", "2.5", "2.5", "3", "1"],
            "document_id": ["d"] * 5,
            "locator": ["table=1"] * 5,
            "confidence": [1.0] * 5,
        }
    )
    good, bad = frames.typed(frames.INDICATORS, rows)
    assert good["indicator"].to_list() == ["application_fees", "complaints"]
    notes = notes_of_rejected(bad, frames.empty("dim_document"))
    assert dict(notes.select("scope", "check_code").iter_rows()) == dict.fromkeys(
        ("staff", "meetings", "unknown"), "lost_cells.indicators"
    )


def test_every_indicator_has_its_labels() -> None:
    found = labels()["dim_indicator"]
    assert found["code"].to_list() == CODES
    assert set(found["form_versions"]) == {"2014"}
    assert dict(found.select("code", "label").iter_rows()) == {line.code: line.label for line in TABLE.rows}


@pytest.mark.slow
def test_every_kind_of_file_is_read_exactly(tmp_path: Path) -> None:
    results = measure(indicator_cases(len(QUICK), 5), tmp_path)
    assert {r.format for r in results} == set(QUICK)
    assert not {r.name: (r.silent, r.missed, r.wrong_flagged, r.faults) for r in results if r.exact < r.cells}
    assert not {r.name: (r.faults, r.wrong_states) for r in results if r.faults or r.wrong_states}


@pytest.mark.parametrize("year", [2012, 2016])
def test_a_province_s_own_list_is_not_taken_for_the_form_s(tmp_path: Path, year: int) -> None:
    """Some rows have the form's words; most of the form's rows are not there, and others are."""
    same = ("applications_received_by_letter", "answered_granted", "answered_granted_in_part")
    lines = [*(line for line in TABLE.rows if line.code in same), *TABLE.rows[16:21], *TABLE.rows[38:40]]
    rows = [Printed(line.code, line.label, line.unit or "", "4") for line in dict.fromkeys(lines)]
    rows += [Printed("own", f"网站第{n}栏点击数", "次", "70") for n in range(7)]
    path = write(tmp_path, "html", rows)
    path.write_text(path.read_text("utf-8").replace("2016", str(year)), "utf-8")
    found = tables_of(path)
    assert found["fact_indicator"].is_empty()
    assert (("completeness.indicators", "missing") in failing(found)) == (year == 2016)


def test_lines_recognised_in_a_picture_are_no_list() -> None:
    texts = [
        text for row in printed(indicator_values(17)) for text in (row.label, row.unit, row.figure) if text
    ]
    for place, read in (("line={}", True), ("image=1;box={},0,9,9", False)):
        blocks = tuple(Paragraph(text, place.format(n)) for n, text in enumerate(texts))
        assert (read_indicators(Document("image", blocks)) is not None) == read
