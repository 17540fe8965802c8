"""How right the pipeline reads rendered reports: cells, states, agency, year, form, silent wrong numbers.

``python -m tests.accuracy --cases 600 --seed 7`` renders reports (tests/render), reads each as a
build would, runs the checks, compares with the truth and prints a Markdown table by format.
Not here: the rendering, or what right means for a file (render.truth).
"""

from __future__ import annotations

import argparse
import re
import sys
import tempfile
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path

import polars as pl
from pydantic import TypeAdapter

from pipeline import assembly, frames
from pipeline.cells.read import read_file
from pipeline.cells.report import Report
from pipeline.checks import run_checks
from pipeline.collection import identify, list_files
from pipeline.reading.open import sniff
from pipeline.reading_rows import Reading
from tests.render import FORMATS, QUICK, Case, Expected, cases, indicator_cases

Key = tuple[str, str, str]
_REPORT = TypeAdapter(Report)


@dataclass
class Result:
    """What came of one file, and everything that is not as it should be."""

    name: str
    format: str
    cells: int = 0
    exact: int = 0
    missed: list[Key] = field(default_factory=list)
    wrong_flagged: list[Key] = field(default_factory=list)
    silent: list[tuple[Key, str]] = field(default_factory=list)
    states: int = 0
    wrong_states: list[str] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)


def tables_of(path: Path, report: Report | None = None) -> dict[str, pl.DataFrame]:
    """The typed tables that a build over this one file would make, with check_result."""
    (file,) = (
        f for f in identify(list_files(path.parent), path.parent / ".files.parquet", 1) if f.place == path
    )
    report = report or read_file(path, path.name)
    assert file.document_id is not None
    reading = Reading(file.document_id, file.path, sniff(path), _REPORT.dump_json(report).decode())
    rows = assembly.assemble([file], [reading])
    found: dict[str, pl.DataFrame] = {}
    rejected = []
    for table in rows:
        found[table], odd = frames.typed(table, rows[table])
        if table in (*frames.FACTS.values(), frames.INDICATORS):
            rejected.append(odd)
    notes = assembly.notes_of_rejected(pl.concat(rejected), found["dim_document"])
    found["reading_note"] = pl.concat([found["reading_note"], notes])
    found["check_result"] = run_checks(found)
    return found


def facts_of(found: dict[str, pl.DataFrame]) -> dict[Key, dict[str, object]]:
    """All facts by table, row and column."""
    facts: dict[Key, dict[str, object]] = {}
    for table, name in frames.FACTS.items():
        row, column = frames.dimensions(table)
        for fact in found[name].iter_rows(named=True):
            facts[table, fact[row], fact[column]] = fact
    listed = frames.indicators()
    for fact in found[frames.INDICATORS].iter_rows(named=True):
        facts[listed.code, fact[listed.row_dimension], listed.columns[0].code] = fact
    return facts


def places_flagged(results: pl.DataFrame) -> set[tuple[str, str | None]]:
    """What findings point at: (table, row or column code, or ``row.column``)."""
    failing = results.filter(pl.col("status") == "fail", pl.col("severity") != "info")
    return {
        (code.split(".")[1] if code.split(".")[0] in ("lost_cells", "reading") else code.split(".")[0], scope)
        for code, scope in failing.select("check_code", "scope").iter_rows()
    }


def flagged(key: Key, places: set[tuple[str, str | None]]) -> bool:
    """Whether a finding points at this cell: its row, its column, the cell itself, or its whole table."""
    table, row, column = key
    return any((table, scope) in places for scope in (row, column, f"{row}.{column}", "line"))


def judge(case: Case, path: Path, expected: Expected) -> Result:
    """Compare what the pipeline makes of one file with its truth."""
    result = Result(case.name, case.format)
    found = tables_of(path)
    facts, results = facts_of(found), found["check_result"]
    places = places_flagged(results)
    for key, truth in expected.cells.items():
        result.cells += 1
        best = facts[key]["best_value"] if key in facts else None
        if best is None:
            if truth.required and truth.figure is not None:
                result.missed.append(key)
            else:
                result.exact += 1
        elif truth.figure is not None and abs(Decimal(str(best)) - truth.figure) < Decimal("1e-9"):
            result.exact += 1
        elif flagged(key, places):
            result.wrong_flagged.append(key)
        else:
            result.silent.append((key, f"{best} for {truth.figure}"))
    for key in facts.keys() - expected.cells.keys():
        if facts[key]["best_value"] is not None and not flagged(key, places):
            result.silent.append((key, f"{facts[key]['best_value']} where nothing is printed"))
    if found["dim_report"].is_empty():
        result.faults.append("no report")
        result.states = len(expected.states)
        result.wrong_states = list(expected.states)
        return result
    report = found["dim_report"].row(0, named=True)
    for table, right in expected.states.items():
        result.states += 1
        if report[f"{table}_table"] not in right:
            result.wrong_states.append(f"{table} is {report[f'{table}_table']}, not {right[0]}")
    for column, truth_value in (
        ("agency_name", expected.agency),
        ("report_year", expected.year),
        ("form_version", expected.form_version),
    ):
        if truth_value is not None and report[column] != truth_value:
            result.faults.append(f"{column} is {report[column]}, not {truth_value}")
    status = found["dim_document"]["status"][0]
    if status not in expected.statuses:
        result.faults.append(f"status is {status}, not {expected.statuses[0]}")
    result.faults += _check_faults(expected, results, places, report)
    return result


def _check_faults(
    expected: Expected, results: pl.DataFrame, places: set[tuple[str, str | None]], report: dict[str, object]
) -> Iterable[str]:
    failing = results.filter(pl.col("status") == "fail")
    identities = {
        (code, scope)
        for code, scope in failing.filter(pl.col("severity") == "error")
        .select("check_code", "scope")
        .iter_rows()
        if not code.startswith("completeness.")
    }
    readable = all(cell.required for cell in expected.cells.values()) and not expected.mixed
    if readable:
        for code, scope in sorted(expected.failing - identities):
            yield f"{code} {scope} is broken in print and no finding says so"
        for code, scope in sorted(identities - expected.failing):
            yield f"{code} {scope} is found broken and is not"
    for table, row, _ in sorted(expected.flagged, key=str):
        if report[f"{table}_table"] in ("complete", "partial") and not any(
            (table, scope) in places for scope in (row, "line")
        ):
            if expected.mixed:
                continue
            yield f"{table}.{row} should carry a finding"


def measure(wanted: Iterable[Case], folder: Path) -> list[Result]:
    """Render, read and judge each case."""
    results = []
    for number, case in enumerate(wanted):
        place = folder / str(number)
        place.mkdir()
        path, expected = case.render(place)
        results.append(judge(case, path, expected))
    return results


def by_format(results: Sequence[Result]) -> str:
    """A Markdown table: one row for each format, one for all."""
    lines = [
        "| format | files | cells | exact | missed | wrong, flagged "
        "| silent wrong | states right | files with other faults |",
        "|---|---:|---:|---:|---:|---:|---:|---:|---:|",
    ]
    groups: dict[str, list[Result]] = defaultdict(list)
    for result in results:
        groups[result.format].append(result)
    for name, some in [*sorted(groups.items()), ("**all**", list(results))]:
        cells = sum(r.cells for r in some) or 1
        states = sum(r.states for r in some) or 1
        lines.append(
            f"| {name} | {len(some)} | {cells:,} | {sum(r.exact for r in some) / cells:.3%} "
            f"| {sum(len(r.missed) for r in some)} | {sum(len(r.wrong_flagged) for r in some)} "
            f"| {sum(len(r.silent) for r in some)} "
            f"| {1 - sum(len(r.wrong_states) for r in some) / states:.2%} "
            f"| {sum(bool(r.faults) for r in some)} |"
        )
    return "\n".join(lines)


def main() -> None:
    """The command."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--cases", type=int, default=300)
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--formats", help="comma separated; all that this machine can make by default")
    parser.add_argument("--deviations", help="comma separated; all by default")
    parser.add_argument("--faults", action="store_true", help="list every fault")
    parser.add_argument("--keep", type=Path, help="an empty folder for the files")
    parser.add_argument("--write", type=Path, help="a Markdown file whose <!-- reading --> part is written")
    chosen = parser.parse_args()
    names = chosen.formats.split(",") if chosen.formats else list(QUICK)
    usable = [name for name in names if FORMATS[name].available]
    deviations = chosen.deviations.split(",") if chosen.deviations else None
    # One in ten besides is of the form before 2019, which the deviations are not made for.
    wanted = (
        *cases(chosen.cases, chosen.seed, usable, deviations),
        *indicator_cases(0 if deviations else chosen.cases // 10, chosen.seed, usable),
    )
    with tempfile.TemporaryDirectory() as folder:
        if chosen.keep:
            chosen.keep.mkdir(parents=True, exist_ok=True)
        results = measure(wanted, chosen.keep or Path(folder))
    table = by_format(results)
    print(table)
    if chosen.write:
        told = f"`python -m tests.accuracy {' '.join(sys.argv[1:])}`\n\n{table}\n"
        text = chosen.write.read_text(encoding="utf-8")
        part = re.compile(r"<!-- reading -->\n.*?<!-- end -->", re.S)
        chosen.write.write_text(
            part.sub(lambda _: f"<!-- reading -->\n{told}<!-- end -->", text), encoding="utf-8"
        )
    if chosen.faults:
        for number, result in enumerate(results):
            parts = [
                *(f"silent {k} {v}" for k, v in result.silent[:3]),
                *(f"missed {k}" for k in result.missed[:2]),
                *(f"wrong {k}" for k in result.wrong_flagged[:2]),
                *result.wrong_states,
                *result.faults[:4],
            ]
            if parts:
                print(f"{number} {result.name}: " + "; ".join(parts))
        print(Counter(f.split(" ")[0] for r in results for f in r.faults))


if __name__ == "__main__":
    main()
