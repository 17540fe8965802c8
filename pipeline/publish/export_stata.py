"""Stata files: names and labels that Stata takes, codes as labelled numbers, NULL as missing.

Here: Stata's rules and limits. Not here: what a table or a column means (codebook.py).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from datetime import datetime
from pathlib import Path

import pandas as pd
import polars as pl

from pipeline.publish.export_plan import Column, Connection, Slice, Table, code_labels
from pipeline.publish.export_types import Written, batches

# Rows of one file: a file is put together in memory.
MAX_ROWS = 500_000
_VERSION = 118  # Stata 14 and later: UTF-8
_NAME, _LABEL, _FIXED = 32, 80, 2045
_RESERVED = frozenset(
    (
        *("_all", "_b", "_coef", "_cons", "_n", "_pi", "_pred", "_rc", "_se", "_skip"),
        *("byte", "double", "float", "if", "in", "int", "long", "strL", "using", "with"),
    )
)
_TRUTH = {0: "否 · no", 1: "是 · yes"}


def write_stata(
    connection: Connection,
    table: Table,
    slices: list[Slice],
    folder: Path,
    made: datetime,
    max_rows: int = MAX_ROWS,
) -> list[Written]:
    """A file of a table, or files by year where it has more rows than one may have.

    Codes of the form are numbers with value labels, of which the last word is the code. NULL figures are
    missing (``.``), never zero. Stata has no missing text: NULL is the empty text.
    """
    names = stata_names([column.name for column in table.columns])
    labels: dict[str, dict[str, int]] = {}
    texts: dict[str, dict[int, str]] = {}
    for coded, place, code, label in code_labels(connection, table):
        labels.setdefault(coded, {})[code] = place
        texts.setdefault(names[coded], {})[place] = f"{label} · {code}"
    for column in table.columns:
        if column.kind == "truth":
            texts[names[column.name]] = _TRUTH
    said = {names[column.name]: _label(column, names[column.name]) for column in table.columns}
    written = []
    for path, year, note, frame in _files(connection, table, slices, folder, max_rows):
        data, long = _data(frame, table, labels, names)
        pd.io.stata.StataWriterUTF8(
            path,
            data,
            write_index=False,
            version=_VERSION,
            time_stamp=made,
            data_label=table.name[:_LABEL],
            variable_labels=said,
            value_labels={name: text for name, text in texts.items() if data[name].dtype != object},
            convert_strl=long,
        ).write_file()
        written.append(Written(table.name, path, frame.height, year, note))
    return written


def stata_names(names: Sequence[str]) -> dict[str, str]:
    """A valid and unique Stata name for each column: words are shortened evenly where it is too long."""
    taken: dict[str, str] = {}
    for name in names:
        words = re.sub(r"[^A-Za-z0-9_]", "_", name).split("_")
        while len("_".join(words)) > _NAME:
            longest = max(range(len(words)), key=lambda place: len(words[place]))
            words[longest] = words[longest][:-1]
        short = "_".join(words)
        if short in _RESERVED or re.match(r"\d|str\d+$", short):
            short = f"v_{short}"[:_NAME]
        number = 1
        base = short
        while short in taken.values():
            number += 1
            short = f"{base[: _NAME - len(str(number)) - 1]}_{number}"
        taken[name] = short
    return taken


def _label(column: Column, name: str) -> str:
    text = column.meaning if name == column.name else f"{column.name}: {column.meaning}"
    return text if len(text) <= _LABEL else text[: _LABEL - 1] + "…"


def _files(
    connection: Connection, table: Table, slices: list[Slice], folder: Path, max_rows: int
) -> Iterator[tuple[Path, int | None, tuple[str, ...], pl.DataFrame]]:
    """Each file's path, year, note and rows."""
    total = sum(part.rows for part in slices)
    if total <= max_rows:
        gathered = [frame for part in slices for frame in batches(connection, part, harmless=False)]
        yield folder / f"{table.name}.dta", None, (), pl.concat(gathered) if gathered else _none(table)
        return
    note = (f"分为多个文件，用 append 合并 · {total} rows in several files: join them with append",)
    for part in slices:
        year = f"_{'unknown' if part.year is None else part.year}" if table.by_year else ""
        several = part.rows > max_rows
        for number, frame in enumerate(_pieces(connection, part, max_rows), start=1):
            piece = f"_{number:02d}" if several or not year else ""
            yield folder / f"{table.name}{year}{piece}.dta", part.year, note, frame


def _pieces(connection: Connection, part: Slice, max_rows: int) -> Iterator[pl.DataFrame]:
    held: list[pl.DataFrame] = []
    rows = 0
    for batch in batches(connection, part, harmless=False):
        frame = batch
        while rows + frame.height >= max_rows:
            room = max_rows - rows
            yield pl.concat([*held, frame.head(room)])
            held, rows, frame = [], 0, frame.slice(room)
        if frame.height:
            held.append(frame)
            rows += frame.height
    if held:
        yield pl.concat(held)


def _none(table: Table) -> pl.DataFrame:
    kinds = {"text": pl.String, "whole": pl.Int64, "number": pl.Float64, "truth": pl.Boolean}
    return pl.DataFrame(schema={column.name: kinds[column.kind] for column in table.columns})


def _data(
    frame: pl.DataFrame, table: Table, labels: dict[str, dict[str, int]], names: dict[str, str]
) -> tuple[pd.DataFrame, list[str]]:
    """The rows in types that Stata has, and the columns with texts longer than its fixed ones."""
    data: dict[str, object] = {}
    long = []
    for column in table.columns:
        values, name = frame[column.name], names[column.name]
        if column.name in labels and values.drop_nulls().is_in(list(labels[column.name])).all():
            values = values.replace_strict(labels[column.name], default=None, return_dtype=pl.Int64)
        elif column.kind == "text":
            # A code without a label stays as it is, and so does its column.
            # A NUL would end the text.
            values = values.fill_null("").str.replace_all("\0", "\ufffd")
            if (values.str.len_bytes().max() or 0) > _FIXED:  # type: ignore[operator]
                long.append(name)
            data[name] = pd.Series(values.to_list(), dtype=object)
            continue
        data[name] = _numbers(values)
    return pd.DataFrame(data), long


def _numbers(values: pl.Series) -> object:
    """Whole numbers where they fit and none is missing; else doubles, in which NaN is Stata's missing."""
    if values.dtype != pl.Float64 and not values.null_count() and values.len():
        small = values.cast(pl.Int64)
        if small.abs().max() < 2_000_000_000:  # type: ignore[operator]
            return small.cast(pl.Int32).to_numpy()
    return values.cast(pl.Float64).to_numpy()
