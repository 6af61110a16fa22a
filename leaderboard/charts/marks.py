"""Colours, shapes, axes and legends that all charts share.

Colours tell methods apart in any form of colour blindness. A method keeps its colour, its dash and its shape on every board:
they go by its place among the methods of its subject, a folder of `methods/`.
"""

import json
import math
from collections.abc import Iterable, Sequence
from typing import Any

import altair as alt
import pandas as pd

from benchmark import registry
from benchmark.report import information
from benchmark.report.board import Board
from benchmark.report.tables import ARROW
from benchmark.spec import Metric

PLAIN = "format(datum.value, '~g')"  # a label of a tick: as a format of the axis, 10 becomes 1e+1
# Okabe and Ito (2008) without yellow, then Paul Tol's muted colours.
PALETTE = ["#0072B2", "#D55E00", "#009E73", "#CC79A7", "#56B4E9", "#E69F00", "#882255", "#44AA99", "#7C6BD6", "#999933"]
BASELINE = "#6F6F6F"
INK = "#767676"  # of texts: a contrast of 4.5 on white and of 4.1 on the dark page
SHAPES = ["circle", "square", "triangle-up", "diamond", "triangle-down", "cross"]
DASHES = [[1, 0], [6, 3], [2, 2], [9, 3, 2, 3], [12, 4], [4, 2, 1, 2, 1, 2]]
LEGEND_LINE = 28  # pixels
DECADES = 2
PLOT = 320  # pixels of a plot's height, besides the names below it
_FAINT = "rgba(128, 128, 128, 0.3)"
_FONT: dict[str, Any] = {
    "labelFontSize": 12,
    "titleFontSize": 12,
    "labelColor": INK,
    "titleColor": INK,
    "titleFontWeight": "normal",
}


def colours(board: Board) -> dict[str, str]:
    """Maps each label to its colour. The baseline is grey."""
    found = {name: PALETTE[place % len(PALETTE)] for name, place in _places(board).items()}
    return {**found, board.task.baseline: BASELINE}


def shapes(board: Board) -> dict[str, str]:
    """Maps each label to the shape of its points. The shape is another one where the colours begin anew."""
    found = {name: SHAPES[place // len(PALETTE) % len(SHAPES)] for name, place in _places(board).items()}
    return {**found, board.task.baseline: SHAPES[0]}


def dashes(board: Board) -> dict[str, list[int]]:
    """Maps each label to the dash of its lines, likewise."""
    found = {name: DASHES[place // len(PALETTE) % len(DASHES)] for name, place in _places(board).items()}
    return {**found, board.task.baseline: DASHES[0]}


def _places(board: Board) -> dict[str, int]:
    """A number for each label. All methods of a subject are counted, also those that are not on the board. Methods that are not
    installed here and rows of other hyperparameters come last.
    """
    known = [name for name in board.known_methods if name != board.task.baseline]
    live = registry.methods()
    subjects = {live[name].file.parent for name in known if name in live}
    installed = sorted(name for name, method in live.items() if method.file.parent in subjects)
    absent = [name for name in known if name not in installed]
    others = sorted(row.label for row in board.rows if row.label not in board.known_methods)
    return {name: place for place, name in enumerate([*installed, *absent, *others])}


def marked(board: Board) -> Any:
    """An expression for the texts of a legend or an axis whose values are labels: what a method sees more stands behind its
    name. Undefined where all see the same.
    """
    marks = {label: f"{label} {information.text(several)}" for label, several in information.extra(board).items()}
    return f"{json.dumps(marks)}[datum.label] || datum.label" if marks else alt.Undefined


def limits(board: Board, metric: Metric) -> tuple[float, float]:
    """Where the axis of a metric ends at the latest: 0 where no score is below, and then 1 where none is above."""
    every = [value for row in board.rows for value in row.scores.get(metric.name, {}).values()]
    low = 0.0 if every and min(every) >= 0 else -math.inf
    return low, 1.0 if low == 0 and max(every) <= 1 else math.inf


def spans(values: Iterable[float]) -> bool:
    """Whether values are positive and DECADES apart, so that they need a logarithmic axis."""
    found = [value for value in values if math.isfinite(value)]
    return bool(found) and min(found) > 0 and max(found) >= 10**DECADES * min(found)


def value_scale(values: Iterable[float], ends: tuple[float, float], room: float = 0.05) -> alt.Scale:
    """A scale around the values, within `ends`; logarithmic where they span decades. room: share of it on each side."""
    found = [value for value in values if math.isfinite(value)] or [0.0, 1.0]
    low, high = min(found), max(found)
    if spans(found):
        wide = (high / low) ** room
        return alt.Scale(type="log", domain=[low / wide, min(high * wide, max(ends[1], high))], nice=False)
    wide = room * (high - low) or 0.05 * abs(high) or 1.0
    return alt.Scale(domain=[max(low - wide, min(ends[0], low)), min(high + wide, max(ends[1], high))], nice=False, zero=False)


def metric_title(metric: Metric) -> str:
    """The title of a metric's axis: 'psnr (dB), ↑ higher is better'."""
    unit = f" ({metric.unit})" if metric.unit else ""
    return f"{metric.name}{unit}, {ARROW[metric.better]} {metric.better} is better"


def legend_columns(labels: Sequence[str], room: int = 540) -> int:
    """The number of names, four at most, that stand side by side in `room` pixels."""
    widest = max((min(260.0, 5.2 * len(label)) for label in labels), default=0.0)  # pixels
    return min(4, max(1, int(room // (widest + 25))))


def plain_axis() -> alt.Axis:
    """An axis with eight ticks and no grid."""
    return alt.Axis(tickCount=8, grid=False)


def baseline_rule(board: Board, metric: Metric) -> list[alt.Chart]:
    """The baseline's mean of a metric as a dotted rule, and its name."""
    assert board.baseline is not None
    mean = board.baseline.means[metric.name].mean
    base = alt.Chart(pd.DataFrame({"y": [mean], "text": [f"baseline {board.baseline.label}"]})).encode(alt.Y("y:Q"))
    text = base.mark_text(align="right", baseline="top", dx=-2, dy=4, color=BASELINE, fontSize=11)
    return [
        base.mark_rule(color=BASELINE, strokeDash=[2, 3], strokeWidth=1.5),
        text.encode(alt.Text("text:N"), x=alt.value("width")),
    ]


def styled(*layers: alt.Chart, height: int, grid: bool = True) -> alt.LayerChart:
    """Layers with the fonts and greys that all charts share."""
    chart: alt.LayerChart = (
        alt.LayerChart(layer=list(layers))
        .properties(height=height)
        .configure_axis(grid=grid, gridColor=_FAINT, domainColor=_FAINT, tickColor=_FAINT, **_FONT)
        .configure_legend(labelFontSize=12, labelColor=INK)
        .configure_view(stroke=None)
    )
    return chart
