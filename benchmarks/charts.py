"""Plots of results as SVG files that stand alone: no script, no font or picture from elsewhere.

Here: the chart library and what is taken out of its output. Not here: which figures are drawn (page).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pygal
from lxml import etree
from pygal.style import Style

from benchmarks.results import digits

_SVG = "{http://www.w3.org/2000/svg}"
# Colours that people with any colour vision tell apart (Okabe and Ito 2008).
_COLOURS = ("#0072b2", "#e69f00", "#009e73", "#cc79a7", "#56b4e9", "#d55e00", "#000000")
_STYLE = Style(
    background="#ffffff",
    plot_background="#ffffff",
    foreground="#222222",
    foreground_strong="#222222",
    foreground_subtle="#888888",
    guide_stroke_color="#dddddd",
    major_guide_stroke_color="#bbbbbb",
    opacity="1",
    opacity_hover=".8",
    colors=_COLOURS,
    value_colors=("#222222",) * len(_COLOURS),
    font_family="sans-serif",
    title_font_size=15,
    label_font_size=12,
    major_label_font_size=12,
    legend_font_size=12,
    value_font_size=11,
)

Series = Mapping[str, Sequence[float | None]]
"""A series' name → a value for each label, None where there is none."""


def bars(name: str, title: str, labels: Sequence[str], series: Series) -> str:
    """Horizontal bars, stacked where there is more than one series; a single one has its values beside.

    Args:
        name: the chart's id in its file.
    """
    alone = len(series) == 1
    longest = max(sum(value or 0 for value in some) for some in zip(*series.values(), strict=True))
    kind = pygal.HorizontalBar if alone else pygal.HorizontalStackedBar
    chart = kind(
        **_given(title),
        height=120 + 26 * len(labels),
        print_values=alone,
        print_values_position="top",
        show_legend=not alone,
        y_labels_major_count=5,
        value_formatter=_number,
        # Room for the figure beside the longest bar.
        range=(0, 1.1 * longest),
    )
    # A horizontal chart draws its first label at the foot.
    chart.x_labels = list(labels)[::-1]
    for label, values in series.items():
        chart.add(label, list(values)[::-1])
    return _plain(chart, name)


def lines(name: str, title: str, labels: Sequence[str], series: Series) -> str:
    """Lines over a few sizes; the axis begins at 0."""
    chart = pygal.Line(
        **_given(title),
        height=320,
        include_x_axis=True,
        show_legend=True,
        dots_size=4,
        value_formatter=_number,
    )
    chart.x_labels = list(labels)
    for label, values in series.items():
        chart.add(label, list(values))
    return _plain(chart, name)


def _number(value: float | None) -> str:
    """Three digits that mean something, thousands apart."""
    return "" if value is None else digits(value)


def _given(title: str) -> dict[str, Any]:
    return {
        "style": _STYLE,
        "js": [],
        "title": title,
        "width": 820,
        "margin": 10,
        "legend_at_bottom": True,
        "legend_at_bottom_columns": 4,
        "truncate_legend": -1,
        "truncate_label": -1,
        "disable_xml_declaration": True,
    }


def _plain(chart: Any, name: str) -> str:
    """The SVG of a chart without scripts and comments; the same figures always give the same text."""
    chart.uuid = name
    root = etree.fromstring(chart.render(), etree.XMLParser(remove_comments=True, resolve_entities=False))
    for element in list(root.iter(f"{_SVG}script", f"{_SVG}desc")):
        element.getparent().remove(element)
    etree.cleanup_namespaces(root)
    return str(etree.tostring(root, encoding="unicode")) + "\n"
