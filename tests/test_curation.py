"""Settled findings: what is read, what it does to the tables over rebuilds, and the commands."""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Iterator
from datetime import date
from functools import partial
from pathlib import Path

import dagster as dg
import pytest
import yaml
from click.testing import Result
from typer.testing import CliRunner

from pipeline import frames, warehouse
from pipeline.cli import app
from pipeline.curation.applying import cells_of_finding
from pipeline.curation.decisions import Decision, Sides, load_folder, parse, rows
from pipeline.curation.writing import SettleFault, entry_text, file_name, settle
from pipeline.defs import launch
from pipeline.settings import settings
from tests import fakes

pytestmark = pytest.mark.xdist_group("build")
DOCUMENT = "3f" * 32


@pytest.fixture(scope="module", autouse=True)
def fake_readers() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("pipeline.defs.launch._instance", dg.DagsterInstance.ephemeral)
        patch.setattr("pipeline.defs.launch.run_build", partial(launch.run_build, read=fakes.read_fake))
        yield


# What is read.


def entry(**changed: object) -> dict[str, object]:
    said: dict[str, object] = {
        "document": DOCUMENT,
        "cell": "disputes.reconsideration.total",
        "printed": 0,
        "decision": "confirmed",
        "reason": "the total was left empty; the parts give 11",
        "date": date(2026, 11, 20),
    }
    return {name: value for name, value in {**said, **changed}.items() if value != "absent"}


def text(*entries: dict[str, object]) -> str:
    return yaml.safe_dump(list(entries), allow_unicode=True, sort_keys=False)


@pytest.mark.parametrize(
    "changed",
    [
        {},
        {"printed": None},
        {"decision": "corrected", "value": 11},
        {"cell": "disclosure.administrative_fees.amount_10k_yuan", "decision": "corrected", "value": 1.5},
        {"cell": "disclosure.administrative_licensing.items_change", "decision": "corrected", "value": -3},
        {"cell": "indicators.disclosed_total.statistic", "decision": "dismissed"},
        {"cell": "absent", "check": "requests.balance/total", "printed": {"left": 3, "right": 4.5}},
        {"cell": "absent", "check": "completeness.disputes/missing", "printed": None},
        {"by": "张三", "source": "报告第4页", "report": "a-2023", "file": "a/2023.pdf"},
    ],
)
def test_a_sound_entry_is_a_decision_and_fits_its_table(changed: dict[str, object]) -> None:
    (found,) = parse(text(entry(**changed)), "a.yaml")
    assert found.fault is None and found.decision is not None
    good, bad = frames.typed("decisions", rows([found]))
    assert (good.height, bad.height) == (1, 0)


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"document": "3f0c"}, "document"),
        ({"printed": "absent"}, "printed"),
        ({"printed": "0"}, "printed"),
        ({"printed": True}, "printed"),
        ({"cell": "requests.received"}, "no form has the cell"),
        ({"cell": "requests.received.totals"}, "no form has the cell"),
        ({"cell": "absent"}, "either cell or check"),
        ({"check": "requests.balance/total"}, "either cell or check"),
        ({"decision": "wrong"}, "decision"),
        ({"decision": "corrected"}, "value is for decision corrected"),
        ({"value": 3}, "value is for decision corrected"),
        ({"decision": "corrected", "value": 0}, "is the printed one"),
        ({"decision": "corrected", "value": 1.5}, "no whole number"),
        ({"decision": "corrected", "value": -1}, "below zero"),
        ({"decision": "corrected", "value": 1e300}, "value"),
        ({"reason": " "}, "reason"),
        ({"date": "20 November"}, "date"),
        ({"date": "absent"}, "date"),
        ({"reviewer": "me"}, "reviewer"),
        ({"printed": {"left": 1, "right": 2}}, "one figure"),
        ({"cell": "absent", "check": "requests.balance", "printed": None}, "no check and scope"),
        ({"cell": "absent", "check": "requests.balance/total"}, "left"),
        (
            {"cell": "absent", "check": "requests.balance/total", "printed": None}
            | {"decision": "corrected", "value": 3},
            "a correction names a cell",
        ),
    ],
)
def test_an_entry_that_cannot_be_used_says_why_and_the_others_count(
    changed: dict[str, object], said: str
) -> None:
    other = entry(cell="requests.received.total")
    faulty, sound = parse(text(entry(**changed), other), "a.yaml")
    assert faulty.decision is None and faulty.fault is not None and said in faulty.fault
    assert "\n" not in faulty.fault
    assert sound.decision is not None
    assert frames.typed("decisions", rows([faulty, sound]))[1].is_empty()


@pytest.mark.parametrize(
    ("said", "fault"),
    [
        ("- {", "not YAML: line"),
        ("document: x", "no list"),
        ("- &a {x: 1}\n- *a\n", "aliases"),
        ("- {reason: a, reason: b}\n", "'reason' stands twice"),
        ("- !!python/object/apply:os.system [id]\n", "not YAML"),
        ("- \x00", "not YAML"),
        ("- 3", "Input"),
        ("- [1, 2]", "Input"),
    ],
)
def test_a_file_that_is_no_list_of_decisions_is_one_line(said: str, fault: str) -> None:
    found = parse(said, "a.yaml")
    assert [one.decision for one in found] == [None] * len(found)
    assert fault in str(found[0].fault) and "\n" not in str(found[0].fault)


@pytest.mark.parametrize("printed", ["1:30", "010", "0x1f", "1_000", ".inf", "yes", "1e3"])
def test_only_what_looks_like_a_number_is_one(printed: str) -> None:
    (found,) = parse(text(entry()).replace("printed: 0", f"printed: {printed}"), "a.yaml")
    assert found.decision is None and "printed" in str(found.fault)


def test_a_folder_may_be_absent_or_empty_or_hold_what_cannot_be_read(tmp_path: Path) -> None:
    assert load_folder(None) == load_folder(tmp_path / "absent") == load_folder(tmp_path) == ()
    (tmp_path / "b.yaml").write_bytes(b"\xff\xfe")
    (tmp_path / "a.yaml").mkdir()
    (tmp_path / "notes.md").write_text("not read")
    (tmp_path / ".b.yaml.12.tmp").write_text("not read")
    (tmp_path / "c.yml").write_text("# nothing yet\n")
    assert [(one.file, one.fault) for one in load_folder(tmp_path)] == [
        ("a.yaml", "cannot be read: Is a directory"),
        ("b.yaml", "is no UTF-8 text"),
    ]


def test_of_two_decisions_about_one_thing_none_counts(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text(text(entry(), entry(cell="requests.received.total")))
    (tmp_path / "b.yaml").write_text(text(entry(decision="dismissed")))
    first, other, second = load_folder(tmp_path)
    assert first.fault == "decided more than once, see also b.yaml entry 1"
    assert second.fault == "decided more than once, see also a.yaml entry 1"
    assert other.decision is not None


def test_the_cells_of_a_finding_are_the_identity_s() -> None:
    assert cells_of_finding("requests.applicant_total", "received") >= {
        "requests.received.total",
        "requests.received.enterprise",
    }
    assert "requests.refused_state_secret.total" in cells_of_finding("requests.outcome_total", "total")
    # Of a balance of two years only this year's cell is this report's.
    assert cells_of_finding("requests.carry_over", "total") == {"requests.carried_in.total"}
    assert cells_of_finding("completeness.disputes", "missing") == frozenset()


# What is written.


def decision(**changed: object) -> Decision:
    said = {**entry(date="2026-11-20"), **changed}
    return Decision(**said)  # type: ignore[arg-type]


def test_what_is_written_is_read_again_and_comments_stay(tmp_path: Path) -> None:
    path = settle(tmp_path / "new", "harbin", decision())
    assert path == tmp_path / "new" / "harbin.yaml"
    path.write_text("# ours\n" + path.read_text().rstrip("\n"), encoding="utf-8")
    odd = decision(cell="requests.received.total", reason="1:30 # {a: 'b'}\n- c", by="null", printed=1e-5)
    settle(tmp_path / "new", "harbin", odd)
    assert path.read_text().startswith("# ours\n- document: ")
    assert [one.decision for one in load_folder(tmp_path / "new")] == [decision(), odd]
    assert [one.name for one in path.parent.iterdir()] == ["harbin.yaml"]


def test_an_entry_reads_as_a_person_writes_it() -> None:
    sides = decision(cell=None, check="requests.balance/total", printed=Sides(3.0, 4.5), by="张三")
    assert entry_text(sides).splitlines() == [
        f"- document: {DOCUMENT}",
        "  check: requests.balance/total",
        "  printed:",
        "    left: 3",
        "    right: 4.5",
        "  decision: confirmed",
        "  reason: the total was left empty; the parts give 11",
        "  by: 张三",
        "  date: 2026-11-20",
    ]


def test_a_second_decision_needs_to_be_told_to_replace_the_first(tmp_path: Path) -> None:
    (tmp_path / "old.yml").write_text(text(entry(), entry(cell="requests.received.total")))
    with pytest.raises(SettleFault, match="settled already: confirmed on 2026-11-20"):
        settle(tmp_path, "a", decision(decision="dismissed"))
    assert not (tmp_path / "a.yaml").exists()
    settle(tmp_path, "a", decision(decision="dismissed"), lambda one: one.key == decision().key)
    assert [(one.file, one.decision and one.decision.decision) for one in load_folder(tmp_path)] == [
        ("a.yaml", "dismissed"),
        ("old.yml", "confirmed"),
    ]
    settle(tmp_path, "a", decision(), lambda one: one.key == decision().key)
    assert next(one.decision for one in load_folder(tmp_path)) == decision()


@pytest.mark.parametrize("content", ["- {", "- reason: x\n", "[]\n", "--- []\n...\n"])
def test_a_file_that_cannot_be_added_to_stays_as_it_is(tmp_path: Path, content: str) -> None:
    (tmp_path / "a.yaml").write_text(content)
    with pytest.raises(SettleFault, match=r"a\.yaml"):
        settle(tmp_path, "a", decision())
    assert (tmp_path / "a.yaml").read_text() == content


def test_a_folder_that_cannot_be_written_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(SettleFault, match="cannot write to the curation folder"):
        settle(tmp_path / "file", "a", decision())


@pytest.mark.parametrize("source", ["../../etc", "..", ".hidden", "a b\n", "长" * 300, "con\x1b[0m"])
def test_any_source_has_a_plain_file_of_its_own(source: str) -> None:
    name = file_name(source)
    assert not set(name) & set("/\x1b\n \\") and not name.startswith(".")
    assert len(name.encode()) < 250 and name != file_name(source + "2")
    assert file_name("南岗区") == "南岗区.yaml"


# What they do to the tables.

FIGURES = fakes.balanced(3)
WRONG = {**FIGURES, "received.total": 4.0}


class Place:
    """A raw folder, its warehouse and its decisions."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.raw, self.curation = folder, folder / "raw", folder / "curation"
        self.curation.mkdir(exist_ok=True)
        self.write()

    def write(self, **said: object) -> Path:
        fakes.write(self.raw, "a/2022.txt", agency="南岗区", year=2022, requests=FIGURES)
        given = {"agency": "南岗区", "year": 2023, "requests": WRONG, **said}
        return fakes.write(self.raw, "a/2023.txt", **given)

    def command(self, name: str, *words: object) -> Result:
        given = [name, *(str(word) for word in words), "--warehouse", str(self.folder / "w")]
        given += ["--curation", str(self.curation)] if name in ("build", "settle") else []
        result = CliRunner().invoke(app, given)
        assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
        return result

    def build(self) -> Result:
        result = self.command("build", "--raw", self.raw, "--workers", 2)
        assert result.exit_code == 0, result.stderr
        return result

    def settle(self, *words: object, as_: str = "confirmed", reason: str = "so printed") -> Result:
        return self.command("settle", "南岗区2023", *words, "--as", as_, "--reason", reason)

    def query(self, sql: str) -> list[tuple]:
        with warehouse.connect(self.folder / "w" / warehouse.NAME, read_only=True) as connection:
            return connection.execute(sql).fetchall()

    def findings(self, but: str = "plausibility") -> dict[str, str | None]:
        found = self.query(
            "select check_code || '/' || scope, settled from mart_findings where report_year = 2023"
        )
        return {name: settled for name, settled in found if not name.startswith(but)}

    def panel(self) -> tuple:
        (row,) = self.query(
            "select errors, settled_findings, is_clean from mart_panel where report_year = 2023"
        )
        return row

    def total(self) -> tuple:
        (row,) = self.query(
            "select value, derived_value, best_value, corrected_value from fact_request"
            " where outcome = 'received' and applicant = 'total' and report_id like '%-2023'"
        )
        return row


BALANCE, APPLICANTS = "requests.balance/total", "requests.applicant_total/received"


@pytest.fixture(scope="module")
def first_build(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = Place(tmp_path_factory.mktemp("curation"))
    made.build()
    assert {BALANCE, APPLICANTS} <= set(made.findings())
    return made.folder


@pytest.fixture
def place(first_build: Path, tmp_path: Path) -> Place:
    """A copy of a build with two findings and no decisions, to build on."""
    shutil.copytree(first_build, tmp_path, dirs_exist_ok=True)
    return Place(tmp_path)


def test_a_settled_finding_stays_listed_with_its_decision_over_rebuilds(place: Place) -> None:
    before = place.findings()
    result = place.settle(BALANCE, as_="dismissed", reason="两处口径不同")
    assert result.exit_code == 0, result.stderr
    assert "a.yaml" in result.stdout and "reason: 两处口径不同" in result.stdout
    assert f"settles {BALANCE}" in result.stdout
    for _ in range(2):
        place.build()
        assert place.findings() == {**before, BALANCE: "dismissed"}
        assert place.total() == (4, None, 4, None)
    assert "[dismissed]" in place.command("findings", "--settled").stdout
    assert place.panel() == (1, 1, False)


def test_a_report_without_errors_but_dismissed_ones_is_clean(place: Place) -> None:
    for name in (BALANCE, APPLICANTS):
        assert place.settle(name, as_="dismissed").exit_code == 0
    place.build()
    assert place.panel() == (0, 2, True)


def test_a_confirmed_cell_settles_the_identities_it_stands_in(place: Place) -> None:
    result = place.settle("requests.received.total")
    assert {f"settles {BALANCE}", f"settles {APPLICANTS}"} <= set(result.stdout.splitlines())
    place.build()
    assert {name for name, settled in place.findings().items() if settled == "confirmed"} >= {
        BALANCE,
        APPLICANTS,
    }
    # Nobody has to look at it again; its figures are wrong all the same.
    assert place.panel() == (0, 2, False)


def test_a_corrected_value_stands_in_a_column_of_its_own(place: Place) -> None:
    assert place.settle("requests.received.total", "--value", "3", as_="corrected").exit_code == 0
    place.build()
    assert place.total() == (4, None, 4, 3)
    for panel, figure in (("mart_panel", 3), ("mart_panel_printed", 4)):
        assert place.query(f"select max(requests_received) from {panel} where report_year = 2023") == [
            (figure,)
        ]
    others = "select count(*) from fact_request where corrected_value is not null"
    assert place.query(others) == [(1,)]
    found = place.findings()
    assert (found[BALANCE], found[APPLICANTS]) == ("corrected", "corrected")
    shown = place.command("show", "南岗区2023").stdout
    assert "4! ⇒3" in shown and "[corrected]" in shown
    assert not [name for name in found if name.startswith("curation.")]


def test_a_corrected_value_that_closes_nothing_settles_nothing_and_breaks_tell(place: Place) -> None:
    assert place.settle("requests.granted.total", "--value", "9", as_="corrected").exit_code == 0
    place.build()
    found = place.findings()
    assert (found[BALANCE], found[APPLICANTS]) == (None, None)
    assert {
        "curation.breaks/requests.outcome_total/total",
        "curation.breaks/requests.applicant_total/granted",
    } <= set(found)
    assert place.settle("curation.breaks/requests.outcome_total/total").exit_code == 1


@pytest.mark.slow
def test_other_bytes_make_a_decision_stale_and_the_old_ones_bring_it_back(place: Place) -> None:
    place.settle("requests.received.total", "--value", "3", as_="corrected")
    place.settle("requests.balance/total", as_="dismissed")
    place.write(states={"disputes": "missing"})
    place.build()
    found = place.findings()
    assert (found[BALANCE], place.total()) == (None, (4, None, 4, None))
    stale = "select scope, severity, status, message from check_result where check_code = 'curation.stale'"
    rows_ = place.query(stale + " order by scope")
    assert [row[:3] for row in rows_] == [
        ("requests.balance/total", "warn", "fail"),
        ("requests.received.total", "warn", "fail"),
    ]
    assert all("another one now" in row[3] and "a.yaml" in row[3] for row in rows_)
    # The name of the file of decisions is not that of the finding: it is settled by changing it.
    assert place.settle("curation.stale/requests.balance/total").exit_code == 1
    assert place.settle("requests.balance/total", "--replace", as_="dismissed").exit_code == 0
    place.build()
    assert [row[0] for row in place.query(stale)] == ["requests.received.total"]
    place.write()
    place.build()
    assert place.total() == (4, None, 4, 3)
    assert [row[0] for row in place.query(stale)] == ["requests.balance/total"]


def test_another_figure_makes_a_decision_stale(place: Place) -> None:
    """As where a later reader reads the same bytes otherwise."""
    file = place.raw / "a" / "2023.txt"
    document = hashlib.sha256(file.read_bytes()).hexdigest()
    entries = [
        entry(document=document, cell="requests.received.total", printed=5, decision="corrected", value=3),
        entry(document=document, cell="absent", check=BALANCE, printed={"left": 5, "right": 3}),
        entry(document=document, cell="disclosure.regulations.newly_made"),
    ]
    (place.curation / "any.yaml").write_text(text(*entries))
    place.build()
    assert place.total() == (4, None, 4, None)
    stale = "select scope, message from check_result where check_code = 'curation.stale' order by scope"
    assert [(scope, message.split("but ")[1].split(":")[0]) for scope, message in place.query(stale)] == [
        ("disclosure.regulations.newly_made", "the cell is no longer read"),
        (BALANCE, "it is no longer found, or with other figures"),
        ("requests.received.total", "the cell now has 4, not 5"),
    ]


@pytest.mark.slow
def test_deleting_and_adding_a_file_again_changes_findings_and_keeps_decisions(place: Place) -> None:
    place.settle("requests.received.total")
    place.build()
    first = place.findings()
    file = place.raw / "a" / "2023.txt"
    content = file.read_bytes()
    file.unlink()
    place.build()
    assert place.findings() == {}
    assert place.query("select count(*) from check_result where check_code = 'curation.stale'") == [(0,)]
    assert place.query("select count(*) from decisions") == [(1,)]
    (place.raw / "a" / "moved.txt").write_bytes(content)
    place.build()
    assert place.findings() == first


@pytest.mark.slow
def test_a_better_file_of_the_report_makes_the_decision_stale(place: Place) -> None:
    place.write(requests={**WRONG, "carried_in.total": None})
    place.build()
    place.settle("requests.received.total", "--value", "3", as_="corrected")
    fakes.write(place.raw, "z.txt", agency="南岗区", year=2023, requests=WRONG)
    place.build()
    assert place.total() == (4, None, 4, None)
    ((message,),) = place.query("select message from check_result where check_code = 'curation.stale'")
    assert "come from another file" in message


def test_a_faulty_file_is_told_and_fails_no_build(place: Place) -> None:
    place.settle("requests.received.total")
    (place.curation / "b\x1b.yaml").write_text("- {")
    (place.curation / "c.yaml").write_text(text(entry(decision="corrected", value=1.5)))
    result = place.build()
    told = [line for line in result.stderr.splitlines() if "does not count" in line]
    assert len(told) == 2 and "not YAML" in told[0] and "no whole number" in told[1]
    assert "\x1b" not in result.stderr
    assert place.findings()[BALANCE] == "confirmed"
    assert place.query("select count(*) from decisions where fault is not null") == [(2,)]


@pytest.mark.parametrize(
    ("words", "as_", "said"),
    [
        (("requests.received.totals",), "confirmed", "no cell (table.row.column) and no finding"),
        (("requests.balance/enterprise",), "dismissed", "no finding requests.balance/enterprise"),
        (("disclosure.regulations.newly_made",), "confirmed", "the report has no cell"),
        ((BALANCE, "--value", "3"), "corrected", "a correction names a cell"),
        (("requests.received.total",), "corrected", "value is for decision corrected"),
        (("requests.received.total", "--value", "4"), "corrected", "is the printed one"),
        (("requests.received.total", "--value", "2.5"), "corrected", "no whole number"),
        (("requests.received.total", "--value", "nan"), "corrected", "no figure"),
        (("requests.received.total", "--value", "3"), "confirmed", "value is for decision corrected"),
    ],
)
def test_what_does_not_exist_is_refused_and_nothing_is_written(
    place: Place, words: tuple[str, ...], as_: str, said: str
) -> None:
    result = place.settle(*words, as_=as_)
    assert result.exit_code == 1 and said in result.stderr, result.stderr
    assert list(place.curation.iterdir()) == []


def test_an_unknown_report_or_an_absent_curation_folder_is_one_line(place: Place) -> None:
    result = place.command("settle", "无此局 2023", BALANCE, "--as", "confirmed", "--reason", "x")
    assert (result.exit_code, len(result.stderr.splitlines())) == (1, 1)
    place.curation.rmdir()
    result = place.command("build", "--raw", place.raw)
    assert result.exit_code == 1 and "no curation folder" in result.stderr
    assert place.settle(BALANCE).exit_code == 0


def test_a_finding_is_named_by_its_code_where_that_is_enough(place: Place) -> None:
    assert place.settle("requests.applicant_total").exit_code == 0
    result = place.settle("requests.applicant_total")
    assert result.exit_code == 1 and "settled already" in result.stderr


def test_findings_are_listed_worst_first_and_by_what_is_asked(place: Place) -> None:
    everything = place.command("findings", "--limit", 1000).stdout
    assert everything.index(APPLICANTS) < everything.index("warn")
    assert BALANCE in place.command("findings", "--code", "requests.balance").stdout
    assert "curation" not in place.command("findings", "--code", "requests").stdout
    assert BALANCE not in place.command("findings", "--report", "南岗区2022").stdout
    assert BALANCE not in place.command("findings", "--severity", "warn").stdout
    assert "0 findings" in place.command("findings", "--settled").stdout
    assert BALANCE in place.command("findings", "--open").stdout
    short = place.command("findings", "--limit", 1).stdout
    assert "not shown; --limit" in short
    assert place.command("findings", "--severity", "bad").exit_code == 1


def test_the_folder_is_what_is_given_else_the_environment_s_else_the_project_s(tmp_path: Path) -> None:
    environ = {"GONGKAI_CURATION": str(tmp_path / "e")}
    assert settings(environ=environ, curation=tmp_path).curation == tmp_path
    assert settings(environ=environ).curation == tmp_path / "e"
    assert settings(environ={}).curation == Path(__file__).parents[1] / "data" / "curation"
