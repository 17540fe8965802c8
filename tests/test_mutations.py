"""Damaged files: whatever comes out, each number is the file's own, or a finding points at it."""

from __future__ import annotations

import random
import re
from collections.abc import Callable
from pathlib import Path

import pypdfium2 as pdfium
import pytest
from docx import Document as open_docx
from lxml import html

from tests.accuracy import Key, facts_of, flagged, places_flagged, tables_of
from tests.render import FORMATS, build, make_figures, render

Damage = Callable[[Path, random.Random], None]
TAMED = ("docx", "html", "txt_tab", "md_pipe", "txt_word", "txt_lines", "txt_pipe")


def _figures_in(text: str) -> bool:
    return bool(re.fullmatch(r"\s*[\d.,]+\s*", text))


def drop_html_cell(path: Path, rng: random.Random) -> None:
    """A figure's cell is gone from the markup: the row moves left."""
    tree = html.parse(str(path))
    cells = [c for c in tree.getroot().iter("td") if _figures_in(c.text_content())]
    cell = rng.choice(cells)
    cell.getparent().remove(cell)
    tree.write(str(path), encoding="utf-8", method="html")


def swap_html_columns(path: Path, rng: random.Random) -> None:
    """Two columns of organisations change places, header and figures."""
    tree = html.parse(str(path))
    table = next(t for t in tree.getroot().iter("table") if "自然人" in t.text_content())
    rows = list(table.iter("tr"))
    a, b = rng.sample(range(5), 2)
    for row in rows:
        cells = [c for c in row if c.tag in ("td", "th")]
        texts = [c.text_content().strip() for c in cells]
        start = len(cells) - 7 if len(cells) >= 8 and _figures_in(texts[-1]) else None
        if start is None and len(cells) == 5:
            _swap(cells[a], cells[b])
        elif start is not None:
            _swap(cells[start + 1 + a], cells[start + 1 + b])
    tree.write(str(path), encoding="utf-8", method="html")


def _swap(one: html.HtmlElement, other: html.HtmlElement) -> None:
    texts = one.text_content(), other.text_content()
    for cell, text in ((one, texts[1]), (other, texts[0])):
        for child in list(cell):
            cell.remove(child)
        cell.text = text


def drop_docx_cell(path: Path, rng: random.Random) -> None:
    """A figure's cell is gone from a Word row."""
    document = open_docx(str(path))
    cells = [
        tc
        for tc in document.element.body.iter("{*}tc")
        if _figures_in("".join(t.text or "" for t in tc.iter("{*}t")))
    ]
    cell = rng.choice(cells)
    cell.getparent().remove(cell)
    document.save(str(path))


def drop_field(path: Path, rng: random.Random) -> None:
    """A field is gone from a line of text."""
    lines = path.read_text(encoding="utf-8").split("\n")
    separator = "\t" if any("\t" in line for line in lines) else "|"
    places = [
        (i, j)
        for i, line in enumerate(lines)
        for j, field in enumerate(line.split(separator))
        if separator in line and _figures_in(field)
    ]
    i, j = rng.choice(places)
    fields = lines[i].split(separator)
    lines[i] = separator.join(fields[:j] + fields[j + 1 :])
    path.write_text("\n".join(lines), encoding="utf-8")


def drop_line(path: Path, rng: random.Random) -> None:
    """A line that holds a figure alone is gone."""
    lines = path.read_text(encoding="utf-8").split("\n")
    del lines[rng.choice([i for i, line in enumerate(lines) if _figures_in(line)])]
    path.write_text("\n".join(lines), encoding="utf-8")


def cut_text(path: Path, rng: random.Random) -> None:
    """The file ends somewhere in the middle."""
    lines = path.read_text(encoding="utf-8").split("\n")
    path.write_text("\n".join(lines[: rng.randrange(len(lines) // 3, len(lines))]), encoding="utf-8")


def drop_page(path: Path, rng: random.Random) -> None:
    """A page of a PDF is gone."""
    with pdfium.PdfDocument(path) as file:
        file.del_page(rng.randrange(len(file)))
        file.save(str(path) + ".cut")
    Path(str(path) + ".cut").replace(path)


CASES: list[tuple[str, Damage]] = [
    ("html", drop_html_cell),
    ("html_word", drop_html_cell),
    ("html", swap_html_columns),
    ("docx", drop_docx_cell),
    ("txt_tab", drop_field),
    ("md_pipe", drop_field),
    ("txt_pipe", drop_field),
    ("txt_lines", drop_line),
    ("txt_tab", cut_text),
    ("txt_lines", cut_text),
    ("pdf_lines", drop_page),
    ("pdf_fills", drop_page),
]
# A few seeds in every run; all of them in the slow part.
SEEDS = [*range(3), *(pytest.param(seed, marks=pytest.mark.slow) for seed in range(3, 12))]


def silent_wrong(path: Path, truth: dict[Key, float | None]) -> list[tuple[Key, object, object]]:
    """Cells whose figure is not the file's and at which nothing points."""
    found = tables_of(path)
    places = places_flagged(found["check_result"])
    states = found["dim_report"]
    wrong = []
    for key, fact in facts_of(found).items():
        best, right = fact["best_value"], truth.get(key)
        if best is not None and best != right and not flagged(key, places):
            wrong.append((key, best, right))
    assert states.height <= 1
    return wrong


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize(("format", "damage"), CASES, ids=lambda c: getattr(c, "__name__", c))
def test_no_silent_wrong_number(tmp_path: Path, format: str, damage: Damage, seed: int) -> None:
    rng = random.Random(f"{format}/{damage.__name__}/{seed}")
    form = rng.choice(["2019", "2021"])
    size = rng.choice(["small", "large", "huge"])
    figures = make_figures(rng.randrange(10**6), form, size)
    path = tmp_path / f"report{FORMATS[format].suffix}"
    render(build("示例市样本局", 2022, figures, seed), format, path)
    damage(path, rng)
    truth = {key: None if value is None else float(value) for key, value in figures.values.items()}
    assert silent_wrong(path, truth) == []


@pytest.mark.parametrize("seed", SEEDS)
def test_a_corrupted_digit_is_kept_and_found(tmp_path: Path, seed: int) -> None:
    """One digit of 表三 is another: the figure stands as the file prints it, and an identity fails."""
    rng = random.Random(seed)
    figures = make_figures(seed, "2021", "large")
    path = tmp_path / "report.html"
    render(build("示例市样本局", 2022, figures, seed), "html", path)
    tree = html.parse(str(path))
    table = next(t for t in tree.getroot().iter("table") if "自然人" in t.text_content())
    cell = rng.choice([c for c in table.iter("td") if _figures_in(c.text_content())])
    text = cell.text_content().strip()
    changed = str((int(text[0]) + rng.randrange(1, 9)) % 9 + 1) + text[1:]
    for child in list(cell):
        cell.remove(child)
    cell.text = changed if changed != text else text + "1"
    tree.write(str(path), encoding="utf-8", method="html")
    found = tables_of(path)
    values = {k: f["value"] for k, f in facts_of(found).items()}
    differing = {k: v for k, v in values.items() if v != float(figures.values[k])}
    assert list(differing.values()) == [float(cell.text)]
    places = places_flagged(found["check_result"])
    assert all(flagged(key, places) for key in differing)
