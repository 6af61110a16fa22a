"""Two methods are compared instance by instance, in two charts.

The page, light or dark, gives the colours of text and grid. Colour and shape both tell who is better.
"""

import altair as alt
import pandas as pd

from benchmark.report.comparison import Duel, winner
from benchmark.report.order import sign
from benchmark.report.tables import with_unit
from benchmark.statistics import by_instance
from leaderboard.charts.marks import PALETTE, colours, metric_title

EQUAL = "#B9B9B9"
GREY = "#808080"  # seen on white and on black
_SHAPES = ["circle", "triangle-up", "square"]


def _who(one: Duel) -> dict[str, alt.Scale]:
    names = [one.first.label, one.second.label, "equal"]
    palette = colours(one.board)
    sides = [palette[one.first.label], palette[one.second.label]]
    if sides[0] == sides[1]:  # there are fewer colours than methods
        sides[1] = next(colour for colour in PALETTE if colour != sides[0])
    return {"colour": alt.Scale(domain=names, range=[*sides, EQUAL]), "shape": alt.Scale(domain=names, range=_SHAPES)}


def _legend(one: Duel) -> alt.Legend:
    names = [one.first.label, one.second.label]
    tied = any(not value for value in one.signed.values())
    return alt.Legend(title="better:", orient="top", columns=1, labelLimit=300, symbolSize=80, values=names + ["equal"] * tied)


def scatter(one: Duel, addresses: dict[tuple[int, int], str]) -> alt.LayerChart:
    """The first method's score is drawn against the second's, a point for each (seed, instance), which leads to its address."""
    name = one.metric.name
    lines = [
        {
            "first": one.first.scores[name][key],
            "second": one.second.scores[name][key],
            "difference": difference,
            "better": winner(one, key),
            "seed": key[0],
            "instance": key[1],
            "name": one.board.labels.get(key, ""),
            "url": addresses[key],
        }
        for key, difference in one.signed.items()
    ]
    frame, who = pd.DataFrame(lines), _who(one)
    values = pd.concat([frame["first"], frame["second"]])
    pad = 0.06 * float(values.max() - values.min()) or 0.01 * abs(float(values.max())) or 1.0
    low, high = float(values.min()) - pad, float(values.max()) + pad
    span = alt.Scale(domain=[low, high], nice=False, zero=False)
    axis = alt.Axis(tickCount=6)
    tips = [
        alt.Tooltip("name:N", title="name"),
        "seed:Q",
        "instance:Q",
        alt.Tooltip("first:Q", title=one.first.label, format=f".{one.places}f"),
        alt.Tooltip("second:Q", title=one.second.label, format=f".{one.places}f"),
        alt.Tooltip("difference:Q", title="difference", format=f"+.{one.places}f"),
        alt.Tooltip("better:N"),
    ]
    points = (
        alt.Chart(frame)
        .mark_point(size=70, filled=True, opacity=0.75, cursor="pointer")
        .encode(
            alt.X("second:Q", title=f"{one.second.label}: {metric_title(one.metric)}", scale=span, axis=axis),
            alt.Y("first:Q", title=f"{one.first.label}: {name}", scale=span, axis=axis),
            alt.Color("better:N", scale=who["colour"], legend=_legend(one)),
            alt.Shape("better:N", scale=who["shape"], legend=_legend(one)),
            href="url:N",
            tooltip=tips,
        )
    )
    diagonal = (
        alt.Chart(pd.DataFrame({"x": [low, high], "y": [low, high]}))
        .mark_line(color=GREY, strokeDash=[5, 4], strokeWidth=1.5)
        .encode(alt.X("x:Q", scale=span), alt.Y("y:Q", scale=span))
    )
    chart: alt.LayerChart = alt.LayerChart(layer=[diagonal, points]).properties(height=400)
    return chart


def differences(one: Duel) -> alt.LayerChart:
    """The difference on each instance, seeds averaged, in order. A rule is their mean, a band its interval."""
    numbers, values = by_instance(one.signed)
    who = _who(one)
    frame = pd.DataFrame({"instance": numbers, "difference": values})
    better = (sign(one.metric) * frame["difference"]).map(
        lambda gain: one.first.label if gain > 0 else one.second.label if gain < 0 else "equal"
    )
    frame = frame.assign(better=better).sort_values("difference", ignore_index=True)
    frame = frame.assign(order=range(1, len(frame) + 1), zero=0.0)
    axis = alt.Axis(labels=False, ticks=False, grid=False)
    x = alt.X("order:Q", title=f"{len(frame)} instances, by difference", axis=axis, scale=alt.Scale(padding=10, zero=False))
    title = f"difference in {one.metric.name}" + (f" ({one.metric.unit})" if one.metric.unit else "")
    y = alt.Y("difference:Q", title=title, axis=alt.Axis(tickCount=6))
    colour = alt.Color("better:N", scale=who["colour"], legend=None)
    shape = alt.Shape("better:N", scale=who["shape"], legend=None)
    tips = ["instance:Q", alt.Tooltip("difference:Q", format=f"+.{one.places}f"), "better:N"]
    base = alt.Chart(frame)
    stems = base.mark_rule(strokeWidth=1.5, opacity=0.6).encode(x, alt.Y("zero:Q"), alt.Y2("difference:Q"), colour)
    dots = base.mark_point(size=60, filled=True, opacity=0.9).encode(x, y, colour, shape, tooltip=tips)
    layers = [alt.Chart(pd.DataFrame({"y": [0.0]})).mark_rule(color=GREY, strokeWidth=1).encode(alt.Y("y:Q"))]
    if one.found is not None:
        mean = one.found.difference
        text = with_unit(f"mean {mean.mean:+.{one.places}f}", one.metric)
        rule = alt.Chart(pd.DataFrame({"y": [mean.mean], "low": [mean.low], "high": [mean.high], "text": [text]}))
        if mean.low <= mean.high:
            layers.append(rule.mark_rect(color=GREY, opacity=0.22).encode(alt.Y("low:Q"), alt.Y2("high:Q")))
        layers.append(rule.mark_rule(color=GREY, strokeDash=[5, 4], strokeWidth=2).encode(alt.Y("y:Q"), tooltip="text:N"))
    chart: alt.LayerChart = alt.LayerChart(layer=[*layers, stems, dots]).properties(height=400)
    return chart
