"""The state of a crawl that is under way, so that one that is ended goes on where it was.

Here: steps found and steps done, as lines that are only added. Not here: results (store.py).
A step's finds are written with its end in one line: it is done with all it found, or not at all.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from pathlib import Path

from pipeline.crawl.adapters.common import Step
from pipeline.crawl.store import JOURNAL, append, lines

NAME = JOURNAL
_STALE = timedelta(days=3)


class Journal:
    """Steps of the crawl that ``folder`` is in; a new one begins where none is open or it is stale.

    A crawl left longer than three days ago begins anew: its lists have changed since.
    """

    def __init__(self, folder: Path, now: datetime | None = None, write: bool = True) -> None:
        self.path = folder / NAME
        self.write = write
        self.seen: set[str] = set()
        self.pending: dict[str, Step] = {}
        now = now or datetime.now(UTC)
        self.resumed = write and self._load(now)
        if not self.resumed:
            self.crawl = now.strftime("%Y%m%dT%H%M%S.%fZ")
            self.seen.clear()
            self.pending.clear()
            if write:
                folder.mkdir(parents=True, exist_ok=True)
                self.path.unlink(missing_ok=True)
                append(self.path, {"crawl": self.crawl})

    def _load(self, now: datetime) -> bool:
        begun = False
        for _, line in lines(self.path):
            if line is None:
                continue
            if "crawl" in line:
                self.crawl = str(line["crawl"])
                try:
                    started = datetime.strptime(self.crawl, "%Y%m%dT%H%M%S.%fZ").replace(tzinfo=UTC)
                except ValueError:
                    return False
                begun = abs(now - started) < _STALE  # a clock that was wrong gives no crawl for ever
            elif "found" in line:
                for step in line["found"]:
                    self._find(Step(**step))
                self.pending.pop(line.get("done", ""), None)
        return begun and bool(self.seen)

    def _find(self, step: Step) -> bool:
        if step.identity in self.seen:
            return False
        self.seen.add(step.identity)
        self.pending[step.identity] = step
        return True

    def done(self, step: Step | None, found: Iterable[Step] = ()) -> list[Step]:
        """Note the end of a step and what it found; gives the finds not known before."""
        new = [one for one in found if self._find(one)]
        if step is not None:
            self.pending.pop(step.identity, None)
        if self.write:
            line = {"done": step.identity if step else "", "found": [asdict(one) for one in new]}
            append(self.path, line, sync=False)
        return new

    def close(self) -> None:
        """The crawl has ended: the next one begins anew."""
        if self.write:
            self.path.unlink(missing_ok=True)
