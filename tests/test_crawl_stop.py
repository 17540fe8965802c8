"""Crawls that are ended in the middle: started again they end with the same store."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import pytest

from pipeline.crawl import journal
from pipeline.crawl.adapters.common import Step
from pipeline.crawl.store import HIDDEN, lines, verify
from tests import crawl_server
from tests.crawl_runs import command, crawl, manifest, source, stored, write_sources
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


def done_so_far(folder: Path) -> set[str]:
    """Paths of what the journal of an ended crawl says is done."""
    paths: dict[str, str] = {}
    done = set()
    for _, line in lines(folder / "raw" / "test" / HIDDEN / journal.NAME):
        if line is not None and "found" in line:
            steps = (Step(**one) for one in line["found"])
            paths |= {step.identity: "/" + step.url.split("/", 3)[3] for step in steps}
            done.add(line["done"])
    return {paths[identity] for identity in done if identity}


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
        codes, settled = [], []
        for after in (8, 20, 30):
            codes.append(interrupted(ended, number, after, site.asked))
            settled.append((len(site.asked), done_so_far(ended)))
        assert settled[0][1] and settled[0][1] < settled[2][1]
        assert codes == ([1, 1, 1] if number is signal.SIGTERM else [-9, -9, -9])
        assert not list((ended / "raw").rglob("*.tmp"))
        told = crawl(ended, given)
        assert told["ok"] and told["resumed"] and told["left"] == 0, told
        assert stored(ended) == stored(whole) and len(stored(ended)) == documents
        proof = verify(ended / "raw")
        assert proof.faults == () and proof.torn <= 3
        # What was on its way when the process was ended may be asked for again; nothing else is.
        for asked, done in settled:
            assert not done & {path for _, path, _ in site.asked[asked:]}
        newest = {e.key: e.sha256 for e in manifest(ended) if e.sha256}
        assert newest == {e.key: e.sha256 for e in manifest(whole) if e.sha256}
        assert not (ended / "raw" / "test" / HIDDEN / "crawl.jsonl").exists()


KILLED = """
import os, signal, sys
from pipeline.crawl.__main__ import main
def stop(event, given):
    if event == "os.rename" and os.fsdecode(given[1]).endswith(".mht"):
        stop.renamed = True
    elif event == "open" and getattr(stop, "renamed", False) and str(given[0]).endswith("manifest.jsonl"):
        os.kill(os.getpid(), signal.SIGKILL)
sys.addaudithook(stop)
sys.argv = ["pipeline.crawl", *sys.argv[1:]]
main()
"""


@pytest.mark.slow
def test_a_kill_between_a_page_and_its_pictures_loses_neither(tmp_path: Path) -> None:
    with serving() as site:
        entry, _ = crawl_server.vsb(site)
        given = source(site, "vsb", entry)
        whole, ended = tmp_path / "whole", tmp_path / "ended"
        for folder in (whole, ended):
            folder.mkdir()
            write_sources(folder, given)
        crawl(whole, given)
        words = command(ended, "test")[3:]
        done = subprocess.run([sys.executable, "-c", KILLED, *words], capture_output=True, check=False)
        assert done.returncode == -signal.SIGKILL, done.stderr[-2000:]
        assert verify(ended / "raw").faults == () and verify(ended / "raw").unlisted == 1
        assert crawl(ended, given)["ok"]
        assert stored(ended) == stored(whole) and verify(ended / "raw").faults == ()
        assert verify(ended / "raw").unlisted == 0


@pytest.mark.slow
def test_ending_the_command_ends_its_crawls(tmp_path: Path) -> None:
    with serving() as site:
        entry, documents = crawl_server.hanweb_static(site)
        site.delay = 0.1
        given = source(site, "hanweb", entry)
        file = write_sources(tmp_path, given)
        words = ["crawl", "--raw", str(tmp_path / "raw"), "--sources", str(file)]
        process = subprocess.Popen(
            [sys.executable, "-m", "pipeline.cli", *words], stderr=subprocess.PIPE, start_new_session=True
        )
        deadline = time.monotonic() + 60
        while len(site.paths) < 8:
            assert time.monotonic() < deadline and process.poll() is None
            time.sleep(0.01)
        process.send_signal(signal.SIGTERM)
        _, said = process.communicate(timeout=60)
        assert process.returncode == 1 and b"crawl again to go on" in said
        with pytest.raises(ProcessLookupError):  # nothing that it started is left
            os.killpg(process.pid, 0)
        assert len(site.paths) < 60
        site.delay = 0
        told = crawl(tmp_path, given)
        assert told["resumed"] and told["finished"] and len(stored(tmp_path)) == documents


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
