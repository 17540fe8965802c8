"""Folders and limits of a run, from the environment.

Here: the only place that reads ``os.environ``, and the defaults. Not here: what is done with them.
"""

from __future__ import annotations

import os
import re
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote

PROJECT = Path(__file__).resolve().parent.parent
SQL = PROJECT / "sql"
DAGSTER_YAML = PROJECT / "dagster.yaml"
INSTANCE = PROJECT / "data" / "instance"


LOCAL = "local"
"""The executor that is this machine's own processes."""
_SHARED = "file://"
_DASK = re.compile(r"dask(\+tls)?://[^/\s?#@]+:\d{1,5}")


class SettingsFault(ValueError):
    """An environment variable that cannot be used; the message names it."""


@dataclass(frozen=True, slots=True)
class Settings:
    """What one run works on and may use.

    ``document_seconds`` and ``document_megabytes`` bound one document in its worker;
    ``document_megabytes`` of 0 sets no bound. ``accept``: publish although a guard of the pipeline
    (checks/guards.yaml) finds the build much worse than the one that is published.
    """

    raw: Path
    warehouse: Path
    workers: int
    document_seconds: float
    document_megabytes: int
    accept: bool = False
    megabytes: int = 4096
    """Memory for what holds for all files: frames of a part of them, and DuckDB's share; 0 sets no bound."""
    verify: bool = False
    """Read every file's bytes to know it, and trust no size and time."""
    curation: Path | None = None
    """Folder of settled findings; None is a build without any."""
    wait: float = 0
    """Seconds to wait for another run that writes to the warehouse."""
    raw_url: str = ""
    """Where raw files are fetched by whoever reads them, file:// for a folder that all machines see; empty
    where they are read from ``raw``."""
    readings_url: str = ""
    """Where machines share what they have read; empty for none."""
    executor: str = LOCAL
    """Who reads: processes of this machine, or the Dask cluster at ``dask[+tls]://host:port``."""

    @property
    def scheduler(self) -> str:
        """The address of the cluster's scheduler as Dask writes it; empty where this machine reads."""
        if self.executor == LOCAL:
            return ""
        return self.executor.replace("dask+tls:", "tls:").replace("dask:", "tcp:")


def settings(
    raw: Path | str | None = None,
    warehouse: Path | None = None,
    workers: int | None = None,
    environ: Mapping[str, str] = os.environ,
    accept: bool = False,
    curation: Path | None = None,
    verify: bool = False,
    wait: float | None = None,
    executor: str | None = None,
    readings: str | None = None,
) -> Settings:
    """The settings in force: what is given, else ``GONGKAI_*``, else the project's own folders.

    Raises:
        SettingsFault: a variable holds no number where one is needed, or no executor.
    """
    raw_url = _url(raw or environ.get("GONGKAI_RAW_URL") or "")
    folder = _folder(raw_url) or (None if raw_url else raw)
    return Settings(
        raw=_absolute(folder or environ.get("GONGKAI_RAW") or PROJECT / "data" / "raw"),
        warehouse=_absolute(warehouse or environ.get("GONGKAI_WAREHOUSE") or PROJECT / "data" / "warehouse"),
        workers=max(1, workers or int(_number(environ, "GONGKAI_WORKERS", os.cpu_count() or 1))),
        document_seconds=_number(environ, "GONGKAI_DOCUMENT_SECONDS", 120),
        document_megabytes=int(_number(environ, "GONGKAI_DOCUMENT_MEGABYTES", 4096)),
        accept=accept or bool(_number(environ, "GONGKAI_ACCEPT", 0)),
        megabytes=int(_number(environ, "GONGKAI_MEGABYTES", 4096)),
        verify=verify,
        curation=_absolute(curation or environ.get("GONGKAI_CURATION") or PROJECT / "data" / "curation"),
        wait=_number(environ, "GONGKAI_WAIT", 0) if wait is None else wait,
        raw_url=raw_url,
        readings_url=_place(readings or environ.get("GONGKAI_READINGS_URL") or ""),
        executor=_executor(executor or environ.get("GONGKAI_EXECUTOR") or LOCAL),
    )


def dagster_home(environ: Mapping[str, str] = os.environ) -> Path | None:
    """The Dagster instance folder that the user chose, if any."""
    home = environ.get("DAGSTER_HOME")
    return Path(home) if home else None


def sources_file(environ: Mapping[str, str] = os.environ) -> Path | None:
    """``GONGKAI_SOURCES``: the sources.yaml that the user chose, if any."""
    path = environ.get("GONGKAI_SOURCES")
    return _absolute(path) if path else None


def crawl_contact(environ: Mapping[str, str] = os.environ) -> str:
    """``GONGKAI_CONTACT``: how those who run a site reach whoever crawls it; stands in the user agent."""
    return " ".join(environ.get("GONGKAI_CONTACT", "").split())


def child_environment(environ: Mapping[str, str] = os.environ, **more: str) -> dict[str, str]:
    """The environment for a program that we start."""
    return {**environ, **more}


def _absolute(path: Path | str) -> Path:
    return Path(path).expanduser().absolute()


def _url(text: Path | str) -> str:
    """The text where it is a URL; a ``Path`` never is one."""
    return text if isinstance(text, str) and "://" in text else ""


def _folder(url: str) -> Path | None:
    """The folder that a file:// URL names."""
    return Path(unquote(url.removeprefix(_SHARED))) if url.startswith(_SHARED) else None


def _place(text: str) -> str:
    if text and not _url(text):
        raise SettingsFault(
            "shared readings (--readings, GONGKAI_READINGS_URL) lie at a URL, s3://… or file:///…, "
            f"not at {text!r}"
        )
    return text.rstrip("/")


def _executor(text: str) -> str:
    if text != LOCAL and not _DASK.fullmatch(text):
        raise SettingsFault(
            f"an executor (--executor, GONGKAI_EXECUTOR) is {LOCAL}, dask://HOST:PORT or "
            f"dask+tls://HOST:PORT, not {text!r}"
        )
    return text


def _number(environ: Mapping[str, str], name: str, default: float) -> float:
    text = environ.get(name)
    if not text:
        return default
    try:
        number = float(text)
    except ValueError:
        number = -1
    if not 0 <= number < float("inf"):
        raise SettingsFault(f"{name} must be a number of at least 0, not {text!r}")
    return number


def temporary_folder() -> Path:
    """Where temporary files go on this machine.

    As ``tempfile`` finds it, but for the file by which that tries a folder: a kill in that moment leaves it.
    """
    told = [os.environ.get(name, "") for name in ("TMPDIR", "TEMP", "TMP")]
    usual = ["/tmp"] if os.name == "posix" else []  # noqa: S108 - where a folder of our own is made
    for place in map(Path, [] if tempfile.tempdir else filter(None, told + usual)):
        if place.is_dir() and os.access(place, os.W_OK | os.X_OK):
            return place.absolute()
    return Path(tempfile.gettempdir())
