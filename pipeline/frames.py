"""The schema of every table, generated from the form, and the filter that keeps misfits apart.

Here: columns, types, codes, the rule that each row must meet, what each column means.
Not here: how rows are made (assembly.py) or where they are stored (warehouse.py).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Literal, get_args

import dataframely as dy
import polars as pl

from pipeline.cells import report as r
from pipeline.form.model import CellSpec, Table, forms
from pipeline.reading.document import FileFormat

INDICATORS = "fact_indicator"
# The fact table of each crossed table of the form; lists of indicators have one of their own.
FACTS = {
    table.code: table.facts for form in forms().values() for table in form.tables if table.facts != INDICATORS
}
# Beyond it a float no longer tells whole numbers apart.
LARGEST_WHOLE = 2**53
# Beside a table's own columns, one of which may be called reason.
_REASON = "why rejected"


def cells_of(table: str) -> dict[tuple[str, str], CellSpec]:
    """The cells of one table by row and column code, over all forms; the newest form's where they differ."""
    found: dict[tuple[str, str], CellSpec] = {}
    for form in forms().values():
        for known in form.tables:
            if known.code == table:
                found.update({(cell.row, cell.column): cell for cell in known.cells})
                # Some offices print a group as one row, so a group can hold figures too.
                groups = [line for line in known.rows if line.is_group]
                for line in groups:
                    for column in known.columns:
                        spec = CellSpec(table, line.code, column.code, column.unit, column.number, line.block)
                        found.setdefault((line.code, column.code), spec)
    return found


def indicators() -> Table:
    """The form's list of indicators."""
    return next(t for form in forms().values() for t in form.tables if t.facts == INDICATORS)


def labelled() -> tuple[tuple[str, Literal["rows", "columns"], str], ...]:
    """What has a table of labels: the form's table, the side of it, and what that is called."""
    sides: tuple[Literal["rows", "columns"], ...] = ("rows", "columns")
    crossed = ((t, s, d) for t in FACTS for s, d in zip(sides, dimensions(t), strict=True))
    # A list of indicators has one column, which its facts do not name.
    return (*crossed, (indicators().code, "rows", indicators().row_dimension))


def dimensions(table: str) -> tuple[str, str]:
    """What the rows and the columns of a table of the form are called in the warehouse."""
    for form in reversed(forms().values()):
        for known in form.tables:
            if known.code == table:
                return known.row_dimension, known.column_dimension
    raise KeyError(table)


def _text(meaning: str, *, of: Iterable[str] = (), key: bool = False, nullable: bool = False) -> dy.String:
    codes = sorted(of)
    check = {"known_code": lambda column: column.is_in(codes)} if codes else None
    return dy.String(nullable=nullable, primary_key=key, check=check, description=meaning)


def _maybe(meaning: str, *, of: Iterable[str] = ()) -> dy.String:
    return _text(meaning, of=of, nullable=True)


def _count(meaning: str, *, nullable: bool = True, key: bool = False) -> dy.Int64:
    return dy.Int64(nullable=nullable, primary_key=key, min=0, description=meaning)


def _double(meaning: str, *, nullable: bool = True) -> dy.Float64:
    return dy.Float64(nullable=nullable, description=meaning)


_REPORT = "报告 · the report; joins dim_report"
_DOCUMENT = "文件 · sha256 of the file's bytes; joins dim_document"
_LOCATOR = "出处 · the place in the file: page and box, table, row and column, or line"
_CORRECTED = "更正值 · the right figure where a person has settled it; never in value or best_value"
_VERDICTS = ("confirmed", "dismissed", "corrected")
_STATES = get_args(r.TableState)
_TABLES = sorted({table.code for form in forms().values() for table in form.tables})


class DimDocument(dy.Schema):
    """文件 · one row for each file of the raw folder, read or not"""

    document_id = _maybe("文件标识 · sha256 of the bytes; NULL where they could not be had")
    path = _text("路径 · where the file lies, relative to the raw folder", key=True)
    source = _text("来源 · the source that the file came from; local where it lies in no source folder")
    url = _maybe("网址 · where the file was fetched, where known")
    format = _text("格式 · kind of file", of=get_args(FileFormat))
    bytes = _count("字节数 · size of the file", nullable=False)
    status = _text("状态 · what came of reading it", of=get_args(r.DocumentStatus))
    message = _maybe("说明 · what a person should know about the reading")
    report_id = _maybe("报告 · the report that the file is a copy of; joins dim_report")
    fetched_at = _maybe("获取时间 · when a crawl first had these bytes, UTC; NULL where put in by hand")
    published = _maybe("发布日期 · the date that the site gives, as YYYY-MM-DD")
    version = _count("版本 · which version of its address the file is, from 1; NULL where none was fetched")
    superseded_by = _maybe("新版本 · the document that took its place at its address; its figures are used")


class DimReport(dy.Schema):
    """报告 · one row for each agency and year"""

    report_id = _text("报告标识 · agency and year; parts of the document's id where one is unknown", key=True)
    agency_id = _maybe("机关 · the agency; joins dim_agency")
    agency_name = _maybe("机关名称 · the agency as this report names it, without spaces")
    report_year = dy.Int64(nullable=True, min=1990, max=2100, description="年度 · the year reported on")
    title = _maybe("标题 · the report's title")
    form_version = _maybe("格式版本 · the printed form that its tables follow", of=[*forms(), "2014"])
    scope = _text("范围 · the agency's own figures, or those of a region summed up", of=get_args(r.Scope))
    document_id = _text("文件 · the file that the facts come from; joins dim_document", of=())
    disclosure_table = _text("表二状态 · what was found of 主动公开政府信息情况", of=_STATES)
    requests_table = _text("表三状态 · what was found of 收到和处理政府信息公开申请情况", of=_STATES)
    disputes_table = _text("表四状态 · what was found of 行政复议、行政诉讼情况", of=_STATES)


class DimAgency(dy.Schema):
    """机关 · one row for each agency; aliases of one body are one agency"""

    agency_id = _text("机关标识 · stable for a name and division", key=True)
    agency_name = _text("机关名称 · as its newest report names it, without spaces")
    full_name = _maybe("全称 · with province and city where known")
    level = _maybe("层级 · level of government")
    kind = _maybe("类别 · kind of body")
    division_code = _maybe("行政区划代码 · GB/T 2260 code of the division that it belongs to")
    parent_agency_id = _maybe("上级机关 · the agency above, where it is itself known here")


class FactColumns(dy.Schema):
    """What every fact has beside its codes."""

    report_id = _text(_REPORT, key=True)
    status = _text("状态 · how the cell was found", of=get_args(r.FactStatus))
    raw_text = _text("原文 · the cell's text as printed")
    document_id = _text(_DOCUMENT)
    locator = _text(_LOCATOR)
    confidence = dy.Float64(
        nullable=False,
        min=0,
        max=1,
        description="可信度 · 1 for text that the file carries, the engine's own for OCR",
    )

    @dy.rule()
    def value_or_derived(cls) -> pl.Expr:
        return pl.col("value").is_null() | pl.col("derived_value").is_null()

    @dy.rule()
    def best_is_value_or_derived(cls) -> pl.Expr:
        return pl.col("best_value").eq_missing(pl.coalesce("value", "derived_value"))

    @dy.rule()
    def reported_has_value(cls) -> pl.Expr:
        return (pl.col("status") != "reported") | pl.col("value").is_not_null()

    @dy.rule()
    def no_value_without_print(cls) -> pl.Expr:
        unread = pl.col("status").is_in(["blank", "not_applicable", "lost", "illegible"])
        return ~unread | pl.col("value").is_null()


def _fact_schema(table: str, number: type[dy.Column]) -> type[dy.Schema]:
    """The schema of one fact table: the form's codes, figures of type ``number``."""
    row, column = dimensions(table)
    cells = cells_of(table)
    pairs = (
        pl.DataFrame(sorted(cells), schema=["r", "c"], orient="row").select(pl.struct("r", "c")).to_series()
    )
    signed = sorted(pair for pair, cell in cells.items() if cell.number == "signed")
    known = pairs.implode()

    def on_the_form(cls: type[dy.Schema]) -> pl.Expr:
        return pl.struct(r=pl.col(row), c=pl.col(column)).is_in(known)

    def not_below_zero(cls: type[dy.Schema]) -> pl.Expr:
        may = pl.any_horizontal(
            pl.lit(False), *((pl.col(row) == a) & (pl.col(column) == b) for a, b in signed)
        )
        return may | (pl.col("best_value").fill_null(0) >= 0)

    def figure(meaning: str) -> dy.Column:
        return number(nullable=True, description=meaning)

    codes = {row: {r for r, _ in cells}, column: {c for _, c in cells}}
    title = next(t.title for f in reversed(forms().values()) for t in f.tables if t.code == table)
    members = {
        "__doc__": f"{title} · one row for each printed cell",
        row: _text(f"行 · the row of the form; joins dim_{row}", of=codes[row], key=True),
        column: _text(f"列 · the column of the form; joins dim_{column}", of=codes[column], key=True),
        "value": figure("数值 · the figure as printed; NULL where none is"),
        "derived_value": figure("推得值 · filled only where the form's identities leave one possible figure"),
        "best_value": figure("采用值 · value, else derived_value"),
        "corrected_value": figure(_CORRECTED),
        "on_the_form": dy.rule()(on_the_form),
        "not_below_zero": dy.rule()(not_below_zero),
    }
    name = "".join(part.title() for part in FACTS[table].split("_"))
    return type(name, (FactColumns,), members)


def _number(table: str) -> type[dy.Column]:
    return dy.Int64 if all(cell.number == "count" for cell in cells_of(table).values()) else dy.Float64


class FactIndicator(FactColumns):
    """政府信息公开情况统计表 · one row for each indicator of the forms before 2019"""

    indicator = _text(
        "指标 · the indicator's code; joins dim_indicator",
        of={line.code for line in indicators().rows if not line.is_group},
        key=True,
    )
    unit = _maybe("单位 · the unit of the figure")
    value = _double("数值 · the figure as printed; NULL where none is")
    derived_value = _double("推得值 · filled only where the form's identities leave one possible figure")
    best_value = _double("采用值 · value, else derived_value")
    corrected_value = _double(_CORRECTED)

    @dy.rule()
    def not_below_zero(cls) -> pl.Expr:
        return pl.col("best_value").fill_null(0) >= 0


class FactNarrative(dy.Schema):
    """文中数字 · one row for each figure that the text states"""

    report_id = _text(_REPORT)
    measure = _text("指标 · dotted code of what is counted, as in the tables where they have it")
    value = _double("数值 · the figure stated", nullable=False)
    qualifier = _text("限定 · exact, at least or about", of=get_args(r.Qualifier))
    excerpt = _text("原句 · the words that state it")
    locator = _text(_LOCATOR)
    document_id = _text(_DOCUMENT)


class FactSection(dy.Schema):
    """章节正文 · one row for each section of a report's text"""

    report_id = _text(_REPORT, key=True)
    position = _count("次序 · place in the report, from 1", nullable=False, key=True)
    section = _text("章节 · the section's code on the form")
    title = _text("标题 · the section's title as printed")
    text = _text("正文 · its paragraphs, one a line")
    document_id = _text(_DOCUMENT)
    locator = _text(_LOCATOR)


class OtherFact(dy.Schema):
    """旁证数字 · cells of further files for an agency and year, beside the file that the facts come from"""

    report_id = _text(_REPORT, key=True)
    path = _text("路径 · the further file; joins dim_document", key=True)
    document_id = _text(_DOCUMENT)
    table_name = _text("表 · the form's table", of=_TABLES, key=True)
    row_code = _text("行 · the row's code", key=True)
    column_code = _text("列 · the column's code", key=True)
    value = _double("数值 · the figure as printed there")
    status = _text("状态 · how the cell was found", of=get_args(r.FactStatus))
    raw_text = _text("原文 · the cell's text as printed")
    locator = _text(_LOCATOR)


class ReadingNote(dy.Schema):
    """读取说明 · what the reading of a report's file found out; check_result is made of these too"""

    report_id = _maybe(_REPORT)
    document_id = _text(_DOCUMENT)
    path = _text("路径 · the file; joins dim_document")
    table_name = _maybe("表 · the form's table that it is about", of=_TABLES)
    check_code = _text("代码 · the check's code")
    scope = _text("范围 · the place that it is about")
    status = _text("结果 · as in check_result", of=get_args(r.CheckStatus))
    severity = _text("严重程度 · as in check_result", of=get_args(r.Severity))
    message = _text("说明 · in words")


class ReadingLog(dy.Schema):
    """读取记录 · why each reading was chosen, step by step"""

    path = _text("路径 · the file; joins dim_document", key=True)
    document_id = _text(_DOCUMENT)
    report_id = _maybe(_REPORT)
    table_name = _text("表 · the form's table, or heading", of=[*_TABLES, "heading"], key=True)
    position = _count("次序 · step of the reading, from 1", nullable=False, key=True)
    line = _text("记录 · what was done or found")


class CheckResult(dy.Schema):
    """核验结果 · one row for each check and place"""

    report_id = _text(_REPORT)
    check_code = dy.String(regex=r"^[a-z_]+\.[a-z0-9_.]+$", description="代码 · the check's code")
    scope = _text("范围 · what was checked: an applicant, an outcome, a forum, a measure or a state")
    status = _text("结果 · fail, pass, or not assessable, which is never a pass", of=get_args(r.CheckStatus))
    severity = _text("严重程度 · error, warn or info", of=get_args(r.Severity))
    left_value = _double("左边 · the left side of the identity")
    right_value = _double("右边 · the right side of the identity")
    difference = _double("差 · left minus right")
    message = _maybe("说明 · in words, with the official labels")
    settled = _maybe("处理意见 · what a person decided about it, where one did", of=_VERDICTS)


class Decisions(dy.Schema):
    """处理决定 · one row for each entry of the curation files, those that cannot be used included"""

    file = _text("文件 · the file of decisions, in the curation folder", key=True)
    entry = dy.Int64(nullable=False, primary_key=True, min=1, description="序号 · place in the file, from 1")
    document_id = _maybe(_DOCUMENT)
    report_id = _maybe("报告 · the report of that file when it was decided; joins dim_report")
    path = _maybe("路径 · where the file lay then")
    cell = _maybe("单元格 · table, row and column, where a cell is decided on")
    check_code = _maybe("代码 · the check's code, where a finding is decided on")
    scope = _maybe("范围 · the finding's scope")
    printed_value = _double("原值 · the cell's figure as read then; the decision holds only while it is so")
    left_value = _double("左边 · the finding's left side then")
    right_value = _double("右边 · the finding's right side then")
    decision = _maybe("处理意见 · confirmed, dismissed or corrected", of=_VERDICTS)
    corrected_value = _double(_CORRECTED)
    reason = _maybe("理由 · why")
    given_source = _maybe("依据 · where that can be seen")
    decided_by = _maybe("处理人 · who decided")
    decided_on = _maybe("日期 · when")
    fault = _maybe("错误 · why the entry does not count; NULL where it does")


class SuggestedCorrection(dy.Schema):
    """更正建议 · figures under which the identities would close; suggestions only"""

    report_id = _text(_REPORT)
    table_name = _text("表 · the form's table", of=_TABLES)
    row_code = _text("行 · the row's code")
    column_code = _text("列 · the column's code")
    printed_value = _double("原值 · the figure as printed")
    suggested_value = _double("建议值 · the figure that closes the identities")
    reason = _text("理由 · why")
    rank = dy.Int64(nullable=False, min=1, description="名次 · 1 is first; ties share a rank")


class RejectedRow(dy.Schema):
    """未入库的行 · rows that do not fit their table, kept apart with the reason"""

    table_name = _text("表 · the table that the row was meant for")
    reason = _text("理由 · the rules that it breaks")
    row = _text("行 · the row as JSON")


class Label(dy.Schema):
    """标签 · the codes of one dimension with the form's own labels"""

    code = _text("代码 · as in the facts", key=True)
    label = _text("标签 · as the newest form prints it")
    label_en = _text("英文标签 · the label in English; the form prints none")
    path = _text("层次 · labels from the outermost heading to its own")
    position = _count("次序 · place on the form, from 1", nullable=False)
    form_versions = _text("格式版本 · the forms that print it")


def _label_schemas() -> dict[str, type[dy.Schema]]:
    found = {}
    names = {"rows": "行", "columns": "列"}
    for table, side, dimension in labelled():
        facts = FACTS.get(table, INDICATORS)
        doc = f"{names[side]}标签 · the {dimension} codes of {facts} with the form's labels"
        found[f"dim_{dimension}"] = type(f"Dim{dimension.title()}", (Label,), {"__doc__": doc})
    return found


LABELS: Mapping[str, type[dy.Schema]] = _label_schemas()
SCHEMAS: Mapping[str, type[dy.Schema]] = {
    "dim_document": DimDocument,
    "dim_report": DimReport,
    "dim_agency": DimAgency,
    # Money and signed changes need decimals or fall below zero; applications and disputes are counts.
    **{facts: _fact_schema(table, _number(table)) for table, facts in FACTS.items()},
    "fact_indicator": FactIndicator,
    "fact_narrative": FactNarrative,
    "fact_section": FactSection,
    "other_fact": OtherFact,
    "reading_note": ReadingNote,
    "reading_log": ReadingLog,
    "decisions": Decisions,
    "check_result": CheckResult,
    "suggested_correction": SuggestedCorrection,
    "rejected_row": RejectedRow,
    **LABELS,
}
"""Every table that is made of frames, by name; marts are made of these by SQL."""

_FIRST = ("report_id", "outcome", "applicant", "item", "measure", "forum", "result", "indicator", "unit")
_LAST = ("status", "raw_text", "document_id", "locator", "confidence")


def columns(table: str) -> dict[str, dy.Column]:
    """The columns of a table in the order that they are stored: codes, figures, then their evidence."""
    found = SCHEMAS[table].columns()
    if not issubclass(SCHEMAS[table], FactColumns):
        return found
    figures = [name for name in found if name not in _FIRST + _LAST]
    order = [name for name in (*_FIRST, *figures, *_LAST) if name in found]
    return {name: found[name] for name in order}


def key(table: str) -> list[str]:
    """The columns that a table is sorted by: its key, or all where it has none."""
    return [name for name, column in columns(table).items() if column.primary_key] or list(columns(table))


def empty(table: str) -> pl.DataFrame:
    """No rows, in the table's types."""
    return pl.DataFrame(schema={name: column.dtype for name, column in columns(table).items()})


def typed(table: str, rows: pl.DataFrame) -> tuple[pl.DataFrame, pl.DataFrame]:
    """The rows that fit the table's schema, sorted, and the others as rows of ``rejected_row``.

    Figures may come as floats; where the table has whole numbers, others are rejected. A column
    that is absent is NULL. Rows with a key that stands twice are all rejected.
    """
    wanted = columns(table)
    given = rows.select(
        (pl.col(name) if name in rows.columns else pl.lit(None)).alias(name) for name in wanted
    )
    given, odd = _split_odd(table, given)
    frame = given.cast({name: column.dtype for name, column in wanted.items()})  # type: ignore[arg-type]
    good, failure = SCHEMAS[table].filter(frame)
    bad = _rejected(table, failure.details(), list(wanted))
    return good.select(*wanted).sort(key(table), nulls_last=True), pl.concat([odd, bad])


def _split_odd(table: str, given: pl.DataFrame) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Rows whose figures the column's type cannot hold, or the cell's kind does not allow, kept apart."""
    checks: list[pl.Expr] = []
    for name, column in columns(table).items():
        if not given[name].dtype.is_float():
            continue
        figure, set_ = pl.col(name), pl.col(name).is_not_null()
        checks.append(_odd(set_ & ~figure.is_finite(), f"{name}|not_a_number"))
        whole = (figure == figure.round()) & (figure.abs() < LARGEST_WHOLE)
        if column.dtype.is_integer():
            checks.append(_odd(set_ & figure.is_finite() & ~whole, f"{name}|not_a_whole_number"))
        elif table in (*FACTS.values(), INDICATORS) and name in ("value", "derived_value"):
            counted = ~_is_amount(table)
            checks.append(_odd(set_ & counted & figure.is_finite() & ~whole, f"{name}|not_a_whole_number"))
    if not checks:
        return given, empty("rejected_row")
    marked = given.with_columns(pl.concat_str(checks, separator=", ", ignore_nulls=True).alias(_REASON))
    odd = marked.filter(pl.col(_REASON) != "")
    return marked.filter(pl.col(_REASON) == "").drop(_REASON), _as_rejected(table, odd, given.columns)


def _odd(fault: pl.Expr, reason: str) -> pl.Expr:
    return pl.when(fault).then(pl.lit(reason))


def _is_amount(table: str) -> pl.Expr:
    if table == INDICATORS:
        amounts_of_rows = [line.code for line in indicators().rows if line.number == "amount"]
        return pl.col(indicators().row_dimension).is_in(amounts_of_rows)
    code = next(code for code, fact in FACTS.items() if fact == table)
    row, column = dimensions(code)
    amounts = [pair for pair, cell in cells_of(code).items() if cell.number == "amount"]
    return pl.any_horizontal(pl.lit(False), *((pl.col(row) == a) & (pl.col(column) == b) for a, b in amounts))


def _rejected(table: str, details: pl.DataFrame, wanted: list[str]) -> pl.DataFrame:
    rules = [name for name in details.columns if name not in wanted]
    if not rules or details.is_empty():
        return empty("rejected_row")
    broken = [
        pl.when(pl.col(rule).cast(pl.String) == "invalid").then(pl.lit(rule.replace("check__", "")))
        for rule in rules
    ]
    reasons = details.with_columns(pl.concat_str(broken, separator=", ", ignore_nulls=True).alias(_REASON))
    return _as_rejected(table, reasons, wanted)


def _as_rejected(table: str, rows: pl.DataFrame, wanted: list[str]) -> pl.DataFrame:
    # A figure that is no number has no JSON: figures are written as text.
    json = pl.struct(
        pl.col(name).cast(pl.String) if rows[name].dtype.is_float() else pl.col(name) for name in wanted
    ).struct.json_encode()
    return rows.select(table_name=pl.lit(table, pl.String), reason=pl.col(_REASON), row=json)
