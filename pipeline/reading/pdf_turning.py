"""Pages whose text lies sideways, turned upright, and places on them turned back.

Here: quarter turns of a page's content. Not here: /Rotate, which pdf_objects has counted in.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from pipeline.reading.pdf_objects import Box, PageContent


def turned(content: PageContent, quarter: int) -> PageContent:
    """The page turned so that text standing ``quarter`` quarter turns clockwise reads upright."""
    for _ in range(quarter % 4):
        content = _turned_back(content)
    return content


def turn_box(box: Box, quarter: int, width: float, height: float) -> Box:
    """A box on a page turned by ``turned`` back on the page as shown, whose size is given."""
    left, top, right, bottom = box
    if quarter == 1:
        return (width - bottom, left, width - top, right)
    if quarter == 2:
        return (width - right, height - bottom, width - left, height - top)
    if quarter == 3:
        return (top, height - right, bottom, height - left)
    return box


def _turned_back(content: PageContent) -> PageContent:
    """A quarter turn counter-clockwise: (x, y) goes to (y, width - x)."""
    w, g = content.width, content.glyphs
    quarter = np.where(g.quarter >= 0, (g.quarter - 1) % 4, -1).astype(np.int8)
    glyphs = replace(
        g,
        left=g.top,
        right=g.bottom,
        top=w - g.right,
        bottom=w - g.left,
        x=g.base,
        base=w - g.x,
        quarter=quarter,
    )
    across, down = content.across, content.down
    lying = np.column_stack((w - down[:, 0], down[:, 1], down[:, 2]))
    standing = np.column_stack((across[:, 0], w - across[:, 2], w - across[:, 1]))
    outlines = content.outlines[:, [1, 0, 3, 2]].copy()
    outlines[:, [1, 3]] = w - content.outlines[:, [2, 0]]

    def box(b: Box) -> Box:
        return (b[1], w - b[2], b[3], w - b[0])

    return replace(
        content,
        width=content.height,
        height=w,
        glyphs=glyphs,
        across=lying,
        down=standing,
        fills=tuple(replace(x, box=box(x.box)) for x in content.fills),
        images=tuple(replace(x, box=box(x.box)) for x in content.images),
        outlines=outlines,
    )
