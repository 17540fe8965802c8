"""What codes mean that no label table holds: sections, checks, figures stated in the text.

Here: their words, from the form, the rules and ``cautions.yaml``. Not here: rows of the codebook
(codebook.py).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import product

from pipeline import assembly, frames
from pipeline.cells.sections import PREFACE
from pipeline.checks.rules import MEASURE, rules
from pipeline.curation.decisions import BREAKS, STALE
from pipeline.form.english import english as english_labels
from pipeline.form.measures import measures
from pipeline.form.model import forms
from pipeline.publish.vocabulary import chinese, english, vocabulary

Told = tuple[str, str, str]
"""A code, what it means in Chinese, and in English."""
_GROUP = re.compile(r"\{(?:last_)?(\w+)\}")


def sections() -> Iterator[Told]:
    """The sections of a report, as the newest form titles them."""
    titles = {section.code: section.label for form in forms().values() for section in form.sections}
    yield PREFACE, chinese(vocabulary().preface), english(vocabulary().preface)
    for code, title in titles.items():
        yield code, title, vocabulary().sections[code]


def checks() -> Iterator[Told]:
    """Codes of findings that are no identity of the form: the rules, and what reading finds."""
    identities = {
        i.code for f in forms().values() for t in f.tables for i in (*t.identities, *t.across_years)
    }
    reasons = {code: [rule.reason] for code, rule in rules().checks.items()}
    reasons |= {code: [rule.reason] for code, rule in rules().headings.items()}
    for rule in rules().plausibility:
        reasons.setdefault(rule.code, []).append(rule.reason)
    for code in sorted(reasons.keys() - identities - {MEASURE}):
        yield code, chinese(_area(code)), " ".join(dict.fromkeys(reasons[code]))
    for code, says in vocabulary().headings.items():
        yield code, chinese(says), english(says)
    yield "narrative.<measure>", chinese(_area(MEASURE)), rules().checks[MEASURE].reason
    for area in ("completeness", "lost_cells", "reading"):
        for table in dict.fromkeys(t.code for form in forms().values() for t in form.tables):
            if area == "completeness" and table not in frames.FACTS:
                continue
            says = vocabulary().areas[area]
            yield f"{area}.{table}", f"{_title(table)}：{chinese(says)}", english(says)
    for code in (STALE, BREAKS):
        yield code, chinese(vocabulary().areas[code]), english(vocabulary().areas[code])


def _area(code: str) -> str:
    return vocabulary().areas[code.split(".")[0]]


def _title(table: str) -> str:
    found = [t.title for form in forms().values() for t in form.tables if t.code == table]
    return f"《{found[-1]}》"


def stated() -> Iterator[Told]:
    """The measures that a figure stated in the text may have."""
    templates = [m.code for m in measures().measures if m.code] + [f.gives for f in measures().follow]
    codes = dict.fromkeys(code for template in templates for code in _expanded(template))
    for code in sorted(codes):
        words = [_word(part, code) for part in code.split(".")]
        yield code, " › ".join(zh for zh, _ in words), ", ".join(en for _, en in words)


def _expanded(template: str) -> Iterator[str]:
    """``disputes.{forum}.total`` for every forum."""
    names = _GROUP.findall(template)
    groups = [measures().groups[name] for name in names]
    for items in product(*(group.items for group in groups)):
        code = template
        for item, group in zip(items, groups, strict=True):
            code = _GROUP.sub((group.names or {}).get(item, item), code, count=1)
        yield code


def _word(part: str, code: str) -> tuple[str, str]:
    """One part of a measure's code: the form's label where it has one, else the vocabulary's words."""
    if part in vocabulary().measures:
        says = vocabulary().measures[part]
        return chinese(says), english(says)
    for dimension in frames.dimensions(code.split(".")[0]):
        for known, label in assembly.labels()[f"dim_{dimension}"].select("code", "label").iter_rows():
            if known == part:
                return label, english_labels()[dimension][part]
    raise KeyError(f"{part} of {code} has no words in cautions.yaml")
