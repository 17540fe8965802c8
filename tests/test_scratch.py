"""The folder for temporary files of a run."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
CLAIM = """
import sys, tempfile
opened = []
sys.addaudithook(lambda event, given: event == "open" and given[2] & 65 and opened.append(str(given[0])))
from pipeline.scratch import claim
print(claim())
print([name for name in opened if not name.endswith(".pyc")])
"""


@pytest.mark.parametrize("name", ["TMPDIR", "TMP"])
def test_the_folder_is_taken_without_a_file_that_tries_it(tmp_path: Path, name: str) -> None:
    others = {key: value for key, value in os.environ.items() if key not in ("TMPDIR", "TEMP", "TMP")}
    done = subprocess.run(
        [sys.executable, "-c", CLAIM],
        cwd=ROOT, env={**others, name: str(tmp_path)}, stdout=subprocess.PIPE, text=True, check=True,
    )  # fmt: skip
    folder, opened = done.stdout.splitlines()
    assert Path(folder).parent == tmp_path and Path(folder).name.startswith("gongkai-run-")
    assert opened == "[]" and list(tmp_path.iterdir()) == []


def test_the_usual_folder_is_taken_so_too() -> None:
    bare = {key: value for key, value in os.environ.items() if key not in ("TMPDIR", "TEMP", "TMP")}
    done = subprocess.run(
        [sys.executable, "-c", CLAIM], cwd=ROOT, env=bare, stdout=subprocess.PIPE, text=True, check=True
    )
    folder, opened = done.stdout.splitlines()
    assert (Path(folder).parent, opened) == (Path("/tmp"), "[]")
    assert not Path(folder).exists()


def test_a_folder_that_is_not_there_is_passed_over(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", CLAIM],
        cwd=ROOT, env={**os.environ, "TMPDIR": str(tmp_path / "absent")}, stdout=subprocess.PIPE, text=True,
        check=True,
    )  # fmt: skip
    assert not done.stdout.startswith(str(tmp_path))
