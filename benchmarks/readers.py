"""Part: what each reader and each stage after it costs a file, warm, in processor time.

Here: reading and cells by format, frames and checks over all files. Not here: other programs (ratios).
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import polars as pl

from benchmarks import corpus
from benchmarks.results import Fact, Measure, Part, measured
from benchmarks.rivals import seconds
from benchmarks.suite import Size
from pipeline import assembly, frames
from pipeline.cells.read import read_file, read_report
from pipeline.checks import run_checks
from pipeline.collection import identify, list_files
from pipeline.reading.document import Document
from pipeline.reading.open import read_document, sniff
from pipeline.reading_rows import Reading, pack

NAME = "readers"
READING, CELLS, DEVIATING = "reading", "cells", "both, deviating"
ALL = "all formats"


def measure(size: Size, folder: Path) -> Part:
    """Milliseconds a file for each format and stage."""
    formats, absent = corpus.available(size.formats)
    plain = corpus.plain(folder / "plain", formats, size.each)
    odd = corpus.deviating(folder / "odd", formats, size.each)
    measures: list[Measure] = []
    for name in formats:
        documents = {path: read_document(path) for path in plain[name]}
        stages: dict[str, tuple[Sequence[Path], Callable[[str], object]]] = {
            READING: (plain[name], lambda path: read_document(Path(path))),
            CELLS: (plain[name], lambda path, known=documents: _cells(known, Path(path))),  # type: ignore[misc]
            DEVIATING: (odd[name], lambda path: read_file(Path(path), Path(path).name)),
        }
        for files, work in stages.values():
            for path in files:
                work(str(path))  # warm: imports, caches of the form and of wordings
        found: dict[str, list[float]] = {stage: [] for stage in stages}
        for _ in range(size.rounds):
            for stage, (files, work) in stages.items():
                found[stage].append(sum(seconds(work, str(path)) for path in files) / len(files))
        measures += [measured(name, stage, "ms", (s * 1e3 for s in took)) for stage, took in found.items()]
    measures += _tables(folder / "plain", size)
    facts: dict[str, Fact] = {
        "files": sum(map(len, plain.values())),
        "deviating files": sum(map(len, odd.values())),
    }
    facts["reports together"] = size.together
    return Part(NAME, tuple(measures), facts, tuple(absent))


def _cells(documents: dict[Path, Document], path: Path) -> None:
    read_report(documents[path], path.name, path)


def _tables(folder: Path, size: Size) -> list[Measure]:
    """Frames and checks over many reports at once, as a build has them, for each report.

    There are as many as the size says: those that were rendered, again and again under other bodies' names.
    """
    known = list(identify(list_files(folder), folder.with_name("stats.parquet"), 1))
    payloads = [(sniff(file.place), pack(read_file(file.place, file.path))) for file in known]
    files, readings = [], []
    for number in range(size.together):
        turn, place = divmod(number, len(known))
        file = replace(known[place], path=f"{turn}/{known[place].path}", document_id=f"{number:064x}")
        files.append(file)
        kind, payload = payloads[place]
        payload = payload.replace(corpus.BODY, f"{corpus.BODY}{turn}第")
        readings.append(Reading(file.document_id or "", file.path, kind, payload))
    typed, checked = [], []
    for turn in range(size.rounds + 1):
        started = time.process_time()
        tables: dict[str, pl.DataFrame] = {}
        for table, rows in assembly.assemble(files, readings).items():
            tables[table], _ = frames.typed(table, rows)
        between = time.process_time()
        run_checks(tables)
        if turn:  # the first one is to warm up
            typed.append((between - started) * 1e3 / len(files))
            checked.append((time.process_time() - between) * 1e3 / len(files))
    assert tables["dim_report"].height == len(files), "reports that should stand apart are taken for one"
    return [measured(ALL, "frames", "ms", typed), measured(ALL, "checks", "ms", checked)]
