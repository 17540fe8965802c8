"""Asset checks: what each family shows in the web UI, and that guards of the pipeline bar publication."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

import dagster as dg
import duckdb
import polars as pl
import pytest

from pipeline import assembly, frames, warehouse
from pipeline.checks import guards as g
from pipeline.checks.rules import rules
from pipeline.defs import checks, definitions
from pipeline.defs.launch import Outcome, run_build
from pipeline.form.model import forms
from pipeline.settings import PROJECT, Settings
from tests import fakes

pytestmark = pytest.mark.xdist_group("build")


@pytest.fixture(scope="module", autouse=True)
def own_instance() -> Iterator[None]:
    """Runs of the tests do not stand in the project's history."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("pipeline.defs.launch._instance", dg.DagsterInstance.ephemeral)
        yield


# Families.

IDENTITIES = [i.code for f in forms().values() for t in f.tables for i in (*t.identities, *t.across_years)]
NOTES = ["plausibility.year_missing", "reading.requests", "lost_cells.requests", "completeness.disputes"]
CODES = sorted({*IDENTITIES, *rules().codes, "narrative.requests.received", *NOTES, "novel.thing"})


def tables(findings: list[dict[str, object]]) -> dict[str, pl.DataFrame]:
    """Two reports and these findings about them."""
    reports = [
        {"report_id": "r1", "agency_name": "南岗区", "report_year": 2023, "document_id": "d1"},
        {"report_id": "r2", "agency_name": "阿城区", "report_year": 2022, "document_id": "d2"},
    ]
    documents = [
        {"document_id": "d1", "path": "a/1.pdf", "url": "https://x.example/a_(1)?b=1", "status": "parsed"},
        {"document_id": "d2", "path": "a/2.pdf", "url": "javascript:alert(1)", "status": "parsed"},
        {"document_id": "d3", "path": "a/3.pdf", "status": "encrypted", "message": "needs a password"},
    ]
    plain = {"scope": "total", "severity": "warn", "difference": 1.0, "message": "《三》 = 4, but 3"}
    schema = frames.empty("check_result").schema
    return {
        "dim_report": pl.DataFrame(reports),
        "dim_document": pl.DataFrame(documents),
        "check_result": pl.DataFrame([{**plain, **f} for f in findings], schema=schema),
    }


def evaluate(findings: list[dict[str, object]]) -> dict[str, dg.AssetCheckResult]:
    with duckdb.connect() as connection:
        for name, frame in tables(findings).items():
            connection.register(name, frame.to_arrow())
        return {str(r.check_name): r for r in checks.all_findings(connection)}


def shown(result: dg.AssetCheckResult, name: str) -> list[Mapping[str, object]]:
    table = result.metadata[name]
    assert isinstance(table, dg.TableMetadataValue)
    return [record.data for record in table.records]


def number(result: dg.AssetCheckResult, name: str) -> object:
    return dg.MetadataValue.int(0).value if name not in result.metadata else result.metadata[name].value


@pytest.mark.parametrize("code", CODES)
def test_each_finding_is_in_one_check_with_its_report(code: str) -> None:
    found = evaluate(
        [
            {"report_id": "r1", "check_code": code, "status": "fail", "severity": "error"},
            {"report_id": "r2", "check_code": code, "status": "pass", "severity": "info"},
        ]
    )
    failing = [name for name, result in found.items() if not result.passed and name != "files_not_read"]
    assert failing == [checks.family_of(code).spec.name]
    result = found[failing[0]]
    assert result.severity == dg.AssetCheckSeverity.WARN
    assert (number(result, "fail"), number(result, "reports"), number(result, "error")) == (1, 1, 1)
    assert number(result, "share_of_reports") == 0.5
    (row,) = shown(result, "failing")
    assert (row["agency_name"], row["report_year"], row["path"]) == ("南岗区", 2023, "a/1.pdf")
    assert (row["report_id"], row["message"], row["check_code"]) == ("r1", "《三》 = 4, but 3", code)


@pytest.mark.parametrize("code", CODES)
def test_each_check_passes_where_nothing_failed(code: str) -> None:
    found = evaluate(
        [
            {"report_id": "r1", "check_code": code, "status": "pass"},
            {"report_id": "r2", "check_code": code, "status": "not_assessable"},
        ]
    )
    result = found[checks.family_of(code).spec.name]
    assert result.passed
    assert (number(result, "fail"), number(result, "pass"), number(result, "not_assessable")) == (0, 1, 1)
    assert number(result, "share_of_reports") == 0 and shown(result, "failing") == []


def test_only_what_nobody_foresaw_is_among_the_others() -> None:
    others = [code for code in CODES if checks.family_of(code) is checks.OTHER]
    assert others == ["novel.thing"]
    assert {code: checks.family_of(code).spec.name for code in ("narrative.parts", "rollup.requests")} == {
        "narrative.parts": "narrative_parts",
        "rollup.requests": "rollup_requests",
    }
    assert checks.family_of("narrative.posts.published").spec.name == "narrative_measure"


def test_the_worst_reports_come_first_and_codes_are_counted() -> None:
    found = evaluate(
        [
            {"report_id": "r1", "check_code": "plausibility.a", "status": "fail"},
            {"report_id": "r2", "check_code": "plausibility.a", "status": "fail", "difference": 2.0},
            {"report_id": "r2", "check_code": "plausibility.b", "status": "fail", "difference": -9.0},
        ]
    )
    result = found["plausibility"]
    rows = [(row["report_id"], row["findings"], row["difference"]) for row in shown(result, "failing")]
    assert rows == [("r2", 2, -9.0), ("r2", 2, 2.0), ("r1", 1, 1.0)]
    assert [(row["check_code"], row["fail"], row["reports"]) for row in shown(result, "codes")] == [
        ("plausibility.a", 2, 2),
        ("plausibility.b", 1, 1),
    ]


def test_the_worst_reports_lead_to_where_they_were_published() -> None:
    said = "a | b](https://evil.example) <b>"
    found = evaluate(
        [
            {"report_id": "r2", "check_code": "plausibility.a", "status": "fail", "message": said},
            {"report_id": "r1", "check_code": "plausibility.a", "status": "fail", "severity": "error"},
        ]
    )
    text = found["plausibility"].metadata["worst_reports"].value
    assert isinstance(text, str)
    first, second = text.splitlines()[2:]
    assert first.startswith(r"| [南岗区 2023](https://x.example/a_%281%29?b=1) | 1 | 《三》")
    assert second == r"| 阿城区 2022 | 1 | a \| b\]\(https\:\/\/evil\.example\) \<b\> | a\/2\.pdf |"


def test_a_settled_finding_fails_no_check_and_is_told() -> None:
    one = {"report_id": "r1", "check_code": "requests.balance", "status": "fail", "severity": "error"}
    settled = {**one, "settled": "confirmed"}
    result = evaluate([settled])["requests_balance"]
    assert result.passed
    assert (number(result, "fail"), number(result, "error"), number(result, "settled")) == (0, 0, 1)
    (row,) = shown(result, "settled_findings")
    assert (row["settled"], row["agency_name"], row["severity"]) == ("confirmed", "南岗区", "error")
    result = evaluate([settled, {**one, "report_id": "r2"}])["requests_balance"]
    assert not result.passed and (number(result, "fail"), number(result, "settled")) == (1, 1)
    assert [row["report_id"] for row in shown(result, "failing")] == ["r2"]


def test_files_that_were_not_read_are_named() -> None:
    result = evaluate([])["files_not_read"]
    assert not result.passed and number(result, "share_of_files") == 0.3333
    assert [row["path"] for row in shown(result, "failing")] == ["a/3.pdf"]


def test_descriptions_come_from_the_form_and_the_rules() -> None:
    said = {family.spec.name: family.spec.description for family in checks.FAMILIES}
    for code, rule in rules().checks.items():
        if code not in IDENTITIES:
            assert said[code.replace(".", "_")] == rule.reason
    clause = next(i.clause for i in forms()["2021"].table("requests").identities)
    assert any(clause in str(text) for text in said.values())
    assert all(said.values())


# Guards, over tables.


def collection(files: int, unread: int = 0, figures: int = 10, **columns: object) -> dict[str, pl.DataFrame]:
    """A collection of files, one report each, of 2023; the first ``unread`` are not read."""
    documents = pl.DataFrame(
        {
            "document_id": [f"d{i}" for i in range(files)],
            "source": ["a"] * files,
            "format": ["pdf"] * files,
            "status": ["unreadable" if i < unread else "parsed" for i in range(files)],
            "report_id": [None if i < unread else f"r{i}" for i in range(files)],
        },
        schema_overrides=dict.fromkeys(("document_id", "source", "format", "status", "report_id"), pl.String),
    ).with_columns(**{name: pl.Series(values) for name, values in columns.items()})  # type: ignore[call-overload]
    ids = [f"r{i}" for i in range(unread, files)]
    reports = pl.DataFrame(
        {"report_id": ids, "report_year": [2023] * len(ids)},
        schema={"report_id": pl.String, "report_year": pl.Int64},
    )
    facts = pl.DataFrame(
        {"report_id": ids, "figures": [figures] * len(ids)},
        schema={"report_id": pl.String, "figures": pl.Int64},
    )
    return {"dim_document": documents, "dim_report": reports, **dict.fromkeys(frames.FACTS.values(), facts)}


def failed(now: Mapping[str, pl.DataFrame], before: Mapping[str, pl.DataFrame] | None) -> set[str]:
    found = g.guard_results(now, before)
    assert set(found["guard"]) == {guard.code for guard in g.guards().all}
    return set(found.filter(pl.col("status") == "fail")["guard"])


def test_the_first_build_has_nothing_to_compare() -> None:
    found = g.guard_results(collection(100, unread=90), None)
    assert set(found["status"]) == {"not_assessable"}
    for guard in g.guards().all:
        result = checks.guard_result(found.filter(pl.col("guard") == guard.code))
        assert result.passed and "nothing is published yet" in str(result.metadata["note"].value)


def test_the_same_collection_again_passes() -> None:
    assert failed(collection(100, unread=7), collection(100, unread=7)) == set()


def test_files_that_were_read_and_are_not_any_more() -> None:
    assert failed(collection(100, unread=8), collection(100, unread=4)) == set()
    assert failed(collection(100, unread=10), collection(100, unread=4)) == {"files_unread"}


def test_one_format_or_source_that_gives_way() -> None:
    few = {"format": ["doc"] * 4 + ["pdf"] * 96}
    now, before = collection(100, unread=4, **few), collection(100, **few)
    assert failed(now, before) == {"reader_failures"}
    by_source = {"source": ["b"] * 4 + ["a"] * 96}
    assert failed(collection(100, unread=4, **by_source), collection(100, **by_source)) == {"source_failures"}
    row = g.guard_results(now, before).filter(pl.col("status") == "fail").row(0, named=True)
    assert (row["place"], row["before"], row["now"], row["counted"]) == ("doc", 0.0, 1.0, 4)


def test_new_damaged_files_bar_nothing_unless_they_flood_the_collection() -> None:
    before = collection(100)

    def with_new(count: int) -> dict[str, pl.DataFrame]:
        new = before["dim_document"].head(1).select(pl.all().repeat_by(count).explode())
        new = new.with_columns(
            document_id=pl.format("n{}", pl.int_range(count)), status=pl.lit("unreadable"), report_id=None
        )
        return {**before, "dim_document": pl.concat([before["dim_document"], new], how="vertical_relaxed")}

    assert failed(with_new(40), before) == set()
    assert failed(with_new(400), before) == {
        "files_unread_with_new",
        "reader_failures_with_new",
        "source_failures_with_new",
    }


def test_a_year_that_loses_its_figures() -> None:
    before = collection(30, figures=10)
    assert failed(collection(30, figures=6), before) == set()
    assert failed(collection(30, figures=4), before) == {"figures_per_year"}
    # What is deleted from the folder is not lost by the pipeline.
    assert failed(collection(5, figures=10), before) == set()


def test_an_empty_folder_in_place_of_a_large_one() -> None:
    assert failed(collection(0), collection(39)) == set()
    assert failed(collection(0), collection(40)) == {"files_there"}


def test_what_a_guard_shows() -> None:
    rows = g.guard_results(collection(100, unread=50), collection(100))
    result = checks.guard_result(rows.filter(pl.col("guard") == "files_unread"))
    assert not result.passed and result.severity == dg.AssetCheckSeverity.ERROR
    assert [result.metadata[name].value for name in ("before", "now", "allowed")] == [0.0, 0.5, 0.05]
    assert "50 of the same files of 100 are not read" in str(result.description)
    accepted = checks.guard_result(rows.filter(pl.col("guard") == "files_unread"), accept=True)
    assert not accepted.passed and accepted.severity == dg.AssetCheckSeverity.WARN


def test_a_faulty_file_of_guards_is_named(tmp_path: Path) -> None:
    path = tmp_path / "guards.yaml"
    path.write_text((g.HERE / "guards.yaml").read_text(encoding="utf-8").replace("rise: 0.05", "rise: 5"))
    with pytest.raises(g.RulesFault, match=r"guards.yaml: files.0.rise"):
        g.load_guards(path)


# Guards, over builds.


def build(folder: Path, accept: bool = False) -> Outcome:
    chosen = Settings(folder / "raw", folder / "w", 2, 20, 2048, accept)
    return run_build(chosen, folder / "build.log", read=fakes.read_fake)


def collapse(monkeypatch: pytest.MonkeyPatch) -> None:
    """The readers' next version finds no figure any more."""
    monkeypatch.setattr("pipeline.steps.reader_versions", lambda: fakes.versions("next"))
    monkeypatch.setattr("pipeline.steps.assembly.placed", _without_figures(assembly.placed))


def _without_figures(placed):  # type: ignore[no-untyped-def]
    def made(table: str, *arguments: pl.DataFrame) -> pl.DataFrame:
        rows = placed(table, *arguments)
        return rows.clear() if table in frames.FACTS.values() else rows

    return made


@pytest.fixture
def built(tmp_path: Path) -> Path:
    for year in range(2021, 2024):
        for number in range(3):
            fakes.write(tmp_path / "raw", f"{year}-{number}.txt", agency=f"第{number}局", year=year)
    assert build(tmp_path).fault is None
    return tmp_path


def published(folder: Path) -> bytes:
    return (folder / "w" / warehouse.NAME).read_bytes()


def test_a_build_that_lost_its_figures_is_not_published(built: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = published(built)
    collapse(monkeypatch)
    fault = build(built).fault
    assert fault and "figures_per_year" in fault and "--accept" in fault and "\n" not in fault, fault
    assert published(built) == before
    assert build(built, accept=True).fault is None
    assert published(built) != before


def test_a_table_made_alone_passes_the_guards_too(built: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = published(built)
    collapse(monkeypatch)
    folders = {"raw": str(built / "raw"), "warehouse": str(built / "w"), "workers": 2}
    result = (
        definitions(read=fakes.read_fake)
        .resolve_job_def("build")
        .execute_in_process(
            run_config={"resources": {"build": {"config": folders}}},
            asset_selection=[dg.AssetKey("fact_request")],
            instance=dg.DagsterInstance.ephemeral(),
            raise_on_error=False,
        )
    )
    assert not result.success
    assert published(built) == before


@pytest.mark.slow
def test_every_process_places_a_check_at_the_same_table() -> None:
    """A run that is started in the web UI is planned in one process and works in another."""
    tell = (
        "from pipeline.defs.checks import CHECKS; print(sorted(str(k) for c in CHECKS for k in c.check_keys))"
    )
    placed = {
        subprocess.run(
            [sys.executable, "-c", tell],
            env={**os.environ, "PYTHONHASHSEED": seed},
            cwd=PROJECT,
            capture_output=True,
            check=True,
        ).stdout
        for seed in ("1", "2", "4")
    }
    assert len(placed) == 1
