"""Average ranks and their intervals are a table with a drawn line for each method, and an SVG picture.

They are HTML and not a chart and a table of Streamlit, for which a browser loads a drawing library and a spreadsheet. These
took a fifth of a second of the first page.
"""

import math
from collections.abc import Mapping
from html import escape
from types import MappingProxyType
from typing import Any

from benchmark.report.across import Across
from leaderboard.addresses import anchor, of_method
from leaderboard.charts.board_table import SEES, sees

BLUE = "#2b7fc4"  # readable on white and on the dark page
STYLE = f"""{SEES}<style>
.ldb-ranks-box {{ overflow: auto; max-height: 27rem; max-width: 100%; }}
.ldb-ranks-box:focus-visible {{ outline: 2px solid #0072B2; }}
.ldb-ranks {{ border-collapse: separate; border-spacing: 0; font-size: .875rem; line-height: 1.3; width: 100%; }}
.ldb-ranks th, .ldb-ranks td {{ font-weight: 400; text-align: right; white-space: nowrap; padding: .14rem .5rem;
  font-variant-numeric: tabular-nums; }}
.ldb-ranks thead th {{ position: sticky; top: 0; z-index: 2; vertical-align: bottom; opacity: 1; font-size: .8rem;
  background: Canvas; background: light-dark(#fff, #171614); border-bottom: 1px solid rgba(128,128,128,.4); }}
.ldb-ranks tbody th, .ldb-ranks thead th:first-child {{ position: sticky; left: 0; z-index: 1; text-align: left;
  background: Canvas; background: light-dark(#fff, #171614); max-width: 14rem; overflow: hidden; text-overflow: ellipsis; }}
.ldb-ranks thead th:first-child {{ z-index: 3; }}
.ldb-ranks a {{ color: inherit; text-decoration: none; }}
.ldb-ranks a:hover, .ldb-ranks a:focus {{ text-decoration: underline; }}
.ldb-ranks .span {{ width: 34%; min-width: 13rem; padding: 0 1rem; }}
.ldb-ranks .span div {{ position: relative; height: 1.35rem; }}
.ldb-ranks .span span {{ position: absolute; bottom: .1rem; transform: translateX(-50%); }}
.ldb-ranks .span i {{ position: absolute; top: calc(50% - 1px); height: 2px; background: {BLUE}; }}
.ldb-ranks .span b {{ position: absolute; top: calc(50% - .28rem); width: .56rem; height: .56rem; margin-left: -.28rem;
  border-radius: 50%; background: {BLUE}; }}
.ldb-ranks .text {{ text-align: left; white-space: normal; min-width: 15rem; font-size: .8rem; opacity: .85; }}
.ldb-ranks .groups {{ position: relative; }}
.ldb-ranks .groups i {{ position: absolute; top: 0; bottom: 0; width: 4px; background: {BLUE}; }}
.ldb-ranks .groups span {{ position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); }}
.ldb-ranks .middle {{ text-align: center; }}
@media (max-width: 640px) {{ .ldb-ranks tbody th, .ldb-ranks thead th:first-child {{ max-width: 7.6rem; }} }}
</style>"""
_LABELS = {"rank 95 %": "95 %", "Borda 95 %": "95 %"}
_CLASSES = {"tie": "middle", "remark": "text"}


def html(found: Across, more: Mapping[str, tuple[str, ...]] = MappingProxyType({})) -> str:
    """The frame of `found` as a table that scrolls by itself. After the name of each ranked method, its rank is a dot and the
    95 % interval a bar. more: what methods see more than others.
    """
    names = [name for name in found.frame.columns if name not in ("method", "average rank")]
    ticks = scale(found)
    head = [_head(found, "method"), _head(found, "average rank")]
    if ticks:
        marks = "".join(f'<span style="left:{_share(tick, ticks)}%">{tick:g}</span>' for tick in ticks)
        head.append(f'<th scope="col" class="span" title="95 % interval; left is better"><div>{marks}</div></th>')
    head += [_head(found, name) for name in names]
    body = []
    for line in found.frame.to_dict("records"):
        method = str(line["method"])
        text = f"{anchor(of_method(method), method)}{sees(more.get(method, ()))}"
        cells = [f'<th scope="row" title="{escape(method)}">{text}</th>', _cell(found, line, "average rank")]
        if ticks:
            cells.append(f'<td class="span"{_grid(ticks)}>{_drawn(found, method, ticks)}</td>')
        cells += [_cell(found, line, name) for name in names]
        body.append(f"<tr>{''.join(cells)}</tr>")
    return (
        '<div class="ldb-ranks-box" tabindex="0" role="region" aria-label="average ranks, '
        f'preset {escape(found.preset)}"><table class="ldb-ranks">'
        f"<thead><tr>{''.join(head)}</tr></thead><tbody>{''.join(body)}</tbody></table></div>"
    )


def scale(found: Across) -> list[float]:
    """At most eight round values that span every interval. There are none where nothing is ranked."""
    ends = [end for interval in found.intervals.values() for end in interval if math.isfinite(end)]
    if not ends:
        return []
    low, high = min(ends), max(ends)
    step = next(s for s in (0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 50, 100, 200, 500, 1000) if math.ceil((high - low) / s) <= 6)
    first = math.floor(low / step)
    last = max(math.ceil(high / step), first + 1)
    return [round(step * at, 6) for at in range(first, last + 1)]


def _share(value: float, ticks: list[float]) -> float:
    return round(100 * (value - ticks[0]) / (ticks[-1] - ticks[0]), 2)


def _grid(ticks: list[float]) -> str:
    """A thin line at each tick, as the background of the padding's inside."""
    period = round(100 / (len(ticks) - 1), 4)
    lines = f"repeating-linear-gradient(to right, rgba(128,128,128,.3) 0 1px, transparent 1px {period}%)"
    return f' style="background:{lines} content-box"'


def _head(found: Across, name: str) -> str:
    kind = f' class="{_CLASSES[name]}"' if name in _CLASSES else ""
    return f'<th scope="col"{kind} title="{escape(found.columns[name].help)}">{escape(_LABELS.get(name, name))}</th>'


def _cell(found: Across, line: dict[Any, Any], name: str) -> str:
    kind, value, form = f' class="{_CLASSES[name]}"' if name in _CLASSES else "", line[name], found.columns[name].format
    if form is not None:
        return f"<td{kind}>{'' if value is None or math.isnan(value) else form % value}</td>"
    if name == "tie":
        return _tie(found, str(value))
    return f"<td{kind}>{escape(str(value))}</td>"


def _tie(found: Across, letters: str) -> str:
    """A bar for each group that the method is in, below those of its neighbours; readers of a screen hear the letters."""
    known = {letter for several in found.frame["tie"] for letter in str(several).split()}
    every = sorted(known, key=lambda one: (len(one), one))
    bars = "".join(f'<i style="left:{8 + 9 * every.index(letter)}px"></i>' for letter in letters.split())
    title = ' title="methods of one bar are not significantly different across tasks"' if bars else ""
    return f'<td class="groups" style="min-width:{16 + 9 * len(every)}px"{title}><span>{escape(letters)}</span>{bars}</td>'


def _drawn(found: Across, method: str, ticks: list[float]) -> str:
    if method not in found.intervals:
        return ""
    rank, low, high = found.intervals[method]
    bar = ""
    if math.isfinite(low) and math.isfinite(high):
        left, right = _share(low, ticks), _share(high, ticks)
        bar = f'<i style="left:{left}%;width:{round(right - left, 2)}%"></i>'
    return f'<div title="{escape(_said(rank, low, high))}">{bar}<b style="left:{_share(rank, ticks)}%"></b></div>'


def _said(rank: float, low: float, high: float) -> str:
    interval = f" [{low:.2f}, {high:.2f}]" if math.isfinite(low) and math.isfinite(high) else ""
    return f"average rank {rank:.2f}{interval}"


_WIDTH, _LINE, _LETTER = 360, 22, 6.4  # pixels: of the drawn part, of a line, of a letter


def svg(found: Across, title: str) -> str:
    """The ranked methods as a picture on white: dots with bars and their numbers."""
    ticks = scale(found)
    left = 24 + _LETTER * max([len(method) for method in found.intervals], default=0)
    width, height = left + _WIDTH + 150, 62 + _LINE * len(found.intervals)
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width:.0f}" height="{height:.0f}" '
        'font-family="sans-serif" font-size="11">',
        f"<title>{escape(title)}</title>",
        f'<rect width="100%" height="100%" fill="#fff"/><text x="8" y="18" font-size="13">{escape(title)}</text>',
    ]
    for tick in ticks:
        x = left + _WIDTH * _share(tick, ticks) / 100
        parts.append(f'<text x="{x:.1f}" y="40" text-anchor="middle" fill="#555">{tick:g}</text>')
        parts.append(f'<line x1="{x:.1f}" x2="{x:.1f}" y1="46" y2="{height - 10:.0f}" stroke="#ddd"/>')
    for at, (method, (rank, low, high)) in enumerate(found.intervals.items()):
        y = 46 + _LINE * (at + 0.5)
        parts.append(f'<text x="8" y="{y + 4:.0f}">{escape(method)}</text>')
        if math.isfinite(low) and math.isfinite(high):
            ends = [left + _WIDTH * _share(end, ticks) / 100 for end in (low, high)]
            parts.append(
                f'<line x1="{ends[0]:.1f}" x2="{ends[1]:.1f}" y1="{y:.0f}" y2="{y:.0f}" stroke="{BLUE}" stroke-width="2"/>'
            )
        x = left + _WIDTH * _share(rank, ticks) / 100
        text = _said(rank, low, high).removeprefix("average rank ")
        parts.append(f'<circle cx="{x:.1f}" cy="{y:.0f}" r="4.5" fill="{BLUE}"/>')
        parts.append(f'<text x="{left + _WIDTH + 14:.0f}" y="{y + 4:.0f}" fill="#555">{escape(text)}</text>')
    return "\n".join([*parts, "</svg>", ""])
