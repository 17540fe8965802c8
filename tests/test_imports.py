"""Imports run one way, in the order of the rooms; Dagster and the environment have one place each."""

from __future__ import annotations

import ast
import gc
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "pipeline"

# The rooms in order; a module may import from its own room and from earlier ones.
ROOMS = (
    (
        "pipeline.settings",
        "pipeline.terminal",
        "pipeline.files",
        "pipeline.plain_yaml",
        "pipeline.locks",
        "pipeline.scratch",
        "pipeline.faults",
    ),
    ("pipeline.form",),
    ("pipeline.reading",),
    ("pipeline.agencies",),
    ("pipeline.cells",),
    ("pipeline.frames",),
    ("pipeline.urls", "pipeline.collection", "pipeline.manifest", "pipeline.raw_url"),
    (
        "pipeline.reading_rows",
        "pipeline.reading_version",
        "pipeline.reading_cache",
        "pipeline.reading_share",
        "pipeline.reading_cage",
        "pipeline.reading_pool",
        "pipeline.reading_beside",
        "pipeline.reading_cluster",
    ),
    ("pipeline.assembly",),
    ("pipeline.checks",),
    ("pipeline.curation",),
    ("pipeline.warehouse_version", "pipeline.warehouse", "pipeline.shards", "pipeline.check_cache"),
    ("pipeline.publish",),
    ("pipeline.steps", "pipeline.doctor"),
    ("pipeline.defs", "pipeline.definitions"),
    ("pipeline.cli",),
)
# Exceptions to the order: reading knows nothing of the form.
FORBIDDEN = {"pipeline.reading": ("pipeline.form",)}
# Fetching stands beside the rest: it fills the raw folder, and what comes after only reads that.
BESIDE = ("pipeline.crawl",)
# Who may start it: a command, an asset.
MAY_START = ("pipeline.defs", "pipeline.cli")
# What it may import beside its own.
BESIDE_IMPORTS = (
    "pipeline.crawl",
    "pipeline.settings",
    "pipeline.terminal",
    "pipeline.plain_yaml",
    "pipeline.locks",
)


def modules() -> list[Path]:
    return sorted(PACKAGE.rglob("*.py"))


def name_of(path: Path) -> str:
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


@cache
def syntax(path: Path) -> ast.Module:
    """A module's syntax tree, parsed without garbage collection.

    CPython 3.11 counts the depth of a tree once for all threads: a finaliser that runs in the middle
    and lets another thread parse ends in ``SystemError: AST constructor recursion depth mismatch``.
    """
    text = path.read_text(encoding="utf-8")
    gc.disable()
    try:
        return ast.parse(text)
    finally:
        gc.enable()


def imports(path: Path) -> Iterator[str]:
    """Every module that a file imports, by full name, wherever in the file it does so."""
    for node in ast.walk(syntax(path)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            if node.level:
                package = name_of(path).split(".")
                package = package if path.name == "__init__.py" else package[:-1]
                base = ".".join([*package[: len(package) - node.level + 1], *([base] if base else [])])
            yield from (f"{base}.{alias.name}" for alias in node.names)


def within(name: str, prefix: str) -> bool:
    return name == prefix or name.startswith(prefix + ".")


def room(name: str) -> int | None:
    for place, prefixes in enumerate(ROOMS):
        if any(within(name, prefix) for prefix in prefixes):
            return place
    return None


@pytest.mark.parametrize("path", modules(), ids=name_of)
def test_imports_run_one_way(path: Path) -> None:
    here = name_of(path)
    if here == "pipeline":
        return
    if any(within(here, prefix) for prefix in BESIDE):
        own = [target for target in imports(path) if within(target, "pipeline")]
        assert not [t for t in own if not any(within(t, prefix) for prefix in BESIDE_IMPORTS)]
        return
    place = room(here)
    assert place is not None, f"{here} stands in no room: name it in ROOMS"
    for target in imports(path):
        if not within(target, "pipeline") or target == "pipeline":
            continue
        if any(within(target, prefix) for prefix in BESIDE):
            assert any(within(here, prefix) for prefix in MAY_START), f"{here} must not import {target}"
            continue
        there = room(target)
        # `from pipeline import frames` names the module as its last part.
        assert there is not None, f"{here} imports {target}, which stands in no room"
        assert there <= place, f"{here} imports {target}, which comes after it"
        for prefix, barred in FORBIDDEN.items():
            if within(here, prefix):
                assert not any(within(target, bar) for bar in barred), f"{here} must not import {target}"


@pytest.mark.parametrize("path", modules(), ids=name_of)
def test_only_defs_import_dagster(path: Path) -> None:
    if within(name_of(path), "pipeline.defs") or name_of(path) == "pipeline.definitions":
        return
    assert not [target for target in imports(path) if target.split(".")[0].startswith("dagster")]


@pytest.mark.parametrize("path", modules(), ids=name_of)
def test_only_settings_reads_the_environment(path: Path) -> None:
    if name_of(path) == "pipeline.settings":
        return
    readers = {"environ", "environb", "getenv"}
    used = {node.attr for node in ast.walk(syntax(path)) if isinstance(node, ast.Attribute)}
    named = {target.rsplit(".", 1)[-1] for target in imports(path)}
    assert not readers & (used | named)


@pytest.mark.parametrize("path", modules(), ids=name_of)
def test_any_fault_becomes_a_row_at_one_boundary(path: Path) -> None:
    """``except Exception`` stands where one document is read, and nowhere else."""
    broad = [
        handler
        for handler in ast.walk(syntax(path))
        if isinstance(handler, ast.ExceptHandler)
        and (handler.type is None or (isinstance(handler.type, ast.Name) and handler.type.id == "Exception"))
    ]
    assert len(broad) == (1 if name_of(path) == "pipeline.reading_pool" else 0)
