"""The raw folder and the reading of many files: what is listed, kept, bounded."""

from __future__ import annotations

import hashlib
import os
import time
from dataclasses import replace
from pathlib import Path
from typing import BinaryIO

import polars as pl
import pytest

from pipeline import collection
from pipeline.collection import identify, list_files
from pipeline.reading.document import FileFormat
from pipeline.reading_cache import NAMED, Held, ReadingCache
from pipeline.reading_pool import Limits, read_files
from pipeline.reading_rows import Reading, as_rows, pack
from pipeline.reading_version import reader_versions
from tests import fakes

LIMITS = Limits(seconds=20, megabytes=2048)
ANEW = "Save only the report's pages as a new file, or raise the limits."


@pytest.fixture
def raw(tmp_path: Path) -> Path:
    folder = tmp_path / "raw"
    folder.mkdir()
    return folder


def test_files_are_listed_by_path_with_their_source(raw: Path) -> None:
    for path in ("b.txt", "site/2023/a.html", "site/.gongkai/manifest.jsonl", "z/q.exe"):
        fakes.write(raw, path, agency="x")
    files = list_files(raw)
    assert [(file.path, file.source) for file in files] == [
        ("b.txt", "local"),
        ("site/2023/a.html", "site"),
        ("z/q.exe", "z"),
    ]


def test_hidden_files_are_listed_and_not_read(raw: Path) -> None:
    for path in ("a.txt", ".DS_Store", "site/._a.txt", "site/.git/config", "~$b.docx", "site/.gongkai/lock"):
        fakes.write(raw, path, agency="x")
    files = identify(list_files(raw), raw.parent / "files.parquet")
    assert {file.path: (file.refused, file.source) for file in files} == {
        "a.txt": (None, "local"),
        ".DS_Store": ("unsupported", "local"),
        "site/._a.txt": ("unsupported", "site"),
        "site/.git": ("unsupported", "site"),
        "~$b.docx": ("unsupported", "local"),
    }
    assert all(file.message and file.document_id is None for file in files if file.refused)


def test_links_lead_nowhere_but_inside(raw: Path, tmp_path: Path) -> None:
    outside = fakes.write(tmp_path, "outside/secret.txt", agency="x")
    inside = fakes.write(raw, "a/real.txt", agency="x")
    (raw / "out.txt").symlink_to(outside)
    (raw / "folder").symlink_to(outside.parent)
    (raw / "in.txt").symlink_to(inside)
    (raw / "inside").symlink_to(inside.parent)
    (raw / "broken.txt").symlink_to(raw / "absent")
    (raw / "loop").symlink_to(raw)
    found = {file.path: (file.refused, file.message) for file in list_files(raw)}
    assert found == {
        "a/real.txt": (None, ""),
        "in.txt": (None, ""),
        "out.txt": ("unsupported", "a link out of the raw folder is not followed"),
        "folder": ("unsupported", "a link out of the raw folder is not followed"),
        "inside": ("unsupported", "a link to a folder is not followed; its files stand under their own path"),
        "loop": ("unsupported", "a link to a folder is not followed; its files stand under their own path"),
        "broken.txt": ("unreadable", "a link that leads nowhere"),
    }


def test_what_is_no_regular_file_is_not_opened(raw: Path) -> None:
    os.mkfifo(raw / "pipe.txt")
    (file,) = identify(list_files(raw), raw.parent / "files.parquet")
    assert (file.refused, file.message, file.document_id) == ("unsupported", "not a regular file", None)


def test_a_name_that_is_no_text_is_written_out(raw: Path) -> None:
    Path(os.fsdecode(os.fsencode(raw) + b"/\xb1\xa8.txt")).write_text("{}")
    (file,) = identify(list_files(raw), raw.parent / "files.parquet")
    assert file.path == "\\xb1\\xa8.txt"
    assert file.document_id is not None


def test_a_folder_that_is_absent_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        list_files(tmp_path / "absent")


def test_an_unchanged_file_is_not_hashed_again(
    raw: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(collection, "_SETTLED_NS", 0)
    path = fakes.write(raw, "a.txt", agency="甲")
    stats = tmp_path / "files.parquet"
    hashed: list[str] = []

    def digest(stream: BinaryIO, name: str) -> object:
        hashed.append(str(stream.name))
        return hashlib.new(name, stream.read())

    monkeypatch.setattr("pipeline.collection.hashlib.file_digest", digest)
    (first,) = identify(list_files(raw), stats)
    assert identify(list_files(raw), stats)[0].document_id == first.document_id
    assert hashed == [str(path)]
    os.utime(path, ns=(first.mtime_ns, first.mtime_ns + 1))
    assert identify(list_files(raw), stats)[0].document_id == first.document_id
    assert hashed == [str(path)] * 2


def test_other_bytes_of_the_same_size_and_time_are_seen(
    raw: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As `cp -p` and archives leave them, or a clock that was set back."""
    monkeypatch.setattr(collection, "_SETTLED_NS", 0)
    path = fakes.write(raw, "a.txt", agency="甲")
    stats = tmp_path / "files.parquet"
    (first,) = identify(list_files(raw), stats)
    time.sleep(0.02)  # the system's time of a change moves in steps of some milliseconds
    path.write_bytes(b"x" * path.stat().st_size)
    os.utime(path, ns=(first.mtime_ns, first.mtime_ns))
    (second,) = identify(list_files(raw), stats)
    assert (second.bytes, second.mtime_ns) == (first.bytes, first.mtime_ns)
    assert second.document_id != first.document_id


def test_a_file_just_written_is_hashed_each_time(raw: Path, tmp_path: Path) -> None:
    path = fakes.write(raw, "a.txt", agency="甲")
    stats = tmp_path / "files.parquet"
    (first,) = identify(list_files(raw), stats)
    size, when = path.stat().st_size, path.stat().st_mtime_ns
    path.write_bytes(b"x" * size)
    os.utime(path, ns=(when, when))
    assert identify(list_files(raw), stats)[0].document_id != first.document_id


def test_a_spoilt_table_of_times_is_made_anew(raw: Path, tmp_path: Path) -> None:
    fakes.write(raw, "a.txt", agency="甲")
    stats = tmp_path / "files.parquet"
    stats.write_bytes(b"no parquet")
    assert identify(list_files(raw), stats)[0].document_id is not None


def read_all(raw: Path, limits: Limits = LIMITS, workers: int = 2) -> dict[str, Reading]:
    files = identify(list_files(raw), raw.parent / "files.parquet")
    return {reading.name: reading for reading in read_files(files, fakes.read_fake, workers, limits)}


def test_a_bad_document_costs_only_itself(raw: Path) -> None:
    fakes.write(raw, "good.txt", agency="甲", year=2023)
    fakes.write(raw, "crash.txt", do="crash")
    fakes.write(raw, "raise.txt", do="raise")
    fakes.write(raw, "refuse.txt", do="refuse")
    fakes.write(raw, "eat.txt", do="eat")
    (raw / "spoilt.txt").write_text("{")
    fakes.write(raw, "also good.txt", agency="乙", year=2023)
    found = {name: (r.report.status, r.report.message) for name, r in read_all(raw, Limits(20, 1536)).items()}
    assert found.pop("spoilt.txt")[1].startswith("JSONDecodeError: ")
    assert found == {
        "good.txt": ("parsed", ""),
        "also good.txt": ("parsed", ""),
        "crash.txt": (
            "unreadable",
            "reading it ended the worker process twice (limits: 20 s, 1536 MB). " + ANEW,
        ),
        "raise.txt": ("unreadable", "RuntimeError: no such table"),
        "refuse.txt": ("encrypted", "needs a password"),
        "eat.txt": ("unreadable", "reading it took more memory than 1536 MB. " + ANEW),
    }


def test_a_document_that_hangs_is_stopped(raw: Path) -> None:
    fakes.write(raw, "hang.txt", do="hang")
    fakes.write(raw, "good.txt", agency="甲", year=2023)
    started = time.monotonic()
    found = read_all(raw, Limits(seconds=0.5, megabytes=0))
    assert time.monotonic() - started < 20
    assert found["hang.txt"].report.message == "reading it took longer than 0.5 s. " + ANEW
    assert found["good.txt"].report.status == "parsed"


@pytest.mark.slow
def test_a_reader_that_no_signal_stops_is_stopped_all_the_same(raw: Path) -> None:
    fakes.write(raw, "hang.txt", do="hang hard")
    fakes.write(raw, "good.txt", agency="甲", year=2023)
    started = time.monotonic()
    found = read_all(raw, Limits(seconds=0.5, megabytes=0))
    assert time.monotonic() - started < 30
    assert found["hang.txt"].report.status == "unreadable"
    assert found["good.txt"].report.status == "parsed"


def reading(name: str, agency: str = "甲", only_under: str | None = None) -> Reading:
    report = fakes.report({"agency": agency, "year": 2023})
    return Reading("d" + name, name, "txt", pack(report), only_under)


def versions(version: str, **of: str) -> dict[FileFormat, str]:
    return {kind: of.get(kind, version) for kind in reader_versions()}


def cached(folder: Path, version: str = "v1", limits: str = "", **of: str) -> ReadingCache:
    return ReadingCache(folder, versions(version, **of), limits)


def keys(cache: ReadingCache) -> set[tuple[str, str]]:
    return set(cache.known().iter_rows())


def held(cache: ReadingCache, *wanted: tuple[str, str]) -> Held:
    return cache.held(pl.DataFrame(wanted, schema=NAMED, orient="row"))


def names(cache: ReadingCache, *wanted: tuple[str, str]) -> list[str | None]:
    """The agencies that the readings of these files name."""
    return [name for piece in held(cache, *wanted).identities() for name in piece["agency_name"]]


def test_a_reading_comes_back_as_it_was(tmp_path: Path) -> None:
    cache = cached(tmp_path)
    read = [reading("a"), reading("b", "乙")]
    cache.add(read)
    assert keys(cache) == {("da", "a"), ("db", "b")}
    found = held(cache, ("db", "b"), ("absent", "c"))
    identities, long = as_rows(read[1:])
    (kept,) = found.identities()
    assert kept.equals(identities)
    for table, rows in long.items():
        (kept,) = found.rows(table)
        assert kept.equals(rows), table


def test_readings_by_other_readers_are_not_found(tmp_path: Path) -> None:
    cached(tmp_path, "v1").add([reading("a")])
    assert keys(cached(tmp_path, "v2")) == set()


def test_only_what_another_reader_reads_is_read_again(tmp_path: Path) -> None:
    bundle = reading("b.MHT")
    cached(tmp_path, "v1").add([reading("a"), replace(bundle, format="html")])
    assert keys(cached(tmp_path, "v1", pdf="v2")) == {("da", "a"), ("db.MHT", "b.MHT")}
    assert keys(cached(tmp_path, "v1", txt="v2")) == {("db.MHT", "b.MHT")}
    # A bundle may hold a file of any kind.
    assert keys(cached(tmp_path, "v1", other="v2")) == {("da", "a")}


def test_a_time_out_holds_under_the_same_limits_only(tmp_path: Path) -> None:
    cached(tmp_path, "v1", "120 s").add([reading("a", only_under="120 s")])
    assert keys(cached(tmp_path, "v1", "120 s")) == {("da", "a")}
    assert keys(cached(tmp_path, "v1", "600 s")) == set()


def test_the_last_reading_wins_and_parts_are_compacted(tmp_path: Path) -> None:
    cache = cached(tmp_path, "v2")
    cached(tmp_path, "v1").add([reading("old")])
    for number in range(20):
        cache.add([reading("a", f"机关{number}"), reading(f"{number}")])
    for _ in range(2):
        assert names(cache, ("da", "a")) == ["机关19"]
        (kept,) = (rows for rows in held(cache, ("da", "a")).rows("reading_log") if rows.height)
        assert kept["document_id"].unique().to_list() == ["da"]
        cache.compact()
    assert len(list(tmp_path.glob("*"))) == 1
    assert len(keys(cache)) == 21
    assert keys(cached(tmp_path, "v1")) == set()


def test_an_old_reading_does_not_come_back_when_parts_are_put_together(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cache = cached(tmp_path)
    cache.add([reading("a", "旧")])
    monkeypatch.setattr("pipeline.reading_cache._FULL", 3)
    cache.add([reading(name, "新") for name in "abcd"])
    for number in range(12):
        cache.add([reading(f"{number}")])
    cache.compact()
    assert names(cache, ("da", "a")) == ["新"]
    assert len(keys(cache)) == 16


def test_a_spoilt_part_is_as_if_it_were_not_there(tmp_path: Path) -> None:
    cache = cached(tmp_path)
    cache.add([reading("a")])
    cache.add([reading("b")])
    (tmp_path / "part-00000002" / "fact_request.parquet").write_bytes(b"PAR1 cut")
    (tmp_path / "part-00000009").mkdir()
    (tmp_path / "part-00000010.tmp").mkdir()
    assert keys(cache) == {("da", "a")}
    assert names(cache, ("da", "a"), ("db", "b")) == ["甲"]
