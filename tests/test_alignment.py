"""Rows that lost a cell: the identities decide where figures stand, or nothing does."""

from __future__ import annotations

from decimal import Decimal

from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.cells.alignment import align_rows
from pipeline.cells.identities import Key, deduce, equations, evaluate
from pipeline.form import forms

TABLE = forms()["2021"].table("requests")
ROWS = [r.code for r in TABLE.rows if not r.is_group]
COLUMNS = [c.code for c in TABLE.columns]
OUTCOMES = [r for r in ROWS if r not in ("received", "carried_in", "outcome_total", "carried_out")]


def _filled(leaves: dict[Key, int]) -> dict[Key, int]:
    """A whole table from applicant × outcome counts; everything was received and settled this year."""
    values = {(r, c): 0 for r in ROWS for c in COLUMNS}
    values.update(leaves)
    for row in OUTCOMES:
        values[row, "total"] = sum(values[row, c] for c in COLUMNS[:-1])
    for column in COLUMNS:
        values["outcome_total", column] = sum(values[r, column] for r in OUTCOMES)
        values["received", column] = values["outcome_total", column]
    return values


leaf = st.tuples(st.sampled_from(OUTCOMES), st.sampled_from(COLUMNS[:-1]))


@settings(max_examples=25, deadline=None)
@given(
    st.dictionaries(leaf, st.integers(1, 300), max_size=12),
    st.integers(0, 6),
    st.lists(st.sampled_from(OUTCOMES), min_size=1, max_size=6, unique=True),
)
def test_what_is_placed_is_never_wrong(leaves: dict[Key, int], dropped: int, rows: list[str]) -> None:
    values = _filled(leaves)
    system = equations(TABLE, frozenset(ROWS))
    open_rows = {
        row: ([values[row, c] for i, c in enumerate(COLUMNS) if i != dropped], [(row, c) for c in COLUMNS])
        for row in rows
    }
    known = {k: Decimal(v) for k, v in values.items() if k[0] not in rows}
    alignment = align_rows(open_rows, known, system)
    assert alignment.violations == 0
    for key, figure in alignment.figures.items():
        assert figure == values[key], key
    for key, token in alignment.printed.items():
        assert open_rows[key[0]][0][token] == values[key]


def test_one_lost_column_leaves_one_reading() -> None:
    values = _filled(
        {
            ("granted", "natural_person"): 48,
            ("refused_third_party_rights", "enterprise"): 2,
            ("refused_third_party_rights", "natural_person"): 3,
        }
    )
    open_rows = {
        row: ([values[row, c] for c in COLUMNS if c != "other_organization"], [(row, c) for c in COLUMNS])
        for row in [*OUTCOMES, "outcome_total"]
    }
    known = {k: Decimal(v) for k, v in values.items() if k[0] not in open_rows}
    alignment = align_rows(open_rows, known, equations(TABLE, frozenset(ROWS)))
    assert alignment.figures == {k: v for k, v in values.items() if k[0] in open_rows}
    lost = {k for k in alignment.figures if k not in alignment.printed}
    assert len(lost) == len(open_rows), "one cell of each row has no printed figure"
    assert len({column for _, column in lost}) == 1, "it is the same column throughout"


def test_two_readings_leave_none() -> None:
    # Alone, 5 and 5 may be any applicant's figure and the total.
    system = tuple(e for e in equations(TABLE, frozenset({"granted"})) if e.scope == "granted")
    alignment = align_rows({"granted": ([5, 5], [("granted", c) for c in COLUMNS])}, {}, system)
    assert set(alignment.figures) <= {("granted", "total")}
    assert ("granted", "natural_person") not in alignment.figures


def test_blanks_are_zero_only_where_the_identity_closes_so() -> None:
    system = tuple(e for e in equations(TABLE, frozenset({"granted"})) if e.scope == "granted")
    blank = frozenset(("granted", c) for c in COLUMNS[1:-1])
    values: dict[Key, Decimal | None] = {
        ("granted", "natural_person"): Decimal(5),
        ("granted", "total"): Decimal(5),
    }
    (closing,) = evaluate(system, values, blank)
    assert closing.closes is True
    values["granted", "total"] = Decimal(7)
    (undecided,) = evaluate(system, values, blank)
    assert undecided.closes is None
    values["granted", "total"] = Decimal(3)
    (hopeless,) = evaluate(system, values, blank)
    assert hopeless.closes is False


def test_deduction_fills_what_has_one_figure_only() -> None:
    system = tuple(e for e in equations(TABLE, frozenset({"granted"})) if e.scope == "granted")
    values: dict[Key, Decimal | None] = {("granted", c): Decimal(1) for c in COLUMNS}
    values["granted", "total"] = None
    assert deduce(system, values, frozenset({("granted", "total")})) == {("granted", "total"): 6}
    values["granted", "total"] = Decimal(9)
    values["granted", "enterprise"] = values["granted", "natural_person"] = None
    gaps = frozenset({("granted", "enterprise"), ("granted", "natural_person")})
    assert deduce(system, values, gaps) == {}, "5 is left for two cells"
