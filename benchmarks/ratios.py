"""Part: gongkai's reading against other programs over the same files, in one run, warm.

Every engine takes a file before the next file comes, so that whatever else the machine does hits all alike;
a ratio is made within a round. Here: that, for PDF, HTML and DOCX. Not here: what the others do (rivals).
"""

from __future__ import annotations

import gc
import json
import logging
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from benchmarks import corpus, rivals
from benchmarks.results import RATIO, Fact, Measure, Part, measured
from benchmarks.suite import Size
from pipeline.cells.read import read_file
from pipeline.reading.html import read_html
from pipeline.reading.pdf import read_pdf
from pipeline.reading.word import read_docx
from pipeline.settings import child_environment

NAME = "ratios"
ALL = "all PDF"
READING, WHOLE = "reading", "reading and cells"
FLOOR, PLAIN = "PDFium text", "pdfplumber"
OUTSIDE = ("PyMuPDF", "PyMuPDF with its model", "camelot")
"""Engines that gongkai does not depend on: measured where they are installed."""
_ONE_THREAD = dict.fromkeys(
    ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "OPENCV_FOR_THREADS_NUM"), "1"
)

Timed = Callable[[str], float | None]
"""Seconds that an engine takes on a file; None where it cannot read it."""
Rounds = list[dict[str, dict[str, float]]]
"""For each round, file and engine the seconds."""


def measure(size: Size, folder: Path) -> Part:
    """Milliseconds a file, and the ratios, by kind of PDF and over all; HTML and DOCX against the parser."""
    logging.getLogger("pdfminer").setLevel(logging.ERROR)  # it reports every oddity of a font
    formats, notes = corpus.available(size.pdf)
    files = corpus.plain(folder, formats, size.each)
    measures: list[Measure] = []
    facts: dict[str, Fact] = {"PDF files": sum(map(len, files.values()))}
    ours = {READING: _own(read_pdf), WHOLE: _own(lambda path: read_file(path, path.name))}
    with ExitStack() as stack:
        near = {name: _near(name) for name in (FLOOR, PLAIN)}
        found = _rounds(ours | near, files, size.rounds)
        measures += _compared(found, files, [PLAIN], floor=FLOOR)
        outside = {}
        for name in OUTSIDE:
            engine = stack.enter_context(_outside(name, size.rivals))
            if engine is None:
                notes.append(f"{name} is not measured: it is not installed where it was looked for.")
                continue
            outside[name], facts[name] = engine.seconds, engine.version
        if outside:
            few = {name: paths[: size.rival_each] for name, paths in files.items()}
            facts["PDF files for engines that are no dependency"] = sum(map(len, few.values()))
            again = _rounds(ours | outside, few, size.rival_rounds)
            unread = len({path for paths in few.values() for path in map(str, paths)} - set(again[0]))
            if unread:
                notes.append(
                    f"{unread} files are left out, since one of {', '.join(outside)} cannot read them."
                )
            measures += _compared(again, few, list(outside))
    for name, read, parser in (("html", read_html, "lxml, HTML"), ("docx", read_docx, "lxml, DOCX")):
        kinds = [kind for kind in size.formats if kind.split("_")[0] == name and kind != "html_gb18030"]
        paths = corpus.plain(folder, kinds, size.each)
        rounds = _rounds({READING: _own(read), parser: _near(parser)}, paths, size.rounds)
        measures += _times(rounds, paths, parser) + _times(rounds, paths, READING)
        measures += _ratios(rounds, paths, f"{READING} ÷ lxml", READING, parser)
    return Part(NAME, _once(measures), facts, tuple(notes))


def _own(read: Callable[[Path], object]) -> Timed:
    return lambda path: rivals.seconds(lambda name: read(Path(name)), path)


def _near(name: str) -> Timed:
    work = rivals.ENGINES[name].ready()
    return lambda path: rivals.seconds(work, path)


@dataclass(frozen=True)
class _Outside:
    version: str
    seconds: Timed


@contextmanager
def _outside(name: str, interpreter: str | None) -> Iterator[_Outside | None]:
    """An engine in a process of its own, warm between files; None where it is not installed there."""
    command = [interpreter or sys.executable, str(Path(rivals.__file__)), name]
    process = subprocess.Popen(
        command,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        env=child_environment() | _ONE_THREAD,
    )
    assert process.stdin is not None and process.stdout is not None
    answers, questions = process.stdout, process.stdin

    def ask(path: str) -> float | None:
        questions.write(json.dumps(path) + "\n")
        questions.flush()
        answer: float | None = json.loads(answers.readline() or "null")
        return answer

    try:
        first = answers.readline()
        yield _Outside(json.loads(first), ask) if first else None
    finally:
        questions.close()
        process.wait()


def _rounds(engines: Mapping[str, Timed], files: Mapping[str, Sequence[Path]], rounds: int) -> Rounds:
    """All engines over all files, file by file, after a round to warm up; files that all of them read."""
    paths = [str(path) for some in files.values() for path in some]
    unread = set()
    for path in paths:
        unread |= {path for engine in engines.values() if engine(path) is None}
    gc.collect()
    gc.freeze()  # what is loaded by now need not be looked through before each timing
    found: Rounds = []
    try:
        for _ in range(rounds):
            took: dict[str, dict[str, float]] = {}
            for path in paths:
                if path not in unread:
                    took[path] = {name: engine(path) or 0.0 for name, engine in engines.items()}
            found.append(took)
    finally:
        gc.unfreeze()
    return found


def _compared(
    found: Rounds, files: Mapping[str, Sequence[Path]], others: Sequence[str], floor: str | None = None
) -> list[Measure]:
    measures: list[Measure] = []
    for engine in (*([floor] if floor else []), READING, WHOLE, *others):
        measures += _times(found, files, engine)
    if floor:
        measures += _ratios(found, files, f"{READING} ÷ {floor}", READING, floor)
    for other in others:
        measures += _ratios(found, files, f"{other} ÷ {READING}", other, READING)
        measures += _ratios(found, files, f"{other} ÷ {WHOLE}", other, WHOLE)
    return measures


def _times(found: Rounds, files: Mapping[str, Sequence[Path]], engine: str) -> list[Measure]:
    return [
        measured(row, engine, "ms", (_sum(took, paths, engine) * 1e3 / len(paths) for took in found))
        for row, paths in _rows(found, files)
    ]


def _ratios(
    found: Rounds, files: Mapping[str, Sequence[Path]], column: str, above: str, below: str
) -> list[Measure]:
    return [
        measured(row, column, RATIO, (_sum(t, paths, above) / _sum(t, paths, below) for t in found))
        for row, paths in _rows(found, files)
    ]


def _rows(found: Rounds, files: Mapping[str, Sequence[Path]]) -> Iterator[tuple[str, list[str]]]:
    """Each format with the files that were read; for PDF also all of them."""
    read = {name: [p for p in map(str, paths) if p in found[0]] for name, paths in files.items()}
    yield from ((name, paths) for name, paths in read.items() if paths)
    everything = [path for paths in read.values() for path in paths]
    if everything and all(path.endswith(".pdf") for path in everything):
        yield ALL, everything


def _sum(took: Mapping[str, Mapping[str, float]], paths: Sequence[str], engine: str) -> float:
    return sum(took[path][engine] for path in paths)


def _once(measures: Sequence[Measure]) -> tuple[Measure, ...]:
    """The first of each row and column: times of our own reading are taken over all files, not over few."""
    found: dict[tuple[str, str], Measure] = {}
    for measure in measures:
        found.setdefault((measure.row, measure.column), measure)
    return tuple(found.values())
