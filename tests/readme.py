"""The questions of the README and of docs/ with their printed answers, over a build of data/raw.

``python -m tests.readme`` builds data/raw into a temporary warehouse and writes what it gives into the
READMEs and the docs' pages, with the queries of sql/examples. Not here: the questions, which stand there.
"""

from __future__ import annotations

import io
import re
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

import duckdb
from rich.console import Console

from pipeline.publish import show
from pipeline.warehouse import connect, statements

ROOT = Path(__file__).parents[1]
READMES = (ROOT / "README.md", ROOT / "README.zh.md")
# Pages of docs/ with answers, or with queries of sql/examples.
PAGES = tuple(
    ROOT / "docs" / f"{name}{ending}"
    for name in ("getting_started", "examples")
    for ending in (".md", ".zh.md")
)
_ASKED = re.compile(
    r"```sql\n(?P<sql>(?:(?!```).)*)```\n\n<!-- answer -->\n(?P<answer>.*?)<!-- end -->", re.S
)
_EXAMPLE = re.compile(r"<!-- example (?P<name>\w+) -->\n(?P<shown>.*?)<!-- end -->", re.S)
_EXAMPLES = re.compile(r"<!-- examples (?P<language>\w+) -->\n(?P<shown>.*?)<!-- end -->", re.S)
_BUILD = re.compile(r"<!-- build -->\n(?P<said>.*?)<!-- end -->", re.S)


def build(warehouse: Path) -> str:
    """Run the main job over data/raw; what it prints."""
    command = [
        sys.executable,
        "-m",
        "pipeline.cli",
        "build",
        "--raw",
        ROOT / "data/raw",
        "--warehouse",
        warehouse,
    ]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    return done.stdout.replace(str(warehouse), "data/warehouse")


def steady(said: str) -> str:
    """What a build prints but for how long it took and where the warehouse lies."""
    return re.sub(r"(?<=unchanged\n).*?(?=┏)", "", said, count=1, flags=re.S).strip()


def built(text: str) -> str:
    """What the README says that a build prints."""
    (match,) = _BUILD.finditer(text)
    return match["said"].replace("```\n", "")


def answer(connection: duckdb.DuckDBPyConnection, sql: str) -> str:
    """A query's result as a Markdown table."""
    result = connection.execute(sql)
    names = [column[0] for column in result.description or []]
    return _table(names, result.fetchall())


def _table(names: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    lines = ["| " + " | ".join(names) + " |", "|" + "---|" * len(names)]
    for row in rows:
        lines.append("| " + " | ".join("" if v is None else _said(v) for v in row) + " |")
    return "\n".join(lines) + "\n"


def _said(value: object) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value).replace("|", "\\|")


def asked(text: str) -> list[tuple[str, str]]:
    """The README's questions with the answers that stand under them."""
    return [(m["sql"], m["answer"]) for m in _ASKED.finditer(text)]


def refresh(text: str, connection: duckdb.DuckDBPyConnection, said: str) -> str:
    """The README with the build's output and all answers written anew."""

    def replaced(match: re.Match[str]) -> str:
        return f"```sql\n{match['sql']}```\n\n<!-- answer -->\n{answer(connection, match['sql'])}<!-- end -->"

    text = _ASKED.sub(replaced, text)
    return _BUILD.sub(lambda _: f"<!-- build -->\n```\n{said.strip()}\n```\n<!-- end -->", text)


def with_examples(text: str, connection: duckdb.DuckDBPyConnection | None = None) -> str:
    """A page with the queries of sql/examples as they stand there now.

    Args:
        connection: a build of data/raw, for the answers of single examples; without it these stay.
    """
    examples = {example.name: example for example in statements("examples")}

    def one(match: re.Match[str]) -> str:
        sql = examples[match["name"]].select.strip()
        kept = re.search(r"^\|.*", match["shown"], re.S | re.M)
        told = answer(connection, sql) if connection else kept[0] if kept else ""
        return f"<!-- example {match['name']} -->\n```sql\n{sql}\n```\n\n{told}<!-- end -->"

    def every(match: re.Match[str]) -> str:
        language = match["language"]
        caution = {"en": "Caution: ", "zh": "注意："}[language]
        parts = [
            f"## {example.header[language]}\n\n```sql\n{example.select.strip()}\n```\n\n"
            f"{caution}{' '.join(f'`{code.strip()}`' for code in example.header['cautions'].split(','))}"
            f" · `sql/examples/{example.name}.sql`\n"
            for example in sorted(examples.values(), key=lambda example: example.name)
        ]
        return f"<!-- examples {language} -->\n" + "\n".join(parts) + "<!-- end -->"

    return _EXAMPLES.sub(every, _EXAMPLE.sub(one, text))


def picture(connection: duckdb.DuckDBPyConnection, words: str, path: Path) -> None:
    """A report as ``gongkai show`` prints it, as an SVG picture."""
    console = Console(record=True, width=130, file=io.StringIO())
    (match,) = show.find(connection, words)
    assert match.report_id is not None
    show.show(console, connection, match.report_id)
    path.parent.mkdir(parents=True, exist_ok=True)
    drawn = console.export_svg(title="gongkai show")
    # The reader's own monospaced font will do: a picture in the docs asks no server for one.
    path.write_text(re.sub(r"@font-face \{.*?\}", "", drawn, flags=re.S), encoding="utf-8")


def main() -> None:
    """The command."""
    with tempfile.TemporaryDirectory() as folder:
        said = build(Path(folder))
        with connect(Path(folder) / "gongkai.duckdb", read_only=True) as connection:
            for path in (*READMES, *PAGES):
                text = refresh(path.read_text(encoding="utf-8"), connection, said)
                path.write_text(with_examples(text, connection), encoding="utf-8")
            picture(connection, "示例县水利局 2023", ROOT / "docs/images/show.svg")


if __name__ == "__main__":
    main()
