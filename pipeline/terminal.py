"""Text from files made safe to show: it can steer no terminal and turn no line around.

Here: escaping. Not here: what is printed (cli.py, publish/show.py), markup of pages (publish/).
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from typing import Any

from rich.text import Text

# Control characters, and format characters that turn or hide what follows them.
_UNSAFE = {"Cc", "Cf", "Cs", "Co", "Zl", "Zp"}
# Those that turn the direction of a line: a name may read other than it is.
_TURNING = re.compile("[\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]")


def printable(text: object) -> str:
    """The text with every control character written out, so that data cannot steer a terminal."""
    return "".join(_shown(char) if unicodedata.category(char) in _UNSAFE else char for char in str(text))


def unturned(text: str) -> str:
    """The text with characters that turn its direction written out, for pages; lines stay lines."""
    return _TURNING.sub(lambda found: _shown(found[0]), text)


def unturned_in(data: Any) -> Any:
    """The same of every text in lists and mappings, for data that a page is made of."""
    if isinstance(data, str):
        return unturned(data)
    if isinstance(data, Mapping):
        return {key: unturned_in(value) for key, value in data.items()}
    if isinstance(data, list | tuple):
        return [unturned_in(value) for value in data]
    return data


def _shown(char: str) -> str:
    code = ord(char)
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


def cell(text: object, style: str = "") -> Text:
    """Data for a rich table: escaped, and never read as markup."""
    return Text("" if text is None else printable(text), style=style)
