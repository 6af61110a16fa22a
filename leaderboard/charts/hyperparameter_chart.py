"""A metric against one hyperparameter, drawn."""

from collections import Counter
from collections.abc import Sequence

import altair as alt
import pandas as pd

from benchmark.report.board import Board
from benchmark.report.decimals import digits
from benchmark.report.studies import FEWEST, Family, along, is_log
from benchmark.report.tables import count
from benchmark.spec import Metric
from leaderboard.charts.marks import (
    BASELINE,
    LEGEND_LINE,
    PALETTE,
    PLAIN,
    SHAPES,
    baseline_rule,
    colours,
    legend_columns,
    metric_title,
    styled,
)

_ROOM = 0.16  # share of the axis that stays free on the right for the baseline's name


def chart(frame: pd.DataFrame, board: Board, metric: Metric, name: str) -> alt.LayerChart:
    """A line with points and intervals for each family, and the baseline's mean as a dotted rule. frame is as `values` gives
    it.
    """
    labels = list(dict.fromkeys(frame["family"]))
    columns, palette, forms = legend_columns(labels), _colours(frame, board), _shapes(frame)
    ends = [along(frame, -0.03, frame["value"].min()), along(frame, 0.03, frame["value"].max())]
    if _has_baseline(board, metric):
        ends[1] = along(frame, _ROOM, frame["value"].max())
    scale = alt.Scale(type="log" if is_log(frame) else "linear", nice=False, domain=ends)
    ticks = alt.Axis(values=sorted(set(frame["value"])), grid=False, labelExpr=PLAIN, labelOverlap="greedy")
    x = alt.X("at:Q", title=name, scale=scale, axis=ticks)
    y = alt.Y("mean:Q", title=metric_title(metric), scale=alt.Scale(zero=False, padding=14))
    legend = alt.Legend(title=None, orient="bottom", columns=columns, labelLimit=520, symbolSize=60)
    colour = alt.Color("family:N", scale=alt.Scale(domain=labels, range=[palette[label] for label in labels]), legend=legend)
    shape = alt.Shape("family:N", scale=alt.Scale(domain=labels, range=[forms[label] for label in labels]), legend=legend)
    pick = alt.selection_point(fields=["family"], bind="legend")
    places = digits(row.means.get(metric.name) for row in board.rows)
    tips = [
        alt.Tooltip("family:N", title="method"),
        alt.Tooltip("value:Q", title=name, format="~g"),
        alt.Tooltip("mean:Q", title=metric.name, format=f".{places}f"),
        alt.Tooltip("low:Q", title="95 % from", format=f".{places}f"),
        alt.Tooltip("high:Q", title="95 % to", format=f".{places}f"),
        alt.Tooltip("n:Q", title="instances"),
        alt.Tooltip("seeds:Q"),
        alt.Tooltip("row:N", title="row of the table"),
    ]
    base = alt.Chart(frame).encode(x, colour, opacity=alt.condition(pick, alt.value(1.0), alt.value(0.12)), tooltip=tips)
    bars = base.transform_filter("isValid(datum.low)").mark_rule(strokeWidth=1.5).encode(alt.Y("low:Q"), alt.Y2("high:Q"))
    dots = base.mark_point(filled=True, size=70).encode(y, shape)
    layers = [bars.add_params(pick), base.mark_line(strokeWidth=2).encode(y), dots]
    if _has_baseline(board, metric):
        layers += baseline_rule(board, metric)
    return styled(*layers, height=380 + LEGEND_LINE * -(-len(labels) // columns))


def _has_baseline(board: Board, metric: Metric) -> bool:
    return board.baseline is not None and board.baseline.complete and metric.name in board.baseline.means


def _colours(frame: pd.DataFrame, board: Board) -> dict[str, str]:
    """Maps each family to its colour. The first family of a method has the method's, the others have what is left."""
    usual, found = colours(board), {}
    for method, several in frame.groupby("method", sort=False)["family"]:
        found[several.iloc[0]] = usual.get(str(method), BASELINE)
    left = [colour for colour in PALETTE if colour not in found.values()] or PALETTE
    others = [label for label in dict.fromkeys(frame["family"]) if label not in found]
    return {**found, **{label: left[number % len(left)] for number, label in enumerate(others)}}


def _shapes(frame: pd.DataFrame) -> dict[str, str]:
    """Maps each family to the shape of its points: circles for the first of a method, another shape for each further one."""
    found = {}
    for _, several in frame.groupby("method", sort=False)["family"]:
        for number, label in enumerate(dict.fromkeys(several)):
            found[label] = SHAPES[number % len(SHAPES)]
    return found


def caption(frame: pd.DataFrame, several: Sequence[Family], board: Board, metric: Metric, name: str) -> str:
    """What the picture shows, over how much, and what to know before comparing."""
    rows = [row for family in several for row in family.rows if row.label in set(frame["row"])]
    marks = Counter(mark for row in rows for mark in row.marks)
    listed = ", ".join(f"{mark} ({number} of {len(rows)})" for mark, number in marks.items())
    marked = f" Marked points: {listed}." if marks else ""
    rule = f" Dotted: the mean of the baseline {board.task.baseline}." if _has_baseline(board, metric) else ""
    return (
        f"Mean of {metric.name} over {_span(frame['n'], 'instance')} and {_span(frame['seeds'], 'seed')}. Bars: its 95 % "
        "interval over instances (none for fewer than 4), of each mean and not of differences. Points of a line are complete "
        f"rows that differ in {name} alone; lines of fewer than {FEWEST} values are left out.{rule} All points are scores on "
        f"test instances: choosing the best of a line would be a choice on test data.{marked} Click a name to highlight it."
    )


def _span(numbers: pd.Series, word: str) -> str:
    low, high = int(numbers.min()), int(numbers.max())
    return count(high, word) if low == high else f"{low} to {count(high, word)}"
