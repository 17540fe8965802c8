"""`gongkai doctor`: what is missing is named with what to do, and only what a build needs is exit 1."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from functools import partial
from pathlib import Path
from types import SimpleNamespace

import duckdb
import pytest
from click.testing import Result
from typer.testing import CliRunner

from pipeline import doctor, warehouse, warehouse_version
from pipeline.cli import app
from pipeline.reading import ocr_models, office
from pipeline.settings import settings

Asked = Callable[..., Result]


@pytest.fixture
def asked(tmp_path: Path) -> Asked:
    """`gongkai doctor` over folders of its own."""
    (tmp_path / "raw").mkdir()

    def run(*words: object, raw: Path = tmp_path / "raw", folder: Path = tmp_path / "w") -> Result:
        folders = ("--raw", raw, "--warehouse", folder, "--curation", tmp_path / "curation")
        result = CliRunner().invoke(app, [str(word) for word in ("doctor", *folders, *words)])
        assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
        return result

    return run


def one(result: Result, name: str, area: str = "") -> dict[str, str]:
    said = json.loads(result.stdout)
    assert said["ok"] is (result.exit_code == 0)
    (found,) = [check for check in said["checks"] if check["name"] == name and area in check["area"]]
    return dict(found)


def test_a_machine_that_has_everything_needed(asked: Asked, tmp_path: Path) -> None:
    result = asked()
    assert result.exit_code == 0, result.stdout
    for word in (
        "Python",
        "DuckDB",
        duckdb.__version__,
        "pdfium",
        "磁盘 disk",
        "内存 memory",
        "可选 optional",
    ):
        assert word in result.stdout
    found = one(asked("--json"), "raw")
    assert (found["state"], found["found"], found["advice"]) == ("ok", str(tmp_path / "raw"), "")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["raw"], "looking leaves nothing behind"


def test_what_a_build_cannot_work_without_is_exit_1(asked: Asked, tmp_path: Path) -> None:
    result = asked("--json", raw=tmp_path / "absent")
    assert result.exit_code == 1
    assert one(result, "raw")["advice"].startswith("put reports there")
    (tmp_path / "file").write_text("mine")
    result = asked("--json", folder=tmp_path / "file")
    assert result.exit_code == 1 and one(result, "warehouse", "folders")["state"] == "fail"
    assert (tmp_path / "file").read_text() == "mine"


def test_packages_that_are_missing_are_named(asked: Asked, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        "importlib.metadata.requires",
        lambda _: ["duckdb", "absent-one>=2", 'absent-two; extra == "more"', 'absent-dev; extra == "dev"'],
    )
    monkeypatch.setattr(
        "importlib.metadata.metadata", lambda _: SimpleNamespace(get_all=lambda _: ["more", "dev"])
    )
    result = asked("--json")
    found = one(result, "依赖 dependencies")
    assert (found["state"], found["found"]) == ("fail", "not installed: absent-one")
    assert found["advice"] == "run `make setup`"
    extra = one(result, "more")
    assert (extra["state"], extra["advice"]) == ("optional", "pip install 'gongkai[more]'")
    assert "absent-two" in extra["found"] and "absent-dev" not in result.stdout


def test_optional_parts_that_are_missing_say_how_to_install_them_and_are_no_fault(
    asked: Asked, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(office, "PROGRAMS", ("no-such-office",))
    monkeypatch.setattr(ocr_models, "installed", lambda: False)
    monkeypatch.setattr(doctor, "_FONTS", ())
    result = asked("--json")
    assert result.exit_code == 0
    for name, advice in (
        ("LibreOffice", "apt-get install libreoffice-writer"),
        ("ocr", "pip install 'gongkai[ocr]'"),
        ("中文字体 fonts", "apt-get install fonts-noto-cjk"),
    ):
        found = one(result, name)
        assert found["state"] == "optional" and advice in found["advice"]


def test_little_room_and_little_memory_are_told(
    asked: Asked, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    usage = shutil.disk_usage(tmp_path)
    monkeypatch.setattr("shutil.disk_usage", lambda _: usage._replace(free=5 << 20))
    limit = tmp_path / "memory.max"
    limit.write_text(f"{64 << 20}\n")
    assert doctor.memory_bytes((limit,)) == 64 << 20
    limit.write_text("max\n")
    whole = doctor.memory_bytes((limit, tmp_path / "absent"))
    assert whole is None or whole > 64 << 20
    monkeypatch.setattr(doctor, "memory_bytes", lambda: 64 << 20)
    result = asked("--json")
    assert result.exit_code == 0
    disk, memory = one(result, "warehouse", "disk"), one(result, "memory")
    assert (disk["state"], disk["found"]) == ("warn", "5.0 MB free") and "2.0 GB" in disk["advice"]
    assert (memory["state"], memory["advice"]) == ("warn", "set GONGKAI_MEGABYTES to at most 64")


def test_a_file_of_a_newer_version_fails_and_a_decision_that_cannot_be_used_is_told(
    asked: Asked, tmp_path: Path
) -> None:
    (tmp_path / "w").mkdir()
    with duckdb.connect(str(tmp_path / "w" / warehouse.NAME)) as connection:
        connection.execute(
            f"create table build_info as select {warehouse_version.SCHEMA + 1} as schema_version"
        )
    (tmp_path / "curation").mkdir()
    (tmp_path / "curation" / "a.yaml").write_text("- nonsense: true\n")
    result = asked("--json")
    assert result.exit_code == 1
    assert "newer version" in one(result, warehouse.NAME)["found"]
    assert one(result, "curation")["state"] == "warn"


def test_names_of_folders_cannot_steer_the_terminal(asked: Asked, tmp_path: Path) -> None:
    result = asked(raw=tmp_path / "\x1b]0;owned\x07\u202e[red]")
    assert result.exit_code == 1
    assert (
        "\x1b]" not in result.stdout
        and "\u202e" not in result.stdout
        and "\\x1b]0;owned" in "".join(line.strip() for line in result.stdout.split("\n")).replace(" ", "")
    )


def test_a_setting_that_is_no_number_is_named(asked: Asked, monkeypatch: pytest.MonkeyPatch) -> None:
    environ = {"GONGKAI_WORKERS": "many"}
    monkeypatch.setattr("pipeline.cli.settings", partial(settings, environ=environ))
    result = asked()
    assert (result.exit_code, "GONGKAI_WORKERS" in result.stderr) == (1, True)
