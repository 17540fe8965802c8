"""Fuzzing of the readers and of the YAML loaders: what a run tried, and what it found.

    python -m tests.fuzz html --inputs 50000 --seed 7 --write docs/reliability.md
    python -m tests.fuzz html --inputs 50000 --seed 7 --guided

Here: many inputs in processes that may die, faults kept once each with their input, the figures. Not here:
the inputs (fuzz_inputs.py), or what counts as a fault (fuzz_watch.py). Each input follows from reader, seed
and number alone; ``--guided`` lets atheris (libFuzzer) choose among mutations by the lines of ours that they
reach, and is not repeatable to the input.
"""

from __future__ import annotations

import argparse
import json
import mmap
import os
import random
import resource
import signal
import sys
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.written import write_part

_GUIDED = "--guided" in sys.argv and Path(sys.argv[0]).stem == "fuzz"
if _GUIDED:
    import atheris

    _instrumented = atheris.instrument_imports(include=["pipeline"])
else:
    _instrumented = nullcontext()
with _instrumented:
    from tests import fuzz_inputs
    from tests.fuzz_watch import MEGABYTES, READERS, Watch


@dataclass
class Run:
    """What was tried of one reader, how it ended, and the faults, each with the first input of it."""

    reader: str
    inputs: int = 0
    results: Counter[str] = field(default_factory=Counter)
    faults: dict[str, tuple[bytes, str]] = field(default_factory=dict)
    seconds: float = 0.0
    largest: int = 0
    """Megabytes of the largest process."""

    def add(self, fault: str | None, data: bytes, ending: str) -> None:
        if fault and fault not in self.faults:
            self.faults[fault] = (data, ending)

    def line(self) -> str:
        """A row of figures."""
        ends = ", ".join(f"{name} {count:,}" for name, count in self.results.most_common())
        return (
            f"{self.inputs:,} inputs in {self.seconds:,.0f} s, {self.largest} MB at most: {ends}; "
            f"{len(self.faults)} faults."
        )


def input_of(reader: str, seed: int, number: int) -> tuple[bytes, str]:
    """The input of this number, and the ending of its file."""
    one = READERS[reader]
    rng = random.Random(f"{reader}/{seed}/{number}")
    return fuzz_inputs.mutated(rng, one.seeds(), one.kind), rng.choice(one.endings)


def run(reader: str, inputs: int, seed: int, until: float | None = None) -> Run:
    """Try inputs 0 to ``inputs`` of a reader, some hundreds a process; POSIX only.

    Args:
        until: seconds after which no further process is begun.
    """
    READERS[reader].seeds()
    found = Run(reader)
    began = time.monotonic()
    at = 0
    while at < inputs and (until is None or time.monotonic() - began < until):
        at = _chunk(found, seed, at, min(inputs, at + READERS[reader].at_once))
    found.seconds = time.monotonic() - began
    return found


def _chunk(found: Run, seed: int, first: int, end: int) -> int:
    """Try some inputs in a process of their own; gives the number to go on with."""
    at = mmap.mmap(-1, 8)
    at[:] = first.to_bytes(8, "little")
    with TemporaryDirectory(prefix="gongkai-fuzz-") as name:
        folder, told = Path(name, "in"), Path(name, "told.jsonl")
        folder.mkdir()
        child = os.fork()
        if child == 0:
            code = 1
            try:
                _bounded()
                _work(found.reader, seed, first, end, at, folder, told)
                code = 0
            finally:
                os._exit(code)
        ended, usage = _watched(child, at, READERS[found.reader].seconds)
        for line in told.read_text().splitlines() if told.exists() else ():
            one = json.loads(line)
            if "number" in one:
                found.add(one["fault"], *input_of(found.reader, seed, one["number"]))
            else:
                found.results.update(one)
    found.largest = max(found.largest, usage // 1024)
    number = int.from_bytes(at[:], "little")
    if not ended:
        found.inputs += end - first
        return end
    found.inputs += number + 1 - first
    found.add(f"{ended} ended the process", *input_of(found.reader, seed, number))
    found.results["ended the process"] += 1
    return number + 1


def _work(reader: str, seed: int, first: int, end: int, at: mmap.mmap, folder: Path, told: Path) -> None:
    lines = told.open("a", buffering=1)
    watch = Watch(READERS[reader], folder)
    os.chdir(folder)
    for number in range(first, end):
        at[:] = number.to_bytes(8, "little")
        fault = watch.try_one(*input_of(reader, seed, number))
        if fault:
            lines.write(json.dumps({"number": number, "fault": fault}) + "\n")
    lines.write(json.dumps(watch.results) + "\n")


def _bounded() -> None:
    os.nice(5)
    taken = int(Path("/proc/self/statm").read_text().split()[0]) * os.sysconf("SC_PAGE_SIZE")
    resource.setrlimit(resource.RLIMIT_AS, (taken + MEGABYTES * 1024 * 1024, resource.RLIM_INFINITY))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    null = os.open(os.devnull, os.O_WRONLY)
    os.dup2(null, 1)


def _watched(child: int, at: mmap.mmap, seconds: float) -> tuple[str, int]:
    """How a process ended, "" for well, and its kilobytes; one that stands still is ended."""
    last, since = at[:], time.monotonic()
    while True:
        done, status, usage = os.wait4(child, os.WNOHANG)
        if done:
            code = os.waitstatus_to_exitcode(status)
            return ("" if code == 0 else f"signal {-code}" if code < 0 else f"exit {code}"), usage.ru_maxrss
        if at[:] != last:
            last, since = at[:], time.monotonic()
        elif time.monotonic() - since > 20 * seconds:
            os.kill(child, signal.SIGKILL)
        time.sleep(0.05)


def guided(reader: str, inputs: int, seed: int) -> Run:
    """Let libFuzzer choose inputs by what they reach in ``pipeline``; the mutations are ours."""
    found = Run(reader)
    one = READERS[reader]
    began = time.monotonic()
    with TemporaryDirectory(prefix="gongkai-fuzz-") as name:
        folder, told, corpus = Path(name, "in"), Path(name, "told"), Path(name, "corpus")
        for made in (folder, told, corpus):
            made.mkdir()
        for number, data in enumerate(one.seeds()):
            (corpus / f"seed{number}").write_bytes(data)
        child = os.fork()
        if child == 0:
            _bounded()
            watch = Watch(one, folder)
            seeds = one.seeds()
            faults: set[str] = set()
            tried = 0

            def change(data: bytes, largest: int, number: int) -> bytes:
                rng = random.Random(number)
                return fuzz_inputs.mutated(
                    rng, (data or seeds[0], data or seeds[0], rng.choice(seeds)), one.kind
                )[:largest]

            def take(data: bytes) -> None:
                nonlocal tried
                tried += 1
                ending = one.endings[len(data) % len(one.endings)]
                fault = watch.try_one(data, ending)
                if fault and fault not in faults:
                    faults.add(fault)
                    (told / f"{len(faults)}{ending or '.none'}").write_bytes(data)
                    (told / f"{len(faults)}.fault").write_text(fault)
                if tried % 50 == 0 or tried >= inputs:
                    (told / "tried").write_text(json.dumps([tried, watch.results]))

            arguments = [
                f"-runs={inputs}",
                f"-seed={seed}",
                "-timeout=3600",
                "-rss_limit_mb=0",
                "-max_len=60000",
                "-verbosity=0",
            ]
            atheris.Setup(
                ["fuzz", *arguments, f"-artifact_prefix={told}/crash-", str(corpus)],
                take,
                custom_mutator=change,
            )
            atheris.Fuzz()
            os._exit(0)
        _, status, usage = os.wait4(child, 0)
        if (told / "tried").exists():
            found.inputs, results = json.loads((told / "tried").read_text())
            found.results.update(results)
        for path in sorted(told.glob("*.fault")):
            data = next(p for p in told.glob(f"{path.stem}.*") if p != path)
            found.add(path.read_text(), data.read_bytes(), data.suffix)
        for path in told.glob("crash-*"):
            found.add(
                f"ended the process ({os.waitstatus_to_exitcode(status)})", path.read_bytes(), one.endings[0]
            )
    found.seconds, found.largest = time.monotonic() - began, usage.ru_maxrss // 1024
    return found


def kept(found: Run, folder: Path) -> Iterator[str]:
    """Write the input of each fault to a folder; gives a line for each."""
    folder.mkdir(parents=True, exist_ok=True)
    for number, (fault, (data, ending)) in enumerate(found.faults.items(), 1):
        path = folder / f"{found.reader}-{number}{ending}"
        path.write_bytes(data)
        yield f"{path.name}: {fault}"


def main() -> int:
    """Fuzz one reader; 1 where a fault was found."""
    options = argparse.ArgumentParser(description="Fuzz a reader.")
    options.add_argument("reader", choices=sorted(READERS))
    options.add_argument("--inputs", type=int, default=50_000)
    options.add_argument("--seed", type=int, default=7)
    options.add_argument("--minutes", type=float, help="begin no further process after so long")
    options.add_argument("--guided", action="store_true", help="by coverage; needs the extra fuzz")
    options.add_argument("--keep", type=Path, help="folder for the inputs of faults")
    options.add_argument("--write", type=Path, help="put the figures into this page")
    given = options.parse_args()
    if given.guided:
        found = guided(given.reader, given.inputs, given.seed)
    else:
        found = run(given.reader, given.inputs, given.seed, given.minutes and 60 * given.minutes)
    print(found.line())
    for fault in kept(found, given.keep) if given.keep else found.faults:
        print(f"  {fault}")
    if given.write:
        write_part(given.write, f"fuzz {given.reader}{' guided' if given.guided else ''}", [found.line()])
    return 1 if found.faults else 0


if __name__ == "__main__":
    sys.exit(main())
