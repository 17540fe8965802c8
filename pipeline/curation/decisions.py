"""Decisions about findings as frozen dataclasses, loaded from the YAML files of the curation folder.

Here: the shape of a decision, the strict loader with the file and place of every fault, the table.
Not here: writing them (writing.py), or whether a decision still applies (applying.py).
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass as plain_dataclass
from pathlib import Path
from typing import Annotated, Literal, get_args

import polars as pl
import yaml
from pydantic import ConfigDict, Strict, StringConstraints, TypeAdapter, ValidationError, model_validator
from pydantic.dataclasses import dataclass

from pipeline import frames, plain_yaml
from pipeline.form.model import CellSpec, forms

Verdict = Literal["confirmed", "dismissed", "corrected"]
"""confirmed: the office's own mistake · dismissed: no mistake · corrected: the right figure is known."""

VERDICTS: tuple[Verdict, ...] = get_args(Verdict)
STALE = "curation.stale"
"""The check that finds decisions which no longer fit their file."""
BREAKS = "curation.breaks"
"""The check that finds corrected values under which something else fails."""
# A file beyond it is no list of decisions.
_LARGEST = 16 << 20
_STRICT = ConfigDict(extra="forbid")
Figure = Annotated[float, Strict()]
Words = Annotated[str, StringConstraints(min_length=1, strip_whitespace=True)]


@dataclass(frozen=True, config=_STRICT)
class Sides:
    """Both sides of a check as they were when it was decided on."""

    left: Figure | None
    right: Figure | None


@dataclass(frozen=True, config=_STRICT)
class Decision:
    """What a person decided about one cell or one finding of one file.

    ``cell`` is ``table.row.column``, ``check`` is ``code/scope``; one of them is given. ``printed`` is
    the cell's figure as read then (None where it had none), or both sides of the check (None where it
    has none): the decision applies only while they are the same. ``report`` and ``file`` say where
    the file was, for readers and for finding what became of it.
    """

    document: Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]
    printed: Figure | Sides | None
    decision: Verdict
    reason: Words
    date: Annotated[str, StringConstraints(pattern=r"^\d{4}-\d{2}-\d{2}$")]
    cell: Words | None = None
    check: Words | None = None
    value: Figure | None = None
    source: Words | None = None
    by: Words | None = None
    report: Words | None = None
    file: Words | None = None

    @model_validator(mode="after")
    def _whole(self) -> Decision:
        for fault in _faults(self):
            raise ValueError(fault)
        return self

    @property
    def target(self) -> str:
        """The cell or the check, as people name it."""
        return self.cell or self.check or ""

    @property
    def key(self) -> tuple[object, ...]:
        """What can be decided on once only: a cell of a file, or a check of it with these sides."""
        return self.document, self.target, *self.sides

    @property
    def sides(self) -> tuple[float | None, float | None]:
        """Both sides of a check; nothing for a cell."""
        return (self.printed.left, self.printed.right) if isinstance(self.printed, Sides) else (None, None)

    @property
    def figure(self) -> float | None:
        """The figure of a cell; nothing for a check."""
        return None if isinstance(self.printed, Sides) else self.printed


def fact_cells() -> dict[str, CellSpec]:
    """Every cell that a decision may name, by ``table.row.column``."""
    codes = {table.code for form in forms().values() for table in form.tables}
    return {
        f"{table}.{row}.{column}": spec
        for table in sorted(codes)
        for (row, column), spec in frames.cells_of(table).items()
    }


def unfit(cell: CellSpec, value: float) -> str | None:
    """Why the form's cell cannot hold this figure; None where it can."""
    if not math.isfinite(value) or abs(value) >= frames.LARGEST_WHOLE:
        return "is no figure that a table can hold"
    if cell.number != "signed" and value < 0:
        return "is below zero"
    if cell.number != "amount" and value != int(value):
        return "is no whole number"
    return None


def _faults(one: Decision) -> list[str]:
    """Faults that types alone do not show."""
    faults = []
    if (one.cell is None) == (one.check is None):
        faults.append("give either cell or check")
    if one.cell is not None:
        spec = fact_cells().get(one.cell)
        if spec is None:
            faults.append(f"no form has the cell {one.cell!r} (table.row.column)")
        if isinstance(one.printed, Sides):
            faults.append("printed is one figure where a cell is decided on")
        if spec is not None and one.value is not None and (why := unfit(spec, one.value)):
            faults.append(f"value {one.value:g} {why}")
    if one.check is not None:
        if "/" not in one.check:
            faults.append(f"{one.check!r} is no check and scope (requests.balance/total)")
        if one.printed is not None and not isinstance(one.printed, Sides):
            faults.append("printed is {left: …, right: …} where a check is decided on, or null")
        if one.decision == "corrected":
            faults.append("a correction names a cell, not a check")
    if (one.decision == "corrected") != (one.value is not None):
        faults.append("value is for decision corrected, which needs it")
    elif one.value is not None and one.value == one.figure:
        faults.append("the corrected value is the printed one")
    return faults


@plain_dataclass(frozen=True, slots=True)
class Entry:
    """One entry of a file: ``decision``, or the ``fault`` for which it does not count; ``number`` from 1."""

    file: str
    number: int
    decision: Decision | None
    fault: str | None = None


class Loader(yaml.SafeLoader):
    """YAML without surprises: no aliases, no key twice, and only what looks like a number is one."""

    yaml_implicit_resolvers: dict = {}  # noqa: RUF012  # PyYAML's own shape

    def compose_node(self, parent: yaml.Node | None, index: int) -> yaml.Node | None:
        if self.check_event(yaml.events.AliasEvent):
            mark = self.peek_event().start_mark
            raise yaml.constructor.ConstructorError(None, None, "aliases are not read here", mark)
        return super().compose_node(parent, index)

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict:
        keys = [key.value for key, _ in node.value]
        for key, _ in node.value:
            if keys.count(key.value) > 1:
                message = f"{key.value!r} stands twice"
                raise yaml.constructor.ConstructorError(None, None, message, key.start_mark)
        return super().construct_mapping(node, deep)


for _tag, _pattern, _first in (
    ("null", r"^(?:null|~|)$", ["n", "~", ""]),
    ("int", r"^-?(?:0|[1-9][0-9]*)$", list("-0123456789")),
    ("float", r"^-?(?:0|[1-9][0-9]*)\.[0-9]+(?:e[-+][0-9]+)?$", list("-0123456789")),
):
    Loader.add_implicit_resolver(f"tag:yaml.org,2002:{_tag}", re.compile(_pattern), _first)


def load_folder(folder: Path | None) -> tuple[Entry, ...]:
    """All decisions under a folder, in the order of files and entries; none where it is absent.

    Never fails: a file or entry that cannot be used is an entry with its fault, and the rest count.
    Of two decisions about the same thing none counts.
    """
    return tuple(_once(read_folder(folder))) if folder is not None else ()


def read_folder(folder: Path) -> list[Entry]:
    """All decisions under a folder as ``load_folder``, each taken for itself."""
    if not folder.exists():
        return []
    found: list[Entry] = []
    try:
        paths = sorted(path for path in folder.rglob("*") if path.suffix in (".yaml", ".yml"))
    except OSError as error:
        return [Entry(folder.name, 1, None, f"cannot be listed: {error.strerror}")]
    for path in paths:
        name = path.relative_to(folder).as_posix()
        if not any(part.startswith(".") for part in name.split("/")):
            found += load_file(path, name)
    return found


def load_file(path: Path, name: str) -> list[Entry]:
    """The decisions of one file; faults stand in the entries."""
    try:
        if path.stat().st_size > _LARGEST:
            return [Entry(name, 1, None, "is too large")]
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        return [Entry(name, 1, None, f"cannot be read: {error.strerror}")]
    except UnicodeDecodeError:
        return [Entry(name, 1, None, "is no UTF-8 text")]
    return parse(text, name)


def parse(text: str, name: str) -> list[Entry]:
    """The decisions of a file's text, as ``load_file``."""
    try:
        data = plain_yaml.load(text, Loader)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark
        place = f"line {mark.line + 1}: " if mark else ""
        return [Entry(name, 1, None, f"not YAML: {place}{error.problem}")]
    except yaml.YAMLError as error:
        return [Entry(name, 1, None, f"not YAML: {' '.join(str(error).split())[:200]}")]
    if data is None:
        return []
    if not isinstance(data, list):
        return [Entry(name, 1, None, "is no list of decisions")]
    adapter = TypeAdapter(Decision)
    entries = []
    for number, item in enumerate(data, 1):
        try:
            entries.append(Entry(name, number, adapter.validate_python(item)))
        except ValidationError as error:
            entries.append(Entry(name, number, None, faults_of(error)))
    return entries


def faults_of(error: ValidationError) -> str:
    """The faults of a decision, each with its place, in one line."""
    found: dict[str, None] = {}
    for one in error.errors():
        place = ".".join(str(part) for part in one["loc"] if part not in ("float", "Sides"))
        message = one["msg"].removeprefix("Value error, ")
        found[f"{place}: {message}" if place else message] = None
    return "; ".join(found)


def _once(entries: Sequence[Entry]) -> list[Entry]:
    """The entries, those about one and the same thing with a fault that names the others."""
    about: dict[tuple[object, ...], list[Entry]] = {}
    for entry in entries:
        if entry.decision is not None:
            about.setdefault(entry.decision.key, []).append(entry)
    found = []
    for entry in entries:
        others = [o for o in about[entry.decision.key] if o is not entry] if entry.decision else []
        if others:
            places = ", ".join(f"{o.file} entry {o.number}" for o in others)
            entry = Entry(entry.file, entry.number, None, f"decided more than once, see also {places}")
        found.append(entry)
    return found


def rows(entries: Sequence[Entry]) -> pl.DataFrame:
    """The table ``decisions``, untyped: pass it to ``frames.typed``."""
    found = []
    for entry in entries:
        row: dict[str, object] = {"file": entry.file, "entry": entry.number, "fault": entry.fault}
        one = entry.decision
        if one is not None:
            code, _, scope = (one.check or "").partition("/")
            left, right = one.sides
            row |= {
                "document_id": one.document,
                "report_id": one.report,
                "path": one.file,
                "cell": one.cell,
                "check_code": code or None,
                "scope": scope or None,
                "printed_value": one.figure,
                "left_value": left,
                "right_value": right,
                "decision": one.decision,
                "corrected_value": one.value,
                "reason": one.reason,
                "given_source": one.source,
                "decided_by": one.by,
                "decided_on": one.date,
            }
        found.append(row)
    schema = {name: column.dtype for name, column in frames.columns("decisions").items()}
    return pl.DataFrame(found, schema=schema, orient="row")
