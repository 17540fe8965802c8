"""The codebook: whole, in both languages, the same in the pages, in the table and in the comments."""

from __future__ import annotations

import re
from pathlib import Path
from typing import get_args

import duckdb
import pytest
from typer.testing import CliRunner

from pipeline import assembly, frames, warehouse
from pipeline.cells import report as r
from pipeline.cli import app
from pipeline.form.english import english
from pipeline.form.model import forms
from pipeline.publish import codebook, codebook_pages
from pipeline.publish.vocabulary import vocabulary
from tests import synthetic

ROOT = Path(__file__).parents[1]
pytestmark = pytest.mark.xdist_group("codebook")


@pytest.fixture(scope="module")
def empty() -> duckdb.DuckDBPyConnection:
    return synthetic.empty()


def rows(connection: duckdb.DuckDBPyConnection, query: str) -> list[tuple]:
    return connection.execute(query).fetchall()


def test_the_pages_in_docs_are_up_to_date() -> None:
    for name, text in codebook_pages.pages().items():
        assert (ROOT / "docs" / name).read_text(encoding="utf-8") == text, (
            f"docs/{name} is old: run `gongkai codebook --to docs`"
        )


def test_the_command_writes_the_pages(tmp_path: Path) -> None:
    done = CliRunner().invoke(app, ["codebook", "--to", str(tmp_path / "new")])
    assert done.exit_code == 0
    assert sorted(path.name for path in (tmp_path / "new").iterdir()) == sorted(codebook_pages.pages())
    (tmp_path / "file").write_text("")
    assert CliRunner().invoke(app, ["codebook", "--to", str(tmp_path / "file")]).exit_code == 1


def test_everything_has_a_comment_in_both_languages(empty: duckdb.DuckDBPyConnection) -> None:
    comments = rows(
        empty,
        """
        select table_name, comment from duckdb_tables() where not internal
        union all select view_name, comment from duckdb_views() where not internal
        union all select table_name || '.' || column_name, comment from duckdb_columns() where not internal
        union all select function_name, comment from duckdb_functions() where function_type = 'table_macro'
            and not internal
        """,
    )
    assert len(comments) > 600
    for name, comment in comments:
        assert comment and re.fullmatch(r"(?s).*[一-鿿].* · .*[A-Za-z].*", comment), (name, comment)


def test_the_table_has_a_row_for_everything(empty: duckdb.DuckDBPyConnection) -> None:
    there = warehouse.columns(empty)
    told = rows(empty, "select table_name, column_name from codebook where kind = 'column'")
    wanted = {
        (table, column) for table, columns in there.items() for column in columns if table != "codebook"
    }
    assert wanted <= set(told)
    named = {
        name for (name,) in rows(empty, "select table_name from codebook where kind in ('table', 'macro')")
    }
    macros = {macro.name for macro in warehouse.statements("macros")}
    assert named == {*there, *macros} - {"codebook"}
    faults = rows(empty, "from codebook where (zh = '' or en = '') and kind <> 'form'")
    assert faults == []


def test_every_cell_of_every_form_is_explained_with_its_unit(empty: duckdb.DuckDBPyConnection) -> None:
    told = {
        (table, code): (unit, versions.split(", "))
        for table, code, unit, versions in rows(
            empty, "select table_name, code, unit, form_versions from codebook where kind = 'cell'"
        )
    }
    for version, form in forms().items():
        for table in form.tables:
            for cell in table.cells:
                code = cell.row if table.layout == "indicators" else f"{cell.row}.{cell.column}"
                unit, versions = told[table.facts, code]
                assert version in versions
                assert unit == cell.unit or version != versions[-1]


def test_english_labels_are_those_of_the_forms_codes() -> None:
    for name, labels in assembly.labels().items():
        assert set(english()[name.removeprefix("dim_")]) == set(labels["code"])


@pytest.mark.parametrize(
    ("column", "values"),
    [
        ("status", get_args(r.FactStatus)),
        ("document_status", get_args(r.DocumentStatus)),
        ("table_state", get_args(r.TableState)),
        ("scope", get_args(r.Scope)),
        ("check_status", get_args(r.CheckStatus)),
        ("severity", get_args(r.Severity)),
        ("qualifier", get_args(r.Qualifier)),
    ],
)
def test_enumerated_values_are_all_explained(column: str, values: tuple[str, ...]) -> None:
    assert set(vocabulary().codes[column]) == set(values)


def test_cautions_are_known_and_attached() -> None:
    known = vocabulary().cautions
    used = {code for caution, c in known.items() if c.tables for code in (caution,)}
    for folder in ("marts", "macros", "examples"):
        for statement in warehouse.statements(folder):
            codes = {code.strip() for code in statement.header.get("cautions", "").split(",")} - {""}
            assert codes <= set(known), statement.name
            used |= codes
    assert used == set(known)
    assert {table for caution in known.values() for table in caution.tables} <= set(frames.SCHEMAS)


def test_a_published_warehouse_carries_codebook_and_macros(tmp_path: Path) -> None:
    stage = warehouse.begin(tmp_path / "w", "run", fresh=True)
    with warehouse.connect(stage.database) as connection:
        codebook.prepare(connection)
    warehouse.publish(stage)
    with warehouse.connect(stage.published, read_only=True) as connection:
        assert rows(connection, "select count(*) > 1000 from codebook") == [(True,)]
        assert rows(connection, "from grant_rate()") == []
        assert rows(connection, "from search_sections('公开')") == []
