"""What the explorer shows, asked of a warehouse: the index, one piece of reports, one league table.

Here: queries and their answers as plain data for JSON, bounded in size. Not here: files, pages, serving.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pipeline.agencies.divisions import divisions
from pipeline.form.english import english
from pipeline.form.model import Table, forms
from pipeline.publish import quality_data as data
from pipeline.publish.vocabulary import vocabulary
from pipeline.warehouse import BUILD_INFO

Json = dict[str, Any]
# Reports in one file of the folder: small enough to open at once, large enough to make few files.
REPORTS_EACH = 60
# Rates that the macros of the same names give; everything else is a column of the panel.
RATES = ("grant_rate", "refusal_rate")
# What a cell of the form is, beside a figure read as printed; the page has a sign for each.
_PLAIN = ("", "reported", "blank")
_MANY = 10_000


@dataclass(frozen=True, slots=True)
class Book:
    """What the parts of an explorer have in common, asked once.

    ``agencies``: rows of the index, in the order that league tables count in; ``pieces``: for each file of
    reports, its rows of ``quality_data.reports``; ``doubted``: flagged cells of each report.
    """

    index: Json
    pieces: tuple[tuple[data.Record, ...], ...]
    agencies: Mapping[str, int]
    measures: tuple[str, ...]
    doubted: Mapping[str, frozenset[tuple[str, str, str]]]

    @property
    def leagues(self) -> Iterator[tuple[int, str]]:
        """The league tables that there are: year and figure."""
        return ((year, measure) for year in self.index["years"] for measure in (*self.measures, *RATES))


def book(connection: data.Connection) -> Book:
    """The index and the order of everything else.

    Raises:
        duckdb.Error: the warehouse is of an older version.
    """
    grades = dict(connection.execute("select report_id, grade from mart_grades").fetchall())
    basis = dict(connection.execute("select report_id, basis from mart_report_basis").fetchall())
    about = {row["agency_id"]: row for row in data.records(connection, "select * from dim_agency")}
    by_agency: dict[str, list[data.Record]] = {}
    for row in data.reports(connection).iter_rows(named=True):
        row |= {"grade": grades.get(row["report_id"]), "basis": basis.get(row["report_id"])}
        by_agency.setdefault(row["agency_id"] or row["report_id"], []).append(row)
    agencies: list[list[Any]] = []
    pieces: list[list[data.Record]] = [[]]
    for name in sorted(by_agency):
        mine = sorted(by_agency[name], key=lambda row: (row["report_year"] or 0, row["report_id"]))
        if len(pieces[-1]) >= REPORTS_EACH:
            pieces.append([])
        agencies.append(_agency(name, mine, about.get(name, {}), len(pieces) - 1))
        pieces[-1].extend(mine)
    measures = data.records(connection, "select * from dim_panel_column order by position")
    codes = sorted({row["division_code"] for row in about.values() if row["division_code"]})
    (years,) = connection.execute(
        "select coalesce(list(distinct report_year order by report_year), []) from mart_panel"
    ).fetchall()
    built = next(iter(data.records(connection, f"select * from {BUILD_INFO}")), {})
    index: Json = {
        "version": built.get("gongkai_version") or "",
        "built": str(built.get("finished_at") or "")[:16],
        "agencies": agencies,
        "years": years[0],
        "measures": [[m["measure"], m["label"], m["label_en"], m["unit"], m["table_name"]] for m in measures]
        + [[rate, *_both(vocabulary().columns[rate]), "%", "rates"] for rate in RATES],
        "regions": _regions(codes),
        "layouts": {form.form: [_layout(table) for table in form.tables] for form in forms().values()},
        "words": _words(),
        "grades": {
            grade: [label, label_en]
            for grade, label, label_en in connection.execute(
                "select grade, string_agg(label, '；'), string_agg(label_en, '; ')"
                " from dim_grade_reason group by grade order by grade"
            ).fetchall()
        },
    }
    return Book(
        index,
        tuple(tuple(piece) for piece in pieces if piece),
        {row[0]: place for place, row in enumerate(agencies)},
        tuple(m["measure"] for m in measures),
        _doubted(connection),
    )


def _agency(name: str, reports: Sequence[data.Record], about: data.Record, piece: int) -> list[Any]:
    """A row of the index: id, name, full name, level, kind, division, piece, and its reports."""
    shown = about.get("agency_name") or reports[-1]["agency"]
    full = about.get("full_name")
    return [
        name,
        shown,
        "" if full in (None, shown) else full,
        about.get("level") or "",
        about.get("kind") or "",
        about.get("division_code") or "",
        piece,
        [
            [r["report_year"], r["report_id"], r["grade"], r["error"], r["warn"], r["path"] or ""]
            for r in reports
        ],
    ]


def _regions(codes: Sequence[str]) -> dict[str, str]:
    """Every division that the codes lie in → its name from the province down."""
    found: dict[str, str] = {}
    for code in codes:
        digits = code if len(code) == 9 else code.removesuffix("00").removesuffix("00")
        above = [digits[:n] for n in (2, 4, 6, 9) if n <= len(digits)]
        for short in above:
            if short not in found:
                path = divisions().path(short)
                found[short] = " ".join(division.name for division in path) or short
    return dict(sorted(found.items()))


def _both(text: str) -> tuple[str, str]:
    chinese, _, meaning = text.partition(" · ")
    return chinese, meaning


def _words() -> dict[str, dict[str, list[str]]]:
    """The enumerated words that the page prints, in both languages."""
    wanted = ("status", "table_state", "scope", "basis", "severity", "settled", "origin", "level", "coverage")
    found = {name: vocabulary().codes[name] for name in wanted}
    found["null_reason"] = vocabulary().null_reasons
    return {name: {code: list(_both(text)) for code, text in words.items()} for name, words in found.items()}


def _layout(table: Table) -> Json:
    """A table of the form as it is printed, without figures; its cells run line by line."""
    blank = data.printed(table, {}, ())
    rows, columns = (english().get(name or "", {}) for name in (table.row_dimension, table.column_dimension))
    return {
        "code": table.code,
        "title": table.title,
        "unit": table.unit or "",
        "parts": [
            {
                "corner": part.corner,
                "head": [
                    [[h.label, h.columns, h.rows, columns.get(h.code, "")] for h in level]
                    for level in part.head
                ],
                "lines": [
                    [line.label, line.depth, rows.get(line.cells[0].place[0], "") if line.cells else ""]
                    for line in part.lines
                ],
                "columns": len(part.lines[0].cells) if part.lines else 0,
            }
            for part in blank.parts
        ],
    }


def _doubted(connection: data.Connection) -> dict[str, frozenset[tuple[str, str, str]]]:
    """The cells that are flagged in the marts, by report."""
    query = (
        "select report_id, list((table_name, row_code, column_code)) from mart_figures"
        " where is_flagged group by report_id"
    )
    return {
        report: frozenset((table, row, column) for table, row, column in places)
        for report, places in connection.execute(query).fetchall()
    }


# Reports.


def reports(connection: data.Connection, whole: Book, piece: int) -> Json:
    """The reports of one piece, by agency, oldest first, each with its panel, tables and findings."""
    rows = whole.pieces[piece]
    ids = [row["report_id"] for row in rows]
    panels = _panels(connection, whole, ids)
    said: dict[str, list[list[Any]]] = {}
    query = """
        select report_id, measure, value, qualifier, excerpt from fact_narrative
        where report_id in (select unnest(?)) order by all
    """
    for report, *words in connection.execute(query, [ids]).fetchall():
        said.setdefault(report, []).append(words)
    answer: Json = {}
    for detail in data.details(connection, rows, max_findings=_MANY, whole=True):
        row = detail.report
        answer.setdefault(row["agency_id"] or row["report_id"], []).append(
            _report(whole, detail)
            | {"panel": panels.get(row["report_id"]), "said": said.get(row["report_id"], [])}
        )
    return answer


def _report(whole: Book, detail: data.Detail) -> Json:
    row = detail.report
    form = forms().get(str(row["form_version"])) or list(forms().values())[-1]
    own = row["document_id"]
    doubted = whole.doubted.get(row["report_id"], frozenset())
    return {
        "id": row["report_id"],
        "year": row["report_year"],
        "title": row["title"] or "",
        "form": form.form,
        "form_known": row["form_version"] is not None,
        "scope": row["scope"],
        "basis": row["basis"],
        "grade": row["grade"],
        "states": {table.code: row.get(f"{table.code}_table") for table in form.tables},
        "files": [
            [f["path"], f["url"] or "", f["format"], f["status"], f["message"] or "", f["document_id"] == own]
            for f in detail.files
        ],
        "findings": [
            [
                f["severity"],
                f["check_code"],
                data.meaning(str(f["check_code"])),
                data.number(f["left_value"]),
                data.number(f["right_value"]),
                data.number(f["difference"]),
                f["message"] or "",
                f["settled"] or "",
            ]
            for f in detail.findings
        ],
        "suggestions": [
            [
                one["labels"],
                data.number(one["printed_value"]),
                data.number(one["suggested_value"]),
                one["reason"],
                one["rank"],
            ]
            for one in detail.suggestions
        ],
        "tables": {
            table.code: [
                _cell(cell, (table.code, *cell.place) in doubted)
                for part in table.parts
                for line in part.lines
                for cell in line.cells
            ]
            for table in detail.tables
        },
    }


def _cell(cell: data.Shown, doubted: bool) -> Any:
    """A cell as short as it can be: None where nothing was found, its text, or all there is to say of it."""
    if not cell.status:
        return None
    mark = cell.mark if cell.mark in ("error", "warn") or not doubted else "warn"
    told = mark or cell.numbers or cell.suggestion or cell.corrected or cell.derived
    if cell.status in _PLAIN and not told:
        whole = cell.text.isascii() and cell.text.isdecimal() and len(cell.text) < 10
        return int(cell.text) if whole and str(int(cell.text)) == cell.text else cell.text
    kind = "derived" if cell.derived else cell.status
    return [cell.text, kind, mark, list(cell.numbers), cell.suggestion, cell.corrected, cell.note]


def _panels(connection: data.Connection, whole: Book, ids: Sequence[str]) -> dict[str, Json]:
    """For each report, its figures of the panel in the index's order, what is flagged, why one is absent."""
    place = {measure: number for number, measure in enumerate(whole.measures)}
    found: dict[str, Json] = {}
    query = """
        select report_id, measure, figure, is_flagged, origin, null_reason from mart_measures
        where report_id in (select unnest(?))
    """
    for report, measure, figure, flagged, origin, reason in connection.execute(query, [ids]).fetchall():
        mine = found.setdefault(
            report, {"figures": [None] * len(place), "flagged": [], "origin": {}, "absent": {}}
        )
        at = place[measure]
        mine["figures"][at] = _short(figure)
        if flagged:
            mine["flagged"].append(at)
        if origin not in (None, "printed"):
            mine["origin"][at] = origin
        if reason:
            mine["absent"][at] = reason
    return found


def _short(figure: float | None) -> float | int | None:
    """A figure without the decimals of a whole number."""
    return int(figure) if figure is not None and figure == int(figure) else figure


# League tables.


def league(connection: data.Connection, whole: Book, year: int, measure: str) -> Json:
    """One figure of one year: of every agency, and of every region by basis.

    Rows: agency's place in the index, figure, flagged, why absent, basis, grade; for a rate also what it is a
    share of. Regions: division, basis, figure, reports, those with the figure, those flagged, why absent.
    """
    if measure in RATES:
        query = f"""
            select agency_id, {measure}, rates.is_flagged,
                if(numerator is null or denominator is null, 'part_unknown', null),
                basis, rates.grade, numerator, denominator
            from {measure}(years := [{year:d}]) as rates join mart_panel using (agency_id, report_year)
        """
        found = connection.execute(query).fetchall()
        regions: list[tuple[Any, ...]] = []
    else:
        query = """
            select mart_measures.agency_id, figure, is_flagged, null_reason, mart_measures.basis, grade
            from mart_measures join mart_panel using (report_id)
            where measure = ? and mart_measures.report_year = ?
        """
        found = connection.execute(query, [measure, year]).fetchall()
        regions = connection.execute(
            """select region_code, basis, figure, reports, reports_with_figure, reports_flagged, null_reason
               from mart_region_year where measure = ? and report_year = ? order by all""",
            [measure, year],
        ).fetchall()
    rows = [
        [
            whole.agencies[agency],
            figure if measure in RATES else _short(figure),
            int(flagged or 0),
            reason,
            *more,
        ]
        for agency, figure, flagged, reason, *more in found
        if agency in whole.agencies
    ]
    return {
        "rows": sorted(rows, key=lambda row: row[0]),
        "regions": [[code, basis, _short(figure), *more] for code, basis, figure, *more in regions],
    }
