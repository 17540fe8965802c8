"""One body is one agency: by its place, or within its source where the name leaves the place open."""

from __future__ import annotations

from pipeline.assembly import agency_id, report_id
from pipeline.cells.report import Heading


def _heading(name: str, division: str | None = None, full: str | None = None) -> Heading:
    return Heading(None, name, 2022, "own", full_name=full, division_code=division)


def test_a_bare_name_is_one_body_within_a_source_only() -> None:
    bare = _heading("区教育局")
    assert agency_id(bare, "harbin") == agency_id(bare, "harbin")
    assert agency_id(bare, "harbin") != agency_id(bare, "wuhan")


def test_a_name_with_its_place_is_one_body_everywhere() -> None:
    named = _heading("南岗区教育局", "230103", "黑龙江省哈尔滨市南岗区教育局")
    assert agency_id(named, "harbin") == agency_id(named, "wuhan")
    invented = _heading("示例市样本局")
    assert agency_id(invented, "a") == agency_id(invented, "b"), "the name names a place, if no known one"


def test_what_is_unknown_takes_the_document_s_name() -> None:
    assert report_id(None, "0123456789abcdef") == "0123456789ab"
    assert report_id(Heading(None, None, 2022, "own"), "0123456789abcdef") == "0123456789ab-2022"
