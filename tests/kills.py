"""SIGKILL at random moments of crawls, builds and exports: what stands then, and what the next run does.

    python -m tests.kills --kills 100 --seed 7 --write docs/reliability.md

Here: the moments, the checks after each kill, the figures. Not here: the commands' world (kills_world.py).
A moment is a time, drawn evenly over an undisturbed run, or a change on the disk that Python makes (a file
opened to be written, a rename, a removal), drawn evenly over those of an undisturbed run, with up to a
twentieth of a second behind it for what libraries write meanwhile. Every fourth kill takes the main process
alone, as the system does that runs out of memory; the others its whole process group.
"""

from __future__ import annotations

import argparse
import random
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.kills_world import Armed, Ended, World, serving_site
from tests.written import write_part

_DELAY = 0.05
# The last changes of a run on the disk are the swap: so many kills go there by themselves.
_SWAP_SHARE, _SWAP_CHANGES = 0.3, 14
_TARGETS = ("crawl", "build", "export")
_TITLES = {
    "crawl": "crawl of a site on loopback, fresh or over an earlier one",
    "build": "build: reading, cache, load, swap",
    "export": "export over an earlier one",
}


@dataclass
class Figures:
    """What a campaign saw."""

    kills: Counter[str] = field(default_factory=Counter)
    alone: Counter[str] = field(default_factory=Counter)
    stood: Counter[tuple[str, str]] = field(default_factory=Counter)
    where: Counter[tuple[str, str]] = field(default_factory=Counter)
    torn: int = 0
    unlisted: int = 0
    faults: list[str] = field(default_factory=list)
    left: set[str] = field(default_factory=set)
    seconds: float = 0.0


@dataclass(frozen=True)
class Pace:
    """How long an undisturbed run takes, and how many changes it makes on the disk."""

    seconds: float
    changes: int


def campaign(
    kills: int, seed: int, root: Path, small: bool = False, told: Callable[[str], None] = print
) -> Figures:
    """So many kills, in turn over crawl, build and export, each followed by all checks."""
    chance, figures, began = random.Random(seed), Figures(), time.monotonic()
    with serving_site() as site:
        world = World(root, site, small)
        world.prepare()
        paces: dict[str, Pace] = {}
        number = 0
        while number < kills:
            target = _TARGETS[number % len(_TARGETS)]
            found = _one(world, target, chance, paces, figures)
            if found is None:
                continue  # it came to its end before the kill
            number += 1
            figures.faults += [f"kill {number} ({target}): {fault}" for fault in found]
            told(f"{number}/{kills} {target}: {'; '.join(found) or 'ok'}")
    figures.seconds = time.monotonic() - began
    return figures


def _one(
    world: World, target: str, chance: random.Random, paces: dict[str, Pace], figures: Figures
) -> list[str] | None:
    kind = world.arrange(target, chance)
    if kind not in paces:
        paces[kind] = Pace(*world.measured(target))
        kind_again = world.arrange(target, chance, kind)
        assert kind_again == kind
    pace = paces[kind]
    alone = chance.random() < 0.25
    if chance.random() < 0.5:
        armed, after = None, chance.uniform(0, pace.seconds)
    else:
        first = pace.changes - _SWAP_CHANGES if chance.random() < _SWAP_SHARE else 1
        armed = Armed(
            chance.randint(max(1, first), pace.changes), chance.choice((0, chance.uniform(0, _DELAY)))
        )
        after = None
    ended = world.killed(target, after, armed, alone)
    if ended is None:
        return None
    figures.kills[target] += 1
    figures.alone[target] += alone
    figures.where[target, ended.where] += 1
    return list(_checked(world, target, ended, figures))


def _checked(world: World, target: str, ended: Ended, figures: Figures) -> Iterator[str]:
    """What is wrong after a kill, and after the run that follows it."""
    if world.left_processes(ended):
        yield "processes of the killed run are still there after ten seconds"
    proof = world.proof()
    figures.torn += proof.torn
    figures.unlisted += proof.unlisted
    yield from (f"raw verify after the kill: {fault}" for fault in proof.faults)
    state, faults = world.standing(target)
    figures.stood[target, state] += 1
    yield from faults
    yield from world.goes_on(target)
    yield from (f"left behind: {name}" for name in world.leftovers() if name not in figures.left)
    figures.left.update(world.leftovers())


def table(figures: Figures) -> list[str]:
    """The figures as a part of the docs."""
    lines = [
        f"{figures.kills.total()} kills in {figures.seconds / 60:.0f} minutes,"
        f" {figures.alone.total()} of them of the main process alone; faults: {len(figures.faults)}.",
        "",
        "| killed | kills | the old stood | the new one stood whole | where it was |",
        "|---|---|---|---|---|",
    ]
    for target in _TARGETS:
        places = ", ".join(
            f"{where} {count}" for (of, where), count in sorted(figures.where.items()) if of == target
        )
        old, new = figures.stood[target, "old"], figures.stood[target, "new"]
        shown = ("—", "—") if target == "crawl" else (str(old), str(new))
        lines.append(f"| {_TITLES[target]} | {figures.kills[target]} | {shown[0]} | {shown[1]} | {places} |")
    lines += [
        "",
        f"In the manifests of crawls, {figures.torn} lines were found torn and {figures.unlisted} whole files"
        " without a line; the next crawl made both good.",
    ]
    return [*lines, *(f"- {fault}" for fault in figures.faults)]


def main() -> int:
    """The command."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--kills", type=int, default=100)
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument(
        "--small", action="store_true", help="three files and one format: seconds, not minutes"
    )
    parser.add_argument("--write", type=Path, help="put the figures into this page")
    parser.add_argument("--in", dest="root", type=Path, help="a folder to work in, which is kept")
    given = parser.parse_args()
    with TemporaryDirectory(prefix="kills-") as folder:
        root = given.root or Path(folder)
        root.mkdir(parents=True, exist_ok=True)
        figures = campaign(given.kills, given.seed, root, given.small, lambda line: print(line, flush=True))
    found = table(figures)
    print("\n".join(found))
    if given.write:
        write_part(given.write, "kills", found)
    return 1 if figures.faults else 0


if __name__ == "__main__":
    sys.exit(main())
