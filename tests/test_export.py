"""Exports: read back by other programs, equal to the warehouse, whole or not at all, harmless in Excel."""

from __future__ import annotations

import hashlib
import json
import math
import shutil
import signal
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import duckdb
import jsonschema
import openpyxl
import pandas as pd
import polars as pl
import pyarrow as pa
import pyreadstat
import pytest
import yaml
from frictionless import validate
from pyarrow import dataset
from typer.testing import CliRunner

from pipeline import frames, warehouse
from pipeline.cli import app
from pipeline.form.model import forms
from pipeline.publish import codebook, export, export_plan, export_stata, export_types, export_xlsx
from pipeline.publish.export_package import version
from pipeline.publish.export_release import COUNTS, FOLDER

FACTS = sorted(frames.FACTS.values())
LONG = "长" * 40_000
STARTED = datetime(2026, 1, 2, tzinfo=UTC)
# What a stranger can put into a title, and whether a spreadsheet would take it for a formula.
TEXTS = {
    "=cmd|'/c calc'!A1": True,
    "+1+2": True,
    "-1+cmd": True,
    "@SUM(A1)": True,
    "\t=1": True,
    "\r=1": True,
    "\n=1": True,
    "  =1": True,
    "＝1+1": True,
    "'quoted": True,
    "-3": False,
    "+4.50": False,
    '南岗区, "报告"': False,
    "": False,
}


def insert(db: duckdb.DuckDBPyConnection, table: str, **values: object) -> None:
    marks = ", ".join("?" for _ in values)
    db.execute(f"insert into {table} ({', '.join(values)}) values ({marks})", list(values.values()))


def put_report(db: duckdb.DuckDBPyConnection, name: str, year: int | None, title: str = "") -> None:
    """A report with every cell of the newest form: some figures, some zeros, some empty."""
    report, document = f"{name}-{year}", f"file of {name} {year}"
    insert(db, "dim_document", document_id=document, path=f"{report}.txt", source="local", report_id=report)
    insert(db, "dim_report", report_id=report, agency_id=name, agency_name=name, report_year=year)
    db.execute(
        "update dim_report set title = ?, document_id = ? where report_id = ?", [title, document, report]
    )
    for table, facts in frames.FACTS.items():
        row, column = frames.dimensions(table)
        rows = []
        for place, cell in enumerate(list(forms().values())[-1].table(table).cells):
            value = None if place % 5 == 0 else place % 7
            found = {"report_id": report, row: cell.row, column: cell.column, "document_id": document}
            found |= {"value": value, "best_value": value, "raw_text": "" if value is None else str(value)}
            rows.append({**found, "status": "blank" if value is None else "reported"})
        evidence = {"locator": pl.lit("line=1"), "confidence": pl.lit(1.0)}
        db.register("incoming", pl.DataFrame(rows).with_columns(**evidence).to_arrow())
        db.execute(f"insert into {facts} by name select * from incoming")
        db.unregister("incoming")


def make(folder: Path) -> Path:
    stage = warehouse.begin(folder, "run", fresh=True)
    with warehouse.connect(stage.database) as db:
        for dimension in frames.LABELS:
            for label in labels_of(dimension):
                insert(db, dimension, **label)
        for number, title in enumerate(TEXTS):
            insert(db, "dim_agency", agency_id=f"局{number}", agency_name=f"局{number}")
            put_report(db, f"局{number}", 2021 + number % 3 if number else None, title)
        insert(
            db, "fact_section", report_id="局1-2022", position=1, section="overview", title="一", text=LONG
        )
        insert(db, "check_result", report_id="局1-2022", check_code="requests.balance", scope="total",
               status="fail", severity="error", left_value=1, right_value=2, difference=-1)  # fmt: skip
        for mart in warehouse.statements("marts"):
            warehouse.make_mart(db, mart)
        warehouse.sign(db, "run", STARTED, "0.1", "r1")
    folder.mkdir(exist_ok=True)
    stage.database.replace(folder / warehouse.NAME)
    return folder / warehouse.NAME


def labels_of(dimension: str) -> list[dict[str, object]]:
    """The form's labels of one dimension, as rows."""
    for table in frames.FACTS:
        sides = frames.dimensions(table)
        if dimension.removeprefix("dim_") in sides:
            found: dict[str, dict[str, object]] = {}
            for form in forms().values():
                for known in form.tables:
                    if known.code == table:
                        lines = known.rows if dimension == f"dim_{sides[0]}" else known.all_columns
                        for line in lines:
                            text = " › ".join(line.path)
                            found.setdefault(line.code, {"code": line.code, "label": text, "path": text,
                                "position": len(found) + 1, "form_versions": form.form})  # fmt: skip
            return list(found.values())
    return []


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make(tmp_path_factory.mktemp("warehouse"))


@pytest.fixture(scope="module")
def whole(source: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An export in all formats, and the warehouse's bytes unchanged by it."""
    to = tmp_path_factory.mktemp("exports") / "all"
    before = hashlib.sha256(source.read_bytes()).digest(), sorted(source.parent.iterdir())
    export.export(source, to, list(export.Format))
    assert (hashlib.sha256(source.read_bytes()).digest(), sorted(source.parent.iterdir())) == before
    return to


def asked(source: Path, query: str) -> list[tuple]:
    with warehouse.connect(source, read_only=True) as db:
        return db.execute(query).fetchall()


def totals(source: Path, table: str) -> tuple[int, float, int]:
    """Rows, sum of figures, figures that are missing."""
    ((rows, total, missing),) = asked(
        source, f"select count(*), sum(best_value), count(*) - count(best_value) from {table}"
    )
    return rows, float(total), missing


def of_frame(frame: pd.DataFrame, column: str = "best_value") -> tuple[int, float, int]:
    return len(frame), float(frame[column].sum()), int(frame[column].isna().sum())


@pytest.mark.parametrize("table", FACTS)
def test_parquet_reads_back(source: Path, whole: Path, table: str) -> None:
    wanted = totals(source, table)
    folder = whole / "parquet" / table
    found = duckdb.sql(
        "select count(*), sum(best_value), count(*) - count(best_value), count(report_year)"
        f" from read_parquet('{folder}/**/*.parquet', hive_partitioning = true)"
    ).fetchall()[0]
    cells = wanted[0] // len(TEXTS)
    assert found == (*wanted, wanted[0] - cells), "one report's year is unknown"
    frame = pl.read_parquet(folder / "**/*.parquet", hive_partitioning=True)
    assert (frame.height, frame["best_value"].sum(), frame["best_value"].null_count()) == wanted
    year = pl.read_parquet(folder / "report_year=2022" / "data.parquet")
    key = frames.key(table)
    assert year[key].equals(year[key].sort(key))
    # Left alone, pyarrow makes years a dictionary, which cannot hold the unknown one.
    years = dataset.partitioning(pa.schema([("report_year", pa.int64())]), flavor="hive")
    in_pandas = pd.read_parquet(folder, partitioning=years)
    assert of_frame(in_pandas) == wanted and in_pandas["report_year"].isna().sum() == cells
    described = duckdb.sql(f"select distinct compression from parquet_metadata('{folder}/**/*.parquet')")
    assert described.fetchall() == [("ZSTD",)]


@pytest.mark.parametrize("form", ["csv", "csv-bom"])
@pytest.mark.parametrize("table", FACTS)
def test_csv_reads_back(source: Path, whole: Path, table: str, form: str) -> None:
    path = whole / form / f"{table}.csv"
    assert path.read_bytes().startswith(b"\xef\xbb\xbf") == (form == "csv-bom")
    assert of_frame(pd.read_csv(path, encoding="utf-8-sig" if form == "csv-bom" else "utf-8")) == totals(
        source, table
    )
    query = f"select count(*), sum(best_value), count(*) - count(best_value) from '{path}'"
    assert duckdb.sql(query).fetchall()[0] == totals(source, table)
    frame = pl.read_csv(path)
    assert (frame.height, frame["best_value"].sum()) == totals(source, table)[:2]


@pytest.mark.parametrize("table", FACTS)
def test_stata_reads_back(source: Path, whole: Path, table: str) -> None:
    path = str(whole / "stata" / f"{table}.dta")
    plain, about = pyreadstat.read_dta(path)
    assert of_frame(plain) == totals(source, table)
    assert about.column_names_to_labels["best_value"].startswith("采用值")
    row, _ = frames.dimensions(next(code for code, facts in frames.FACTS.items() if facts == table))
    labelled, _ = pyreadstat.read_dta(path, apply_value_formats=True)
    counted = labelled[row].astype(str).str.rpartition(" · ")[2].value_counts().to_dict()
    assert counted == dict(asked(source, f"select {row}, count(*) from {table} group by 1"))
    assert of_frame(pd.read_stata(path, convert_categoricals=False)) == totals(source, table)


@pytest.mark.parametrize("table", FACTS)
def test_workbooks_read_back(source: Path, whole: Path, table: str) -> None:
    book = openpyxl.load_workbook(whole / "xlsx" / f"{table}.xlsx")
    sheet, codes = book.worksheets
    headers = [cell.value for cell in sheet[1]]
    assert sheet.freeze_panes == "A2" and "采用值 · best_value" in headers
    place = headers.index("采用值 · best_value")
    values = [row[place] for row in sheet.iter_rows(min_row=2, values_only=True)]
    known = [value for value in values if value is not None]
    assert (len(values), sum(known), len(values) - len(known)) == totals(source, table)
    row, _ = frames.dimensions(next(code for code, facts in frames.FACTS.items() if facts == table))
    written = {(line[2], line[3]) for line in codes.iter_rows(values_only=True) if line[1] == "code"}
    assert set(asked(source, f"select code, path from dim_{row}")) <= written
    labels = headers.index(next(header for header in headers if header.endswith(f" · {row}_label")))
    shown = {line[labels] for line in sheet.iter_rows(min_row=2, values_only=True)}
    used = f"select path from dim_{row} where code in (select {row} from {table})"
    assert shown == {text for (text,) in asked(source, used)}


def test_what_begins_like_a_formula_is_harmless_and_comes_back(source: Path, whole: Path) -> None:
    titles = dict(asked(source, "select report_id, title from dim_report"))
    table = pd.read_csv(whole / "csv" / "dim_report.csv", dtype=str, keep_default_na=False)
    sheet = openpyxl.load_workbook(whole / "xlsx" / "dim_report.xlsx").worksheets[0]
    headers = [cell.value for cell in sheet[1]]
    place = headers.index("标题 · title")
    in_book = {row[0].value: row[place] for row in sheet.iter_rows(min_row=2)}
    assert {cell.data_type for cell in in_book.values()} <= {"s", "n"}  # n: an empty cell
    assert sorted(set(titles.values())) == sorted(TEXTS)
    for report, written in zip(table["report_id"], table["title"], strict=True):
        title = titles[report]
        assert written == ("'" if TEXTS[title] else "") + title
        assert export_plan.undo(written) == title
        if title.isprintable():
            assert (in_book[report].value or "") == written
    panel = pl.read_parquet(whole / "parquet" / "dim_report.parquet")
    assert dict(panel.select("report_id", "title").iter_rows()) == titles, "Parquet is as it was"


def test_long_texts_are_whole_in_stata_and_cut_with_a_note_in_excel(whole: Path) -> None:
    assert pd.read_stata(whole / "stata" / "fact_section.dta")["text"].tolist() == [LONG]
    book = openpyxl.load_workbook(whole / "xlsx" / "fact_section.xlsx")
    texts = list(book.worksheets[0].iter_rows(min_row=2, values_only=True))
    assert LONG[: export_xlsx.MAX_TEXT - 1] + "…" in texts[0]
    notes = [row[3] for row in book["codebook"].iter_rows(values_only=True) if row[1] == "note"]
    assert any("1 cells cut" in note for note in notes)
    assert "1 cells cut" in (whole / "RELEASE.md").read_text(encoding="utf-8")


def test_the_package_is_valid_and_its_hashes_hold(whole: Path) -> None:
    report = validate(str(whole / "datapackage.json"))
    assert report.valid, [task.errors for task in report.tasks if not task.valid] or report.errors
    package = json.loads((whole / "datapackage.json").read_text(encoding="utf-8"))
    there = {str(path.relative_to(whole)) for path in whole.rglob("*") if path.is_file()}
    assert there == {*package["gongkai_export"]["files"], "datapackage.json"}
    for file in package["resources"]:
        data = (whole / file["path"]).read_bytes()
        assert (file["bytes"], file["hash"]) == (len(data), f"sha256:{hashlib.sha256(data).hexdigest()}")
    facts = next(file for file in package["resources"] if file["name"] == "fact_request")["schema"]
    assert facts["primaryKey"] == ["report_id", "outcome", "applicant"]
    led = {key["fields"][0]: key["reference"]["resource"] for key in facts["foreignKeys"]}
    assert led == {"report_id": "dim_report", "outcome": "dim_outcome", "applicant": "dim_applicant",
                   "document_id": "dim_document"}  # fmt: skip
    assert package["licenses"][0]["name"] == "Apache-2.0" and package["sources"] and package["version"]
    assert {file["name"]: file["bytes"] for file in package["resources"]}.keys() >= set(FACTS)


def test_a_package_that_was_tampered_with_is_not_valid(whole: Path, tmp_path: Path) -> None:
    copy = tmp_path / "copy"
    shutil.copytree(whole, copy)
    path = copy / "csv" / "fact_dispute.csv"
    path.write_text(path.read_text(encoding="utf-8").replace("upheld", "upholds"), encoding="utf-8")
    kinds = {error.type for task in validate(str(copy / "datapackage.json")).tasks for error in task.errors}
    assert {"hash-count", "foreign-key"} <= kinds


def test_the_citation_is_valid(whole: Path) -> None:
    # The schema of the Citation File Format 1.2.0, by S. Druskat and others, under CC BY 4.0.
    schema = json.loads((Path(__file__).parent / "cff_1.2.0.json").read_text(encoding="utf-8"))
    citation = yaml.safe_load((whole / "CITATION.cff").read_text(encoding="utf-8"))
    jsonschema.Draft7Validator(schema).validate(citation)
    broken = {**citation, "license": "no such licence"}
    assert not jsonschema.Draft7Validator(schema).is_valid(broken)


def test_the_codebook_has_every_column_of_every_table(source: Path, whole: Path) -> None:
    book = pl.read_csv(whole / "codebook.csv")
    with warehouse.connect(source, read_only=True) as db:
        wanted = {(t.name, c.name) for t in export_plan.tables(db) for c in t.columns}
    rows = book.filter((pl.col("type") != "code") & pl.col("column").is_not_null())
    assert set(rows.select("table", "column").iter_rows()) == wanted
    assert rows["stata_name"].str.contains("^[A-Za-z_][A-Za-z0-9_]{0,31}$").all()


def test_stata_names_are_valid_and_unique() -> None:
    names = ["in", "str5", "a" * 40, "a" * 41, "litigation_after_reconsideration_corrected", "2021", "总计"]
    found = export_stata.stata_names(names)
    assert len(set(found.values())) == len(names)
    assert max(map(len, found.values())) <= 32
    assert not {"in", "str5", "2021"} & set(found.values())
    assert export_stata.stata_names(["report_id"]) == {"report_id": "report_id"}


def test_long_tables_are_split_and_said_to_be(source: Path, tmp_path: Path) -> None:
    with warehouse.connect(source, read_only=True) as db:
        (table,) = export_plan.tables(db, ["fact_dispute"])
        parts, made = export_plan.slices(db, table), version(db).made
        books = export_xlsx.write_xlsx(db, table, parts, tmp_path, made, max_rows=101)
        stata = export_stata.write_stata(db, table, parts, tmp_path, made, max_rows=50)
    rows, total, missing = totals(source, "fact_dispute")
    assert [file.rows for file in books] == [100] * (rows // 100) + [rows % 100] * bool(rows % 100)
    assert all("part" in note for file in books for note in file.notes)
    found = pd.concat(pd.read_excel(file.path, sheet_name=0) for file in books)
    assert of_frame(found, "采用值 · best_value") == (rows, total, missing)
    assert all(file.rows <= 50 and file.notes for file in stata)
    found = pd.concat(pd.read_stata(file.path, convert_categoricals=False) for file in stata)
    assert of_frame(found) == (rows, total, missing)


def test_batches_are_all_rows_in_order(source: Path) -> None:
    with warehouse.connect(source, read_only=True) as db:
        (table,) = export_plan.tables(db, ["fact_request"])
        part = export_plan.slices(db, table)[0]
        frame = pl.concat(export_types.batches(db, part, harmless=False))
    assert frame.height == part.rows
    assert frame.equals(frame.sort(["report_year", *frames.key("fact_request")]))


def test_two_exports_are_the_same_bytes(source: Path, tmp_path: Path) -> None:
    for name in ("one", "other"):
        export.export(source, tmp_path / name, list(export.Format), ["dim_report", "fact_dispute"])
    assert digests(tmp_path / "one") == digests(tmp_path / "other")


def digests(folder: Path) -> dict[str, str]:
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


# The folder.


def run(*words: object) -> tuple[int, str]:
    result = CliRunner().invoke(app, ["export", *map(str, words)])
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    return result.exit_code, result.output


def test_the_command_counts_what_changed(source: Path, tmp_path: Path) -> None:
    to = tmp_path / "out"
    assert run("--to", to, "--format", "parquet,dta", "--warehouse", source.parent)[0] == 0
    assert sorted(path.name for path in to.iterdir() if path.is_dir()) == ["parquet", "release", "stata"]
    shutil.copytree(to, tmp_path / "first")
    later = tmp_path / "later"
    later.mkdir()
    shutil.copyfile(source, later / warehouse.NAME)
    with warehouse.connect(later / warehouse.NAME) as db:
        insert(db, "dim_document", document_id="file of 新局 2024", path="new.txt", source="local")
        put_report(db, "新局", 2024)
        for table in ("dim_report", *FACTS, "check_result"):
            db.execute(f"delete from {table} where report_id = '局4-2022'")
        where = "where report_id = '局2-2023' and forum = 'reconsideration'"
        db.execute(
            f"update fact_dispute set value = 9, best_value = 9 {where} and result in ('upheld', 'other')"
        )
        db.execute(f"delete from fact_dispute {where} and result = 'pending'")
        db.execute("update dim_report set title = 'other' where report_id = '局3-2021'")
        db.execute("update check_result set settled = 'confirmed'")
        insert(db, "check_result", report_id="局2-2023", check_code="a.b", scope="x", status="fail")
        insert(db, "check_result", report_id="局2-2023", check_code="a.b", scope="y", status="fail")
        insert(db, "check_result", report_id="局2-2023", check_code="a.b", scope="z", status="pass")
    code, said = run("--to", to, "--warehouse", later)
    assert code == 0 and "reports 1 added, 2 changed, 1 removed; 2 cells changed" in said.replace("\n", " ")
    counts = json.loads((to / FOLDER / COUNTS).read_text(encoding="utf-8"))
    wanted = {"reports_added": 1, "reports_changed": 2, "reports_removed": 1}
    wanted |= {"cells_changed": 2, "cells_added": 0, "cells_removed": 1}
    wanted |= {"findings_opened": 2, "findings_closed": 1}
    assert {name: counts[name] for name in wanted} == wanted
    assert not (to / "stata").exists(), "the folder holds the new export only"
    code, _ = run("--to", tmp_path / "second", "--since", tmp_path / "first", "--warehouse", later)
    counts = json.loads((tmp_path / "second" / FOLDER / COUNTS).read_text(encoding="utf-8"))
    assert code == 0 and {name: counts[name] for name in wanted} == wanted


@pytest.mark.parametrize(
    ("words", "fault"),
    [
        (["--format", "docx"], "a format is"),
        (["--tables", "no_such"], "no table no_such"),
        (["--since", "absent"], "no earlier export"),
    ],
)
def test_a_wrong_word_is_told(source: Path, tmp_path: Path, words: list[str], fault: str) -> None:
    code, said = run("--to", tmp_path / "x", "--warehouse", source.parent, *words)
    assert code == 1 and fault in said.replace("\n", " ")
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_is_no_export_stays(source: Path, tmp_path: Path) -> None:
    mine = tmp_path / "mine"
    mine.mkdir()
    (mine / "thesis.txt").write_text("mine")
    code, said = run("--to", mine, "--warehouse", source.parent)
    assert code == 1 and "no export" in said and (mine / "thesis.txt").read_text() == "mine"
    out = tmp_path / "out"
    assert run("--to", out, "--tables", "dim_report", "--warehouse", source.parent)[0] == 0
    (out / "notes.txt").write_text("mine")
    code, said = run("--to", out, "--warehouse", source.parent)
    assert code == 1 and "notes.txt" in said and (out / "notes.txt").exists()
    assert run("--to", mine / "thesis.txt", "--warehouse", source.parent)[0] == 1
    assert sorted(path.name for path in tmp_path.iterdir()) == ["mine", "out"]


KILLED = """
import os, signal, sys
from pathlib import Path
from pipeline.publish import export
def stop(what, done, of):
    if done == 3:
        os.kill(os.getpid(), signal.SIGKILL)
export.export(Path(sys.argv[1]), Path(sys.argv[2]), [export.Format.CSV], progress=stop)
"""


def test_a_killed_export_leaves_the_old_one(source: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    export.export(source, out, [export.Format.PARQUET])
    before = digests(out)
    ended = subprocess.run([sys.executable, "-c", KILLED, str(source), str(out)], check=False)
    assert ended.returncode == -signal.SIGKILL and digests(out) == before
    assert (tmp_path / ".out.exporting" / "out" / "csv").is_dir(), "it was killed at work"
    export.export(source, out, [export.Format.CSV])
    assert [path.name for path in tmp_path.iterdir()] == ["out"] and (out / "csv").is_dir()


def test_a_failing_export_leaves_the_old_one(
    source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "out"
    export.export(source, out, [export.Format.PARQUET])
    before = digests(out)

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(export, "write_package", full)
    code, said = run("--to", out, "--warehouse", source.parent)
    assert code == 1 and "No space left" in said.replace("\n", " ")
    assert digests(out) == before and [path.name for path in tmp_path.iterdir()] == ["out"]


def test_without_an_exchange_of_folders_two_renames_do(
    source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "out"
    export.export(source, out, [export.Format.PARQUET], ["dim_report"])
    monkeypatch.setattr(export, "_exchange", lambda one, other: False)
    export.export(source, out, [export.Format.CSV], ["dim_report"])
    assert [path.name for path in tmp_path.iterdir()] == ["out"] and (out / "csv").is_dir()
    out.rename(tmp_path / ".out.replaced")  # as if killed between the two
    export.export(source, out, [export.Format.CSV], ["dim_agency"])
    assert [path.name for path in tmp_path.iterdir()] == ["out"]
    assert "since" in json.loads((out / FOLDER / COUNTS).read_text(encoding="utf-8"))


def test_two_exports_to_one_folder_do_not_meet(source: Path, tmp_path: Path) -> None:
    met = []

    def second(*_: object) -> None:
        with pytest.raises(export_plan.ExportFault, match="another export"):
            export.export(source, tmp_path / "out", [export.Format.CSV], ["dim_report"])
        met.append(True)

    export.export(source, tmp_path / "out", [export.Format.CSV], ["dim_report"], progress=second)
    assert met and (tmp_path / "out" / "csv").is_dir()


R = """
suppressMessages({library(haven); library(readxl)})
d <- read_dta(file.path(commandArgs(TRUE)[1], "stata", "fact_dispute.dta"))
x <- read_excel(file.path(commandArgs(TRUE)[1], "xlsx", "fact_dispute.xlsx"))
v <- x[["采用值 · best_value"]]
cat(nrow(d), sum(d$best_value, na.rm = TRUE), sum(is.na(d$best_value)), nlevels(as_factor(d$result)), "\n")
cat(nrow(x), sum(v, na.rm = TRUE), sum(is.na(v)), "\n")
"""


@pytest.mark.slow
def test_r_reads_stata_and_excel(source: Path, whole: Path, tmp_path: Path) -> None:
    program = shutil.which("Rscript")
    if program is None:
        pytest.skip("needs R: apt-get install r-base-core r-cran-haven r-cran-readxl")
    script = tmp_path / "read.R"
    script.write_text(R, encoding="utf-8")
    said = subprocess.run(
        [program, "--encoding=UTF-8", str(script), str(whole)],
        env={"LANG": "C.UTF-8", "PATH": "/usr/bin:/bin"}, capture_output=True, text=True, check=False,
    )  # fmt: skip
    if "there is no package" in said.stderr:
        pytest.skip("needs R's haven and readxl: apt-get install r-cran-haven r-cran-readxl")
    first, second = (list(map(float, line.split())) for line in said.stdout.splitlines())
    assert first == [*totals(source, "fact_dispute"), 5.0] and second == list(totals(source, "fact_dispute"))
    assert not math.isnan(sum(first))


def test_the_table_that_is_named_like_the_sheet_beside_it_has_both(source: Path, tmp_path: Path) -> None:
    shutil.copy(source, tmp_path / "copy.duckdb")
    with warehouse.connect(tmp_path / "copy.duckdb") as connection:
        codebook.write(connection)
    export.export(tmp_path / "copy.duckdb", tmp_path / "out", [export.Format.XLSX], ["codebook"])
    book = openpyxl.load_workbook(tmp_path / "out" / "xlsx" / "codebook.xlsx", read_only=True)
    assert book.sheetnames == ["codebook", "codebook of codebook"]
