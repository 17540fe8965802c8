"""Places behind URLs: the file system of one, and one line for whatever it raises.

Here: the only use of fsspec. Not here: which files lie there (raw_url.py, reading_share.py).
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from pipeline.faults import first_line, loaded

if TYPE_CHECKING:
    from fsspec import AbstractFileSystem

# What packages of object stores raise that is no OSError, for faults.loaded.
OF_STORES = (
    "botocore.exceptions.BotoCoreError",
    "botocore.exceptions.ClientError",
    "gcsfs.retry.HttpError",
    "google.auth.exceptions.GoogleAuthError",
    "azure.core.exceptions.AzureError",
    "aiohttp.client_exceptions.ClientError",
)


class UrlFault(RuntimeError):
    """A URL whose files cannot be had at all; the message says why in one line."""


def system(url: str, anew: bool = False) -> tuple[AbstractFileSystem, str]:
    """The file system of a URL, and the URL's place in it.

    Args:
        anew: what was listed before in this process is listed again.
    Raises:
        ImportError: fsspec lacks the package for it.
        ValueError: there is no such protocol.
    """
    from fsspec.core import url_to_fs  # loads nothing of any protocol until it is asked for one

    found, root = url_to_fs(url)
    if anew:
        found.invalidate_cache()
    return found, str(root)


def lacks(url: str) -> str:
    """What this machine has to install before it can fetch from there; empty where that is nothing."""
    from fsspec import get_filesystem_class

    try:
        get_filesystem_class(url.partition("://")[0])
    except (ImportError, ValueError) as fault:
        return first_line(fault)
    return ""


@contextmanager
def told(url: str, cannot: str) -> Iterator[None]:
    """What any file system raises, as one line.

    Args:
        cannot: what was tried: "cannot be listed".
    Raises:
        UrlFault: whatever was raised.
    """
    try:
        yield
    except UrlFault:
        raise
    except ImportError as fault:
        raise UrlFault(
            f"{url}: {fault} (pip install it where gongkai is, on every machine that reads)"
        ) from fault
    except loaded(OF_STORES, OSError, ValueError, RuntimeError) as fault:
        reason = first_line(fault)
        raise UrlFault(f"{url} {cannot}: {reason}") from fault
