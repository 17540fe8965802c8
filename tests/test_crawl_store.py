"""Sources, network rules, the store and its proof, without any network."""

from __future__ import annotations

import os
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from pipeline.crawl.adapters.common import Page, Step, canonical, decode, joined, year_in
from pipeline.crawl.adapters.report_page import Picture, bundle, parts
from pipeline.crawl.journal import Journal
from pipeline.crawl.safety import AddressRefused, GuardedResolver, is_public, refusal
from pipeline.crawl.sources import Source, SourceFault, chosen, load
from pipeline.crawl.store import Entry, Store, StoreFault, append, ending_of, entries, verify
from pipeline.reading.document import Picture as PictureBlock
from pipeline.reading.open import read_document
from tests.crawl_server import docx, pdf, png

SOURCE = {
    "name": "some-district",
    "title": "某区",
    "adapter": "trs",
    "entries": ["https://www.example.gov.cn/zfxxgknb/"],
    "hosts": ["www.example.gov.cn", "*.files.example.gov.cn", "old.example.gov.cn:8080"],
}


def test_the_sources_that_ship_are_whole() -> None:
    sources = load()
    harbin = [s for s in sources.values() if (s.division_code or "").startswith("2301")]
    codes = {s.division_code for s in harbin}
    districts = {"230102", "230103", "230104", "230108", "230109", "230110", "230111", "230112", "230113"}
    assert {"230100"} | districts <= codes
    elsewhere = [s for s in sources.values() if s not in harbin]
    assert len({s.adapter for s in elsewhere}) == 7
    ready = [s for s in elsewhere if s.enabled]
    assert len({s.division_code for s in ready}) >= 10 and len({s.adapter for s in ready}) >= 6
    # An entry that cannot be crawled as it stands says what is wanting.
    assert all(s.note for s in sources.values() if not s.enabled)
    assert any(isinstance(s.expected_agencies, tuple) for s in harbin)
    for source in sources.values():
        assert all(host.removeprefix("*.").split(":")[0].endswith(".gov.cn") for host in source.hosts)
        assert not source.private_addresses and source.pace.seconds >= 1


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"adapter": "hanwebb"}, "adapter: Input should be 'hanweb', 'trs'"),
        ({"host": []}, "host: Extra inputs are not permitted"),
        ({"entries": ["https://other.gov.cn/"]}, "at a host that hosts does not name"),
        ({"entries": []}, "at least one address"),
        ({"entries": ["ftp://www.example.gov.cn/"]}, "is no http or https address"),
        ({"years": [2024, 2020]}, "2024 to 2020 is no range"),
        ({"division_code": "23"}, "division_code: String should match"),
        ({"options": {"areas": ["1"]}}, "areas mean nothing to trs (known: none)"),
        ({"pace": {"seconds": -1}}, "pace.seconds: Input should be greater than or equal to 0"),
        ({"hosts": ["https://a.gov.cn"]}, "is no host"),
        ({"name": "Ä b"}, "name: String should match"),
        ({"expected_agencies": 0}, "expected_agencies: how many bodies (1 or more), or a list"),
        ({"expected_agencies": []}, "expected_agencies: how many bodies (1 or more), or a list"),
    ],
)
def test_a_fault_in_a_source_is_said_with_its_place(change: dict, said: str, tmp_path: Path) -> None:
    import yaml

    path = tmp_path / "sources.yaml"
    path.write_text(yaml.safe_dump({"sources": [{**SOURCE, **change}]}), encoding="utf-8")
    with pytest.raises(SourceFault) as fault:
        load(path)
    assert str(fault.value).startswith("sources.yaml: ") and said in str(fault.value)


def test_unknown_names_are_told() -> None:
    with pytest.raises(SourceFault, match="no source is called nowhere"):
        chosen(load(), ["nowhere"])


@pytest.mark.parametrize(
    ("url", "passes"),
    [
        ("https://www.example.gov.cn/a", True),
        ("https://WWW.example.gov.cn:443/a", True),
        ("http://a.files.example.gov.cn/x.pdf", True),
        ("http://old.example.gov.cn:8080/", True),
        ("http://old.example.gov.cn/", False),
        ("https://www.example.gov.cn:8443/", False),
        ("https://example.gov.cn/", False),
        ("https://www.example.gov.cn.evil.net/", False),
        ("https://www.example.gov.cn@evil.net/", False),
        ("https://user:pw@www.example.gov.cn/", False),
        ("https://evil.net/#www.example.gov.cn", False),
        ("file:///etc/passwd", False),
        ("javascript:alert(1)", False),
        ("http://[::1]/", False),
        ("https://www.example.gov.cn/" + "a" * 3000, False),
    ],
)
def test_only_the_sources_hosts_pass(url: str, passes: bool) -> None:
    assert (refusal(url, Source.model_validate(SOURCE)) is None) == passes


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1",
        "10.1.2.3",
        "192.168.1.1",
        "172.16.0.1",
        "169.254.169.254",
        "0.0.0.0",
        "100.64.0.1",
        "224.0.0.1",
        "::1",
        "fe80::1",
        "fc00::1",
        "::ffff:127.0.0.1",
        "2002:7f00:1::",
    ],
)
def test_no_address_inside_is_public(address: str) -> None:
    assert not is_public(address)
    named = {**SOURCE, "hosts": [address], "entries": [f"http://{address}/"]}
    if ":" not in address:
        assert "no public address" in str(refusal(f"http://{address}/", Source.model_validate(named)))
    assert is_public("8.8.8.8") and is_public("2400:3200::1")


def test_a_name_that_leads_inside_is_refused_when_it_is_looked_up() -> None:
    resolver = GuardedResolver.__new__(GuardedResolver)
    with pytest.raises(AddressRefused, match="leads to 10"):
        resolver._checked("10.0.0.1", "a.gov.cn")
    assert resolver._checked("8.8.8.8", "a.gov.cn") == "8.8.8.8"
    resolver.private = True
    assert resolver._checked("127.0.0.1", "a.gov.cn") == "127.0.0.1"


def test_twins_have_one_name() -> None:
    one = canonical("http://a.gov.cn/x/202301/t20230120_1.html")
    for twin in (
        "https://a.gov.cn/x/202301/t20230120_1_wap.html",
        "http://a.gov.cn:80/x/202301/t20230120_1.html;jsessionid=AB",
        "http://A.gov.cn/x/202301/t20230120_1.html?print=1#top",
        "http://a.gov.cn/x/202301/t20230120_1_app.html?t=99",
    ):
        assert canonical(twin) == one
    assert canonical("http://a.gov.cn/x?id=1") != canonical("http://a.gov.cn/x?id=2")
    assert canonical("http://a.gov.cn/x/index.shtml") == canonical("http://a.gov.cn/x/")


def test_what_a_page_says_of_itself() -> None:
    body = (
        "<html><head><meta name='ArticleTitle' content='某局2023年政府信息公开工作年度报告'>"
        "<meta name='ContentSource' content='某局'><meta name='PubDate' content='2024-01-20 10:00'></head>"
        "<body><ul><li>索 引 号：11230103/2024-00123</li></ul>"
        + "<p>全年工作有序开展，栏目按季更新。</p>"
        * 9
    )
    url = "http://a.gov.cn/r/1.html"
    told = parts(Page(url, body.encode(), Step("page", url)))
    assert told.is_report and told.hints == {
        "title": "某局2023年政府信息公开工作年度报告",
        "agency": "某局",
        "published": "2024-01-20",
        "index_number": "11230103/2024-00123",
    }


def test_small_things() -> None:
    assert year_in("南岗区2023年政府信息公开年度报告 2024-01-20") == 2023
    assert year_in("2019年和2020年报告") is None
    assert decode("年度报告".encode("gb18030")) == "年度报告"
    assert decode(b"<meta charset=gb2312>" + "年度报告".encode()) == "<meta charset=gb2312>年度报告"
    assert joined("http://a.gov.cn/x/", "../y 1.pdf") == "http://a.gov.cn/y%201.pdf"
    assert joined("http://a.gov.cn/", "http://[bad") is None
    assert [ending_of(d) for d in (pdf("a"), docx("a"), png("a"), b"<html>", b"", b"plain")] == [
        "pdf", "docx", "png", "html", "bin", "txt",
    ]  # fmt: skip


def entry(key: str, **more: object) -> Entry:
    values = {
        "time": "2024-01-01T00:00:00+00:00",
        "crawl": "c",
        "url": f"http:{key}",
        "key": key,
        "role": "file",
    }
    return Entry(**{**values, "role": "file", "outcome": "new", **more})  # type: ignore[arg-type]


def test_bytes_are_named_by_their_hash_and_proved(tmp_path: Path) -> None:
    store = Store(tmp_path, "s")
    with store.lock():
        digest, path = store.put(b"%PDF-1", "document", "pdf")
        store.add(entry("//a/1", sha256=digest, path=path, bytes=6, kept="document"))
        with pytest.raises(StoreFault, match="another crawl"), Store(tmp_path, "s").lock():
            pass
    assert (tmp_path / "s" / path).read_bytes() == b"%PDF-1" and path == f"{digest[:2]}/{digest}.pdf"
    assert verify(tmp_path).faults == () and verify(tmp_path).files == 1
    (tmp_path / "s" / path).write_bytes(b"%PDF-2")
    (tmp_path / "s" / "ab").mkdir()
    (tmp_path / "s" / "ab" / ("ab" * 32 + ".pdf")).write_bytes(b"x")
    wrong, stray = verify(tmp_path).faults
    assert "its bytes have the hash" in wrong and "no line of the manifest" in stray
    (tmp_path / "s" / path).unlink()
    assert "is missing" in verify(tmp_path).faults[0]


def test_a_torn_line_loses_only_itself(tmp_path: Path) -> None:
    store = Store(tmp_path, "s")
    store.add(entry("//a/1"))
    with store.manifest.open("ab") as file:
        file.write(b'{"time":"2024')
    Store(tmp_path, "s").add(entry("//a/2"))
    assert [one.key for one in entries(store.manifest)] == ["//a/1", "//a/2"]
    assert verify(tmp_path).torn == 1 and verify(tmp_path).faults == ()


def test_a_journal_goes_on_where_it_was_unless_it_is_stale(tmp_path: Path) -> None:
    now = datetime(2024, 1, 1, tzinfo=UTC)
    journal = Journal(tmp_path, now)
    first, second, third = (Step("page", f"http://a/{n}") for n in (1, 2, 3))
    assert journal.done(None, [first]) == [first]
    assert journal.done(first, [first, second, third]) == [second, third]
    with journal.path.open("ab") as file:
        file.write(b'{"done":"page //a/2","fou')
    again = Journal(tmp_path, now + timedelta(days=1))
    assert again.resumed and again.crawl == journal.crawl
    assert list(again.pending.values()) == [second, third]
    again.done(second)
    assert list(Journal(tmp_path, now).pending) == [third.identity]
    assert not Journal(tmp_path, now + timedelta(days=4)).resumed


def test_a_page_and_its_pictures_are_read_as_one(tmp_path: Path) -> None:
    body = (
        "<html><meta charset='gb2312'><body><h1>年度报告</h1><img src='./a/1.png'><img src=\"/b.png\"></body>"
    )
    page = Page(
        "http://a.gov.cn/x/1.html", body.encode("gb18030"), Step("page", "http://a.gov.cn/x/1.html"), "gbk"
    )
    pictures = [
        (Picture("./a/1.png", "http://a.gov.cn/x/a/1.png"), png("one"), "png"),
        (Picture("/b.png", "http://a.gov.cn/b.png"), png("two"), "png"),
    ]
    whole = bundle(page, pictures)
    assert whole == bundle(page, pictures) and ending_of(whole) == "mht"
    path = tmp_path / "page.mht"
    path.write_bytes(whole)
    append(tmp_path / "log", {"a": 1})
    document = read_document(path)
    assert "年度报告" in document.text
    assert [b.data for b in document.blocks if isinstance(b, PictureBlock)] == [png("one"), png("two")]


def test_a_whole_file_without_a_line_is_no_fault_while_its_crawl_has_not_ended(tmp_path: Path) -> None:
    store = Store(tmp_path, "s")
    with store.lock():
        Journal(store.hidden).done(None)
        store.add(entry("//a/1", outcome="failed"))
        _, path = store.put(b"%PDF-1", "document", "pdf")
    assert (verify(tmp_path).faults, verify(tmp_path).unlisted) == ((), 1)
    (tmp_path / "s" / path).write_bytes(b"%PDF-")
    (fault,) = verify(tmp_path).faults
    assert "no line of the manifest" in fault
    (tmp_path / "s" / path).write_bytes(b"%PDF-1")
    Journal(store.hidden).close()
    assert len(verify(tmp_path).faults) == 1


def test_the_second_crawl_is_told_who_crawls(tmp_path: Path) -> None:
    held = Store(tmp_path, "s").lock()
    with held, pytest.raises(StoreFault) as told, Store(tmp_path, "s").lock():
        pass
    assert f"a crawl, process {os.getpid()} on " in str(told.value) and "wait for it to end" in str(
        told.value
    )
    with Store(tmp_path, "s").lock():
        pass
