"""``python -m benchmarks``: measure everything, write the results, the page and its plots.

Here: the command's words and the order of the parts. Not here: any measurement.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from benchmarks import builds, comparing, crawling, growth, page, ratios, readers
from benchmarks.machine import load, machine, versions
from benchmarks.results import Part, Results, save
from benchmarks.results import load as load_results
from benchmarks.running import ROOT
from benchmarks.suite import FULL_SIZE, QUICK_SIZE, Size

PARTS: dict[str, Callable[[Size, Path], Part]] = {
    ratios.NAME: ratios.measure,
    readers.NAME: readers.measure,
    builds.NAME: builds.measure,
    growth.NAME: growth.measure,
    crawling.NAME: crawling.measure,
}
QUICK_RESULTS = ROOT / "build" / "benchmarks.json"


def measure(
    size: Size, names: Sequence[str], command: str, keep: Callable[[Results], None] = lambda results: None
) -> Results:
    """Measure these parts, one after the other; ``keep`` is given what is known after each of them."""
    started = f"{datetime.now(UTC):%Y-%m-%d %H:%M}"
    results = Results(size.name, command, started, machine(), versions(), ())
    for name in names:
        with tempfile.TemporaryDirectory(prefix="gongkai-benchmark-") as folder:
            print(f"{name} …", file=sys.stderr, end=" ", flush=True)
            before, began = load(), time.monotonic()
            part = PARTS[name](size, Path(folder))
            seconds = round(time.monotonic() - began, 1)
            part = replace(part, seconds=seconds, load=(before, load()))
            results = replace(results, parts=(*results.parts, part))
            keep(results)
            print(f"{seconds} s", file=sys.stderr)
    return results


def main(words: Sequence[str]) -> int:
    """Exit code 1 where a comparison finds that a ratio moved."""
    parser = _words()
    given = parser.parse_args(words)
    if given.compare:
        old, new = (load_results(Path(name)) for name in given.compare)
        print(comparing.told(old, new))
        return int(any(change.moved for change in comparing.changes(old, new, ratios=True)))
    if not given.page:
        size = QUICK_SIZE if given.quick else FULL_SIZE
        if given.growth is not None:
            size = replace(size, growth={int(number): 1 for number in given.growth.split(",") if number})
        size = replace(size, rivals=given.rivals)
        names = given.only.split(",") if given.only else [n for n in PARTS if _has(size, n)]
        if unknown := [name for name in names if name not in PARTS]:
            parser.error(f"a part is one of {', '.join(PARTS)}, not {unknown[0]}")
        to = given.to or (QUICK_RESULTS if given.quick else page.AGAIN if given.again else page.RESULTS)
        before = load_results(to) if given.only and to.exists() else None
        command = "python -m benchmarks" + _told(given)
        results = _merged(before, measure(size, names, command, lambda r: save(_merged(before, r), to)))
        print(to.relative_to(ROOT) if to.is_relative_to(ROOT) else to)
        if to not in (page.RESULTS, page.AGAIN):
            print(page.body(results, None))
            return 0
    page.write(load_results(page.RESULTS), load_results(page.AGAIN) if page.AGAIN.exists() else None)
    print(page.PAGE.relative_to(ROOT))
    return 0


def _has(size: Size, name: str) -> bool:
    return bool({growth.NAME: size.growth, crawling.NAME: size.pages}.get(name, True))


def _merged(old: Results | None, new: Results) -> Results:
    """The parts measured now in the place of the old ones, where those are of the same machine and size."""
    if old is None or (old.machine, old.size) != (new.machine, new.size):
        return new
    fresh = {part.name: part for part in new.parts}
    kept = {part.name: part for part in old.parts} | fresh
    return replace(new, size=old.size, command=old.command, parts=tuple(kept[n] for n in PARTS if n in kept))


def _words() -> argparse.ArgumentParser:
    words = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__.splitlines()[0])
    words.add_argument("--quick", action="store_true", help="a minute: few files, no growth curve")
    words.add_argument("--only", metavar="PARTS", help=f"with commas between: {', '.join(PARTS)}")
    words.add_argument("--growth", metavar="SIZES", help="numbers of reports, with commas between")
    words.add_argument(
        "--rivals", metavar="PYTHON", help="interpreter that has PyMuPDF and camelot [this one]"
    )
    words.add_argument("--again", action="store_true", help="as the run that the first is held against")
    words.add_argument("--to", type=Path, metavar="FILE", help="where the results go")
    words.add_argument("--page", action="store_true", help="only make the page anew from the results")
    words.add_argument("--compare", nargs=2, metavar=("OLD", "NEW"), help="which figures moved")
    return words


def _told(given: argparse.Namespace) -> str:
    """The words that change what is measured; a path of this machine is not told."""
    told = " --quick" if given.quick else ""
    told += f" --only {given.only}" if given.only else ""
    told += f" --growth {given.growth}" if given.growth is not None else ""
    return told + (" --rivals PYTHON" if given.rivals else "")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
