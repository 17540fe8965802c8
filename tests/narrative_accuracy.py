"""How right the figures stated in the text are read: precision and recall by set of sentences.

``python -m tests.narrative_accuracy`` prints a Markdown table. Not here: the sentences
(test_narrative_heldout.py, and the reference phrases where ../shared is).
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from pathlib import Path

from tests import test_narrative_heldout as heldout
from tests import test_narrative_phrases as phrases
from tests.written import write_part


def told() -> Iterator[str]:
    """The lines of the table."""
    sets = [
        ("held out, first set", len(heldout.CASES), heldout.score(heldout.CASES)),
        ("held out, chosen to mislead", len(heldout.LATER), heldout.score(heldout.LATER)),
    ]
    if phrases.PHRASES.exists():
        sets.insert(0, ("reference phrases", phrases.count(), phrases.score()))
    yield "| sentences | texts | figures | read | made up | missed | precision | recall |"
    yield "|" + " --- |" * 8
    for name, texts, (right, wrong, missed, _) in sets:
        shares = (f"{right / max(1, right + other):.1%}" for other in (wrong, missed))
        cells = (name, texts, right + missed, right, wrong, missed, *shares)
        yield f"| {' | '.join(map(str, cells))} |"


def main() -> None:
    """Print the table, and write it where it is kept."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--write", type=Path, help="a Markdown file whose <!-- narrative --> part is written")
    given = parser.parse_args()
    lines = list(told())
    print("\n".join(lines))
    if given.write:
        write_part(given.write, "narrative", lines)


if __name__ == "__main__":
    main()
