"""What one machine has read and put behind a URL, no other reads again; and nothing else changes."""

from __future__ import annotations

import hashlib
import logging
import shutil
from dataclasses import replace
from pathlib import Path

import polars as pl
import pytest
from fsspec.implementations.memory import MemoryFileSystem
from typer.testing import CliRunner

from pipeline import cli, reading_share
from pipeline.defs.launch import Outcome, run_build
from pipeline.reading_cache import AGAIN, ReadingCache
from pipeline.reading_rows import LONG
from pipeline.settings import SettingsFault
from pipeline.settings import settings as settings_of
from pipeline.urls import UrlFault
from tests import fakes
from tests.test_build import contents, own_instance, reads, reports
from tests.test_build_reading import reading

__all__ = ["own_instance"]
pytestmark = pytest.mark.xdist_group("build")


def build(folder: Path, machine: str, url: str) -> Outcome:
    """A build on a machine that has the same raw folder and nothing else of the others'."""
    (folder / machine).mkdir(exist_ok=True)
    chosen = replace(settings_of(folder / "raw", folder / machine / "w", 2), readings_url=url)
    return run_build(chosen, folder / machine / "build.log", read=fakes.read_fake)


def sent(place: Path) -> list[Path]:
    return sorted(place.rglob("*.zip"))


def test_another_machine_reads_nothing_and_has_the_same_tables(tmp_path: Path) -> None:
    reports(tmp_path)
    place, url = tmp_path / "shared", (tmp_path / "shared").as_uri()
    first = build(tmp_path, "one", url)
    assert first.fault is None and first.read > 5
    assert all(hashlib.sha256(one.read_bytes()).hexdigest() == one.stem for one in sent(place))
    second = build(tmp_path, "two", url)
    assert (second.fault, second.read, second.known) == (None, 0, first.read)
    assert contents(tmp_path / "two") == contents(tmp_path / "one")
    # Only what is new travels, and what came from there does not go back.
    before = sent(place)
    fakes.write(tmp_path / "raw", "b/new.txt", agency="王岗镇", year=2023, requests=fakes.balanced(7))
    assert build(tmp_path, "two", url).read == 1
    (new,) = set(sent(place)) - set(before)
    assert new.parent in {one.parent for one in before}
    assert build(tmp_path, "one", url).read == 0
    assert contents(tmp_path / "two") == contents(tmp_path / "one")
    # One that has all asks for nothing.
    shutil.rmtree(place)
    assert build(tmp_path, "two", url).unchanged
    assert sent(place) == []


def test_a_file_that_is_spoilt_is_passed_over_and_said(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    cache, url = kept(tmp_path, "one", "a"), (tmp_path / "shared").as_uri()
    assert reading_share.send(cache, url) == 1
    (file,) = sent(tmp_path / "shared")
    file.write_bytes(file.read_bytes()[:-20])
    (file.parent / "notes.txt").write_text("whatever else lies there")
    other = ReadingCache(tmp_path / "two", fakes.versions("v1"), "limits")
    with caplog.at_level(logging.WARNING):
        assert reading_share.fetch(other, url) == 0
    assert other.known().is_empty() and "it is spoilt; remove it" in caplog.text
    # Whoever has the reading still puts a whole one there, once asked to from the start.
    assert reading_share.send(kept(tmp_path, "three", "a"), url) == 1
    assert reading_share.fetch(other, url) == 1
    assert other.known().rows() == cache.known().rows()


def kept(
    folder: Path, machine: str, *names: str, version: str = "v1", under: str | None = None
) -> ReadingCache:
    """A cache with a part for each name."""
    cache = ReadingCache(folder / machine, fakes.versions(version), "limits")
    for name in names:
        cache.add([reading(name, only_under=under)])
    return cache


def test_what_another_reader_read_stays_there(tmp_path: Path) -> None:
    url = (tmp_path / "shared").as_uri()
    reading_share.send(kept(tmp_path, "old", "a", "b"), url)
    newer = kept(tmp_path, "new", version="v2")
    assert reading_share.fetch(newer, url) == 0
    assert newer.known().is_empty()
    same = kept(tmp_path, "same")
    assert (reading_share.fetch(same, url), same.known().height) == (1, 2)
    assert reading_share.fetch(same, url) == 0, "once is enough"
    assert reading_share.send(same, url) == 0, "nor does it go back"


def test_what_could_not_be_had_is_not_shared(tmp_path: Path) -> None:
    url = (tmp_path / "shared").as_uri()
    assert reading_share.send(kept(tmp_path, "one", "a", under=AGAIN), url) == 0
    assert sent(tmp_path / "shared") == []
    # What hangs on limits is shared, and holds under the same limits alone.
    assert reading_share.send(kept(tmp_path, "two", "b", under="limits"), url) == 1
    loose = ReadingCache(tmp_path / "three", fakes.versions("v1"), "other limits")
    assert reading_share.fetch(loose, url) == 1 and loose.known().is_empty()


def test_parts_that_are_put_together_are_not_sent_again(tmp_path: Path) -> None:
    url = (tmp_path / "shared").as_uri()
    cache = kept(tmp_path, "one", *map(str, range(14)))
    assert reading_share.send(cache, url) == 1, "as few files as will do"
    cache.compact()
    assert len(cache.parts()) == 1
    assert reading_share.send(cache, url) == 0
    cache.add([reading("more")])
    assert reading_share.send(cache, url) == 1
    # To another place everything goes.
    assert reading_share.send(cache, (tmp_path / "elsewhere").as_uri()) == 1
    other = ReadingCache(tmp_path / "two", fakes.versions("v1"), "limits")
    reading_share.fetch(other, url)
    assert other.known().sort("name").rows() == cache.known().sort("name").rows()
    for table in LONG:
        assert pl.concat(other.held().rows(table)).height == pl.concat(cache.held().rows(table)).height


def test_what_could_not_be_sent_is_kept_and_sent_the_next_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    reports(tmp_path)
    url = f"memory://{tmp_path.name}"

    def full(*_: object, **__: object) -> None:
        raise OSError("the bucket is full")

    with monkeypatch.context() as patch:
        patch.setattr(MemoryFileSystem, "pipe_file", full)
        failed = build(tmp_path, "one", url)
    assert failed.fault == f"{url} cannot be written: the bucket is full"
    again = build(tmp_path, "one", url)
    assert (again.fault, again.read) == (None, 0)
    assert build(tmp_path, "two", url).read == 0


def test_a_place_that_cannot_be_had_is_told_before_anything_is_read(tmp_path: Path) -> None:
    reports(tmp_path)
    (tmp_path / "shared").write_text("no folder")
    url = (tmp_path / "shared").as_uri()
    failed = build(tmp_path, "one", url)
    assert failed.fault is not None and failed.fault.startswith(f"{url} cannot be read: ")
    assert reads(tmp_path) == 0


def test_places_that_cannot_be_had(tmp_path: Path) -> None:
    cache = kept(tmp_path, "one", "a")
    for url, said in (("nope://bucket/x", "Protocol not known"), ("http://127.0.0.1:1/x", "127.0.0.1:1")):
        with pytest.raises(UrlFault, match=said) as fault:
            reading_share.send(cache, url)
        assert "\n" not in str(fault.value)
    with pytest.raises(SettingsFault, match="--readings"):
        settings_of(readings="/a/folder")
    assert settings_of(environ={"GONGKAI_READINGS_URL": "s3://b/x/"}).readings_url == "s3://b/x"
    result = CliRunner().invoke(cli.app, ["build", "--readings", "folder"])
    assert result.exit_code == 1 and "lie at a URL" in result.output
