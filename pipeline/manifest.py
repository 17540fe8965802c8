"""What the manifests of crawls tell of fetched files: where and when, and which version is the newest.

Here: reading `<raw>/<source>/.gongkai/manifest.jsonl`. Not here: writing it (crawl/store.py), or what
is done with older versions (assembly.py).
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from pathlib import Path

OWN_FOLDER = ".gongkai"
"""A source's folder of the project's own files, which are no reports."""
_MANIFESTS = f"*/{OWN_FOLDER}/manifest.jsonl"


@dataclass(frozen=True, slots=True)
class Provenance:
    """Where a file comes from.

    ``fetched_at`` is when its bytes were first had, as 2024-01-31T08:00:00Z, ``published`` the site's own
    date, ``version`` counts the versions of its address from 1. ``superseded`` is true where every
    address that gave these bytes gives others now; ``superseded_by`` is the document that does.
    ``unchecked`` is true where they came over TLS without the site's certificate being checked.
    """

    url: str
    fetched_at: str | None = None
    published: str | None = None
    title: str = ""
    agency: str = ""
    version: int = 1
    superseded: bool = False
    superseded_by: str | None = None
    unchecked: bool = False


@dataclass(frozen=True, slots=True)
class _Fetch:
    key: str
    sha256: str
    path: str | None
    told: Provenance


def provenance(root: Path) -> dict[str, Provenance]:
    """Of each file that a crawl fetched, by its path relative to the raw folder with ``/``.

    A line that cannot be read tells nothing; ``gongkai raw verify`` names it.
    """
    found: dict[str, Provenance] = {}
    for manifest in sorted(root.glob(_MANIFESTS)):
        found.update(_of_source(manifest.parent.parent.name, list(_fetches(manifest))))
    return found


def _fetches(manifest: Path) -> Iterator[_Fetch]:
    try:
        file = manifest.open("rb")
    except OSError:
        return
    with file:
        for raw in file:
            try:
                line = json.loads(raw)
            except ValueError:
                continue  # torn by a crash
            if not isinstance(line, dict) or not line.get("sha256") or line.get("outcome") == "empty":
                continue
            told = Provenance(
                url=str(line.get("final_url") or line.get("url") or ""),
                fetched_at=_moment(line.get("time")),
                published=_day(line.get("published")),
                title=str(line.get("title") or ""),
                agency=str(line.get("agency") or ""),
                unchecked=line.get("certificate") == "unchecked",
            )
            path = line.get("path") if line.get("kept") == "document" else None
            yield _Fetch(str(line.get("key")), str(line["sha256"]), path, told)


def _of_source(source: str, fetches: list[_Fetch]) -> dict[str, Provenance]:
    first: dict[str, Provenance] = {}
    versions: dict[str, list[str]] = defaultdict(list)
    newest: dict[str, _Fetch] = {}
    keys: dict[str, set[str]] = defaultdict(set)
    digests: dict[str, str] = {}
    for fetch in fetches:
        newest[fetch.key] = fetch
        if fetch.path is not None:
            first.setdefault(fetch.path, fetch.told)
            keys[fetch.path].add(fetch.key)
            # A crawl names a file by its hash; a manifest that someone edited may not.
            digests.setdefault(fetch.path, fetch.sha256)
            if fetch.sha256 not in versions[fetch.key]:
                versions[fetch.key].append(fetch.sha256)
    found: dict[str, Provenance] = {}
    for path, told in first.items():
        digest = digests[path]
        now = [newest[key] for key in sorted(keys[path])]
        superseded = all(fetch.sha256 != digest for fetch in now)
        by = next((fetch.sha256 for fetch in now if fetch.path is not None), None) if superseded else None
        found[f"{source}/{path}"] = replace(
            told,
            version=max(versions[key].index(digest) + 1 for key in keys[path] if digest in versions[key]),
            superseded=superseded,
            superseded_by=by,
        )
    return found


def _moment(text: object) -> str | None:
    try:
        return datetime.fromisoformat(str(text)).astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    except ValueError:
        return None


def _day(text: object) -> str | None:
    try:
        return date.fromisoformat(str(text)[:10]).isoformat()
    except ValueError:
        return None
