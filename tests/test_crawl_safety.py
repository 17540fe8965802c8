"""Where a crawl may go and what it may take, by whole crawls: addresses, certificates, names, bounds."""

from __future__ import annotations

import re
import time
from pathlib import Path

import pytest

from tests.crawl_runs import FAST, crawl, manifest, source, stored
from tests.crawl_server import FILLER, Answer, Published, Site, pdf, put_report, self_signed, serving
from tests.test_crawl_trouble import listed, outcomes

INSIDE = {"inner.example": "127.0.0.1", "cloud.example": "169.254.169.254", "lan.example": "10.0.0.1"}
# Further ways to write 127.0.0.1, and names that lead there.
DISGUISED = (
    "inner.example", "cloud.example", "lan.example", "localhost", "a.localhost", "127.0.0.1", "127.1",
    "2130706433", "0x7f000001", "0x7f.0.0.1", "0177.0.0.1", "017700000001", "0.0.0.0", "0",
)  # fmt: skip


def test_no_way_to_write_a_private_address_is_asked(tmp_path: Path) -> None:
    with serving() as site:
        listed(site, "/r/1")
        port = site.host.rpartition(":")[2]
        given = source(
            site,
            "generic",
            "/list/",
            entries=[f"http://{host}:{port}/list/" for host in DISGUISED],
            hosts=[f"{host}:{port}" for host in DISGUISED],
            private_addresses=False,
            pace={**FAST, "retries": 0},
        )
        told = crawl(tmp_path, given, names=INSIDE)
        assert site.asked == [] and not told["ok"]
    refused = {entry.url.split("/")[2].rpartition(":")[0] for entry in manifest(tmp_path)}
    assert refused == set(DISGUISED)
    for entry in manifest(tmp_path):
        assert entry.outcome == "refused" and "no public address" in entry.reason, (entry.url, entry.reason)


def test_a_public_site_does_not_lead_inside(tmp_path: Path) -> None:
    """Neither by a redirect, a link, an attachment nor a picture, in any notation."""
    with serving("127.0.0.5") as site, serving() as inside:
        port = inside.host.rpartition(":")[2]
        ways = [f"{host}:{port}" for host in ("127.0.0.1", "2130706433", "inner.example", "[::1]")]
        ways += [f"[::ffff:127.0.0.1]:{port}", f"[::ffff:7f00:1]:{port}"]
        inside.pages["/x.pdf"] = Answer(pdf("inside"), "application/pdf")
        paths = []
        for n, way in enumerate(ways):
            site.pages[f"/r/{n}"] = Answer(status=302, headers={"Location": f"http://{way}/x.pdf"})
            frame = f"<a href='http://{way}/x.pdf'>附件.pdf</a><img src='http://{way}/x.png'>" + "文" * 900
            site.html(f"/p/{n}", frame)
            paths += [f"/r/{n}", f"/p/{n}", f"http://{way}/x.pdf"]
        put_report(site, "/r/good", Published("示范区甲局", 2023))
        listed(site, "/r/good", *paths)
        given = source(
            site,
            "generic",
            "/list/",
            # The source's own hosts, so that nothing but the addresses stands against them.
            hosts=[site.host, *(way for way in ways if "[" not in way)],
            private_addresses=False,
            pace={**FAST, "retries": 0},
        )
        told = crawl(tmp_path, given, names=INSIDE, public="127.0.0.5")
        assert inside.asked == [] and "/r/good" in site.paths
        assert told["ok"] and told["new"] == 1 + len(ways)
        assert set(outcomes(tmp_path)) >= {f"/r/{n}" for n in range(len(ways))}
    for n in range(len(ways)):
        assert outcomes(tmp_path)[f"/r/{n}"].startswith("refused")
    assert not any(b"inside" in data for data in stored(tmp_path).values())


def test_certificates_are_checked_unless_the_source_says_otherwise(tmp_path: Path) -> None:
    with serving(certificate=self_signed(tmp_path)) as site:
        listed(site, "/r/1")
        put_report(site, "/r/1", Published("示范区甲局", 2023))
        given = source(site, "generic", "/list/", pace={**FAST, "retries": 0})
        told = crawl(tmp_path, given)
        assert not told["ok"] and site.asked == [] and stored(tmp_path) == {}
        assert "certificate" in str(told["reasons"]), told["reasons"]
        told = crawl(tmp_path, {**given, "check_certificates": False})
        assert told["ok"] and told["new"] == 1
        assert told["findings"] == ["certificates are not checked, as the source's entry says"]
    (document,) = (entry for entry in manifest(tmp_path) if entry.kept == "document")
    assert document.certificate == "unchecked"


def test_no_name_of_a_file_comes_from_the_network(tmp_path: Path) -> None:
    root = tmp_path / "a" / "b" / "c"
    root.mkdir(parents=True)
    paths = ["/r/%2e%2e%2f%2e%2e%2fevil.pdf", "/r/..%5c..%5cevil2.pdf", "/r/con.pdf%00.exe", "/r/3.pdf"]
    with serving() as site:
        listed(site, *paths, "/r/../../../../evil5.pdf", "/r/page")
        for n, path in enumerate(paths):
            hostile = {"Content-Disposition": f'attachment; filename="../../../../evil{n}.pdf"'}
            site.file(path, pdf(f"report {n}"), "application/pdf", headers=hostile)
        site.file("/evil5.pdf", pdf("five"), "application/pdf")
        link = "<a href='/d?f=1' download='../../../x.pdf'>../../../../etc/附件.pdf</a>"
        site.html("/r/page", link + Published("示范区甲局", 2023).text())
        told = crawl(root, source(site, "generic", "/list/"))
    assert told["new"] >= len(paths)
    # The log tells of fetches, never what stood in one.
    assert told["log"] and FILLER in Published("示范区甲局", 2023).text()
    assert not [part for part in re.findall(r"\w{4,}", FILLER) if part in told["log"]]
    stored_file = re.compile(r"raw/test/([0-9a-f]{2})/\1[0-9a-f]{62}\.(pdf|html)")
    own = re.compile(
        r"sources\.yaml|raw/test/\.gongkai/(manifest\.jsonl|lock|kept/[0-9a-f]{2}/[0-9a-f]{64}\.\w+)"
    )
    found = [path.relative_to(root).as_posix() for path in root.rglob("*") if path.is_file()]
    assert [name for name in found if not stored_file.fullmatch(name) and not own.fullmatch(name)] == []
    assert len(found) > len(paths)
    outside = [path for path in tmp_path.rglob("*") if path.is_file() and not path.is_relative_to(root)]
    assert outside == []


def nested(site: Site, levels: int) -> None:
    for n in range(levels):
        site.html(f"/list/{n}/", f"<a href='/list/{n + 1}/'>2023年</a>")


def test_a_crawl_goes_no_deeper_than_its_bound(tmp_path: Path) -> None:
    with serving() as site:
        nested(site, 9)
        given = source(
            site, "generic", "/list/0/", bounds={"depth": 3}, options={"lists": "/list/", "link": "/r/"}
        )
        told = crawl(tmp_path, given)
        assert site.paths == [f"/list/{n}/" for n in range(4)]
        assert told["reasons"] == {"deeper than the source's bound": 1}


@pytest.mark.slow
def test_a_crawl_takes_no_longer_than_its_bound_and_goes_on(tmp_path: Path) -> None:
    with serving() as site:
        paths = [f"/r/{n}" for n in range(40)]
        listed(site, *paths)
        for n, path in enumerate(paths):
            put_report(site, path, Published(f"示范区第{n}局", 2023))
        site.delay = 0.1
        given = source(site, "generic", "/list/", bounds={"minutes": 1 / 60}, pace={**FAST, "per_host": 1})
        began = time.monotonic()
        told = crawl(tmp_path, given)
        assert time.monotonic() - began < 6 and not told["finished"] and told["left"] > 0
        assert told["stopped"] == "closespider_timeout" and not told["ok"], told
        site.delay = 0
        assert crawl(tmp_path, given)["finished"] and len(stored(tmp_path)) == 40
        assert max(site.paths.count(path) for path in paths) == 1


def test_a_crawl_takes_no_more_bytes_and_follows_no_more_redirects_than_its_bound(tmp_path: Path) -> None:
    with serving() as site:
        listed(site, *(f"/r/{n}.pdf" for n in range(8)), "/hop/0.pdf")
        for n in range(9):
            site.pages[f"/hop/{n}.pdf"] = Answer(status=302, headers={"Location": f"/hop/{n + 1}.pdf"})
        for n in range(8):
            site.file(f"/r/{n}.pdf", pdf(f"{n}" * 10_000), "application/pdf")
        given = source(
            site,
            "generic",
            "/list/",
            bounds={"megabytes": 0.5, "redirects": 3},
            pace={**FAST, "per_host": 1},
        )
        told = crawl(tmp_path, given)
        assert told["stopped"] == "bound" and 2 <= told["new"] <= 4 and told["left"] > 0
        assert len([path for path in site.paths if path.startswith("/hop/")]) == 4
