"""One hostile collection, built end to end: on pages, in files, terminal and Dagster it stays text."""

from __future__ import annotations

import csv
import json
import re
import shutil
import threading
import unicodedata
import zipfile
from collections.abc import Iterator
from pathlib import Path

import dagster as dg
import duckdb
import markdown
import pytest
from lxml import etree, html
from typer.testing import CliRunner

from pipeline import warehouse
from pipeline.cli import app
from pipeline.defs import checks
from pipeline.defs.launch import run_build
from pipeline.manifest import provenance
from pipeline.publish import explore, explore_server
from pipeline.publish.export_plan import undo
from pipeline.settings import Settings
from tests import poison
from tests.browser import Page, chromium

pytestmark = pytest.mark.xdist_group("poison")
# What a spreadsheet takes for a formula, or for the end of a field that makes room for one.
FORMULA = tuple("=+-@\t\r\n＝＋－＠")
NUMBER = re.compile(r"[+-]?\d+(\.\d+)?")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The collection, its warehouse in ``w``, its exports, explorer and comparison."""
    folder = tmp_path_factory.mktemp("poison")
    poison.collection(folder)
    settings = Settings(folder / "raw", folder / "w", 2, 30, 2048, curation=folder / "curation")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("pipeline.defs.launch._instance", dg.DagsterInstance.ephemeral)
        outcome = run_build(settings, folder / "build.log", read=poison.read_poisoned)
    assert outcome.fault is None
    return folder


@pytest.fixture(scope="module")
def built(folder: Path) -> Path:
    return folder / "w" / warehouse.NAME


@pytest.fixture(scope="module")
def database(built: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    with warehouse.connect(built, read_only=True) as connection:
        yield connection


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Page]:
    with chromium(tmp_path_factory.mktemp("browser")) as page:
        yield page


def gongkai(folder: Path, *words: object) -> str:
    """What a command prints, on both streams."""
    result = CliRunner().invoke(app, [str(word) for word in (*words, "--warehouse", folder / "w")])
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    return result.stdout + result.stderr


def test_the_collection_is_in_the_warehouse_as_it_is(database: duckdb.DuckDBPyConnection) -> None:
    """Else nothing below would mean anything."""
    for kind, text in poison.TEXTS.items():
        for query in (
            "select count(*) from dim_report where title = $t",
            "select count(*) from dim_agency where contains(agency_name, replace($t, ' ', ''))",
            "select count(*) from dim_document where message = $t",
            "select count(*) from fact_narrative where excerpt = $t",
            "select count(*) from fact_request where raw_text = $t",
            "select count(*) from fact_section where contains(text, $t)",
            "select count(*) from reading_log where line = $t",
            "select count(*) from check_result where message = $t",
            "select count(*) from decisions where reason = $t",
            "select count(*) from dim_document where url = $t",
        ):
            if kind in ("lines", "tab", "turned") and "dim_agency" in query:
                continue  # a name has no blanks
            # What people write is taken without blanks around it.
            told = text.strip() if "decisions" in query else text
            ((count,),) = database.execute(query, {"t": told}).fetchall()
            assert count, (kind, query)
    query = "select count(*) from dim_document where path like 'script/%<script>window.taken=1%'"
    assert database.execute(query).fetchall() == [(2,)]
    # Real readers take titles and cells of hostile pages as words, too.
    read = database.execute(
        "select status, count(*) from dim_document where path like '%page.html' group by 1"
    )
    assert sum(count for _, count in read.fetchall()) == len(poison.TEXTS)


# Pages


def faults(page: Page, base: str) -> list[str]:
    """What a page shows that is no text: whatever ran, was asked for, or became an element."""
    found = [f"asked for {one}" for one in page.requested if not one.startswith((base, "data:", "about:"))]
    found += page.complaints
    if page.ask("window.taken !== undefined"):
        found.append("a script ran")
    inside = (
        "iframe, object, embed, base, meta[http-equiv=refresh], [onerror], [onload], [onmouseover],"
        " [onfocus], a[href^='javascript:'], a[href*='evil'], img:not([src^='data:']), body b[tabindex]"
    )
    found += page.ask(f"[...document.querySelectorAll({json.dumps(inside)})].map((one) => one.outerHTML)")
    turned = (
        f"[...document.documentElement.outerHTML].some((one) => {json.dumps(poison.TURNING)}.includes(one))"
    )
    if page.ask(turned):
        found.append("a line is turned around")
    return found


def opened(page: Page, address: str, until: str) -> Page:
    page.go("about:blank", "true")
    page.requested.clear()
    page.complaints.clear()
    page.go(address, until)
    return page


def bare(text: str) -> str:
    """A text without what pages write otherwise: blanks and codes."""
    return re.sub(
        r"\\x[0-9a-f]{2}|\\u[0-9a-f]{4}", "", "".join(c for c in text if c.isprintable() and c != " ")
    )


def shows(page: Page, text: str) -> bool:
    return bare(text) in bare(page.ask("document.body.textContent"))


def test_the_faults_are_seen_where_there_are_some(browser: Page, tmp_path: Path) -> None:
    path = tmp_path / "page.html"
    for kind, fault in (
        ("script", "a script ran"),
        ("image", "asked for"),
        ("frame", "evil.example"),
        ("turned", "turned"),
    ):
        path.write_text(f"<!doctype html><meta charset=utf-8><body>{poison.TEXTS[kind]}", encoding="utf-8")
        page = opened(browser, path.as_uri(), "true")
        page.wait("window.taken || document.readyState === 'complete'")
        assert fault in " ".join(faults(page, path.as_uri())), kind


def test_the_quality_page(browser: Page, folder: Path) -> None:
    path = folder / "w" / "quality.html"
    page = opened(browser, path.as_uri(), "document.querySelectorAll('#list tbody tr').length")
    title = page.ask("document.title")
    for row in range(page.ask("document.querySelectorAll('details').length")):
        page.ask(f"document.querySelectorAll('details')[{row}].open = true")
    page.fill("#search", "onerror")
    page.wait("document.querySelectorAll('#list tbody tr').length === 2")
    page.click("#clear")
    page.wait("document.querySelectorAll('#list tbody tr').length > 40")
    assert faults(page, path.as_uri()) == []
    assert page.ask("document.title") == title
    assert all(shows(page, text) for text in poison.TEXTS.values())
    assert page.ask("document.scripts.length") == 2
    # And if a text did become markup, the page's policy would let none of it run.
    page.ask(
        "document.body.insertAdjacentHTML('beforeend', '<img src=\"data:,\" onerror=\"window.taken=1\">')"
    )
    page.ask(
        "document.body.append(Object.assign(document.createElement('script'), {text: 'window.taken=1'}))"
    )
    page.ask("new Promise((done) => setTimeout(done, 100))")
    assert page.ask("window.taken === undefined")


def test_a_comparison_as_a_page(browser: Page, folder: Path, tmp_path: Path, built: Path) -> None:
    with warehouse.connect(built, read_only=True) as connection:
        ids = connection.execute(
            "select d.path, min(r.report_id) from dim_report r join dim_document d using (document_id)"
            " where d.path like '%.txt' group by 1 order by 1"
        ).fetchall()
    for number, kind in enumerate(("script", "attribute", "turned", "frame")):
        first, second = [report for path, report in ids if path.startswith(f"{kind}/")]
        path = tmp_path / f"{number}.html"
        said = gongkai(folder, "compare", first, second, "--html", path)
        assert path.exists(), said
        page = opened(browser, path.as_uri(), "true")
        assert faults(page, path.as_uri()) == [] and page.ask("document.scripts.length") == 0
        assert shows(page, poison.TEXTS[kind].replace(" ", ""))


@pytest.mark.slow
@pytest.mark.parametrize("served", [False, True], ids=["from disk", "served"])
def test_every_page_of_the_explorer(browser: Page, built: Path, tmp_path: Path, served: bool) -> None:
    if served:
        # A server locks the settings of its database, for all connections of the process.
        with explore_server.Server(shutil.copyfile(built, tmp_path / "copy.duckdb")) as server:
            threading.Thread(target=server.serve_forever, daemon=True).start()
            titles, seen, amiss = walk(browser, server.address, server.address, every=6)
            server.shutdown()
    else:
        explore.write(built, tmp_path / "out")
        index = tmp_path / "out" / "index.html"
        titles, seen, amiss = walk(browser, index.as_uri(), index.parent.as_uri())
        assert [text for text in poison.TEXTS.values() if bare(text) not in bare(seen)] == []
    assert amiss == []
    assert len(titles) == 1, "no text of a report became the title"
    assert len(seen) > 1000


def walk(browser: Page, address: str, base: str, every: int = 1) -> tuple[set[str], str, list[str]]:
    """Open agencies of the explorer; gives the titles that it had, all that it showed, and the faults."""
    page = opened(browser, address, "document.body.dataset.shown")
    titles, seen, amiss = {page.ask("document.title")}, "", []
    names = page.ask("[...document.querySelectorAll('#agencies li > a')].map((one) => one.textContent)")
    assert len(names) >= len(poison.TEXTS)
    for at, name in list(enumerate(names))[::every]:
        page.ask(f"document.querySelectorAll('#agencies li > a')[{at}].click()")
        page.wait(f"document.querySelector('#part-agency h2')?.textContent === {json.dumps(name)}")
        seen += page.ask("document.getElementById('part-agency').textContent")
        amiss += [f"{name}: {fault}" for fault in faults(page, base)]
    return titles | {page.ask("document.title")}, seen, amiss


# Dagster's web UI shows Markdown and tables


def test_markdown_of_asset_checks_holds_no_markup_of_reports(database: duckdb.DuckDBPyConnection) -> None:
    shown = 0
    for result in checks.all_findings(database):
        for value in result.metadata.values():
            if isinstance(value, dg.MarkdownMetadataValue):
                shown += 1
                tree = html.fromstring(f"<div>{markdown.markdown(value.value, extensions=['tables'])}</div>")
                tags = {one.tag for one in tree.iter()}
                assert tags <= {"div", "table", "thead", "tbody", "tr", "th", "td"}
                heads = {len(row) for row in tree.iter("tr")}
                assert heads == {4}, "no text of a report makes a column or a row"
                assert not set(poison.TURNING) & set(value.value)
            elif isinstance(value, dg.TableMetadataValue):
                texts = [text for row in value.records for text in row.data.values() if isinstance(text, str)]
                assert not set(poison.TURNING) & set("".join(texts))
    assert shown > 3


def test_addresses_of_reports_are_links_only_to_the_web(database: duckdb.DuckDBPyConnection) -> None:
    found = [
        value.value
        for result in checks.all_findings(database)
        for value in result.metadata.values()
        if isinstance(value, dg.MarkdownMetadataValue)
    ]
    assert found and not [text for text in found if re.search(r"(?<!\\)\]\((?!https?://)", text)]


# Files


@pytest.fixture(scope="module")
def exported(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    to = tmp_path_factory.mktemp("export") / "out"
    tables = (
        "dim_document,dim_report,dim_agency,fact_narrative,fact_section,check_result,decisions,fact_request"
    )
    said = gongkai(folder, "export", "--format", "csv,csv-bom,xlsx,parquet", "--tables", tables, "--to", to)
    assert (to / "RELEASE.md").exists(), said
    return to


def test_no_cell_of_a_csv_is_a_formula_and_all_come_back(
    exported: Path, database: duckdb.DuckDBPyConnection
) -> None:
    files = [path for path in exported.rglob("*.csv") if "dim_report" in path.name]
    assert len(files) == 2
    titles = [title for (title,) in database.execute("select title from dim_report").fetchall()]
    for path in sorted(exported.rglob("*.csv")):
        with path.open(encoding="utf-8-sig", newline="") as file:
            rows = list(csv.reader(file))
        assert len({len(row) for row in rows}) == 1, "no text ends its field"
        bad = [
            cell
            for row in rows
            for cell in row
            if cell.lstrip(" ").startswith(FORMULA) and not NUMBER.fullmatch(cell)
        ]
        assert bad == [], path.name
        if path in files:
            at = rows[0].index("title")
            assert sorted(undo(row[at]) for row in rows[1:]) == sorted(titles)


def test_a_workbook_holds_no_formula_link_or_part_from_elsewhere(exported: Path) -> None:
    books = sorted(exported.rglob("*.xlsx"))
    assert len(books) >= 8
    texts = 0
    for path in books:
        with zipfile.ZipFile(path) as book:
            assert not [
                name for name in book.namelist() if re.search("external|vba|connection|drawing", name)
            ]
            for name in book.namelist():
                tree = etree.fromstring(book.read(name)) if name.endswith((".xml", ".rels")) else None
                if tree is None:
                    continue
                tags = {etree.QName(one).localname for one in tree.iter(etree.Element)}
                assert not tags & {"f", "hyperlink", "hyperlinks", "oleObject", "dde", "externalReference"}, (
                    name
                )
                assert not tree.xpath("//*[@TargetMode='External']")
                texts += sum("window.taken" in (one.text or "") for one in tree.iter(etree.Element))
    assert texts, "and its texts are there"


def test_names_of_tables_are_no_sql(folder: Path, tmp_path: Path) -> None:
    for name in (
        "dim_report; drop table dim_report",
        'dim_report"',
        "(select 1)",
        "'/etc/passwd'",
        "dim_agency t",
    ):
        said = gongkai(folder, "export", "--format", "csv", "--tables", name, "--to", tmp_path / "out")
        assert "has no table" in said and not (tmp_path / "out").exists()


# The terminal


def steering(text: str) -> list[str]:
    """Characters that a terminal obeys, or that turn a line; only line ends may stand in what is printed."""
    return [c for c in text if unicodedata.category(c) in ("Cc", "Cf", "Zl", "Zp") and c != "\n"]


def test_no_command_prints_what_steers_a_terminal(folder: Path, tmp_path: Path, built: Path) -> None:
    with warehouse.connect(built, read_only=True) as connection:
        rows = connection.execute(
            "select min(report_id), min(path) from dim_report join dim_document using (report_id)"
            " where path like '%.txt' group by split_part(path, '/', 1) order by all"
        ).fetchall()
    said = gongkai(folder, "findings", "--limit", 10_000)
    for report, path in rows:
        said += gongkai(folder, "show", report, "--why") + gongkai(folder, "show", path)
    said += gongkai(folder, "compare", rows[0][0], rows[1][0])
    said += gongkai(folder, "quality", "--to", tmp_path / f"q{poison.TEXTS['turned']}.html")
    for text in poison.TEXTS.values():
        said += gongkai(folder, "show", text) + gongkai(folder, "findings", "--report", text)
        said += gongkai(folder, "findings", "--code", text)
        said += gongkai(folder, "settle", text, text, "--as", "dismissed", "--reason", text)
    said += gongkai(folder, "doctor", "--raw", folder / poison.TEXTS["terminal"].replace("/", ""))
    assert steering(said) == []
    assert "window.taken=1" in said and "]0;owned" in said and "[bold red]" in said


def test_the_closing_table_of_a_build_prints_nothing_that_steers(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from pipeline.defs import launch

    monkeypatch.setattr(
        launch,
        "run_build",
        lambda *_, **__: launch.Outcome(None, slowest=tuple((text, 1.0) for text in poison.TEXTS.values())),
    )
    said = gongkai(folder, "build", "--raw", folder / "raw", "--profile")
    assert steering(said) == [] and "tables missing or not whole" in said and "window.taken" in said


# Manifests


def test_a_manifest_whose_lines_do_not_fit_their_files_stops_no_build(folder: Path) -> None:
    """Files there are not named by their hash, as a crawl names them."""
    found = provenance(folder / "raw")
    assert len(found) == 2 * len(poison.TEXTS)
    assert {one.url for one in found.values()} == set(poison.TEXTS.values())
