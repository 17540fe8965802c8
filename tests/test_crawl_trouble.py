"""Servers that misbehave: every crawl ends within its bounds, says what failed, and keeps to its hosts."""

from __future__ import annotations

import itertools
import time
from pathlib import Path

import pytest

from pipeline.crawl.store import verify
from tests.crawl_runs import FAST, crawl, kinds, manifest, source, stored
from tests.crawl_server import Answer, Published, Site, bomb, pdf, png, put_report, serving


def listed(site: Site, *paths: str, charset: str = "utf-8") -> None:
    """A list of reports, one for each path."""
    items = "".join(
        f"<li><a href='{path}'>示范区第{n}局2023年政府信息公开工作年度报告</a></li>"
        for n, path in enumerate(paths)
    )
    site.html("/list/", items, charset)


def outcomes(folder: Path) -> dict[str, str]:
    """What came of each address: its path, and the outcome with its reason."""
    found = {}
    for entry in manifest(folder):
        path = "/" + entry.url.split("/", 3)[3]
        found[path] = f"{entry.outcome} {entry.reason}".strip()
    return found


@pytest.mark.slow
def test_faults_are_counted_and_what_can_be_had_is_kept(tmp_path: Path) -> None:
    report = Published("示范区甲局", 2023)
    with serving() as site:
        names = [
            "good",
            "gb",
            "missing",
            "forbidden",
            "broken",
            "busy",
            "passing",
            "throttled",
            "slow",
            "cut",
            "loop",
            "page.pdf",
            "word.pdf",
            "empty",
            "cookie",
            "nothing",
        ]
        listed(site, *(f"/r/{name}" for name in names), charset="gb2312")
        put_report(site, "/r/good", report)
        put_report(site, "/r/gb", Published("示范区乙局", 2023), charset="gb18030")
        text = Published("示范区丙局", 2023).text()
        site.html("/r/forbidden", "", status=403)
        site.html("/r/broken", "", status=500)
        site.html("/r/busy", "", status=503, headers={"Retry-After": "3600"})
        site.html("/r/passing", text + "1").before += [Answer(status=502), Answer(status=500)]
        site.html("/r/throttled", text + "2").before += [Answer(status=429, headers={"Retry-After": "1"})]
        site.html("/r/slow", text, drip=0.2)
        site.file("/r/cut", pdf("x" * 50), "application/pdf", cut=300, etag=False)
        site.pages["/r/loop"] = Answer(status=302, headers={"Location": "/r/loop"})
        site.html("/r/page.pdf", "<p>请先登录</p>")
        site.file("/r/word.pdf", pdf("y"), "text/html; charset=utf-8")
        site.file("/r/empty", b"", "application/pdf")
        site.html("/r/cookie", text + "3", needs_cookie="session=1")
        site.html("/r/nothing", "<p>您访问的页面不存在或已被删除！</p>")
        began = time.monotonic()
        pace = {**FAST, "timeout": 1, "retries": 2}
        told = crawl(tmp_path, source(site, "generic", "/list/", pace=pace))
        assert time.monotonic() - began < 40
        got = outcomes(tmp_path)
    for name in ("good", "gb", "passing", "throttled", "word.pdf", "cookie"):
        assert got[f"/r/{name}"] == "new", name
    assert got["/r/missing"] == "failed HTTP 404"
    assert got["/r/forbidden"] == "failed HTTP 403"
    assert got["/r/broken"] == "failed HTTP 500"
    assert got["/r/busy"] == "failed HTTP 503"
    for name, word in (
        ("slow", "imeout"),
        ("cut", "DataLoss"),
        ("loop", "redirect"),
        ("page.pdf", "web page"),
    ):
        assert got[f"/r/{name}"].startswith("failed") and word in got[f"/r/{name}"], got[f"/r/{name}"]
    assert got["/r/nothing"] == "empty" and got["/r/empty"].startswith(("empty", "failed"))
    assert told["new"] == len(stored(tmp_path)) == 6
    assert told["failed"] + told["empty"] == 10 and told["finished"] and told["retries"] >= 6
    assert site.paths.count("/r/busy") == 1, "it asked to wait an hour"
    assert site.paths.count("/r/broken") == 3
    assert verify(tmp_path / "raw").faults == ()


@pytest.mark.slow
def test_a_pause_that_a_host_asks_for_is_kept(tmp_path: Path) -> None:
    with serving() as site:
        listed(site, "/r/1", "/r/2", "/r/3")
        times: list[float] = []

        def page(asked: dict[str, str], body: str) -> Answer:
            times.append(time.monotonic())
            if len(times) == 1:
                return Answer(status=429, headers={"Retry-After": "2"})
            return Answer(Published(f"示范区{len(times)}局", 2023).text().encode())

        for n in (1, 2, 3):
            site.pages[f"/r/{n}"] = page
        told = crawl(tmp_path, source(site, "generic", "/list/", pace={**FAST, "per_host": 1}))
    assert told["new"] == 3 and len(times) == 4
    assert times[1] - times[0] >= 1.9, "another page was asked for in the pause"


@pytest.mark.slow
def test_the_pace_of_a_source_is_kept(tmp_path: Path) -> None:
    with serving() as site:
        times: list[float] = []

        def page(asked: dict[str, str], body: str) -> Answer:
            times.append(time.monotonic())
            return Answer(Published(f"示范区{len(times)}局", 2023).text().encode())

        paths = [f"/r/{n}" for n in range(4)]
        listed(site, *paths)
        site.pages.update(dict.fromkeys(paths, page))
        crawl(tmp_path, source(site, "generic", "/list/", pace={**FAST, "seconds": 0.3}))
    assert len(times) == 4
    assert all(later - earlier >= 0.28 for earlier, later in itertools.pairwise(times))


def test_nothing_is_asked_of_other_hosts(tmp_path: Path) -> None:
    with serving() as site, serving("127.0.0.2") as other:
        away = other.url
        put_report(site, "/r/1", Published("示范区甲局", 2023))
        page = site.html(
            "/r/2", f"<p>附件</p><a href='{away}/a.pdf'>附件.pdf</a><a href='/go.pdf'>附件2.pdf</a>"
        )
        site.pages["/go.pdf"] = Answer(status=301, headers={"Location": f"{away}/b.pdf"})
        site.pages["/r/3"] = Answer(status=302, headers={"Location": f"{away}/r/3"})
        site.html("/r/4", f"<meta http-equiv='refresh' content='0;url={away}/r/4'>")
        site.html("/r/5", f"<h1>扫描件</h1><img src='{away}/scan.png'><img src='/pic.png'>" + "文" * 100)
        site.pages["/pic.png"] = Answer(status=302, headers={"Location": f"{away}/pic.png"})
        site.html("/r/6", f"<iframe src='{away}/v.html?file={away}/c.pdf'></iframe>" + "文" * 800)
        for path in ("/a.pdf", "/b.pdf", "/c.pdf"):
            other.file(path, pdf("z"), "application/pdf")
        for path in ("/pic.png", "/scan.png"):
            other.file(path, png("z"), "image/png")
        listed(
            site,
            *(f"/r/{n}" for n in range(1, 7)),
            f"{away}/r/7",
            "ftp://127.0.0.2/r/8",
            "file:///etc/passwd",
        )
        site.pages["/robots.txt"] = Answer(status=302, headers={"Location": f"{away}/robots.txt"})
        told = crawl(tmp_path, source(site, "generic", "/list/"))
        assert page.body and other.asked == []
    assert told["refused"] >= 5 and told["new"] >= 2
    assert not any(b"root:" in data for data in stored(tmp_path).values())


def test_private_addresses_are_refused_unless_the_source_says_so(tmp_path: Path) -> None:
    with serving() as site:
        listed(site, "/r/1")
        told = crawl(tmp_path, source(site, "generic", "/list/", private_addresses=False))
        assert not told["ok"] and "no public address" in str(told["reasons"])
        assert site.asked == []


@pytest.mark.slow
def test_robots_txt_is_obeyed(tmp_path: Path) -> None:
    with serving() as site:
        listed(site, "/r/1", "/private/2")
        put_report(site, "/r/1", Published("示范区甲局", 2023))
        put_report(site, "/private/2", Published("示范区乙局", 2023))
        site.pages["/robots.txt"] = Answer(b"User-agent: gongkai\nDisallow: /private/\n", "text/plain")
        told = crawl(tmp_path, source(site, "generic", "/list/"))
        assert "/private/2" not in site.paths
        assert told["forbidden"] == told["refused"] == told["new"] == 1
        agents = {headers["User-Agent"] for _, _, headers in site.asked}
        assert all(agent.startswith("gongkai/") and "a@example.invalid" in agent for agent in agents)
        assert len(agents) == 1


@pytest.mark.slow
def test_sizes_are_bounded_packed_and_unpacked(tmp_path: Path) -> None:
    with serving() as site:
        listed(site, "/r/bomb.pdf", "/r/large.pdf", "/r/1")
        site.pages["/r/bomb.pdf"] = bomb(60)
        site.file("/r/large.pdf", pdf("x" * 200_000), "application/pdf")
        put_report(site, "/r/1", Published("示范区甲局", 2023))
        told = crawl(tmp_path, source(site, "generic", "/list/", bounds={"megabytes_each": 2}))
    assert (told["new"], told["failed"]) == (1, 2), told["reasons"]
    assert kinds(tmp_path) == {"html": 1}


@pytest.mark.slow
def test_a_server_that_only_fails_is_left_alone(tmp_path: Path) -> None:
    with serving() as site:
        listed(site, *(f"/r/{n}" for n in range(200)))
        told = crawl(tmp_path, source(site, "generic", "/list/", bounds={"faults": 10}))
        assert not told["ok"] and told["stopped"] == "faults"
        assert len(site.paths) < 30


@pytest.mark.slow
def test_a_list_that_cannot_be_had_is_the_sources_fault(tmp_path: Path) -> None:
    with serving() as site:
        told = crawl(tmp_path, source(site, "gkmlpt", "/gone/"))
        assert not told["ok"] and told["entries_failed"] == 1 and told["reasons"] == {"HTTP 404": 1}


@pytest.mark.slow
def test_endless_lists_end(tmp_path: Path) -> None:
    with serving() as site:

        def page(asked: dict[str, str], body: str) -> Answer:
            number = int(asked.get("page", 0)) + 1
            return Answer(f"<a href='/list/?page={number}'>下一页</a>".encode())

        site.pages["/list/"] = page
        told = crawl(tmp_path, source(site, "generic", "/list/", bounds={"requests": 40}))
        assert told["stopped"] == "bound" and len(site.paths) == 40 and not told["ok"]


def test_a_dry_run_lists_what_it_would_fetch_and_writes_nothing(tmp_path: Path) -> None:
    with serving() as site:
        listed(site, "/r/1", "/r/2")
        put_report(site, "/r/1", Published("示范区甲局", 2023))
        told = crawl(tmp_path, source(site, "generic", "/list/"), "--dry-run")
        assert [line["would_fetch"] for line in told["planned"]] == [f"{site.url}/r/1", f"{site.url}/r/2"]
        assert told["planned"][0]["title"] == "示范区第0局2023年政府信息公开工作年度报告"
        assert site.paths == ["/list/"] and not (tmp_path / "raw").exists()


@pytest.mark.slow
def test_only_what_changed_is_fetched_and_all_versions_stay(tmp_path: Path) -> None:
    with serving() as site:
        listed(site, "/r/1", "/r/2", "/r/3.pdf")
        first = Published("示范区甲局", 2023).text()
        site.html("/r/1", first)
        put_report(site, "/r/2", Published("示范区乙局", 2023))
        site.file(
            "/r/3.pdf", pdf("three"), "application/pdf", etag=False, modified="Mon, 01 Jan 2024 00:00:00 GMT"
        )
        given = source(site, "generic", "/list/")
        crawl(tmp_path, given)
        before = stored(tmp_path)
        site.html("/r/1", first + "<p>更正</p>")
        del site.pages["/r/2"]
        put_report(site, "/r/4", Published("示范区丁局", 2023))
        listed(site, "/r/1", "/r/2", "/r/3.pdf", "/r/4")
        site.sent.clear()
        told = crawl(tmp_path, given)
        assert (told["new"], told["changed"], told["same"], told["gone"]) == (1, 1, 1, 1), told
        assert dict(site.sent) == {"/robots.txt": 1, "/list/": 1, "/r/1": 1, "/r/4": 1}
        after = stored(tmp_path)
        assert before.items() < after.items() and len(after) == 5
        changed = next(entry for entry in manifest(tmp_path) if entry.outcome == "changed")
        assert changed.supersedes in {path[3:67] for path in before}


@pytest.mark.slow
def test_a_report_fetched_lately_is_not_asked_for_until_its_line_changes(tmp_path: Path) -> None:
    with serving() as site:
        listed(site, "/r/1", "/r/2")
        for n in (1, 2):
            put_report(site, f"/r/{n}", Published(f"示范区{n}局", 2023, "pdf"))
        given = source(site, "generic", "/list/", recheck_days=30)
        assert crawl(tmp_path, given)["new"] == 2
        site.asked.clear()
        told = crawl(tmp_path, given)
        assert site.paths == ["/list/"] and told["fresh"] == 4
        page = site.pages["/list/"]
        assert isinstance(page, Answer)
        page.body = page.body.replace("第0局".encode(), "第0局（更正）".encode())
        site.asked.clear()
        crawl(tmp_path, given)
        assert site.paths[:2] == ["/list/", "/r/1"] and "/r/2" not in site.paths
