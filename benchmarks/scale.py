"""What a build costs as the collection grows, beyond what rendering allows.

``python -m benchmarks.scale 1000 10000 100000`` prints a JSON line for each size: seconds of every step,
seconds of a second build in which nothing changed and of one in which a file did, the most memory that all
processes held in each, and the load of the machine before and after. ``--only first`` makes that build alone;
``--json FILE`` writes the lines as one list, too. ``GONGKAI_MEGABYTES`` is the limit that is set, and a build
that goes beyond it ends the program with 1. Every report has the cells of one that was rendered and read;
only agency and year are made up, so reading itself is not measured. Here: the measurement only.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path

import polars as pl
import psutil

from pipeline import frames
from pipeline.cells.read import read_file
from pipeline.defs.launch import run_build
from pipeline.reading_cache import ReadingCache
from pipeline.reading_rows import Reading, as_rows, pack
from pipeline.reading_version import reader_versions
from pipeline.settings import settings
from pipeline.warehouse import NAME, connect
from tests.render import SIZES, Case

BUILDS = ("first", "unchanged", "one_changed")
TEMPLATES = 60
YEARS = range(2020, 2025)
_PART = 2000
_FOLDER = 1000
# Seconds between two looks at what is held.
_EVERY = 0.1


def templates() -> tuple[pl.DataFrame, dict[str, pl.DataFrame]]:
    """Reports of all sizes, rendered as text and read."""
    readings = []
    with tempfile.TemporaryDirectory() as folder:
        for seed in range(TEMPLATES):
            size = SIZES[seed % len(SIZES)]
            path, _ = Case("txt_tab", (), "2021", size, seed).render(Path(folder))  # type: ignore[arg-type]
            readings.append(Reading(f"{seed}", f"{seed}", "txt", pack(read_file(path, path.name))))
    return as_rows(readings)


def fill(raw: Path, cache: ReadingCache, reports: int) -> None:
    """A raw folder with so many files, and a cache that has read them all."""
    identities, long = templates()
    past = time.time() - 3600
    for start in range(0, reports, _PART):
        rows = []
        for number in range(start, min(start + _PART, reports)):
            name = f"scale/{number // _FOLDER:05d}/{number}.txt"
            data = f"{number}\n".encode()
            path = raw / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(data)
            os.utime(path, (past, past))
            year = YEARS[number % len(YEARS)]
            body = f"示例市第{number // len(YEARS)}所"
            rows.append((str(number % TEMPLATES), name, hashlib.sha256(data).hexdigest(), body, year))
        columns = ["template", "name_now", "document_now", "body", "year_now"]
        made = pl.DataFrame(rows, schema=columns, orient="row")
        cache.add_rows(
            made.join(identities, left_on="template", right_on="name", maintain_order="left").select(
                pl.col({"name": "name_now", "document_id": "document_now"}.get(c, c)).alias(c)
                if c not in ("agency_name", "full_name", "report_year")
                else pl.col("year_now" if c == "report_year" else "body").alias(c)
                for c in identities.columns
            ),
            {table: _placed(frame, made) for table, frame in long.items()},
        )


def _placed(frame: pl.DataFrame, made: pl.DataFrame) -> pl.DataFrame:
    places = made.select("template", "name_now", "document_now")
    joined = places.join(frame, left_on="template", right_on="path", maintain_order="left_right")
    return joined.select(
        pl.col({"path": "name_now", "document_id": "document_now"}.get(c, c)).alias(c) for c in frame.columns
    )


def measure(reports: int, folder: Path, builds: Sequence[str] = BUILDS) -> dict[str, object]:
    """Builds of so many reports, one after the other; seconds, steps and peak memory of each."""
    own = settings(raw=folder / "raw", warehouse=folder / "w", curation=folder / "curation")
    fill(own.raw, ReadingCache(own.warehouse / ".cache" / "readings", reader_versions()), reports)
    told: dict[str, object] = {"reports": reports, "megabytes_set": own.megabytes, "workers": own.workers}
    told["load_before"] = round(os.getloadavg()[0], 1)
    for name in builds:
        if name == "one_changed":
            changed = own.raw / "scale" / "00000" / "0.txt"
            changed.write_text("another file now\n", encoding="utf-8")
        started, worked = time.monotonic(), time.process_time()
        with Peak() as peak:
            outcome = run_build(own, folder / "log")
        if outcome.fault:
            raise SystemExit(outcome.fault)
        told[f"{name}_seconds"] = round(time.monotonic() - started, 2)
        told[f"{name}_processor_seconds"] = round(time.process_time() - worked, 2)
        told[f"{name}_steps"] = dict(_slowest(outcome.stages))
        told[f"{name}_peak_megabytes"] = peak.bytes >> 20
    told["peak_megabytes"] = max(int(str(told[f"{name}_peak_megabytes"])) for name in builds)
    told["load_after"] = round(os.getloadavg()[0], 1)
    with connect(own.warehouse / NAME, read_only=True) as connection:
        for table in ("fact_request", "check_result"):
            ((rows,),) = connection.execute(f"select count(*) from {table}").fetchall()
            told[table] = rows
        counts = " + ".join(f"(select count(*) from {table})" for table in frames.FACTS.values())
        ((told["cells"],),) = connection.execute(f"select {counts}").fetchall()
    told["warehouse_megabytes"] = (own.warehouse / NAME).stat().st_size >> 20
    return told


class Peak(threading.Thread):
    """The most memory that this process and all below it held together while it was looked at, in bytes.

    Resident sets, so what two processes share counts twice.
    """

    def __init__(self) -> None:
        super().__init__(daemon=True)
        self.bytes = 0
        self._ended = threading.Event()

    def run(self) -> None:
        """Look, until it ends."""
        own = psutil.Process()
        while not self._ended.wait(_EVERY):
            held = 0
            for process in (own, *own.children(recursive=True)):
                with suppress(psutil.Error):  # it has ended
                    held += process.memory_info().rss
            self.bytes = max(self.bytes, held)

    def __enter__(self) -> Peak:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self.join()


def _slowest(stages: tuple[tuple[str, float], ...]) -> Iterator[tuple[str, float]]:
    merged: Mapping[str, float] = dict(stages)
    for name, seconds in sorted(merged.items(), key=lambda one: -one[1])[:12]:
        yield name, round(seconds, 2)


def main() -> int:
    """Each size in a process of its own, so that the peaks are its own; 1 where one was beyond the limit."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.scale", description=__doc__)
    parser.add_argument("sizes", nargs="*", type=int, default=[1000, 10000], metavar="REPORTS")
    parser.add_argument("--only", choices=BUILDS, action="append", help="only these builds, in their order")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures there, too")
    parser.add_argument("--one", action="store_true", help=argparse.SUPPRESS)
    given = parser.parse_args()
    builds = [name for name in BUILDS if not given.only or name in given.only or name == "first"]
    if given.one:
        with tempfile.TemporaryDirectory() as place:
            told = measure(given.sizes[0], Path(place), builds)
            print(json.dumps(told, ensure_ascii=False), flush=True)
        return 0
    found = []
    for size in given.sizes:
        command = [sys.executable, "-m", "benchmarks.scale", "--one", str(size)]
        command += [part for name in builds for part in ("--only", name)]
        line = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout
        print(line, end="", flush=True)
        found.append(json.loads(line))
    if given.json:
        given.json.write_text(json.dumps(found, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
    return int(any(0 < one["megabytes_set"] < one["peak_megabytes"] for one in found))


if __name__ == "__main__":
    sys.exit(main())
