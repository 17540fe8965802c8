"""Part: builds of rendered files as a user runs them: from nothing, with nothing new, one file changed,
tables only; the seconds of their steps; loading and swapping in; exports.

``python -m benchmarks.builds RAW WAREHOUSE WORKERS`` is one build and prints JSON. Here: collections that can
be rendered. Not here: larger ones (growth), or single readers (readers).
"""

from __future__ import annotations

import json
import os
import shutil
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import asdict
from pathlib import Path
from typing import Any

from benchmarks import corpus, exports
from benchmarks.results import Fact, Measure, Part, measured
from benchmarks.running import Ran, dagster_in, python
from benchmarks.suite import CHANGED, KEPT, NOTHING, Size
from pipeline import frames, warehouse
from pipeline.publish.export import Format
from pipeline.settings import Settings

NAME = "builds"
STEPS = "steps of a build from nothing"
STORE = "warehouse"
_EXPORTED_WITHIN = 1024


def measure(size: Size, folder: Path) -> Part:
    """Seconds, files a second and peak memory of each kind of build; steps; load, swap, exports."""
    raw = folder / "raw"
    files = corpus.collection(raw, size.files)
    workers = os.cpu_count() or 1
    took: dict[tuple[str, str, str], list[float]] = defaultdict(list)
    reads: dict[str, tuple[int, int]] = {}
    for turn in range(size.times):
        place = folder / f"warehouse{turn}"
        for situation in size.situations:
            if situation == CHANGED:
                # The same report with other figures.
                changed = files[turn % len(files)]
                corpus.one(raw, changed.parent.name, int(changed.stem), figures=turn + 1)
            elif situation == KEPT:
                (place / warehouse.NAME).unlink()
            ran, outcome = _build(raw, place, workers, folder)
            reads[situation] = outcome["read"], outcome["known"]
            took[situation, "seconds", "s"].append(ran.seconds)
            took[situation, "processor time", "s"].append(ran.processor)
            took[situation, "peak memory", "MiB"].append(ran.megabytes)
            if situation == NOTHING:
                took[situation, "files a second", "/s"].append(size.files / ran.seconds)
                for stage, seconds in _stages(outcome["stages"]).items():
                    took[STEPS, stage, "s"].append(seconds)
    measures = [measured(row, column, unit, values) for (row, column, unit), values in took.items()]
    measures += [measured(situation, "files read", "", [read]) for situation, (read, _) in reads.items()] + [
        measured(situation, "cache hits", "", [known]) for situation, (_, known) in reads.items()
    ]
    source = folder / "warehouse0" / warehouse.NAME
    rows, stored = _store(source, folder, size.times)
    measures += stored
    if size.exports:
        measures += _exports(source, folder, size.times)
    facts: dict[str, Fact] = {
        "files": size.files,
        "formats": ", ".join(corpus.MIX),
        "workers": workers,
        "rows": rows,
        "warehouse MiB": round(source.stat().st_size / 2**20, 1),
    }
    return Part(NAME, tuple(measures), facts)


def _build(raw: Path, place: Path, workers: int, folder: Path) -> tuple[Ran, dict[str, Any]]:
    place.mkdir(exist_ok=True)
    words = ("-m", "benchmarks.builds", str(raw), str(place), str(workers))
    ran = python(*words, environment=dagster_in(folder))
    return ran, json.loads(ran.output.splitlines()[-1])


def stage_of(step: str) -> str:
    """What a step of the job belongs to, as a reader of the results would call it."""
    if step == "raw_files":
        return "listing and hashing"
    if step == "document_text":
        return "reading and cells"
    if step in ("check_result", "suggested_correction"):
        return "checks"
    if step.startswith("mart_"):
        return "marts"
    if step == "published":
        return "claims, codebook, page, swap"
    if step == "report_tables" or step in frames.SCHEMAS:
        return "tables: typed and loaded"
    return "asset checks and views"


def _stages(steps: Iterable[tuple[str, float]]) -> dict[str, float]:
    found: dict[str, float] = defaultdict(float)
    for step, seconds in steps:
        found[stage_of(step)] += seconds
    return dict(found)


def _store(source: Path, folder: Path, times: int) -> tuple[int, list[Measure]]:
    """All tables from Parquet into a new file, and that file swapped in for a published one."""
    pieces: dict[str, Path] = {}
    rows = 0
    with warehouse.connect(source, read_only=True) as connection:
        for table in frames.SCHEMAS:
            pieces[table] = folder / f"{table}.parquet"
            frame = warehouse.read(connection, table)
            rows += frame.height
            frame.write_parquet(pieces[table])
    loaded, swapped = [], []
    place = folder / "stored"
    place.mkdir()
    for turn in range(times):
        with tempfile.TemporaryDirectory(dir=folder) as aside:
            started = time.monotonic()
            with warehouse.connect(Path(aside) / "new.duckdb") as connection:
                for table, piece in pieces.items():
                    warehouse.load_pieces(connection, table, [piece])
            loaded.append(time.monotonic() - started)
        shutil.copyfile(source, place / warehouse.NAME)
        stage = warehouse.begin(place, f"{turn}", fresh=False)
        started = time.monotonic()
        warehouse.publish(stage)
        swapped.append(time.monotonic() - started)
        warehouse.discard(stage)
    return rows, [
        measured(STORE, "load all tables", "s", loaded),
        measured(STORE, "claims checked and swapped in", "s", swapped),
    ]


def _exports(source: Path, folder: Path, times: int) -> list[Measure]:
    took: dict[tuple[str, str, str], list[float]] = defaultdict(list)
    for turn in range(times):
        for form in (*exports.WHOLE, *exports.IN_PART):
            to = folder / f"export{turn}" / form
            to.parent.mkdir(exist_ok=True)
            told = exports.measure(source, to, Format(form).value, _EXPORTED_WITHIN)
            for column, name, unit in (("seconds", "seconds", "s"), ("peak memory", "peak_memory_mb", "MiB")):
                took[f"export: {form}", column, unit].append(float(str(told[name])))
    return [measured(row, column, unit, values) for (row, column, unit), values in took.items()]


def main(raw: Path, place: Path, workers: int) -> None:
    """One build; prints how it ended."""
    from pipeline.defs.launch import run_build

    outcome = run_build(Settings(raw, place, workers, 120, 4096), place / "log")
    if outcome.fault:
        sys.exit(outcome.fault)
    print(json.dumps(asdict(outcome), ensure_ascii=False))


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3]))
