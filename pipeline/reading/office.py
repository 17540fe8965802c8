"""DOC, WPS, RTF and ODT files to DOCX, XLS and ET to XLSX by LibreOffice, many in one call.

Here: the call, its own profile, its time, what a file really is. Not here: reading what
is made (word, sheet).
"""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from pipeline.reading.document import ReadingError, ReadingStatus

START_SECONDS = 60.0
FILE_SECONDS = 20.0
ALONE_SECONDS = 60.0
MAX_BYTES = 200_000_000
SEEN = 1 << 24
"""Bytes in which a container's streams are looked for."""
FILTERS = {
    ".doc": "MS Word 97",
    ".rtf": "Rich Text Format",
    ".odt": "writer8",
    ".wps": "MS_Works",
    ".xls": "MS Excel 97",
}
"""What LibreOffice is told to read a file as; left to itself it takes a damaged file for plain text."""
MADE = {".xls": ("xlsx", "Calc MS Excel 2007 XML")}
"""Ending and filter of what is made; a DOCX where nothing stands here."""
DOCX = ("docx", "MS Word 2007 XML")
PROGRAMS = ("soffice", "libreoffice")
_PREFIX = "gongkai-office-"
_GROUP = "group"

_OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
_WORD_MARK = b"\xec\xa5"
_ENCRYPTED_FLAG = 0x0100
_BOOK_MARK = b"\x09\x08\x10\x00"
_BOOK_LOCKED = b"\x2f\x00"
# No macros, no links followed out of the file, no questions asked.
_PROFILE = """<?xml version="1.0" encoding="UTF-8"?>
<oor:items xmlns:oor="http://openoffice.org/2001/registry">
{items}
</oor:items>
"""
_SETTINGS = (
    ("org.openoffice.Office.Common/Security/Scripting", "DisableMacrosExecution", "true"),
    ("org.openoffice.Office.Common/Security/Scripting", "MacroSecurityLevel", "3"),
    ("org.openoffice.Office.Common/Security/Scripting", "BlockUntrustedRefererLinks", "true"),
    ("org.openoffice.Office.Common/Security/Scripting", "DisableActiveContent", "true"),
    ("org.openoffice.Office.Writer/Content/Update", "Link", "0"),
    ("org.openoffice.Office.Recovery/AutoSave", "Enabled", "false"),
)
_LOCKED = "needs a password. Open it, take the password off and save it as .docx."
_NOTHING = (
    "LibreOffice makes nothing of it: damaged, or it needs a password. Open it and save it as {wanted}."
)
_NO_CALC = " For spreadsheets LibreOffice needs its Calc part (Debian: apt-get install libreoffice-calc)."
_MISSING = (
    "an old Word, WPS, RTF or ODT file: reading it needs LibreOffice, which is not installed "
    "(Debian: apt-get install libreoffice-writer). Or save the file as .docx."
)


def read_office(paths: Sequence[Path], into: Path) -> dict[Path, Path | ReadingError]:
    """Convert files to DOCX or XLSX in the folder ``into``, in one call of LibreOffice a kind.

    The folder is made if need be.

    A file that stops the call, or is not done in time, is tried once more by itself; the others
    lose nothing. The files themselves are never opened in place: copies are.

    Returns:
        For each path the file made of it, or the error to report: ``encrypted``, ``unreadable``,
        ``unsupported`` where LibreOffice is not installed.
    """
    results: dict[Path, Path | ReadingError] = {}
    kinds: dict[Path, str] = {}
    for path in dict.fromkeys(paths):
        kind = _kind(path)
        if isinstance(kind, ReadingError):
            results[path] = kind
        else:
            kinds[path] = kind
    program = next((found for name in PROGRAMS if (found := shutil.which(name))), None)
    if program is None:
        return results | {path: ReadingError("unsupported", _MISSING) for path in kinds}
    into.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=_PREFIX) as folder:
        work = Path(folder)
        copies = {}
        for number, (path, kind) in enumerate(kinds.items(), 1):
            copies[path] = work / f"{number:05d}{kind}"
            shutil.copyfile(path, copies[path])
        for kind in sorted(set(kinds.values())):
            batch = [copy for copy in copies.values() if copy.suffix == kind]
            _convert(program, kind, batch, work, START_SECONDS + FILE_SECONDS * len(batch))
            for copy in batch:
                if len(batch) > 1 and not _made(work, copy).is_file():
                    _convert(program, kind, [copy], work, ALONE_SECONDS)
        for path, copy in copies.items():
            results[path] = _settled(path, copy, work, into)
    return {path: results[path] for path in paths}


def _settled(path: Path, copy: Path, work: Path, into: Path) -> Path | ReadingError:
    made = _made(work, copy)
    if not made.is_file() or made.stat().st_size == 0:
        message = _NOTHING.format(wanted=made.suffix)
        return ReadingError("unreadable", message + (_NO_CALC if made.suffix == ".xlsx" else ""))
    target = into / made.name
    shutil.move(made, target)
    return target


def _made(work: Path, copy: Path) -> Path:
    ending, _ = MADE.get(copy.suffix, DOCX)
    return work / "made" / f"{copy.stem}.{ending}"


def _convert(program: str, kind: str, files: Iterable[Path], work: Path, seconds: float) -> None:
    """One call of LibreOffice with a profile of its own; its whole process group ends with it."""
    profile = Path(tempfile.mkdtemp(prefix="profile-", dir=work))
    (profile / "user").mkdir()
    items = "\n".join(
        f'<item oor:path="/{path}"><prop oor:name="{name}" oor:op="fuse"><value>{value}</value></prop></item>'
        for path, name, value in _SETTINGS
    )
    (profile / "user" / "registrymodifications.xcu").write_text(
        _PROFILE.format(items=items), encoding="utf-8"
    )
    command = [
        program,
        f"-env:UserInstallation={profile.as_uri()}",
        *("--headless", "--norestore", "--nologo", "--nodefault", "--nolockcheck"),
        f"--infilter={FILTERS[kind]}",
        *("--convert-to", ":".join(MADE.get(kind, DOCX)), "--outdir", str(work / "made")),
        *map(str, files),
    ]
    # A proxy that nobody serves: a document's links cannot reach the network.
    nowhere = "http://127.0.0.1:9"
    environment: Mapping[str, str] = {
        "HOME": str(profile),
        "TMPDIR": str(work),
        "PATH": os.defpath,
        "LANG": "C.UTF-8",
        "http_proxy": nowhere,
        "https_proxy": nowhere,
    }
    # The shell notes the group before the program begins, for whoever must end it if we are ended first.
    process = subprocess.Popen(
        ["/bin/sh", "-c", f'echo $$ > "$0/{_GROUP}"; exec "$@"', str(work), *command],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        env=environment,
        cwd=work,
        start_new_session=True,
    )
    try:
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(timeout=seconds)
    finally:
        # The launcher's child outlives it, so the group is ended, not the launcher alone.
        _end_group(process.pid)
        process.wait()
        (work / _GROUP).unlink(missing_ok=True)


def end_left_behind(folder: Path) -> None:
    """End the calls of LibreOffice whose caller was ended: those that work in this temporary folder."""
    for note in folder.glob(f"{_PREFIX}*/{_GROUP}"):
        with contextlib.suppress(ValueError, OSError):
            _end_group(int(note.read_text()))


def _end_group(group: int) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(group, signal.SIGKILL)


def _kind(path: Path) -> str | ReadingError:
    """The kind of a file by its bytes, or why it is not tried."""
    if path.stat().st_size > MAX_BYTES:
        return ReadingError("unreadable", "larger than any report. Save only the report, as .docx.")
    with path.open("rb") as file:
        data = file.read(SEEN)
    text = data[:4096].lstrip(b"\xef\xbb\xbf\r\n\t ").lower()
    if not text:
        return ReadingError("unreadable", "the file is empty. Fetch it again.")
    if data.startswith(_OLE):
        return _ole_kind(data, path.suffix.lower())
    if text.startswith(b"{\\rtf"):
        return ".rtf"
    if data.startswith(b"PK") and b"opendocument.text" in data[:4096]:
        return ".odt"
    if data.startswith(b"PK"):
        return ReadingError("unsupported", "a zip package, no old Word file. If it is Word, name it .docx.")
    if text.startswith(
        (b"<html", b"<!doctype", b"<?xml", b"<head", b"<meta", b"<table", b"<div", b"mime-version")
    ):
        return ReadingError("unsupported", "a web page, no Word file. Give it the ending .html.")
    return ReadingError("unreadable", "no Word, WPS, RTF or ODT file by its bytes. Fetch it again.")


def _ole_kind(data: bytes, ending: str) -> str | ReadingError:
    if "EncryptedPackage".encode("utf-16-le") in data:
        return ReadingError("encrypted", _LOCKED)
    # The main stream of a Word file opens with its mark at the beginning of a sector.
    for start in range(512, len(data) - 32, 512):
        if data.startswith(_WORD_MARK, start):
            flags = int.from_bytes(data[start + 10 : start + 12], "little")
            return ReadingError("encrypted", _LOCKED) if flags & _ENCRYPTED_FLAG else ".doc"
    if "WordDocument".encode("utf-16-le") in data:
        return ".doc"
    if any(f"{name}\0".encode("utf-16-le") in data for name in ("Workbook", "Book")):
        return _book_kind(data)
    if ending == ".wps":
        return ".wps"
    status: ReadingStatus = "unreadable" if ending in (".doc", ".dot", ".wpt") else "unsupported"
    return ReadingError(
        status,
        "no Word text in it: cut off, or another program's file. Fetch it again, or save it as .docx.",
    )


def _book_kind(data: bytes) -> str | ReadingError:
    """A spreadsheet's main stream opens with its mark; a locked one says so in the record after it."""
    for start in range(512, len(data) - 32, 512):
        if data.startswith(_BOOK_MARK, start) and data.startswith(_BOOK_LOCKED, start + 20):
            return ReadingError("encrypted", _LOCKED.replace(".docx", ".xlsx"))
    return ".xls"
