"""The crawler's own cost: pages from a loopback server at a pace without throttle.

``python -m benchmarks.crawl [PAGES]`` prints one JSON line: seconds and pages a second, for a first crawl and
for a second one in which nothing has changed. Here: the measurement only; the server is the tests' own.
"""

from __future__ import annotations

import json
import sys
import tempfile
from pathlib import Path

from tests.crawl_runs import FAST, crawl, source
from tests.crawl_server import Published, put_report, serving


def main(pages: int) -> None:
    """Crawl ``pages`` reports twice."""
    with serving() as site, tempfile.TemporaryDirectory() as folder:
        for start in range(0, pages, 100):
            links = ""
            for n in range(start, min(start + 100, pages)):
                report = Published(f"示范区第{n}所", 2024)
                put_report(site, f"/r/{n}", report)
                links += f"<li><a href='/r/{n}'>{report.title}</a></li>"
            following = f"<a href='/list/{start + 100}'>下一页</a>" if start + 100 < pages else ""
            site.html(f"/list/{start}", f"<ul>{links}</ul>{following}")
        given = source(site, "generic", "/list/0", pace={**FAST, "per_host": 8})
        first, second = crawl(Path(folder), given), crawl(Path(folder), given)
        assert first["new"] == second["same"] == pages, (first, second)
    told = {"pages": pages}
    for name, one in (("first", first), ("second", second)):
        told |= {f"{name}_seconds": one["seconds"], f"{name}_per_second": round(pages / one["seconds"], 1)}
    print(json.dumps(told))


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 2_000)
