"""The warehouse file: locked, staged, claimed, swapped in whole."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import duckdb
import polars as pl
import pytest

from pipeline import frames, warehouse
from pipeline.checks import guards
from pipeline.settings import SQL


@pytest.fixture
def stage(tmp_path: Path) -> warehouse.Stage:
    """A staged warehouse with its marts, and no rows."""
    staged = warehouse.begin(tmp_path / "w", "run", fresh=True)
    with warehouse.connect(staged.database) as connection:
        for mart in warehouse.statements("marts"):
            warehouse.make_mart(connection, mart)
    return staged


def add(stage: warehouse.Stage, table: str, **values: object) -> None:
    """A row straight into the staged file, past every schema."""
    with warehouse.connect(stage.database) as connection:
        names = ", ".join(values)
        marks = ", ".join("?" for _ in values)
        connection.execute(f"insert into {table} ({names}) values ({marks})", list(values.values()))


def claim(name: str) -> warehouse.Statement:
    return {statement.name: statement for statement in warehouse.statements("checks")}[name]


def broken(stage: warehouse.Stage, name: str) -> pl.DataFrame:
    with warehouse.connect(stage.database) as connection:
        return warehouse.violations(connection, claim(name))


def test_marts_and_claims_run_over_empty_tables(stage: warehouse.Stage) -> None:
    for statement in warehouse.statements("checks"):
        assert broken(stage, statement.name).is_empty(), statement.name
    warehouse.publish(stage)
    with warehouse.connect(stage.published, read_only=True) as connection:
        assert set(frames.SCHEMAS) | {"build_info", "mart_panel"} <= warehouse.tables(connection)
        assert connection.execute("select count(*) from mart_panel").fetchone() == (0,)


def test_every_statement_says_what_it_claims() -> None:
    for mart in warehouse.statements("marts"):
        assert {"about", "grain"} <= set(mart.header), mart.name
    for statement in warehouse.statements("checks"):
        assert {"claim", "severity", "a row here"} <= set(statement.header), statement.name
        assert statement.uses, statement.name
    assert {path.suffix for path in (SQL / "marts").iterdir()} == {".sql"}


@pytest.mark.parametrize(
    ("name", "rows"),
    [
        ("facts_have_reports", [("fact_request", {"report_id": "absent"})]),
        ("findings_have_reports", [("check_result", {"report_id": "absent"})]),
        ("reports_have_documents", [("dim_report", {"report_id": "a", "document_id": "absent"})]),
        (
            "facts_come_from_the_report",
            [
                ("dim_report", {"report_id": "a", "document_id": "one"}),
                ("fact_dispute", {"report_id": "a", "document_id": "other"}),
            ],
        ),
        ("cells_have_one_figure", [("fact_request", {"value": 1, "derived_value": 1, "best_value": 1})]),
        ("cells_have_one_figure", [("fact_disclosure", {"value": 1, "best_value": 2})]),
        ("cells_have_one_figure", [("fact_dispute", {"value": 1})]),
        ("cells_stand_once", [("fact_request", {"outcome": "received", "applicant": "total"})] * 2),
        ("codes_have_labels", [("fact_request", {"outcome": "recieved", "applicant": "total"})]),
        (
            "settled_findings_lead_to_decisions",
            [("check_result", {"report_id": "a", "settled": "dismissed"})],
        ),
        (
            "settled_findings_lead_to_decisions",
            [
                ("dim_report", {"report_id": "a", "document_id": "one"}),
                ("decisions", {"document_id": "one", "decision": "corrected", "fault": "no such cell"}),
                ("fact_request", {"report_id": "a", "corrected_value": 3}),
            ],
        ),
        ("no_row_is_rejected", [("rejected_row", {"table_name": "fact_request"})]),
        (
            "complete_tables_have_cells",
            [("dim_report", {"report_id": "a", "disclosure_table": "complete"})],
        ),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_claim_returns_what_breaks_it(stage: warehouse.Stage, name: str, rows: list) -> None:
    for table, values in rows:
        add(stage, table, **values)
    assert not broken(stage, name).is_empty()


def test_the_panel_s_claim_sees_a_row_that_stands_twice(stage: warehouse.Stage) -> None:
    for report in ("a-1", "a-2"):
        add(stage, "dim_report", report_id=report, agency_id="a", report_year=2023)
    with warehouse.connect(stage.database) as connection:
        (panel,) = [mart for mart in warehouse.statements("marts") if mart.name == "mart_panel"]
        warehouse.make_mart(connection, panel)
    assert broken(stage, "panel_is_unique")["copies"].to_list() == [2]


def test_what_breaks_a_blocking_claim_is_not_published(stage: warehouse.Stage) -> None:
    add(stage, "fact_request", report_id="absent")
    with pytest.raises(warehouse.WarehouseFault, match="facts_have_reports"):
        warehouse.publish(stage)
    assert not stage.published.exists()


def test_what_breaks_a_claim_that_only_warns_is_published(stage: warehouse.Stage) -> None:
    add(stage, "rejected_row", table_name="fact_request", reason="odd", row="{}")
    warehouse.publish(stage)
    assert stage.published.exists()


def test_a_reader_keeps_what_it_opened_until_it_opens_again(stage: warehouse.Stage) -> None:
    warehouse.publish(stage, keep=True)
    asks = "import duckdb, sys\nc = duckdb.connect(sys.argv[1], read_only=True)\n"
    asks += (
        "for line in sys.stdin: print(c.execute('select count(*) from dim_agency').fetchone()[0], flush=True)"
    )
    command = [sys.executable, "-c", asks, str(stage.published)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as reader:
        assert reader.stdin and reader.stdout

        def ask() -> str:
            assert reader.stdin and reader.stdout
            reader.stdin.write("\n")
            reader.stdin.flush()
            return reader.stdout.readline().strip()

        assert ask() == "0"
        add(stage, "dim_agency", agency_id="a", agency_name="甲")
        warehouse.publish(stage, keep=True)
        assert ask() == "0"
        reader.stdin.close()
    with warehouse.connect(stage.published, read_only=True) as connection:
        assert connection.execute("select count(*) from dim_agency").fetchone() == (1,)


def test_the_file_is_of_the_storage_that_older_clients_open(stage: warehouse.Stage) -> None:
    warehouse.publish(stage)
    with duckdb.connect(str(stage.published), read_only=True) as connection:
        tags = connection.execute("select tags from duckdb_databases() where not internal").fetchone()
    assert tags and "v1.0.0" in str(tags[0])
    assert not list(stage.published.parent.glob("*.wal"))


def test_one_writer_at_a_time(tmp_path: Path) -> None:
    with (
        warehouse.lock(tmp_path),
        pytest.raises(warehouse.WarehouseFault, match="another run is writing"),
        warehouse.lock(tmp_path),
    ):
        pass
    with warehouse.lock(tmp_path):
        pass


def test_what_dead_runs_left_is_removed(tmp_path: Path) -> None:
    dead = warehouse.begin(tmp_path, "dead", fresh=True)
    (dead.database.parent / "dead.duckdb.wal").write_bytes(b"x")
    alive = warehouse.begin(tmp_path, "alive", fresh=True)
    assert sorted(path.name for path in alive.database.parent.iterdir()) == ["alive", "alive.duckdb"]
    warehouse.discard(alive)
    assert list(alive.database.parent.iterdir()) == []


def test_a_folder_that_cannot_be_made_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(warehouse.WarehouseFault, match="cannot write to the warehouse folder") as fault:
        warehouse.prepare(tmp_path / "file" / "w")
    assert "\n" not in str(fault.value)


def test_a_run_over_a_copy_begins_with_what_is_published(stage: warehouse.Stage) -> None:
    add(stage, "dim_agency", agency_id="a", agency_name="甲")
    warehouse.publish(stage)
    for fresh, rows in ((False, 1), (True, 0)):
        again = warehouse.begin(stage.warehouse, "again", fresh)
        with warehouse.connect(again.database) as connection:
            assert warehouse.read(connection, "dim_agency").height == rows


def test_what_is_asked_after_publication_is_asked_of_the_published_file(stage: warehouse.Stage) -> None:
    staged = warehouse.Staged(stage)
    staged.connection.execute("insert into dim_agency (agency_id) values ('a')")
    staged.close()
    warehouse.publish(stage)
    assert warehouse.read(staged.connection, "dim_agency").height == 1
    with pytest.raises(duckdb.Error, match="read-only"):
        staged.connection.execute("insert into dim_agency (agency_id) values ('b')")
    staged.close()
    assert not stage.database.exists()


def test_build_info_says_which_run_made_the_tables(stage: warehouse.Stage) -> None:
    started = datetime(2026, 1, 2, 3, 4, tzinfo=UTC)
    with warehouse.connect(stage.database) as connection:
        warehouse.sign(connection, "run", started, "1.2.3", "abc")
        (row,) = warehouse.read(connection, "build_info").iter_rows(named=True)
    assert (row["run"], row["gongkai_version"], row["reader_version"]) == ("run", "1.2.3", "abc")
    assert row["started_at"] == started.replace(tzinfo=None) <= row["finished_at"]


def test_a_signed_file_answers_what_a_build_is_compared_with(stage: warehouse.Stage) -> None:
    with warehouse.connect(stage.database) as connection:
        warehouse.sign(connection, "run", datetime.now(UTC), "1.2.3", "abc")
    stage.database.replace(stage.published)
    answers = warehouse.asked_of_published(stage.published, guards.QUESTIONS)
    assert answers is not None and answers.keys() == guards.QUESTIONS.keys()


def test_comments_with_quotes_are_written_as_they_are(stage: warehouse.Stage) -> None:
    about = warehouse.Comment("dim_agency", "the agency's row", {"agency_id": "it's"})
    view = replace(about, table="mart_findings", columns={"message": "'; drop table dim_agency; --"})
    with warehouse.connect(stage.database) as connection:
        warehouse.comment(connection, [about, view])
        texts = connection.execute(
            "select comment from duckdb_columns() where comment is not null"
        ).fetchall()
    assert sorted(text for (text,) in texts) == ["'; drop table dim_agency; --", "it's"]
