"""Writing a decision into the curation folder, so that a person can read and review the change.

Here: which file, the entry's text, what is left as it stands (comments, order, other entries).
Not here: what a decision may say (decisions.py), or which finding it is about (publish/findings.py).
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import date
from pathlib import Path

import yaml

from pipeline.curation.decisions import Decision, Entry, Loader, Sides, load_file, parse, read_folder
from pipeline.files import write_whole

_LONGEST_NAME = 60


class SettleFault(Exception):
    """A decision that is not written; the message is one line for a person."""


def settle(
    folder: Path, source: str, decision: Decision, replaces: Callable[[Decision], bool] | None = None
) -> Path:
    """Append a decision to the file of its source; the file that was written.

    Args:
        folder: the curation folder; made where it is absent.
        source: the source of the report's file, which names the file of decisions.
        replaces: which earlier decisions are taken out; without it one about the same thing is a fault.
    Raises:
        SettleFault: it is settled already, the file has faults, or it cannot be written.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with _alone(folder):
            return _settle(folder, folder / file_name(source), decision, replaces)
    except OSError as error:
        reason = error.strerror or type(error).__name__
        raise SettleFault(f"cannot write to the curation folder {folder}: {reason}") from error


def _settle(
    folder: Path, path: Path, decision: Decision, replaces: Callable[[Decision], bool] | None
) -> Path:
    entries = read_folder(folder)
    for entry in entries:
        known = entry.decision
        if replaces is None and known is not None and known.key == decision.key:
            raise SettleFault(
                f"{decision.target} is settled already: {known.decision} on {known.date}"
                f" ({folder / entry.file}, entry {entry.number}); --replace puts the new one in its place"
            )
    outdated: dict[str, set[int]] = {}
    for entry in entries:
        if replaces is not None and entry.decision is not None and replaces(entry.decision):
            outdated.setdefault(entry.file, set()).add(entry.number)
    text = _without(path, path.name, outdated.pop(path.name, set()))
    kept = _decisions(path, parse(text, path.name))
    text = text if not text or text.endswith("\n") else f"{text}\n"
    _write(path, text + entry_text(decision), [*kept, decision])
    for name, numbers in outdated.items():
        other = folder / name
        text = _without(other, name, numbers)
        _write(other, text, [one for one in _decisions(other, parse(text, name)) if one is not None])
    return path


def file_name(source: str) -> str:
    """The file that holds the decisions about a source's reports; a plain name for any source."""
    plain = re.sub(r"[^\w.-]", "_", source).lstrip(".")[:_LONGEST_NAME]
    if plain == source:
        return f"{plain}.yaml"
    return f"{plain or 'source'}-{hashlib.sha256(source.encode()).hexdigest()[:8]}.yaml"


def entry_text(decision: Decision) -> str:
    """The decision as one entry of a YAML list, its keys in the order that a person reads them."""
    said: dict[str, object] = {"document": decision.document}
    for name in ("file", "report", "cell", "check"):
        said[name] = getattr(decision, name)
    shown = {name: value for name, value in said.items() if value is not None}
    if isinstance(decision.printed, Sides):
        shown["printed"] = {"left": _plain(decision.printed.left), "right": _plain(decision.printed.right)}
    else:
        shown["printed"] = _plain(decision.printed)
    shown["decision"] = decision.decision
    if decision.value is not None:
        shown["value"] = _plain(decision.value)
    for name in ("reason", "source", "by"):
        if getattr(decision, name) is not None:
            shown[name] = getattr(decision, name)
    shown["date"] = date.fromisoformat(decision.date)
    return yaml.safe_dump([shown], allow_unicode=True, sort_keys=False, width=100)


def _plain(figure: float | None) -> int | float | None:
    return int(figure) if figure is not None and figure == int(figure) else figure


def _without(path: Path, name: str, numbers: set[int]) -> str:
    """The file's text without these entries; empty where there is no file."""
    if not path.exists():
        return ""
    _decisions(path, load_file(path, name))
    text = path.read_text(encoding="utf-8")
    if not numbers:
        return text
    root = yaml.compose(text, Loader)
    assert isinstance(root, yaml.SequenceNode), "a file without faults is a list"
    lines = text.splitlines(keepends=True)
    starts = [node.start_mark.line for node in root.value] + [root.end_mark.line + 1]
    taken = {line for number in numbers for line in range(starts[number - 1], starts[number])}
    return "".join(line for at, line in enumerate(lines) if at not in taken)


def _decisions(path: Path, entries: Sequence[Entry]) -> list[Decision]:
    for entry in entries:
        if entry.fault is not None:
            raise SettleFault(f"mend {path} first: entry {entry.number}: {entry.fault}")
    return [entry.decision for entry in entries if entry.decision is not None]


def _write(path: Path, text: str, meant: Sequence[Decision]) -> None:
    """Write the text, once it is certain to be read as what is meant."""
    if [entry.decision for entry in parse(text, path.name)] != list(meant):
        raise SettleFault(f"{path} is not a plain list of entries, so none can be added: edit it by hand")
    write_whole(path, text)


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """Hold the folder, so that two people do not write at once; the lock goes with the process."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)
