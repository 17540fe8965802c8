"""The narrative of generated reports, in our own words, with the figures that it states.

Here: sentences by seed. Not here: wordings of the form itself, which come from the form.
"""

from __future__ import annotations

import random
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal

from tests.render.figures import Figures
from tests.render.layout import plain

Paragraphs = tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class Narrative:
    """Preface, sections without tables as (topic, sentence), and the figures stated, by measure."""

    preface: str
    sections: Mapping[str, Paragraphs]
    statements: Mapping[str, Decimal]


_PREFACE = (
    "现将{agency}{year}年政府信息公开工作情况报告如下。数据的统计时段为{year}年1月1日至12月31日。"
    "对内容有疑问的，可与{region}{agency}联系（电话：0000-1234567）。",
    "为方便公众了解{agency}{year}年的信息公开工作，特编写本报告，所用数据均截至{year}年12月31日。",
    "依照《政府信息公开条例》，{agency}编写了{year}年度报告，分六个部分，并附三张统计表。",
)
_OPEN = (
    "全年在网站更新栏目，并通过政务新媒体推送便民提示。",
    "本年把办事指南改写成问答，逐条挂网，旧稿同时下线。",
    "围绕群众常问的事项整理了目录，按季度核对一遍链接。",
)
_MANAGE = ("文件起草时即标明公开属性，发布前由两人核稿。", "清理了过期栏目，历史文件统一编号存档。")
_PLATFORM = ("网站完成一次无障碍改造，检索框移到首页上方。", "合并了两个长期停更的账号，保留一个主账号。")
_SUPPORT = ("举办业务讲解会，新到岗人员均参加。", "每月抽查一次栏目，发现的问题当周改好。")
_PROBLEMS = (
    ("一是个别栏目更新偏慢。", "二是解读材料图表较少。"),
    ("一是岗位人员变动后衔接不够顺。", "二是答复文书格式不够统一。"),
)
_PLANS = ("下一步将固定更新日期，并为新人配一份操作手册。", "今后将统一文书样式，增加图解。")
_OTHER = ("除上述内容外，没有其他需要说明的情况。", "其余事项无补充。")


def narrative(agency: str, year: int, figures: Figures, seed: int, region: str = "") -> Narrative:
    """The text of a report; every figure in it agrees with the tables."""
    # 示例省示例市 + 示例市教育局 is written 示例省示例市教育局.
    shared = next((n for n in range(len(region), 0, -1) if agency.startswith(region[-n:])), 0)
    region = region[: len(region) - shared]
    rng = random.Random(f"words/{seed}/{agency}/{year}")

    def total(row: str) -> Decimal:
        return figures["requests", row, "total"]

    statements: dict[str, Decimal] = {}
    if rng.random() < 0.7:
        statements = {
            "requests.received": total("received"),
            "requests.outcome_total": total("outcome_total"),
            "requests.carried_out": total("carried_out"),
        }
        asked = (
            f"{year}年共收到政府信息公开申请{plain(statements['requests.received'])}件，"
            f"办结{plain(statements['requests.outcome_total'])}件，"
            f"结转下年度{plain(statements['requests.carried_out'])}件。"
        )
    else:
        asked = "申请渠道保持畅通，答复前均与申请人电话核对需求。"
    problems = rng.choice(_PROBLEMS)
    return Narrative(
        preface=rng.choice(_PREFACE).format(agency=agency, year=year, region=region),
        sections={
            "overview": (
                ("（一）主动公开。", rng.choice(_OPEN)),
                ("（二）依申请公开。", asked),
                ("（三）政府信息管理。", rng.choice(_MANAGE)),
                ("（四）平台建设。", rng.choice(_PLATFORM)),
                ("（五）监督保障。", rng.choice(_SUPPORT)),
            ),
            "problems": (("", "".join(problems)), ("", rng.choice(_PLANS))),
            "other": (("", rng.choice(_OTHER)),),
        },
        statements=statements,
    )


# Agencies that do not exist, of the kinds that report. (region, agency as in the title)
AGENCIES: tuple[tuple[str, str], ...] = (
    ("示例省", "示例市人民政府"),
    ("示例省示例市", "示例市云山区"),
    ("示例省示例市", "示例市教育局"),
    ("示例省示例市云山区", "云山区样本镇人民政府"),
    ("示例省示例市云山区", "云山区样本街道办事处"),
    ("示例省示例市", "示例市市场监督管理局"),
    ("示例省", "示例县卫生健康局"),
    ("示例省示例县", "示例县范本乡"),
    ("示例省示例市", "示例市云山区人民政府办公室"),
)
