"""Each kind of slip is told from the others."""

from __future__ import annotations

import pytest

from pipeline.checks.slips import likeliest, rules


@pytest.mark.parametrize(
    ("printed", "right", "kind"),
    [
        (12, 123, "digit_lost"),
        (23, 123, "digit_lost"),
        (112, 12, "digit_doubled"),
        (21, 12, "transposed"),
        (1, 10, "transposed"),
        (13, 18, "misread"),
        (14, 12, "mistyped"),
        (125, 12, "digit_added"),
        (500, 5, "magnitude"),
        (12, 1200, "magnitude"),
        (0, 50, "digit_lost"),
        (0, 345, "left_zero"),
        (-12, 12, "sign"),
        (None, 3, "left_blank"),
        (71, 24, "unknown"),
    ],
)
def test_kinds(printed: int | None, right: int, kind: str) -> None:
    assert likeliest(printed, right).kind == kind


def test_totals_are_added_up_wrongly_or_left_at_zero() -> None:
    assert likeliest(71, 24, total=True).kind == "wrongly_added"
    assert likeliest(0, 24, total=True).kind == "total_left_zero"


def test_a_neighbour_s_figure_tells_only_where_it_is_no_single_digit() -> None:
    assert likeliest(71, 24, neighbours=[71]).kind == "shifted"
    assert likeliest(7, 24, neighbours=[7]).kind == "unknown"
    assert likeliest(0, 24, neighbours=[0]).kind == "left_zero"


def test_pictures_are_misread_more_easily() -> None:
    typed, picture = likeliest(17, 11), likeliest(17, 11, picture=True)
    assert (typed.kind, picture.kind) == ("misread", "misread_picture")
    assert picture.cost < typed.cost


def test_every_slip_has_words_and_the_unknown_is_the_dearest() -> None:
    slips = rules().slips
    assert all(slip.words for slip in slips.values())
    assert max(slip.cost for slip in slips.values()) == slips["unknown"].cost
    assert all(len(pair) == 2 and list(pair) == sorted(pair) for pair in rules().look_alike)
