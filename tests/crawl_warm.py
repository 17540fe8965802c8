"""A process that has the crawler loaded and forks a copy of itself for each crawl of the tests.

Here: that process and how it is asked. Loading takes most of a small crawl's time; what runs in the
copy is ``pipeline.crawl.__main__`` as it stands, in a process of its own as in a real crawl.
"""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path

_ROOT = Path(__file__).parents[1]
_SECONDS = 120


def run(
    words: Sequence[str], names: Mapping[str, str] | None = None, public: str = ""
) -> subprocess.CompletedProcess[str]:
    """``python -m pipeline.crawl`` with these words: exit code, stdout and stderr.

    Args:
        names: what the name service answers; other names are not known to it.
        public: a loopback address that is to count as one of the public network.
    """
    with tempfile.TemporaryDirectory() as folder:
        out, err = Path(folder, "out"), Path(folder, "err")
        asked = {"words": list(words), "out": str(out), "err": str(err), "names": names, "public": public}
        process = _process()
        assert process.stdin is not None and process.stdout is not None
        process.stdin.write(json.dumps(asked) + "\n")
        process.stdin.flush()
        code = int(process.stdout.readline())
        return subprocess.CompletedProcess(list(words), code, out.read_text("utf-8"), err.read_text("utf-8"))


@cache
def _process() -> subprocess.Popen[str]:
    """The warm process of this test process; it ends with it, since its stdin then closes."""
    return subprocess.Popen(
        [sys.executable, "-m", "tests.crawl_warm"],
        cwd=_ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )


def _serve() -> None:
    from pipeline.crawl import __main__ as crawler

    for line in sys.stdin:
        asked = json.loads(line)
        child = os.fork()
        if child == 0:
            signal.alarm(_SECONDS)
            os.close(0)
            for number, name in ((1, "out"), (2, "err")):
                os.dup2(os.open(asked[name], os.O_WRONLY | os.O_CREAT), number)
            sys.argv = ["pipeline.crawl", *asked["words"]]
            _pretend(asked["names"], asked["public"])
            code = 70
            try:
                code = crawler.main()
            finally:
                sys.stdout.flush()
                sys.stderr.flush()
                os._exit(code)
        _, status = os.waitpid(child, 0)
        print(os.waitstatus_to_exitcode(status), flush=True)


def _pretend(names: Mapping[str, str] | None, public: str) -> None:
    """Another name service and another view of what is public, in this process alone."""
    from pipeline.crawl import safety

    if names is not None:
        system = socket.gethostbyname

        def answer(name: str) -> str:
            # Numbers in any notation are the system's to read, as in a real crawl.
            return names[name] if name in names else system(name)

        socket.gethostbyname = answer
    if public:
        before = safety.is_public
        safety.is_public = lambda host, name_passes=False: host == public or before(host, name_passes)


if __name__ == "__main__":
    _serve()
