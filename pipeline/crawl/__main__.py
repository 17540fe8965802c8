"""``python -m pipeline.crawl SOURCE``: one crawl; its counts as JSON on the last line.

Here: arguments and the last line. Not here: any work (run.py).
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

from pipeline.crawl.run import crawl
from pipeline.crawl.sources import SOURCES, SourceFault, load
from pipeline.crawl.store import StoreFault


def main() -> int:
    """0 where the source did not fail, 1 where it did, 2 where it could not be begun."""
    parser = argparse.ArgumentParser(prog="python -m pipeline.crawl", description="Crawl one source.")
    parser.add_argument("source")
    parser.add_argument("--raw", type=Path, required=True, help="raw folder")
    parser.add_argument("--sources", type=Path, default=SOURCES, help="sources.yaml")
    parser.add_argument("--contact", default="", help="how those who run the sites reach us")
    parser.add_argument("--limit", type=int, help="most reports and attachments to ask for")
    parser.add_argument("--dry-run", action="store_true", help="list what would be fetched, fetch lists only")
    given = parser.parse_args()
    try:
        source = load(given.sources).get(given.source)
        if source is None:
            raise SourceFault(f"no source is called {given.source}")
        told = crawl(source, given.raw.absolute(), given.contact, given.limit, given.dry_run)
    except (SourceFault, StoreFault) as fault:
        print(json.dumps({"source": given.source, "ok": False, "fault": str(fault)}, ensure_ascii=False))
        return 2
    print(json.dumps(told, ensure_ascii=False), flush=True)
    return 0 if told["ok"] else 1


if __name__ == "__main__":
    sys.exit(main())
