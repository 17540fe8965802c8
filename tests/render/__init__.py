"""Renders reports with the truth beside them: figures that close, every kind of file, named deviations.

``cases(n, seed)`` draws files, ``Case.render(folder)`` writes one and gives what a reader must find.
Not here: any reading. Nothing in this package uses the pipeline beyond the form and its types.
"""

from tests.render.cases import Case, cases, indicator_cases
from tests.render.deviation import DEVIATIONS, apply
from tests.render.figures import SIZES, Figures, make_figures
from tests.render.formats import FORMATS, QUICK, render, truth_of, value_of
from tests.render.report import Report, build
from tests.render.truth import CellTruth, Expected, broken

__all__ = [
    "DEVIATIONS",
    "FORMATS",
    "QUICK",
    "SIZES",
    "Case",
    "CellTruth",
    "Expected",
    "Figures",
    "Report",
    "apply",
    "broken",
    "build",
    "cases",
    "indicator_cases",
    "make_figures",
    "render",
    "truth_of",
    "value_of",
]
