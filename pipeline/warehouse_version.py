"""The version of a warehouse's tables: what it is, which file has which, what is said of one too new.

Here: the number and how a file names it. Not here: when it is asked (warehouse.py).
"""

from __future__ import annotations

from pathlib import Path

import duckdb

BUILD_INFO = "build_info"
SCHEMA = 1
"""To be raised by a change of the tables that adding columns does not carry over."""


def version_of(connection: duckdb.DuckDBPyConnection) -> int:
    """The version that ``build_info`` names; files from before it named one are of version 1."""
    try:
        # Fetched to its end: a connection with an unfinished result refuses the next question.
        ((found,),) = connection.execute(f"select max(schema_version) from {BUILD_INFO}").fetchall()
    except (duckdb.CatalogException, duckdb.BinderException):
        return 1
    return int(found) if found is not None else 1


def older(path: Path) -> str:
    """What a person is told where a part cannot be made anew in a file that came before."""
    return f"{path} is of an older version; `gongkai build` makes it anew"


def newer(path: Path, version: int) -> str:
    """What a person is told whose program came before the file."""
    return (
        f"{path} was made by a newer version of gongkai (its tables are of version {version}, this program"
        f" knows {SCHEMA}); install that version, move the file away, or name another --warehouse folder"
    )
