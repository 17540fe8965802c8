"""docs/benchmarks.md and its plots, made of the results alone.

Here: which tables and plots there are and the sentences around them; every figure comes from the JSON.
Not here: measuring, the plots' library (charts), or what 3 million reports take (growth, forecast).
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks import builds, charts, comparing, crawling, forecast, growth, ratios, readers
from benchmarks.results import Measure, Part, Results, digits, shown
from benchmarks.running import ROOT
from benchmarks.suite import SITUATIONS
from pipeline.files import write_whole

PAGE = ROOT / "docs/benchmarks.md"
IMAGES = ROOT / "docs/images"
RESULTS = Path(__file__).parent / "results" / "suite.json"
AGAIN = RESULTS.with_name("again.json")
"""A second run of the same suite, that the first is held against."""
EXPORTS, CRAWL = Path(__file__).with_name("exports.json"), Path(__file__).with_name("crawl.json")
BEGIN, END = "<!-- results -->\n", "<!-- end -->\n"


@dataclass(frozen=True, slots=True)
class Goal:
    """A figure that the project wants of itself: at least, or at most, so many times."""

    what: str
    row: str
    column: str
    least: bool
    bound: float

    def reached(self, measure: Measure) -> bool:
        """Whether the median is on the right side."""
        return measure.median >= self.bound if self.least else measure.median <= self.bound


_TO_FLOOR = f"{ratios.READING} ÷ {ratios.FLOOR}"
_TO_LXML = f"{ratios.READING} ÷ lxml"
_FROM_PLAIN = f"{ratios.PLAIN} ÷ {ratios.READING}"
GOALS = (
    Goal("plain pdfplumber, as a multiple of reading a PDF", ratios.ALL, _FROM_PLAIN, True, 10),
    Goal("reading a PDF, as a multiple of PDFium's text", ratios.ALL, _TO_FLOOR, False, 3),
    Goal("reading a page, as a multiple of lxml's parsing", "html_page", _TO_LXML, False, 3),
    Goal("reading a Word file, as a multiple of lxml's parsing", "docx", _TO_LXML, False, 3),
)


def write(results: Results, again: Results | None, page: Path = PAGE, images: Path = IMAGES) -> None:
    """Put the results between the page's markers, and the plots beside.

    Raises:
        ValueError: the page has not both markers.
    """
    text = page.read_text(encoding="utf-8")
    before, begin, rest = text.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise ValueError(f"{page.name} has no {BEGIN.strip()} … {END.strip()}")
    write_whole(page, before + begin + body(results, again) + end + after)
    for name, svg in plots(results):
        write_whole(images / name, svg)


def body(results: Results, again: Results | None) -> str:
    """Everything between the markers."""
    sections = [_where(results)]
    for part, tell in (
        (results.part(ratios.NAME), _ratios),
        (results.part(readers.NAME), _readers),
        (results.part(builds.NAME), _builds),
        (results.part(growth.NAME), lambda part: _growth(part, results)),
    ):
        if part is not None:
            sections.append(tell(part))
    sections += [
        _crawl(results.part(crawling.NAME)),
        _exports(),
        _repeated(results, again),
        _conditions(results),
    ]
    return "\n\n".join(section.strip() for section in sections if section) + "\n"


# Sections.


def _where(results: Results) -> str:
    machine, version = results.machine, results.versions
    rest = ", ".join(
        f"{name} {number}" for name, number in version.items() if name not in ("Python", "gongkai")
    )
    lines = [
        f"`{results.command}`, {results.started} UTC: gongkai {version['gongkai']} on {machine['processor']},"
        f" {machine['cores']} cores, {machine['memory']}, {machine['system']};"
        f" Python {version['Python']}, {rest}."
    ]
    if results.size != "full":
        lines.append("**A quick run**: few files and repetitions, so the figures are coarse.")
    part = results.part(ratios.NAME)
    if part is not None:
        rows = []
        for goal in GOALS:
            measure = part.of(goal.row, goal.column)
            if measure is not None:
                bound = f"{'at least' if goal.least else 'at most'} {goal.bound:g}×"
                reached = "yes" if goal.reached(measure) else "no"
                rows.append([goal.what, bound, shown(measure), reached])
        lines.append(_table(["ratio", "goal", "measured", "reached"], rows))
    return "## At a glance\n\n" + "\n\n".join(lines)


def _ratios(part: Part) -> str:
    pdf = _rows(part, ratios.READING, lambda row: row.startswith("pdf") or row == ratios.ALL)
    ours = [ratios.FLOOR, ratios.READING, ratios.WHOLE, ratios.PLAIN]
    others = [engine for engine in ratios.OUTSIDE if part.of(ratios.ALL, engine)]
    compared = [f"{o} ÷ {w}" for o in [ratios.PLAIN, *others] for w in (ratios.READING, ratios.WHOLE)]
    trees = _rows(part, _TO_LXML)
    parsers = ("lxml, HTML", "lxml, DOCX")
    tree_rows = [
        [
            row,
            _cell(next((m for parser in parsers if (m := part.of(row, parser))), None)),
            *(_cell(part.of(row, column)) for column in (ratios.READING, _TO_LXML)),
        ]
        for row in trees
    ]
    text = f"""## Against other programs

Every program takes a file before the next file comes, in one run, each warmed up on all files.
*{ratios.FLOOR}* is PDFium's text of all pages and nothing else; *pdfplumber* is `extract_text` and
`extract_tables` on all pages.
{_sentence_of(part, others)}

![Milliseconds a PDF, by program](images/benchmark_ratios.svg)

Milliseconds a file (processor time, lowest and highest round in brackets):

{_grid(part, pdf, [*ours, *others])}

Ratios, each made within a round:

{_grid(part, pdf, [_TO_FLOOR, *compared])}
"""
    if tree_rows:
        text += f"""
Pages and Word files against the bare parse of the same bytes (`lxml.html.parse`; unzipping and
`lxml.etree.fromstring` of `word/document.xml`), ms a file:

{_table(["format", "lxml", ratios.READING, _TO_LXML], tree_rows)}
"""
    return text + _notes(part)


def _sentence_of(part: Part, others: Sequence[str]) -> str:
    text = f"{digits(float(part.facts['PDF files']))} PDF files."
    if others:
        named = ", ".join(f"{name} ({part.facts[name]})" for name in others)
        few = digits(float(part.facts["PDF files for engines that are no dependency"]))
        text += (
            f" {named} are no dependencies of gongkai (PyMuPDF is under the AGPL); each runs in a process of"
            f" its own with one thread, over {few} of the files: text and tables of all pages, for camelot"
            " tables alone. Since version 2 PyMuPDF asks a model of page layouts unless told not to: both are"
            " measured."
        )
    return text


def _readers(part: Part) -> str:
    formats = _rows(part, readers.READING)
    frames, checks = part.of(readers.ALL, "frames"), part.of(readers.ALL, "checks")
    return f"""## Readers and stages

![Milliseconds a file, by format and stage](images/benchmark_readers.svg)

Milliseconds a file of processor time in a warm worker: *{readers.READING}* is the bytes to paragraphs,
grids and places; *{readers.CELLS}* is segmentation, the form's cells, heading and narrative;
*{readers.DEVIATING}* is both over files with one or two deviations that real reports show.
{_number(part, "files")} files and {_number(part, "deviating files")} that deviate.

{_grid(part, formats, [readers.READING, readers.CELLS, readers.DEVIATING])}

Then, for each report of {_number(part, "reports together")} at once, whatever the format: typed frames
{shown(frames) if frames else "not measured"}, all checks {shown(checks) if checks else "not measured"}.
{_notes(part)}"""


_OF_A_BUILD = ("seconds", "processor time", "files a second", "files read", "cache hits", "peak memory")


def _builds(part: Part) -> str:
    steps = [m for m in part.measures if m.row == builds.STEPS]
    exported = [row for row in _rows(part, "seconds") if row.startswith("export")]
    text = f"""## Builds

{_number(part, "files")} rendered files ({part.facts["formats"]}), {_number(part, "workers")} workers,
each build a process of its own from its start to its end (`gongkai build`); memory is of all its processes
together, shared pages once, and so is processor time.

{_grid(part, SITUATIONS, _OF_A_BUILD)}

Steps of the build from nothing, as Dagster times them (its own bookkeeping and the start of the processes
stand beside):

{_table(["step", "seconds"], [[m.column, _cell(m)] for m in sorted(steps, key=lambda m: -m.median)])}

The warehouse of these files has {_number(part, "rows")} rows and {_number(part, "warehouse MiB")} MiB.
"""
    stored = [m for m in part.measures if m.row == builds.STORE]
    text += "\n" + _table(["warehouse", "seconds"], [[m.column, _cell(m)] for m in stored]) + "\n"
    if exported:
        text += f"\nIts exports:\n\n{_grid(part, exported, ['seconds', 'peak memory'])}\n"
    return text + _notes(part)


def _growth(part: Part, results: Results) -> str:
    sizes = _rows(part, "reports")
    titles = list(growth.BUILDS.values())
    each = [growth.A_REPORT.format(title) for title in titles]
    return f"""## Growth

`python -m benchmarks.scale`: reports whose cells come from rendered ones and whose bodies and years are
made up, so that everything but reading is measured.{_limits(part)}

![Milliseconds a report, by number of reports](images/benchmark_growth.svg)

{_grid(part, sizes, [growth.CELLS, *titles, growth.PEAK, growth.ON_DISK], head="reports")}

Processor time of the build's own process (Dagster, frames and DuckDB; nothing is read):

{_grid(part, sizes, [growth.PROCESSOR.format(t) for t in titles], head="reports")}

Milliseconds a report, by the clock:

{_grid(part, sizes, each, head="reports", short=growth.A_REPORT.format(""))}

### Three million reports

{forecast.told(part, results)}
{_notes(part)}"""


def _limits(part: Part) -> str:
    if not part.facts:
        return ""
    return f" Memory is bound to {_number(part, 'MiB set')} MiB; {_number(part, 'workers')} workers."


def _crawl(part: Part | None) -> str:
    rows = []
    runs: list[tuple[str, Sequence[Measure]]] = []
    if part is not None:
        runs.append((_number(part, "pages"), part.measures))
    if CRAWL.exists():
        larger = json.loads(CRAWL.read_text(encoding="utf-8"))
        runs.append((digits(larger["pages"]), crawling.told(larger)))
    for pages, measures in runs:
        rows.append([pages, *(_cell(measure) for measure in measures if measure.column != "peak memory")])
    if not rows:
        return ""
    columns = [f"{crawl}: {column}" for crawl in crawling.CRAWLS.values() for column in ("s", "pages/s")]
    return f"""## Crawls

`python -m benchmarks.crawl`: report pages from a server on the same machine, without the pauses that a
crawl of a real site makes. What a crawl takes in the field is those pauses.

{_table(["pages", *columns], rows)}
"""


def _exports() -> str:
    if not EXPORTS.exists():
        return ""
    told: dict[str, Any] = json.loads(EXPORTS.read_text(encoding="utf-8"))
    rows = [
        [one["format"], one["tables"], *(_plain(one[name]) for name in _EXPORTED)] for one in told["exports"]
    ]
    return f"""## Large exports

`python -m benchmarks.exports --reports {told["reports"]}`: {digits(told["reports"])} invented reports with
{digits(told["cells"])} cells, DuckDB bound to {told["duckdb_memory_mb"]} MiB,
load {told["load_at_start"]} at the start ({told["machine"]}).
What the figures do not say stands in [Exports](export.md#time-and-memory).

{_table(["format", "tables", *_EXPORTED.values()], rows)}
"""


_EXPORTED = {
    "rows": "rows",
    "files": "files",
    "megabytes": "MB",
    "seconds": "seconds",
    "peak_memory_mb": "peak memory, MiB",
}


def _repeated(results: Results, again: Results | None) -> str:
    if again is None:
        return ""
    return f"""## Two runs

The suite ran a second time ({again.started} UTC). A figure has moved where the repetitions of the two runs
do not overlap and the medians differ by more than {comparing.NOISE:.0%}.

{comparing.told(results, again)}"""


def _conditions(results: Results) -> str:
    rows = [
        [part.name, digits(part.seconds), f"{part.load[0]:g}", f"{part.load[1]:g}"] for part in results.parts
    ]
    return f"""## Conditions

Processor time (user and system) of the process is measured where one program reads one file; seconds of the
clock where a whole command runs. The load is the number of processes that wanted to run over the last minute;
above the {results.machine["cores"]} cores of the machine the clock's figures are upper figures.

{_table(["part", "seconds it took", "load before", "load after"], rows)}
"""


# Plots.


def plots(results: Results) -> Iterator[tuple[str, str]]:
    """File name and SVG of every plot that the results have figures for."""
    part = results.part(ratios.NAME)
    if part is not None:
        engines = [ratios.FLOOR, ratios.READING, ratios.WHOLE, ratios.PLAIN, *ratios.OUTSIDE]
        found = [(name, m.median) for name in engines if (m := part.of(ratios.ALL, name)) is not None]
        labels = [f"gongkai, {n}" if n in (ratios.READING, ratios.WHOLE) else n for n, _ in found]
        values = {"ms": [value for _, value in found]}
        yield "benchmark_ratios.svg", charts.bars("ratios", "Milliseconds a PDF", labels, values)
    part = results.part(readers.NAME)
    if part is not None:
        formats = _rows(part, readers.READING)
        stages = {stage: _medians(part, formats, stage) for stage in (readers.READING, readers.CELLS)}
        yield "benchmark_readers.svg", charts.bars("readers", "Milliseconds a file", formats, stages)
    part = results.part(growth.NAME)
    if part is not None:
        sizes = _rows(part, "reports")
        series = {t: _medians(part, sizes, growth.A_REPORT.format(t)) for t in growth.BUILDS.values()}
        yield (
            "benchmark_growth.svg",
            charts.lines("growth", "Milliseconds a report, by number of reports", sizes, series),
        )


def _medians(part: Part, rows: Sequence[str], column: str) -> list[float | None]:
    return [m.median if (m := part.of(row, column)) else None for row in rows]


# Tables.


def _rows(part: Part, column: str, wanted: Any = lambda row: True) -> list[str]:
    """The rows that have a column, in the order measured."""
    return [m.row for m in part.measures if m.column == column and wanted(m.row)]


def _grid(
    part: Part,
    rows: Sequence[str],
    columns: Sequence[str],
    head: str = "",
    short: str = "",
) -> str:
    """A table of medians with their ranges; columns that have no figure are left out."""
    there = [column for column in columns if any(part.of(row, column) for row in rows)]
    titles = []
    for column in there:
        unit = next(m.unit for row in rows if (m := part.of(row, column)))
        named = unit in ("s", "MiB") and column != "seconds"
        titles.append(column.removeprefix(short) + (f", {unit}" if named else ""))
    return _table(
        [head, *titles], [[row, *(_cell(part.of(row, column)) for column in there)] for row in rows]
    )


def _cell(measure: Measure | None) -> str:
    if measure is None:
        return ""
    text = digits(measure.median)
    return text if len(measure.values) == 1 else f"{text} ({digits(measure.low)}–{digits(measure.high)})"


def _number(part: Part, fact: str) -> str:
    return digits(float(part.facts[fact]))


def _plain(value: float) -> str:
    return f"{value:,}"


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = ["| " + " | ".join(head) + " |", "|---|" + "--:|" * (len(head) - 1)]
    return "\n".join([*lines, *("| " + " | ".join(row) + " |" for row in rows)])


def _notes(part: Part) -> str:
    return "\n" + "\n".join(f"- {note}" for note in part.notes) + "\n" if part.notes else ""
