"""The form as data: what the shipped files hold, and that a faulty one is named with its place."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from pipeline.form import FormFault, forms, load_form, terms
from pipeline.form.folding import label_key
from pipeline.form.lookups import lookups
from pipeline.form.model import HERE

CELLS = {
    "2014": {"indicators": 58},
    "2019": {"disclosure": 22, "requests": 161, "disputes": 15},
    "2021": {"disclosure": 10, "requests": 175, "disputes": 15},
}


@pytest.mark.parametrize("version", CELLS)
def test_a_form_has_the_cells_that_it_prints(version: str) -> None:
    form = forms()[version]
    assert {t.code: len(t.cells) for t in form.tables} == CELLS[version]


def test_a_row_knows_its_place() -> None:
    row = forms()["2021"].table("requests").row("declined_repeated")
    assert row.path == ("三、本年度办理结果", "（五）不予处理", "2.重复申请")


def test_a_group_is_its_parts() -> None:
    table = forms()["2021"].table("requests")
    assert table.row("other").parts == ("other_correction_overdue", "other_fee_overdue", "other_other")
    assert not forms()["2019"].table("requests").row("other").is_group


def test_identities_are_read_as_terms() -> None:
    table = forms()["2021"].table("disclosure")
    (stock,) = table.across_years
    left, right = terms(stock)
    assert [(t.sign, t.code, t.previous) for t in left] == [(1, "in_force", False)]
    assert [(t.sign, t.code, t.previous) for t in right] == [
        (1, "in_force", True),
        (1, "issued", False),
        (-1, "repealed", False),
    ]


def _broken(tmp_path: Path, change) -> Path:  # type: ignore[no-untyped-def]
    data = yaml.safe_load((HERE / "form_2021.yaml").read_text(encoding="utf-8"))
    change(data)
    path = tmp_path / "form_2021.yaml"
    path.write_text(yaml.safe_dump(data, allow_unicode=True), encoding="utf-8")
    return path


@pytest.mark.parametrize(
    ("change", "place"),
    [
        (lambda d: d["tables"][1].pop("title"), r"tables\.1\.title"),
        (
            lambda d: d["tables"][1]["blocks"][0]["rows"][0].update(code="Not A Code"),
            r"tables\.1\.blocks\.0\.rows\.0",
        ),
        (lambda d: d["tables"][1]["blocks"][0]["rows"][0].update(colour="red"), r"rows\.0\.colour"),
        (
            lambda d: d["tables"][1]["blocks"][0]["rows"][1].update(code="received"),
            r"requests.*'received' stands twice",
        ),
        (lambda d: d["tables"][1]["identities"][0].update(says="received = nothing_known"), r"nothing_known"),
        (lambda d: d["tables"][1]["identities"][0].update(says="received + carried_in"), r"exactly one '='"),
        (
            lambda d: d["tables"][1]["identities"][0].update(says="received carried_in = granted"),
            r"cannot read",
        ),
        (
            lambda d: d["tables"][2]["identities"][0].update(code="requests.total"),
            r"must begin with the table's",
        ),
        (lambda d: d["tables"].append(d["tables"][0]), r"'disclosure' stands twice"),
    ],
)
def test_a_faulty_form_is_refused_with_the_place(tmp_path: Path, change, place: str) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(FormFault, match=place):
        load_form(_broken(tmp_path, change))


def test_a_form_that_is_no_yaml_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "form_2021.yaml"
    path.write_text("form: [", encoding="utf-8")
    with pytest.raises(FormFault, match="not YAML"):
        load_form(path)


def test_lookups_name_only_codes_of_the_forms() -> None:
    assert "normative_documents" in lookups().rows["disclosure"]


@pytest.mark.parametrize(
    ("text", "ordinal", "mark", "words"),
    [
        ("（三） 不予公开", 3, "paren", "不予公开"),
        ("(七) 总计", 7, "paren", "总计"),
        ("3、 收到和处理", 3, "digit", "收到和处理"),
        ("三、本\n年\n度\n办\n理\n结\n果", 3, "section", "本年度办理结果"),
        ("l六、存在的主要问题", 6, "section", "存在的主要问题"),
        ("危及“三安全一稳定”", 0, "", "危及三安全一稳定"),
        ("⼀、本年新收", 1, "section", "本年新收"),
        ("行政規範性文件", 0, "", "行政规范性文件"),
        ("其\u200b他", 0, "", "其他"),
    ],
)
def test_labels_fold(text: str, ordinal: int, mark: str, words: str) -> None:
    key = label_key(text)
    assert (key.ordinal, key.mark, key.words) == (ordinal, mark, words)
