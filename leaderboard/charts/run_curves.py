"""The curves of one run, with a line for each instance."""

import altair as alt
import numpy as np
import pandas as pd

from benchmark.report.board import TaskInfo
from leaderboard.charts.marks import PALETTE, metric_title

_POINTS = 160  # the most points of one line


def chart(frame: pd.DataFrame, info: TaskInfo, axis: str) -> alt.Chart:
    """The primary metric against step or seconds. Each instance has a thin line, each series a colour and a dash. A series on a
    scale of its own, whose name ends with that scale in brackets, is left out.

    frame has the columns instance, series, step, seconds, value. The page, light or dark, gives the colours of text and grid.
    """
    frame = frame[[not name.endswith(")") for name in frame["series"]]]
    frame = frame[frame["seconds"] > 0] if axis == "seconds" else frame
    thinned = pd.concat([_thin(line) for _, line in frame.groupby(["instance", "series"])]) if len(frame) else frame
    series = sorted(set(thinned["series"]), key=lambda name: (name != "estimate", name))
    scale = alt.Scale(domain=series, range=[PALETTE[i % len(PALETTE)] for i in range(len(series))])
    title = {"step": "step", "seconds": "seconds of the method's own time (log scale)"}[axis]
    span = alt.Scale(type="log" if axis == "seconds" else "linear", nice=False)
    tips = ["instance:Q", "series:N", "step:Q", alt.Tooltip("seconds:Q", format=".3~g"), alt.Tooltip("value:Q", format=".4~g")]
    found: alt.Chart = (
        alt.Chart(thinned)
        .mark_line(strokeWidth=1.5)
        .encode(
            alt.X(f"{axis}:Q", title=title, scale=span, axis=alt.Axis(tickCount=6, grid=False)),
            alt.Y("value:Q", title=metric_title(info.primary), scale=alt.Scale(zero=False)),
            alt.Color("series:N", scale=scale, legend=alt.Legend(title=None, orient="top")),
            alt.StrokeDash("series:N", sort=series, legend=None),
            opacity=alt.condition("datum.series == 'estimate'", alt.value(0.85), alt.value(0.35)),
            detail="instance:N",
            order="step:Q",
            tooltip=tips,
        )
        .properties(height=320)
    )
    return found


def _thin(line: pd.DataFrame) -> pd.DataFrame:
    if len(line) <= _POINTS:
        return line
    return line.iloc[np.unique(np.linspace(0, len(line) - 1, _POINTS).round().astype(int))]
