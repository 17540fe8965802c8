"""Where a run took place: processor, memory, system, versions, load.

Here: what is told of the machine. Not here: any measurement.
"""

from __future__ import annotations

import os
import platform
from importlib.metadata import version
from pathlib import Path

import psutil

PACKAGES = (
    "gongkai",
    "pypdfium2",
    "pdfplumber",
    "lxml",
    "python-docx",
    "polars",
    "duckdb",
    "pyarrow",
    "ortools",
    "rapidfuzz",
    "dagster",
)


def machine() -> dict[str, str]:
    """Processor, cores, memory and system, as text."""
    return {
        "processor": _processor(),
        "cores": f"{os.cpu_count() or 1}",
        "memory": f"{psutil.virtual_memory().total / 2**30:.0f} GiB",
        "system": f"{platform.system()} {platform.machine()}",
    }


def versions() -> dict[str, str]:
    """Python and the packages that the time goes to."""
    return {"Python": platform.python_version(), **{name: version(name) for name in PACKAGES}}


def load() -> float:
    """How many processes wanted to run over the last minute; 0 where the system does not tell."""
    return round(os.getloadavg()[0], 1) if hasattr(os, "getloadavg") else 0.0


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor() or "unknown"
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor() or "unknown"
