"""What Python's zipfile raises of an archive that is damaged, cut off or locked.

Here: the kinds of faults, for all who open one. Not here: what is done about it.
"""

from __future__ import annotations

import zipfile
import zlib

from pipeline.faults import loaded

# A Python may be built without lzma; zipfile loads it where it is there.
DAMAGED = loaded(
    ("lzma.LZMAError",),
    zipfile.BadZipFile,
    zlib.error,
    EOFError,
    KeyError,
    NotImplementedError,
    OSError,
    RuntimeError,
    ValueError,
)
