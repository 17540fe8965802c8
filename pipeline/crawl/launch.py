"""Crawls in processes of their own: several sources side by side, one failing alone.

Here: starting them, their logs, their counts, ending them with us. Not here: a crawl itself (run.py).
Imports nothing of Scrapy, so that whoever only starts crawls does not load it.
"""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType
from typing import Any

from pipeline.crawl.sources import Source
from pipeline.crawl.store import HIDDEN

LOG = "crawl.log"
_TAIL = 4_000


class Budget:
    """What all sources together may still ask for; a share for each, what one leaves goes to the next.

    ``total`` of None is no bound.
    """

    def __init__(self, total: int | None, sources: int) -> None:
        self._left, self._to_come = total, sources
        self._lock = threading.Lock()

    def take(self, limit: int | None) -> int | None:
        """The most that the next source may ask for, by its own limit and its share of the rest."""
        with self._lock:
            if self._left is None:
                return limit
            share = -(-self._left // max(1, self._to_come))
            self._to_come -= 1
            taken = share if limit is None else min(share, limit)
            self._left -= taken
            return taken

    def give_back(self, unused: int) -> None:
        """What a source left of its share."""
        with self._lock:
            if self._left is not None:
                self._left += max(0, unused)


@dataclass(frozen=True, slots=True)
class Crawled:
    """How the crawl of one source ended.

    ``counts`` is what it said on its last line, ``planned`` what a dry run would fetch, ``log`` the
    end of its log; ``fault`` says in one line why there are no counts.
    """

    source: str
    ok: bool
    counts: dict[str, Any] = field(default_factory=dict)
    planned: tuple[dict[str, str], ...] = ()
    fault: str = ""
    log: str = ""


def crawl_sources(
    sources: Sequence[Source],
    file: Path,
    raw: Path,
    contact: str = "",
    limit: int | None = None,
    dry_run: bool = False,
    at_once: int = 4,
    told: Callable[[Crawled], None] = lambda one: None,
    total: int | None = None,
) -> list[Crawled]:
    """Crawl sources, each in its process, ``at_once`` of them at a time; gives them as they end.

    Ended itself (Ctrl-C, SIGTERM), it ends them and waits for what they have on its way.

    Args:
        file: sources.yaml that they are in.
        limit: most reports and attachments to ask of each source.
        told: called with each source as it ends.
        total: most reports and attachments to ask of all sources together.
    """
    running: set[subprocess.Popen[str]] = set()
    ending = threading.Event()
    budget = Budget(total, len(sources))

    def one(source: Source) -> Crawled:
        if ending.is_set():
            return Crawled(source.name, False, fault="not begun")
        share = budget.take(limit)
        if share == 0:
            return Crawled(source.name, True, {"stopped": "total"})
        crawled = _crawl_one(source, file, raw, contact, share, dry_run, running)
        # One that said nothing may have asked for all of its share.
        budget.give_back((share or 0) - int(crawled.counts.get("reports_asked", share or 0)))
        return crawled

    done: list[Crawled] = []
    with _ends_with_sigterm(), ThreadPoolExecutor(max(1, at_once)) as pool:
        futures = [pool.submit(one, source) for source in sources]
        try:
            for future in as_completed(futures):
                done.append(future.result())
                told(done[-1])
        except BaseException:
            ending.set()
            for process in list(running):
                process.terminate()
            raise
    return done


def _crawl_one(
    source: Source,
    file: Path,
    raw: Path,
    contact: str,
    limit: int | None,
    dry_run: bool,
    running: set[subprocess.Popen[str]],
) -> Crawled:
    command = [sys.executable, "-m", "pipeline.crawl", source.name]
    command += ["--raw", str(raw), "--sources", str(file), "--contact", contact]
    command += ["--limit", str(limit)] if limit else []
    command += ["--dry-run"] if dry_run else []
    tail: list[str] = []
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, encoding="utf-8", errors="replace"
    ) as process:
        running.add(process)
        reader = threading.Thread(target=_follow, args=(process, tail, _log_of(raw, source, dry_run)))
        reader.start()
        assert process.stdout is not None
        lines = process.stdout.read().splitlines()
        reader.join()
        code = process.wait()
        running.discard(process)
    log = "".join(tail)[-_TAIL:]
    try:
        *planned, last = (json.loads(line) for line in lines if line.startswith("{"))
    except ValueError:
        return Crawled(source.name, False, fault=f"the crawl ended with {code} and no counts", log=log)
    fault = str(last.get("fault", ""))
    ok = bool(last.get("ok")) and code == 0
    return Crawled(source.name, ok, {} if fault else last, tuple(planned), fault, log)


def _log_of(raw: Path, source: Source, dry_run: bool) -> Path | None:
    """Where the log of a crawl goes; a dry run writes nothing."""
    if dry_run:
        return None
    folder = raw / source.name / HIDDEN
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError:
        return None  # the crawl itself says what is wrong
    return folder / LOG


def _follow(process: subprocess.Popen[str], tail: list[str], log: Path | None) -> None:
    """The process's log into its file, the end of it into ``tail``."""
    assert process.stderr is not None
    file = log.open("w", encoding="utf-8") if log is not None else None
    try:
        for line in process.stderr:
            tail.append(line)
            del tail[:-200]
            if file is not None:
                file.write(line)
                file.flush()
    finally:
        if file is not None:
            file.close()


@contextmanager
def _ends_with_sigterm() -> Iterator[None]:
    """SIGTERM is Ctrl-C for the time of a crawl, so that its processes are ended in order."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def ring(number: int, frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGTERM, ring)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
