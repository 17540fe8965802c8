"""The whole job over small folders of the fake kind: what is built, kept, and left alone."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from functools import partial
from pathlib import Path

import dagster as dg
import duckdb
import polars as pl
import pytest

from pipeline import assembly, frames, steps, warehouse
from pipeline.defs import definitions, launch
from pipeline.defs.launch import Outcome, run_build
from pipeline.form.model import forms
from pipeline.settings import Settings
from tests import fakes

pytestmark = pytest.mark.xdist_group("build")
REAL_INSTANCE = launch._instance


@pytest.fixture(scope="module", autouse=True)
def own_instance(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Runs of the tests do not stand in the project's history."""
    home = tmp_path_factory.mktemp("dagster")
    (home / "dagster.yaml").write_text("telemetry:\n  enabled: false\n")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("pipeline.defs.launch._instance", dg.DagsterInstance.ephemeral)
        yield home


def settings(tmp_path: Path, **other: object) -> Settings:
    values = {
        "raw": tmp_path / "raw",
        "warehouse": tmp_path / "w",
        "workers": 2,
        "document_seconds": 20,
        "document_megabytes": 2048,
    }
    return Settings(**{**values, **other})  # type: ignore[arg-type]


def build(tmp_path: Path, **other: object) -> Outcome:
    (tmp_path / "raw").mkdir(exist_ok=True)
    return run_build(settings(tmp_path), tmp_path / "build.log", read=fakes.read_fake, **other)  # type: ignore[arg-type]


def query(tmp_path: Path, sql: str) -> list[tuple]:
    with warehouse.connect(tmp_path / "w" / warehouse.NAME, read_only=True) as connection:
        return connection.execute(sql).fetchall()


def contents(tmp_path: Path) -> dict[str, list[tuple]]:
    with warehouse.connect(tmp_path / "w" / warehouse.NAME, read_only=True) as connection:
        names = sorted(warehouse.tables(connection) - {warehouse.BUILD_INFO})
        # Tables have an order of rows; views promise none.
        return {
            name: connection.execute(
                f"select * from {name} {'' if name in frames.SCHEMAS else 'order by all'}"
            ).fetchall()
            for name in names
        }


def reports(tmp_path: Path) -> Path:
    """A folder with one of each: years of one agency, copies, a broken sum, a gap, what cannot be read."""
    raw, log = tmp_path / "raw", str(tmp_path / "reads")
    figures = fakes.balanced(3)
    fakes.write(raw, "a/2022.txt", agency="南岗区", year=2022, requests=figures, log=log)
    wrong = {**figures, "received.total": 4.0}
    for path in ("a/2023.txt", "b/copy of 2023.txt"):
        fakes.write(raw, path, agency="南岗区", year=2023, requests=wrong, log=log)
    less = {**figures, "received.total": None}
    fakes.write(raw, "c/2023.txt", agency="南岗区", year=2023, requests=less, log=log)
    gaps = {"disputes": "missing", "disclosure": "header_only"}
    fakes.write(raw, "王岗镇.txt", agency="王岗镇", year=2023, parent="南岗区", states=gaps, log=log)
    fakes.write(raw, "odd.txt", agency="某局", year=2023, requests={"received.total": 1.5}, log=log)
    fakes.write(raw, "raise.txt", do="raise", log=log)
    fakes.write(raw, "crash.txt", do="crash", log=log)
    return raw


def reads(tmp_path: Path) -> int:
    log = tmp_path / "reads"
    return len(log.read_text().splitlines()) if log.exists() else 0


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A build that tests only look at."""
    folder = tmp_path_factory.mktemp("shared")
    reports(folder)
    assert build(folder) == Outcome(None, read=8, known=0)
    return folder


@pytest.fixture
def built(shared: Path, tmp_path: Path) -> Path:
    """A copy of that build, to build on."""
    shutil.copytree(shared, tmp_path, dirs_exist_ok=True)
    return tmp_path


def test_every_file_has_a_row_with_what_came_of_it(shared: Path) -> None:
    rows = query(
        shared, "select path, source, status, report_id is not null, message from dim_document order by path"
    )
    assert rows == [
        ("a/2022.txt", "a", "parsed", True, None),
        ("a/2023.txt", "a", "parsed", True, None),
        ("b/copy of 2023.txt", "b", "parsed", True, "the same bytes as a/2023.txt"),
        ("c/2023.txt", "c", "parsed", True, "the facts of this report come from a/2023.txt"),
        ("crash.txt", "local", "unreadable", False, rows[4][4]),
        ("odd.txt", "local", "parsed", True, None),
        ("raise.txt", "local", "unreadable", False, "RuntimeError: no such table"),
        ("王岗镇.txt", "local", "parsed", True, None),
    ]
    assert "ended the worker process twice" in rows[4][4]


def test_two_files_of_one_agency_and_year_are_one_report(shared: Path) -> None:
    assert query(shared, "select agency_name, report_year from dim_report order by all") == [
        ("南岗区", 2022),
        ("南岗区", 2023),
        ("某局", 2023),
        ("王岗镇", 2023),
    ]
    # The better file: it has a figure that the other leaves blank. Those of the others stand beside it.
    received = "outcome = 'received' and applicant = 'total' and report_id like '%-2023'"
    assert (4,) in query(shared, f"select value from fact_request where {received}")
    cell = "row_code = 'received' and column_code = 'total'"
    beside = f"select path, value from other_fact where {cell} order by path"
    assert query(shared, beside) == [("b/copy of 2023.txt", 4.0), ("c/2023.txt", None)]


def test_the_agency_above_is_linked_where_it_is_known(shared: Path) -> None:
    sql = """
        select above.agency_name
        from dim_agency join dim_agency above on dim_agency.parent_agency_id = above.agency_id
    """
    assert query(shared, sql) == [("南岗区",)]


def test_the_facts_are_the_form_s_cells(shared: Path) -> None:
    form = forms()["2021"]
    for table in form.tables:
        (count,) = query(
            shared,
            f"select count(*) from {table.facts} join dim_report using (report_id)"
            " where agency_name = '南岗区'",
        )
        assert count == (2 * len(table.cells),), table.code


def test_what_does_not_fit_is_kept_apart_and_is_a_finding(shared: Path) -> None:
    ((table, reason, row),) = query(shared, "select * from rejected_row")
    assert table == "fact_request" and "not_a_whole_number" in reason and '"1.5"' in row
    findings = query(shared, "select scope, message from mart_findings where agency_name = '某局'")
    assert [scope for scope, message in findings if "does not fit" in message] == ["received"]


def test_findings_are_rows_and_the_panel_counts_them(shared: Path) -> None:
    wrong = "select check_code, scope from mart_findings where report_year = 2023 and agency_name = '南岗区'"
    assert {("requests.balance", "total"), ("requests.applicant_total", "received")} <= set(
        query(shared, wrong)
    )
    panel = "select report_year, requests_received, requests_refused, errors, is_clean from mart_panel"
    assert query(shared, f"{panel} where agency_name = '南岗区' order by report_year") == [
        (2022, 3, 0, 0, True),
        (2023, 4, 0, 2, False),
    ]


def test_a_figure_that_would_close_the_sums_is_suggested_and_not_taken(shared: Path) -> None:
    suggested = """
        select printed_value, suggested_value, value
        from suggested_correction
        join fact_request using (report_id)
        where row_code = 'received' and column_code = 'total' and outcome = row_code
          and applicant = column_code and rank = 1
    """
    assert query(shared, suggested) == [(4.0, 3.0, 4)]


def test_missing_tables_are_named(shared: Path) -> None:
    sql = "select table_name, state, path from mart_missing_tables where agency_name = '王岗镇' order by all"
    assert query(shared, sql) == [
        ("disclosure", "header_only", "王岗镇.txt"),
        ("disputes", "missing", "王岗镇.txt"),
    ]


def test_a_group_s_sum_is_known_only_where_every_part_is(tmp_path: Path) -> None:
    parts = {"refused_state_secret.total": 2, "declined_repeated.total": None}
    fakes.write(tmp_path / "raw", "a.txt", agency="甲", year=2023, requests=parts)
    assert build(tmp_path).fault is None
    assert query(tmp_path, "select requests_refused, requests_declined from mart_panel") == [(2, None)]


def test_text_and_statements_go_with_the_report(shared: Path) -> None:
    assert query(shared, "select count(*), count(distinct report_id) from fact_section") == [(4, 4)]
    assert query(shared, "select distinct measure, value, qualifier from fact_narrative") == [
        ("requests.received", 3.0, "exact")
    ]
    assert query(shared, "select count(*) > 0 from reading_log where table_name = 'heading'") == [(True,)]


def test_every_table_and_column_has_a_comment(shared: Path) -> None:
    assert query(shared, "select table_name from duckdb_tables() where comment is null") == []
    views = "select view_name from duckdb_views() where comment is null and not internal"
    assert query(shared, views) == []
    columns = "select table_name, column_name from duckdb_columns() where not internal"
    assert query(shared, f"{columns} and comment is null") == []
    # A comment that only repeats the name says nothing.
    assert query(shared, f"{columns} and comment = column_name") == []


def test_a_second_build_reads_nothing_and_gives_the_same_tables(built: Path, shared: Path) -> None:
    first, read = contents(built), reads(shared)
    assert build(built) == Outcome(None, read=0, known=8)
    assert reads(shared) == read > 0
    assert contents(built) == first


def test_the_cache_decides_nothing_about_the_tables(
    built: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    elsewhere = tmp_path_factory.mktemp("elsewhere")
    other = settings(built, warehouse=elsewhere / "w", workers=1)
    assert run_build(other, elsewhere / "build.log", read=fakes.read_fake).fault is None
    assert contents(elsewhere) == contents(built)


def test_only_what_changed_is_read_again(built: Path) -> None:
    fakes.write(built / "raw", "odd.txt", agency="某局", year=2023)
    (built / "raw" / "a" / "2022.txt").unlink()
    assert build(built) == Outcome(None, read=1, known=6)
    assert query(built, "select count(*) from rejected_row") == [(0,)]
    assert query(built, "select count(*) from dim_report where report_year = 2022") == [(0,)]


def test_other_readers_read_anew(built: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pipeline.steps.reader_versions", lambda: fakes.versions("next"))
    assert build(built).read == 8


def test_an_empty_folder_is_an_empty_warehouse(tmp_path: Path) -> None:
    assert build(tmp_path) == Outcome(None)
    # What the form and the program say of themselves is there without any report.
    said = {*frames.LABELS, "codebook", "dim_panel_column", "dim_grade_reason"}
    assert all(not rows for name, rows in contents(tmp_path).items() if name not in said)
    assert query(tmp_path, "select count(*) from dim_outcome where code = 'received'") == [(1,)]


def test_agency_or_year_unknown_leaves_the_document_in_the_id(tmp_path: Path) -> None:
    fakes.write(tmp_path / "raw", "a.txt", agency=None, year=None)
    fakes.write(tmp_path / "raw", "b.txt", agency="甲", year=None)
    fakes.write(tmp_path / "raw", "c.txt", agency=None, year=2023)
    assert build(tmp_path).fault is None
    known = "select path, report_id, left(document_id, 12), agency_id from dim_document join dim_report"
    (a, b, c) = query(tmp_path, f"{known} using (report_id, document_id) order by path")
    assert a[1] == a[2] and a[3] is None
    assert b[1] == f"{b[3]}-{b[2]}"
    assert c[1] == f"{c[2]}-2023" and c[3] is None


def published_bytes(tmp_path: Path) -> bytes:
    return (tmp_path / "w" / warehouse.NAME).read_bytes()


def test_a_fault_of_the_pipeline_leaves_the_old_warehouse(built: Path) -> None:
    before = published_bytes(built)

    def no_checks(tables: Mapping[str, pl.DataFrame]) -> pl.DataFrame:
        raise RuntimeError("the checks are broken\nas a second line says")

    fault = build(built, check=no_checks).fault
    assert fault and fault.startswith("check_result: RuntimeError: the checks are broken (the run's log: ")
    assert "\n" not in fault
    assert published_bytes(built) == before
    assert list((built / "w" / ".staging").iterdir()) == []
    assert "the checks are broken" in (built / "build.log").read_text()


def test_too_little_memory_is_said_with_the_step_and_what_to_set(built: Path) -> None:
    def hungry(tables: Mapping[str, pl.DataFrame]) -> pl.DataFrame:
        with duckdb.connect() as connection:
            connection.execute("set memory_limit = '20MB'; set temp_directory = ''")
            connection.execute("select list(range) from range(10000000)").fetchall()
        return tables["dim_report"]

    fault = build(built, check=hungry).fault
    assert fault and fault.startswith("check_result: ") and "GONGKAI_MEGABYTES" in fault and "\n" not in fault


def test_a_claim_that_does_not_hold_leaves_the_old_warehouse(built: Path) -> None:
    before = published_bytes(built)

    def orphan(tables: Mapping[str, pl.DataFrame]) -> pl.DataFrame:
        row = {"report_id": "absent", "check_code": "a.b", "scope": "x", "status": "fail", "severity": "warn"}
        return pl.DataFrame([row])

    assert build(built, check=orphan).fault is not None
    assert published_bytes(built) == before


def test_a_second_writer_is_told_so(tmp_path: Path) -> None:
    with warehouse.lock(tmp_path / "w"):
        fault = build(tmp_path).fault
    assert fault and fault.startswith("another run is writing to") and "\n" not in fault


KILLED = """
import json
import sys
from pathlib import Path
from pipeline import steps
from pipeline.defs.launch import run_build
from pipeline.settings import Settings
from tests import fakes

def dies(tables):
    print("checking", flush=True)
    import time
    time.sleep(60)

if __name__ == "__main__":
    root = Path(sys.argv[1])
    versions = json.loads(sys.argv[2])
    steps.reader_versions = lambda: versions
    settings = Settings(root / "raw", root / "w", 1, 20, 2048)
    run_build(settings, root / "build.log", read=fakes.read_fake, check=dies)
"""


@pytest.mark.slow
def test_a_run_that_is_killed_changes_nothing(built: Path, own_instance: Path) -> None:
    before = published_bytes(built)
    fakes.write(built / "raw", "new.txt", agency="新", year=2023)
    environment = {**os.environ, "DAGSTER_HOME": str(own_instance)}
    root = Path(__file__).parents[1]
    command = [sys.executable, "-c", KILLED, str(built), json.dumps(steps.reader_versions())]
    with subprocess.Popen(command, cwd=root, env=environment, stdout=subprocess.PIPE, text=True) as run:
        assert run.stdout and run.stdout.readline().strip() == "checking"
        run.send_signal(signal.SIGKILL)
        run.wait()
    assert published_bytes(built) == before
    assert list((built / "w" / ".staging").iterdir()) != []
    # What it had read is kept; what it had staged is swept away by the next run.
    assert build(built) == Outcome(None, read=0, known=9)
    assert list((built / "w" / ".staging").iterdir()) == []


# One asset alone, and Dagster's view.


def materialise(tmp_path: Path, selection: list[str]) -> dg.ExecuteInProcessResult:
    folders = {"raw": str(tmp_path / "raw"), "warehouse": str(tmp_path / "w"), "workers": 2}
    job = definitions(read=fakes.read_fake).resolve_job_def("build")
    return job.execute_in_process(
        run_config={"resources": {"build": {"config": folders}}},
        asset_selection=[dg.AssetKey(name) for name in selection],
        instance=dg.DagsterInstance.ephemeral(),
    )


def test_one_table_alone_begins_with_the_published_file_and_ends_with_the_swap(built: Path) -> None:
    first = contents(built)
    fakes.write(built / "raw", "new.txt", agency="新", year=2023)
    assert materialise(built, ["dim_document"]).success
    second = contents(built)
    assert len(second["dim_document"]) == len(first["dim_document"]) + 1
    assert {name: rows for name, rows in second.items() if name != "dim_document"} == {
        name: rows for name, rows in first.items() if name != "dim_document"
    }


def test_a_mart_alone_is_made_anew(built: Path) -> None:
    first = contents(built)
    assert materialise(built, ["mart_panel"]).success
    assert contents(built) == first


def test_asset_checks_show_what_was_found_and_fail_no_run(built: Path) -> None:
    result = (
        definitions(read=fakes.read_fake)
        .resolve_job_def("build")
        .execute_in_process(
            run_config={
                "resources": {
                    "build": {
                        "config": {"raw": str(built / "raw"), "warehouse": str(built / "w"), "workers": 2}
                    }
                }
            },
            instance=dg.DagsterInstance.ephemeral(),
        )
    )
    assert result.success
    checks = {check.check_name: check for check in result.get_asset_check_evaluations()}
    identities = {
        i.code for f in forms().values() for t in f.tables for i in (*t.identities, *t.across_years)
    }
    assert {code.replace(".", "_") for code in identities} <= set(checks)
    balance = checks["requests_balance"]
    assert not balance.passed and balance.severity == dg.AssetCheckSeverity.WARN
    table = balance.metadata["failing"].records
    assert [record.data["agency_name"] for record in table] == ["南岗区"]
    missing = checks["reports_missing_tables"].metadata["failing"].records
    assert {(record.data["agency_name"], record.data["check_code"]) for record in missing} >= {
        ("王岗镇", "completeness.disclosure"),
        ("王岗镇", "completeness.disputes"),
    }
    assert not checks["lost_cells"].passed
    assert not checks["files_not_read"].passed
    assert (
        checks["panel_is_unique"].passed and checks["panel_is_unique"].severity == dg.AssetCheckSeverity.ERROR
    )


def test_the_graph_names_every_table_of_the_warehouse() -> None:
    graph = definitions().resolve_asset_graph()
    named = {key.to_user_string() for key in graph.get_all_asset_keys()}
    assert {"raw_files", "document_text", "report_tables", "published", "mart_panel"} <= named
    assert (
        set(steps.CHECKED_TABLES)
        | set(frames.LABELS)
        | {"check_result", "suggested_correction", "rejected_row"}
        <= named
    )
    for key in graph.get_all_asset_keys():
        node = graph.get(key)
        assert node.group_name != "default" and node.owners == ["team:gongkai"] and node.kinds, key


def test_progress_is_told(tmp_path: Path) -> None:
    reports(tmp_path)
    told: list[tuple[int, int]] = []
    assert build(tmp_path, progress=lambda done, of: told.append((done, of))).fault is None
    assert told == [(done, 8) for done in range(9)]


def test_the_agency_s_id_is_of_its_name_and_division() -> None:
    heading = partial(assembly.Heading, None, report_year=2023, scope="own")
    plain = assembly.agency_id(heading(agency_name="朝阳区"))
    assert plain == assembly.agency_id(heading(agency_name="朝 阳 区"))
    assert plain != assembly.agency_id(heading(agency_name="朝阳区", division_code="110105"))
    assert assembly.agency_id(heading(agency_name=None)) is None


def test_the_history_of_runs_stands_in_the_project_s_instance(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """From whichever folder it is run; a folder that cannot be written has no history."""
    monkeypatch.setattr(launch, "_instance", REAL_INSTANCE)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(launch, "dagster_home", lambda: None)
    monkeypatch.setattr(launch, "INSTANCE", tmp_path / "instance")
    assert build(tmp_path) == Outcome(None)
    assert (tmp_path / "instance" / "history" / "runs.db").exists()
    assert (tmp_path / "build.log").read_text().count("RUN_SUCCESS") == 1
    assert sorted(path.name for path in tmp_path.iterdir()) == ["build.log", "instance", "raw", "w"]
    (tmp_path / "file").write_text("")
    monkeypatch.setattr(launch, "INSTANCE", tmp_path / "file" / "instance")
    assert build(tmp_path) == Outcome(None)


@pytest.mark.parametrize(
    ("named", "said"),
    [
        ("{module: no_such_package, class: Storage, config: {}}", "no_such_package"),
        ("{module: yaml, class: no_such_class, config: {}}", "no_such_class"),
    ],
)
def test_an_instance_that_cannot_be_had_is_told_in_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, named: str, said: str
) -> None:
    (tmp_path / "dagster.yaml").write_text(f"run_storage: {named}\n")
    monkeypatch.setattr(launch, "_instance", REAL_INSTANCE)
    monkeypatch.setattr(launch, "dagster_home", lambda: tmp_path)
    fault = build(tmp_path).fault
    assert fault is not None and fault.startswith(f"Dagster's {tmp_path}/dagster.yaml cannot be used: ")
    assert said in fault and "\n" not in fault


@pytest.mark.slow
def test_many_files_go_through_in_bounded_parts(tmp_path: Path) -> None:
    for number in range(450):
        fakes.write(tmp_path / "raw", f"s/{number:03}.txt", agency=f"机关{number}", year=2023)
    started = time.monotonic()
    assert build(tmp_path) == Outcome(None, read=450, known=0)
    assert time.monotonic() - started < 120
    assert query(tmp_path, "select count(*) from mart_panel") == [(450,)]
    assert len(list((tmp_path / "w" / ".cache" / "readings").iterdir())) == 3


def test_a_warehouse_opens_read_only_while_a_run_holds_the_lock(shared: Path) -> None:
    with warehouse.lock(shared / "w"):
        connection = duckdb.connect(str(shared / "w" / warehouse.NAME), read_only=True)
        assert connection.execute("select count(*) from dim_report").fetchone() == (4,)
        connection.close()
