"""Checks over the published tables: findings are data first (check_result), asset checks second."""

from __future__ import annotations

from collections.abc import Mapping

import polars as pl

from pipeline.checks.across_years import across_years_checks
from pipeline.checks.completeness import completeness_checks, reading_checks
from pipeline.checks.documents import document_checks
from pipeline.checks.figures import beside
from pipeline.checks.identities import RESULT, identity_checks
from pipeline.checks.narrative import narrative_checks, narrative_rollup_checks
from pipeline.checks.narrative_itself import narrative_itself_checks
from pipeline.checks.plausibility import plausibility_checks
from pipeline.checks.rollup import rollup_checks

FAMILIES = (
    identity_checks,
    completeness_checks,
    reading_checks,
    across_years_checks,
    narrative_checks,
    narrative_itself_checks,
    narrative_rollup_checks,
    document_checks,
    plausibility_checks,
    rollup_checks,
)

__all__ = ["FAMILIES", "RESULT", "beside", "run_checks"]


def run_checks(tables: Mapping[str, pl.DataFrame]) -> pl.DataFrame:
    """All checks over the frames of a build: rows of check_result, in a stable order.

    Args:
        tables: frames by table name (dim_report, the fact tables, reading_note, …): of whole
            agencies, and beside them what sums of their regions are compared with.
    """
    found = pl.concat([family(tables) for family in FAMILIES])
    return found.unique(maintain_order=True).sort("report_id", "check_code", "scope", "status", "message")
