"""Rendered reports of every format and deviation are read right: some in every run, more in the slow one."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest

from tests.accuracy import Result, measure
from tests.render import FORMATS, QUICK, cases

TEXT_AND_FILES = tuple(QUICK)
PROGRAMS = ("pdf_chromium", "pdf_libreoffice")


def assert_right(results: Sequence[Result]) -> None:
    """No silent wrong number at all; nearly all cells and table states.

    A part is some twenty files, of which one may be of the kind where a whole table is read from the
    wrong print and flagged; the shares over hundreds of files stand in docs/accuracy.md.
    """
    silent = {r.name: r.silent[:5] for r in results if r.silent}
    assert silent == {}
    cells, exact = sum(r.cells for r in results), sum(r.exact for r in results)
    assert exact / cells >= 0.95, {r.name: r.missed[:3] for r in results if r.missed}
    states, wrong = sum(r.states for r in results), [s for r in results for s in r.wrong_states]
    assert len(wrong) / states <= 0.05, wrong
    faulty = {r.name: r.faults for r in results if r.faults}
    assert len(faulty) <= len(results) // 20 + 1, faulty


@pytest.mark.parametrize("part", range(4))
def test_some_of_every_format(tmp_path: Path, part: int) -> None:
    formats = TEXT_AND_FILES[part::4]
    assert_right(measure(cases(20, 100 + part, formats), tmp_path))


@pytest.mark.slow
@pytest.mark.parametrize("part", range(5))
def test_every_deviation(tmp_path: Path, part: int) -> None:
    assert_right(measure(cases(24, 200 + part, TEXT_AND_FILES[part::5]), tmp_path))


@pytest.mark.slow
@pytest.mark.parametrize("format", PROGRAMS)
def test_files_of_real_programs(tmp_path: Path, format: str) -> None:
    if not FORMATS[format].available:
        pytest.skip(f"needs {FORMATS[format].needs}")
    assert_right(measure(cases(6, 300, (format,)), tmp_path))
