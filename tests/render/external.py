"""Files made by other programs: Chromium from the HTML, LibreOffice from Word files and workbooks.

Here: finding and running them. Where one is absent its format is unavailable, with a line that says
what to install.
"""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from pathlib import Path

from tests.render.out_docx import docx_file
from tests.render.out_html import html
from tests.render.report import Report

_SECONDS = 120


def chromium() -> str | None:
    """The browser's command, or None."""
    return shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")


def libreoffice() -> str | None:
    """LibreOffice's command, or None."""
    return shutil.which("soffice") or shutil.which("libreoffice")


def cjk_font() -> bool:
    """Whether the machine has a font for Chinese, as fontconfig sees it."""
    command = shutil.which("fc-list")
    if command is None:
        return False
    found = subprocess.run([command, ":lang=zh", "file"], capture_output=True, text=True, check=False)
    return bool(found.stdout.strip())


def pdf_chromium(report: Report, path: Path) -> None:
    """The clean HTML page printed by Chromium (its PDFs carry Kangxi radicals for some characters)."""
    command = chromium()
    assert command is not None, "install chromium to render this format"
    with tempfile.TemporaryDirectory() as folder:
        page = Path(folder) / "report.html"
        html(report, page)
        subprocess.run(
            [
                command,
                "--headless",
                "--no-sandbox",
                "--disable-gpu",
                "--no-first-run",
                "--disable-background-networking",
                "--disable-component-update",
                "--disable-sync",
                f"--user-data-dir={folder}/profile",
                "--no-pdf-header-footer",
                f"--print-to-pdf={path}",
                page.as_uri(),
            ],
            check=True,
            capture_output=True,
            timeout=_SECONDS,
        )


def pdf_libreoffice(report: Report, path: Path) -> None:
    """The Word file exported by LibreOffice Writer."""
    _saved(report, "pdf", path)


def doc_libreoffice(report: Report, path: Path) -> None:
    """The Word file in the old binary format, saved by LibreOffice Writer."""
    _saved(report, "doc:MS Word 97", path)


def _saved(report: Report, kind: str, path: Path) -> None:
    with tempfile.TemporaryDirectory() as folder:
        source = Path(folder) / f"{path.stem}.docx"
        docx_file(report, source)
        convert(source, kind, path)


def convert(source: Path, kind: str, path: Path) -> None:
    """A file saved by LibreOffice as another kind.

    Args:
        kind: as LibreOffice names it, ``doc:MS Word 97``.
        path: the file to write; its ending is the kind's.
    Raises:
        FileNotFoundError: the part of LibreOffice for it is not installed.
    """
    command = libreoffice()
    assert command is not None, "install libreoffice-writer to render this format"
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run(
            [
                command,
                f"-env:UserInstallation=file://{folder}/profile",
                "--headless",
                "--convert-to",
                kind,
                "--outdir",
                folder,
                str(source),
            ],
            check=True,
            capture_output=True,
            timeout=_SECONDS,
        )
        shutil.move(Path(folder) / f"{source.stem}{path.suffix}", path)
