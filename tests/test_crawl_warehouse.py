"""From a crawl to the warehouse: addresses, dates and the chain of versions; the commands."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import duckdb
import pytest

from pipeline.manifest import provenance
from tests.crawl_runs import source, write_sources
from tests.crawl_server import Answer, pdf, serving

ROOT = Path(__file__).parents[1]


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


def documents(folder: Path) -> list[tuple]:
    with duckdb.connect(str(folder / "w" / "gongkai.duckdb"), read_only=True) as connection:
        return connection.execute(
            "select url, published, version, superseded_by is not null, status, report_id is not null,"
            " source, fetched_at like '20__-%Z' from dim_document order by url, version"
        ).fetchall()


@pytest.mark.slow
def test_reports_arrive_with_their_address_dates_and_versions(tmp_path: Path) -> None:
    sample = (ROOT / "data" / "raw" / "samples" / "bureau_2023.html").read_bytes()
    with serving() as site:
        titles = "<a href='/r/1.html'>示范局2023年政府信息公开工作年度报告</a><span>2024-01-20</span>"
        site.html("/list/", f"<ul><li>{titles}</li></ul>")
        site.pages["/r/1.html"] = Answer(sample)
        file = write_sources(tmp_path, source(site, "generic", "/list/"))
        raw = ["--raw", str(tmp_path / "raw")]
        done = gongkai(tmp_path, "crawl", "test", *raw, "--sources", str(file))
        assert done.returncode == 0, done.stderr
        site.pages["/r/1.html"] = Answer(sample.replace(b"</body>", b"<p>1</p></body>"))
        assert gongkai(tmp_path, "crawl", "test", *raw, "--sources", str(file)).returncode == 0
        url = f"{site.url}/r/1.html"
    assert gongkai(tmp_path, "raw", "verify", *raw).stdout.startswith("2 files, 4 lines of manifests")
    built = gongkai(tmp_path, "build", *raw, "--warehouse", str(tmp_path / "w"), "--workers", "1")
    assert built.returncode == 0, built.stderr
    assert documents(tmp_path) == [
        (url, "2024-01-20", 1, True, "parsed", False, "test", True),
        (url, "2024-01-20", 2, False, "parsed", True, "test", True),
    ]


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
        again = gongkai(tmp_path, "crawl", "test", "--dry-run", *given)
        assert again.returncode == 0, again.stderr
        unknown = gongkai(tmp_path, "crawl", "nowhere", *given)
        assert unknown.returncode == 1 and "no source is called nowhere; known: test, other" in unknown.stderr


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
