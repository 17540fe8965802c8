"""Make ``divisions.csv.gz`` from the two lists of division codes.

Here: how the shipped file came to be, to be run by hand when the lists change:
``python -m pipeline.agencies.make_divisions divisions.csv division_history.csv``.
Not here: how the file is used (divisions.py); nothing imports this module.

One row for each division of county level and above: ``code`` (two digits for a province, four for a
prefecture, six for a county), ``name``, ``last_year`` (empty while in use; the last yearly list that
had it, for divisions that were renamed, moved or dissolved since 2003), and ``townships``: those of a
county as three digits and name each, separated by spaces.
"""

from __future__ import annotations

import csv
import gzip
import io
import sys
from collections import defaultdict
from pathlib import Path

from pipeline.agencies.divisions import FILE

FIRST_REPORT = 2003
"""Divisions that ended before were in no report: the duty to publish one dates from 2008."""


def _short(code: str) -> str:
    """110000 → 11, 130100 → 1301, 130102 as it is: the length of a code tells the level."""
    if code.endswith("0000"):
        return code[:2]
    return code[:4] if code.endswith("00") else code


def rows(divisions: Path, history: Path) -> list[tuple[str, str, str, str]]:
    """The shipped rows, by code."""
    townships: dict[str, list[str]] = defaultdict(list)
    found: dict[tuple[str, str], str] = {}
    with divisions.open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            if len(row["code"]) == 9:
                townships[row["code"][:6]].append(row["code"][6:] + row["name"])
            else:
                found[row["code"], row["name"]] = ""
    with history.open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            key = _short(row["code"]), row["name"]
            if int(row["last_year"]) >= FIRST_REPORT and key not in found:
                found[key] = row["last_year"]
    return [
        (code, name, last, "" if last else " ".join(townships.get(code, ())))
        for (code, name), last in sorted(found.items())
    ]


def main(divisions: str, history: str) -> None:
    """Write the shipped file; the same lists always give the same bytes."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(("code", "name", "last_year", "townships"))
    writer.writerows(rows(Path(divisions), Path(history)))
    FILE.write_bytes(gzip.compress(text.getvalue().encode(), 9, mtime=0))


if __name__ == "__main__":
    main(*sys.argv[1:])
