"""What an export holds: tables, their columns with types, labels and keys, and the slices they are read in.

Here: everything that is the same in all formats. Not here: how a format writes it, or what is said about
the whole (export_package.py).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import duckdb

from pipeline import frames
from pipeline.publish import codebook
from pipeline.warehouse import columns as columns_there

Connection = duckdb.DuckDBPyConnection
Kind = Literal["text", "whole", "number", "truth"]
YEAR = "report_year"
# Records of the reader at work; exported where they are named.
_WORKING = ("reading_note", "reading_log", "rejected_row")
_LABELLED = " · "
# First characters that a spreadsheet takes for a formula, in both widths, and the mark that undoes them.
_FORMULA = r"^\s*[=+\-@\t\r\n''＝＋－＠]"
_PLAIN_NUMBER = r"^[+-]?[0-9]+(\.[0-9]+)?$"
_DUCKDB = {"text": "varchar", "whole": "bigint", "number": "double", "truth": "boolean"}


class ExportFault(Exception):
    """The export cannot be made; the message is one line for a person."""


@dataclass(frozen=True, slots=True)
class Column:
    """A column: its name, its type, what it means (Chinese, then English), and the column that it joins."""

    name: str
    kind: Kind
    meaning: str
    joins: tuple[str, str] | None = None
    """Table and column of which every value here is one."""

    @property
    def label(self) -> str:
        """The Chinese part of its meaning."""
        return self.meaning.partition(_LABELLED)[0]


@dataclass(frozen=True, slots=True)
class Table:
    """A table of the export."""

    name: str
    meaning: str
    columns: tuple[Column, ...]
    key: tuple[str, ...]
    """Columns that tell its rows apart; empty where the warehouse promises none."""
    order: tuple[str, ...]
    by_year: bool
    """Whether its rows belong to one year each, so that it is written year by year."""
    year_joined: bool
    """Whether the year comes from dim_report."""

    def select(self, harmless: bool = False, labels: bool = False) -> str:
        """The table as a query, without order.

        Args:
            harmless: put an apostrophe before text that begins like a formula.
            labels: beside each code of the form its label.
        """
        parts = []
        for column in self.columns:
            place = f't."{column.name}"' if not (self.year_joined and column.name == YEAR) else f"r.{YEAR}"
            value = f"cast({place} as {_DUCKDB[column.kind]})"
            if harmless and column.kind == "text":
                value = _harmless(value)
            parts.append(f'{value} as "{column.name}"')
            label = self.label_table(column)
            if labels and label:
                text = f"(select any_value(path) from {label} where code = {place})"
                parts.append(f'{_harmless(text)} as "{column.name}_label"')
        join = " left join dim_report r using (report_id)" if self.year_joined else ""
        return f"select {', '.join(parts)} from {self.name} t{join}"

    def label_table(self, column: Column) -> str | None:
        """The table of labels that a column's codes stand in, where it is not that table itself."""
        joined = column.joins[0] if column.joins else None
        return joined if joined in frames.LABELS and joined != self.name else None

    def ordered(self) -> str:
        """The order of its rows, as an ``order by`` clause."""
        names = [f'"{name}" nulls last' for name in self.order]
        return f"order by {', '.join(names)}"


@dataclass(frozen=True, slots=True)
class Slice:
    """The rows of one year, or all rows of a table that has no years."""

    table: Table
    year: int | None
    rows: int

    @property
    def where(self) -> str:
        """The condition on the table's query."""
        if not self.table.by_year:
            return "true"
        return f"{YEAR} is null" if self.year is None else f"{YEAR} = {self.year}"

    def query(self, harmless: bool = False, labels: bool = False) -> str:
        """Its rows, sorted."""
        inner = self.table.select(harmless, labels)
        return f"select * from ({inner}) where {self.where} {self.table.ordered()}"


def undo(text: str) -> str:
    """A text of CSV or XLSX as it stands in the warehouse: without the apostrophe that was put before it."""
    return text.removeprefix("'")


def _harmless(value: str) -> str:
    dangerous = f"regexp_matches({value}, '{_FORMULA}') and not regexp_matches({value}, '{_PLAIN_NUMBER}')"
    return f"case when {dangerous} then '''' || {value} else {value} end"


def tables(connection: Connection, names: Sequence[str] = ()) -> list[Table]:
    """The tables to export, in the warehouse's order.

    Args:
        names: those that are wanted; else every table but the reader's working records, and no view, since
            views show the same figures again.
    Raises:
        ExportFault: a table that is wanted is not there.
    """
    there = columns_there(connection)
    stored = [
        name
        for (name,) in connection.execute(
            "select table_name from duckdb_tables() where schema_name = 'main' order by 1"
        ).fetchall()
    ]
    known = [name for name in (*frames.SCHEMAS, *stored) if name in stored and name not in _WORKING]
    absent = [name for name in names if name not in there]
    if absent:
        raise ExportFault(
            f"the warehouse has no table {', '.join(absent)}; it has {', '.join(sorted(there))}"
        )
    wanted = list(dict.fromkeys(names or known))
    if not wanted:
        raise ExportFault("the warehouse has no table to export")
    types = _types(connection)
    comments = {about.table: about for about in codebook.comments(there)}
    found = []
    for name in wanted:
        about = comments.get(name)
        meanings = about.columns if about else {}
        found.append(
            _table(
                name, about.text if about else name, {c: types[name][c] for c in there[name]}, meanings, there
            )
        )
    return found


def _types(connection: Connection) -> dict[str, dict[str, str]]:
    found: dict[str, dict[str, str]] = {}
    for table, column, kind in connection.execute(
        "select table_name, column_name, data_type from duckdb_columns() where schema_name = 'main'"
    ).fetchall():
        found.setdefault(table, {})[column] = kind
    return found


def _table(
    name: str,
    meaning: str,
    types: Mapping[str, str],
    meanings: Mapping[str, str],
    there: Mapping[str, Sequence[str]],
) -> Table:
    columns = [
        _column(name, column, kind, meanings.get(column, column), there) for column, kind in types.items()
    ]
    dimension = name.startswith("dim_")
    year_joined = not dimension and YEAR not in types and "report_id" in types
    if year_joined:
        year = frames.columns("dim_report")[YEAR]
        place = list(types).index("report_id") + 1
        columns.insert(place, Column(YEAR, "whole", year.description or YEAR))
    by_year = not dimension and (year_joined or YEAR in types)
    schema = frames.SCHEMAS.get(name)
    key = tuple(schema.primary_key()) if schema else ()
    # A table without a key is sorted by all that it has, so that two exports are the same.
    order = [*(frames.key(name) if schema else ()), *(column.name for column in columns)]
    first = [YEAR] if by_year else []
    order = list(dict.fromkeys([*first, *(key or order)]))
    return Table(name, meaning, tuple(columns), key, tuple(order), by_year, year_joined)


def _column(table: str, name: str, kind: str, meaning: str, there: Mapping[str, Sequence[str]]) -> Column:
    joined = re.search(r"; joins (\w+)$", meaning)
    joins = None
    if joined and joined[1] in there:
        target = joined[1]
        # In marts a column of the same name may hold other codes.
        coded = target in frames.LABELS and table in frames.SCHEMAS
        field = "code" if coded else name
        joins = (target, field) if field in there[target] and target != table else None
    return Column(name, _kind(kind), meaning, joins)


def _kind(duckdb_type: str) -> Kind:
    if duckdb_type == "BOOLEAN":
        return "truth"
    if duckdb_type.endswith("INT") or duckdb_type == "INTEGER":
        return "whole"
    if duckdb_type in ("DOUBLE", "FLOAT") or duckdb_type.startswith("DECIMAL"):
        return "number"
    return "text"  # dates and times as ISO text, lists as DuckDB writes them


def slices(connection: Connection, table: Table) -> list[Slice]:
    """The years of a table, oldest first, with how many rows each has; the unknown year last."""
    if not table.by_year:
        (rows,) = connection.execute(f"select count(*) from {table.name}").fetchone() or (0,)
        return [Slice(table, None, rows)]
    join = " left join dim_report r using (report_id)" if table.year_joined else ""
    place = f"{'r' if table.year_joined else 't'}.{YEAR}"
    counted = connection.execute(
        f"select {place}, count(*) from {table.name} t{join} group by 1 order by 1 nulls last"
    ).fetchall()
    return [Slice(table, year, rows) for year, rows in counted] or [Slice(table, None, 0)]


def code_labels(connection: Connection, table: Table) -> Iterator[tuple[str, int, str, str]]:
    """Column, place on the form, code and label of each code that the table's columns can hold."""
    for column in table.columns:
        labels = table.label_table(column)
        if labels:
            for place, code, label in connection.execute(
                f"select row_number() over (order by position, code), code, path from {labels} order by all"
            ).fetchall():
                yield column.name, place, code, label
