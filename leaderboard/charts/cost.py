"""Quality against the method's own time, with the Pareto front."""

from typing import Any

import altair as alt
import numpy as np
import pandas as pd

from benchmark.report.board import Board, Row
from benchmark.report.decimals import digits
from benchmark.report.order import pareto
from benchmark.report.tables import interval
from benchmark.spec import Metric
from leaderboard.charts.marks import (
    INK,
    colours,
    metric_title,
    plain_axis,
    styled,
)

_LEVEL_NAMES = 8  # methods whose names have room side by side


def quality_against_time(board: Board) -> alt.LayerChart:
    """Mean primary metric with its interval against mean seconds on one instance; a line joins the Pareto front."""
    primary, palette = board.task.primary, colours(board)
    rows = [row for row in board.rows if row.fair_time]
    frame = _place_names(pd.DataFrame([_point(row, primary, pareto(board.rows, primary)) for row in rows]))
    span = alt.Scale(type="log", domain=[frame["seconds"].min() / 2, frame["seconds"].max() * 8], nice=False)
    title = "seconds of the method's own time, one instance (log scale)"
    x = alt.X("seconds:Q", title=title, scale=span, axis=plain_axis())  # room on the right for the names
    y = alt.Y("mean:Q", title=metric_title(primary), scale=alt.Scale(zero=False, padding=18))
    scale = alt.Scale(domain=[row.label for row in rows], range=[palette[row.label] for row in rows])
    colour = alt.Color("label:N", scale=scale, legend=None)
    fill = alt.condition("datum.front", alt.Fill("label:N", scale=scale, legend=None), alt.value("transparent"))
    tips = [
        alt.Tooltip("label:N", title="method"),
        alt.Tooltip("text:N", title=primary.name),
        alt.Tooltip("seconds:Q", format=".3~g"),
        alt.Tooltip("note:N", title="front"),
    ]
    base = alt.Chart(frame)
    line = base.transform_filter("datum.front").mark_line(
        color="#9a9a9a", interpolate="step-after", strokeDash=[4, 3], strokeWidth=1.5
    )
    bars = base.mark_rule(strokeWidth=2, opacity=0.75).encode(x, alt.Y("low:Q"), alt.Y2("high:Q"), colour, tooltip=tips)
    dots = base.mark_point(size=80, strokeWidth=2, opacity=1).encode(x, y, stroke=colour, fill=fill, tooltip=tips)
    left = base.transform_filter("datum.side == 'left'").mark_text(align="left", dx=9, dy=-10, fontSize=12, color=INK)
    right = base.transform_filter("datum.side == 'right'").mark_text(align="right", dx=-9, dy=-10, fontSize=12, color=INK)
    names = [text.encode(x, alt.Y("name_y:Q"), alt.Text("name:N")) for text in (left, right)]
    return styled(line.encode(x, y, order=alt.Order("seconds:Q")), bars, dots, *names, height=360)


def _place_names(frame: pd.DataFrame) -> pd.DataFrame:
    """Adds the columns side and name_y, which say where names stand.

    A name stands right of its point (side "left", where the text begins), but left of it where another point follows on the
    right. It stands lower where the names of two points with similar times would overlap.
    """
    tall = float(frame["high"].max() - frame["low"].min())
    times = np.log(frame["seconds"])
    width = 0.25 * float(np.ptp(times)) + 1e-9
    placed: dict[Any, tuple[str, float]] = {}
    for at, height in frame["mean"].sort_values(ascending=False).items():
        after = (times > times[at] + 0.02 * width) & (times < times[at] + width)
        crowded = bool((after & ((frame["mean"] - height).abs() < 0.12 * tall)).any())
        side = "right" if crowded else "left"
        same = [y for other, (s, y) in placed.items() if s == side and abs(times[other] - times[at]) < width]
        placed[at] = side, min([height, *(y - 0.06 * tall for y in same)])
    both = pd.DataFrame.from_dict(placed, orient="index", columns=["side", "name_y"])
    return frame.join(both)


def _point(row: Row, primary: Metric, front: set[str]) -> dict[str, object]:
    mean, known = row.means[primary.name], row.means[primary.name].high >= row.means[primary.name].low
    places = digits([mean])
    return {
        "label": row.label,
        "name": row.label if row.complete else f"{row.label} ({row.done} of {row.expected})",
        "seconds": row.fair_time,
        "mean": mean.mean,
        "low": mean.low if known else mean.mean,
        "high": mean.high if known else mean.mean,
        "text": f"{mean.mean:.{places}f} {interval(mean, places)}",
        "front": row.label in front,
        "note": "on the Pareto front" if row.label in front else "not on it" if row.complete else "incomplete",
    }
