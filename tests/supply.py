"""What gongkai is put together from: licences of the packages that `make setup` installs, known faults.

Here: reading installed metadata and what pip-audit says. Not here: what is allowed (test_supply).
As a program: ``python -m tests.supply licences`` writes docs/licences.md, ``audit`` asks for known faults.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).parents[1]
PINNED = ROOT / "requirements.txt"
PINNED_DEV = ROOT / "requirements-dev.txt"
PAGE = ROOT / "docs" / "licences.md"
REVIEWED = Path(__file__).with_name("licences.yaml")
PIN = re.compile(r"^(?P<name>[A-Za-z0-9._-]+)(\[[^]]*])?==(?P<version>[^\s;\\]+)", re.MULTILINE)

# The strictest part of an alternative decides; names as classifiers, fields and SPDX write them.
_STRICT = re.compile(r"\bA?GPL|Affero|(?<!Lesser )General Public License", re.IGNORECASE)
_WEAK = re.compile(r"\bLGPL|Lesser General Public|\bMPL|Mozilla", re.IGNORECASE)
_FREE = re.compile(
    r"\bMIT|\b0?BSD\b|\bApache|\bISC\b|\bPSF|Python Software Foundation|\bZPL|\bZlib|\bCC0|\bUnlicense",
    re.IGNORECASE,
)
_ORDER = ("free", "weak", "strict", "unknown")
# A field of the metadata that says no more than that there is a licence.
_NOTHING = re.compile(r"^(unknown|dual license|other/proprietary.*)?$", re.IGNORECASE)
_FIELD = 60


@dataclass(frozen=True, slots=True)
class Licence:
    """A package's licence, and who says so: its metadata, or a person who looked (licences.yaml)."""

    package: str
    said: str
    by: str
    note: str = ""

    @property
    def kind(self) -> str:
        """``free``, ``weak`` (files of it stay under it), ``strict`` (GPL, AGPL alone), or ``unknown``."""
        return min((_kind(part) for part in re.split(r"\s+OR\s+", self.said)), key=_ORDER.index)


def _kind(alternative: str) -> str:
    """The kind of one alternative, all of whose parts hold."""
    found = []
    for part in re.split(r"\s+AND\s+|,\s*", alternative):
        # GPL's own words stand in those of the LGPL.
        rest = _WEAK.sub("", part)
        strict, weak, free = bool(_STRICT.search(rest)), rest != part, bool(_FREE.search(part))
        found.append("strict" if strict else "weak" if weak else "free" if free else "unknown")
    return max(found, key=_ORDER.index)


def pins(path: Path = PINNED) -> dict[str, str]:
    """The pinned packages of a requirements file and their versions, by normal name."""
    return {normal(m["name"]): m["version"] for m in PIN.finditer(path.read_text(encoding="utf-8"))}


def normal(name: str) -> str:
    """A package's name as PEP 503 compares it."""
    return re.sub(r"[-_.]+", "-", name).lower()


def licences(packages: Sequence[str] | None = None) -> Iterator[Licence]:
    """The licence of each package, from what is installed here and what was reviewed."""
    reviewed = yaml.safe_load(REVIEWED.read_text(encoding="utf-8"))
    for name in sorted(pins()) if packages is None else packages:
        if name in reviewed:
            yield Licence(name, reviewed[name]["licence"], "reviewed", reviewed[name]["seen"])
        else:
            yield said_by(name, metadata.metadata(name))


def said_by(name: str, about: metadata.PackageMetadata) -> Licence:
    """What a package's own metadata says; ``unknown`` where that is nothing, or more than one licence."""
    expression = about.get("License-Expression")
    if expression:
        return Licence(name, expression, "expression")
    classifiers = [
        line.split(" :: ")[-1]
        for line in about.get_all("Classifier") or ()
        if line.startswith("License :: ") and not line.endswith(":: OSI Approved")
    ]
    if len(classifiers) == 1:
        return Licence(name, classifiers[0], "classifier")
    field = (about.get("License") or "").strip()
    if not classifiers and "\n" not in field and len(field) <= _FIELD and not _NOTHING.match(field):
        return Licence(name, field, "field")
    return Licence(name, "unknown", "nobody")


_HEAD = """# Licences

gongkai itself is under the [Apache License 2.0](../LICENSE). `make setup` installs the packages below, each
under its own licence; none of them is under the GPL or the AGPL alone. `OR` stands where a package offers a
choice. `make licences` writes this page from the metadata of what is installed; where that says nothing, or
not clearly, a person looked, and the last column says where.

| package | licence | told by |
|---|---|---|
"""
_TAIL = """
Some wheels carry libraries in C under licences of their own, whose texts they carry too: OpenCV brings FFmpeg
and Shapely brings GEOS (both LGPL 2.1), NumPy and OpenCV bring the GCC runtime (GPL 3 with the runtime
exception, which leaves programs that are linked with it free). LibreOffice and Chromium are not part of
gongkai: the first is run as a program of its own where it is installed, the second by tests alone.
"""


def page(found: Sequence[Licence]) -> str:
    """docs/licences.md."""
    lines = [f"| {one.package} | {one.said} | {one.note or one.by} |" for one in found]
    return _HEAD + "\n".join(lines) + "\n" + _TAIL


def audited(report: Mapping[str, Any]) -> tuple[int, list[str]]:
    """What pip-audit found, for a person.

    Args:
        report: its JSON.
    Returns:
        An exit code, and lines: 0 all packages were looked up and none has a known fault; 1 some have;
        2 some could not be looked up, so nothing is known of them. pip-audit itself ends with 0 there.
    """
    asked = report["dependencies"]
    faulty = [one for one in asked if one.get("vulns")]
    unknown = [one for one in asked if "skip_reason" in one]
    lines = [
        f"{one['name']} {one['version']}: {fault['id']}, mended in {_versions(fault['fix_versions'])}"
        for one in faulty
        for fault in one["vulns"]
    ]
    if len(unknown) == len(asked):
        return 2, ["no package could be looked up, so nothing is known; run this where pypi.org is reached"]
    if unknown:
        names = ", ".join(one["name"] for one in unknown)
        lines.append(f"{len(unknown)} of {len(asked)} packages could not be looked up: {names}")
    if not lines:
        lines = [f"{len(asked)} packages looked up, no known fault in any"]
    return 1 if faulty else 2 if unknown else 0, lines


def _versions(fixed: Sequence[str]) -> str:
    return ", ".join(fixed) or "no version yet"


def audit(command: Sequence[str] = (sys.executable, "-m", "pip_audit")) -> tuple[int, list[str]]:
    """Ask for known faults of the pinned packages, as ``audited`` tells them; 2 where asking failed."""
    options = ["--requirement", str(PINNED), "--disable-pip", "--require-hashes", "--format", "json"]
    done = subprocess.run(
        [*command, *options, "--progress-spinner", "off"], capture_output=True, text=True, check=False
    )
    try:
        return audited(json.loads(done.stdout))
    except (ValueError, KeyError):
        last = (done.stderr.strip().splitlines() or ["it said nothing"])[-1]
        return 2, [f"pip-audit could not work, so nothing is known: {last}"]


def main(words: Sequence[str]) -> int:
    """``licences`` or ``audit``."""
    match list(words):
        case ["licences"]:
            PAGE.write_text(page(list(licences())), encoding="utf-8")
            return 0
        case ["audit"]:
            code, lines = audit()
            for line in lines:
                print(f"audit: {line}", file=sys.stderr if code else sys.stdout)
            return code
        case _:
            print("usage: python -m tests.supply licences|audit", file=sys.stderr)
            return 2


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
