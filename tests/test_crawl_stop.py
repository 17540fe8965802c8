"""Crawls that are ended in the middle: started again they end with the same store."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
from collections import Counter
from pathlib import Path

import pytest

from pipeline.crawl.store import HIDDEN, verify
from tests import crawl_server
from tests.crawl_runs import FAST, command, crawl, manifest, source, stored, write_sources
from tests.crawl_server import serving


def interrupted(folder: Path, number: signal.Signals, after: int, asked: list) -> int:
    """Start the crawl of sources.yaml and end it once ``after`` more requests were made; its return code."""
    before = len(asked)
    process = subprocess.Popen(
        command(folder, "test"), stdout=subprocess.PIPE, stderr=subprocess.PIPE, start_new_session=True
    )
    deadline = time.monotonic() + 60
    while len(asked) - before < after and process.poll() is None:
        assert time.monotonic() < deadline
        time.sleep(0.005)
    os.kill(process.pid, number)
    out, err = process.communicate(timeout=60)
    if number is signal.SIGTERM:
        told = json.loads(out.splitlines()[-1])
        assert told["stopped"] == "shutdown" and not told["ok"] and not told["finished"], told
    assert b"Spider error" not in err, err[-3000:]
    return process.returncode


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL], ids=lambda number: number.name)
def test_a_crawl_that_is_ended_goes_on_where_it_was(number: signal.Signals, tmp_path: Path) -> None:
    with serving() as site:
        entry, documents = crawl_server.hanweb_static(site)
        site.delay = 0.02
        given = source(site, "hanweb", entry)
        whole, ended = tmp_path / "whole", tmp_path / "ended"
        for folder in (whole, ended):
            folder.mkdir()
        crawl(whole, given)
        site.asked.clear()
        write_sources(ended, given)
        codes = [interrupted(ended, number, after, site.asked) for after in (8, 20, 30)]
        assert codes == ([1, 1, 1] if number is signal.SIGTERM else [-9, -9, -9])
        assert not list((ended / "raw").rglob("*.tmp"))
        told = crawl(ended, given)
        assert told["ok"] and told["resumed"] and told["left"] == 0, told
        assert stored(ended) == stored(whole) and len(stored(ended)) == documents
        proof = verify(ended / "raw")
        assert proof.faults == () and proof.torn <= 3
        asked = Counter(site.paths)
        # What was on its way when the process was killed may be asked for again; nothing else is.
        twice = sum(count - 1 for count in asked.values())
        assert twice <= 3 * (1 + FAST["per_host"]), asked.most_common(20)
        newest = {e.key: e.sha256 for e in manifest(ended) if e.sha256}
        assert newest == {e.key: e.sha256 for e in manifest(whole) if e.sha256}
        assert not (ended / "raw" / "test" / HIDDEN / "crawl.jsonl").exists()


@pytest.mark.slow
def test_a_limit_ends_a_crawl_and_the_next_goes_on(tmp_path: Path) -> None:
    with serving() as site:
        entry, documents = crawl_server.hanweb_static(site)
        given = source(site, "hanweb", entry)
        counts = []
        for _ in range(8):
            told = crawl(tmp_path, given, "--limit", "20")
            assert told["ok"]
            counts.append(len(stored(tmp_path)))
            if told["finished"]:
                break
        assert counts[-1] == documents and len(counts) > 3
        assert max(Counter(site.paths).values()) == 1


def test_two_crawls_of_one_source_do_not_meet(tmp_path: Path) -> None:
    with serving() as site:
        site.delay = 0.2
        entry, _ = crawl_server.vsb(site)
        given = source(site, "vsb", entry)
        write_sources(tmp_path, given)
        first = subprocess.Popen(
            command(tmp_path, "test"), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        try:
            while not site.paths:
                time.sleep(0.02)
            told = crawl(tmp_path, given)
            assert "another crawl" in told["fault"]
        finally:
            first.terminate()
            first.wait(30)
