"""A LibreOffice that may make anything of a file, for fuzzing what is done with what it makes.

Here: a program of its name, what it does, drawn from the bytes of the file alone. Not here: the files
(fuzz_inputs.py), or what may not happen (fuzz_watch.py).
"""

from __future__ import annotations

import io
import os
import random
import tempfile
import zipfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from unittest.mock import patch

from tests import fuzz_inputs, fuzz_ole

# It takes the call as LibreOffice does, finds where it is to put what it makes, and does one thing.
_PROGRAM = """#!/bin/sh
here=${0%/*}
while [ $# -gt 0 ]; do
    case $1 in
        --convert-to) ending=${2%%:*}; shift ;;
        --outdir) out=$2; shift ;;
        /*) name=${1##*/} ;;
    esac
    shift
done
made=$out/${name%.*}.$ending
"""
_MAKES = 'mkdir -p "$out"; cp "$here/answer" "$made"'
_DOES = (
    "exit 0",  # nothing, and all is well
    "exit 77",
    "kill -9 $$",
    'mkdir -p "$out"; : > "$made"',
    'mkdir -p "$made"',
    ': > "$out"',  # a file where its folder belongs
    'mkdir -p "$out"; cp "$here/answer" "$out/other.$ending"',
    'mkdir -p "$out"; cp "$here/answer" "$made"; chmod 0 "$made"',
    'mkdir -p "$out"; ln -s "$here/answer" "$made"',
    f"{_MAKES}; exit 3",
    f"{_MAKES}; kill -9 $$",
    f"{_MAKES}; (trap '' TERM HUP; sleep 30) &",  # a child that outlives it
    f"{_MAKES}; sleep 30",
    "sleep 30",
    'rm -rf "$PWD"/*',
)
_BOOK = "Workbook\0".encode("utf-16-le")
_PATIENCE = 0.3
"""Seconds for a call of it, in place of LibreOffice's minutes."""


@contextmanager
def making(data: bytes) -> Iterator[None]:
    """LibreOffice is a program that does something drawn from these bytes, for as long as this is open."""
    from pipeline.reading import office

    rng = random.Random(data)
    with tempfile.TemporaryDirectory(prefix="gongkai-standin-") as folder:
        program = Path(folder, office.PROGRAMS[0])
        program.write_text(_PROGRAM + (_MAKES if rng.random() < 0.9 else rng.choice(_DOES)) + "\n")
        program.chmod(0o755)
        Path(folder, "answer").write_bytes(_answer(rng, _BOOK in data))
        found = f"{folder}{os.pathsep}{os.environ.get('PATH', os.defpath)}"
        waits = dict.fromkeys(("START_SECONDS", "FILE_SECONDS", "ALONE_SECONDS"), _PATIENCE)
        with patch.dict(os.environ, {"PATH": found}), patch.multiple(office, **waits):
            yield


def _answer(rng: random.Random, book: bool) -> bytes:
    """Mostly what was asked for, with something done to it; else another kind of file, or an empty one."""
    kinds: tuple[tuple[Sequence[bytes], str], ...] = (
        (fuzz_inputs.rendered("docx"), "word"),
        (fuzz_inputs.sheets(), "sheet"),
        (fuzz_inputs.rendered("html"), "tags"),
        (fuzz_inputs.ofds(), "zip"),
        ((b"",), "text"),
    )
    (of,) = rng.choices(kinds, (1, 20, 1, 1, 1) if book else (20, 1, 1, 1, 1))
    seeds, kind = of
    return rng.choice(seeds) if rng.random() < 0.3 else fuzz_inputs.mutated(rng, seeds, kind)


@cache
def files() -> tuple[bytes, ...]:
    """An RTF, and the least that is taken for a DOC, a workbook and an open document, small and quick."""
    page = bytes(504)
    word = fuzz_ole.MARK + page + b"\xec\xa5" + bytes(510)
    book = fuzz_ole.MARK + page + _BOOK.ljust(512, b"\0")
    text = io.BytesIO()
    with zipfile.ZipFile(text, "w") as package:  # whose mark is to be seen without unpacking
        package.writestr(zipfile.ZipInfo("mimetype"), b"application/vnd.oasis.opendocument.text")
    return (*fuzz_inputs.rtfs(), word, book, text.getvalue())
