"""Old Office files for fuzzing: the numbers that lead through a compound file (OLE2) changed in their place.

Here: where those numbers stand, and what is put there. Not here: the files themselves (fuzz_inputs.py).
"""

from __future__ import annotations

import random
from collections.abc import Iterator

MARK = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
# Ends, gaps and places of chains of sectors, and what is hardly a size.
LINKS = tuple(
    number.to_bytes(4, "little")
    for number in (
        0xFFFFFFFF,
        0xFFFFFFFE,
        0xFFFFFFFD,
        0xFFFFFFFC,
        0x7FFFFFFF,
        0x80000000,
        0xFFFF,
        64,
        2,
        1,
        0,
    )
)


def renumbered(rng: random.Random, data: bytes) -> bytes:
    """The file with one to four of its numbers changed where they stand, so that the rest is in place."""
    areas = _places(data)
    for _ in range(rng.choice((1, 1, 2, 4))):
        area = rng.choice(areas)
        at, other = rng.choice(area), rng.choice(area)
        # Another number of the same kind leads elsewhere, or round in a circle.
        new = rng.choice(
            (rng.choice(LINKS), rng.choice(LINKS)[2:], data[other : other + 4], rng.randbytes(2))
        )
        data = data[:at] + new + data[at + len(new) :]
    return data


def _places(data: bytes) -> list[list[int]]:
    """Where numbers stand: header, chains of sectors, directory, the FIB of a DOC, the records of an XLS."""
    chains, directory = ((int.from_bytes(data[at : at + 4], "little") + 1) * 512 for at in (76, 48))
    areas = [
        list(range(24, 84, 2)),
        list(range(chains, chains + len(data) // 128, 4)),
        [
            entry + field
            for entry in range(directory, directory + 1024, 128)
            for field in (0, 64, 66, 68, 72, 76, 116, 120)
        ],
    ]
    for start in range(512, len(data), 512):
        if data.startswith(b"\xec\xa5", start):
            areas.append(list(range(start, start + 1000, 2)))
        if data.startswith(b"\x09\x08\x10\0", start):
            areas.append(list(_records(data, start)))
    inside = [[at for at in area if at + 4 <= len(data)] for area in areas]
    return [area for area in inside if area] or [[0]]


def _records(data: bytes, at: int) -> Iterator[int]:
    """Kind, size and first number of each record of a sheet's stream."""
    while at + 4 <= len(data):
        yield from (at, at + 2, at + 4)
        at += 4 + int.from_bytes(data[at + 2 : at + 4], "little")
