"""Readings shared through a URL, so that what one machine has read no other reads again.

Here: what of the cache is sent there and fetched from there. Not here: the cache itself
(reading_cache.py), or any protocol (urls.py).
"""

from __future__ import annotations

import hashlib
import io
import logging
import re
import zipfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import polars as pl

from pipeline.files import write_whole
from pipeline.reading_cache import READINGS, ReadingCache
from pipeline.reading_rows import LONG
from pipeline.urls import system, told

if TYPE_CHECKING:
    from fsspec import AbstractFileSystem

# One file holds readings of one version, and is called by its bytes: what is half there, or spoilt, shows.
_NAME = re.compile(r"([0-9a-f]{64})\.zip")
_TABLES = (READINGS, *LONG)
LOG = logging.getLogger("gongkai.files")


def fetch(cache: ReadingCache, url: str) -> int:
    """Bring in what other machines have read with the same readers; gives how many files of it.

    Raises:
        UrlFault: the place cannot be had.
    """
    mark, found = _mark(url), 0
    had = _had(cache, mark)
    with told(url, "cannot be read"):
        store, root = system(url, anew=True)
        for version in sorted(set(cache.versions.values())):
            for name in _listed(store, f"{root}/{version}"):
                if f"{version}/{name}" in had:
                    continue
                tables = _unpacked(store.cat_file(f"{root}/{version}/{name}"), name)
                if tables is None:
                    LOG.warning("passed over %s/%s/%s: it is spoilt; remove it", url, version, name)
                    continue
                cache.write(tables, [mark])
                had.add(f"{version}/{name}")
                _note(cache, mark, had)
                found += 1
    return found


def send(cache: ReadingCache, url: str) -> int:
    """Put there what this machine has read and not sent yet; gives how many files it became.

    Raises:
        UrlFault: the place cannot be written. What was read is kept, and sent the next time.
    """
    mark, sent = _mark(url), 0
    unsent = cache.parts(without=mark)
    if not unsent:
        return 0
    had = _had(cache, mark)
    with told(url, "cannot be written"):
        store, root = system(url)
        for parts, held in cache.lasting(unsent):
            for version, tables in () if held.places.is_empty() else _by_version(held.tables()):
                content = _packed(tables)
                name = f"{version}/{hashlib.sha256(content).hexdigest()}.zip"
                store.makedirs(f"{root}/{version}", exist_ok=True)
                store.pipe_file(f"{root}/{name}", content)
                had.add(name)
                sent += 1
            _note(cache, mark, had)
            for part in parts:
                (part / mark).touch()
    return sent


def _mark(url: str) -> str:
    """What parts carry that are there already."""
    return f"shared-{hashlib.sha256(url.encode()).hexdigest()[:16]}"


def _had(cache: ReadingCache, mark: str) -> set[str]:
    try:
        return set(_list(cache, mark).read_text(encoding="utf-8").split())
    except (OSError, UnicodeDecodeError):
        return set()  # absent or spoilt: everything is fetched once more


def _note(cache: ReadingCache, mark: str, had: set[str]) -> None:
    write_whole(_list(cache, mark), "\n".join(sorted(had)))


def _list(cache: ReadingCache, mark: str) -> Path:
    return cache.folder / f"{mark}.txt"


def _listed(store: AbstractFileSystem, folder: str) -> list[str]:
    """Names of files of readings; whatever else lies there is nobody's here."""
    try:
        names = [str(entry["name"]).rpartition("/")[2] for entry in store.ls(folder, detail=True)]
    except FileNotFoundError:
        return []
    return sorted(filter(_NAME.fullmatch, names))


def _by_version(tables: Mapping[str, pl.DataFrame]) -> Iterator[tuple[str, dict[str, pl.DataFrame]]]:
    for (version,), readings in sorted(tables[READINGS].partition_by("version", as_dict=True).items()):
        own = readings.select("document_id", path="name")
        long = {
            name: tables[name].join(own, on=own.columns, how="semi", maintain_order="left") for name in LONG
        }
        yield str(version), {READINGS: readings, **long}


def _packed(tables: Mapping[str, pl.DataFrame]) -> bytes:
    """Tables as one file, equal for equal tables: a ZIP of Parquet files."""
    whole = io.BytesIO()
    with zipfile.ZipFile(whole, "w", zipfile.ZIP_STORED) as package:
        for name, frame in tables.items():
            one = io.BytesIO()
            frame.write_parquet(one, compression="zstd")
            package.writestr(zipfile.ZipInfo(f"{name}.parquet"), one.getvalue())
    return whole.getvalue()


def _unpacked(content: bytes, name: str) -> dict[str, pl.DataFrame] | None:
    """The tables of such a file; None where its bytes are not those that it is called by."""
    if hashlib.sha256(content).hexdigest() != name.removesuffix(".zip"):
        return None
    with zipfile.ZipFile(io.BytesIO(content)) as package:
        # One that another version made may lack a table: such a part is as if it were not there.
        members = set(package.namelist())
        return {
            table: pl.read_parquet(package.read(member))
            for table in _TABLES
            if (member := f"{table}.parquet") in members
        }
