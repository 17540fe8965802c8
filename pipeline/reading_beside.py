"""Which files may be read only together with others of their folder: pages whose pictures lie beside them.

Here: whether a file's bytes may name another file of its folder. Not here: what a reader takes from
there (reading/html_flow.py), or where a file is read.
"""

from __future__ import annotations

import html
import os
import re
from functools import cached_property
from pathlib import Path
from urllib.parse import unquote_to_bytes

# These carry all that is read of them; anything else may be a page, whatever it is called.
_WHOLE = (
    b"%PDF-",
    b"PK\x03\x04",
    b"\xd0\xcf\x11\xe0",
    b"\xff\xd8\xff",
    b"\x89PNG",
    b"GIF8",
    b"II*\0",
    b"MM\0*",
)
_PICTURES = (".png", ".jpg", ".jpeg", ".gif", ".bmp", ".tif", ".tiff", ".webp")
_WORD = re.compile(rb"[\w.~@+-]+")


class Beside:
    """Remembers what lies in the folders that it has seen."""

    def __init__(self) -> None:
        self._folders: dict[Path, _Names] = {}

    def named_in(self, content: bytes, place: Path) -> bool:
        """Whether the content of the file at ``place`` may name a file in its folder or below.

        In doubt it does: a name with characters that a page may write in several ways counts as named
        where it is a picture's.
        """
        if content.startswith(_WHOLE):
            return False
        names = self._folders.get(place.parent)
        if names is None:
            names = self._folders[place.parent] = _Names(place.parent)
        if names.doubtful:
            return True
        # In UTF-16 every other byte of a plain name is a zero.
        plain = content.replace(b"\0", b"")
        if b"&#" in plain:
            plain = html.unescape(plain.decode("latin-1")).encode("latin-1", "replace")
        plain = unquote_to_bytes(plain)
        return not names.plain.isdisjoint(
            word for word in _WORD.findall(plain) if word != os.fsencode(place.name)
        )


class _Names:
    """The names of all files in a folder and below it."""

    def __init__(self, folder: Path) -> None:
        self._names = {os.fsencode(name) for _, _, names in os.walk(folder) for name in names}

    @cached_property
    def plain(self) -> frozenset[bytes]:
        """Those that a page can only write as they are, or percent-encoded."""
        return frozenset(name for name in self._names if _WORD.fullmatch(name))

    @cached_property
    def doubtful(self) -> bool:
        """Whether there are pictures with other names."""
        return any(
            name not in self.plain and os.fsdecode(name).lower().endswith(_PICTURES) for name in self._names
        )
