"""A reader for the tests of what comes after reading: a small JSON file is a report."""

from __future__ import annotations

import json
import os
import signal
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import get_args

import psutil

from pipeline.cells.read import read_file
from pipeline.cells.report import (
    Fact,
    Heading,
    Note,
    Report,
    SectionText,
    Statement,
    TableReading,
)
from pipeline.form.model import forms
from pipeline.reading.document import FileFormat, ReadingError

Figures = Mapping[str, float | None]


def read_fake(path: Path, name: str) -> Report:
    """The report that a JSON file describes; each call leaves a line in ``$file.reads`` beside the folder."""
    said = json.loads(path.read_text(encoding="utf-8"))
    log = said.get("log")
    if log:
        with Path(log).open("a") as lines:
            lines.write(f"{name}\n")
    if said.get("beside"):
        there = path.parent / said["beside"]
        return report({**said, "agency": there.read_text() if there.exists() else None})
    once = said.get("once")
    if once and Path(once).exists():
        return report(said)
    if once:
        Path(once).touch()
    match said.get("do"):
        case "hang":
            time.sleep(60)
        case "hang hard":
            # A reader in C that no signal interrupts.
            signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGALRM])
            time.sleep(60)
        case "crash":
            os.kill(os.getpid(), signal.SIGKILL)
        case "crash the cluster's worker":
            # This process is one of a pool's, whose server is a child of the worker's.
            os.kill(psutil.Process().parents()[1].pid, signal.SIGKILL)
            time.sleep(60)
        case "raise":
            raise RuntimeError("no such table")
        case "refuse":
            raise ReadingError("encrypted", "needs a password")
        case "eat":
            return Report("parsed", "x" * (2 << 30))
    return report(said)


def read_either(path: Path, name: str) -> Report:
    """A file of the fake kind, or any other as it is."""
    return (read_fake if path.suffix == ".txt" else read_file)(path, name)


def report(said: Mapping) -> Report:
    """A 2021 report with these figures; cells that are not given are zero."""
    form = forms()["2021"]
    tables = tuple(
        TableReading(
            table.code, said.get("states", {}).get(table.code, "complete"), "2021", facts, notes, log
        )
        for table in form.tables
        for facts, notes, log in [_table(said, table.code)]
    )
    heading = Heading(
        title=f"{said.get('agency')}{said.get('year')}",
        agency_name=said.get("agency"),
        report_year=said.get("year"),
        scope=said.get("scope", "own"),
        full_name=said.get("full_name"),
        parent_name=said.get("parent"),
        evidence=("title line 1",),
    )
    sections = (SectionText("overview", "一、总体情况", "本机关收到申请。", "line=2"),)
    stated = (Statement("requests.received", 3, "exact", "收到申请3件", "line=2"),)
    return Report("parsed", "", "2021", heading, tables, sections, stated)


def _table(said: Mapping, code: str) -> tuple[tuple[Fact, ...], tuple[Note, ...], tuple[str, ...]]:
    if said.get("states", {}).get(code, "complete") in ("missing", "header_only"):
        return (), (), ("not found",)
    given: Figures = said.get(code, {})
    table = forms()["2021"].table(code)
    facts = []
    for number, cell in enumerate(table.cells, 1):
        value = given.get(f"{cell.row}.{cell.column}", 0)
        status = "reported" if value is not None else "blank"
        raw = "" if value is None else f"{value:g}"
        facts.append(Fact(code, cell.row, cell.column, value, None, status, raw, f"table=1;row={number}"))
    return tuple(facts), (), ("chosen: the only reading",)


def versions(version: str) -> dict[FileFormat, str]:
    """One version of the readers for every kind of file."""
    return dict.fromkeys(get_args(FileFormat), version)


def balanced(received: int) -> dict[str, float]:
    """Figures of applications that close: all by natural persons, all granted."""
    rows = ("received", "granted", "outcome_total")
    return {f"{row}.{column}": received for row in rows for column in ("natural_person", "total")}


def write(root: Path, path: str, **said: object) -> Path:
    """A report file of the fake kind."""
    file = root / path
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps(said, ensure_ascii=False), encoding="utf-8")
    return file


def codes(rows: Sequence[Mapping]) -> list[str]:
    """The check codes of some findings."""
    return sorted(row["check_code"] for row in rows)
