"""The quality page: the state of a whole collection as one HTML file that opens from disk.

Here: what the page is put together from, and how much of it. Not here: the queries (quality_data.py),
charts, pictures, or the page's markup (quality.html.j2).
"""

from __future__ import annotations

import base64
import hashlib
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jinja2
import polars as pl

from pipeline.publish import quality_data as data
from pipeline.publish.quality_charts import stacked_bars
from pipeline.publish.quality_pictures import Place, pictures, place_of
from pipeline.terminal import unturned, unturned_in
from pipeline.warehouse import BUILD_INFO

NAME = "quality.html"
_CODES_SHOWN = 20
_SCRIPT_HASH = "sha256-of-the-script"


@dataclass(frozen=True, slots=True)
class Bounds:
    """How much of the page is shown in full: reports, pictures of each, bytes of all pictures."""

    reports: int = 25
    pictures_each: int = 3
    picture_bytes: int = 4_000_000


def page(connection: data.Connection, raw: Path | None = None, bounds: Bounds | None = None) -> str:
    """The page over an open warehouse.

    Args:
        raw: the folder of the files, for pictures of places in them; None shows none.
    """
    bounds = bounds or Bounds()
    found = data.reports(connection)
    listed, left_out = data.rows(connection, found)
    codes = data.findings_by_code(connection)
    worst = [
        row
        for row in found.head(bounds.reports).iter_rows(named=True)
        if row["error"] + row["warn"] + row["info"]
    ]
    details = data.details(connection, worst)
    tables = data.coverage(found)
    years = sorted(found["year"].unique())
    template = _environment().get_template("quality.html.j2")
    text = template.render(
        script_hash=_SCRIPT_HASH,
        words=data.words(),
        severities=data.SEVERITIES,
        totals=_totals(connection, found),
        built=_built(connection),
        years=years,
        regions=_regions(found["region"]),
        coverage=[(table, _coverage_chart(table, years)) for table in tables],
        codes=codes,
        codes_chart=_codes_chart(codes[:_CODES_SHOWN]),
        rows={"rows": unturned_in(listed), "detailed": [row["report_id"] for row in worst]},
        left_out=left_out,
        details=[
            (detail, shown) for detail, shown in zip(details, _pictures(details, raw, bounds), strict=True)
        ],
        number=data.number,
    )
    return text.replace(_SCRIPT_HASH, _hash_of_script(text), 1)


def _hash_of_script(text: str) -> str:
    """What names the page's own script in its policy, so that a browser runs no other."""
    script = text.rpartition("<script>")[2].partition("</script>")[0]
    return "sha256-" + base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()


def _environment() -> jinja2.Environment:
    """Everything that is put into the page is escaped; an unknown name is a fault."""
    return jinja2.Environment(
        loader=jinja2.FileSystemLoader(Path(__file__).parent),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        finalize=_shown,
        trim_blocks=True,
        lstrip_blocks=True,
    )


def _shown(value: object) -> object:
    """What is put into the page; charts and JSON are markup already, of texts that were shown so."""
    return unturned(value) if isinstance(value, str) and not hasattr(value, "__html__") else value


def _regions(of_reports: pl.Series) -> list[str]:
    """The regions, those with most reports first, what is unknown or of all others last."""
    often = Counter(of_reports.to_list()).most_common()
    last = (data.words()["other_regions"], data.words()["unknown_region"])
    return [name for name, _ in sorted(often, key=lambda one: (one[0] in last, -one[1], one[0]))]


def _totals(connection: data.Connection, found: pl.DataFrame) -> dict[str, int]:
    ((files, read),) = connection.execute(
        "select count(*), count(*) filter (status in ('parsed', 'partial')) from dim_document"
    ).fetchall()
    clean = found.filter(
        (found["faults"] == 0)
        & (found["disclosure_table"] == "complete")
        & (found["requests_table"] == "complete")
        & (found["disputes_table"] == "complete")
    )
    return {
        "files": files,
        "read": read,
        "reports": found.height,
        "clean": clean.height,
        **{severity: int(found[severity].sum()) for severity in data.SEVERITIES},
    }


def _built(connection: data.Connection) -> dict[str, Any]:
    return next(iter(data.records(connection, f"select * from {BUILD_INFO}")), {})


def _coverage_chart(table: data.Coverage, years: Sequence[str]) -> str:
    states = data.words()["states"]
    series = {
        f"{label} {state}": (f"state-{state}", [table.of(None, year)[state] for year in years])
        for state, label in states.items()
    }
    used = {label: part for label, part in series.items() if any(part[1])}
    return stacked_bars(f"coverage-{table.code}", years, used) if used else ""


def _codes_chart(codes: Sequence[data.Record]) -> str:
    labels = data.words()["severities"]
    series = {f"{labels[s]} {s}": (s, [row[s] for row in codes]) for s in data.SEVERITIES}
    used = {label: part for label, part in series.items() if any(part[1])}
    names = [row["check_code"] for row in codes]
    return stacked_bars("findings", names, used, horizontal=True) if used else ""


def _pictures(details: Sequence[data.Detail], raw: Path | None, bounds: Bounds) -> Iterator[dict[str, str]]:
    """For each report, the picture of each table's marked cells as a data address."""
    wanted: list[tuple[int, str, Place]] = []
    for index, detail in enumerate(details):
        mine = [
            (index, table.code, place) for table in detail.tables if (place := _place(detail, table, raw))
        ]
        wanted += mine[: bounds.pictures_each]
    drawn: list[dict[str, str]] = [{} for _ in details]
    for (index, table, _), picture in zip(
        wanted, pictures([place for *_, place in wanted], bounds.picture_bytes), strict=True
    ):
        if picture is not None:
            drawn[index][table] = "data:image/png;base64," + base64.b64encode(picture).decode()
    yield from drawn


def _place(detail: data.Detail, table: data.Printed, raw: Path | None) -> Place | None:
    own = [f for f in detail.files if f["document_id"] == detail.report["document_id"]]
    if raw is None or not own:
        return None
    path = Path(own[0]["path"])
    if path.is_absolute() or ".." in path.parts:
        return None
    cells = table.marked
    gravest = [cell.locator for cell in cells if cell.mark == cells[0].mark]
    return place_of(raw / path, str(own[0]["document_id"]), str(own[0]["format"]), gravest)
