"""Raw files behind a URL: a folder that all machines see (file://), or an object store that fsspec knows.

Here: listing and naming them as collection.py does for a folder, and fetching one where it is read.
Not here: any protocol (urls.py), or reading a file (reading_pool.py).
"""

from __future__ import annotations

import hashlib
import io
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

import polars as pl

from pipeline.collection import RawFile, identify, list_files, no_report
from pipeline.faults import loaded
from pipeline.files import write_whole
from pipeline.manifest import OWN_FOLDER, Provenance, provenance
from pipeline.urls import OF_STORES, UrlFault, system, told

if TYPE_CHECKING:
    from fsspec import AbstractFileSystem

FOLDER = "file://"
# What file systems call the mark of a file's bytes, or the time of their last change.
_MARKS = ("ETag", "etag", "md5Hash", "content_md5", "checksum", "generation")
_TIMES = ("mtime", "LastModified", "last_modified", "updated", "modified")
_CANNOT = "cannot be listed"
_SETTLED = 2.0
_BLOCK = 1 << 20
_SEEN = {"url": pl.String, "bytes": pl.Int64, "mark": pl.String, "document_id": pl.String}


class FileChanged(OSError):
    """A file is no longer the one that was listed."""

    def __init__(self) -> None:
        super().__init__(0, "it changed during the run")


def list_url(url: str, stats: Path, threads: int = 1, trust: bool = True) -> tuple[RawFile, ...]:
    """Every file under the URL with its ``document_id``, in the order of its path.

    Args:
        stats: Parquet file that keeps sizes, marks and hashes between runs; made when absent.
        trust: that a file of the same size and mark (ETag, time of change) is the same; else, and where
            the store tells no mark, every file is fetched to know it.
    Raises:
        UrlFault: there is no such place, or fsspec lacks what it needs for it.
    """
    if url.startswith(FOLDER):
        root = Path(unquote(url.removeprefix(FOLDER)))
        if not root.is_dir():
            raise UrlFault(f"there is no folder at {url}")
        listed = identify(list_files(root), stats, threads, trust)
        return tuple(replace(file, url=file.place.as_uri()) for file in listed)
    with told(url, _CANNOT):
        store, root_name = system(url, anew=True)
        if not store.isdir(root_name):
            raise UrlFault(f"there is nothing to list at {url}")
        found = store.find(root_name, detail=True)
        files = _described(store, root_name, found)
        return _identified(store, files, found, stats, threads, trust)


def provenance_of(url: str) -> dict[str, Provenance]:
    """What manifests of crawls behind the URL tell, as ``manifest.provenance``."""
    if url.startswith(FOLDER):
        return provenance(Path(unquote(url.removeprefix(FOLDER))))
    with told(url, _CANNOT), tempfile.TemporaryDirectory(prefix="gongkai-manifests-") as folder:
        store, root = system(url, anew=True)
        for entry in store.ls(root, detail=True):
            source = _within(store, root, entry["name"])
            manifest = f"{entry['name'].rstrip('/')}/{OWN_FOLDER}/manifest.jsonl"
            if entry["type"] != "directory" or not source or not store.isfile(manifest):
                continue
            place = Path(folder, source, OWN_FOLDER, PurePosixPath(manifest).name)
            place.parent.mkdir(parents=True)
            place.write_bytes(store.cat_file(manifest))
        return provenance(Path(folder))


@contextmanager
def local_copy(file: RawFile) -> Iterator[RawFile]:
    """The file as one of this machine's, with the bytes that it is named by.

    A file of a folder that this machine sees is read where it lies, for pictures may lie beside it; any
    other is fetched into a temporary folder.

    Raises:
        FileChanged: its bytes are others now.
        OSError: it cannot be had; so may whatever else the file system raises.
    """
    if not file.url:
        yield file
    elif file.url.startswith(FOLDER):
        info = file.place.stat()
        with file.place.open("rb") as stream:
            _must_be(file, hashlib.file_digest(stream, "sha256").hexdigest())
        yield replace(file, mtime_ns=info.st_mtime_ns, changed_ns=info.st_ctime_ns)
    else:
        with tempfile.TemporaryDirectory(prefix="gongkai-raw-") as folder:
            store, name = system(file.url)
            content = store.cat_file(name)
            _must_be(file, hashlib.sha256(content).hexdigest())
            place = Path(folder, file.place.name)
            place.write_bytes(content)
            info = place.stat()
            yield replace(file, at=str(place), mtime_ns=info.st_mtime_ns, changed_ns=info.st_ctime_ns)


def _must_be(file: RawFile, digest: str) -> None:
    if digest != file.document_id:
        raise FileChanged


# Listing.

_Infos = Mapping[str, Mapping[str, Any]]


def _described(store: AbstractFileSystem, root: str, found: _Infos) -> list[RawFile]:
    files: dict[str, RawFile] = {}
    for name, info in found.items():
        path = _within(store, root, name)
        parts = path.split("/")
        # Consoles of object stores mark a folder by an object whose name ends with a slash.
        if not path or name.endswith("/") or OWN_FOLDER in parts:
            continue
        refused = ""
        for depth, part in enumerate(parts, 1):
            refused = no_report(part, folder=depth < len(parts))
            if refused:
                parts = parts[:depth]
                break
        path = "/".join(parts)
        files[path] = RawFile(
            path=path,
            at=path,
            source=parts[0] if len(parts) > 1 else "local",
            bytes=0 if refused else int(info.get("size") or 0),
            mtime_ns=0,
            refused="unsupported" if refused else None,
            message=refused,
            url=store.unstrip_protocol(name),
        )
    return [files[path] for path in sorted(files)]


def _within(store: AbstractFileSystem, root: str, name: str) -> str:
    """A name relative to the root; addresses of the web write it percent-encoded."""
    path = name.rstrip("/").removeprefix(root.rstrip("/")).lstrip("/")
    return unquote(path) if "http" in _protocols(store) else path


def _protocols(store: AbstractFileSystem) -> tuple[str, ...]:
    return (store.protocol,) if isinstance(store.protocol, str) else tuple(store.protocol)


# Naming by bytes.


@dataclass(frozen=True, slots=True)
class _Seen:
    bytes: int
    mark: str
    document_id: str


def _identified(
    store: AbstractFileSystem,
    files: Sequence[RawFile],
    found: _Infos,
    stats: Path,
    threads: int,
    trust: bool,
) -> tuple[RawFile, ...]:
    known = _known(stats) if trust else {}
    infos = {store.unstrip_protocol(name): info for name, info in found.items()}

    def one(file: RawFile) -> tuple[RawFile, str]:
        if file.refused:
            return file, ""
        name = system(file.url)[1]
        digest, size = hashlib.sha256(), 0
        try:
            # Some stores tell marks in their lists, others only when asked for the one file.
            info = infos[file.url] if _mark(infos[file.url]) else store.info(name)
            mark, seen = _mark(info), known.get(file.url)
            if seen and mark and (seen.bytes, seen.mark) == (int(info.get("size") or 0), mark):
                return replace(file, bytes=seen.bytes, document_id=seen.document_id), mark
            with store.open(name, "rb") as stream:
                while block := stream.read(_BLOCK):
                    digest.update(block)
                    size += len(block)
        except loaded(OF_STORES, OSError) as error:
            reason = getattr(error, "strerror", None) or type(error).__name__
            return replace(file, refused="unreadable", message=reason), ""
        return replace(file, bytes=size, document_id=digest.hexdigest()), mark

    with ThreadPoolExecutor(max_workers=threads) as pool:
        named = list(pool.map(one, files))
    rows = [
        (file.url, file.bytes, mark, file.document_id) for file, mark in named if mark and file.document_id
    ]
    if {url: _Seen(size, mark, document) for url, size, mark, document in rows} != known:
        stats.parent.mkdir(parents=True, exist_ok=True)
        whole = io.BytesIO()
        pl.DataFrame(rows, schema=_SEEN, orient="row").write_parquet(whole)
        write_whole(stats, whole.getvalue())
    return tuple(file for file, _ in named)


def _mark(info: Mapping[str, Any]) -> str:
    """What changes when the bytes do; empty where the store tells nothing, or they may change unseen."""
    changed = next((info[name] for name in _TIMES if info.get(name)), None)
    moment = changed.timestamp() if isinstance(changed, datetime) else changed
    if isinstance(moment, (int, float)) and time.time() - moment < _SETTLED:
        return ""
    told = [f"{name}={info[name]}" for name in (*_MARKS, *_TIMES) if info.get(name)]
    return " ".join(told)


def _known(stats: Path) -> dict[str, _Seen]:
    try:
        frame = pl.read_parquet(stats, schema=_SEEN)
    except (OSError, pl.exceptions.PolarsError):
        return {}  # absent or spoilt: everything is fetched to know it
    return {url: _Seen(size, mark, document) for url, size, mark, document in frame.iter_rows()}
