"""Which row of the form each printed row is.

Rows are printed in the form's order, so the best pairing that keeps the order is sought over all
rows at once: wording, enumerator and the group that a row stands under all count, and a misprinted
label is settled by its neighbours. Not here: columns and values (placing).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache, lru_cache
from itertools import pairwise

from pipeline.cells.labels import POSSIBLE, SURE, is_extra, likenesses
from pipeline.cells.rows import PrintedRow
from pipeline.form.folding import label_key
from pipeline.form.model import Line, Table
from pipeline.reading.document import Cell

LONGEST_WORD = 8
"""Longer words beside a label are a label, too."""
EVEN = 0.5
"""The score at which a pairing speaks neither for nor against itself."""


@dataclass(frozen=True, slots=True)
class Match:
    """A printed row taken for a row of the form. ``by_place`` where the neighbours, not the words, decide."""

    row: PrintedRow
    line: Line
    score: float
    by_place: bool = False


def match_rows(rows: Sequence[PrintedRow], table: Table) -> list[Match]:
    """Pair printed rows with the table's rows, in order.

    Args:
        rows: in printed order; rows of other tables and headers may stand among them.
    Returns:
        Matches in printed order, each line of the form at most once. A group's line is matched
        only where the group is printed as one row, without its parts.
    """
    lines = table.rows
    rows = [row for row in rows if row.labels and not is_extra(row.labels[-1].text, "rows")]
    rows = [_words_as_values(row, table) for row in rows]
    scores = [_affinities(row, table) for row in rows]
    filled = [any(v.text.strip() for v in row.values) for row in rows]
    pairs = _best_pairs(scores, [0.001 if one else 0.0 for one in filled])
    matches = [Match(rows[r], lines[c], scores[r][c]) for r, c in pairs]
    matches += _by_place(rows, lines, pairs)
    matches += _out_of_order(rows, lines, scores, matches)
    order = {id(row): i for i, row in enumerate(rows)}
    return sorted(_without_headings(matches), key=lambda m: order[id(m.row)])


def contradicted(rows: Sequence[PrintedRow], matches: Sequence[Match], table: Table) -> dict[str, PrintedRow]:
    """Rows that print a matched row once more among the table's rows with other figures, by its code.

    Args:
        rows: all printed rows of the source, in order.
        matches: the rows of one print of the table.
    """
    own = {id(m.row.labels[-1]): m for m in matches}
    at = [i for i, row in enumerate(rows) if row.labels and id(row.labels[-1]) in own]
    if not at:
        return {}
    found: dict[str, PrintedRow] = {}
    for row in rows[max(at[0] - 1, 0) : at[-1] + 2]:
        texts = [v.text.strip() for v in row.values]
        if not row.labels or not any(texts) or id(row.labels[-1]) in own:
            continue
        scores = dict(zip(table.rows, _affinities(row, table), strict=True))
        for match in matches:
            printed = [v.text.strip() for v in match.row.values]
            same = [t for t in printed if t] == [t for t in texts if t]
            alike = scores[match.line] >= 0.97
            if alike and not same and row.source == match.row.source:
                found[match.line.code] = row
    return found


def _words_as_values(row: PrintedRow, table: Table) -> PrintedRow:
    """The row with words that follow its label and are no label (同上, 约5) as its first values."""
    labels, values = row.labels, row.values
    if not any(v.text.strip() for v in values):
        return row
    for count in (1, 2):
        if len(labels) <= count or not _is_own(labels[-count - 1].text, table):
            continue
        if all(_foreign(labels, at, table) for at in range(len(labels) - count, len(labels))):
            return PrintedRow(labels[:-count], (*labels[-count:], *values), row.source, row.index)
    return row


def _is_own(text: str, table: Table) -> bool:
    """Whether a text is surely the label of a row that has no parts."""
    return any(score >= 0.95 for line, score in likenesses(text, table, "rows").items() if not line.is_group)


def _foreign(labels: Sequence[Cell], at: int, table: Table) -> bool:
    """Whether a short text is like no row's label, alone or behind the texts before it."""
    text = labels[at].text
    if len(text.strip()) > LONGEST_WORD or label_key(text).ordinal:
        return False
    joined = "".join(cell.text for cell in labels[at - 1 : at + 1])
    if any(score >= POSSIBLE for score in likenesses(text, table, "rows").values()):
        return False
    before = likenesses(labels[at - 1].text, table, "rows")
    together = likenesses(joined, table, "rows")
    return not any(score >= max(SURE, before.get(line, 0.0)) for line, score in together.items())


def _affinities(row: PrintedRow, table: Table) -> Sequence[float]:
    """How likely a printed row is each of the table's rows."""
    texts = [cell.text for cell in row.labels]
    own = likenesses(texts[-1], table, "rows")
    # A label cut into pieces by lines or cells.
    together = [
        likenesses("".join(texts[-count:]), table, "rows") for count in (2, 3, 4) if len(texts) >= count
    ]
    if not own and not any(together):
        return _none(table)
    return [_affinity(texts, line, own, together, table) for line in table.rows]


@cache
def _none(table: Table) -> tuple[float, ...]:
    return (0.0,) * len(table.rows)


def _affinity(
    texts: Sequence[str],
    line: Line,
    own: Mapping[Line, float],
    together: Sequence[Mapping[Line, float]],
    table: Table,
) -> float:
    best = own.get(line, 0.0)
    if line.is_group:
        # A group printed as one row: only by its own words.
        return best if best >= SURE else 0.0
    for like in together:
        if best < SURE:
            best = max(best, like.get(line, 0.0) - 0.01)
    if best < POSSIBLE:
        return 0.0
    if len(texts) >= 2 and len(line.path) >= 2:
        best += _context(tuple(texts[:-1]), line.path[-2], table)
    return best


@lru_cache(maxsize=65536)
def _context(outer: tuple[str, ...], group: str, table: Table) -> float:
    """Whether the labels before the row's own name its group (a little more) or another group (less)."""
    group_words = label_key(group).words
    others = {label_key(line.label).words for line in table.rows if line.is_group}
    for text in reversed(outer):
        words = label_key(text).words
        if words == group_words:
            return 0.05
        if words in others:
            return -0.3
    return 0.0


def _best_pairs(scores: Sequence[Sequence[float]], bonuses: Sequence[float]) -> list[tuple[int, int]]:
    """The order-keeping pairing with the greatest gain (dynamic programming, rows × lines).

    What counts is how far a score is above even, so that two poor pairs do not outweigh a good one.
    The bonuses decide between rows of the same words: those with values come first.
    """
    # Rows that are like no line are no part of any pairing.
    kept = [r for r, row in enumerate(scores) if max(row, default=0.0) >= POSSIBLE]
    if not kept:
        return []
    n, m = len(kept), len(scores[0])
    gain = [[score - EVEN + bonuses[r] if score >= POSSIBLE else 0.0 for score in scores[r]] for r in kept]
    best = [[0.0] * (m + 1) for _ in range(n + 1)]
    for r in range(n - 1, -1, -1):
        for c in range(m - 1, -1, -1):
            top = max(best[r + 1][c], best[r][c + 1])
            if gain[r][c]:
                top = max(top, gain[r][c] + best[r + 1][c + 1])
            best[r][c] = top
    pairs, r, c = [], 0, 0
    while r < n and c < m:
        if gain[r][c] and abs(best[r][c] - (gain[r][c] + best[r + 1][c + 1])) < 1e-9:
            pairs.append((kept[r], c))
            r, c = r + 1, c + 1
        elif best[r][c] == best[r + 1][c]:
            r += 1
        else:
            c += 1
    return pairs


def _by_place(
    rows: Sequence[PrintedRow], lines: Sequence[Line], pairs: Sequence[tuple[int, int]]
) -> list[Match]:
    """Rows with figures whose words fit nothing, between two matched neighbours with as many lines left."""
    found: list[Match] = []
    for (r0, c0), (r1, c1) in pairwise(pairs):
        open_rows = [rows[r] for r in range(r0 + 1, r1) if any(v.text.strip() for v in rows[r].values)]
        open_lines = [line for line in lines[c0 + 1 : c1] if not line.is_group]
        if not open_rows or len(open_rows) != len(open_lines):
            continue
        marks = [
            (label_key(r.labels[-1].text).ordinal, label_key(n.label).ordinal)
            for r, n in zip(open_rows, open_lines, strict=True)
        ]
        if any(a and b and a != b for a, b in marks):
            continue
        if len(open_rows) > 1 and not all(a and a == b for a, b in marks):
            continue
        found += [Match(r, n, 0.5, by_place=True) for r, n in zip(open_rows, open_lines, strict=True)]
    return found


def _out_of_order(
    rows: Sequence[PrintedRow],
    lines: Sequence[Line],
    scores: Sequence[Sequence[float]],
    taken: Sequence[Match],
) -> list[Match]:
    """Rows with a form's exact words that stand out of order: the words decide."""
    used_rows = {id(m.row) for m in taken}
    used_lines = {m.line.code for m in taken}
    found: list[Match] = []
    for r, row in enumerate(rows):
        if id(row) in used_rows or not any(v.text.strip() for v in row.values):
            continue
        exact = [c for c, line in enumerate(lines) if scores[r][c] >= 0.97 and line.code not in used_lines]
        if len(exact) == 1:
            found.append(Match(row, lines[exact[0]], scores[r][exact[0]]))
            used_lines.add(lines[exact[0]].code)
    return found


def _without_headings(matches: list[Match]) -> list[Match]:
    """Leave out a group's own row where its parts are printed: it is their heading (or a local subtotal).

    A part without any value, beside a group with values, is a word of a head (其他) and no row.
    """
    groups = [m for m in matches if m.line.is_group and m.row.values]
    idle = {
        id(m) for group in groups for m in matches if m.line.code in group.line.parts and not m.row.values
    }
    matches = [m for m in matches if id(m) not in idle]
    codes = {m.line.code for m in matches}
    return [m for m in matches if not (m.line.is_group and codes.intersection(m.line.parts))]
