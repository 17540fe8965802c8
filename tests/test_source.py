"""What the program's source never does: run what it was given, let XML open files, listen to strangers.

Beside ruff's S rules, which pyproject switches on for pipeline/: these hold without a word to silence them.
"""

from __future__ import annotations

import ast
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest
from lxml import etree

from pipeline.crawl.adapters.common import _tree
from pipeline.curation.decisions import Loader, load_file
from pipeline.publish.explore_server import HOST
from pipeline.reading.document import ReadingError
from pipeline.reading.html_page import parse_markup
from pipeline.reading.word_package import parse_xml
from tests.hostile import LAUGHS
from tests.test_imports import ROOT, imports, modules, name_of, syntax

SOURCES = modules()
# Anything that makes objects of bytes, or parses XML without a bound.
BARRED = ("pickle", "marshal", "shelve", "dill", "cloudpickle", "joblib", "xml", "xmlrpc", "imp", "code")
RUNS = {"eval", "exec", "compile", "__import__", "input", "breakpoint"}
PARSERS = ("XMLParser", "HTMLParser", "XMLPullParser", "iterparse")


def calls(path: Path) -> Iterator[tuple[str, ast.Call]]:
    """Every call in a module, with the dotted name of what is called as far as it has one."""
    for node in ast.walk(syntax(path)):
        if isinstance(node, ast.Call):
            yield ast.unparse(node.func), node


def named(call: ast.Call) -> dict[str, str]:
    return {one.arg: ast.unparse(one.value) for one in call.keywords if one.arg}


def found(wanted: object) -> list[str]:
    """Where calls are that a rule is broken by."""
    assert callable(wanted)
    return [
        f"{name_of(path)}:{call.lineno} {name}"
        for path in SOURCES
        for name, call in calls(path)
        if wanted(name, call)
    ]


def test_nothing_makes_objects_of_bytes_or_code_of_text() -> None:
    assert len(SOURCES) > 100
    for path in SOURCES:
        roots = {target.split(".")[0] for target in imports(path)}
        assert not roots & set(BARRED), name_of(path)
    assert found(lambda name, _: name in RUNS or name.startswith("importlib.import_module")) == []


def test_yaml_makes_plain_values_only() -> None:
    """``safe_load``, or the loader of decisions, which is safe and takes less."""
    assert found(lambda name, _: name in ("yaml.unsafe_load", "yaml.full_load", "yaml.load_all")) == []
    asked = {
        (name_of(path), name, *(ast.unparse(one) for one in call.args[1:]))
        for path in SOURCES
        for name, call in calls(path)
        if name in ("yaml.load", "yaml.compose", "plain_yaml.load")
    }
    assert {one for one in asked if one[1] == "yaml.load"} == {("pipeline.plain_yaml", "yaml.load", "loader")}
    assert {one[2] for one in asked if one[1] != "yaml.load" and len(one) > 2} == {"Loader"}
    assert issubclass(Loader, __import__("yaml").SafeLoader)


def test_a_decision_that_asks_for_an_object_is_a_fault(tmp_path: Path) -> None:
    path = tmp_path / "a.yaml"
    mark = tmp_path / "taken"
    path.write_text(f'- !!python/object/apply:os.system ["touch {mark}"]\n')
    (entry,) = load_file(path, "a.yaml")
    assert entry.fault and entry.decision is None and not mark.exists()


def test_no_program_is_started_through_a_shell() -> None:
    started = ("os.system", "os.popen", "subprocess.getoutput", "subprocess.getstatusoutput", "pty.spawn")
    assert found(lambda name, call: name in started or "shell" in named(call)) == []
    programs = found(lambda name, _: name.startswith("subprocess.") or name.split(".")[-1] == "Popen")
    assert {where.split(":")[0] for where in programs} <= {"pipeline.reading.office", "pipeline.crawl.launch"}


def test_what_listens_listens_to_this_machine() -> None:
    servers = found(lambda name, _: name.endswith(("HTTPServer", ".bind", "uvicorn.run", "serve")))
    assert HOST == "127.0.0.1"
    assert {where.split(":")[0] for where in servers} <= {"pipeline.defs.web"}
    assert not [
        (name_of(path), node.value)
        for path in SOURCES
        for node in ast.walk(syntax(path))
        if isinstance(node, ast.Constant) and node.value in ("0.0.0.0", "::")
    ]


def test_every_xml_parser_leaves_entities_alone() -> None:
    parsers = [
        (f"{name_of(path)}:{call.lineno}", name, named(call))
        for path in SOURCES
        for name, call in calls(path)
        if name.split(".")[-1] in PARSERS
    ]
    assert len(parsers) >= 4
    for where, name, options in parsers:
        assert options.get("no_network", "True") == "True", where
        if name.split(".")[-1] != "HTMLParser":  # which knows no entities but those of HTML
            assert options["resolve_entities"] == "False", where
            assert options.get("load_dtd", "False") == "False", where
    bare = found(
        lambda name, call: name in ("etree.fromstring", "etree.parse", "etree.XML") and len(call.args) < 2
    )
    assert bare == []


@pytest.mark.parametrize(
    "declared",
    [
        LAUGHS + "]>",
        '<!DOCTYPE x [<!ENTITY a10 SYSTEM "file:///etc/hostname">]>',
        "<!DOCTYPE x SYSTEM 'a.dtd'>",
    ],
)
def test_xml_that_declares_entities_is_refused(declared: str) -> None:
    for filler in ("", f"<!--{' ' * 20_000}-->"):
        with pytest.raises(ReadingError) as fault:
            parse_xml(f"{filler}{declared}<x>&a10;</x>".encode(), "sheet1.xml")
        assert fault.value.status == "unreadable"


def test_pages_open_no_other_file(tmp_path: Path) -> None:
    secret = tmp_path / "secret.txt"
    secret.write_text("SECRET-4711")
    page = (
        f'<?xml version="1.0"?><!DOCTYPE html [<!ENTITY s SYSTEM "{secret.as_uri()}">]>'
        f'<html><body><p>&s;</p><object data="{secret.as_uri()}"></object></body></html>'
    )
    for root in (parse_markup(page), _tree(page)):
        assert b"SECRET" not in etree.tostring(root)


def test_sql_of_users_has_one_place_and_a_read_only_connection() -> None:
    """Every other query is text of this repository, with data as parameters."""
    asked = {where.split(":")[0] for where in found(lambda name, _: name.endswith("extract_statements"))}
    assert asked == {"pipeline.publish.explore_server"}
    opened = [
        (name_of(path), named(call), call.args)
        for path in SOURCES
        for name, call in calls(path)
        if name == "duckdb.connect"
    ]
    for where, options, arguments in opened:
        if arguments and where != "pipeline.warehouse":
            assert options.get("read_only") == "True", where


def test_ruff_s_rules_of_security_are_on() -> None:
    lint = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["ruff"]["lint"]
    assert "S" in lint["select"]
    off = {rule for rule in lint["ignore"] if rule.startswith("S") and rule[1:].isdigit()}
    assert off == {"S101", "S603", "S606", "S608"}
