"""The command line: what is printed, exit codes, and that data cannot steer the terminal."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from pathlib import Path

import dagster as dg
import pytest
from click.testing import Result
from typer.testing import CliRunner

from pipeline import warehouse
from pipeline.cli import app
from pipeline.defs import launch
from pipeline.form.model import forms
from pipeline.settings import DAGSTER_YAML, SettingsFault, settings
from pipeline.terminal import printable
from tests import fakes

pytestmark = pytest.mark.xdist_group("build")


@pytest.fixture(scope="module", autouse=True)
def fake_readers() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("pipeline.defs.launch._instance", dg.DagsterInstance.ephemeral)
        patch.setattr("pipeline.defs.launch.run_build", partial(launch.run_build, read=fakes.read_fake))
        yield


def gongkai(*words: object) -> Result:
    result = CliRunner().invoke(app, [str(word) for word in words])
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    return result


HOSTILE = "\x1b]0;owned\x07[red]坏\u202e.txt"


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Result]:
    folder = tmp_path_factory.mktemp("cli")
    raw = folder / "raw"
    figures = {**fakes.balanced(1234), "received.total": 1235.0, "carried_in.enterprise": None}
    fakes.write(
        raw, "a/2023.txt", agency="南岗区", year=2023, requests=figures, states={"disputes": "missing"}
    )
    fakes.write(raw, "a/2022.txt", agency="南岗区", year=2022)
    fakes.write(raw, "b/evil.txt", agency="\x1b[31m某[bold]局", year=2023)
    (raw / HOSTILE).write_text("{")
    return folder, gongkai("build", "--raw", raw, "--warehouse", folder / "w", "--workers", 2)


def test_build_ends_with_a_table_of_what_there_is(built: tuple[Path, Result]) -> None:
    _, result = built
    assert result.exit_code == 0
    lines = [" ".join(line.replace("│", " ").split()) for line in result.stdout.splitlines()]
    for line in (
        "4 files read, 0 unchanged",
        "parsed 3",
        "unreadable 1",
        "2023 2",
        "blank 1",
        "error · requests.applicant_total 1",
        "error · completeness.disputes 1",
        "南岗区 2023 disputes missing",
    ):
        assert line in lines, line


def test_what_files_say_is_printed_as_text(built: tuple[Path, Result]) -> None:
    folder, result = built
    shown = gongkai("show", "b/evil.txt", "--warehouse", folder / "w").stdout
    listed = gongkai("show", HOSTILE, "--warehouse", folder / "w").stdout
    for text in (result.stdout, result.stderr, shown, listed):
        assert not {"\x1b", "\x07", "\u202e"} & set(text)
    assert r"\x1b[31m某[bold]局" in shown
    assert r"\x1b]0;owned\x07[red]坏\u202e.txt · unreadable" in listed


@pytest.mark.parametrize("report", ["南岗区 2023", "南岗区2023年", "a/2023.txt", "南岗 2023"])
def test_show_finds_a_report_by_what_a_person_knows(built: tuple[Path, Result], report: str) -> None:
    folder, _ = built
    assert "file a/2023.txt" in gongkai("show", report, "--warehouse", folder / "w").stdout


def test_show_finds_a_report_by_its_ids(built: tuple[Path, Result]) -> None:
    folder, _ = built
    with warehouse.connect(folder / "w" / warehouse.NAME, read_only=True) as connection:
        (found,) = connection.execute(
            "select report_id, document_id from dim_document where path = 'a/2022.txt'"
        ).fetchall()
    for word in (*found, found[1][:8]):
        assert "file a/2022.txt" in gongkai("show", word, "--warehouse", folder / "w").stdout


def test_show_prints_the_form_with_doubtful_cells_marked(built: tuple[Path, Result]) -> None:
    folder, _ = built
    text = gongkai("show", "南岗区", "2023", "--warehouse", folder / "w").stdout
    table = forms()["2021"].table("requests")
    for line in table.rows:
        assert line.label[:12] in text
    lines = [[field.strip() for field in line.split("│")[1:-1]] for line in text.splitlines() if "│" in line]
    rows = {fields[0]: fields[1:] for fields in lines}
    assert rows[table.row("received").label] == ["1,234!", "0!", "0!", "0!", "0!", "0!", "1,235!"]
    assert rows[table.row("granted").label] == ["1,234", "0", "0", "0", "0", "0", "1,234"]
    assert rows[table.row("carried_in").label][1] == ""
    assert "[missing]" in text
    assert "requests.applicant_total" in text
    assert "chosen: the only reading" not in text


def test_show_says_why(built: tuple[Path, Result]) -> None:
    folder, _ = built
    text = gongkai("show", "南岗区 2023", "--why", "--warehouse", folder / "w").stdout
    assert "a/2023.txt · requests · chosen: the only reading" in text
    assert "a/2023.txt · heading · title line 1" in text


def test_show_asks_which_of_several(built: tuple[Path, Result]) -> None:
    folder, _ = built
    result = gongkai("show", "南岗区", "--warehouse", folder / "w")
    assert result.exit_code == 1
    assert "南岗区 2022" in result.stderr and "南岗区 2023" in result.stderr


@pytest.mark.parametrize("word", ["无此局 2023", "nothing", "%", "a' or 1=1"])
def test_show_of_what_is_not_there_is_one_line(built: tuple[Path, Result], word: str) -> None:
    folder, _ = built
    result = gongkai("show", word, "--warehouse", folder / "w")
    assert result.exit_code == 1
    assert result.stderr.strip() == f"gongkai: no report, agency or file is called {word}"


def test_show_without_a_warehouse_says_how_to_make_it(tmp_path: Path) -> None:
    result = gongkai("show", "x", "--warehouse", tmp_path)
    assert (result.exit_code, len(result.stderr.splitlines())) == (1, 1)
    assert "`gongkai build` makes it" in result.stderr


def test_an_absent_raw_folder_is_one_line(tmp_path: Path) -> None:
    result = gongkai("build", "--raw", tmp_path / "absent", "--warehouse", tmp_path / "w")
    assert (result.exit_code, len(result.stderr.splitlines())) == (1, 1)
    assert "no raw folder" in result.stderr
    assert not (tmp_path / "w").exists()


def test_an_empty_folder_is_an_empty_warehouse(tmp_path: Path) -> None:
    (tmp_path / "raw").mkdir()
    result = gongkai("build", "--raw", tmp_path / "raw", "--warehouse", tmp_path / "w")
    assert result.exit_code == 0, result.stderr
    assert "0 files read, 0 unchanged" in result.stdout


def test_a_warehouse_that_cannot_be_written_is_one_line_and_nothing_is_written(tmp_path: Path) -> None:
    (tmp_path / "raw").mkdir()
    (tmp_path / "file").write_text("mine")
    result = gongkai("build", "--raw", tmp_path / "raw", "--warehouse", tmp_path / "file")
    assert (result.exit_code, len(result.stderr.splitlines())) == (1, 1)
    assert "cannot write to the warehouse folder" in result.stderr
    assert (tmp_path / "file").read_text() == "mine"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["file", "raw"]


def test_a_second_build_at_the_same_time_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "raw").mkdir()
    with warehouse.lock(tmp_path / "w"):
        result = gongkai("build", "--raw", tmp_path / "raw", "--warehouse", tmp_path / "w")
    assert (result.exit_code, len(result.stderr.splitlines())) == (1, 1)
    assert "another run is writing" in result.stderr


def test_a_fault_of_the_pipeline_is_exit_1(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "raw").mkdir()
    fault = launch.Outcome("the checks are broken")
    monkeypatch.setattr("pipeline.defs.launch.run_build", lambda *_: fault)
    result = gongkai("build", "--raw", tmp_path / "raw", "--warehouse", tmp_path / "w")
    assert (result.exit_code, result.stderr.strip()) == (1, "gongkai: the checks are broken")


def test_dev_serves_this_machine_only_and_keeps_its_state_under_data(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    started: list[tuple[list[str], dict[str, str]]] = []
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("pipeline.cli.dagster_home", lambda: None)
    monkeypatch.setattr("pipeline.cli.INSTANCE", tmp_path / "instance")
    monkeypatch.setattr("os.execve", lambda _, command, environment: started.append((command, environment)))
    assert gongkai("dev", "--port", 3900).exit_code == 0
    ((command, environment),) = started
    assert command[-4:] == ["-h", "127.0.0.1", "-p", "3900"]
    assert environment["DAGSTER_HOME"] == str(tmp_path / "instance")
    assert (tmp_path / "instance" / "dagster.yaml").read_bytes() == DAGSTER_YAML.read_bytes()


@pytest.mark.parametrize("value", ["many", "-1", "nan", "inf"])
def test_a_variable_that_is_no_number_is_named(value: str) -> None:
    with pytest.raises(SettingsFault, match="GONGKAI_WORKERS"):
        settings(environ={"GONGKAI_WORKERS": value})


def test_settings_are_what_is_given_else_the_environment_s_else_the_project_s(tmp_path: Path) -> None:
    environ = {"GONGKAI_RAW": str(tmp_path / "raw"), "GONGKAI_DOCUMENT_SECONDS": "7.5"}
    found = settings(warehouse=tmp_path, workers=3, environ=environ)
    assert (found.raw, found.warehouse, found.workers) == (tmp_path / "raw", tmp_path, 3)
    assert (found.document_seconds, found.document_megabytes) == (7.5, 4096)
    assert settings(environ={}).raw == Path(__file__).parents[1] / "data" / "raw"


def test_text_is_escaped_and_stays_readable() -> None:
    assert printable("总计 12（件）") == "总计 12（件）"
    assert printable("a\nb\t\x1b[0m\u200f\ud800") == r"a\x0ab\x09\x1b[0m\u200f\ud800"
