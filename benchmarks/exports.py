"""Exports of a large collection: time and peak memory of each format over facts made in SQL.

``python -m benchmarks.exports [--reports N]`` makes a warehouse of N reports, exports it in a process of its
own for each format, and writes ``exports.json`` beside this file. Here: the measurement only.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import subprocess
import sys
import tempfile
import time
from importlib.metadata import version
from pathlib import Path

from pipeline import frames, warehouse
from pipeline.form.model import forms
from pipeline.publish import export, export_package

YEARS = (2021, 2022, 2023, 2024, 2025)
# A workbook or a Stata file of all cells is of no use to anyone: these take the tables that fit.
WHOLE = ("parquet", "csv")
IN_PART = ("xlsx", "stata")
PART = ("dim_report", "dim_agency", "fact_disclosure", "fact_dispute")
PEAK = "peak"
RESULT = Path(__file__).with_suffix(".json")


def make(folder: Path, reports: int) -> int:
    """A published warehouse with every cell of the newest form in each report; how many cells."""
    stage = warehouse.begin(folder, "synthetic", fresh=True)
    form = list(forms().values())[-1]
    agencies = -(-reports // len(YEARS))
    with warehouse.connect(stage.database) as db:
        db.execute(f"set temp_directory = '{stage.spill}'; set memory_limit = '2GiB'")
        db.execute(
            f"""insert into dim_report by name
            select 'a' || lpad(agency::varchar, 8, '0') || '-' || year as report_id,
                'a' || lpad(agency::varchar, 8, '0') as agency_id,
                '示例市第' || agency || '局' as agency_name,
                year::bigint as report_year, '2021' as form_version, 'own' as scope,
                sha256(agency || '-' || year) as document_id, 'complete' as disclosure_table,
                'complete' as requests_table, 'complete' as disputes_table
            from range({agencies}) a(agency), unnest({list(YEARS)}) y(year)
            order by report_id limit {reports}"""
        )
        db.execute(
            """insert into dim_agency by name
            select distinct agency_id, agency_name from dim_report order by all"""
        )
        for table, facts in frames.FACTS.items():
            row, column = frames.dimensions(table)
            cells = ", ".join(f"('{cell.row}', '{cell.column}')" for cell in form.table(table).cells)
            db.execute(
                f"""insert into {facts} by name
                select report_id, r as {row}, c as {column},
                    case when h % 50 > 0 then h % 37 end as value, value as best_value,
                    if(value is null, 'blank', 'reported') as status,
                    coalesce(value::varchar, '') as raw_text,
                    document_id, 'page=3;box=' || h % 500 || ',' || h % 700 || ';table=1;row=' || h % 30
                        as locator, 1.0 as confidence
                from (select *, hash(report_id, r, c) as h from dim_report, (values {cells}) f(r, c))
                order by report_id, r, c"""
            )
            labels = f"select code, any_value(text), any_value(text), row_number() over (), '{form.form}'"
            for dimension, lines in ((row, form.table(table).rows), (column, form.table(table).columns)):
                values = ", ".join(f"('{line.code}', '{' › '.join(line.path)}')" for line in lines)
                db.execute(
                    f"insert into dim_{dimension} (code, label, path, position, form_versions)"
                    f" {labels} from (values {values}) v(code, text) group by code"
                )
        counts = [db.execute(f"select count(*) from {facts}").fetchone() for facts in frames.FACTS.values()]
    stage.database.replace(stage.published)
    return sum(count[0] for count in counts if count)


def measure(source: Path, to: Path, form: str, megabytes: int) -> dict[str, object]:
    """Export in a process of its own: seconds, peak memory, rows, size."""
    child = [
        sys.executable,
        "-m",
        "benchmarks.exports",
        "--child",
        str(source),
        str(to),
        form,
        str(megabytes),
    ]
    started = time.monotonic()
    subprocess.run(child, check=True)
    seconds = time.monotonic() - started
    package = json.loads((to / export_package.NAME).read_text(encoding="utf-8"))
    files = [file for file in package["resources"] if file["name"] != "export-codebook"]
    return {
        "format": form,
        "tables": "all" if form in WHOLE else ", ".join(PART),
        "rows": sum(file.get("rows", file.get("table_rows")) for file in files),
        "files": len(files),
        "megabytes": round(sum(file["bytes"] for file in files) / 1e6, 1),
        "seconds": round(seconds, 1),
        "peak_memory_mb": int((to.parent / PEAK).read_text()) // 1024,
    }


def peak() -> str:
    """The most memory that this process has held, in KiB: Linux's VmHWM.

    ``getrusage`` would count what the parent held when it started this process.
    """
    status = Path("/proc/self/status").read_text()
    return next(line.split()[1] for line in status.splitlines() if line.startswith("VmHWM"))


def main() -> None:
    """Make, measure, print a table."""
    words = argparse.ArgumentParser()
    words.add_argument("--reports", type=int, default=100_000)
    words.add_argument("--megabytes", type=int, default=1024, help="what DuckDB may hold")
    words.add_argument("--child", nargs=4)
    given = words.parse_args()
    if given.child:
        source, to, form, megabytes = given.child
        names = () if form in WHOLE else PART
        export.export(Path(source), Path(to), [export.Format(form)], names, megabytes=int(megabytes))
        (Path(to).parent / PEAK).write_text(peak())
        return
    with tempfile.TemporaryDirectory() as folder:
        cells = make(Path(folder) / "w", given.reports)
        source = Path(folder) / "w" / warehouse.NAME
        told: dict[str, object] = {
            "reports": given.reports,
            "cells": cells,
            "warehouse_megabytes": round(source.stat().st_size / 1e6, 1),
            "duckdb_memory_mb": given.megabytes,
            "machine": f"{platform.system()} {platform.machine()}, {os.cpu_count()} cores",
            "load_at_start": round(os.getloadavg()[0], 1),
            "versions": {
                "python": platform.python_version(),
                **{name: version(name) for name in ("duckdb", "polars", "pandas", "xlsxwriter")},
            },
        }
        results = []
        print(
            "| format | tables | rows | files | MB | seconds | peak memory MB |\n"
            "|---|---|--:|--:|--:|--:|--:|"
        )
        for form in (*WHOLE, *IN_PART):
            # One after the other in the same place: the next replaces it, and so compares itself with it.
            one = measure(source, Path(folder) / "out", form, given.megabytes)
            results.append(one)
            print("| " + " | ".join(f"{v:,}" if isinstance(v, int) else str(v) for v in one.values()) + " |")
            sys.stdout.flush()
        told["exports"] = results
    RESULT.write_text(json.dumps(told, ensure_ascii=False, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
