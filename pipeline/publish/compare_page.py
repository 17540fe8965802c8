"""A comparison as one self-contained HTML page: no script, nothing fetched, light and dark.

Here: the page. Not here: what is compared (compare.py).
"""

from __future__ import annotations

from collections.abc import Iterator
from html import escape

from pipeline.publish.compare import Comparison, Line, Pair, Part, Side, signed, summary
from pipeline.terminal import printable

_STYLE = """
:root { color-scheme: light dark; --line: #8886; --soft: #8882; --a: #7a3ea1; --b: #0a6c8a;
  --differs: #fff2b3; --differs-ink: #3d3000; }
@media (prefers-color-scheme: dark) { :root { --a: #cf9df0; --b: #7fd0ea; --differs: #5a4900;
  --differs-ink: #fff4c2; } }
body { font: 15px/1.5 system-ui, "Noto Sans CJK SC", "Microsoft YaHei", "PingFang SC", sans-serif;
  margin: 2rem auto; max-width: 84rem; padding: 0 1rem; }
h1 { font-size: 1.3rem; } h2 { font-size: 1.05rem; margin: 2rem 0 .3rem; }
dl { display: grid; grid-template-columns: max-content 1fr; gap: .2rem .8rem; }
dt { font-weight: 700; } dd { margin: 0; overflow-wrap: anywhere; }
.scroll { overflow-x: auto; }
table { border-collapse: collapse; margin: .4rem 0 1rem; }
caption { text-align: left; font-weight: 600; }
th, td { border: 1px solid var(--line); padding: .15rem .5rem; }
thead th { background: var(--soft); font-weight: 600; }
tbody th { font-weight: 400; text-align: left; min-width: 14rem; }
td { text-align: right; font-variant-numeric: tabular-nums; }
td:nth-child(even) { border-right-style: dotted; } td:nth-child(odd) { border-left-style: dotted; }
td.heads { background: var(--soft); }
.a { color: var(--a); } .b { color: var(--b); } .note { opacity: .75; }
mark { background: var(--differs); color: var(--differs-ink); font-weight: 700; padding: 0 .2rem; }
small { display: block; opacity: .85; }
@media print { body { margin: 0; max-width: none; font-size: 10px; } tr { break-inside: avoid; } }
"""


def page(found: Comparison) -> str:
    """The whole page."""
    title = f"{found.left.name} ↔ {found.right.name}"
    return "\n".join(
        (
            '<!doctype html>\n<html lang="zh">\n<head>\n<meta charset="utf-8">',
            '<meta http-equiv="Content-Security-Policy" content="default-src \'none\';'
            " style-src 'unsafe-inline'\">",
            '<meta name="viewport" content="width=device-width, initial-scale=1">',
            f"<title>{_text(title)}</title>\n<style>{_STYLE}</style>\n</head>\n<body>",
            f"<h1>{_text(title)}</h1>\n<dl>",
            *(_side(letter, side) for letter, side in (("A", found.left), ("B", found.right))),
            f"</dl>\n<p>{_text(summary(found))}</p>",
            *_tables(found),
            "</body>\n</html>\n",
        )
    )


def _text(data: object) -> str:
    return escape(printable(data), quote=True)


def _side(letter: str, side: Side) -> str:
    about = f"report {side.report_id} · form {side.form or 'unknown'} · file {side.path}"
    return (
        f'<dt class="{letter.lower()}">{letter}</dt>'
        f'<dd>{_text(side.name)}<br><span class="note">{_text(about)}</span></dd>'
    )


def _tables(found: Comparison) -> Iterator[str]:
    above = None
    for part in found.parts:
        if part.heading != above:
            above = part.heading
            yield f'<h2>{_text(part.title)} <span class="note">{_text(part.about)}</span></h2>'
        yield from _part(part)


def _part(part: Part) -> Iterator[str]:
    yield '<div class="scroll"><table>'
    if part.block_title:
        yield f"<caption>{_text(part.block_title)}</caption>"
    heads = "".join(f'<th colspan="2" scope="colgroup">{_text(label)}</th>' for label in part.columns)
    sides = '<th class="a" scope="col">A</th><th class="b" scope="col">B</th>' * len(part.columns)
    yield f'<thead><tr><th rowspan="2" scope="col">{_text(part.corner)}</th>{heads}</tr>'
    yield f"<tr>{sides}</tr></thead>"
    yield "<tbody>"
    for line in part.lines:
        yield _line(line, len(part.columns))
    yield "</tbody></table></div>"


def _line(line: Line, columns: int) -> str:
    label = f'<th scope="row" style="padding-left:{0.5 + line.depth}rem">{_text(line.label)}</th>'
    if not line.pairs:
        return f'<tr>{label}<td class="heads" colspan="{2 * columns}"></td></tr>'
    return f"<tr>{label}{''.join(_pair(pair) for pair in line.pairs)}</tr>"


def _pair(pair: Pair) -> str:
    left, right = (_text(side) if side else "" for side in (pair.left, pair.right))
    if pair.kind in ("same", "none"):
        return f"<td>{left}</td><td>{right}</td>"
    change = "" if pair.change is None else f"<small>{_text(signed(pair.change))}</small>"
    return f"<td><mark>{left or '·'}</mark></td><td><mark>{right or '·'}</mark>{change}</td>"
