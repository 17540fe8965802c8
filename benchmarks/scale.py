"""What a build costs as the collection grows, beyond what rendering allows.

``python -m benchmarks.scale 1000 10000 100000`` prints a JSON line for each size: seconds of every step,
seconds of a second build in which nothing changed and of one in which a file did, the peak memory. Every
report has the cells of one that was rendered and read; only agency and year are made up, so reading
itself is not measured. Here: the measurement only.
"""

from __future__ import annotations

import hashlib
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from pathlib import Path

import polars as pl

from pipeline.cells.read import read_file
from pipeline.defs.launch import run_build
from pipeline.reading_cache import ReadingCache
from pipeline.reading_rows import Reading, as_rows, pack
from pipeline.reading_version import reader_versions
from pipeline.settings import Settings
from pipeline.warehouse import NAME, connect
from tests.render import SIZES, Case

TEMPLATES = 60
YEARS = range(2020, 2025)
_PART = 2000
_FOLDER = 1000


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


def measure(reports: int, folder: Path) -> dict[str, object]:
    """Three builds of so many reports."""
    settings = Settings(folder / "raw", folder / "w", os.cpu_count() or 1, 120, 4096)
    fill(settings.raw, ReadingCache(settings.warehouse / ".cache" / "readings", reader_versions()), reports)
    told: dict[str, object] = {"reports": reports}
    for name in ("first", "unchanged", "one_changed"):
        if name == "one_changed":
            changed = settings.raw / "scale" / "00000" / "0.txt"
            changed.write_text("another file now\n", encoding="utf-8")
        started = time.monotonic()
        outcome = run_build(settings, folder / "log")
        if outcome.fault:
            raise SystemExit(outcome.fault)
        told[f"{name}_seconds"] = round(time.monotonic() - started, 2)
        told[f"{name}_steps"] = dict(_slowest(outcome.stages))
        told["peak_megabytes"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    with connect(settings.warehouse / NAME, read_only=True) as connection:
        for table in ("fact_request", "check_result"):
            ((rows,),) = connection.execute(f"select count(*) from {table}").fetchall()
            told[table] = rows
    told["warehouse_megabytes"] = (settings.warehouse / NAME).stat().st_size >> 20
    return told


def _slowest(stages: tuple[tuple[str, float], ...]) -> Iterator[tuple[str, float]]:
    merged: Mapping[str, float] = dict(stages)
    for name, seconds in sorted(merged.items(), key=lambda one: -one[1])[:12]:
        yield name, round(seconds, 2)


def main(sizes: list[int]) -> None:
    """Each size in a process of its own, so that the peaks are its own."""
    for size in sizes:
        command = [sys.executable, "-m", "benchmarks.scale", "--one", str(size)]
        print(
            subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout, end="", flush=True
        )


if __name__ == "__main__":
    if sys.argv[1:2] == ["--one"]:
        with tempfile.TemporaryDirectory() as place:
            print(json.dumps(measure(int(sys.argv[2]), Path(place)), ensure_ascii=False))
    else:
        main([int(size) for size in sys.argv[1:]] or [1000, 10000])
