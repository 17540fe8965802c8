"""What the docs' pages need beyond the files of docs/.

Here: the changelog as a page, and pages that need their own part of gongkai left out where they are not
there. Not here: the navigation (mkdocs.yml) or any text.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page

CHANGELOG = "changelog.md"
# Pages written with the part that they describe; the rest of the navigation has to be there.
PARTS = ("benchmarks.md", "explorer.md", "explorer.zh.md", "export.md", "export.zh.md")


def on_config(config: MkDocsConfig) -> MkDocsConfig:
    """The navigation without the parts that are not there."""
    docs = Path(config.docs_dir)
    absent = {page for page in PARTS if not (docs / page).exists()}
    config.nav = _without(config.nav or [], absent)
    return config


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """The project's changelog beside the pages of docs/."""
    source = Path(config.docs_dir).parent / "CHANGELOG.md"
    files.append(File.generated(config, CHANGELOG, abs_src_path=str(source)))
    return files


def on_page_markdown(markdown: str, page: Page, config: MkDocsConfig, files: Files) -> str:
    """Links to the changelog lead to its page."""
    return markdown.replace("](../CHANGELOG.md", f"]({CHANGELOG}")


def _without(entries: list[Any], absent: set[str]) -> list[Any]:
    kept: list[Any] = []
    for entry in entries:
        ((title, target),) = entry.items()
        if isinstance(target, list):
            kept.append({title: _without(target, absent)})
        elif target not in absent:
            kept.append(entry)
    return kept
