"""The files that are measured: rendered reports with fixed seeds, the same in every run.

Here: which reports, in which formats. Not here: rendering (tests/render) or measuring.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from pathlib import Path

from tests.render import FORMATS, SIZES, build, cases, make_figures

SEED = 20_700
BODY = "示例市第"
"""What the name of every made-up body begins with; its number follows."""
FORMS = ("2019", "2021")
YEARS = {"2019": (2019, 2020), "2021": (2021, 2022, 2023, 2024, 2025)}
MIX = ("docx", "html", "html_page", "html_word", "pdf_lines", "pdf_rects", "pdf_fills", "txt_word")
"""Formats of a collection: a Word file, three kinds of pages, three of PDF, a text."""


def available(formats: Sequence[str]) -> tuple[list[str], list[str]]:
    """Those that can be rendered here, and a line for each other that says what it needs."""
    ready = [name for name in formats if FORMATS[name].available]
    return ready, [
        f"{name} is not measured: it needs {FORMATS[name].needs}." for name in formats if name not in ready
    ]


def plain(folder: Path, formats: Sequence[str], each: int) -> dict[str, list[Path]]:
    """Reports as the form prints them, all sizes of figures and both forms in turn, by format."""
    return {
        name: [one(folder, name, SEED + place * 1000 + number) for number in range(each)]
        for place, name in enumerate(formats)
    }


def deviating(folder: Path, formats: Sequence[str], each: int) -> dict[str, list[Path]]:
    """Reports with one or two deviations that real reports show, by format."""
    found: dict[str, list[Path]] = {}
    for name in formats:
        drawn = cases(each, SEED, [name])
        found[name] = [case.render(_inside(folder, "deviating"))[0] for case in drawn]
    return found


def collection(folder: Path, files: int) -> list[Path]:
    """A raw folder of so many files in the formats of ``MIX``, each of a body of its own."""
    return [one(folder, MIX[number % len(MIX)], SEED + number) for number in range(files)]


def one(folder: Path, format: str, seed: int, figures: int | None = None) -> Path:
    """One report; ``figures`` is another seed for its figures, large ones."""
    form = FORMS[seed % len(FORMS)]
    year = random.Random(f"year/{seed}").choice(YEARS[form])
    if figures is None:
        drawn = make_figures(seed, form, SIZES[seed // len(FORMS) % len(SIZES)])
    else:
        drawn = make_figures(figures, form, SIZES[-1])
    report = build(f"{BODY}{seed}局", year, drawn, seed, region="示例省示例市")
    path = _inside(folder, format) / f"{seed}{FORMATS[format].suffix}"
    FORMATS[format].render(report, path)
    return path


def _inside(folder: Path, name: str) -> Path:
    inside = folder / name
    inside.mkdir(parents=True, exist_ok=True)
    return inside
