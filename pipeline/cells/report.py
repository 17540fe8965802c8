"""What cells/ makes of one document: the report's heading, its tables' cells, its sections and figures.

Plain data only. Everything after this stage (frames, warehouse, checks) works on these.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

FactStatus = Literal["reported", "blank", "not_applicable", "lost", "illegible", "realigned"]
TableState = Literal["complete", "partial", "blank", "header_only", "missing", "image_only"]
Scope = Literal["own", "aggregate", "unknown"]
DocumentStatus = Literal[
    "parsed", "partial", "no_tables", "scanned", "unreadable", "encrypted", "unsupported", "not_a_report"
]
Qualifier = Literal["exact", "at_least", "about"]
Severity = Literal["error", "warn", "info"]
CheckStatus = Literal["pass", "fail", "not_assessable"]


@dataclass(frozen=True, slots=True)
class Fact:
    """One cell of the form as a report prints it. Values in the cell's unit (件, 项, 万元, 元)."""

    table: str
    row: str
    column: str
    value: float | None
    derived_value: float | None
    status: FactStatus
    raw_text: str
    locator: str
    confidence: float = 1.0

    @property
    def best_value(self) -> float | None:
        """The printed figure, else the one that the identities leave."""
        return self.value if self.value is not None else self.derived_value


@dataclass(frozen=True, slots=True)
class Note:
    """Something that the reading found out and a person should see; becomes a row of check_result."""

    check_code: str
    scope: str
    severity: Severity
    message: str
    status: CheckStatus = "fail"


@dataclass(frozen=True, slots=True)
class TableReading:
    """One table of the form in one document: its state, cells, notes, and why this reading was chosen."""

    table: str
    state: TableState
    form: str | None = None
    facts: tuple[Fact, ...] = ()
    notes: tuple[Note, ...] = ()
    log: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Heading:
    """Whose report it is and of which year; ``evidence`` says where each came from."""

    title: str | None
    agency_name: str | None
    report_year: int | None
    scope: Scope
    full_name: str | None = None
    level: str | None = None
    kind: str | None = None
    division_code: str | None = None
    parent_name: str | None = None
    evidence: tuple[str, ...] = ()
    notes: tuple[Note, ...] = ()


@dataclass(frozen=True, slots=True)
class SectionText:
    """The text of one section of the report (paragraphs joined by newlines)."""

    code: str
    title: str
    text: str
    locator: str


@dataclass(frozen=True, slots=True)
class Statement:
    """A figure stated in the text, by the contract's dotted measure codes."""

    measure: str
    value: float
    qualifier: Qualifier
    excerpt: str
    locator: str


@dataclass(frozen=True, slots=True)
class Report:
    """All that one document says."""

    status: DocumentStatus
    message: str
    form_version: str | None = None
    heading: Heading | None = None
    tables: tuple[TableReading, ...] = ()
    sections: tuple[SectionText, ...] = ()
    statements: tuple[Statement, ...] = ()
    notes: tuple[Note, ...] = field(default=())
