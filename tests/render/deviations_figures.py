"""Deviations of figures: how they are written, what is left empty, what breaks an identity.

Here: the texts of figure cells. Not here: labels and structure (deviations_tables.py).
"""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal

from pipeline.form import forms
from tests.render.deviation import blank, deviation, mark, reprint
from tests.render.figures import Key, Size
from tests.render.layout import plain
from tests.render.report import Report, edit_cells
from tests.render.truth import broken

_SOME: tuple[Size, ...] = ("small", "large", "huge")
_BIG: tuple[Size, ...] = ("large", "huge")


def _rewrite(report: Report, change: Callable[[Key, Decimal], str | None]) -> Report:
    """Other texts for figures that are printed; None leaves one as it is."""
    texts = {}
    for key, cell in report.truth.cells.items():
        if cell.printed and cell.figure is not None:
            text = change(key, cell.figure)
            if text is not None:
                texts[key] = text
    return reprint(report, texts)


def _with_figure(report: Report, key: Key, value: Decimal) -> Report:
    """The report with another figure printed in one cell, as if the office had meant it."""
    figures = replace(report.figures, values={**report.figures.values, key: value})
    report = reprint(replace(report, figures=figures), {key: plain(value)})
    return mark(report, [key], lambda c: replace(c, figure=value))


def _is_amount(report: Report, key: Key) -> bool:
    specs = forms()[report.form].table(key[0]).cells
    return any((s.row, s.column) == key[1:] and s.number == "amount" for s in specs)


@deviation("numbers", stage=1, sizes=_BIG)
def thousands_separators(report: Report, rng: random.Random) -> Report:
    """1,113 or, with a full-width comma, 1，113."""
    key = ("disclosure", "administrative_licensing", "decisions")
    report = _with_figure(report, key, Decimal(rng.randint(1000, 98765)))
    comma = rng.choice((",", "，"))
    return _rewrite(
        report, lambda k, v: f"{int(v):,}".replace(",", comma) if v >= 1000 and v == int(v) else None
    )


@deviation("numbers", stage=1)
def full_width_digits(report: Report, rng: random.Random) -> Report:
    """Digits as wide as characters."""
    wide = str.maketrans("0123456789.", "０１２３４５６７８９．")
    return _rewrite(report, lambda k, v: plain(v).translate(wide))


@deviation("numbers", stage=1)
def unit_in_cell(report: Report, rng: random.Random) -> Report:
    """16368(件) or 12件 in cells of decisions."""
    unit = rng.choice(("(件)", "件", "（件）"))
    return _rewrite(report, lambda k, v: plain(v) + unit if k[2] == "decisions" else None)


@deviation("numbers", stage=1, forms=("2021",))
def fee_with_unit(report: Report, rng: random.Random) -> Report:
    """The unit that the header gives once more in the cell of fees."""
    return _rewrite(report, lambda k, v: f"{plain(v)}万元" if k[2] == "amount_10k_yuan" else None)


@deviation("numbers", stage=1, forms=("2021",), sizes=_SOME)
def fee_in_yuan(report: Report, rng: random.Random) -> Report:
    """元 written into the cell whose header says 万元: the figure in 万元 is a ten-thousandth."""
    key = ("disclosure", "administrative_fees", "amount_10k_yuan")
    report = _with_figure(report, key, Decimal(rng.randint(1, 400)) / 10)
    report = reprint(report, {key: f"{plain(report.figures[key] * 10000)}元"})
    # Converted or refused: both are right. Taken as it stands it would be wrong.
    return mark(report, [key], lambda c: replace(c, required=False))


@deviation("numbers", stage=1, forms=("2019",), sizes=_SOME)
def procurement_in_yuan(report: Report, rng: random.Random) -> Report:
    """251000元 in the cell whose header gives no unit."""
    key = ("disclosure", "government_procurement", "procurement_amount_yuan")
    report = _with_figure(report, key, Decimal(rng.randint(1000, 9000000)))
    return reprint(report, {key: f"{plain(report.figures[key])}元"})


@deviation("numbers", stage=1, forms=("2019",), sizes=_SOME)
def procurement_in_wan(report: Report, rng: random.Random) -> Report:
    """1646.5万元 or 211.509万: the warehouse counts in 元."""
    key = ("disclosure", "government_procurement", "procurement_amount_yuan")
    wan = Decimal(rng.randint(1000, 9999999)) / 1000
    report = _with_figure(report, key, wan * 10000)
    return reprint(report, {key: plain(wan) + rng.choice(("万元", "万"))})


@deviation("numbers", "labels", stage=1, forms=("2019",), sizes=_SOME)
def procurement_in_wan_by_header(report: Report, rng: random.Random) -> Report:
    """The unit moved into the header: 采购总金额(万元)."""
    key = ("disclosure", "government_procurement", "procurement_amount_yuan")
    wan = Decimal(rng.randint(100, 99999)) / 100
    report = reprint(_with_figure(report, key, wan * 10000), {key: plain(wan)})
    return edit_cells(
        report,
        lambda c: replace(c, text=f"{c.text}(万元)") if c.role == "column" and c.code == key[2] else c,
        "disclosure",
    )


@deviation("numbers", stage=1, forms=("2019",), sizes=_SOME)
def signed_changes(report: Report, rng: random.Random) -> Report:
    """+43 and -1942 in the column of changes, the minus in several forms."""
    minus = rng.choice(("-", "－", "−"))

    def change(key: Key, value: Decimal) -> str | None:
        if key[2] != "items_change" or not value:
            return None
        return f"+{plain(value)}" if value > 0 else f"{minus}{plain(-value)}"

    return _rewrite(report, change)


@deviation("numbers", stage=1, forms=("2021",), sizes=_SOME)
def remark_in_cell(report: Report, rng: random.Random) -> Report:
    """22（其中修订16件）: the figure is the first, the rest a remark."""
    key = ("disclosure", "normative_documents", "issued")
    report = _with_figure(report, key, Decimal(rng.randint(5, 40)))
    part = rng.randint(1, int(report.figures[key]) - 1)
    remark = rng.choice((f"（其中修订{part}件）", f"(含自然失效 {part} 件)"))
    return reprint(report, {key: plain(report.figures[key]) + remark})


@deviation("numbers", stage=1, sizes=_BIG)
def spaces_inside_numbers(report: Report, rng: random.Random) -> Report:
    """5 1578: a space where a line of the source broke. Refusing it is right, half of it is not."""
    key = ("disclosure", "administrative_penalties", "decisions")
    report = _with_figure(report, key, Decimal(rng.randint(10000, 98765)))
    digits = plain(report.figures[key])
    report = reprint(report, {key: f"{digits[0]} {digits[1:]}"})
    return mark(report, [key], lambda c: replace(c, required=False))


@deviation("numbers", stage=1)
def padded_numbers(report: Report, rng: random.Random) -> Report:
    """Blanks of several kinds before and after figures."""
    pads = (" ", "  ", "　", "\u00a0")
    return _rewrite(report, lambda k, v: f"{rng.choice(pads)}{plain(v)}{rng.choice(pads)}")


@deviation("numbers", stage=1)
def trailing_zeros(report: Report, rng: random.Random) -> Report:
    """18.8710 and 0.00 in cells of amounts."""
    key_places = rng.choice((2, 4, 6))

    def change(key: Key, value: Decimal) -> str | None:
        return f"{value:.{key_places}f}" if _is_amount(report, key) else None

    # Two places must not cut a figure with more.
    if key_places == 2:
        for key, cell in report.truth.cells.items():
            if cell.figure is not None and _is_amount(report, key):
                report = _with_figure(report, key, cell.figure.quantize(Decimal("0.01")))
    return _rewrite(report, change)


@deviation("numbers", stage=1)
def letter_for_zero(report: Report, rng: random.Random) -> Report:
    """A letter O typed for a zero."""
    zeros = [key for key, cell in report.truth.cells.items() if cell.figure == 0 and key[0] == "requests"]
    if not zeros:
        return report
    key = rng.choice(zeros)
    report = mark(report, [key], lambda c: replace(c, status="illegible", required=False))
    report = reprint(report, {key: "O"})
    return replace(report, truth=report.truth.state("requests", "complete", "partial"))


# Cells left empty. The office means a figure; the file does not print it.


def _keys(report: Report, table: str) -> list[Key]:
    return [key for key in report.truth.cells if key[0] == table]


@deviation("numbers", stage=1)
def blank_zeros(report: Report, rng: random.Random) -> Report:
    """Every zero of table three left empty."""
    return blank(report, [k for k in _keys(report, "requests") if report.truth.cells[k].figure == 0])


@deviation("numbers", stage=1)
def blank_rules_rows(report: Report, rng: random.Random) -> Report:
    """The rows of rules and normative documents left empty, figures below."""
    rows = ("regulations", "normative_documents")
    return blank(report, [k for k in _keys(report, "disclosure") if k[1] in rows])


@deviation("numbers", stage=1)
def totals_only(report: Report, rng: random.Random) -> Report:
    """Only the column of totals filled in."""
    return blank(report, [k for k in _keys(report, "requests") if k[2] != "total"])


@deviation("numbers", stage=1)
def person_and_total_only(report: Report, rng: random.Random) -> Report:
    """Zeros of the organisations left empty; natural persons and totals filled in."""
    keep = ("natural_person", "total")
    cells = report.truth.cells
    return blank(report, [k for k in _keys(report, "requests") if k[2] not in keep and cells[k].figure == 0])


@deviation("numbers", stage=1)
def outcome_totals_blank(report: Report, rng: random.Random) -> Report:
    """The column of totals left empty in the rows of outcomes."""
    ends = ("received", "carried_in", "carried_out", "outcome_total")
    keys = [k for k in _keys(report, "requests") if k[2] == "total" and k[1] not in ends]
    return blank(report, keys)


@deviation("numbers", stage=1)
def disputes_blank(report: Report, rng: random.Random) -> Report:
    """The line of figures of table four empty."""
    return blank(report, _keys(report, "disputes"))


@deviation("numbers", stage=1)
def requests_blank(report: Report, rng: random.Random) -> Report:
    """Table three with its labels and no figure."""
    return blank(report, _keys(report, "requests"))


@deviation("numbers", stage=1)
def all_blank(report: Report, rng: random.Random) -> Report:
    """All tables printed and none filled in."""
    return blank(report, list(report.truth.cells))


@deviation("numbers", stage=1)
def one_blank(report: Report, rng: random.Random) -> Report:
    """One cell of table three left empty; the identities leave one figure for it."""
    parts = [k for k in _keys(report, "requests") if k[2] != "total"]
    return blank(report, [rng.choice(parts)])


_NONE = ("/", "／", "—", "-", "--", "无", "不涉及", "不适用")


@deviation("numbers", stage=1)
def rules_not_applicable(report: Report, rng: random.Random) -> Report:
    """A stroke or a word in the row of rules: the body has no power to make any."""
    sign = rng.choice(_NONE)
    keys = [k for k in _keys(report, "disclosure") if k[1] == "regulations"]
    report = mark(report, keys, lambda c: replace(c, figure=None, status="not_applicable", required=False))
    return reprint(report, dict.fromkeys(keys, sign))


@deviation("numbers", stage=1, sizes=("zero",))
def disputes_not_applicable(report: Report, rng: random.Random) -> Report:
    """Strokes in the line of table four."""
    sign = rng.choice(_NONE)
    keys = _keys(report, "disputes")
    report = mark(report, keys, lambda c: replace(c, status="not_applicable", required=False))
    truth = report.truth.state("disputes", "complete", "partial", "blank")
    return reprint(replace(report, truth=truth), dict.fromkeys(keys, sign))


# Identities broken by the office itself: the figures stay, the finding is what counts.


def _break(report: Report, key: Key, by: int) -> Report:
    report = _with_figure(report, key, report.figures[key] + by)
    assert broken(report.form, report.figures.values), "the change must break an identity"
    return report


@deviation("numbers", stage=1)
def violation_outcome_total(report: Report, rng: random.Random) -> Report:
    """（七）总计 of one column is not the sum of the outcomes."""
    return _break(report, ("requests", "outcome_total", "natural_person"), rng.randint(1, 5))


@deviation("numbers", stage=1)
def violation_balance(report: Report, rng: random.Random) -> Report:
    """Received, and its total with it: items one and two are not items three and four."""
    by = rng.randint(1, 5)
    report = _break(report, ("requests", "received", "natural_person"), by)
    return _break(report, ("requests", "received", "total"), by)


@deviation("numbers", stage=1)
def violation_applicant_total(report: Report, rng: random.Random) -> Report:
    """The total of one row of outcomes is not the sum of its applicants."""
    rows = ("granted", "granted_in_part", "unavailable_not_held", "declined_repeated")
    return _break(report, ("requests", rng.choice(rows), "total"), rng.randint(1, 5))


@deviation("numbers", stage=1)
def violation_disputes_total(report: Report, rng: random.Random) -> Report:
    """The total of one forum is not the sum of its results."""
    forum = rng.choice(("reconsideration", "direct_litigation"))
    return _break(report, ("disputes", forum, "total"), rng.randint(1, 5))


@deviation("numbers", stage=1, sizes=_SOME)
def violation_total_left_zero(report: Report, rng: random.Random) -> Report:
    """The total of table four left at the form's 0 though there are cases."""
    forum = "reconsideration"
    report = _with_figure(report, ("disputes", forum, "upheld"), Decimal(rng.randint(1, 9)))
    report = _with_figure(report, ("disputes", forum, "total"), Decimal(0))
    assert broken(report.form, report.figures.values), "the change must break an identity"
    return report
