"""What this machine has of what gongkai needs: versions, folders, disk, memory, optional parts.

Here: looking, and what a person can do about what is missing. Not here: printing it (cli.py).
"""

from __future__ import annotations

import locale
import os
import platform
import re
import shutil
import sys
import tempfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Literal

import duckdb
import pypdfium2
from lxml import etree

from pipeline import warehouse
from pipeline.curation.decisions import load_folder
from pipeline.reading import ocr_models, office
from pipeline.settings import INSTANCE, Settings, dagster_home
from pipeline.warehouse_version import SCHEMA

State = Literal["ok", "optional", "warn", "fail"]
"""``optional``: a part that is not there and that only some files need; ``fail``: a build cannot work."""

PYTHON = (3, 11)
_PROJECT = "gongkai"
# What the numbers of a table may depend on; the other packages are only counted.
_TOLD = ("polars", "pdfplumber", "python-docx", "html5lib", "ortools", "dagster")
_GIGABYTE = 1 << 30
_DISK_LEAST = 2 * _GIGABYTE
# A build has the published file, the staged one and what DuckDB spills at the same time.
_TIMES_WAREHOUSE = 3
_CGROUP = (Path("/sys/fs/cgroup/memory.max"), Path("/sys/fs/cgroup/memory/memory.limit_in_bytes"))
_FONTS = ("/usr/share/fonts", "/usr/local/share/fonts", "/usr/share/X11/fonts", "/System/Library/Fonts")
_CHINESE = re.compile(
    r"cjk|han(sans|serif)|wqy|uming|ukai|simsun|simhei|fallback|pingfang|songti", re.IGNORECASE
)
_EXTRAS = {
    "ocr": "读取扫描件和图片 scans and pictures of tables are read",
    "cluster": "在多台机器上读取 files are read on several machines",
}
_DEV = "dev"


@dataclass(frozen=True, slots=True)
class Found:
    """One thing that was looked at: its state, what is there, and what to do where something is missing."""

    area: str
    name: str
    state: State
    found: str
    advice: str = ""


def look(chosen: Settings) -> list[Found]:
    """Everything that a build with these settings depends on. Writes nothing but a probe in each folder."""
    return [*_versions(), *_packages(), *_folders(chosen), *_room(chosen), *_memory(chosen), *_parts()]


def _versions() -> Iterator[Found]:
    area = "版本 versions"
    new = sys.version_info >= PYTHON
    wanted = ".".join(map(str, PYTHON))
    yield Found(
        area,
        "Python",
        "ok" if new else "fail",
        f"{platform.python_version()} · {platform.system()} {platform.machine()}",
        "" if new else f"install Python {wanted} or newer, remove .venv, run `make setup`",
    )
    yield Found(area, _PROJECT, "ok", f"{_version(_PROJECT)} · tables {SCHEMA}")
    yield Found(area, "DuckDB", "ok", duckdb.__version__)
    yield Found(area, "pdfium", "ok", f"{pypdfium2.PDFIUM_INFO} · pypdfium2 {pypdfium2.PYPDFIUM_INFO}")
    yield Found(area, "lxml", "ok", f"{etree.__version__} · libxml2 {_dotted(etree.LIBXML_VERSION)}")
    yield Found(area, "packages", "ok", " · ".join(f"{name} {_version(name)}" for name in _TOLD))
    utf8 = (
        "utf" in sys.getfilesystemencoding().lower() and "utf" in locale.getpreferredencoding(False).lower()
    )
    yield Found(
        area,
        "编码 encoding",
        "ok" if utf8 else "warn",
        f"file names {sys.getfilesystemencoding()} · text {locale.getpreferredencoding(False)}",
        "" if utf8 else "set LANG=C.UTF-8, so that Chinese file names and output are what they are",
    )


def _packages() -> Iterator[Found]:
    """Whether every package that gongkai names is installed; extras one by one."""
    needed = [_name(line) for line in metadata.requires(_PROJECT) or () if "extra ==" not in line]
    missing = [name for name in needed if not _version(name)]
    yield Found(
        "版本 versions",
        "依赖 dependencies",
        "fail" if missing else "ok",
        f"not installed: {', '.join(missing)}" if missing else f"{len(needed)} of {len(needed)} installed",
        "run `make setup`" if missing else "",
    )


def _folders(chosen: Settings) -> Iterator[Found]:
    area = "文件夹 folders"
    yield _readable(area, "raw", chosen.raw, "fail", "put reports there, or name the folder with --raw")
    yield _writable(area, "warehouse", chosen.warehouse, "fail")
    yield _published(area, chosen.warehouse / warehouse.NAME)
    if chosen.curation is not None:
        yield _curation(area, chosen.curation)
    home = dagster_home() or INSTANCE
    yield _writable(area, "instance", home, "warn", "builds work, and keep no history of runs and checks")
    yield _writable(area, "temporary", Path(tempfile.gettempdir()), "fail")


def _readable(area: str, name: str, folder: Path, state: State, advice: str) -> Found:
    if not folder.is_dir():
        return Found(area, name, state, f"{folder}: not there", advice)
    if not os.access(folder, os.R_OK | os.X_OK):
        return Found(area, name, state, f"{folder}: may not be read", f"chmod u+rx {folder}")
    return Found(area, name, "ok", str(folder))


def _writable(area: str, name: str, folder: Path, state: State, advice: str = "") -> Found:
    """Whether files can be made in the folder, or in the one that it would be made in."""
    there = next((place for place in (folder, *folder.parents) if place.exists()), folder)
    try:
        with tempfile.NamedTemporaryFile(dir=there, prefix=".gongkai-doctor-"):
            pass
    except OSError as error:
        reason = error.strerror or str(error)
        return Found(area, name, state, f"{folder}: {reason}", advice or "name one that can be written")
    return Found(area, name, "ok", str(folder) if there == folder else f"{folder}: made when it is needed")


def _published(area: str, path: Path) -> Found:
    if not path.exists():
        return Found(area, path.name, "ok", "none yet; `gongkai build` makes it")
    try:
        with warehouse.connect(path, read_only=True) as connection:
            rows = connection.execute("select finished_at from build_info").fetchall()
    except (warehouse.WarehouseFault, duckdb.Error) as error:
        line = str(error).splitlines()[0]
        state: State = "fail" if isinstance(error, warehouse.WarehouseFault) else "warn"
        return Found(area, path.name, state, line, "see docs/operate.md, Restore and Upgrades")
    when = f"{rows[0][0]:%Y-%m-%d %H:%M} UTC" if rows and rows[0][0] else "time unknown"
    return Found(area, path.name, "ok", f"{_size(path.stat().st_size)} · built {when}")


def _curation(area: str, folder: Path) -> Found:
    if not folder.is_dir():
        return Found(area, "curation", "ok", f"{folder}: not there, so nothing is settled")
    entries = load_folder(folder)
    faults = [entry for entry in entries if entry.fault]
    return Found(
        area,
        "curation",
        "warn" if faults else "ok",
        f"{folder} · {len(entries)} decisions" + (f", {len(faults)} cannot be used" if faults else ""),
        "each build names them and what is wrong" if faults else "",
    )


def _room(chosen: Settings) -> Iterator[Found]:
    """What is free on the disks that a build writes to."""
    area = "磁盘 disk"
    published = chosen.warehouse / warehouse.NAME
    size = published.stat().st_size if published.exists() else 0
    for name, folder in (("warehouse", chosen.warehouse), ("temporary", Path(tempfile.gettempdir()))):
        there = next((place for place in (folder, *folder.parents) if place.exists()), folder)
        free = shutil.disk_usage(there).free
        wanted = max(_DISK_LEAST, _TIMES_WAREHOUSE * size if name == "warehouse" else 0)
        yield Found(
            area,
            name,
            "ok" if free >= wanted else "warn",
            f"{_size(free)} free",
            "" if free >= wanted else f"make room: a build of this size may want {_size(wanted)}",
        )


def _memory(chosen: Settings) -> Iterator[Found]:
    area = "内存 memory"
    total = memory_bytes()
    if total is None:
        yield Found(area, "memory", "ok", "not known on this system")
        return
    bound = chosen.megabytes << 20
    fits = not bound or bound <= total
    yield Found(
        area,
        "memory",
        "ok" if fits else "warn",
        f"{_size(total)} · GONGKAI_MEGABYTES {chosen.megabytes} · {chosen.workers} workers of up to"
        f" {chosen.document_megabytes} MB",
        "" if fits else f"set GONGKAI_MEGABYTES to at most {total >> 20}",
    )


def memory_bytes(limits: Iterable[Path] = _CGROUP) -> int | None:
    """The memory of this machine, or of the container where that has less; None where it is not known."""
    try:
        found = [os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")]
    except (ValueError, OSError, AttributeError):
        found = []
    for path in limits:
        try:
            said = path.read_text(encoding="ascii").strip()
        except (OSError, UnicodeDecodeError):
            continue
        if said.isdecimal():
            found.append(int(said))
    return min(found, default=None)


def _parts() -> Iterator[Found]:
    """Parts that only some files need, and how to install them."""
    area = "可选 optional"
    program = next((found for name in office.PROGRAMS if (found := shutil.which(name))), None)
    yield Found(
        area,
        "LibreOffice",
        "ok" if program else "optional",
        program or "not installed: DOC, WPS, RTF, ODT, XLS and ET files are told as unsupported",
        "" if program else "Debian: apt-get install libreoffice-writer libreoffice-calc",
    )
    requires = metadata.requires(_PROJECT) or ()
    for extra in metadata.metadata(_PROJECT).get_all("Provides-Extra") or ():
        if extra != _DEV:
            named = [_name(line) for line in requires if re.search(rf"extra == ['\"]{extra}['\"]", line)]
            yield _extra(area, extra, [name for name in named if not _version(name)])
    font = _chinese_font()
    yield Found(
        area,
        "中文字体 fonts",
        "ok" if font else "optional",
        font or "no Chinese font: pages of PDFs that do not carry their fonts are drawn without characters",
        "" if font else "Debian: apt-get install fonts-noto-cjk",
    )


def _extra(area: str, extra: str, missing: list[str]) -> Found:
    gain = _EXTRAS.get(extra, "")
    install = f"pip install 'gongkai[{extra}]'"
    if missing:
        return Found(
            area, extra, "optional", f"not installed: {', '.join(missing)} · with it {gain}", install
        )
    if extra == "ocr" and not ocr_models.installed():
        return Found(area, extra, "optional", "its models are not there: scans are not read", install)
    return Found(area, extra, "ok", f"installed · {gain}")


def _chinese_font() -> str:
    for folder in _FONTS:
        for _, _, names in os.walk(folder):
            for name in sorted(names):
                if name.lower().endswith((".ttf", ".ttc", ".otf")) and _CHINESE.search(name):
                    return name
    return ""


def _version(package: str) -> str:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return ""


def _name(requirement: str) -> str:
    match = re.match(r"[A-Za-z0-9._-]+", requirement)
    return match[0] if match else requirement


def _dotted(parts: tuple[int, ...]) -> str:
    return ".".join(map(str, parts))


def _size(count: int) -> str:
    return f"{count / _GIGABYTE:,.1f} GB" if count >= _GIGABYTE else f"{count / (1 << 20):,.1f} MB"
