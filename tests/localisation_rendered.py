"""The cases of localisation_accuracy as files: rendered with the fault, read and checked as a build does.

Not here: the faults, or what counts as found.
"""

from __future__ import annotations

import tempfile
import time
from collections import defaultdict
from collections.abc import Mapping
from pathlib import Path

import polars as pl

from pipeline.checks.localisation import Suggestion, suggestions
from tests.accuracy import tables_of
from tests.localisation_accuracy import Case, Spoil, Tally, Values, cases
from tests.render.deviation import reprint
from tests.render.figures import make_figures
from tests.render.formats import FORMATS, render
from tests.render.report import build

RENDERED = ("html", "txt_tab", "docx", "md_pipe", "pdf_lines")
"""The kinds of files of the second table."""


def measure_rendered(
    faults: Mapping[str, Spoil], count: int, seed: int = 1
) -> tuple[dict[str, Tally], list[int]]:
    """As ``measure`` over files: each case is rendered, read, checked; and clean reports beside them.

    Returns:
        The tallies by fault; how many clean reports there were and how many of them had an error.
    """
    tallies: dict[str, Tally] = defaultdict(Tally)
    clean = [0, 0]
    with tempfile.TemporaryDirectory() as root:
        for number, case in enumerate(cases(faults, count, seed)):
            found = _read(case, Path(root) / str(number), RENDERED[number % len(RENDERED)], case.printed)
            failing = _errors(found).filter(pl.col("check_code").str.starts_with(f"{case.table.code}."))
            start = time.process_time()
            rows = suggestions(found).filter(pl.col("table_name") == case.table.code)
            seconds = time.process_time() - start
            suggested = [
                Suggestion(
                    r["row_code"],
                    r["column_code"],
                    r["printed_value"],
                    r["suggested_value"],
                    r["reason"],
                    r["rank"],
                )
                for r in rows.iter_rows(named=True)
            ]
            tellable = len(case.changed) == 1 and case.tellable()
            tallies[case.fault].add(case, not failing.is_empty(), suggested, seconds, tellable)
            if number % 4 == 0:
                right = _read(
                    case, Path(root) / f"{number}-clean", RENDERED[-1 - number % len(RENDERED)], case.right
                )
                clean[0] += 1
                clean[1] += not _errors(right).is_empty()
    return tallies, clean


def _read(case: Case, folder: Path, format: str, printed: Values) -> dict[str, pl.DataFrame]:
    """The tables of a build over the case's report with these figures of its table."""
    folder.mkdir()
    figures = make_figures(case.seed, case.form, case.size)
    report = build("示例市教育局", 2022, figures, case.seed, region="示例市")
    texts = {
        (case.table.code, *key): str(figure) for key, figure in printed.items() if figure != case.right[key]
    }
    path = folder / f"report{FORMATS[format].suffix}"
    render(reprint(report, texts), format, path)
    return tables_of(path)


def _errors(found: Mapping[str, pl.DataFrame]) -> pl.DataFrame:
    return found["check_result"].filter(pl.col("status") == "fail", pl.col("severity") == "error")
