"""What a site's list says of a report: used where the report is silent, noted where they disagree."""

from __future__ import annotations

import hashlib
import itertools
from pathlib import Path

import pytest

from pipeline.cells.heading import find_heading
from pipeline.cells.hinted import Hints, hinted
from pipeline.cells.read import read_file
from pipeline.cells.report import Report
from pipeline.form import forms
from pipeline.reading.document import Document, Paragraph

TITLE = "南岗区教育局2023年政府信息公开工作年度报告"


def report(*opening: str) -> Report:
    """A report in plain text that opens with these lines."""
    newest = list(forms().values())[-1]
    lines = [*opening, *(t for s in newest.sections for t in (s.label, "全年工作有序开展，栏目按季更新。"))]
    blocks = tuple(Paragraph(text, f"line={number}") for number, text in enumerate(lines, 1))
    return Report("no_tables", "", heading=find_heading(Document("txt", blocks), "", len(opening)))


def codes(told: Report) -> list[str]:
    assert told.heading is not None
    return sorted(note.check_code.removeprefix("plausibility.") for note in told.heading.notes)


@pytest.mark.parametrize(
    ("opening", "hints", "agency", "year", "noted"),
    [
        # The report names neither.
        (["政府信息公开工作年度报告"], Hints(TITLE), "南岗区教育局", 2023, ["agency_source", "year_source"]),
        (
            ["政府信息公开工作年度报告"],
            Hints("政府信息公开工作年度报告", "南岗区教育局", "2024-01-20"),
            "南岗区教育局",
            2023,
            ["agency_source", "year_source"],
        ),
        (["政府信息公开工作年度报告"], Hints("附件1.pdf"), None, None, ["agency_missing", "year_missing"]),
        # Both agree, or the list adds nothing.
        ([TITLE], Hints(TITLE, "南岗区政府办公室", "2024-01-20"), "南岗区教育局", 2023, []),
        ([TITLE], Hints("2023年政府信息公开工作年度报告", "", "2025-06-01"), "南岗区教育局", 2023, []),
        # The report's own title wins, and the disagreement is told.
        (
            [TITLE],
            Hints("南岗区财政局2022年政府信息公开工作年度报告"),
            "南岗区教育局",
            2023,
            ["agency_conflict", "year_conflict"],
        ),
        ([TITLE], Hints("", "", "2023-06-01"), "南岗区教育局", 2023, ["year_conflict"]),
        # A year that only a day of posting tells is weaker than one that the list prints.
        (
            ["南岗区教育局政府信息公开工作年度报告", "发布日期：2024-01-20"],
            Hints("南岗区教育局2021年政府信息公开工作年度报告"),
            "南岗区教育局",
            2021,
            ["year_conflict", "year_source"],
        ),
    ],
)
def test_the_report_comes_before_the_list(
    opening: list[str], hints: Hints, agency: str | None, year: int | None, noted: list[str]
) -> None:
    told = hinted(report(*opening), hints)
    assert told.heading is not None
    assert (told.heading.agency_name, told.heading.report_year) == (agency, year), told.heading.evidence
    assert codes(told) == noted, told.heading.notes


def test_a_name_without_its_region_gets_it_from_the_list() -> None:
    own = report("区教育局2023年政府信息公开工作年度报告")
    assert own.heading is not None and own.heading.division_code is None
    told = hinted(own, Hints("哈尔滨市" + TITLE)).heading
    assert told is not None and told.agency_name == own.heading.agency_name
    assert told.full_name == "黑龙江省哈尔滨市南岗区教育局" and told.division_code == "230103"


def test_a_scan_that_is_not_read_is_a_report_and_what_is_none_stays_none() -> None:
    told = hinted(Report("scanned", "pictures"), Hints(TITLE))
    assert told.heading is not None
    assert (told.status, told.heading.agency_name, told.heading.report_year) == (
        "scanned", "南岗区教育局", 2023,
    )  # fmt: skip
    assert hinted(Report("scanned", "pictures"), Hints("附件")).heading is None
    assert hinted(Report("not_a_report", ""), Hints(TITLE)).heading is None


def test_a_hash_is_no_name(tmp_path: Path) -> None:
    digests = (hashlib.sha256(str(n).encode()).hexdigest() for n in itertools.count())
    digest = next(one for one in digests if "a2019b" in one)
    path = tmp_path / f"{digest}.txt"
    newest = list(forms().values())[-1]
    lines = ["政府信息公开工作年度报告", *(s.label for s in newest.sections)]
    path.write_text("\n".join(lines), encoding="utf-8")
    heading = read_file(path, f"some/{digest[:2]}/{path.name}").heading
    assert heading is not None and heading.report_year is None
    named = read_file(path, "some/2019年报告.txt").heading
    assert named is not None and named.report_year == 2019
