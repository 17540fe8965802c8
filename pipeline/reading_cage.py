"""What a process that reads strangers' files may not do, itself or by the programs that it starts.

Here: no network, no core dumps, bounds on the size and number of open files. Not here: the time and memory of
a document and what becomes of one that breaks them (reading_pool.py), or LibreOffice's settings (office.py).
"""

from __future__ import annotations

import contextlib
import ctypes
import errno
import os
import sys
from pathlib import Path

try:  # POSIX only
    import resource
except ImportError:  # pragma: no cover
    resource = None  # type: ignore[assignment]

FILE_MEGABYTES = 1024
"""The largest file that reading one document may write."""
OPEN_FILES = 1024
_CLONE_NEWUSER = 0x1000_0000
_CLONE_NEWNET = 0x4000_0000
# Python's own doors to the network; those of libraries in C are closed by the system alone.
_NETWORK = frozenset(
    f"socket.{door}"
    for door in (
        *("connect", "bind", "sendto", "sendmsg"),
        *("getaddrinfo", "getnameinfo", "gethostbyname", "gethostbyaddr"),
    )
)


def cage() -> bool:
    """Shut this process and all that it starts in, for good; to be called before it starts a thread.

    Returns:
        Whether the system itself keeps the network away (Linux, where namespaces are permitted), from
        programs and libraries in C too. Python's own sockets are refused in any case.
    """
    alone = _without_network()
    sys.addaudithook(_refuse)
    if resource is not None:
        _bound(resource.RLIMIT_CORE, 0)
        _bound(resource.RLIMIT_FSIZE, FILE_MEGABYTES * 1024 * 1024)
        _bound(resource.RLIMIT_NOFILE, OPEN_FILES)
    return alone


def _bound(kind: int, most: int) -> None:
    """Lower a bound, never raise one."""
    lower = min((most, *(bound for bound in resource.getrlimit(kind) if bound != resource.RLIM_INFINITY)))
    with contextlib.suppress(ValueError, OSError):
        resource.setrlimit(kind, (lower, lower))


def _refuse(event: str, arguments: tuple[object, ...]) -> None:
    if event in _NETWORK:
        raise PermissionError(errno.EACCES, f"readers have no network ({event})")


def _without_network() -> bool:
    """Go into a network of our own, in which there is nothing, not even loopback."""
    if not sys.platform.startswith("linux"):
        return False
    system = ctypes.CDLL(None, use_errno=True)
    if system.unshare(_CLONE_NEWNET) == 0:  # as root
        return True
    user, group = os.geteuid(), os.getegid()
    if system.unshare(_CLONE_NEWUSER | _CLONE_NEWNET) != 0:
        return False
    # The same user within: what it may open stays what it was.
    with contextlib.suppress(OSError):
        Path("/proc/self/setgroups").write_text("deny")
        Path("/proc/self/uid_map").write_text(f"{user} {user} 1")
        Path("/proc/self/gid_map").write_text(f"{group} {group} 1")
    return True
