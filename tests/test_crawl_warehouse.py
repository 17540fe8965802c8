"""From a crawl to the warehouse: addresses, dates and the chain of versions; the commands."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import duckdb
import pytest

from pipeline.crawl.launch import Budget, crawl_sources
from pipeline.crawl.sources import load
from pipeline.form import forms
from pipeline.form.model import Form
from pipeline.manifest import provenance
from tests.crawl_runs import crawl, source, write_sources
from tests.crawl_server import Answer, pdf, self_signed, serving

ROOT = Path(__file__).parents[1]


def newest_form() -> Form:
    return list(forms().values())[-1]


def gongkai(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "DAGSTER_HOME": str(folder / "dagster"), "COLUMNS": "200"}
    (folder / "dagster").mkdir(exist_ok=True)
    return subprocess.run(
        [sys.executable, "-m", "pipeline.cli", *words],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        timeout=300,
    )


def ask(folder: Path, query: str) -> list[tuple]:
    with duckdb.connect(str(folder / "w" / "gongkai.duckdb"), read_only=True) as connection:
        return connection.execute(query).fetchall()


DOCUMENTS = (
    "select split_part(url, '/', -1), published, version, superseded_by is not null, status,"
    " report_id is not null, source, fetched_at like '20__-%Z' from dim_document order by url, version"
)


@pytest.mark.slow
def test_one_command_brings_reports_into_the_warehouse_and_keeps_all_versions(tmp_path: Path) -> None:
    sample = (ROOT / "data" / "raw" / "samples" / "bureau_2023.html").read_bytes()
    bare = "".join(f"<p>{section.label}</p><p>全年有序开展。</p>" for section in newest_form().sections)
    with serving(certificate=self_signed(tmp_path)) as site:
        items = "".join(
            f"<li><a href='/r/{n}.html'>{title}2023年政府信息公开工作年度报告</a><span>2024-01-20</span></li>"
            for n, title in ((1, "示范局"), (2, "南岗区教育局"), (3, "南岗区财政局"))
        )
        site.html("/list/", f"<ul>{items}</ul>")
        site.pages["/r/1.html"] = Answer(sample)
        # Its own page names neither a body nor a year.
        site.html("/r/2.html", "<h1>政府信息公开工作年度报告</h1>" + bare)
        site.html("/r/3.html", "<h1>南岗区财政局2023年政府信息公开工作年度报告</h1>" + bare)
        given = source(site, "generic", "/list/", check_certificates=False)
        assert crawl(tmp_path, given)["new"] == 3
        # A report is corrected, another one vanishes.
        site.pages["/r/1.html"] = Answer(sample.replace(b"</body>", b"<p>1</p></body>"))
        del site.pages["/r/3.html"]
        file = write_sources(tmp_path, given)
        raw = ["--raw", str(tmp_path / "raw")]
        words = ["--sources", str(file), "--build", "--warehouse", str(tmp_path / "w")]
        done = gongkai(tmp_path, "crawl", "test", *raw, *words)
        assert done.returncode == 0, done.stderr
    row = ("2024-01-20", 1, False)
    assert ask(tmp_path, DOCUMENTS) == [
        ("1.html", "2024-01-20", 1, True, "parsed", False, "test", True),
        ("1.html", "2024-01-20", 2, False, "parsed", True, "test", True),
        ("2.html", *row, "no_tables", True, "test", True),
        ("3.html", *row, "no_tables", True, "test", True),
    ]
    chain = "select count(*) from dim_document o join dim_document n on o.superseded_by = n.document_id"
    assert ask(tmp_path, chain) == [(1,)]
    used = "select count(*) from dim_report r join dim_document d using (document_id) where d.version = 2"
    assert ask(tmp_path, used) == [(1,)]
    listed = "select agency_name, report_year from dim_report join dim_document d using (document_id)"
    assert ask(tmp_path, f"{listed} where d.url like '%/2.html'") == [("南岗区教育局", 2023)]
    noted = (
        "select check_code, severity, count(*) from check_result where status = 'fail' and check_code in"
        " ('plausibility.certificate', 'plausibility.agency_source', 'plausibility.year_source')"
        " group by all order by 1"
    )
    assert ask(tmp_path, noted) == [
        ("plausibility.agency_source", "info", 1),
        ("plausibility.certificate", "warn", 3),
        ("plausibility.year_source", "info", 1),
    ]
    assert gongkai(tmp_path, "raw", "verify", *raw).stdout.startswith("4 files, 8 lines of manifests")


@pytest.mark.slow
def test_a_source_that_fails_fails_alone(tmp_path: Path) -> None:
    with serving() as site:
        site.html("/list/", "<a href='/r/1.pdf'>示范局2023年政府信息公开工作年度报告</a>")
        site.file("/r/1.pdf", pdf("a"), "application/pdf")
        good, bad = source(site, "generic", "/list/"), source(site, "generic", "/none/", name="other")
        file = write_sources(tmp_path, good, bad)
        given = ["--raw", str(tmp_path / "raw"), "--sources", str(file)]
        done = gongkai(tmp_path, "crawl", *given)
        assert done.returncode == 1 and "1 of 2 sources failed: other" in done.stderr
        assert "other: HTTP 404" in done.stdout
        assert len(list((tmp_path / "raw" / "test").glob("*/*.pdf"))) == 1
        listed = gongkai(tmp_path, "crawl", "--list", *given)
        assert listed.returncode == 0 and "2 sources" in listed.stdout and "generic" in listed.stdout
        again = gongkai(tmp_path, "crawl", "test", "--dry-run", *given)
        assert again.returncode == 0, again.stderr
        unknown = gongkai(tmp_path, "crawl", "nowhere", *given)
        assert unknown.returncode == 1 and "no source is called nowhere; known: test, other" in unknown.stderr


@pytest.mark.slow
def test_a_total_holds_over_all_sources(tmp_path: Path) -> None:
    with serving() as site:
        for name, count in (("a1", 9), ("a2", 1), ("a3", 9)):
            links = (
                f"<a href='/{name}/{n}.pdf'>示范第{n}局2023年政府信息公开工作年度报告</a>"
                for n in range(count)
            )
            site.html(f"/{name}/", "".join(links))
            for n in range(count):
                site.file(f"/{name}/{n}.pdf", pdf(f"{name}{n}"), "application/pdf")
        names = ("a1", "a2", "a3")
        file = write_sources(tmp_path, *(source(site, "generic", f"/{n}/", name=n) for n in names))
        done = crawl_sources(
            list(load(file).values()), file, tmp_path / "raw", at_once=1, total=10
        )  # a share of four; what a2 leaves goes to a3
        assert [(one.source, one.ok, one.counts["new"]) for one in done] == [
            ("a1", True, 4), ("a2", True, 1), ("a3", True, 5),
        ]  # fmt: skip
        assert sum(path.endswith(".pdf") for path in site.paths) == 10


def test_shares_of_a_total() -> None:
    budget = Budget(7, 3)
    assert [budget.take(None), budget.take(1), budget.take(9), budget.take(None)] == [3, 1, 3, 0]
    budget.give_back(2)
    assert budget.take(None) == 2
    assert [Budget(None, 2).take(None), Budget(None, 2).take(5)] == [None, 5]
    small = Budget(1, 3)
    assert [small.take(None), small.take(None), small.take(None)] == [1, 0, 0]


def line(key: str, digest: str, time: str, **more: object) -> str:
    told = {"key": key, "url": f"http://{key}", "sha256": digest, "time": time, "kept": "document"}
    return json.dumps({**told, "path": f"{digest[:2]}/{digest}.pdf", "outcome": "new", **more}) + "\n"


def test_the_newest_version_of_an_address_is_the_one_read(tmp_path: Path) -> None:
    a, b, c = "a" * 64, "b" * 64, "c" * 64
    manifest = tmp_path / "s" / ".gongkai" / "manifest.jsonl"
    manifest.parent.mkdir(parents=True)
    manifest.write_text(
        line("x/1", a, "2024-01-01T08:00:00+08:00", published="2023-12-31")
        + '{"torn'
        + "\n"
        + line("x/1", b, "2024-02-01T00:00:00+00:00")
        + line("x/2", a, "2024-02-01T00:00:00+00:00")
        + line("x/3", c, "2024-02-01T00:00:00+00:00")
        + line("x/3", a, "2024-03-01T00:00:00+00:00")
        + line("x/3", c, "2024-04-01T00:00:00+00:00", outcome="changed")
    )
    found = provenance(tmp_path)
    one = found[f"s/aa/{a}.pdf"]
    # Its bytes are no longer at x/1 nor at x/3, but x/2 still gives them.
    assert (one.superseded, one.url, one.fetched_at) == (False, "http://x/1", "2024-01-01T00:00:00Z")
    assert one.published == "2023-12-31"
    assert (found[f"s/bb/{b}.pdf"].version, found[f"s/bb/{b}.pdf"].superseded) == (2, False)
    assert not found[f"s/cc/{c}.pdf"].superseded
    with manifest.open("a") as file:
        file.write(line("x/2", c, "2024-05-01T00:00:00+00:00"))
    assert provenance(tmp_path)[f"s/aa/{a}.pdf"].superseded
    assert provenance(tmp_path)[f"s/aa/{a}.pdf"].superseded_by == b
