"""The world of the kill campaign: folders, a site, commands that are killed, and what must hold of them.

Here: two states of everything that a run works on, what each must come to, starting, killing, comparing.
Not here: which moments, or the figures (kills.py). Each command runs in a process group of its own.
"""

from __future__ import annotations

import hashlib
import json
import os
import pickle
import re
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Any

import duckdb

from pipeline import warehouse
from pipeline.crawl.store import Proof, verify
from pipeline.publish import export, quality
from tests import crawl_server
from tests.crawl_runs import manifest, source, stored, write_sources
from tests.crawl_server import Answer, Site, serving

ROOT = Path(__file__).parents[1]
SAMPLES = ROOT / "data" / "raw"
# One of each kind that is read fast.
_SAMPLES = ("bureau_2021.docx", "bureau_2022.pdf", "city_2020.html", "county_health_2019.md")
_LAST = 10.0
# What belongs in the folders after a run that came to its end.
_OURS = re.compile(
    r"""(w(/\.lock|/\.staging|/build\.log|/gongkai\.duckdb|/quality\.html)?
    |w/\.cache(/files\.parquet|/readings(/part-\d{8}(/[a-z_]+\.parquet)?)?)?
    |w/\.cache/checks(/(check_result|suggested_correction)(/[0-9a-f]{64}\.parquet)?)?
    |out(/.*)?|before(/.*)?|raw(/.*)?|tmp|log|at|home(/.*)?
    |crawl(/sources\.yaml|/raw(/test(/[0-9a-f]{2}(/[0-9a-f]{64}\.\w+)?)?)?)?
    |crawl/raw/test/\.gongkai(/manifest\.jsonl|/lock|/tmp|/kept(/[0-9a-f]{2}(/[0-9a-f]{64}\.\w+)?)?)?
    |states(/.*)?)""",
    re.VERBOSE,
)


@dataclass(frozen=True)
class Armed:
    """Kill at the so-many-th change on the disk, so many seconds after it began."""

    change: int
    delay: float = 0.0


@dataclass(frozen=True)
class Ended:
    """A run that was killed: its process group, and at what it was."""

    group: int
    where: str


@dataclass
class World:
    """Folders under ``root``; what each state of them must come to is found out once, by clean runs."""

    root: Path
    site: SiteProcess
    small: bool
    tables: dict[str, dict[str, str]] = field(default_factory=dict)
    fetched: dict[int, tuple[dict[str, bytes], dict[str, str | None]]] = field(default_factory=dict)
    state: str = ""
    version: int = 0
    before: dict[str, str] = field(default_factory=dict)
    was: str = ""

    def prepare(self) -> None:
        """Clean runs over each state, in the places that killed runs work in."""
        for folder in ("raw", "tmp", "home", "crawl", "states"):
            (self.root / folder).mkdir()
        (self.root / "home" / "dagster.yaml").write_text("telemetry: {enabled: false}\n")
        for state in ("a", "b"):
            self._put(state)
            self._finish("build")
            self.tables[state] = asked(contents, self.warehouse)
            self._finish("export")
            for folder in ("w", "out"):
                (self.root / folder).rename(self.root / "states" / f"{folder}-{state}")
        given = source(self.site.as_site(), "vsb", self.site.entry)
        write_sources(self.root / "crawl", given)
        for version in (0, 1):
            self.site.show(version)
            self._finish("crawl")
            newest = {entry.key: entry.sha256 for entry in manifest(self.root / "crawl") if entry.sha256}
            self.fetched[version] = stored(self.root / "crawl"), newest
            if version == 0:
                shutil.copytree(self.root / "crawl" / "raw", self.root / "states" / "crawled")

    @property
    def environment(self) -> dict[str, str]:
        """Temporary files and Dagster's history in the world, too."""
        named = {"TMPDIR": "tmp", "DAGSTER_HOME": "home", "PYTHONPYCACHEPREFIX": "states/compiled"}
        return {**os.environ, **{name: str(self.root / folder) for name, folder in named.items()}}

    @property
    def warehouse(self) -> Path:
        """The published file."""
        return self.root / "w" / warehouse.NAME

    # What a run works on, and the run.

    def arrange(self, target: str, chance: Random, kind: str = "") -> str:
        """Put everything into the state from which the run starts; which kind of run it is then."""
        if target == "crawl":
            kind = kind or chance.choice(("fresh crawl", "crawl again"))
            shutil.rmtree(self.root / "crawl" / "raw", ignore_errors=True)
            self.version = int(kind == "crawl again")
            if self.version:
                shutil.copytree(self.root / "states" / "crawled", self.root / "crawl" / "raw")
            self.site.show(self.version)
            return kind
        old, new = chance.sample(("a", "b"), 2)
        shutil.rmtree(self.root / "w", ignore_errors=True)
        shutil.copytree(self.root / "states" / f"w-{old}", self.root / "w")
        self.state, self.was = new, old
        if target == "build":
            kind = kind or chance.choice(("build", "build without a cache"))
            if kind != "build":
                shutil.rmtree(self.root / "w" / ".cache")
            self._put(new)
            self.before = {"": _digest(self.warehouse)}
            return kind
        shutil.rmtree(self.root / "w")
        shutil.copytree(self.root / "states" / f"w-{new}", self.root / "w")
        shutil.rmtree(self.root / "out", ignore_errors=True)
        shutil.copytree(self.root / "states" / f"out-{old}", self.root / "out")
        self.before = digests(self.root / "out")
        return target

    def _put(self, state: str) -> None:
        """The raw folder in one of two states: a file is changed, one is there in the one alone."""
        shutil.rmtree(self.root / "raw")
        shutil.copytree(SAMPLES / "harbin", self.root / "raw" / "harbin")
        if not self.small:
            for name in _SAMPLES:
                (self.root / "raw" / "samples").mkdir(exist_ok=True)
                shutil.copy(SAMPLES / "samples" / name, self.root / "raw" / "samples" / name)
        changed = self.root / "raw" / "harbin" / "acheng_2023.txt"
        if state == "b":
            changed.write_text(changed.read_text("utf-8") + "\n附：联系电话。\n", "utf-8")
            (self.root / "raw" / "harbin" / "nangang_office_2021.txt").unlink()

    def _words(self, target: str) -> list[str]:
        if target == "crawl":
            folder = self.root / "crawl"
            return ["test", "--raw", str(folder / "raw"), "--sources", str(folder / "sources.yaml")]
        if target == "build":
            return [
                "build",
                "--raw",
                str(self.root / "raw"),
                "--warehouse",
                str(self.root / "w"),
                "--workers",
                "2",
            ]
        formats = "parquet,csv" if self.small else "parquet,csv,xlsx,stata"
        return [
            "export",
            "--warehouse",
            str(self.root / "w"),
            "--to",
            str(self.root / "out"),
            "--format",
            formats,
        ]

    def _start(self, target: str, armed: Armed | None = None) -> int:
        (self.root / "at").unlink(missing_ok=True)
        change, delay = (armed.change, armed.delay) if armed else (0, 0.0)
        command = [sys.executable, "-m", "tests.kills_world", str(self.root), str(change), str(delay), target]
        with (self.root / "log").open("wb") as log:
            return subprocess.Popen(
                command + self._words(target),
                cwd=ROOT,
                env=self.environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            ).pid

    def _finish(self, target: str) -> None:
        """The run, undisturbed.

        Raises:
            AssertionError: it failed.
        """
        _, status = os.waitpid(self._start(target), 0)
        code = os.waitstatus_to_exitcode(status)
        assert code == 0, f"{target} ended with {code}: {(self.root / 'log').read_text('utf-8')[-2000:]}"

    def measured(self, target: str) -> tuple[float, int]:
        """The undisturbed run: its seconds, and how many changes it makes on the disk."""
        began = time.monotonic()
        self._finish(target)
        seconds = time.monotonic() - began
        return seconds, int((self.root / "at").read_text())

    def killed(self, target: str, after: float | None, armed: Armed | None, alone: bool) -> Ended | None:
        """The run, killed after some seconds or at a change; None where it came to its end before."""
        child = self._start(target, armed and Armed(armed.change, -1 if alone else armed.delay))
        if after is not None:
            time.sleep(after)
            with suppress(ProcessLookupError):
                (os.kill if alone else os.killpg)(child, signal.SIGKILL)
        _, status = os.waitpid(child, 0)
        if os.waitstatus_to_exitcode(status) != -signal.SIGKILL:
            return None
        return Ended(child, self._where(target))

    def _where(self, target: str) -> str:
        at = self.root / "at"
        if at.exists():
            said = at.read_text("utf-8")
            if re.search(r"rename \S*(gongkai\.duckdb|quality\.html)|\.wal|/out( |$)", said):
                return "swap"
            if ".cache" in said:
                return "cache"
        if target == "crawl":
            return "fetching" if (self.root / "crawl" / "raw" / "test").exists() else "start"
        if target == "export":
            return "writing" if list(self.root.glob(".out.exporting/out/*")) else "start"
        staged = list((self.root / "w" / ".staging").glob("*/"))
        folders = [folder for folder in staged if folder.is_dir()]
        if not folders:
            return "start"
        if not (folders[0] / "document_text.parquet").exists():
            return "reading"
        return "checks and marts" if (folders[0] / "rejected_row").exists() else "load"

    # What must hold.

    def left_processes(self, ended: Ended) -> bool:
        """Whether anything of the run is there still; what waits for a killed parent has a while."""
        until = time.monotonic() + _LAST
        while time.monotonic() < until:
            try:
                os.killpg(ended.group, 0)
            except ProcessLookupError:
                return False
            time.sleep(0.02)
        os.killpg(ended.group, signal.SIGKILL)
        return True

    def proof(self) -> Proof:
        """``gongkai raw verify`` over what was fetched."""
        return verify(self.root / "crawl" / "raw")

    def standing(self, target: str) -> tuple[str, list[str]]:
        """Which output stands after the kill, ``old`` or ``new``, and what is wrong with it."""
        if target == "build":
            if {"": _digest(self.warehouse)} == self.before:
                return "old", [] if asked(contents, self.warehouse) == self.tables[self.was] else [
                    "the old does not open"
                ]
            whole = asked(contents, self.warehouse) == self.tables[self.state]
            return "new", [] if whole else ["the published file is neither the old one nor the new one whole"]
        if target == "export":
            if digests(self.root / "out") == self.before:
                return "old", []
            return "new", package_faults(self.root / "out")
        return "", []

    def goes_on(self, target: str) -> Iterator[str]:
        """What is wrong once the next run, undisturbed, has ended."""
        try:
            self._finish(target)
        except AssertionError as fault:
            yield f"the next run fails: {fault}"
            return
        if target == "crawl":
            files, newest = self.fetched[self.version]
            now = {entry.key: entry.sha256 for entry in manifest(self.root / "crawl") if entry.sha256}
            if stored(self.root / "crawl") != files or now != newest:
                yield "the next crawl ends with another store than an undisturbed one"
            proof = self.proof()
            yield from (f"raw verify after the next crawl: {fault}" for fault in proof.faults)
            if proof.unlisted:
                yield "the next crawl left files without a line"
        elif target == "build":
            if asked(contents, self.warehouse) != self.tables[self.state]:
                yield "the next build ends with other tables than an undisturbed one"
            if asked(run_of, self.warehouse) not in (self.root / "w" / quality.NAME).read_text("utf-8"):
                yield "the quality page is of another build"
        else:
            yield from package_faults(self.root / "out")

    def leftovers(self) -> list[str]:
        """What is in the folders and belongs to no run that came to its end."""
        found = (path.relative_to(self.root).as_posix() for path in self.root.rglob("*"))
        return sorted(name for name in found if not _OURS.fullmatch(name))


class _Changes:
    """Counts what Python changes on the disk under a folder, and kills at the one that is armed."""

    def __init__(self, root: Path, armed: Armed | None) -> None:
        self.root, self.armed, self.count = str(root) + "/", armed, 0
        self.own = threading.get_ident()
        sys.addaudithook(self)

    def __call__(self, event: str, given: tuple[Any, ...]) -> None:
        if event == "open":
            if not isinstance(given[2], int) or not given[2] & (os.O_WRONLY | os.O_RDWR | os.O_CREAT):
                return
        elif event not in ("os.rename", "os.remove", "os.mkdir", "os.rmdir", "os.truncate"):
            return
        place = os.fsdecode(given[0]) if isinstance(given[0], str | bytes) else str(given[0])
        if not place.startswith(self.root) or place.startswith((self.root + "home", self.root + "at")):
            return
        self.count += 1
        if self.armed is not None and self.count == self.armed.change:
            said = f"{event.removeprefix('os.')} {' '.join(str(part) for part in given[:2])}"
            armed, self.armed = self.armed, None
            Path(self.root, "at").write_text(said, encoding="utf-8")
            if armed.delay > 0:
                threading.Thread(target=_kill, args=(armed.delay,), daemon=True).start()
            else:
                _kill(armed.delay)

    def write(self) -> None:
        """Say how many there were."""
        Path(self.root, "at").write_text(str(self.count), encoding="utf-8")


def _kill(delay: float) -> None:
    time.sleep(max(0.0, delay))
    (os.kill if delay < 0 else os.killpg)(os.getpid(), signal.SIGKILL)


def asked(question: Callable[[Path], Any], path: Path) -> Any:
    """An answer from a process of its own, so that this one stays as it is; the fault in words, if any."""
    back, there = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(back)
        try:
            answer = question(path)
        except (duckdb.Error, warehouse.WarehouseFault, OSError) as fault:
            answer = f"{type(fault).__name__}: {fault}"
        with os.fdopen(there, "wb") as pipe:
            pickle.dump(answer, pipe)
        os._exit(0)
    os.close(there)
    with os.fdopen(back, "rb") as pipe:
        answer = pickle.load(pipe)
    os.waitpid(child, 0)
    return answer


def contents(path: Path) -> dict[str, str]:
    """A digest of the rows of each table and view, but for the run's own row."""
    with warehouse.connect(path, read_only=True) as connection:
        names = sorted(warehouse.tables(connection) - {warehouse.BUILD_INFO})
        return {
            name: hashlib.sha256(
                repr(connection.execute(f"from {name} order by all").fetchall()).encode()
            ).hexdigest()
            for name in names
        }


def run_of(path: Path) -> str:
    """The run that made a warehouse."""
    with warehouse.connect(path, read_only=True) as connection:
        ((run,),) = connection.execute(f"select run from {warehouse.BUILD_INFO}").fetchall()
        return str(run)


def _digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def digests(folder: Path) -> dict[str, str]:
    """Of every file of a folder."""
    return {
        str(path.relative_to(folder)): _digest(path) for path in sorted(folder.rglob("*")) if path.is_file()
    }


def package_faults(folder: Path) -> list[str]:
    """What an export's own list of files, sizes and hashes says against it."""
    package = json.loads((folder / export.NAME).read_text("utf-8"))
    listed, there = {str(name) for name in package[export.MARK]["files"]}, set(digests(folder))
    faults = [f"{name} is on one side alone" for name in sorted(listed ^ (there - {export.NAME}))]
    for resource in package["resources"]:
        path = folder / resource["path"]
        if path.is_file() and resource["hash"] != f"sha256:{_digest(path)}":
            faults.append(f"{resource['path']} has another hash than the package says")
    return faults


# The site, in a process of its own.


@dataclass
class SiteProcess:
    """A site that shows one of two versions of its pages."""

    url: str
    entry: str
    ask: int
    answer: int

    def show(self, version: int) -> None:
        """Show version 0 or 1 from now on."""
        os.write(self.ask, str(version).encode())
        assert os.read(self.answer, 1) == b"."

    def as_site(self) -> Site:
        """The address alone, for a source."""
        return Site(url=self.url)


@contextmanager
def serving_site() -> Iterator[SiteProcess]:
    """A site on loopback; its second version corrects some of the reports."""
    ask_out, ask_in = os.pipe()
    answer_out, answer_in = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(ask_in)
        _serve(ask_out, answer_in)
        os._exit(0)
    os.close(ask_out)
    try:
        url, entry = json.loads(os.read(answer_out, 4096))
        yield SiteProcess(url, entry, ask_in, answer_out)
    finally:
        os.close(ask_in)
        os.waitpid(child, 0)


def _serve(ask: int, answer: int) -> None:
    with serving() as site:
        entry, _ = crawl_server.vsb(site)
        site.delay = 0.01
        first = dict(site.pages)
        os.write(answer, json.dumps([site.url, entry]).encode())
        while version := os.read(ask, 1):
            site.pages.update(first if version == b"0" else _corrected(first))
            os.write(answer, b".")


def _corrected(pages: dict[str, crawl_server.Page]) -> dict[str, crawl_server.Page]:
    found: dict[str, crawl_server.Page] = {}
    for path, page in list(pages.items())[::3]:
        if isinstance(page, Answer) and path.startswith("/info/") and b"</body>" in page.body:
            found[path] = Answer(page.body.replace(b"</body>", "<p>更正。</p></body>".encode()), page.kind)
    return found


def _run() -> int:
    """A command in this process, which may be armed: root, change, delay, target, words."""
    root, change, delay, target, *words = sys.argv[1:]
    armed = Armed(int(change), float(delay)) if int(change) else None
    sys.argv = [target, *words]
    if target == "crawl":
        from pipeline.crawl.__main__ import main as crawl

        changes = _Changes(Path(root), armed)
        code = crawl()
    else:
        from pipeline.cli import main

        changes = _Changes(Path(root), armed)
        try:
            main()
            code = 0
        except SystemExit as ended:
            code = int(ended.code or 0)
    changes.write()
    return code


if __name__ == "__main__":
    sys.exit(_run())
