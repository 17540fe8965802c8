"""The docs: every link leads somewhere, every page is in the navigation, nothing is asked of a server."""

from __future__ import annotations

import re
import subprocess
import sys
from functools import cache
from pathlib import Path
from urllib.parse import unquote

import markdown
import pytest
from lxml import html
from markdown.extensions.toc import TocExtension, slugify_unicode

from tests.readme import READMES, ROOT

DOCS = ROOT / "docs"
PAGES = sorted(DOCS.glob("*.md"))
CONFIG = DOCS / "site/mkdocs.yml"
# What researchers read is there in both languages.
BOTH = ("getting_started", "concepts", "data_guide", "examples", "findings", "codebook")


@cache
def _parsed(path: Path) -> html.HtmlElement:
    """A page as its tools show it: headings with the anchors that mkdocs gives them."""
    made = markdown.markdown(
        path.read_text(encoding="utf-8"),
        extensions=["tables", "fenced_code", TocExtension(slugify=slugify_unicode)],
    )
    return html.fromstring(f"<div>{made}</div>")


def _faults(page: Path) -> list[str]:
    """Links of a page that lead nowhere."""
    faults = []
    for link in (*_parsed(page).xpath("//a/@href"), *_parsed(page).xpath("//img/@src")):
        if re.match(r"[a-z]+:", link):
            continue
        target, _, anchor = unquote(link).partition("#")
        found = (page.parent / target).resolve() if target else page
        there = found.exists() and ROOT in found.parents
        if there and anchor:
            there = found.suffix == ".md" and bool(_parsed(found).xpath("//*[@id=$a]", a=anchor))
        if not there:
            faults.append(link)
    return faults


@pytest.mark.parametrize("page", [*READMES, ROOT / "CHANGELOG.md", *PAGES], ids=lambda page: page.name)
def test_every_link_leads_somewhere(page: Path) -> None:
    assert _faults(page) == []


def test_a_link_or_an_anchor_that_is_not_there_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tests.test_docs.ROOT", tmp_path)
    (tmp_path / "other.md").write_text("# 发现 and more\n", encoding="utf-8")
    page = tmp_path / "page.md"
    page.write_text(
        "[a](absent.md) [b](other.md#absent) [c](other.md#发现-and-more) [d](#here) ![e](no.png)\n\n# Here\n",
        encoding="utf-8",
    )
    assert _faults(page) == ["absent.md", "other.md#absent", "no.png"]


@pytest.mark.parametrize("name", BOTH)
def test_what_researchers_read_is_there_in_both_languages(name: str) -> None:
    english, chinese = DOCS / f"{name}.md", DOCS / f"{name}.zh.md"
    assert f"]({chinese.name})" in english.read_text(encoding="utf-8")
    assert f"]({english.name})" in chinese.read_text(encoding="utf-8")


@pytest.mark.parametrize("readme", READMES, ids=lambda page: page.name)
def test_the_readme_leads_to_the_question(readme: Path) -> None:
    page = DOCS / ("getting_started.zh.md" if ".zh" in readme.name else "getting_started.md")
    assert f"](docs/{page.name})" in readme.read_text(encoding="utf-8")
    assert "<!-- example most_refused -->" in page.read_text(encoding="utf-8")


def test_the_site_is_built_whole_and_asks_no_server(tmp_path: Path) -> None:
    site = tmp_path / "site"
    command = [sys.executable, "-m", "mkdocs", "build", "--quiet", "--strict"]
    done = subprocess.run(
        [*command, "--config-file", CONFIG, "--site-dir", site], cwd=ROOT, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    built = {path.name for path in site.glob("*.html")}
    assert {f"{page.stem}.html" for page in PAGES} <= built
    start = html.parse(str(site / "index.html"))
    shown = {link.split("#")[0] for link in start.xpath("//nav//a/@href")}
    assert built - {"404.html", "index.html"} <= shown
    for path in site.rglob("*.html"):
        page = html.parse(str(path))
        asked = page.xpath("//script/@src | //link[not(@rel='canonical')]/@href | //img/@src | //iframe/@src")
        assert not [link for link in asked if re.match(r"(https?:)?//", link)], path.name
    for path in site.rglob("*.css"):
        assert not re.search(r"(url\(|@import\s+)['\"]?(https?:)?//", path.read_text(encoding="utf-8")), (
            path.name
        )
