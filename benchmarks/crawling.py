"""Part: the crawler's own cost, by benchmarks.crawl against a server on this machine.

Here: its figures as measures. Not here: the crawl (crawl).
"""

from __future__ import annotations

import json
from pathlib import Path

from benchmarks.results import Measure, Part, measured
from benchmarks.running import python
from benchmarks.suite import Size

NAME = "crawl"
CRAWLS = {"first": "first crawl", "second": "second crawl, nothing changed"}


def measure(size: Size, folder: Path) -> Part:
    """Seconds and pages a second of a first and a second crawl; peak memory of all processes."""
    ran = python("-m", "benchmarks.crawl", str(size.pages))
    measures = [*told(json.loads(ran.output.splitlines()[-1]))]
    measures.append(measured(CRAWLS["first"], "peak memory", "MiB", [ran.megabytes]))
    return Part(NAME, tuple(measures), {"pages": size.pages})


def told(result: dict[str, float]) -> list[Measure]:
    """What benchmarks.crawl printed, as measures."""
    return [
        measured(row, column, unit, [result[f"{name}_{key}"]])
        for name, row in CRAWLS.items()
        for column, key, unit in (("seconds", "seconds", "s"), ("pages a second", "per_second", "/s"))
    ]
