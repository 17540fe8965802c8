"""Two reports side by side: which cells differ, in the terminal and as a page."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from pathlib import Path

import dagster as dg
import html5lib
import pytest
from click.testing import Result
from typer.testing import CliRunner

from pipeline import warehouse
from pipeline.cli import app
from pipeline.defs import launch
from pipeline.form.model import forms
from pipeline.publish.compare import CompareFault, Comparison, Pair, Shown, Side, compare, summary
from pipeline.publish.compare import _parts as parts_of
from pipeline.publish.compare_page import page
from tests import fakes

pytestmark = pytest.mark.xdist_group("build")
EVIL = '<script>alert("1")</script>&\x1b[31m'


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    folder = tmp_path_factory.mktemp("compare")
    figures = fakes.balanced(1234)
    fakes.write(folder / "raw", "a/2022.txt", agency="南岗区", year=2022, requests=figures)
    later = {**figures, "received.total": 1300, "carried_in.enterprise": None, "granted.total": 7}
    fakes.write(folder / "raw", "a/2023.txt", agency="南岗区", year=2023, requests=figures)
    fakes.write(folder / "raw", "b/2023.txt", agency="南岗区", year=2023, requests=later)
    fakes.write(folder / "raw", "evil.txt", agency=f"某局{EVIL}", year=2023, requests=figures)
    (folder / "raw" / "broken.txt").write_text("{")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("pipeline.defs.launch._instance", dg.DagsterInstance.ephemeral)
        patch.setattr("pipeline.defs.launch.run_build", partial(launch.run_build, read=fakes.read_fake))
        result = CliRunner().invoke(
            app, ["build", "--raw", str(folder / "raw"), "--warehouse", str(folder / "w")]
        )
        assert result.exit_code == 0, result.stderr
        yield folder


def compared(built: Path, left: str, right: str) -> Comparison:
    with warehouse.connect(built / "w" / warehouse.NAME, read_only=True) as connection:
        return compare(connection, left, right)


def gongkai(built: Path, *words: object) -> Result:
    given = ["compare", *(str(word) for word in words), "--warehouse", str(built / "w")]
    result = CliRunner().invoke(app, given)
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    return result


@pytest.mark.parametrize(
    ("left", "right", "kind", "change"),
    [
        (Shown(3.0, "3"), Shown(3.0, "3件"), "same", 0),
        (Shown(3.0, "3"), Shown(5.0, "5"), "differs", 2),
        (Shown(0.0, "0"), Shown(None, ""), "only left", None),
        (None, Shown(1.0, "1"), "only right", None),
        (Shown(None, "—"), Shown(2.0, "2"), "differs", None),
        (Shown(None, ""), None, "none", None),
    ],
)
def test_how_two_cells_differ(left: Shown | None, right: Shown | None, kind: str, change: float) -> None:
    pair = Pair(left, right)
    assert (pair.kind, pair.change) == (kind, change)


def test_two_years_are_the_whole_form_with_what_differs(built: Path) -> None:
    found = compared(built, "南岗区2022", "b/2023.txt")
    cells = sum(len(table.cells) for table in forms()["2021"].tables)
    assert found.count("differs") == 2 and found.count("only left") == 1
    assert found.count("same") == cells - 3
    assert [part.title for part in found.parts if part.form == "2021"][-1] == forms()["2021"].tables[-1].title
    assert summary(found) == f"2 cells differ, {cells - 3} are the same, 1 only in A, 0 only in B"


def test_two_files_of_one_report_are_compared_by_path_or_id(built: Path) -> None:
    found = compared(built, "a/2023.txt", "b/2023.txt")
    assert (found.left.path, found.right.path) == ("a/2023.txt", "b/2023.txt")
    assert found.left.report_id == found.right.report_id
    assert (found.count("differs"), found.count("only left")) == (2, 1)
    with warehouse.connect(built / "w" / warehouse.NAME, read_only=True) as connection:
        ids = dict(connection.execute("select path, document_id from dim_document").fetchall())
    by_id = compared(built, ids["a/2023.txt"], ids["b/2023.txt"][:12])
    assert (by_id.left.path, by_id.right.path) == ("a/2023.txt", "b/2023.txt")
    assert by_id.parts == found.parts


def test_the_terminal_shows_one_figure_where_they_agree_and_both_where_not(built: Path) -> None:
    text = gongkai(built, "南岗区2022", "b/2023.txt").stdout
    lines = [[field.strip() for field in line.split("│")[1:-1]] for line in text.splitlines() if "│" in line]
    rows = {fields[0]: fields[1:] for fields in lines}
    table = forms()["2021"].table("requests")
    assert rows[table.row("received").label] == ["1,234", *["0"] * 5, "1,234 → 1,300 (+66)"]
    assert rows[table.row("granted").label][-1] == "1,234 → 7 (-1,227)"
    assert rows[table.row("carried_in").label][1] == "0 → ·"


@pytest.mark.parametrize(
    ("left", "right", "said"),
    [
        ("南岗区2022", "a/2022.txt", "both are"),
        ("南岗区2022", "无此局", "no report, agency or file"),
        ("南岗区", "南岗区2022", "which of these?"),
        ("broken.txt", "南岗区2022", "unreadable"),
    ],
)
def test_what_cannot_be_compared_is_said(built: Path, left: str, right: str, said: str) -> None:
    result = gongkai(built, left, right)
    assert result.exit_code == 1 and said in result.stderr
    with pytest.raises(CompareFault):
        compared(built, left, right)


def test_the_page_is_self_contained_and_escapes_what_files_say(built: Path, tmp_path: Path) -> None:
    file = tmp_path / "page.html"
    result = gongkai(built, "evil.txt", "b/2023.txt", "--html", file)
    assert result.exit_code == 0, result.stderr
    text = file.read_text(encoding="utf-8")
    assert "<script" not in text and "\x1b" not in text
    assert "&lt;script&gt;alert(&quot;1&quot;)&lt;/script&gt;&amp;\\x1b[31m" in text
    assert "http:" not in text and "https:" not in text and "url(" not in text and "@import" not in text
    assert "color-scheme: light dark" in text and "prefers-color-scheme: dark" in text
    parser = html5lib.HTMLParser(namespaceHTMLElements=False)
    tree = parser.parse(text)
    assert parser.errors == []
    assert not [e for e in tree.iter() if {"src", "href", "onclick"} & set(e.attrib)]
    marks = [mark.text for mark in tree.iter("mark")]
    assert marks[:2] == ["1,234", "1,300"] and len(marks) == 6
    for row in tree.iter("tr"):
        cells = [cell for cell in row if cell.tag == "td"]
        assert len(cells) in (0, 1, 10, 14) or len(cells) % 2 == 0


def test_a_page_that_cannot_be_written_is_one_line(built: Path, tmp_path: Path) -> None:
    result = gongkai(built, "南岗区2022", "b/2023.txt", "--html", tmp_path / "absent" / "page.html")
    assert (result.exit_code, len(result.stderr.splitlines())) == (1, 1)


def side(form: str, cells: dict[tuple[str, str, str], float]) -> Side:
    shown = {key: Shown(figure, f"{figure:g}") for key, figure in cells.items()}
    return Side(form, form, form, form, {}, shown)


def test_of_two_forms_the_newer_is_whole_and_the_older_adds_what_it_alone_has() -> None:
    received = ("requests", "received", "total")
    old = {
        received: 1.0,
        ("disclosure", "regulations", "newly_made"): 2.0,
        ("requests", "other", "total"): 5.0,
    }
    left = side("2019", old)
    right = side("2021", {received: 4.0, ("disclosure", "regulations", "issued"): 3.0})
    found = Comparison(left, right, tuple(parts_of(left, right)))
    assert (found.count("differs"), found.count("only left"), found.count("only right")) == (1, 2, 1)
    older = [part for part in found.parts if part.form == "2019"]
    assert [len(part.lines) for part in older] == [1]
    assert page(found).count("<mark>") == 8
