"""Checks over the published tables: findings are data first (check_result), asset checks second."""

from __future__ import annotations

from collections.abc import Mapping

import polars as pl

from pipeline.checks.completeness import completeness_checks, reading_checks
from pipeline.checks.identities import RESULT, identity_checks

FAMILIES = (identity_checks, completeness_checks, reading_checks)

__all__ = ["FAMILIES", "RESULT", "run_checks"]


def run_checks(tables: Mapping[str, pl.DataFrame]) -> pl.DataFrame:
    """All checks over the frames of a build: rows of check_result, in a stable order.

    Args:
        tables: frames by table name (dim_report, the fact tables, reading_note, …).
    """
    found = pl.concat([family(tables) for family in FAMILIES])
    return found.unique(maintain_order=True).sort("report_id", "check_code", "scope", "status", "message")
