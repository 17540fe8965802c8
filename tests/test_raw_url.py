"""Raw files behind a URL give the tables that they give in a folder; what cannot be had is told."""

from __future__ import annotations

import sys
import threading
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import SimpleNamespace
from typing import Any, ClassVar

import pytest
from fsspec.implementations.memory import MemoryFileSystem
from typer.testing import CliRunner

from pipeline import cli, raw_url
from pipeline.collection import identify, list_files
from pipeline.defs.launch import Outcome, run_build
from pipeline.raw_url import list_url, provenance_of
from pipeline.reading_pool import Limits, read_files
from pipeline.settings import PROJECT
from pipeline.settings import settings as settings_of
from pipeline.urls import UrlFault
from tests import fakes
from tests.test_build import contents, own_instance, reports

pytest.importorskip("aiohttp", reason="fsspec needs it for http: pip install aiohttp")

__all__ = ["own_instance"]
pytestmark = pytest.mark.xdist_group("build")
LIMITS = Limits(20, 0)


class Store(SimpleHTTPRequestHandler):
    """A folder over HTTP, with marks of its files' bytes as object stores give them."""

    asked: list[str]

    def log_message(self, *_: object) -> None: ...

    def do_GET(self) -> None:
        self.asked.append(self.path)
        super().do_GET()

    def end_headers(self) -> None:
        place = Path(self.translate_path(self.path))
        if place.is_file():
            info = place.stat()
            self.send_header("ETag", f'"{info.st_mtime_ns}-{info.st_size}"')
        super().end_headers()


@pytest.fixture
def store(tmp_path: Path) -> Iterator[tuple[str, list[str]]]:
    """The URL of the folder raw/ over HTTP, and the paths that were asked for."""
    asked: list[str] = []
    handler = type("Handler", (Store,), {"asked": asked})
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(handler, directory=str(tmp_path))) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/raw/", asked
        server.shutdown()


def raw_folder(folder: Path) -> Path:
    """Reports, and what is none: hidden files and folders, notes of an office program, a crawl's own."""
    reports(folder)
    raw = folder / "raw"
    for name in ("甲/1 号.txt", ".hidden", ".git/config", "a/~$x.docx"):
        fakes.write(raw, name, agency="某县", year=2021)
    own = raw / "a" / ".gongkai"
    own.mkdir()
    (own / "manifest.jsonl").write_text(
        '{"sha256": "ab", "kept": "document", "path": "2022.txt", "url": "https://a.example/1", "key": "k"}\n'
    )
    return raw


def build(folder: Path, warehouse: str, url: str = "") -> Outcome:
    # As the environment has them, so that a second build sees that nothing is new.
    chosen = replace(settings_of(folder / "raw", folder / warehouse / "w", 2), raw_url=url)
    (folder / warehouse).mkdir(exist_ok=True)
    return run_build(chosen, folder / warehouse / "build.log", read=fakes.read_fake)


def test_a_folder_behind_a_url_gives_the_same_tables(tmp_path: Path, store: tuple[str, list[str]]) -> None:
    url, asked = store
    raw_folder(tmp_path)
    first = build(tmp_path, "here")
    assert first == Outcome(None, read=9, known=0)
    assert build(tmp_path, "http", url) == first
    here = contents(tmp_path / "here")
    assert contents(tmp_path / "http") == here
    assert "https://a.example/1" in str(here["dim_document"])
    # With nothing new, files are listed and not fetched.
    asked.clear()
    again = build(tmp_path, "http", url)
    assert again == Outcome(None, read=0, known=9) and again.unchanged
    assert not [path for path in asked if path.endswith(".txt")]


def test_listing_names_files_by_their_bytes(tmp_path: Path, store: tuple[str, list[str]]) -> None:
    url, asked = store
    raw = raw_folder(tmp_path)
    seen = tmp_path / "urls.parquet"

    def named(files: tuple) -> list[tuple]:
        return [(f.path, f.source, f.document_id, f.refused, f.message) for f in files]

    here = named(identify(list_files(raw), tmp_path / "files.parquet"))
    assert named(list_url(url, seen)) == here
    asked.clear()
    assert named(list_url(url, seen)) == here
    assert not [path for path in asked if path.endswith(".txt")]
    assert named(list_url(url, seen, trust=False)) == here
    assert len([path for path in asked if path.endswith(".txt")]) == 9
    fakes.write(raw, "odd.txt", agency="另一局", year=2023)
    changed = named(list_url(url, seen))
    assert [old[0] for old, new in zip(here, changed, strict=True) if old != new] == ["odd.txt"]


def test_a_file_that_changed_or_is_gone_is_read_in_the_next_run(
    tmp_path: Path, store: tuple[str, list[str]]
) -> None:
    raw = tmp_path / "raw"
    for name in ("a.txt", "b.txt", "c.txt"):
        fakes.write(raw, name, agency="甲", year=2023)
    for number, url in enumerate((store[0], raw.as_uri())):
        files = list_url(url, tmp_path / f"{number}.parquet")
        fakes.write(raw, "b.txt", agency="乙", year=2023)
        (raw / "c.txt").unlink()
        found = {r.name: r for r in read_files(files, fakes.read_fake, 1, LIMITS)}
        assert found["a.txt"].only_under is None and found["a.txt"].report.status == "parsed"
        for name in ("b.txt", "c.txt"):
            assert (found[name].report.status, found[name].only_under) == ("unreadable", "this run")
        assert "it changed during the run" in found["b.txt"].report.message
        fakes.write(raw, "b.txt", agency="甲", year=2023)
        fakes.write(raw, "c.txt", agency="甲", year=2023)


def test_a_place_that_cannot_be_had_is_told_in_one_line(
    tmp_path: Path, store: tuple[str, list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "raw").mkdir()
    for url, said in (
        ("file:///no/such/folder", "there is no folder at file:///no/such/folder"),
        ("nope://bucket/raw", "Protocol not known: nope"),
        (store[0] + "absent/", "absent/"),
        ("http://127.0.0.1:1/raw/", "127.0.0.1:1"),
    ):
        with pytest.raises(UrlFault) as fault:
            list_url(url, tmp_path / "urls.parquet")
        assert said in str(fault.value) and "\n" not in str(fault.value)

    def lacks(url: str, anew: bool = False) -> None:
        raise ImportError("Install s3fs to access S3")

    monkeypatch.setattr(raw_url, "system", lacks)
    command = ["build", "--raw", "s3://bucket/raw", "--warehouse", str(tmp_path / "w")]
    result = CliRunner().invoke(cli.app, command)
    assert result.exit_code == 1
    assert "gongkai: s3://bucket/raw: Install s3fs to access S3" in result.output


class Bucket(MemoryFileSystem):
    """An object store as s3fs shows it: what was listed is kept, and a folder may be an object as well."""

    store: ClassVar[dict[str, Any]] = {}
    pseudo_dirs: ClassVar[list[str]] = [""]
    kept: ClassVar[dict[str, dict]] = {}
    fault: ClassVar[Exception | None] = None

    def find(self, path: str, *_: object, **__: object) -> dict[str, dict]:
        if path not in self.kept:
            folder = {"name": f"{path}/甲/", "size": 0, "type": "file", "ETag": "d41d"}
            self.kept[path] = {**super().find(path, detail=True), folder["name"]: folder}
        return self.kept[path]

    def invalidate_cache(self, path: str | None = None) -> None:
        self.kept.clear()

    def isdir(self, path: str) -> bool:
        if self.fault:
            raise self.fault
        return super().isdir(path)

    def open(self, path: str, mode: str = "rb", *args: Any, **options: Any) -> Any:
        if mode == "rb" and path.endswith("broken.txt"):
            raise StoreFault("the connection was closed")
        return super().open(path, mode, *args, **options)


class StoreFault(Exception):
    """What botocore raises is no OSError."""


def test_an_object_store_is_listed_anew_and_its_folders_are_no_files(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "botocore.exceptions", SimpleNamespace(BotoCoreError=StoreFault))  # type: ignore[arg-type]
    bucket = Bucket()
    monkeypatch.setattr("fsspec.core.url_to_fs", lambda url: (bucket, bucket._strip_protocol(url)))
    bucket.pipe("/raw/甲/1.txt", b"1")

    def listed() -> dict[str, str | None]:
        return {f.path: f.refused for f in list_url("memory://raw", tmp_path / "seen.parquet")}

    assert listed() == {"甲/1.txt": None}
    bucket.pipe("/raw/甲/2.txt", b"2")
    bucket.pipe("/raw/broken.txt", b"3")
    assert listed() == {"broken.txt": "unreadable", "甲/1.txt": None, "甲/2.txt": None}
    monkeypatch.setattr(Bucket, "fault", StoreFault("Unable to locate credentials"))
    with pytest.raises(UrlFault, match="memory://raw cannot be listed: Unable to locate credentials"):
        listed()


def test_manifests_behind_a_url(tmp_path: Path, store: tuple[str, list[str]]) -> None:
    raw = raw_folder(tmp_path)
    found = provenance_of(store[0])
    assert found == provenance_of(raw.as_uri()) and found["a/2022.txt"].url == "https://a.example/1"


def test_the_url_is_an_option_and_a_variable() -> None:
    folder = settings_of(environ={"GONGKAI_RAW": "/r"})
    assert (folder.raw, folder.raw_url) == (Path("/r"), "")
    shared = settings_of(environ={"GONGKAI_RAW_URL": "file:///mnt/%E5%85%AC/raw"})
    assert (shared.raw, shared.raw_url) == (Path("/mnt/公/raw"), "file:///mnt/%E5%85%AC/raw")
    # Crawls go on writing to the folder.
    bucket = settings_of(environ={"GONGKAI_RAW_URL": "s3://b/raw"})
    assert (bucket.raw, bucket.raw_url) == (PROJECT / "data" / "raw", "s3://b/raw")
    assert settings_of(Path("/x"), environ={"GONGKAI_RAW_URL": "s3://b/raw"}).raw_url == ""
