"""The benchmarks: the suite runs at a tiny size, the page is what the results give, moves are no noise.

No test here holds a speed: a machine that is busy must not fail one.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from benchmarks import builds, comparing, corpus, forecast, growth, page, ratios, readers, rivals
from benchmarks.__main__ import main, measure
from benchmarks.results import RATIO, Measure, Part, Results, load, measured, save, shown
from benchmarks.running import Ran, RunFault, python
from benchmarks.suite import CHANGED, FULL_SIZE, KEPT, NOTHING, QUICK_SIZE, SITUATIONS, UNCHANGED
from pipeline import warehouse

TINY = replace(
    QUICK_SIZE, formats=("docx", "html_page", "txt_tab"), pdf=("pdf_lines",), rounds=2, together=6, files=2
)
RUN = Results("quick", "a command", "2026-01-01 00:00", {"cores": "2", "processor": "p"}, {}, ())


def run(**parts: list[Measure]) -> Results:
    return replace(RUN, parts=tuple(Part(name, tuple(found)) for name, found in parts.items()))


def test_the_page_and_its_plots_are_what_the_results_give() -> None:
    results = load(page.RESULTS)
    again = load(page.AGAIN) if page.AGAIN.exists() else None
    _, _, rest = page.PAGE.read_text(encoding="utf-8").partition(page.BEGIN)
    assert rest.partition(page.END)[0] == page.body(results, again)
    plots = dict(page.plots(results))
    assert plots
    for name, svg in plots.items():
        assert (page.IMAGES / name).read_text(encoding="utf-8") == svg, name
        assert "<script" not in svg


def test_readers_and_ratios_run_at_a_tiny_size(tmp_path: Path) -> None:
    results = measure(TINY, [ratios.NAME, readers.NAME], "tiny")
    compared, stages = results.parts
    for measure_ in (*compared.measures, *stages.measures):
        assert len(measure_.values) == TINY.rounds and measure_.low > 0, measure_
    floor, ours = (compared.of(ratios.ALL, name) for name in (ratios.FLOOR, ratios.READING))
    ratio = compared.of(ratios.ALL, f"{ratios.READING} ÷ {ratios.FLOOR}")
    assert floor and ours and ratio and ratio.unit == RATIO
    assert ratio.low * 0.9 <= ours.high / floor.low and ratio.high * 1.1 >= ours.low / floor.high
    for name in ratios.OUTSIDE:
        assert compared.of(ratios.ALL, name) or any(note.startswith(name) for note in compared.notes)
    assert {m.row for m in stages.measures} == {*TINY.formats, readers.ALL}
    save(results, tmp_path / "results.json")
    assert load(tmp_path / "results.json") == results
    text = page.body(results, results)
    assert "| html_page |" in text and "0 moved beyond the noise" in text


@pytest.mark.slow
def test_builds_run_at_a_tiny_size(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The first build is a real one; of the later ones what they would find."""
    real, found, kept = builds._build, [], tmp_path / "kept.duckdb"

    def build(raw: Path, place: Path, workers: int, folder: Path) -> tuple[Ran, dict[str, object]]:
        texts = {path: path.read_bytes() for path in raw.rglob("*.*")}
        published = place / warehouse.NAME
        found.append((texts, published.exists()))
        if kept.exists():
            shutil.copyfile(kept, published)
            return Ran("", 2, 1, 50), {"read": 0, "known": 2, "stages": []}
        made = real(raw, place, workers, folder)
        shutil.copyfile(published, kept)
        return made

    monkeypatch.setattr(builds, "_build", build)
    part = builds.measure(replace(TINY, situations=SITUATIONS), tmp_path)
    (first, before), (unchanged, there), (changed, _), (again, present) = found
    assert len(first) == TINY.files and first == unchanged and changed == again
    assert [path for path in first if first[path] != changed[path]] == [next(iter(sorted(first)))]
    assert (before, there, present) == (False, True, False)
    medians = {(m.row, m.column): m.median for m in part.measures}
    assert (medians[NOTHING, "files read"], medians[NOTHING, "cache hits"]) == (TINY.files, 0)
    assert medians[NOTHING, "peak memory"] > 100 and medians[NOTHING, "processor time"] > 1
    assert {"reading and cells", "checks", "marts"} <= {m.column for m in part.measures}
    assert medians[builds.STORE, "load all tables"] > 0
    results = replace(RUN, parts=(part,), versions={"gongkai": "1", "Python": "3"}, machine=_MACHINE)
    assert "| readings kept, tables anew | 2 | 1 |" in page.body(results, None)


_MACHINE = {"processor": "p", "cores": "2", "memory": "8 GiB", "system": "s"}


def test_a_collection_is_the_same_every_time_and_changes_where_it_is_to(tmp_path: Path) -> None:
    first, second = (corpus.collection(tmp_path / name, 5)[4] for name in ("a", "b"))
    assert first.read_bytes() == second.read_bytes()
    before = first.read_bytes()
    corpus.one(tmp_path / "a", first.parent.name, int(first.stem), figures=7)
    assert first.read_bytes() != before


def test_another_interpreter_answers_with_seconds_and_with_null_for_what_it_cannot_read(
    tmp_path: Path,
) -> None:
    good = corpus.one(tmp_path, "pdf_lines", 3)
    bad = tmp_path / "bad.pdf"
    bad.write_bytes(b"no PDF")
    asked = "".join(json.dumps(str(path)) + "\n" for path in (good, bad, good))
    command = [sys.executable, rivals.__file__, "PDFium text"]
    done = subprocess.run(command, input=asked, capture_output=True, text=True, check=True)
    version, *answers = map(json.loads, done.stdout.splitlines())
    assert version and answers[0] > 0 and answers[1] is None and answers[2] > 0


def test_memory_and_processor_time_of_children_are_counted() -> None:
    child = "x = bytearray(150 << 20); sum(range(3 * 10**7)); import time; time.sleep(0.5)"
    ran = python("-c", f"import subprocess, sys; subprocess.run([sys.executable, '-c', {child!r}])")
    assert ran.megabytes > 150
    assert ran.processor > 0.1
    with pytest.raises(RunFault, match="no such thing"):
        python("-c", "raise SystemExit('no such thing')")


def test_a_straight_line_is_found_and_one_that_falls_is_none() -> None:
    found = growth.curve([(n, 10 + 0.002 * n) for n in (1_000, 10_000, 100_000)])
    assert found is not None
    assert found.fixed == pytest.approx(10) and found.each == pytest.approx(0.002)
    assert found.straight(3_000_000) == pytest.approx(6010)
    assert found.off < 1e-9 and 0.5 < found.exponent < 1
    proportional = growth.curve([(10, 1.0), (100, 10.0)])
    assert proportional is not None and proportional.power(1000) == pytest.approx(100)
    steep = growth.curve([(10, 1.0), (100, 100.0)])
    assert steep is not None and steep.fixed == 0 and steep.exponent == pytest.approx(2)
    assert growth.curve([(10, 5.0), (100, 4.0)]) is None
    assert growth.curve([(10, 5.0)]) is None


def test_what_millions_take_is_told_from_the_curve() -> None:
    sizes = (1_000, 10_000, 100_000)
    found = [
        measured(f"{n:,}", column, "s", [value])
        for n in sizes
        for column, value in ((NOTHING, 10 + 0.0036 * n), (growth.PEAK, 1024.0 + 0.001 * n))
    ]
    reading = [measured("docx", stage, "ms", [18]) for stage in (readers.READING, readers.CELLS)]
    results = run(growth=found, readers=reading)
    text = forecast.told(results.parts[0], results)
    assert "30 times the largest" in text
    assert "to 3.0 h** without reading" in text  # 10 s + 3.6 ms a report
    assert "Reading them once: 36 ms a file" in text and "**15.0 h** on the 2 cores" in text
    assert "too few" in forecast.told(Part(growth.NAME, tuple(found[:2])), results)


def test_scale_s_line_becomes_measures() -> None:
    line = {"reports": 2000, "peak_megabytes": 300, "cells": 9, "warehouse_megabytes": 1}
    for name, seconds in zip(growth.BUILDS, (8.0, 1.0, 4.0), strict=True):
        line |= {f"{name}_seconds": seconds, f"{name}_processor_seconds": seconds / 2}
    told = {(row, column): value for row, column, _, value in growth.measures_of(line)}
    assert told["2,000", NOTHING] == 8 and told["2,000", growth.A_REPORT.format(UNCHANGED)] == 0.5
    assert told["2,000", growth.PROCESSOR.format(CHANGED)] == 2 and told["2,000", growth.PEAK] == 300


@pytest.mark.parametrize(
    ("old", "new", "moved"),
    [
        ([3.0, 3.1, 3.2], [3.15, 3.3, 3.4], False),  # the repetitions overlap
        ([3.0, 3.0, 3.0], [3.1, 3.1, 3.1], False),  # apart, by less than processes differ
        ([3.0, 3.1, 3.2], [3.5, 3.6, 3.7], True),
        ([3.0, 3.1, 3.2], [2.0, 2.1, 2.2], True),
        ([3.0], [3.0], False),
    ],
)
def test_a_ratio_has_moved_beyond_the_noise_or_not(old: list[float], new: list[float], moved: bool) -> None:
    before, now = (run(ratios=[measured("pdf", "a ÷ b", RATIO, values)]) for values in (old, new))
    (change,) = comparing.changes(before, now, ratios=True)
    assert change.moved is moved
    assert ("| pdf: a ÷ b |" in comparing.told(before, now)) is moved


def test_times_of_two_machines_are_not_compared(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    one = run(readers=[measured("docx", readers.READING, "ms", [10, 11])])
    other = replace(run(readers=[measured("docx", readers.READING, "ms", [20, 21])]), machine={"cores": "64"})
    assert "Of 1 times and sizes, 0 moved" in comparing.told(one, one)
    assert "are not compared" in comparing.told(one, other)
    same = replace(other, machine=one.machine)
    assert "| docx: reading | 10.5 ms (10–11) | 20.5 ms (20–21) | 1.95 |" in comparing.told(one, same)
    moved = (
        run(ratios=[measured("pdf", "a ÷ b", RATIO, [1, 1])]),
        run(ratios=[measured("pdf", "a ÷ b", RATIO, [2, 2])]),
    )
    files = []
    for number, results in enumerate(moved):
        files.append(str(tmp_path / f"{number}.json"))
        save(results, Path(files[-1]))
    assert main(["--compare", files[0], files[0]]) == 0
    assert main(["--compare", *files]) == 1
    assert "| pdf: a ÷ b | 1× (1–1) | 2× (2–2) | 2.00 |" in capsys.readouterr().out


def test_a_page_without_markers_is_told(tmp_path: Path) -> None:
    (tmp_path / "page.md").write_text("# Nothing\n", encoding="utf-8")
    with pytest.raises(ValueError, match="results"):
        page.write(load(page.RESULTS), None, tmp_path / "page.md", tmp_path)


def test_the_full_size_has_every_reader_and_every_step_that_is_asked_for() -> None:
    assert {100_000, 10_000, 1_000} <= FULL_SIZE.growth.keys()
    assert set(FULL_SIZE.situations) == {NOTHING, UNCHANGED, CHANGED, KEPT}
    assert set(corpus.MIX) <= set(FULL_SIZE.formats)
    assert shown(measured("a", "b", "s", [1, 3, 2])) == "2 s (1–3)"
