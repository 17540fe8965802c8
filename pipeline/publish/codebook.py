"""What every table and column means, in Chinese and English, from the schemas, the form and the SQL headers.

Here: the texts. Not here: writing them into the database (warehouse.py) or into exports.
"""

from __future__ import annotations

from collections.abc import Mapping

from pipeline import frames
from pipeline.form.model import forms
from pipeline.warehouse import BUILD_INFO, Comment, Statement, statements

_BUILD_INFO = Comment(
    BUILD_INFO,
    "构建信息 · the run that made these tables; two builds of the same files differ only here",
    {
        "run": "运行 · id of the run",
        "started_at": "开始时间 · UTC",
        "finished_at": "结束时间 · UTC",
        "gongkai_version": "程序版本 · version of gongkai",
        "reader_version": "读取器版本 · changes with anything that decides how a file is read",
    },
)
# Columns that only marts have. Totals of the panel are put together from the form's labels below.
_MART_COLUMNS = {
    "report_year": "年度 · the year reported on",
    "errors": "错误数 · failed checks of severity error that nobody settled",
    "warnings": "提示数 · failed checks of severity warn that nobody settled",
    "settled_findings": "已处理数 · failed checks that a person settled: confirmed, dismissed or corrected",
    "is_clean": "无误 · all three tables complete and no failed check of severity error but dismissed ones",
    "state": "状态 · what was found of the table",
    "table_name": "表 · the form's table",
    "path": "路径 · the file that the figures come from",
    "locator": "出处 · the place in the file",
}


def comments(columns: Mapping[str, list[str]]) -> list[Comment]:
    """Comments for everything in the warehouse.

    Args:
        columns: the columns of each table and view that is there.
    """
    marts = {mart.name: mart for mart in statements("marts")}
    found = [table_comment(name) for name in frames.SCHEMAS if name in columns]
    found += [_BUILD_INFO] if BUILD_INFO in columns else []
    found += [_mart(marts[name], columns[name]) for name in marts if name in columns]
    return found


def table_comment(table: str) -> Comment:
    """What a table made of frames means, and its columns."""
    about = (frames.SCHEMAS[table].__doc__ or table).strip()
    return Comment(
        table, about, {name: column.description or name for name, column in frames.columns(table).items()}
    )


def _mart(mart: Statement, columns: list[str]) -> Comment:
    text = mart.header["about"] + (f"; grain: {mart.header['grain']}" if "grain" in mart.header else "")
    return Comment(mart.name, text, {name: _mart_column(mart, name) for name in columns})


def _mart_column(mart: Statement, column: str) -> str:
    """The text of the table that a mart's column comes from; of its parts for a total of the panel."""
    if column in _MART_COLUMNS:
        return _MART_COLUMNS[column]
    for table in (*mart.uses, *frames.SCHEMAS):
        known = frames.columns(table).get(column) if table in frames.SCHEMAS else None
        if known is not None and known.description:
            return known.description
    for ending, meaning in (
        ("_label", "标签 · the form's label of"),
        ("_position", "次序 · place on the form of"),
    ):
        if column.endswith(ending):
            return f"{meaning} {column.removesuffix(ending)}"
    return _panel_totals().get(column, column)


def _panel_totals() -> dict[str, str]:
    """Texts for the panel's columns: the labels of the cell that each shows."""
    newest = list(forms().values())[-1]
    texts: dict[str, str] = {}
    for line in newest.table("requests").rows:
        texts[f"requests_{line.code}"] = f"{' › '.join(line.path)} · {line.code}, all applicants"
    disputes, disclosure = newest.table("disputes"), newest.table("disclosure")
    for cell in disputes.cells:
        labels = (*disputes.row(cell.row).path, *disputes.column(cell.column).path)
        texts[f"{cell.row}_{cell.column}"] = f"{' › '.join(labels)} · {cell.row}, {cell.column}"
    short = {
        "normative_documents": "normative_documents",
        "administrative_licensing": "licensing",
        "administrative_penalties": "penalty",
        "administrative_coercion": "coercion",
        "administrative_fees": "fees",
    }
    for cell in disclosure.cells:
        name = f"{short.get(cell.row, cell.row)}_{cell.column.removeprefix('amount_')}"
        labels = (*disclosure.row(cell.row).path, *disclosure.column(cell.column).path)
        texts[name] = f"{' › '.join(labels)} · {cell.row}, {cell.column}"
    return texts
