"""The documents on sources: the example works as printed, every key and outcome is explained."""

from __future__ import annotations

import re
import shlex
from pathlib import Path
from typing import get_args

import pytest
import yaml

from pipeline.crawl.adapters import ADAPTERS
from pipeline.crawl.commands import crawl as crawl_command
from pipeline.crawl.sources import Bounds, Options, Pace, Source
from pipeline.crawl.store import Outcome
from tests.crawl_server import Published, put_report, serving
from tests.test_crawl_warehouse import gongkai

DOCS = Path(__file__).parents[1] / "docs"
ADD = (DOCS / "add_a_source.md").read_text(encoding="utf-8")
OPERATE = (DOCS / "operate_crawls.md").read_text(encoding="utf-8")


@pytest.mark.slow
def test_the_example_works_as_printed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (example,) = re.findall(r"```yaml\n(.*?)```", ADD, re.DOTALL)
    (commands,) = re.findall(r"```\n(export.*?)```", ADD, re.DOTALL)
    said = []
    with serving() as site:
        links = ""
        for year in (2019, 2022, 2023):
            put_report(site, f"/r/{year}", Published("示范区甲局", year))
            links += f"<a href='/r/{year}'>示范区甲局{year}年政府信息公开工作年度报告</a>"
        site.html("/list/", links + "<a href='/gkzn/1'>政府信息公开指南</a>")
        file = tmp_path / "sources.yaml"
        # At its own place, and without the two seconds between requests.
        there = example.replace("127.0.0.1:8000", site.host) + "    pace: {seconds: 0}\n"
        file.write_text(there, encoding="utf-8")
        monkeypatch.setenv("GONGKAI_SOURCES", str(file))
        monkeypatch.setenv("GONGKAI_RAW", str(tmp_path / "raw"))
        for line in commands.splitlines():
            word, *words = shlex.split(line, comments=True)
            if word == "export":
                monkeypatch.setenv(*words[0].split("="))
            elif "--build" not in words:  # from the crawl to the warehouse: test_crawl_warehouse.py
                assert word == "gongkai"
                done = gongkai(tmp_path, *words)
                assert done.returncode == 0, (line, done.stderr)
                said.append(done.stdout)
        assert sorted(site.paths)[-2:] == ["/r/2022", "/r/2023"], "each report once, 2019 not at all"
        assert "you@example.org" in site.asked[-1][2]["User-Agent"]
    assert len(said) == 4 and f"{site.url}/r/2023" in said[0]
    assert said[3].startswith("2 files, ")


@pytest.mark.parametrize("name", ADAPTERS)
def test_every_adapter_is_told_apart(name: str) -> None:
    assert f"| `{name}` |" in ADD


def test_every_key_and_outcome_is_explained() -> None:
    names = yaml.safe_load(re.findall(r"```yaml\n(.*?)```", ADD, re.DOTALL)[0])["sources"][0]
    keys = {*Source.model_fields, *Pace.model_fields, *Bounds.model_fields, *Options.model_fields}
    assert [key for key in sorted(keys - set(names)) if f"`{key}" not in ADD] == []
    assert [one for one in get_args(Outcome) if f"| `{one}` |" not in OPERATE] == []
    options = set(re.findall(r'"(--[a-z-]+)"', Path(crawl_command.__code__.co_filename).read_text("utf-8")))
    assert [option for option in sorted(options) if option not in OPERATE] == []
