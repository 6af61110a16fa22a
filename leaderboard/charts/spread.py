"""The scores of each method, spread over the instances."""

import altair as alt
import numpy as np
import pandas as pd

from benchmark import statistics
from benchmark.report.board import Board
from leaderboard.charts.marks import INK, colours, limits, marked, metric_title, plain_axis, styled, value_scale

HOW = (
    "Tick: one instance, seeds averaged first. Dot: median. Bar: middle half. The spread shows how much the instances differ, "
    "not how certain the mean is. Only complete rows are shown, so that all have the same instances."
)


def scores(board: Board) -> pd.DataFrame:
    """The primary metric of the complete rows, best mean first, in the columns label, instance, name, value."""
    primary, names = board.task.primary, {number: text for (_, number), text in board.labels.items()}
    lines = []
    for row in board.comparable:
        numbers, values = statistics.by_instance(row.scores[primary.name])
        for number, value in zip(numbers.tolist(), values.tolist(), strict=True):
            lines.append({"label": row.label, "instance": number, "name": names.get(number, ""), "value": value})
    return pd.DataFrame(lines, columns=["label", "instance", "name", "value"])


def spread(board: Board) -> alt.LayerChart:
    """A line of ticks for each method."""
    primary, frame, palette = board.task.primary, scores(board), colours(board)
    names = list(dict.fromkeys(frame["label"]))
    groups = frame.groupby("label", sort=False)["value"]
    middle = groups.quantile(np.array([0.25, 0.5, 0.75])).unstack().set_axis(["low", "median", "high"], axis=1).reset_index()
    colour = alt.Color("label:N", scale=alt.Scale(domain=names, range=[palette[name] for name in names]), legend=None)
    y = alt.Y("label:N", title=None, sort=names, axis=alt.Axis(labelLimit=230, labelOverlap=False, labelExpr=marked(board)))
    scale = value_scale(frame["value"], limits(board, primary))
    x = alt.X("value:Q", title=metric_title(primary), scale=scale, axis=plain_axis())
    tips = ["label:N", "instance:Q", "name:N", alt.Tooltip("value:Q", title=primary.name, format=".4~g")]
    ticks = alt.Chart(frame).mark_tick(thickness=1.5, size=15, opacity=0.55, color=INK).encode(x, y, tooltip=tips)
    base = alt.Chart(middle)
    bars = base.mark_rule(strokeWidth=5, opacity=0.6).encode(alt.X("low:Q", scale=scale), y, colour, alt.X2("high:Q"))
    about = ["label:N", alt.Tooltip("median:Q", format=".4~g")]
    dots = base.mark_circle(size=90, opacity=1).encode(alt.X("median:Q", scale=scale), y, colour, tooltip=about)
    return styled(ticks, bars, dots, height=26 * len(names) + 50)
