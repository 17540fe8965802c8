"""What an agency's name tells: a table of names with what each must give."""

from __future__ import annotations

import csv
import gzip
import time
from pathlib import Path

import pytest

from pipeline.agencies import canonical_agency, is_agency_like, is_bare
from pipeline.agencies.divisions import FILE, Divisions, divisions

NAMES = Path(__file__).with_name("agency_names.csv")
REFERENCE = Path(__file__).parents[1] / ".." / "shared" / "reference"


def _rows() -> list[dict[str, str]]:
    with NAMES.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


@pytest.mark.parametrize("row", _rows(), ids=lambda row: f"{row['name']}-{row['hint']}")
def test_a_name_tells_what_the_body_is(row: dict[str, str]) -> None:
    name, hint = row.pop("name"), row.pop("hint")
    agency = canonical_agency(name, (hint,) if hint else ())
    assert {field: getattr(agency, field) or "" for field in row} == row
    assert is_agency_like(name)


@pytest.mark.parametrize(
    ("name", "hint", "full"),
    [
        ("南岗区王岗镇", "", "黑龙江省哈尔滨市南岗区王岗镇"),
        ("北京市丰台区人民政府卢沟桥街道办事处", "", "北京市丰台区卢沟桥街道"),
        ("荣成市人民政府办公室", "", "山东省威海市荣成市人民政府办公室"),
        ("区教育局", "武汉市武昌区", "湖北省武汉市武昌区教育局"),
        ("鼓楼区教育局", "", "鼓楼区教育局"),
        ("仙桃市教育局", "", "湖北省仙桃市教育局"),
        ("东莞市", "", "广东省东莞市"),
        ("石家庄高新技术产业开发区", "", "河北省石家庄高新技术产业开发区"),
        ("示例省示例市教育局", "", "示例省示例市教育局"),
    ],
)
def test_full_name_begins_with_what_is_known(name: str, hint: str, full: str) -> None:
    assert canonical_agency(name, (hint,)).full_name == full


def test_aliases_of_one_body_have_one_name() -> None:
    bodies = [
        ["洪泽区", "洪泽区人民政府", "淮安市洪泽区人民政府", "江苏省淮安市洪泽区", "淮安市 洪泽区"],
        ["阿城区小岭街", "阿城区小岭街道", "哈尔滨市阿城区小岭街道办事处", "阿城区小岭街办"],
        ["重庆市公安局渝中区分局", "渝中区公安分局", "重庆市渝中区公安分局"],
        ["国家税务总局珠海市香洲区税务局", "珠海市香洲区税务局", "香洲区税务局"],
        ["南岗区市场监管局", "哈尔滨市南岗区市场监督管理局", "南岗区市监局"],
        ["汝州市综合行政执法局（城市管理局）", "汝州市综合行政执法局"],
        ["葫芦岛高新区", "葫芦岛市高新技术产业开发区管委会", "葫芦岛高新技术产业开发区管理委员会"],
    ]
    found = [{canonical_agency(name).full_name for name in names} for names in bodies]
    assert all(len(names) == 1 for names in found), found
    assert len(set.union(*found)) == len(bodies)


def test_an_office_and_a_whole_system_are_bodies_of_their_own() -> None:
    names = ["南岗区", "南岗区人民政府办公室", "徐州市气象局", "徐州市气象部门", "广州海关", "广州海关关区"]
    assert len({canonical_agency(name).full_name for name in names}) == len(names)
    assert canonical_agency("徐州市气象部门").scope == "aggregate"
    assert canonical_agency("全国海关").scope == "aggregate"
    assert canonical_agency("潍坊市气象局（机关）").scope == "own"
    assert canonical_agency("潍坊市气象局（机关）").agency_name == "潍坊市气象局"
    assert canonical_agency("潍坊市气象局").scope is None


def test_a_second_name_is_an_alias() -> None:
    agency = canonical_agency("武昌经开区管委会(滨江商务区管委会)")
    assert agency.aliases == ("滨江商务区管委会",)
    assert agency.agency_name == "武昌经开区管委会（滨江商务区管委会）"


@pytest.mark.parametrize("text", ["首页", "工作", "总体情况", "年度报告", "根据有关规定", "全面", "本年度"])
def test_other_words_are_no_agency(text: str) -> None:
    assert not is_agency_like(text)


def test_a_name_without_its_region_is_bare() -> None:
    assert all(map(is_bare, ["区教育局", "市房管局", "城市管理局", "市政府", "省市场监管局"]))
    assert not any(map(is_bare, ["武昌区教育局", "王岗镇", "国家税务总局珠海市税务局", "湛江海关", "南岗区"]))


def test_a_township_is_not_taken_from_a_region_that_the_text_contradicts() -> None:
    elsewhere = canonical_agency("茅坪回族镇", ("四川省成都市",))
    assert elsewhere.division_code is None and elsewhere.full_name == "茅坪回族镇"


def test_the_code_in_a_page_address_settles_the_region() -> None:
    hint = "http://example.gov.cn/module/xxgk/xxgkAnnualReport.jsp?area=11370883004325769B&fbtime=2020"
    assert canonical_agency("市教育局", (hint,)).division_code == "370883"


def test_the_list_loads_once_and_fast() -> None:
    start = time.perf_counter()
    Divisions(gzip.decompress(FILE.read_bytes()).decode())
    assert time.perf_counter() - start < 0.5
    assert divisions() is divisions()


def test_the_shipped_list_is_made_from_the_reference() -> None:
    if not (REFERENCE / "divisions.csv").exists():
        pytest.skip("needs ../shared/reference/divisions.csv beside the project")
    with (REFERENCE / "divisions.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    known = divisions()
    counties = [row for row in rows if len(row["code"]) <= 6]
    assert all(known.by_code[row["code"]].name == row["name"] for row in counties)
    townships = {d.code for row in counties if len(row["code"]) == 6 for d in known.townships(row["code"])}
    assert townships == {row["code"] for row in rows if len(row["code"]) == 9}
