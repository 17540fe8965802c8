"""What gongkai is put together from: pins that fit pyproject, licences, what an audit says."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterable
from email.message import Message
from importlib import metadata
from pathlib import Path

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.version import Version

from tests import supply
from tests.supply import PINNED, PINNED_DEV, ROOT, normal, pins

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
SHIPPED = ("ocr",)
"""Extras that `make setup` installs."""


def needed(extras: Iterable[str]) -> list[Requirement]:
    """What pyproject names for a plain install with these extras."""
    lines = [*PROJECT["dependencies"]]
    for extra in extras:
        lines += PROJECT["optional-dependencies"][extra]
    return [Requirement(line) for line in lines]


def reached(roots: Iterable[Requirement]) -> set[str]:
    """Every package that these need on this machine, and those need, by what is installed."""
    found: set[tuple[str, str]] = set()
    waiting = [(normal(one.name), extra) for one in roots for extra in ("", *one.extras)]
    while waiting:
        name, extra = waiting.pop()
        if (name, extra) in found:
            continue
        found.add((name, extra))
        for line in metadata.requires(name) or ():
            one = Requirement(line)
            if one.marker is None or one.marker.evaluate({"extra": extra}):
                waiting += [(normal(one.name), more) for more in ("", *one.extras)]
    return {name for name, _ in found}


def test_every_package_is_pinned_to_one_version_and_its_bytes() -> None:
    blocks = re.split(r"\n(?=\S)", PINNED.read_text(encoding="utf-8"))
    named = [block for block in blocks if not block.startswith("#") and block.strip()]
    assert len(named) == len(pins()) > 50
    for block in named:
        assert supply.PIN.match(block), block.splitlines()[0]
        assert re.search(r"--hash=sha256:[0-9a-f]{64}\b", block), block.splitlines()[0]


def test_the_pins_are_what_pyproject_needs_and_nothing_else() -> None:
    roots = needed(SHIPPED)
    assert {normal(one.name) for one in roots} <= set(pins()), "compile requirements.txt anew"
    for one in roots:
        assert one.specifier.contains(pins()[normal(one.name)])
    assert reached(roots) == set(pins()), "compile requirements.txt anew"


def test_tools_for_tests_are_pinned_beside_them_and_agree() -> None:
    tools = pins(PINNED_DEV)
    assert {normal(one.name) for one in needed(("dev",))} <= set(tools), "compile requirements-dev.txt anew"
    assert {name: version for name, version in tools.items() if name in pins()}.items() <= pins().items()


def test_each_dependency_carries_its_reason() -> None:
    lines = (ROOT / "pyproject.toml").read_text(encoding="utf-8").splitlines()
    for line in lines[lines.index("dependencies = [") + 1 :]:
        if line == "]":
            break
        assert re.match(r'    ".+",\s+# \S', line), line


def test_a_requirement_is_what_runs_here() -> None:
    """Figures of the docs and tests come from the pinned versions."""
    for name, version in pins().items():
        assert Version(metadata.version(name)) == Version(version), name


# Licences


def test_nothing_that_is_installed_is_under_the_gpl_or_agpl_alone_or_unknown() -> None:
    found = list(supply.licences())
    assert len(found) == len(pins())
    assert [one for one in found if one.kind not in ("free", "weak")] == []
    assert {one.package for one in found if one.kind == "weak"} == {"certifi", "pygal", "tqdm"}


def test_the_page_of_licences_is_what_is_installed() -> None:
    assert supply.PAGE.read_text(encoding="utf-8") == supply.page(list(supply.licences())), (
        "run `make licences`"
    )


def test_only_what_metadata_leaves_open_is_reviewed() -> None:
    reviewed = yaml.safe_load(supply.REVIEWED.read_text(encoding="utf-8"))
    assert set(reviewed) <= set(pins())
    for name in reviewed:
        own = supply.said_by(name, metadata.metadata(name))
        assert own.kind == "unknown", f"{name} says itself that it is under {own.said}"


@pytest.mark.parametrize(
    ("said", "kind"),
    [
        ("MIT", "free"),
        ("Apache-2.0 AND MIT", "free"),
        ("Python Software Foundation License", "free"),
        ("Mozilla Public License 2.0 (MPL 2.0)", "weak"),
        ("GNU Lesser General Public License v3 or later (LGPLv3+)", "weak"),
        ("LGPL-2.1-only AND BSD-3-Clause", "weak"),
        ("GNU General Public License v3 (GPLv3)", "strict"),
        ("GPL-3.0-or-later", "strict"),
        ("AGPL-3.0-only", "strict"),
        ("GNU Affero General Public License v3", "strict"),
        ("LGPL-2.1-only AND GPL-2.0-only", "strict"),
        ("MIT OR GPL-2.0-only", "free"),
        ("GPL-2.0-only OR AGPL-3.0-only", "strict"),
        ("MIT AND AGPL-3.0-only", "strict"),
        ("GNU AFFERO GPL 3.0", "strict"),
        ("Our Own License", "unknown"),
        ("BSD-3-Clause AND Our Own License", "unknown"),
    ],
)
def test_kinds_of_licences(said: str, kind: str) -> None:
    assert supply.Licence("a", said, "field").kind == kind


@pytest.mark.parametrize(
    ("headers", "said"),
    [
        ({"License-Expression": "MIT"}, "MIT"),
        ({"Classifier": "License :: OSI Approved :: MIT License"}, "MIT License"),
        ({"Classifier": "License :: OSI Approved", "License": "MIT"}, "MIT"),
        ({"License": "Dual License"}, "unknown"),
        ({"License": "A text\nof many lines"}, "unknown"),
        ({}, "unknown"),
    ],
)
def test_who_says_which_licence(headers: dict[str, str], said: str) -> None:
    about = Message()
    for name, value in headers.items():
        about[name] = value.replace("\n", "\r\n ")
    assert supply.said_by("a", about).said == said  # type: ignore[arg-type]


def test_two_classifiers_may_be_a_choice_or_both_so_a_person_looks() -> None:
    about = Message()
    about["Classifier"] = "License :: OSI Approved :: MIT License"
    about["Classifier"] = "License :: OSI Approved :: GNU General Public License (GPL)"
    assert supply.said_by("a", about).kind == "unknown"  # type: ignore[arg-type]


# Known faults


def dependency(name: str, **more: object) -> dict[str, object]:
    return {"name": name, "version": "1.0", **more}


FAULT = {"id": "PYSEC-1", "fix_versions": ["1.1"], "aliases": [], "description": ""}


@pytest.mark.parametrize(
    ("found", "code", "told"),
    [
        ([dependency("a", vulns=[]), dependency("b", vulns=[])], 0, "2 packages looked up, no known fault"),
        ([dependency("a", vulns=[FAULT]), dependency("b", vulns=[])], 1, "a 1.0: PYSEC-1, mended in 1.1"),
        ([dependency("a", vulns=[]), dependency("b", skip_reason="gone")], 2, "could not be looked up: b"),
        ([dependency("a", skip_reason="no"), dependency("b", skip_reason="no")], 2, "pypi.org"),
        ([dependency("a", vulns=[FAULT]), dependency("b", skip_reason="no")], 1, "PYSEC-1"),
    ],
)
def test_an_audit_that_saw_nothing_is_no_clean_audit(found: list, code: int, told: str) -> None:
    ended, lines = supply.audited({"dependencies": found})
    assert ended == code and told in "\n".join(lines)


def test_an_audit_that_cannot_work_says_so() -> None:
    script = "import sys; sys.exit('no route to host')"
    assert supply.audit((sys.executable, "-c", script)) == (
        2,
        ["pip-audit could not work, so nothing is known: no route to host"],
    )


# Bill of materials


def test_the_bill_of_materials_names_every_pin_with_its_hashes(tmp_path: Path) -> None:
    pytest.importorskip("cyclonedx_py", reason="needs cyclonedx-bom: make setup with the dev extra")
    (command,) = re.findall(r"^\t\$\(BIN\)/(cyclonedx-py .*)$", (ROOT / "Makefile").read_text(), re.MULTILINE)
    words = [word.replace("build/sbom.json", str(tmp_path / "sbom.json")) for word in command.split()]
    done = subprocess.run(
        [sys.executable, "-m", "cyclonedx_py", *words[1:]],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    said = json.loads((tmp_path / "sbom.json").read_text(encoding="utf-8"))
    assert (said["bomFormat"], said["metadata"]["component"]["name"]) == ("CycloneDX", "gongkai")
    assert {normal(one["name"]): one["version"] for one in said["components"]} == pins()
    for one in said["components"]:
        hashes = [found for place in one["externalReferences"] for found in place.get("hashes", ())]
        assert hashes, one["name"]
