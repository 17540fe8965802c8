"""Figures in sentences that were written before the patterns were tuned, and are not tuned for.

Each case: a text and the statements a careful reader takes from it (measure, value, qualifier;
``exact`` where none is given). Texts are our own; they vary verbs, order, units and punctuation.
"""

from __future__ import annotations

import pytest

from pipeline.cells.narrative import find_statements

Expected = tuple[tuple[str, float] | tuple[str, float, str], ...]

CASES: tuple[tuple[str, Expected], ...] = (
    # requests: received, by verbs, order and unit
    ("全年我街道累计收到政府信息公开申请27件。", (("requests.received", 27),)),
    ("报告期内,区住建局新收到公民提交的政府信息公开申请 118 宗。", (("requests.received", 118),)),
    ("2024年度，本机关共接收政府信息公开申请9份，比上年减少4份。", (("requests.received", 9),)),
    ("今年以来一共接到依申请公开件14件。", (("requests.received", 14),)),
    (
        "共收到41件政府信息公开申请，其中自然人申请38件，商业企业申请3件。",
        (
            ("requests.received", 41),
            ("requests.received.natural_person", 38),
            ("requests.received.enterprise", 3),
        ),
    ),
    (
        "依申请公开方面：新收政府信息公开申请五件，上年结转一件。",
        (("requests.received", 5), ("requests.carried_in", 1)),
    ),
    ("我委受理政府信息公开申请二十三件。", (("requests.received", 23),)),
    ("政府信息公开申请共收到１６件。", (("requests.received", 16),)),
    (
        "全年收到政府信息公开申请1,208件，办结1,190件，结转下年度继续办理18件。",
        (("requests.received", 1208), ("requests.outcome_total", 1190), ("requests.carried_out", 18)),
    ),
    ("本年收到申请公开政府信息的事项共计 3\n3 件。", (("requests.received", 33),)),
    # outcomes
    (
        "办结政府信息公开申请52件，其中，予以公开20件、部分公开7件、不予公开9件、无法提供11件、不予处理3件、其他处理2件。",
        (
            ("requests.outcome_total", 52),
            ("requests.granted", 20),
            ("requests.granted_in_part", 7),
            ("requests.refused", 9),
            ("requests.unavailable", 11),
            ("requests.declined", 3),
            ("requests.other", 2),
        ),
    ),
    (
        "全年共答复政府信息公开申请15件：5件予以公开，2件部分公开，8件无法提供。",
        (
            ("requests.outcome_total", 15),
            ("requests.granted", 5),
            ("requests.granted_in_part", 2),
            ("requests.unavailable", 8),
        ),
    ),
    (
        "收到政府信息公开申请30件，已全部办结，其中予以公开和部分公开19件，不予公开11件。",
        (
            ("requests.received", 30),
            ("requests.outcome_total", 30),
            ("requests.granted+granted_in_part", 19),
            ("requests.refused", 11),
        ),
    ),
    (
        "全部申请中，本机关不掌握相关政府信息4件，属于行政查询事项2件，重复申请1件。",
        (
            ("requests.unavailable_not_held", 4),
            ("requests.refused_administrative_query", 2),
            ("requests.declined_repeated", 1),
        ),
    ),
    (
        "依申请公开收到申请6件，其中同意公开4件，不予公开2件（属于国家秘密1件、属于三类内部事务信息1件）。",
        (
            ("requests.received", 6),
            ("requests.granted", 4),
            ("requests.refused", 2),
            ("requests.refused_state_secret", 1),
            ("requests.refused_internal_affairs", 1),
        ),
    ),
    (
        "共处理政府信息公开申请88件（含上年结转6件），结转下一年度3件。",
        (("requests.outcome_total", 88), ("requests.carried_in", 6), ("requests.carried_out", 3)),
    ),
    (
        "收到政府信息公开申请20件（含上年度结转2件）。",
        (("requests.received+carried_in", 20), ("requests.carried_in", 2)),
    ),
    ("2022年收到政府信息公开申请10件，均予以公开。", (("requests.received", 10), ("requests.granted", 10))),
    ("2022年我镇收到1件政府信息公开申请，已予以公开。", (("requests.received", 1), ("requests.granted", 1))),
    # zeros
    ("报告年度内，本单位没有收到任何政府信息公开申请。", (("requests.received", 0),)),
    ("2023年无依申请公开事项。", (("requests.received", 0),)),
    ("本年度没有公民、法人和其他组织向我局提出政府信息公开申请。", (("requests.received", 0),)),
    (
        "我站全年没有接到过信息公开申请，也没有结转下年度办理的申请。",
        (("requests.received", 0), ("requests.carried_out", 0)),
    ),
    (
        "未发生因政府信息公开被申请行政复议、提起行政诉讼的情况。",
        (("disputes.reconsideration.total", 0), ("disputes.litigation.total", 0)),
    ),
    (
        "全年无政府信息公开行政复议案件，无行政诉讼案件。",
        (("disputes.reconsideration.total", 0), ("disputes.litigation.total", 0)),
    ),
    (
        "行政复议、行政诉讼均为0件。",
        (("disputes.reconsideration.total", 0), ("disputes.litigation.total", 0)),
    ),
    (
        "政府信息公开方面的行政复议和行政诉讼均未发生。",
        (("disputes.reconsideration.total", 0), ("disputes.litigation.total", 0)),
    ),
    ("2020年未收取政府信息公开信息处理费。", (("fees.information_processing_yuan", 0),)),
    ("本机关2023年没有收取信息处理费的情况。", (("fees.information_processing_yuan", 0),)),
    ("2024年，我局没有制定行政规范性文件。", (("disclosure.normative_documents.issued", 0),)),
    # disputes
    (
        "因政府信息公开引发行政复议5件，其中结果维持3件、结果纠正1件、尚未审结1件。",
        (
            ("disputes.reconsideration.total", 5),
            ("disputes.reconsideration.upheld", 3),
            ("disputes.reconsideration.corrected", 1),
            ("disputes.reconsideration.pending", 1),
        ),
    ),
    (
        "涉及政府信息公开的行政诉讼案件4起，其中未经复议直接起诉3起，复议后起诉1起。",
        (
            ("disputes.litigation.total", 4),
            ("disputes.direct_litigation.total", 3),
            ("disputes.litigation_after_reconsideration.total", 1),
        ),
    ),
    (
        "政府信息公开类行政复议2件、行政诉讼1件。",
        (("disputes.reconsideration.total", 2), ("disputes.litigation.total", 1)),
    ),
    (
        "全年发生信息公开行政复议案件一件，未发生行政诉讼案件。",
        (("disputes.reconsideration.total", 1), ("disputes.litigation.total", 0)),
    ),
    # posts
    ("2023年，我局通过门户网站主动公开政府信息 1,532 条。", (("posts.website", 1532),)),
    (
        "全年在政务微信公众号推送信息268篇，在政务微博发布信息95条。",
        (("posts.wechat", 268), ("posts.weibo", 95)),
    ),
    ("本年度累计主动公开各类政府信息近3000条。", (("posts.published", 3000, "about"),)),
    (
        "主动公开政府信息约1.2万条，其中网站发布8000余条，政务新媒体发布4000多条。",
        (
            ("posts.published", 12000, "about"),
            ("posts.website", 8000, "at_least"),
            ("posts.new_media", 4000, "at_least"),
        ),
    ),
    ("一年来共发布信息超过500条。", (("posts.published", 500, "at_least"),)),
    (
        "区政府网站发布政务信息2046条，微信公众号发布信息三百余条。",
        (("posts.website", 2046), ("posts.wechat", 300, "at_least")),
    ),
    ("我中心主动公开信息76条次，较去年增加12条次。", (("posts.published", 76),)),
    # normative documents, licences, fees
    (
        "全年制定行政规范性文件4件，废止1件，现行有效36件。",
        (
            ("disclosure.normative_documents.issued", 4),
            ("disclosure.normative_documents.repealed", 1),
            ("disclosure.normative_documents.in_force", 36),
        ),
    ),
    ("截至2023年底，现行有效行政规范性文件共58件。", (("disclosure.normative_documents.in_force", 58),)),
    (
        "2023年出台规范性文件2份并废止规范性文件3份。",
        (("disclosure.normative_documents.issued", 2), ("disclosure.normative_documents.repealed", 3)),
    ),
    (
        "全年作出行政许可决定315件，作出行政处罚决定47件。",
        (
            ("disclosure.administrative_licensing.decisions", 315),
            ("disclosure.administrative_penalties.decisions", 47),
        ),
    ),
    ("2024年共收取信息处理费1.26万元。", (("fees.information_processing_yuan", 12600),)),
    ("收取信息公开处理费 860 元。", (("fees.information_processing_yuan", 860),)),
    ("政府信息公开申请按期答复率达100%。", (("requests.on_time_rate", 100),)),
    # breakdown by unit, other bodies
    (
        "全市收到政府信息公开申请2100件，其中市政府260件、市各部门740件、各县（区）1100件。",
        (
            ("requests.received", 2100),
            ("requests.received@市政府", 260),
            ("requests.received@市各部门", 740),
            ("requests.received@各县(区)", 1100),
        ),
    ),
    # nothing to take
    ("组织开展依申请公开业务培训3次，参训人员120人次。", ()),
    ("2022年收到政府信息公开申请的数量较2021年增长15件。", ()),
    ("全年办理人大代表建议38件、政协提案52件，办结率100%。", ()),
    ("12345热线受理群众诉求4210件，办结4198件。", ()),
    ("全年投入信息化建设经费35万元，收取停车费12万元。", ()),
    ("去年我局收到政府信息公开申请12件。", ()),
    ("严格执行国办发〔2019〕60号文件，联系电话0571-88123456，邮编310000。", ()),
    ("公开财政预决算信息4条、人事信息6条、招标信息9条。", ()),
    ("依法审理行政复议案件156件，审结149件。", ()),
    ("对照2024年工作要点的5个方面12项任务，逐项抓好落实。", ()),
    ("网站全年访问量达到156万人次，页面浏览320万次。", ()),
    ("上半年收到政府信息公开申请8件。", ()),
    ("每周发布信息不少于5条。", ()),
    ("开展规范性文件合法性审查26件，备案规范性文件8件。", ()),
)


def score(cases: tuple[tuple[str, Expected], ...]) -> tuple[float, float, list[str]]:
    """Precision, recall, and what was missed or made up."""
    right = wrong = missed = 0
    faults: list[str] = []
    for text, expected in cases:
        wanted = {(m, float(v), q[0] if q else "exact") for m, v, *q in expected}
        found = {(s.measure, s.value, s.qualifier) for s in find_statements([(None, text, "line=1")])}
        right += len(wanted & found)
        wrong += len(found - wanted)
        missed += len(wanted - found)
        faults += [f"made up {each} in {text!r}" for each in sorted(found - wanted)]
        faults += [f"missed {each} in {text!r}" for each in sorted(wanted - found)]
    return right / max(1, right + wrong), right / max(1, right + missed), faults


def test_held_out_sentences_are_read() -> None:
    precision, recall, faults = score(CASES)
    assert len(CASES) >= 60
    assert precision >= 0.98, faults
    assert recall >= 0.9, faults


@pytest.mark.parametrize("text", [text for text, expected in CASES if not expected])
def test_nothing_is_taken_where_nothing_is_stated(text: str) -> None:
    assert find_statements([(None, text, "line=1")]) == ()
