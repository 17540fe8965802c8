"""The charts of the quality page as plain SVG that stands in the page and takes its colours.

Here: the chart library and what is taken out of its output. Not here: what is counted.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pygal
from lxml import etree
from pygal.style import Style

_SVG = "{http://www.w3.org/2000/svg}"
_BAR_HEIGHT = 26
_WIDE, _NARROW = 760, 440


def stacked_bars(
    name: str,
    labels: Sequence[str],
    series: Mapping[str, tuple[str, Sequence[int]]],
    horizontal: bool = False,
    label_length: int = 40,
) -> str:
    """A bar for each label, stacked of the series.

    Args:
        name: the chart's id in the page, unique there.
        series: its name → the CSS variable of its colour, and a count for each label.
    Returns:
        SVG markup without scripts, links or namespaces, its texts escaped.
    """
    colours = [f"var(--{colour})" for colour, _ in series.values()]
    style = Style(
        background="transparent",
        plot_background="transparent",
        foreground="var(--ink)",
        foreground_strong="var(--ink)",
        foreground_subtle="var(--line)",
        guide_stroke_color="var(--line)",
        major_guide_stroke_color="var(--line)",
        opacity="1",
        opacity_hover=".8",
        colors=tuple(colours),
        value_colors=tuple("var(--ink)" for _ in colours),
        font_family="inherit",
        label_font_size=13,
        major_label_font_size=13,
        legend_font_size=13,
    )
    kind = pygal.HorizontalStackedBar if horizontal else pygal.StackedBar
    chart = kind(
        style=style,
        js=[],
        width=_WIDE if horizontal else _NARROW,
        height=110 + _BAR_HEIGHT * len(labels) if horizontal else 215,
        # Charts side by side share one legend, which the page prints.
        show_legend=horizontal,
        legend_at_bottom=True,
        legend_at_bottom_columns=min(4, len(series)),
        truncate_legend=-1,
        truncate_label=label_length,
        show_y_guides=not horizontal,
        formatter=lambda value: f"{value:,.0f}",
        x_label_rotation=0 if horizontal or len(labels) < 9 else 45,
        margin=8,
        print_values=False,
        min_scale=2,
        order_min=0,
        disable_xml_declaration=True,
        # Whole numbers only: half a report is none.
        range=(0, max(1, *map(sum, zip(*(counts for _, counts in series.values()), strict=True)))),
    )
    chart.uuid = name
    # A horizontal chart draws its first label at the foot.
    step = -1 if horizontal else 1
    chart.x_labels = list(labels)[::step]
    for title, (_, counts) in series.items():
        chart.add(title, [count or None for count in counts][::step])
    return _inline(chart.render())


def _inline(svg: bytes) -> str:
    """The SVG without what a page of its own would need: scripts, comments, namespaces, links."""
    root = etree.fromstring(svg, etree.XMLParser(remove_comments=True, resolve_entities=False))
    for element in list(root.iter()):
        if element.tag == f"{_SVG}script" or not isinstance(element.tag, str):
            _drop(element)
        elif element.tag == f"{_SVG}desc":
            # The library's script would show it; a browser shows a title by itself.
            if element.get("class") == "value":
                element.tag, element.attrib["class"] = f"{_SVG}title", ""
                above = element.getparent()
                above.insert(0, element)
            else:
                _drop(element)
        elif element.tag == f"{_SVG}title" and element.getparent() is root:
            _drop(element)
    for element in root.iter():
        element.tag = etree.QName(element).localname
        for key in [key for key in element.attrib if key.startswith("{")]:
            del element.attrib[key]
    root.set("role", "img")
    etree.cleanup_namespaces(root)
    return str(etree.tostring(root, encoding="unicode", method="xml"))


def _drop(element: Any) -> None:
    above = element.getparent()
    if above is not None:
        above.remove(element)
