"""Crawls of loopback sites in processes of their own, for tests.

Here: writing a source, starting a crawl, reading its counts and its store.
"""

from __future__ import annotations

import json
import sys
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from pipeline.crawl.store import HIDDEN, MANIFEST, Entry, entries
from tests.crawl_server import Site
from tests.crawl_warm import run

FAST = {"seconds": 0, "per_host": 4, "timeout": 5, "retries": 2, "backoff": 0.1, "longest_wait": 5}


def source(site: Site, adapter: str, entry: str, **more: Any) -> dict[str, Any]:
    """A source for a loopback site, without throttle, that is looked at again each time."""
    return {
        "name": "test",
        "title": "示范区",
        "adapter": adapter,
        "entries": [site.url + entry],
        "hosts": [site.host],
        "years": [2021, 2024],
        "pace": FAST,
        "recheck_days": 0,
        "private_addresses": True,
        **more,
    }


def write_sources(folder: Path, *sources: Mapping[str, Any]) -> Path:
    """sources.yaml in a folder."""
    path = folder / "sources.yaml"
    path.write_text(yaml.safe_dump({"sources": list(sources)}, allow_unicode=True), encoding="utf-8")
    return path


def command(folder: Path, name: str, *words: str) -> list[str]:
    """The crawl of a source into ``folder/raw``."""
    return [sys.executable, "-m", "pipeline.crawl", *_words(folder, name), *words]


def _words(folder: Path, name: str) -> list[str]:
    places = ["--raw", str(folder / "raw"), "--sources", str(folder / "sources.yaml")]
    return [name, *places, "--contact", "a@example.invalid"]


def crawl(
    folder: Path,
    given: Mapping[str, Any],
    *words: str,
    names: Mapping[str, str] | None = None,
    public: str = "",
) -> dict[str, Any]:
    """Crawl a source; its counts. Whatever else it printed must be a plan. See crawl_warm.run."""
    write_sources(folder, given)
    done = run([*_words(folder, given["name"]), *words], names, public)
    for fault in ("Spider error", "Unhandled", "public_suffix"):
        assert fault not in done.stderr, done.stderr[-4000:]
    *planned, last = done.stdout.splitlines()
    told = json.loads(last)
    assert done.returncode == (0 if told["ok"] else 2 if "fault" in told else 1), done.stderr[-4000:]
    told["planned"] = [json.loads(line) for line in planned]
    told["log"] = done.stderr
    return told


def manifest(folder: Path, name: str = "test") -> list[Entry]:
    """The lines of a source's manifest."""
    return list(entries(folder / "raw" / name / HIDDEN / MANIFEST))


def stored(folder: Path, name: str = "test") -> dict[str, bytes]:
    """The documents of a source by their path."""
    base = folder / "raw" / name
    files = (p for p in base.rglob("*") if p.is_file() and HIDDEN not in p.relative_to(base).parts)
    return {p.relative_to(base).as_posix(): p.read_bytes() for p in files}


def kinds(folder: Path) -> Counter[str]:
    """How many documents of each ending."""
    return Counter(path.rsplit(".", 1)[1] for path in stored(folder))
