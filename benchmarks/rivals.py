"""Other programs' reading of the same files, each as its own documentation uses it, timed one file at a time.

Here: these calls, and a process that answers paths with seconds: ``python benchmarks/rivals.py ENGINE``.
It runs under any interpreter that has the engine, so nothing of gongkai is imported here.
"""

from __future__ import annotations

import gc
import importlib
import inspect
import json
import logging
import sys
import time
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from importlib.metadata import version
from typing import Any

LEAST = 0.02
"""Seconds of work that one timing is made of at least: shorter work is repeated."""
_MOST_TIMES = 200


def seconds(work: Callable[[str], object], path: str) -> float:
    """Processor seconds (user and system, all threads of this process) that the work takes on a file."""
    gc.collect()
    times = 0
    started = time.process_time()
    while True:
        work(path)
        times += 1
        taken = time.process_time() - started
        if taken >= LEAST or times >= _MOST_TIMES:
            return taken / times


@dataclass(frozen=True)
class Engine:
    """A program: the module to import, its package, and what it does with a file."""

    module: str
    package: str
    read: Callable[[Any, str], object]

    def ready(self) -> Callable[[str], object]:
        """Its work on a file.

        Raises:
            ImportError: it is not installed.
        """
        module = importlib.import_module(self.module)
        return lambda path: self.read(module, path)


def _pdfplumber(pdfplumber: Any, path: str) -> None:
    with pdfplumber.open(path) as pdf:
        for page in pdf.pages:
            page.extract_text()
            page.extract_tables()


def _pdfium(pdfium: Any, path: str) -> None:
    pdf = pdfium.PdfDocument(path)
    for page in pdf:
        text = page.get_textpage()
        text.get_text_range()
        text.close()
        page.close()
    pdf.close()


def _pymupdf(pymupdf: Any, path: str, model: bool = False) -> None:
    # Since version 2 a model of page layouts has its word unless it is told not to.
    finder = importlib.import_module("pymupdf.table").find_tables
    knows = "use_layout" in inspect.signature(finder).parameters
    words = {"use_layout": model} if knows else {}
    with pymupdf.open(path) as pdf:
        for page in pdf:
            page.get_text()
            for table in page.find_tables(**words).tables:
                table.extract()


def _with_model(layout: Any, path: str) -> None:
    _pymupdf(sys.modules["pymupdf"], path, model=True)


def _camelot(camelot: Any, path: str) -> None:
    for table in camelot.read_pdf(path, pages="all"):
        table.data  # noqa: B018


def _html(html: Any, path: str) -> None:
    html.parse(path)


def _docx(etree: Any, path: str) -> None:
    with zipfile.ZipFile(path) as archive:
        etree.fromstring(archive.read("word/document.xml"))


ENGINES = {
    "pdfplumber": Engine("pdfplumber", "pdfplumber", _pdfplumber),
    "PDFium text": Engine("pypdfium2", "pypdfium2", _pdfium),
    "PyMuPDF": Engine("pymupdf", "pymupdf", _pymupdf),
    "PyMuPDF with its model": Engine("pymupdf.layout", "pymupdf", _with_model),
    "camelot": Engine("camelot", "camelot-py", _camelot),
    "lxml, HTML": Engine("lxml.html", "lxml", _html),
    "lxml, DOCX": Engine("lxml.etree", "lxml", _docx),
}


def main(name: str) -> None:
    """Answer each line, a path, with seconds; null where the engine cannot read the file.

    What an engine prints or logs goes nowhere: the answers have the standard output for themselves.
    """
    answers, sys.stdout = sys.stdout, sys.stderr
    logging.disable(logging.CRITICAL)
    engine = ENGINES[name]
    try:
        work = engine.ready()
    except ImportError:
        sys.exit(f"{engine.package} is not installed")
    print(json.dumps(version(engine.package)), file=answers, flush=True)
    for line in sys.stdin:
        try:
            taken: float | None = seconds(work, json.loads(line))
        except Exception:  # whatever a stranger's program raises
            taken = None
        print(json.dumps(taken), file=answers, flush=True)


if __name__ == "__main__":
    main(sys.argv[1])
