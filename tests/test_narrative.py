"""Figures stated in the text: sentences of our own, above all those that state none."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from pipeline.cells.narrative import find_statements
from pipeline.cells.narrative_numbers import chinese_number
from pipeline.form.measures import load_measures, measures, wordings
from pipeline.form.model import FormFault

SEEDS = Path(__file__).parents[2] / "shared" / "seeds"

STATED: tuple[tuple[str, dict[str, float]], ...] = (
    # how numbers are written
    ("共收到1\n2件政府信息公开申请。", {"requests.received": 12}),
    ("共 收 到 1 2 件 政 府 信 息 公 开 申 请 。", {"requests.received": 12}),
    ("收到政府信息公开申请 63 条，其中予以公开 16 条。", {"requests.received": 63, "requests.granted": 16}),
    ("收到政府信息公开申请３５件。", {"requests.received": 35}),
    ("网站主动公开政府信息12,345条。", {"posts.website": 12345}),
    ("收到政府信息公开申请两件。", {"requests.received": 2}),
    ("收到政府信息公开申请一百零五件。", {"requests.received": 105}),
    ("收到政府信息公开申请零件。", {"requests.received": 0}),
    ("门户网站发布信息1.5万条。", {"posts.website": 15000}),
    ("①收到政府信息公开申请4件；②结转下年度1件。", {"requests.received": 4, "requests.carried_out": 1}),
    ("⼀年来，收到政府信息公开申请6件。", {"requests.received": 6}),
    # requests
    (
        "全年受理政府信息公开申请7项，上年度结转2项，结转下一年度1项。",
        {"requests.received": 7, "requests.carried_in": 2, "requests.carried_out": 1},
    ),
    (
        "2023年共办理依申请公开8件。2022年结转1件，结转2024年办理2件。",
        {"requests.outcome_total": 8, "requests.carried_in": 1, "requests.carried_out": 2},
    ),
    ("全年收到自然人申请政府信息公开9件。", {"requests.received.natural_person": 9}),
    (
        "本年度收到自然人的政府信息公开申请9件、商业企业的政府信息公开申请2件。",
        {"requests.received.natural_person": 9, "requests.received.enterprise": 2},
    ),
    (
        "收到政府信息公开申请18件，自然人和商业企业申请分别为15件和3件。",
        {"requests.received": 18, "requests.received.natural_person": 15, "requests.received.enterprise": 3},
    ),
    (
        "收到政府信息公开申请10件，其中予以公开6件，部分公开1件，不予公开1件，其他2件。",
        {
            "requests.received": 10,
            "requests.granted": 6,
            "requests.granted_in_part": 1,
            "requests.refused": 1,
            "requests.other": 2,
        },
    ),
    (
        "答复政府信息公开申请100件，予以公开60件，占60%；部分公开12，占12%；不予公开28件，占28%。",
        {
            "requests.outcome_total": 100,
            "requests.granted": 60,
            "requests.granted_in_part": 12,
            "requests.refused": 28,
        },
    ),
    ("收办政府信息公开申请30件。", {"requests.received_or_handled": 30}),
    ("共受理政府信息公开申请30件，按时办结率100%。", {"requests.received": 30, "requests.on_time_rate": 100}),
    ("收到政府信息公开申请21件，均已办结。", {"requests.received": 21, "requests.outcome_total": 21}),
    ("不予公开、不予处理均为0件，收到政府信息公开申请3件。", {"requests.received": 3}),
    (
        "收到政府信息公开申请5件，不予公开、不予处理均为0件。",
        {"requests.received": 5, "requests.refused": 0, "requests.declined": 0},
    ),
    (
        "收到政府信息公开申请44件，比上年增加20件，其中予以公开16件。",
        {"requests.received": 44, "requests.granted": 16},
    ),
    ("与上年相比，今年收到政府信息公开申请31件，增加6件。", {"requests.received": 31}),
    (
        "区政府收到政府信息公开申请40件，区财政局收到政府信息公开申请12件。",
        {"requests.received@区政府": 40, "requests.received@区财政局": 12},
    ),
    ("全县各乡镇共收到政府信息公开申请66件。", {"requests.received@全县各乡镇": 66}),
    ("街道办收到向市政府提出的政府信息公开申请5件。", {"requests.received@市政府": 5}),
    # zeros
    ("2023年，我镇尚未收到任何公民、法人或其他组织的政府信息公开申请。", {"requests.received": 0}),
    ("全年无人申请政府信息公开。", {"requests.received": 0}),
    ("未收到公民的政府信息公开申请，收到法人的政府信息公开申请3件。", {"requests.received.organizations": 3}),
    ("未收到政府信息公开申请0件。", {"requests.received": 0}),
    (
        "没有因政府信息公开引发的举报、投诉、行政复议和行政诉讼。",
        {"disputes.reconsideration.total": 0, "disputes.litigation.total": 0},
    ),
    (
        "未收到政府信息公开申请和行政复议、行政诉讼。",
        {"requests.received": 0, "disputes.reconsideration.total": 0, "disputes.litigation.total": 0},
    ),
    (
        "未制发、废止行政规范性文件，现行有效规范性文件7件。",
        {
            "disclosure.normative_documents.issued": 0,
            "disclosure.normative_documents.repealed": 0,
            "disclosure.normative_documents.in_force": 7,
        },
    ),
    ("上年无结转，收到政府信息公开申请2件。", {"requests.received": 2}),
    ("本年度未收取依申请公开信息处理费。", {"fees.information_processing_yuan": 0}),
    # disputes
    (
        "政府信息公开行政复议案件6件（维持4件，纠正1件，其他1件）；政府信息公开行政诉讼案件3件，其中复议后起诉3件。",
        {
            "disputes.reconsideration.total": 6,
            "disputes.reconsideration.upheld": 4,
            "disputes.reconsideration.corrected": 1,
            "disputes.reconsideration.other": 1,
            "disputes.litigation.total": 3,
            "disputes.litigation_after_reconsideration.total": 3,
        },
    ),
    (
        "因政府信息公开产生的行政复议和行政诉讼分别为3件和1件。",
        {"disputes.reconsideration.total": 3, "disputes.litigation.total": 1},
    ),
    ("涉及政府信息公开的行政复议、行政诉讼共5件。", {"disputes.reconsideration+litigation.total": 5}),
    # posts, documents, money
    (
        "公开政府信息600条，其中网站400条、微信公众号150条、政务微博50条。",
        {"posts.published": 600, "posts.website": 400, "posts.wechat": 150, "posts.weibo": 50},
    ),
    ("依托区政府门户网站，公开政务信息80条。", {"posts.website": 80}),
    (
        "政务新媒体发布信息90余条，公告栏公开信息30条。",
        {"posts.new_media": 90, "posts.other_channels.notice_boards": 30},
    ),
    (
        "制发规章1件、行政规范性文件3件。",
        {"disclosure.regulations.issued": 1, "disclosure.normative_documents.issued": 3},
    ),
    (
        "收到政府信息公开申请20件，其中本年新收18件，上年结转2件。",
        {"requests.received+carried_in": 20, "requests.received": 18, "requests.carried_in": 2},
    ),
    (
        "收到政府信息公开申请20件（新收18件，上年结转2件）。",
        {"requests.received+carried_in": 20, "requests.received": 18, "requests.carried_in": 2},
    ),
    (
        "市政府制发规范性文件12件，市政府办公室制发规范性文件8件。",
        {
            "disclosure.normative_documents.issued@市政府": 12,
            "disclosure.normative_documents.issued@市政府办公室": 8,
        },
    ),
    ("2024年有1件政府信息公开申请案件收取信息处理费380元。", {"fees.information_processing_yuan": 380}),
    (
        "制发3份规范性文件废止1份规范性文件。",
        {"disclosure.normative_documents.issued": 3, "disclosure.normative_documents.repealed": 1},
    ),
    ("全年共办理政务公开申请3件次，同意公开2件。", {"requests.outcome_total": 3, "requests.granted": 2}),
    (
        "收取信息处理费1,260元，行政事业性收费共85.4万元。",
        {"fees.information_processing_yuan": 1260, "disclosure.administrative_fees.amount_10k_yuan": 85.4},
    ),
)

# Figures that are not ours to take, each for another reason.
NOT_STATED: tuple[str, ...] = (
    "征收垃圾处置费942.76万元，核减预算1,200万元。",
    "根据国办公开办函〔2021〕30号和《条例》第二十条第（一）项编制。",
    "咨询电话：0451-82705546，邮编：150001，地址：大成街52号。",
    "数据统计期限自2023年1月1日起至2023年12月31日止。",
    "公开第 1、5、6、8 项内容，其余11条见网站。",
    "组织2轮次依申请公开业务培训，培训120人次。",
    "从事政府信息公开工作的专职人员3名、兼职人员11名。",
    "收到政府信息公开申请后20个工作日内答复。",
    "自收到申请之日起15个工作日内予以答复。",
    "2022年收到政府信息公开申请数量同比增长202条。",
    "上一年度收到政府信息公开申请30件，予以公开20件。",
    "1-6月收到政府信息公开申请4件。",
    "第一季度网站发布信息120条。",
    "平均每月发布信息30条。",
    "力争网站全年公开信息不少于300条。",
    "办理政协提案12件，答复12件。",
    "受理群众投诉举报案件88件，办结85件，不予处理3件。",
    "全年办理行政复议案件356件，其中维持300件，纠正12件。",
    "应诉行政诉讼案件25起。",
    "审查规范性文件草案41件，备案规范性文件9件。",
    "制作政府信息614条，其中不予公开583条。",
    "发布人事信息11条，预算决算4条，概况类信息150条。",
    "民生事项和工作信息共209条，占92.47%。",
    "主动公开信息及时率100%，电子化率达98%。",
    "召开政府常务会议7期，解读信息发布7条。",
    "高效办成一件事，一起推动公开工作，逐件答复申请。",
    "未受理的申请已告知理由，未公开的信息均不予公开。",
    "未发生行政复议被纠正的情况。",
    "无法提供的理由应当说明，无正当理由不得拒绝。",
    "没有收到网上申请，但收到当面咨询5次。",
    "收到政府信息公开申请 1 234 5件。",
    "收到政府信息公开申请12，345件。",
    "政府网站点击量超过50万次，公众号粉丝3万。",
    "编制政府信息公开指南1份、目录3份。",
    "主动公开权责清单事项1280项。",
    "为15家企业提供证明材料15份。",
    "近三年收到政府信息公开申请共计90件。",
    "依申请公开渠道畅通。政务服务中心受理各类申请1200件，办结1180件。",
    "12月收到政府信息公开申请1件。",
    "自然人、商业企业申请公开分别为15件，3件。",
    "未收到其他政府信息公开申请。",
    "对各单位公开的信息开展抽查12次，发现问题5条。",
)  # fmt: skip


def read(text: str, section: str | None = None) -> dict[str, float]:
    return {s.measure: s.value for s in find_statements([(section, text, "line=1")])}


@pytest.mark.parametrize(("text", "expected"), STATED)
def test_what_is_stated_is_read(text: str, expected: dict[str, float]) -> None:
    assert read(text) == expected


@pytest.mark.parametrize("text", NOT_STATED)
def test_what_is_not_stated_is_not_read(text: str) -> None:
    assert read(text) == {}


@pytest.mark.parametrize(
    ("text", "qualifier"),
    [
        ("网站发布信息1000余条。", "at_least"),
        ("网站发布信息755多条。", "at_least"),
        ("网站发布信息300条以上。", "at_least"),
        ("网站发布信息逾2000条。", "at_least"),
        ("网站发布信息约200条。", "about"),
        ("网站发布信息近200条。", "about"),
        ("网站发布信息200条左右。", "about"),
        ("网站发布信息200条。", "exact"),
    ],
)
def test_how_sure_the_office_is(text: str, qualifier: str) -> None:
    (statement,) = find_statements([(None, text, "line=1")])
    assert statement.qualifier == qualifier


def test_lines_of_one_sentence_are_joined_and_the_place_is_the_number_s() -> None:
    lines = [
        ("overview", "（二）依申请公开情况。2021 年我办接到政府信息公开", "line=1"),
        ("overview", "申请数量 63 条，其中予以公开 16 条，不予公开 6 条，结", "line=3"),
        ("overview", "- 2 -", "line=4"),
        ("overview", "转下一年度办理 1 条。", "line=5"),
    ]
    found = [(s.measure, s.value, s.locator) for s in find_statements(lines)]
    assert found == [
        ("requests.received", 63, "line=3"),
        ("requests.granted", 16, "line=3"),
        ("requests.refused", 6, "line=3"),
        ("requests.carried_out", 1, "line=5"),
    ]


def test_a_page_number_inside_a_number_is_not_joined_to_it() -> None:
    lines = [
        ("overview", "全年我局通过各种渠道一共收到政府信息公开申请1", "line=1"),
        ("overview", "3", "line=2"),
        ("overview", "2件。", "line=3"),
    ]
    assert find_statements(lines) == ()


def test_a_heading_gives_the_topic_and_nothing_else() -> None:
    lines = [
        ("requests", "（二）依申请公开情况", "line=1"),
        ("requests", "全年共收到6件，答复6件。", "line=2"),
    ]
    assert {s.measure: s.value for s in find_statements(lines)} == {
        "requests.received": 6,
        "requests.outcome_total": 6,
    }
    assert read("全年共收到6件，答复6件。") == {}


def test_the_section_says_that_disputes_are_about_disclosure() -> None:
    assert read("行政复议案件2件。", "disputes") == {"disputes.reconsideration.total": 2}
    assert read("行政复议案件2件。") == {}


def test_the_excerpt_is_the_phrase_as_printed() -> None:
    (statement,) = find_statements([(None, "今年，我局共收到 政府信息公开申请 9 件。", "line=7")])
    assert statement.excerpt == "收到政府信息公开申请9件"
    assert statement.locator == "line=7"


@pytest.mark.skipif(not SEEDS.exists(), reason="../shared/seeds is not here")
def test_a_report_whose_tables_are_lost_speaks_through_its_text() -> None:
    text = next(SEEDS.glob("003_*")).read_text(encoding="utf-8")
    lines = [(None, line, f"line={n}") for n, line in enumerate(text.splitlines(), 1)]
    found = find_statements(lines)
    assert {(s.measure, s.value, s.qualifier) for s in found} == {
        ("posts.published", 1000, "at_least"),
        ("requests.received", 63, "exact"),
        ("requests.granted", 16, "exact"),
        ("requests.granted_in_part", 6, "exact"),
        ("requests.refused", 6, "exact"),
        ("requests.unavailable", 24, "exact"),
        ("requests.declined", 4, "exact"),
        ("requests.other", 6, "exact"),
        ("requests.carried_out", 1, "exact"),
        ("disclosure.normative_documents.issued", 2, "exact"),
        # 六、 says that no fee was taken.
        ("fees.information_processing_yuan", 0, "exact"),
    }


def test_a_report_is_read_in_milliseconds() -> None:
    lines = [("overview", text, f"line={n}") for n, (text, _) in enumerate(STATED)]
    lines += [("overview", text, f"line=9{n}") for n, text in enumerate(NOT_STATED)]
    assert sum(len(text) for _, text, _ in lines) > 1500
    find_statements(lines)
    best = min(_seconds(lines) for _ in range(5))
    assert best < 0.05, "10 ms on a free core; five times that where cores are shared"


@pytest.mark.parametrize(
    "piece", ["信息公开", "1", "1 ", "1,", "第1、", "(", "“", "《", "收到", "无", "、", "1件", "a@", "\ufffc"]
)
def test_text_without_end_takes_bounded_time(piece: str) -> None:
    start = time.perf_counter()
    find_statements([("overview", piece * (20_000 // len(piece)), "line=1")])
    find_statements([("overview", piece * 20, f"line={n}") for n in range(500)])
    assert time.perf_counter() - start < 5


def _seconds(lines: list[tuple[str | None, str, str]]) -> float:
    start = time.perf_counter()
    find_statements(lines)
    return time.perf_counter() - start


def test_wordings_of_a_pattern() -> None:
    assert wordings("上[一]年(度|)结转") == ("上年度结转", "上年结转", "上一年度结转", "上一年结转")
    with pytest.raises(FormFault, match="is missing"):
        wordings("上[一年")


def test_chinese_numbers() -> None:
    assert [chinese_number(t) for t in ("十", "十二", "二十三", "三百零五", "两千", "一万二千", "一一")] == [
        10, 12, 23, 305, 2000, 12000, None,
    ]  # fmt: skip


def test_a_fault_in_the_data_is_named_with_its_place(tmp_path: Path) -> None:
    from pipeline.form.model import HERE

    text = (HERE / "measures.yaml").read_text(encoding="utf-8")
    broken = tmp_path / "measures.yaml"
    right, wrong = '"$receiving ~ $application+ #"', '"recieve ~ $application+ #"'
    broken.write_text(text.replace(right, wrong, 1), encoding="utf-8")
    with pytest.raises(FormFault, match=r"measures\.\d+ \(requests.received\).*recieve"):
        load_measures(broken)
    broken.write_text(text + "\nmore: 1\n", encoding="utf-8")
    with pytest.raises(FormFault, match="more"):
        load_measures(broken)


def test_every_outcome_of_the_form_can_be_stated() -> None:
    from pipeline.form import forms

    outcomes = {line.code for line in forms()["2021"].table("requests").rows}
    ours = {m.code.removeprefix("requests.") for m in measures().measures if m.code}
    stated = ours | set(measures().groups["outcome"].items)
    assert outcomes - stated == {"other_other"}, "3.其他 under 其他处理 has no words of its own"
