"""Text from files made safe for a terminal.

Here: escaping. Not here: what is printed (cli.py, publish/show.py).
"""

from __future__ import annotations

import unicodedata

from rich.text import Text

# Control characters, and format characters that turn or hide what follows them.
_UNSAFE = {"Cc", "Cf", "Cs", "Co", "Zl", "Zp"}


def printable(text: object) -> str:
    """The text with every control character written out, so that data cannot steer a terminal."""
    return "".join(_shown(char) if unicodedata.category(char) in _UNSAFE else char for char in str(text))


def _shown(char: str) -> str:
    code = ord(char)
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


def cell(text: object, style: str = "") -> Text:
    """Data for a rich table: escaped, and never read as markup."""
    return Text("" if text is None else printable(text), style=style)
