"""An export: the published tables in the formats that researchers work with, as one folder.

Here: which folders may be replaced, the order of the work, the swap. Not here: a format, a description.
"""

from __future__ import annotations

import ctypes
import errno
import json
import os
import shutil
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from pathlib import Path

from pipeline import locks
from pipeline.publish import export_release as release
from pipeline.publish.export_flat import write_csv, write_parquet
from pipeline.publish.export_package import MARK, NAME, version, write_citation, write_package
from pipeline.publish.export_plan import Connection, ExportFault, Slice, Table, slices, tables
from pipeline.publish.export_stata import write_stata
from pipeline.publish.export_types import Written
from pipeline.publish.export_xlsx import write_xlsx
from pipeline.warehouse import connect

Progress = Callable[[str, int, int], None]
_OUT, _SPILL, _HOLDER = "out", "spill", "holder"


class Format(StrEnum):
    """What tables are written as; each has a folder of its name."""

    PARQUET = "parquet"
    CSV = "csv"
    CSV_BOM = "csv-bom"
    XLSX = "xlsx"
    STATA = "stata"


# As Stata users and the file's ending call it.
_ALSO = {"dta": Format.STATA}
_ALL = "all"


@dataclass(frozen=True, slots=True)
class Exported:
    """What an export wrote: files of each format, and what changed since the release before."""

    written: dict[str, list[Written]]
    changes: release.Changes


def formats(words: str) -> list[Format]:
    """The formats that are named, with commas between; ``all`` is all of them.

    Raises:
        ExportFault: a word is no format.
    """
    known = {form.value: form for form in Format} | _ALSO
    named = [word.strip().lower() for word in words.split(",")]
    odd = [word for word in named if word not in known and word != _ALL]
    if odd:
        raise ExportFault(f"a format is {', '.join([*known, _ALL])}, not {odd[0] or 'nothing'}")
    return list(Format) if _ALL in named else list(dict.fromkeys(known[word] for word in named))


def summary(changes: release.Changes) -> str:
    """What changed, in one line."""
    if changes.since is None:
        return f"a first release: {changes.reports:,} reports, {changes.cells:,} cells"
    return (
        f"since {changes.since}: reports {changes.reports_added:,} added,"
        f" {changes.reports_changed:,} changed, {changes.reports_removed:,} removed;"
        f" {changes.cells_changed:,} cells changed;"
        f" findings {changes.findings_opened:,} opened, {changes.findings_closed:,} closed"
    )


def export(
    warehouse: Path,
    to: Path,
    formats: Sequence[Format],
    names: Sequence[str] = (),
    since: Path | None = None,
    megabytes: int = 1024,
    progress: Progress = lambda what, done, of: None,
) -> Exported:
    """Write the published tables to a folder, whole or not at all.

    Args:
        warehouse: the file gongkai.duckdb; it is only read.
        to: the folder; absent, empty, or an export, which is replaced.
        names: tables and views; none are all but the reader's working records.
        since: an earlier export to compare with; else the one that is replaced.
        megabytes: what DuckDB may hold in memory; 0 is its own choice.
    Raises:
        ExportFault: the folder is no export, another export is writing to it, or a table is absent.
        WarehouseFault: there is no warehouse.
        OSError: the folder cannot be written.
    """
    to = to.expanduser().resolve()
    before = since.expanduser().resolve() if since else to if _is_export(to) else None
    with connect(warehouse, read_only=True) as connection:
        wanted = tables(connection, names)
        if since:
            release.earlier(since)
        elif before and not (before / release.FOLDER).is_dir():
            before = None
        with _staging(to) as (folder, spill):
            _bound(connection, spill, megabytes)
            made = version(connection)
            release.write_record(connection, folder / release.FOLDER)
            changes = release.compare(connection, folder, before)
            written: dict[str, list[Written]] = {name: [] for name in formats}
            for done, table in enumerate(wanted):
                progress(table.name, done, len(wanted))
                parts = slices(connection, table)
                for name in written:
                    (folder / name).mkdir(exist_ok=True)
                    written[name] += _write(connection, Format(name), table, parts, folder / name, made.made)
            progress("", len(wanted), len(wanted))
            release.write_note(folder, changes, made, [_told(table, written) for table in wanted])
            write_citation(folder, made)
            write_package(folder, connection, wanted, written, made)
    return Exported(written, changes)


def _write(
    connection: Connection, form: Format, table: Table, parts: list[Slice], folder: Path, made: datetime
) -> list[Written]:
    match form:
        case Format.PARQUET:
            return write_parquet(connection, table, parts, folder)
        case Format.CSV | Format.CSV_BOM:
            return write_csv(connection, table, parts, folder, bom=form is Format.CSV_BOM)
        case Format.XLSX:
            return write_xlsx(connection, table, parts, folder, made)
        case Format.STATA:
            return write_stata(connection, table, parts, folder, made)


def _told(table: Table, written: dict[str, list[Written]]) -> dict[str, object]:
    files = [file for found in written.values() for file in found if file.table == table.name]
    rows = max(sum(file.rows for file in found if file.table == table.name) for found in written.values())
    notes = list(dict.fromkeys(note for file in files for note in file.notes))
    return {"name": table.name, "rows": rows, "meaning": table.meaning, "notes": notes}


def _bound(connection: Connection, spill: Path, megabytes: int) -> None:
    place = str(spill).replace("'", "''")
    connection.execute(f"set temp_directory = '{place}'")
    if megabytes:
        connection.execute(f"set memory_limit = '{megabytes}MiB'")


# The folder: whose it is, staging, the swap.


def _package(folder: Path) -> dict[str, object] | None:
    try:
        package = json.loads((folder / NAME).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    mark = package.get(MARK) if isinstance(package, dict) else None
    return mark if isinstance(mark, dict) else None


def _is_export(folder: Path) -> bool:
    return _package(folder) is not None


def _check_target(to: Path) -> None:
    """See that nothing but an export would be replaced."""
    if not to.exists():
        return
    if not to.is_dir():
        raise ExportFault(f"{to} is a file, not a folder")
    there = {str(path.relative_to(to)) for path in to.rglob("*") if not path.is_dir()}
    if not there:
        return
    mark = _package(to)
    if mark is None:
        raise ExportFault(f"{to} holds files that are no export; give a new folder")
    own = mark.get("files")
    foreign = there - {NAME} - set(own if isinstance(own, list) else [])
    if foreign:
        raise ExportFault(f"{to} also holds what no export wrote ({min(foreign)}); give a new folder")


@contextmanager
def _staging(to: Path) -> Iterator[tuple[Path, Path]]:
    """A folder that takes the target's place at the end, and one for DuckDB; both beside the target.

    A run that fails leaves the old one.
    """
    if not to.exists() and _aside(to).exists():
        _aside(to).rename(to)  # an earlier run ended between two renames
    _check_target(to)
    to.parent.mkdir(parents=True, exist_ok=True)
    folder = to.with_name(f".{to.name}.exporting")
    folder.mkdir(exist_ok=True)
    # The lock goes with the process, however it ends; what a dead run left is ours then.
    handle = os.open(folder, os.O_RDONLY)
    try:
        try:
            locks.take(handle, folder / _HOLDER)
        except locks.Busy as busy:
            raise ExportFault(
                f"another export is writing to {to} ({busy.holder}); wait for it to end"
            ) from busy
        if not folder.exists() or os.fstat(handle).st_ino != folder.stat().st_ino:
            raise ExportFault(f"another export has just written to {to}; run this one again")
        try:
            _empty(folder)
            (folder / _HOLDER).write_text(locks.this_process("an export"), encoding="utf-8")
            out, spill = folder / _OUT, folder / _SPILL
            out.mkdir()
            spill.mkdir()
            yield out, spill
            _check_target(to)
            _sync(out)
            _swap(out, to)
        finally:
            # Our unfinished work, or after the swap what was there before.
            shutil.rmtree(folder, ignore_errors=True)
    finally:
        os.close(handle)


def _empty(folder: Path) -> None:
    for path in folder.iterdir():
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        else:
            path.unlink()


def _sync(folder: Path) -> None:
    for path in [folder, *folder.rglob("*")]:
        handle = os.open(path, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


def _aside(to: Path) -> Path:
    return to.with_name(f".{to.name}.replaced")


def _swap(new: Path, old: Path) -> None:
    """Put the new folder in place of the old one in one step where the system can, else in two renames."""
    if not old.exists():
        new.rename(old)
        return
    if not _exchange(new, old):
        aside = _aside(old)
        shutil.rmtree(aside, ignore_errors=True)
        old.rename(aside)
        new.rename(old)
        shutil.rmtree(aside, ignore_errors=True)


def _exchange(one: Path, other: Path) -> bool:
    """Linux's renameat2 with RENAME_EXCHANGE; False where system or file system has none."""
    call = getattr(ctypes.CDLL(None, use_errno=True), "renameat2", None)
    if call is None:
        return False
    here, exchange = -100, 2
    if call(here, os.fsencode(one), here, os.fsencode(other), exchange) == 0:
        return True
    number = ctypes.get_errno()
    if number in (errno.ENOSYS, errno.EINVAL, errno.EOPNOTSUPP):
        return False
    raise OSError(number, os.strerror(number), str(other))
