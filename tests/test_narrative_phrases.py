"""The reference phrases: what their notes say against what is read, by precision and recall.

The notes use a vocabulary of their own; ``CODES`` maps it to ours. Rules of counting:
- a note in the vocabulary of ``NOT_OURS`` has no code in the contract and is left out of the count;
- ``ALSO_STATED`` lists what a phrase states besides its note, each read by a person; it counts as
  right when found and is not missed when not;
- anything else that is read counts against precision.
"""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from pipeline.cells.narrative import find_statements

PHRASES = Path(__file__).parents[2] / "shared" / "reference" / "narrative_phrases.json"

CODES: dict[str, tuple[str, ...]] = {
    "applications_new": ("requests.received",),
    "applications": ("requests.received_or_handled", "requests.received"),
    "applications_new(legal persons)": ("requests.received.organizations",),
    "natural": ("requests.received.natural_person",),
    "commercial": ("requests.received.enterprise",),
    "other": ("requests.received.other_organization",),
    "applications_handled": ("requests.outcome_total",),
    "completed": ("requests.outcome_total",),
    "carried_over": ("requests.carried_in",),
    "carried_forward": ("requests.carried_out",),
    "outcome.disclosed": ("requests.granted",),
    "disclosed": ("requests.granted",),
    "partial": ("requests.granted_in_part",),
    "disclosed+partial": ("requests.granted+granted_in_part",),
    "refused": ("requests.refused",),
    "refused.third_party": ("requests.refused_third_party_rights",),
    "unable": ("requests.unavailable",),
    "unable.not_held": ("requests.unavailable_not_held",),
    "on_time_rate": ("requests.on_time_rate",),
    "review": ("disputes.reconsideration.total",),
    "review.total": ("disputes.reconsideration.total",),
    "review.upheld": ("disputes.reconsideration.upheld",),
    "review.corrected": ("disputes.reconsideration.corrected",),
    "review.pending": ("disputes.reconsideration.pending",),
    "litigation": ("disputes.litigation.total",),
    "litigation.total": ("disputes.litigation.total",),
    "posts": ("posts.published",),
    "posts.total": ("posts.published",),
    "published": ("posts.published",),
    "posts.website": ("posts.website",),
    "website": ("posts.website",),
    "posts.wechat": ("posts.wechat",),
    "wechat": ("posts.wechat",),
    "posts.weibo": ("posts.weibo",),
    "weibo": ("posts.weibo",),
    "posts.new_media": ("posts.new_media",),
    "press": ("posts.other_channels.press",),
    "screens": ("posts.other_channels.screens",),
    "info_fee": ("fees.information_processing_yuan",),
    "fees": ("disclosure.administrative_fees.amount_10k_yuan",),
    "normative_docs.made": ("disclosure.normative_documents.issued",),
    "normative_docs.repealed": ("disclosure.normative_documents.repealed",),
    "normative_docs.valid": ("disclosure.normative_documents.in_force",),
    "normative_docs.published": ("disclosure.normative_documents.published",),
    "regulations": ("disclosure.regulations.published",),
    "regulations.published": ("disclosure.regulations.published",),
    # Decisions taken, or the cards of them that were published: the wording decides which.
    "licences": (
        "disclosure.administrative_licensing.decisions",
        "disclosure.administrative_licensing.published",
    ),
    "penalties": (
        "disclosure.administrative_penalties.decisions",
        "disclosure.administrative_penalties.published",
    ),
    "penalties published": ("disclosure.administrative_penalties.published",),
    "coercion": (
        "disclosure.administrative_coercion.decisions",
        "disclosure.administrative_coercion.published",
    ),
}
NOT_OURS = {
    "complaints", "appeals", "visits", "staff", "interactions", "posts.category", "posts.news",
    "posts.overview",
    "channel.mail", "info.total", "withheld", "documents.published", "interpretations", "e_rate",
}  # fmt: skip
ALSO_STATED: dict[str, set[tuple[str, float]]] = {
    "信息公开类行政复议1起": {("disputes.reconsideration.total", 1)},
    "我局共辦理依申請公開政府信息2件": {("requests.outcome_total", 2)},
    "主动公开市政府规章13件": {("disclosure.regulations.issued", 5), ("disclosure.regulations.repealed", 4)},
}


def noted(measure: str) -> set[tuple[tuple[str, ...], float, str]]:
    """The figures of a note: our codes for it, the value, the qualifier."""
    found = set()
    # What stands in brackets behind a figure is a remark (a unit, a sub-total of our own reading).
    text = re.sub(
        r"(?<!\w)\s*\((?!legal)[^()]*\)",
        "",
        measure.replace("made=0; repealed", "made=0; normative_docs.repealed"),
    )
    prefix = ""
    for part in text.split(";"):
        match = re.match(r"\s*([\w.+ ]+?(?:\(legal persons\))?)\s*([=≈])\s*([\d.]+)", part)
        if match is None:
            continue
        name = match[1]
        if name.startswith("normative_docs"):
            prefix = "normative_docs."
            name = name.replace("normative_docs ", prefix)
        elif prefix and prefix + name in CODES:
            name = prefix + name
        if name in NOT_OURS:
            continue
        found.add((CODES[name], float(match[3]), match[2]))
    return found


def count() -> int:
    """How many phrases there are."""
    return len(json.loads(PHRASES.read_text(encoding="utf-8")))


def score() -> tuple[int, int, int, list[str]]:
    """How many figures of the phrases are read, made up and missed, and each fault in words.

    A figure of which the note says that it is rounded must not be read as exact.
    """
    right = wrong = missed = 0
    faults: list[str] = []
    for entry in json.loads(PHRASES.read_text(encoding="utf-8")):
        phrase, notes = entry["phrase"], noted(entry["measure"])
        also = {s for key, stated in ALSO_STATED.items() if key in phrase for s in stated}
        found = find_statements([(None, phrase, "line=1")])
        # A body that is not the report's own stands behind @ and is still the figure of the note.
        pairs = {(s.measure.split("@")[0], s.value) for s in found}
        hit = {pair for pair in pairs for codes, value, _ in notes if pair[0] in codes and pair[1] == value}
        right += len(hit)
        wrong += len(pairs - hit - also)
        missed += len(notes) - len(hit)
        faults += [f"made up {pair} in {phrase!r}" for pair in sorted(pairs - hit - also)]
        faults += [
            f"missed {n[0][0]}={n[1]} in {phrase!r}"
            for n in sorted(notes)
            if not any((c, n[1]) in hit for c in n[0])
        ]
        for statement in found:
            marked = [
                mark
                for codes, value, mark in notes
                if statement.measure in codes and value == statement.value
            ]
            if "≈" in marked:
                assert statement.qualifier != "exact", phrase
    return right, wrong, missed, faults


@pytest.mark.skipif(not PHRASES.exists(), reason="../shared/reference is not here")
def test_reference_phrases() -> None:
    right, wrong, missed, faults = score()
    precision, recall = right / (right + wrong), right / (right + missed)
    assert right + missed > 140
    assert precision >= 0.98, faults
    assert recall >= 0.9, faults
