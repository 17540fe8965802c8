"""The data package around an export: datapackage.json for programs, codebook.csv, CITATION.cff.

Here: the descriptions. Not here: what the tables are (export_plan.py), what changed (export_release.py).
Source: Data Package 1 (specs.frictionlessdata.io), Citation File Format 1.2.0.
"""

from __future__ import annotations

import csv
import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from importlib.metadata import metadata
from pathlib import Path
from typing import Any

import yaml

from pipeline.publish.export_plan import Connection, Table, code_labels
from pipeline.publish.export_stata import stata_names
from pipeline.publish.export_types import Written
from pipeline.warehouse import BUILD_INFO

NAME = "datapackage.json"
CITATION = "CITATION.cff"
CODEBOOK = "codebook.csv"
MARK = "gongkai_export"
"""The property of datapackage.json by which an export knows its own kind."""
MARK_VERSION = 1
_HERE = Path(__file__).parent
_TYPES = {"text": "string", "whole": "integer", "number": "number", "truth": "boolean"}
_MEDIA = {
    "csv": "text/csv",
    "parquet": "application/vnd.apache.parquet",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    "dta": "application/x-stata-dta",
}


@dataclass(frozen=True, slots=True)
class Version:
    """What was exported: the run that built the warehouse, when it ended (UTC), by which program."""

    run: str
    made: datetime
    program: str
    reader: str

    @property
    def text(self) -> str:
        """The version of the data: the moment of the build, so that a later build has a later one."""
        return self.made.strftime("%Y.%m.%d.%H%M%S")


def version(connection: Connection) -> Version:
    """The version of an open warehouse; the epoch where no run has signed it."""
    row = connection.execute(
        f"select run, finished_at, gongkai_version, reader_version from {BUILD_INFO}"
    ).fetchone()
    run, made, program, reader = row or ("", datetime(1970, 1, 1), "", "")
    return Version(run, made, program, reader)


@cache
def about() -> Mapping[str, Any]:
    """What is said about the dataset as a whole."""
    said = yaml.safe_load((_HERE / "export.yaml").read_text(encoding="utf-8"))
    return {**said, "licence": metadata("gongkai")["License-Expression"]}


def write_package(
    folder: Path,
    connection: Connection,
    tables: Sequence[Table],
    written: Mapping[str, Sequence[Written]],
    made: Version,
) -> None:
    """datapackage.json: every file with hash and size; tables with types and keys.

    A CSV is a tabular resource that is named like its table. The other formats are files, which carry their
    types themselves; the schema stands with them too.

    Args:
        written: the files of each format.
    """
    said = about()
    # The first CSV has the plain names.
    forms = sorted(written, key=lambda name: (not name.startswith("csv"), name))
    resources = [_codebook(write_codebook(folder, connection, tables))]
    for form in forms:
        plain = form == forms[0] and form.startswith("csv")
        names = {file.path: _name(folder, file, "" if plain else form) for file in written[form]}
        # Where foreign keys lead: the table's one file of the same format.
        whole = {file.table: names[file.path] for file in written[form] if _count(written[form], file) == 1}
        for table in tables:
            schema = _schema(table, whole)
            for file in written[form]:
                if file.table == table.name:
                    resources.append(_resource(folder, form, file, names[file.path], table, schema))
    package = {
        "profile": "data-package",
        "name": said["name"],
        "title": said["title"],
        "description": said["description"],
        "version": made.text,
        "created": made.made.strftime("%Y-%m-%dT%H:%M:%SZ"),
        "keywords": said["keywords"],
        "licenses": [{"name": said["licence"], "title": said["licence_title"], "path": said["licence_path"]}],
        "sources": _sources(connection),
        "contributors": [{"title": author["name"], "role": "author"} for author in said["authors"]],
        MARK: {
            "format": MARK_VERSION,
            "run": made.run,
            "gongkai_version": made.program,
            "reader_version": made.reader,
            "files": sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()),
        },
        "resources": resources,
    }
    (folder / NAME).write_text(json.dumps(package, ensure_ascii=False, indent=2) + "\n", encoding="utf-8")


def _count(files: Sequence[Written], like: Written) -> int:
    return sum(file.table == like.table for file in files)


def _name(folder: Path, file: Written, prefix: str) -> str:
    """A resource's name: its path without folders that only repeat it."""
    relative = file.path.relative_to(folder).with_suffix("")
    parts = [prefix, *relative.parts[1:-1], relative.stem if file.year is None or prefix != "parquet" else ""]
    return re.sub(r"[^a-z0-9_.]+", "-", "-".join(part for part in parts if part).lower())


def _resource(
    folder: Path, form: str, file: Written, name: str, table: Table, schema: dict[str, Any]
) -> dict[str, Any]:
    relative = file.path.relative_to(folder)
    ending = file.path.suffix.removeprefix(".")
    found: dict[str, Any] = {
        "name": name,
        "path": relative.as_posix(),
        "format": ending,
        "mediatype": _MEDIA[ending],
        "bytes": file.path.stat().st_size,
        "hash": f"sha256:{_hash(file.path)}",
        # What validators call rows is of tables alone.
        "rows" if ending == "csv" else "table_rows": file.rows,
        "table": table.name,
        "description": table.meaning,
    }
    if file.year is not None:
        found["report_year"] = file.year
    if file.notes:
        found["notes"] = list(file.notes)
    if ending == "csv":
        bom = form == "csv-bom"
        found |= {"type": "table", "profile": "tabular-data-resource"}
        found |= {"encoding": "utf-8-sig" if bom else "utf-8", "dialect": {"delimiter": ",", "header": True}}
    else:
        found |= {"type": "file", "profile": "data-resource"}
    return {**found, "schema": schema}


def _schema(table: Table, names: Mapping[str, str]) -> dict[str, Any]:
    """Fields, primary key, and foreign keys to the resources of these names."""
    fields = []
    for column in table.columns:
        field: dict[str, Any] = {"name": column.name, "type": _TYPES[column.kind], "title": column.label}
        fields.append({**field, "description": column.meaning})
    schema: dict[str, Any] = {"fields": fields, "missingValues": [""]}
    if table.key:
        schema["primaryKey"] = list(table.key)
    keys = [
        {"fields": [column.name], "reference": {"resource": names[joins[0]], "fields": [joins[1]]}}
        for column in table.columns
        if (joins := column.joins) and joins[0] in names
    ]
    if keys:
        schema["foreignKeys"] = keys
    return schema


def write_codebook(folder: Path, connection: Connection, tables: Sequence[Table]) -> Path:
    """codebook.csv: every column and every code of the tables, with the names that Stata has for columns."""
    path = folder / CODEBOOK
    with path.open("w", encoding="utf-8", newline="") as stream:
        book = csv.writer(stream, lineterminator="\n")
        book.writerow(["table", "column", "code", "type", "label", "meaning", "stata_name"])
        for table in tables:
            book.writerow([table.name, "", "", "table", table.meaning.partition(" · ")[0], table.meaning, ""])
            short = stata_names([column.name for column in table.columns])
            codes = list(code_labels(connection, table))
            for column in table.columns:
                name = column.name
                book.writerow(
                    [table.name, name, "", _TYPES[column.kind], column.label, column.meaning, short[name]]
                )
                for coded, place, code, label in codes:
                    if coded == name:
                        book.writerow([table.name, name, code, "code", label, f"{place} · {label}", ""])
    return path


def _codebook(path: Path) -> dict[str, Any]:
    names = ("table", "column", "code", "type", "label", "meaning", "stata_name")
    return {
        "name": "export-codebook",
        "type": "table",
        "profile": "tabular-data-resource",
        "path": path.name,
        "format": "csv",
        "mediatype": _MEDIA["csv"],
        "encoding": "utf-8",
        "bytes": path.stat().st_size,
        "hash": f"sha256:{_hash(path)}",
        "schema": {"fields": [{"name": name, "type": "string"} for name in names]},
    }


def _hash(path: Path) -> str:
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def _sources(connection: Connection) -> list[dict[str, str]]:
    """The sources of the files, with the site of each where a crawl fetched it."""
    found = connection.execute(
        "select source, count(*), min(regexp_extract(url, '^https?://[^/]+'))"
        " from dim_document group by 1 order by 1"
    ).fetchall()
    return [
        {"title": f"{source} ({files} files)", **({"path": site} if site else {})}
        for source, files, site in found
    ]


def write_citation(folder: Path, made: Version) -> None:
    """CITATION.cff: how to cite this version."""
    said = about()
    citation = {
        "cff-version": "1.2.0",
        "message": said["message"],
        "type": "dataset",
        "title": said["title"],
        "abstract": said["description"],
        "authors": [dict(author) for author in said["authors"]],
        "version": made.text,
        "date-released": made.made.strftime("%Y-%m-%d"),
        "license": said["licence"],
        "keywords": list(said["keywords"]),
    }
    text = yaml.safe_dump(citation, allow_unicode=True, sort_keys=False)
    (folder / CITATION).write_text(text, encoding="utf-8")
