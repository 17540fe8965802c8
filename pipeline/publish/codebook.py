"""What every table, column, code and macro means, in Chinese and English, from the schemas, the form and SQL.

Here: the texts, as comments and as rows of ``codebook``. Not here: pages of them (codebook_pages.py), words
that neither a form nor a schema prints (cautions.yaml).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from functools import cache

import duckdb
import polars as pl

from pipeline import assembly, frames, warehouse
from pipeline.form.english import english as english_labels
from pipeline.form.model import CellSpec, Form, Table, forms
from pipeline.publish import codebook_codes
from pipeline.publish.vocabulary import chinese, english, vocabulary
from pipeline.warehouse import BUILD_INFO, Comment, Statement, statements

TABLE = "codebook"
_BUILD_INFO = Comment(
    BUILD_INFO,
    "构建信息 · the run that made these tables; two builds of the same files differ only here",
    {
        "run": "运行 · id of the run",
        "started_at": "开始时间 · UTC",
        "finished_at": "结束时间 · UTC",
        "gongkai_version": "程序版本 · version of gongkai",
        "reader_version": "读取器版本 · changes with anything that decides how a file is read",
        "inputs": "输入摘要 · a digest of all that the tables are made of; empty where a part was made anew",
        "schema_version": "表结构版本 · version of the tables; an older program refuses the file",
    },
)


@dataclass(frozen=True, slots=True)
class Entry:
    """A row of the codebook; what does not apply is empty."""

    kind: str
    """table, column, macro, code, cell, identity, form, caution or null_reason."""
    table_name: str = ""
    column_name: str = ""
    code: str = ""
    data_type: str = ""
    zh: str = ""
    en: str = ""
    unit: str = ""
    clause: str = ""
    form_versions: str = ""
    comparability_zh: str = ""
    comparability_en: str = ""
    cautions: str = ""


_CODEBOOK = Comment(
    TABLE,
    "编码本 · every table, column, code, identity, caution and macro of this file, one a row",
    {
        "kind": "种类 · table, column, macro, code, cell, identity, form, caution or null_reason",
        "table_name": "表 · the table, view or macro that it belongs to",
        "column_name": "列 · the column that it belongs to",
        "code": "代码 · the code that is explained; of a cell its row and column",
        "data_type": "类型 · the column's type; of a macro its parameters",
        "zh": "中文说明 · in Chinese, for what the form prints in its own words",
        "en": "英文说明 · in English",
        "unit": "单位 · the unit as printed",
        "clause": "依据 · the clause or notice",
        "form_versions": "格式版本 · the forms that print it",
        "comparability_zh": "可比性 · what the versions of the form share, in Chinese",
        "comparability_en": "可比性（英文） · what the versions of the form share, in English",
        "cautions": "注意事项 · codes of cautions",
    },
)


# Comments.


def comments(columns: Mapping[str, list[str]]) -> list[Comment]:
    """Comments for everything in the warehouse but macros.

    Args:
        columns: the columns of each table and view that is there.
    """
    marts = {mart.name: mart for mart in statements("marts")}
    found = [table_comment(name) for name in frames.SCHEMAS if name in columns]
    found += [about for about in (_BUILD_INFO, _CODEBOOK) if about.table in columns]
    found += [_statement(marts[name], columns[name]) for name in marts if name in columns]
    return found


def table_comment(table: str) -> Comment:
    """What a table made of frames means, and its columns."""
    about = (frames.SCHEMAS[table].__doc__ or table).strip()
    return Comment(
        table, about, {name: column.description or name for name, column in frames.columns(table).items()}
    )


def _statement(statement: Statement, columns: list[str]) -> Comment:
    header = statement.header
    text = header["about"] + (f"; grain: {header['grain']}" if "grain" in header else "")
    warned = "".join(f"; {english(vocabulary().cautions[code].says)}" for code in _cautions_of(statement))
    return Comment(statement.name, text + warned, {name: _meaning(statement, name) for name in columns})


def _cautions_of(statement: Statement) -> tuple[str, ...]:
    return tuple(code.strip() for code in statement.header.get("cautions", "").split(",") if code.strip())


def _meaning(statement: Statement, column: str) -> str:
    """What a column of a mart or macro means: the vocabulary's words, else those of the panel's figures, else
    those of the table that it comes from."""
    known = vocabulary().columns.get(column) or panel_figures().get(column)
    if known:
        return known
    for table in (*statement.uses, *frames.SCHEMAS):
        schema = frames.columns(table).get(column) if table in frames.SCHEMAS else None
        if schema is not None and schema.description:
            return schema.description
    for ending, meaning in (
        ("_label_en", "英文标签 · the English label of"),
        ("_label", "标签 · the form's label of"),
        ("_position", "次序 · place on the form of"),
    ):
        if column.endswith(ending):
            return f"{meaning} {column.removesuffix(ending)}"
    raise KeyError(f"{statement.name}.{column} has no meaning in cautions.yaml")


@cache
def panel_figures() -> Mapping[str, str]:
    """Texts for the figures of the panel, from ``dim_panel_column``."""
    labels = assembly.labels()
    with duckdb.connect() as connection:
        for name in frames.LABELS:
            warehouse.load(connection, name, labels[name])
        (figures,) = (mart for mart in statements("marts") if mart.name == "dim_panel_column")
        rows = connection.execute(f"select measure, label, label_en, unit from ({figures.select})").fetchall()
    return {
        measure: f"{label.replace(' · ', ' › ')}（{unit}） · {text.replace(' · ', ', ')}"
        for measure, label, text, unit in rows
    }


# The warehouse.


def prepare(connection: duckdb.DuckDBPyConnection) -> None:
    """Make all tables, empty but for labels, all marts, macros and comments in an open database."""
    for name in frames.SCHEMAS:
        warehouse.load(connection, name, frames.empty(name))
    for name, rows in assembly.labels().items():
        warehouse.load(connection, name, rows)
    for mart in statements("marts"):
        warehouse.make_mart(connection, mart)
    write(connection)


def write(connection: duckdb.DuckDBPyConnection) -> None:
    """Make the macros and the table ``codebook``, and write comments on everything; marts must be there."""
    for macro in statements("macros"):
        warehouse.make_macro(connection, macro)
    rows = pl.DataFrame([asdict(entry) for entry in entries(connection)])
    warehouse.load_plain(connection, TABLE, rows)
    warehouse.comment(connection, comments(warehouse.columns(connection)))
    for macro in statements("macros"):
        warehouse.comment_macro(connection, macro.name, _statement(macro, []).text)


# The codebook.


def entries(connection: duckdb.DuckDBPyConnection) -> list[Entry]:
    """Every row of the codebook, over a database that has tables, marts and macros."""
    return [
        *_tables(connection),
        *_macros(connection),
        *_codes(),
        *(entry for form in forms().values() for entry in _form(form)),
        *_cells(),
        *(
            Entry("caution", code=code, zh=chinese(caution.says), en=english(caution.says))
            for code, caution in vocabulary().cautions.items()
        ),
        *(
            Entry("null_reason", column_name="null_reason", code=code, zh=chinese(says), en=english(says))
            for code, says in vocabulary().null_reasons.items()
        ),
    ]


def _tables(connection: duckdb.DuckDBPyConnection) -> Iterator[Entry]:
    marts = {mart.name: mart for mart in statements("marts")}
    there = {name: cols for name, cols in warehouse.columns(connection).items() if name != TABLE}
    for about in comments(there):
        comparable = _comparability(about.table)
        cautions = (
            _cautions_of(marts[about.table])
            if about.table in marts
            else tuple(code for code, c in vocabulary().cautions.items() if about.table in c.tables)
        )
        says = marts[about.table].header["about"] if about.table in marts else about.text
        grain = marts[about.table].header["grain"] if about.table in marts else ""
        yield Entry(
            "table",
            about.table,
            zh=chinese(says),
            en=english(says) + (f"; grain: {grain}" if grain else ""),
            comparability_zh=chinese(comparable) if comparable else "",
            comparability_en=english(comparable) if comparable else "",
            cautions=", ".join(cautions),
        )
        types = dict(
            connection.execute(
                "select column_name, data_type from duckdb_columns() where table_name = ?", [about.table]
            ).fetchall()
        )
        for column, text in about.columns.items():
            yield Entry(
                "column", about.table, column, data_type=types[column], zh=chinese(text), en=english(text)
            )


def _comparability(table: str) -> str:
    code = next((t.code for form in forms().values() for t in form.tables if t.facts == table), "")
    return vocabulary().comparability.get(code, "")


def _macros(connection: duckdb.DuckDBPyConnection) -> Iterator[Entry]:
    for macro in statements("macros"):
        about = macro.header["about"]
        yield Entry(
            "macro",
            macro.name,
            data_type=macro.header.get("parameters", ""),
            zh=chinese(about),
            en=f"{english(about)}; e.g. {macro.header['example']}",
            cautions=", ".join(_cautions_of(macro)),
        )
        described = connection.execute(f"describe {macro.header['example']}").fetchall()
        for column, kind, *_ in described:
            text = _meaning(macro, column)
            yield Entry("column", macro.name, column, data_type=kind, zh=chinese(text), en=english(text))


def _codes() -> Iterator[Entry]:
    for table, column, told in (
        ("fact_section", "section", codebook_codes.sections()),
        ("check_result", "check_code", codebook_codes.checks()),
        ("fact_narrative", "measure", codebook_codes.stated()),
    ):
        for code, zh, en in told:
            yield Entry("code", table, column, code, zh=zh, en=en)
    for column, values in vocabulary().codes.items():
        for code, says in values.items():
            yield Entry("code", column_name=column, code=code, zh=chinese(says), en=english(says))
    for name, rows in assembly.labels().items():
        dimension = name.removeprefix("dim_")
        for row in rows.iter_rows(named=True):
            yield Entry(
                "code",
                name,
                dimension,
                row["code"],
                zh=row["path"],
                en=english_labels()[dimension][row["code"]],
                form_versions=row["form_versions"],
            )


def _form(form: Form) -> Iterator[Entry]:
    yield Entry("form", column_name="form_version", code=form.form, zh=form.notice, clause=form.notice)
    for table in form.tables:
        for identity in (*table.identities, *table.across_years):
            yield Entry(
                "identity",
                table.facts,
                "check_code",
                identity.code,
                zh=identity.clause,
                en=identity.says,
                clause=form.notice,
                form_versions=form.form,
            )


def printed_cells(table: str, version: str) -> tuple[tuple[str, str], ...]:
    """Row and column codes of the cells that a version of the form prints in a table."""
    return tuple((cell.row, cell.column) for cell in forms()[version].table(table).cells)


def _cells() -> Iterator[Entry]:
    """Every cell once, with the versions of the form that print it."""
    found: dict[tuple[str, str, str], list[tuple[Form, Table, CellSpec]]] = {}
    for form in forms().values():
        for table in form.tables:
            for cell in table.cells:
                found.setdefault((table.facts, cell.row, cell.column), []).append((form, table, cell))
    for (facts, row, column), prints in found.items():
        _, table, cell = prints[-1]
        versions = [form.form for form, _, _ in prints]
        crossed = table.layout != "indicators"
        zh, en = [" › ".join(table.row(row).path)], [english_labels()[table.row_dimension][row]]
        if crossed:
            zh.append(" › ".join(table.column(column).path))
            en.append(english_labels()[table.column_dimension][column])
        yield Entry(
            "cell",
            facts,
            code=f"{row}.{column}" if crossed else row,
            zh=" × ".join(zh),
            en=" × ".join(en),
            unit=cell.unit or "",
            clause=table.blocks[cell.block].title or "",
            form_versions=", ".join(versions),
        )
