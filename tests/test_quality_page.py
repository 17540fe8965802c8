"""The quality page: what it says, that strangers' text stays text, its size, its work in a browser."""

from __future__ import annotations

import hashlib
import html
import json
import re
import shutil
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import dagster as dg
import duckdb
import polars as pl
import pytest
from lxml import html as markup
from PIL import Image
from typer.testing import CliRunner

from pipeline import frames, warehouse
from pipeline.cli import app
from pipeline.defs.launch import run_build
from pipeline.form.model import forms
from pipeline.publish import quality, quality_data
from pipeline.publish.quality_pictures import Place, draw, pictures, place_of
from pipeline.settings import Settings
from tests import fakes

pytestmark = pytest.mark.xdist_group("build")
EVIL = '<script>alert("x")</script><svg/onload=alert(1)>'
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")


@pytest.fixture(scope="module", autouse=True)
def own_instance() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("pipeline.defs.launch._instance", dg.DagsterInstance.ephemeral)
        yield


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A build with a broken sum, missing tables, and markup wherever a stranger can put some."""
    folder = tmp_path_factory.mktemp("quality")
    raw = folder / "raw"
    wrong = {**fakes.balanced(3), "received.total": 4.0}
    fakes.write(raw, "a/2023.txt", agency="南岗区", year=2023, requests=wrong)
    fakes.write(raw, "a/2022.txt", agency="南岗区", year=2022, requests=fakes.balanced(3))
    fakes.write(raw, "b/gap.txt", agency="王岗镇", year=2022, states={"disputes": "missing"})
    fakes.write(raw, "c/evil<script>.txt", agency=f"坏{EVIL}局", year=2023, requests=wrong)
    chosen = Settings(raw, folder / "w", 2, 20, 2048)
    assert run_build(chosen, folder / "build.log", read=fakes.read_fake).fault is None
    return folder


@pytest.fixture(scope="module")
def page(built: Path) -> str:
    return (built / "w" / quality.NAME).read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def tree(page: str) -> markup.HtmlElement:
    return markup.document_fromstring(page)


def texts(tree: markup.HtmlElement, path: str) -> list[str]:
    return [" ".join(node.text_content().split()) for node in tree.xpath(path)]


def listed(page: str) -> list[dict]:
    (data,) = re.findall(r'<script type="application/json" id="data">(.*?)</script>', page, re.S)
    rows: list[dict] = json.loads(data)["rows"]
    return rows


# What it says.


def test_the_build_writes_it_beside_the_warehouse(built: Path, page: str) -> None:
    assert page.startswith("<!DOCTYPE html>")
    assert sorted(path.name for path in (built / "w").iterdir() if not path.name.startswith(".")) == [
        warehouse.NAME,
        quality.NAME,
    ]


def test_totals_and_coverage_are_those_of_the_warehouse(tree: markup.HtmlElement) -> None:
    totals = texts(tree, "//ul[@class='totals']/li")
    assert totals[:4] == ["文件 files4", "已读取 read4", "报告 reports4", "无误 clean1"]
    titles = [f"{table.title} {table.code}" for table in forms()["2021"].tables]
    assert texts(tree, "//figcaption")[:3] == titles
    disputes = texts(tree, "(//table[@class='coverage'])[3]//tr")
    assert disputes[0] == "地区 region20222023" and any("1/2" in row and "2/2" in row for row in disputes[1:])
    labels = quality_data.words()["states"]
    assert any(labels["missing"] in cell.get("title", "") for cell in tree.xpath("//table//td[@title]"))


def test_findings_are_counted_by_code_with_the_form_s_clause(tree: markup.HtmlElement) -> None:
    rows = {
        row[0]: row
        for row in (
            [" ".join(c.text_content().split()) for c in r] for r in tree.xpath("//table[@id='codes']//tr")
        )
    }
    clause = next(
        i.clause for i in forms()["2021"].table("requests").identities if i.code == "requests.balance"
    )
    assert rows["requests.balance"][1:6] == [clause, "2", "0", "0", "0"]
    assert rows["requests.balance"][6] == "2"
    assert "completeness.disputes" in rows


def test_the_reports_with_errors_come_first(page: str) -> None:
    rows = listed(page)
    counts = [row["counts"] for row in rows]
    assert counts == sorted(counts, reverse=True) and counts[0][0] > 0
    assert {row["year"] for row in rows[:2]} == {"2023"}
    assert any("一、本年新收政府信息公开申请数量" in message for row in rows for message in row["messages"])


def test_a_report_in_full_shows_both_sides_the_marked_cells_and_the_suggestion(
    tree: markup.HtmlElement,
) -> None:
    (report,) = [r for r in tree.xpath("//details") if "南岗区 2023" in r.text_content()]
    told = [
        [" ".join(c.text_content().split()) for c in row]
        for row in report.xpath(".//table[@class='told']//tr")
    ]
    balance = next(row for row in told if row[2] == "requests.balance")
    assert balance[3:6] == ["4", "3", "1"]
    cell = next(
        c
        for c in report.xpath(".//td[contains(@class, 'm-error')]")
        if c.getparent()[0].text == "一、本年新收政府信息公开申请数量" and c.xpath("./ins")
    )
    assert cell.text == "4" and cell.xpath("string(./ins)") == "→ 3"
    assert balance[0] in cell.xpath("string(./sup)").split(",")
    header = texts(report, ".//table[@class='printed'][1]/thead//th")
    assert "自然人" in header and "法人或其他组织" in header
    assert "gongkai show" in report.text_content()


# Strangers' text.


def test_markup_in_names_titles_and_paths_stays_text(page: str, tree: markup.HtmlElement) -> None:
    assert "<script>alert" not in page and "<svg/onload" not in page
    assert html.escape(EVIL, quote=False) in page.replace("&#34;", '"')
    assert len(tree.xpath("//script")) == 2 and tree.xpath("//img[not(starts-with(@src, 'data:'))]") == []
    assert [name for e in tree.iter() for name in e.attrib if name.lower().startswith("on")] == []
    assert any(EVIL in row["agency"] for row in listed(page))


def test_nothing_is_fetched(page: str, tree: markup.HtmlElement) -> None:
    assert re.findall(r"https?://|//cdn|@import|url\(", page) == []
    assert all(href.startswith("#") for href in tree.xpath("//@href"))
    assert all(src.startswith("data:") for src in tree.xpath("//@src"))


# Size.

REPORTS = 10_000


def many() -> duckdb.DuckDBPyConnection:
    """A warehouse of ten thousand reports, each with a sum that does not close and cells that were lost."""
    connection = duckdb.connect()
    for table in frames.SCHEMAS:
        warehouse.load(connection, table, frames.empty(table))
    connection.execute("create table build_info (gongkai_version varchar)")
    connection.execute(
        f"""
        insert into dim_report by name select 'r' || i as report_id, 'a' || i // 5 as agency_id,
            '第' || i // 5 || '局' as agency_name, 2019 + i % 5 as report_year, '2021' as form_version,
            'own' as scope, 'd' || i as document_id, 'complete' as disclosure_table,
            if(i % 9 = 0, 'partial', 'complete') as requests_table,
            if(i % 7 = 0, 'missing', 'complete') as disputes_table
        from range({REPORTS}) as t(i);
        insert into dim_agency by name select 'a' || i as agency_id, '第' || i || '局' as agency_name,
            (110000 + (i % 30) * 10000 + 101)::varchar as division_code from range({REPORTS // 5}) as t(i);
        insert into dim_document by name select 'd' || i as document_id, 'x/' || i || '.pdf' as path,
            'x' as source, 'pdf' as format, 1 as bytes, 'parsed' as status, 'r' || i as report_id
        from range({REPORTS}) as t(i);
        insert into check_result by name select 'r' || i as report_id,
            ['requests.balance', 'requests.outcome_total', 'lost_cells.requests', 'plausibility.big']
                [1 + j % 4] as check_code,
            'total' as scope, if((i + j) % 3 = 0, 'pass', 'fail') as status,
            if(j % 4 < 2, 'error', 'warn') as severity, 1 as left_value, 2 as right_value,
            repeat('收到和处理政府信息公开申请情况', 8) as message
        from range({REPORTS}) as t(i), range(12) as u(j);
        """
    )
    cells = pl.DataFrame(
        [(c.row, c.column) for c in forms()["2021"].table("requests").cells], ["o", "a"], orient="row"
    )
    connection.register("cells", cells.to_arrow())
    connection.execute(
        f"""insert into fact_request by name select 'r' || i as report_id, o as outcome, a as applicant,
            1 as value, 1 as best_value, 'reported' as status, '1' as raw_text, 'd' || i as document_id,
            'page=1;box=1,2,3,4' as locator, 1.0 as confidence from range({REPORTS}) as t(i), cells"""
    )
    return connection


def test_ten_thousand_reports_take_seconds_and_few_megabytes(tmp_path: Path) -> None:
    connection = many()
    start = time.monotonic()
    text = quality.page(connection, tmp_path)
    taken = time.monotonic() - start
    rows = listed(text)
    assert len(rows) == REPORTS and text.count('<details class="report"') == quality.Bounds().reports
    assert sum(len(row["messages"]) for row in rows) == quality_data.MAX_MESSAGES
    assert len(text.encode()) < 20_000_000
    assert taken < 30, f"{taken:.1f} s"


def test_an_empty_warehouse_has_a_page() -> None:
    connection = duckdb.connect()
    for table in frames.SCHEMAS:
        warehouse.load(connection, table, frames.empty(table))
    connection.execute("create table build_info (gongkai_version varchar)")
    text = quality.page(connection)
    assert "no check failed" in text and listed(text) == []


# Pictures.


def scan(path: Path) -> Place:
    """A picture of 1200 × 1600 with a black field, and the place of that field."""
    picture = Image.new("RGB", (1200, 1600), "white")
    picture.paste((0, 0, 0), (300, 800, 360, 830))
    picture.save(path)
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    found = place_of(path, digest, "image", ["image=1;box=300,800,360,830", "line=3"])
    assert found is not None
    return found


def test_a_picture_shows_the_place_framed(tmp_path: Path) -> None:
    (data,) = pictures([scan(tmp_path / "scan.png")], 1_000_000)
    assert data is not None and len(data) < 20_000
    (tmp_path / "cut.png").write_bytes(data)
    with Image.open(tmp_path / "cut.png") as cut:
        shown = cut.convert("RGB")
    assert shown.width == 900 and 80 < shown.height < 200
    colours = {colour for _, colour in shown.getcolors(1 << 20)}
    assert any(r > 150 and g < 90 and b < 90 for r, g, b in colours), "the frame"
    assert any(r < 30 and g < 30 and b < 30 for r, g, b in colours), "the field"


def test_a_file_that_changed_or_is_gone_or_broken_has_no_picture(tmp_path: Path) -> None:
    place = scan(tmp_path / "scan.png")
    (tmp_path / "scan.png").write_bytes(b"other")
    assert draw(place) is None
    (tmp_path / "scan.png").unlink()
    assert draw(place) is None
    assert list(pictures([scan(tmp_path / "more.png")], 10)) == [None], "no room"


@pytest.mark.parametrize(
    ("kind", "locator", "expected"),
    [
        ("pdf", "page=2;box=1,2,3,4", (2, (1, 2, 3, 4))),
        ("pdf", "page=2;image=1;box=200,100,400,300", (2, (72, 36, 144, 108))),
        ("pdf", "page=1;box=10,20,500,700;image=1;box=200,100,400,300", (1, (82, 56, 154, 128))),
        ("image", "image=3;box=1,2,3,4", (3, (1, 2, 3, 4))),
        ("docx", "table=2;row=4;column=3", None),
        ("pdf", "page=2", None),
        ("txt", "line=12;field=3", None),
    ],
)
def test_locators_name_a_page_and_a_box(kind: str, locator: str, expected: object) -> None:
    place = place_of(Path("x"), "d", kind, [locator])
    assert (place and (place.page, *place.boxes)) == expected


# The command, and the browser.


def test_the_command_writes_the_page_where_it_is_told(built: Path, tmp_path: Path) -> None:
    words = ["quality", "--to", str(tmp_path / "q.html"), "--raw", str(built / "raw")]
    result = CliRunner().invoke(app, [*words, "--warehouse", str(built / "w")])
    assert result.exit_code == 0, result.output
    assert (tmp_path / "q.html").read_text(encoding="utf-8").startswith("<!DOCTYPE html>")
    absent = CliRunner().invoke(app, [*words, "--warehouse", str(tmp_path / "none")])
    assert absent.exit_code == 1 and "gongkai build" in absent.output


def browse(page: Path, fragment: str, tmp_path: Path) -> markup.HtmlElement:
    """The page as it stands in the browser after its script ran."""
    if CHROMIUM is None:
        pytest.skip("needs Chromium: apt-get install chromium")
    command = [CHROMIUM, "--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-sync"]
    command += ["--disable-background-networking", "--disable-component-update", "--virtual-time-budget=3000"]
    command += [f"--user-data-dir={tmp_path / 'profile'}", "--dump-dom", page.as_uri() + fragment]
    run = subprocess.run(command, capture_output=True, timeout=120, check=True)
    return markup.document_fromstring(run.stdout.decode())


@pytest.mark.slow
def test_the_list_can_be_filtered_and_searched_in_a_browser(built: Path, tmp_path: Path) -> None:
    page = built / "w" / quality.NAME

    def rows(fragment: str) -> list[str]:
        return texts(browse(page, fragment, tmp_path), "//table[@id='list']/tbody/tr/td[1]/*[1]")

    everyone = rows("")
    assert len(everyone) >= 3 and any(EVIL in name for name in everyone)
    assert rows("#year=2022") == ["王岗镇"]
    assert rows("#search=gap.txt") == ["王岗镇"]
    assert rows("#code=requests.balance&search=%E5%8D%97%E5%B2%97") == ["南岗区"]
    assert rows("#severity=0&year=2022") == ["王岗镇"]
    assert rows("#search=nothing+like+it") == []
