"""Quality against the method's own time, with the Pareto front."""

import altair as alt
import numpy as np
import pandas as pd

from benchmark.report import information
from benchmark.report.board import Board, Row
from benchmark.report.decimals import digits
from benchmark.report.order import pareto
from benchmark.report.tables import interval
from benchmark.spec import Metric
from leaderboard.charts.marks import (
    INK,
    LEGEND_LINE,
    PLOT,
    colours,
    legend_columns,
    limits,
    marked,
    metric_title,
    plain_axis,
    shapes,
    spans,
    styled,
)

# Pixels.
_PHONE = 340  # across a chart on a screen of 400
_WIDTHS = (280, 600, 1250)  # of the plot, on a phone, beside another chart, alone
_PADDING, _AWAY, _DOT, _LETTER, _HALF = 18, 9, 6, 6.6, 7
_CORNERS = {"right above": (1, -1), "left above": (-1, -1), "right below": (1, 1), "left below": (-1, 1)}
_Box = tuple[float, float, float, float]  # left, top, right, bottom


def quality_against_time(board: Board) -> alt.LayerChart:
    """Mean primary metric with its interval against mean seconds on one instance; a line joins the Pareto front, whose points
    have their names beside them where there is room. The others are named below and on hover.
    """
    primary, palette, forms = board.task.primary, colours(board), shapes(board)
    rows = [row for row in board.rows if row.fair_time]
    front, more = pareto(board.rows, primary), information.extra(board)
    frame = pd.DataFrame([_point(row, primary, front, information.text(more.get(row.label, ()))) for row in rows])
    ends = limits(board, primary)
    frame = frame.assign(low=frame["low"].clip(*ends), high=frame["high"].clip(*ends))
    log = spans([*frame["mean"], *frame["low"]])
    numbers = ["mean", "low", "high"]
    frame["corner"] = corners(frame.assign(**{name: np.log(frame[name]) for name in numbers}) if log else frame)
    span = alt.Scale(type="log", domain=[frame["seconds"].min() / 2, frame["seconds"].max() * 2], nice=False)
    title = "seconds of the method's own time, one instance (log scale)"
    x = alt.X("seconds:Q", title=title, scale=span, axis=plain_axis())
    y = alt.Y(
        "mean:Q",
        title=metric_title(primary),
        scale=alt.Scale(type="log" if log else "linear", zero=False, nice=False, padding=_PADDING),
    )
    labels = [row.label for row in rows]
    columns = legend_columns(labels, _PHONE)
    names = alt.Legend(
        title=None,
        orient="bottom",
        columns=columns,
        labelLimit=260,
        symbolOpacity=1,
        symbolStrokeWidth=2,
        labelExpr=marked(board),
    )
    scale = alt.Scale(domain=labels, range=[palette[label] for label in labels])
    colour = alt.Color("label:N", scale=scale, legend=names)
    shape = alt.Shape("label:N", scale=alt.Scale(domain=labels, range=[forms[label] for label in labels]), legend=names)
    fill = alt.condition("datum.front", alt.Fill("label:N", scale=scale, legend=None), alt.value("transparent"))
    tips = [
        alt.Tooltip("name:N", title="method"),
        alt.Tooltip("text:N", title=primary.name),
        alt.Tooltip("seconds:Q", format=".3~g"),
        alt.Tooltip("note:N", title="front"),
    ]
    base = alt.Chart(frame)
    line = base.transform_filter("datum.front").mark_line(
        color="#9a9a9a", interpolate="step-after", strokeDash=[4, 3], strokeWidth=1.5
    )
    bars = base.mark_rule(strokeWidth=2, opacity=0.75).encode(x, alt.Y("low:Q"), alt.Y2("high:Q"), colour, tooltip=tips)
    dots = base.mark_point(size=80, strokeWidth=2, opacity=1).encode(x, y, shape, stroke=colour, fill=fill, tooltip=tips)
    beside = [
        base.transform_filter(f"datum.corner == '{name}'")
        .mark_text(align="left" if right > 0 else "right", dx=_AWAY * right, dy=_AWAY * down, fontSize=12, color=INK)
        .encode(x, y, alt.Text("name:N"))
        for name, (right, down) in _CORNERS.items()
    ]
    height = PLOT + LEGEND_LINE * -(-len(labels) // columns)
    return styled(line.encode(x, y, order=alt.Order("seconds:Q")), bars, dots, *beside, height=height)


def corners(frame: pd.DataFrame) -> list[str]:
    """At which corner of its point the name of each row on the front stands; empty where it would cover a point, a bar or
    another name, or leave the chart, on a screen of one of _WIDTHS. Better points choose first.
    """
    low, high = float(frame["low"].min()), float(frame["high"].max())
    tall = (PLOT - 2 * _PADDING) / max(high - low, 1e-12)
    times = np.log(frame["seconds"].to_numpy())
    across = (times - times.min() + np.log(2)) / (np.ptp(times) + 2 * np.log(2))
    ends = [_PADDING + tall * (high - frame[name].to_numpy()) for name in ("mean", "high", "low")]
    taken: list[list[_Box]] = [
        [(x * wide - _DOT, min(y, top) - _DOT, x * wide + _DOT, max(y, bottom) + _DOT) for x, y, top, bottom in places]
        for wide, places in ((wide, list(zip(across, *ends, strict=True))) for wide in _WIDTHS)
    ]
    found = [""] * len(frame)
    for at in np.argsort(ends[0], kind="stable"):
        if not frame["front"].iloc[at]:
            continue
        for name, (right, down) in _CORNERS.items():
            boxes = [_box(across[at] * wide, ends[0][at], right, down, len(frame["name"].iloc[at])) for wide in _WIDTHS]
            if all(_free(box, others, int(at), wide) for box, others, wide in zip(boxes, taken, _WIDTHS, strict=True)):
                found[at] = name
                for box, others in zip(boxes, taken, strict=True):
                    others.append(box)
                break
    return found


def _box(x: float, y: float, right: int, down: int, letters: int) -> _Box:
    start, middle, long = x + _AWAY * right, y + _AWAY * down, _LETTER * letters
    return min(start, start + right * long), middle - _HALF, max(start, start + right * long), middle + _HALF


def _free(box: _Box, others: list[_Box], own: int, wide: int) -> bool:
    """Whether it lies within the chart and apart from all others; its own point may touch it."""
    left, top, right, bottom = box
    apart = (
        right < other[0] or other[2] < left or bottom < other[1] or other[3] < top
        for at, other in enumerate(others)
        if at != own
    )
    return left >= 0 and right <= wide and top >= 0 and bottom <= PLOT and all(apart)


def _point(row: Row, primary: Metric, front: set[str], more: str) -> dict[str, object]:
    mean, known = row.means[primary.name], row.means[primary.name].high >= row.means[primary.name].low
    places = digits([mean])
    return {
        "label": row.label,
        "name": " ".join([row.label, *[more] * bool(more), *[f"({row.done} of {row.expected})"] * (not row.complete)]),
        "seconds": row.fair_time,
        "mean": mean.mean,
        "low": mean.low if known else mean.mean,
        "high": mean.high if known else mean.mean,
        "text": f"{mean.mean:.{places}f} {interval(mean, places)}",
        "front": row.label in front,
        "note": "on the Pareto front" if row.label in front else "not on it" if row.complete else "incomplete",
    }
