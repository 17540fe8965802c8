"""Each kind of site on a real server: all reports found, each once; a second crawl fetches nothing."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest

from pipeline.crawl.store import verify
from tests import crawl_server
from tests.crawl_runs import crawl, kinds, manifest, source
from tests.crawl_server import Site, serving

SITES: dict[str, tuple[str, Callable[[Site], tuple[str, int]]]] = {
    "hanweb list and dataproxy": ("hanweb", crawl_server.hanweb_static),
    "hanweb unit API": ("hanweb", crawl_server.hanweb_units),
    "hanweb servlet": ("hanweb", crawl_server.hanweb_servlet),
    "TRS": ("trs", crawl_server.trs),
    "gkmlpt": ("gkmlpt", crawl_server.gkmlpt),
    "c-codes": ("c_code", crawl_server.c_code),
    "openness": ("openness", crawl_server.openness),
    "VSB": ("vsb", crawl_server.vsb),
    "generic": ("generic", crawl_server.generic),
}


@pytest.mark.parametrize("name", SITES)
def test_all_reports_are_found_each_once_and_a_second_crawl_fetches_nothing(
    name: str, tmp_path: Path
) -> None:
    adapter, build = SITES[name]
    with serving() as site:
        entry, documents = build(site)
        given = source(site, adapter, entry)
        told = crawl(tmp_path, given)
        assert told["ok"] and told["finished"], told
        assert told["failed"] == told["refused"] == told["left"] == 0, told["reasons"]
        assert sum(kinds(tmp_path).values()) == documents, (kinds(tmp_path), told)
        twice = {path: n for path, n in Counter(site.paths).items() if n > 1}
        assert not twice, "asked for twice"
        assert verify(tmp_path / "raw").faults == ()
        # Nothing of what a list shows beside its reports was asked for.
        assert not [path for path in site.paths if path.startswith(("/gkzn", "/ysqgk", "/c999", "/2002n"))]

        sent = dict(site.sent)
        again = crawl(tmp_path, given)
        reports = {entry.url.removeprefix(site.url) for entry in manifest(tmp_path) if entry.role != "list"}
        assert again["new"] == again["changed"] == again["failed"] == 0 < again["same"], again
        assert {path for path in reports if site.sent[path] != sent.get(path, 0)} == set()
        assert len(reports) >= documents and set(reports) <= set(site.paths)


def test_what_a_page_says_of_itself_is_kept(tmp_path: Path) -> None:
    with serving() as site:
        entry, _ = crawl_server.trs(site)
        crawl(tmp_path, source(site, "trs", entry))
        files = [entry for entry in manifest(tmp_path) if entry.path and entry.path.endswith(".pdf")]
        assert {(e.title, e.published) for e in files if "乙局" in e.title} == {
            (f"示范区乙局{year}年政府信息公开工作年度报告", f"{year + 1}-01-20")
            for year in (2022, 2023, 2024)
        }
        assert all(e.referrer.startswith(site.url) and e.sha256 for e in files)
