"""Organisations printed in another order, heads and figures alike: each figure under its own head.

In a text copy the merged heads are gone, so that no head stands over its figures; the identities are
the same in every order of the five, and close either way.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.accuracy import judge
from tests.render import Case


@pytest.mark.parametrize("format", ["txt_word", "txt_tab", "txt_pipe_lines", "md_pipe", "html", "docx"])
@pytest.mark.parametrize("seed", [700431, 5])
def test_the_heads_decide_and_a_finding_says_so(tmp_path: Path, format: str, seed: int) -> None:
    case = Case(format, ("applicants_in_another_order", "remark_in_cell"), "2021", "large", seed)
    path, expected = case.render(tmp_path)
    found = judge(case, path, expected)
    assert (found.silent, found.wrong_flagged, found.exact) == ([], [], found.cells), found
