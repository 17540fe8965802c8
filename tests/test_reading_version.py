"""What decides how a file is read: a change of one reader reads anew only what that reader reads."""

from __future__ import annotations

import ast
from pathlib import Path
from typing import get_args

import pytest

from pipeline import reading_version
from pipeline.reading.document import FileFormat

READING = reading_version.HERE / "reading"
# These import a reader only where a file of its kind is at hand.
DOORS = ("open", "pictures")


def imported(path: Path) -> set[str]:
    """The modules of reading/ that a module of it imports."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    return {
        node.module.rsplit(".", 1)[-1]
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom) and node.module and node.module.startswith("pipeline.reading.")
    }


@pytest.mark.parametrize("path", sorted(READING.glob("*.py")), ids=lambda p: p.stem)
def test_what_a_module_imports_counts_for_every_kind_that_the_module_counts_for(path: Path) -> None:
    if path.stem in DOORS:
        return
    kinds = set(reading_version.owners(path.stem))
    for module in imported(path):
        assert kinds <= set(reading_version.owners(module)), f"{path.stem} imports {module}"


def test_each_kind_has_its_reader(monkeypatch: pytest.MonkeyPatch) -> None:
    versions = reading_version.reader_versions()
    assert set(versions) == set(get_args(FileFormat))
    assert all(len(version) == 16 for version in versions.values())
    assert len({versions[kind] for kind in ("pdf", "docx", "html", "txt", "doc", "other")}) == 6
    assert versions["txt"] == versions["md"]


@pytest.mark.parametrize(
    ("module", "kinds"),
    [
        ("pdf_cells", {"pdf", "other"}),
        ("html", {"html", "txt", "md", "other"}),
        ("word_package", {"docx", "doc", "other"}),
        ("text", {"txt", "md", "other"}),
        ("ocr_page", set(get_args(FileFormat))),
        ("sheet", {"other"}),
    ],
)
def test_a_changed_module_reads_anew_what_it_reads(
    module: str, kinds: set[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for folder in ("form", "cells", "agencies", "reading"):
        (tmp_path / folder).mkdir()
    for path in READING.glob("*.py"):
        (tmp_path / "reading" / path.name).write_bytes(path.read_bytes())
    monkeypatch.setattr(reading_version, "HERE", tmp_path)
    version = reading_version._version.__wrapped__
    before = {kind: version(kind) for kind in get_args(FileFormat)}
    changed = tmp_path / "reading" / f"{module}.py"
    changed.write_text(changed.read_text(encoding="utf-8") + "\n# changed\n", encoding="utf-8")
    assert {kind for kind in before if version(kind) != before[kind]} == kinds
