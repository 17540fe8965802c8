"""The explorer: what its folder holds and its server answers; in a browser, what a person sees and finds."""

from __future__ import annotations

import http.client
import json
import re
import shutil
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import dagster as dg
import duckdb
import pytest
from typer.testing import CliRunner

from pipeline import warehouse
from pipeline.cli import app
from pipeline.defs.launch import run_build
from pipeline.form.model import forms
from pipeline.publish import explore, explore_server, explore_wasm
from pipeline.settings import Settings
from tests import fakes
from tests.browser import Page, chromium

pytestmark = pytest.mark.xdist_group("build")
EVIL = "坏\"'</script><script>document.title='taken'</script><img/src=x/onerror=\"document.title='taken'\">局"
# Fetched once by hand (`npm pack`, see docs/explorer.md); the test of the browser's own DuckDB skips without.
PACKAGE = Path(__file__).parents[1] / "data" / f"duckdb-{explore_wasm.PACKAGE.split('@')[-1]}.tgz"


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A warehouse of three agencies: one with a broken sum, one with a gap, one with a hostile name."""
    folder = tmp_path_factory.mktemp("explore")
    raw = folder / "raw"
    wrong = {**fakes.balanced(3), "received.total": 4.0}
    fakes.write(raw, "a/2022.txt", agency="南岗区", year=2022, requests=fakes.balanced(3))
    fakes.write(raw, "a/2023.txt", agency="南岗区", year=2023, requests=wrong)
    fakes.write(
        raw,
        "b/gap.txt",
        agency="王岗镇",
        year=2023,
        states={"disputes": "missing"},
        requests=fakes.balanced(7),
    )
    fakes.write(raw, "c/evil<script>.txt", agency=EVIL, year=2023, requests=fakes.balanced(2))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("pipeline.defs.launch._instance", dg.DagsterInstance.ephemeral)
        outcome = run_build(
            Settings(raw, folder / "w", 2, 20, 2048), folder / "build.log", read=fakes.read_fake
        )
    assert outcome.fault is None
    return folder / "w" / warehouse.NAME


@pytest.fixture(scope="module")
def folder(built: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    to = tmp_path_factory.mktemp("out") / "explorer"
    explore.write(built, to)
    return to


@pytest.fixture(scope="module")
def server(built: Path) -> Iterator[explore_server.Server]:
    with explore_server.Server(built, seconds=1.0) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield server
        server.shutdown()


def taken(path: Path) -> object:
    """The data of a script of the folder."""
    (content,) = re.findall(
        r"^gongkai\.take\(\"[^\"]+\",(.*)\);$", path.read_text(encoding="utf-8"), re.S | re.M
    )
    return json.loads(content)


# The folder.


def test_every_cell_of_the_facts_stands_on_the_form(built: Path, folder: Path) -> None:
    pieces = [taken(path) for path in (folder / "data" / "reports").iterdir()]
    reports = {report["id"]: report for piece in pieces for mine in piece.values() for report in mine}
    with warehouse.connect(built, read_only=True) as connection:
        for table in forms()["2021"].tables:
            rows = connection.execute(
                f"select report_id, {table.row_dimension}, {table.column_dimension}, value from {table.facts}"
            ).fetchall()
            assert rows
            for report, row, column, value in rows:
                # Cells run in printed order, as the form lists them; headings without figures between.
                found = [cell for cell in reports[report]["tables"][table.code] if cell is not None]
                at = [(c.row, c.column) for c in table.cells].index((row, column))
                shown = found[at][0] if isinstance(found[at], list) else found[at]
                assert float(str(shown).replace(",", "")) == value, (report, row, column)


def test_the_panel_is_that_of_the_marts_with_every_flag(built: Path, folder: Path) -> None:
    index = taken(folder / "data" / "index.js")
    names = [measure[0] for measure in index["measures"]]
    shown = set()
    for path in (folder / "data" / "reports").iterdir():
        for mine in taken(path).values():
            for report in mine:
                panel = report["panel"]
                for at, figure in enumerate(panel["figures"]):
                    absent = panel["absent"].get(str(at))
                    shown.add((report["id"], names[at], figure, at in panel["flagged"], absent))
    with warehouse.connect(built, read_only=True) as connection:
        query = "select report_id, measure, figure, is_flagged, null_reason from mart_measures"
        assert shown == set(connection.execute(query).fetchall())
    assert any(flagged for *_, flagged, _ in shown) and any(absent for *_, absent in shown)


def test_a_league_table_is_that_of_the_marts(built: Path, folder: Path) -> None:
    index = taken(folder / "data" / "index.js")
    rows = taken(folder / "data" / "league" / "2023" / "requests_received.js")["rows"]
    found = {(index["agencies"][place][0], figure, bool(flagged)) for place, figure, flagged, *_ in rows}
    with warehouse.connect(built, read_only=True) as connection:
        query = "select agency_id, figure, is_flagged from league('requests_received', 2023)"
        assert found == set(connection.execute(query).fetchall())
        rates = connection.execute(
            "select agency_id, numerator, denominator from grant_rate(years := [2023])"
        ).fetchall()
    rows = taken(folder / "data" / "league" / "2023" / "grant_rate.js")["rows"]
    assert {(index["agencies"][row[0]][0], row[6], row[7]) for row in rows} == set(rates)


def test_the_page_has_no_script_of_its_own_and_nothing_from_elsewhere(folder: Path) -> None:
    page = (folder / "index.html").read_text(encoding="utf-8")
    assert all(re.fullmatch(r' src="[a-z]+\.js"', found) for found in re.findall(r"<script([^>]*)>", page))
    assert "unsafe-inline" not in page and "default-src 'none'" in page
    for path in folder.rglob("*.*"):
        text = path.read_text(encoding="utf-8").replace("http://www.w3.org/2000/svg", "")
        assert re.findall(r"https?://[a-z]", text) == [], path
    assert not any("<script" in path.read_text(encoding="utf-8") for path in folder.glob("data/**/*.js"))


def test_only_an_explorer_is_replaced(built: Path, folder: Path, tmp_path: Path) -> None:
    explore.write(built, folder)
    (tmp_path / "thesis.txt").write_text("years of work")
    with pytest.raises(explore.ExploreFault, match="something else"):
        explore.write(built, tmp_path)
    assert (tmp_path / "thesis.txt").read_text() == "years of work"


def test_a_package_that_is_not_the_known_one_is_refused(tmp_path: Path) -> None:
    with pytest.raises(explore_wasm.PackageFault, match="npm pack"):
        explore_wasm.engine(tmp_path)
    (tmp_path / "dist").mkdir()
    for name in explore_wasm._FILES:
        (tmp_path / name).write_bytes(b"other")
    with pytest.raises(explore_wasm.PackageFault, match="is not that of"):
        explore_wasm.engine(tmp_path)


def test_the_command_says_what_is_wrong(tmp_path: Path, built: Path) -> None:
    absent = CliRunner().invoke(app, ["explore", "--warehouse", str(tmp_path), "--to", str(tmp_path / "x")])
    assert absent.exit_code == 1 and "gongkai build" in absent.output
    words = ["explore", "--warehouse", str(built.parent), "--to", str(tmp_path / "out")]
    made = CliRunner().invoke(app, words)
    assert made.exit_code == 0 and "4 reports" in made.output
    assert (tmp_path / "out" / "index.html").exists()


# The server.


def send(
    server: explore_server.Server, method: str, path: str, body: str | None = None, **headers: str
) -> tuple[int, str]:
    connection = http.client.HTTPConnection("127.0.0.1", server.server_port, timeout=30)
    said = {"Host": f"127.0.0.1:{server.server_port}"} | {k.replace("_", "-"): v for k, v in headers.items()}
    connection.request(method, path, None if body is None else body.encode(), said)
    answer = connection.getresponse()
    return answer.status, answer.read().decode()


def query(server: explore_server.Server, sql: str, **headers: str) -> tuple[int, str]:
    return send(
        server, "POST", "/sql", json.dumps({"sql": sql}), **({"Content_Type": "application/json"} | headers)
    )


def test_the_server_gives_the_same_files_and_no_others(server: explore_server.Server, folder: Path) -> None:
    assert server.server_address[0] == "127.0.0.1"
    for name in ("data/reports/0.js", "data/league/2023/requests_granted.js", "explore.js"):
        assert send(server, "GET", "/" + name) == (200, (folder / name).read_text(encoding="utf-8"))
    assert send(server, "GET", "/")[1].startswith("<!DOCTYPE html>")
    for name in (
        "../pyproject.toml",
        "%2e%2e/pyproject.toml",
        "data/",
        "data/reports/99.js",
        "data/reports/-1.js",
        "gongkai.duckdb",
        "data/league/2023/nothing.js",
        "data/league/%D9%A2%D9%A0%D9%A2%D9%A3/requests_granted.js",
        "//etc/passwd",
    ):
        assert send(server, "GET", "/" + name)[0] == 404, name


def test_a_foreign_host_or_page_gets_nothing(server: explore_server.Server) -> None:
    assert send(server, "GET", "/", Host="evil.example")[0] == 403
    assert query(server, "select 1", Host="evil.example")[0] == 403
    assert query(server, "select 1", Origin="http://evil.example")[0] == 403
    assert query(server, "select 1", Content_Type="text/plain")[0] == 403
    assert query(server, "select 1")[0] == 200


def test_a_query_answers_with_texts_and_types(server: explore_server.Server) -> None:
    _, text = query(
        server, "select agency_name, report_year, null as n, '' as e from mart_panel order by all limit 1"
    )
    answer = json.loads(text)
    assert answer["columns"] == ["agency_name", "report_year", "n", "e"]
    assert answer["rows"] == [["南岗区", "2022", None, ""]] and not answer["more"]
    many = json.loads(query(server, "from range(5000)")[1])
    assert len(many["rows"]) == explore_server.MAX_ROWS and many["more"]


@pytest.mark.parametrize(
    "sql",
    [
        "select 1; select 2",
        "copy (select 1) to '/tmp/stolen.csv'",
        "attach '/tmp/other.duckdb'",
        "set enable_external_access = true",
        "create table mine as select 1",
        "delete from dim_report",
        "install httpfs",
        "pragma database_list",
        "from read_text('/etc/hostname')",
        "from read_csv('/etc/passwd')",
        "from '/etc/passwd'",
        "from glob('/*')",
        "from server",
        "explain analyze copy (select 1) to '/tmp/stolen.csv'",
        "explain analyze set threads = 1",
        "explain analyze delete from dim_report",
        "with t as (from read_text('/etc/passwd')) from t",
        "from query('from read_text(''/etc/passwd'')')",
        "from 'http://127.0.0.1:1/x.csv'",
        "from sniff_csv('/etc/passwd')",
        "from read_parquet('*')",
        "from duckdb_secrets()",
        "export database '/tmp/stolen'",
        "load '/tmp/evil.duckdb_extension'",
        "prepare p as select 1",
        "set variable x = 1",
        "",
        "selec",
    ],
)
def test_a_query_reads_the_warehouse_and_nothing_else(server: explore_server.Server, sql: str) -> None:
    status, text = query(server, sql)
    assert status == 200 and json.loads(text)["error"]


def test_a_query_that_takes_too_long_is_stopped(server: explore_server.Server) -> None:
    start = time.monotonic()
    _, text = query(
        server, "select count(*) from range(1000000) a, range(1000000) b where (a.range + b.range) % 7 = 3"
    )
    assert "stopped after" in json.loads(text)["error"] and time.monotonic() - start < 8
    assert json.loads(query(server, "select 1")[1])["rows"] == [["1"]]


def test_a_warehouse_of_an_older_version_is_told(tmp_path: Path) -> None:
    duckdb.connect(str(tmp_path / "old.duckdb")).execute("create table t (a int)").close()
    with pytest.raises(explore.ExploreFault, match="older version"):
        explore_server.Server(tmp_path / "old.duckdb")


# In a browser.


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Page]:
    with chromium(tmp_path_factory.mktemp("browser")) as page:
        yield page


READY = "document.body.dataset.shown"


def opened(browser: Page, folder: Path, fragment: str = "") -> Page:
    browser.go("about:blank", "true")
    browser.requested.clear()
    browser.complaints.clear()
    browser.go((folder / "index.html").as_uri() + fragment, READY)
    return browser


def test_an_agency_is_found_by_any_part_of_its_name(browser: Page, folder: Path) -> None:
    page = opened(browser, folder)
    assert len(page.texts("#agencies li")) == 3
    page.fill("#find", "岗镇")
    assert [name.split()[0] for name in page.texts("#agencies li > a")] == ["王岗镇"]
    page.fill("#find", "岗")
    assert len(page.texts("#agencies li")) == 2
    page.fill("#find", "没有")
    assert page.texts("#found") == ["0 个机关 agencies"]


def test_an_agency_shows_its_years_and_the_form_with_flags(browser: Page, folder: Path) -> None:
    page = opened(browser, folder)
    page.fill("#find", "南岗")
    page.click("#agencies li > a")
    page.wait("document.querySelector('table.printed')")
    assert page.texts("#part-agency h2") == ["南岗区"] and page.texts(".years button") == ["2022", "2023"]
    assert page.texts("#panel thead th")[1:] == ["2022", "2023"]
    received = next(
        row
        for row in page.ask(
            "[...document.querySelectorAll('#panel tbody tr')]"
            ".map((r) => [...r.children].map((c) => c.textContent))"
        )
        if row[0].startswith("一、本年新收")
    )
    assert received[1:] == ["3", "4 ⚑"]
    assert page.ask("document.querySelectorAll('figure svg rect.doubt').length") > 0
    assert "4 ⚑" in page.texts("figure svg text")
    titles = [table.title for table in forms()["2021"].tables]
    assert [title.split()[0] for title in page.texts(".report h4")][:3] == titles
    flagged = page.ask(
        "[...document.querySelectorAll('table[data-table=requests] td.m-error')]"
        ".map((c) => c.parentNode.cells[0].firstChild.textContent + c.firstChild.textContent)"
    )
    assert "一、本年新收政府信息公开申请数量4" in flagged
    assert any("requests.balance" in row for row in page.texts("table.told tr"))
    assert "a/2023.txt" in page.texts(".report code")
    page.click(".years button")
    assert page.texts(".report td.m-error") == [] and "report=" in page.ask("location.hash")
    assert page.complaints == []


def test_league_tables_of_a_year(browser: Page, folder: Path) -> None:
    page = opened(browser, folder, "#league=&measure=requests_granted&year=2023")
    rows = page.ask(
        "[...document.querySelectorAll('#table tbody tr')].map((r) => [...r.cells].map((c) => c.textContent))"
    )
    assert [(row[0], row[1], row[4]) for row in rows] == [
        ("1", "王岗镇", "7"),
        ("2", "南岗区", "3 ⚑"),
        ("3", EVIL, "2"),
    ]
    page.ask("document.getElementById('clean').click()")
    page.wait("document.querySelectorAll('#table tbody tr').length === 2")
    page.ask("document.getElementById('clean').click()")
    page.fill("#measure", "grant_rate")
    page.wait("document.querySelector('#table tbody').textContent.includes('100.0%')")
    assert page.complaints == []


def test_hostile_text_stays_text_and_nothing_is_fetched_from_elsewhere(browser: Page, folder: Path) -> None:
    page = opened(browser, folder)
    page.fill("#find", "onerror")
    assert page.texts("#agencies li > a") == [EVIL]
    page.click("#agencies li > a")
    page.wait("document.querySelector('table.printed')")
    assert page.texts("#part-agency h2") == [EVIL]
    assert page.ask("document.querySelectorAll('main script, main img').length") == 0
    assert page.ask("document.title") == "政府信息公开年报 · gongkai"
    assert all(address.startswith(folder.as_uri()) for address in page.requested if address != "about:blank")
    assert page.complaints == []


def test_the_sql_box_asks_the_server_that_serves_the_page(
    browser: Page, server: explore_server.Server
) -> None:
    browser.go("about:blank", "true")
    browser.requested.clear()
    browser.go(
        server.address + "#sql=select+agency_name,+'<b>x</b>'+as+mark+from+mart_panel+order+by+all", READY
    )
    page = browser
    page.wait("!document.getElementById('run').disabled && document.getElementById('engine').textContent")
    assert page.texts("#answer tr") == [], "a link runs nothing"
    page.click("#run")
    page.wait("document.querySelector('#answer tbody tr')")
    assert page.texts("#answer tbody td")[:2] == ["南岗区", "<b>x</b>"]
    page.fill("#query", "select nothing")
    page.click("#run")
    page.wait("document.getElementById('fault').textContent")
    assert "nothing" in page.texts("#fault")[0] and page.texts("#answer tbody tr") == []
    assert all(one.startswith(server.address) for one in page.requested if one != "about:blank")


def test_without_duckdb_the_box_says_what_to_do(browser: Page, folder: Path) -> None:
    page = opened(browser, folder, "#sql=")
    page.wait("document.getElementById('engine').textContent")
    assert "gongkai explore" in page.texts("#engine")[0] and page.ask(
        "document.getElementById('run').disabled"
    )


@pytest.mark.slow
@pytest.mark.skipif(
    not PACKAGE.exists(), reason=f"needs {PACKAGE.name} in data/: npm pack {explore_wasm.PACKAGE}"
)
def test_the_browser_answers_sql_itself_from_disk(browser: Page, built: Path, tmp_path: Path) -> None:
    explore.write(built, tmp_path / "out", PACKAGE)
    page = opened(
        browser, tmp_path / "out", "#sql=select+agency_name,+null+as+n,+''+as+e+from+mart_panel+order+by+all"
    )
    page.wait("!document.getElementById('run').disabled && document.getElementById('engine').textContent")
    page.click("#run")
    page.wait(
        "document.querySelector('#answer tbody tr') || document.getElementById('fault').textContent", 60
    )
    assert page.texts("#fault") == [""] and page.texts("#answer tbody td")[:3] == ["南岗区", "NULL", ""]
    page.fill("#query", "from read_csv('https://example.org/x.csv')")
    page.click("#run")
    page.wait("document.getElementById('fault').textContent", 60)
    assert all(one.startswith(("file:", "blob:", "about:")) for one in page.requested)
    shutil.rmtree(tmp_path / "out")
