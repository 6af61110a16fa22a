"""Curves of which a reader chooses one, such as spectra, are lines over the truth's.

truth      (B, n), a curve in each row; column j stands at axis.start + j * axis.step
estimates  (B, n) of each method
measured   (B, m), the numbers that a curve was reconstructed from
RMSE       sqrt(mean_j (estimate_j / max estimate - truth_j / max truth)^2) of one curve, which judges its shape at any scale;
           a curve that is nowhere positive is not divided
"""

from collections.abc import Iterable, Sequence
from typing import Any

import altair as alt
import numpy as np
import pandas as pd

from benchmark.report.board import Board
from benchmark.spec import Axis, Picture
from leaderboard.artifacts.figures import TRUTH, Array, Figure
from leaderboard.charts.marks import colours, legend_columns, styled

FEW = 4  # methods in one picture before a visitor chooses
HOW_RMSE = "√(mean of (estimate / its largest value − truth / its largest value)²)"
_NEUTRAL = "#c4c4c4"  # the truth is lighter than the baseline's grey, and broad, so that lines on it stay visible


def first_choice(board: Board, labels: Iterable[str]) -> list[str]:
    """The baseline and the best of the rows with these labels, FEW in all, in the order of the board."""
    known = set(labels)
    rows = [row for row in board.rows if row.label in known]
    base = [row for row in rows if row is board.baseline]
    chosen = {row.label for row in (base + [row for row in rows if row is not board.baseline])[:FEW]}
    return [row.label for row in rows if row.label in chosen]


def rmse(estimate: Array, truth: Array) -> float:
    """The RMSE of two curves (n,), each divided by its largest value where that is positive."""
    return float(np.sqrt(np.mean((_by_largest(estimate) - _by_largest(truth)) ** 2)))


def _by_largest(curve: Array) -> Array:
    return curve / curve.max() if curve.max() > 0 else curve


def table(found: Figure, number: int, labels: Sequence[str]) -> pd.DataFrame:
    """Curve `number` as it was kept, in the columns label, at, value: the truth first, then these estimates."""
    assert found.truth is not None
    axis, parts = axis_of(found.picture), []
    for label in (TRUTH, *labels):
        curve = (found.truth if label == TRUTH else found.estimates[label])[number]
        at = axis.start + axis.step * np.arange(len(curve))
        parts.append(pd.DataFrame({"label": label, "at": at, "value": curve}))
    return pd.concat(parts, ignore_index=True)


def span(frame: pd.DataFrame) -> tuple[float, float]:
    """The ends of the vertical axis. They hold all values, but reach at most half the truth's height below it and its height
    above it, so that one that failed does not make all others flat.
    """
    truth = frame.loc[frame["label"] == TRUTH, "value"]
    low, high = float(truth.min()), float(truth.max())
    tall = high - low or 1.0
    lowest, highest = max(float(frame["value"].min()), low - tall / 2), min(float(frame["value"].max()), high + tall)
    return lowest - 0.03 * tall, highest + 0.03 * tall


def cut(frame: pd.DataFrame) -> list[str]:
    """The labels of the lines that reach beyond the vertical axis."""
    low, high = span(frame)
    beyond = frame[(frame["value"] < low) | (frame["value"] > high)]
    return list(dict.fromkeys(beyond["label"]))


def chart(frame: pd.DataFrame, board: Board, axis: Axis) -> alt.LayerChart:
    """The truth, broad and grey, and estimates over it. A pointer reads all of them at one place. frame is as
    `table` gives it.
    """
    labels, palette = list(dict.fromkeys(frame["label"])), {TRUTH: _NEUTRAL, **colours(board)}
    columns = legend_columns(labels)
    names = alt.Legend(title=None, orient="top", columns=columns, labelLimit=260, symbolType="stroke", symbolStrokeWidth=4)
    colour = alt.Color("label:N", scale=alt.Scale(domain=labels, range=[palette[name] for name in labels]), legend=names)
    x, y = _x(axis), _y(span(frame))
    near = alt.selection_point(fields=["at"], nearest=True, on="pointerover", clear="pointerout", empty=False)
    # The frame has one row for each place, with columns of names that an expression can hold
    wide = frame.pivot(index="at", columns="label", values="value")[labels]
    wide.columns = pd.Index([f"v{number}" for number in range(len(labels))])
    tips = [alt.Tooltip("at:Q", title=axis.name, format="~g")]
    tips += [alt.Tooltip(f"v{number}:Q", title=label, format=".3f") for number, label in enumerate(labels)]
    rule = alt.Chart(wide.reset_index()).mark_rule(color="#888", strokeWidth=1)
    rule = rule.encode(x, opacity=alt.condition(near, alt.value(0.8), alt.value(0)), tooltip=tips).add_params(near)
    return styled(*_pair(frame, x, y, colour, 6), rule, height=310 + 20 * -(-len(labels) // columns))


def small_chart(frame: pd.DataFrame, board: Board, axis: Axis, label: str, ends: tuple[float, float]) -> alt.LayerChart:
    """The truth and one estimate, between vertical ends that all of these pictures share."""
    colour = alt.value(colours(board)[label])
    mine = frame[frame["label"].isin([TRUTH, label])]
    return styled(*_pair(mine, _x(axis, ticks=4), _y(ends, None, ticks=4), colour, 4), height=170)


def _pair(frame: pd.DataFrame, x: alt.X, y: alt.Y, colour: Any, width: float) -> list[alt.Chart]:
    """Layers of the truth, `width` pixels broad, and of the estimates."""
    base = alt.Chart(frame)
    order, lines = alt.Order("at:Q"), base.transform_filter(f"datum.label != '{TRUTH}'")
    broad = base.transform_filter(f"datum.label == '{TRUTH}'").mark_line(clip=True, strokeWidth=width, strokeCap="round")
    broad = broad.encode(x, y, order, color=colour if isinstance(colour, alt.Color) else alt.value(_NEUTRAL))
    return [broad, lines.mark_line(clip=True, strokeWidth=1.8).encode(x, y, order, color=colour)]


def axis_of(picture: Picture) -> Axis:
    """The axis of a picture; of one without, the number of the column."""
    return picture.axis or Axis(name="column")


def axis_title(axis: Axis) -> str:
    """The title of an axis with its unit: 'wavelength (nm)'."""
    return f"{axis.name} ({axis.unit})" if axis.unit else axis.name


def _x(axis: Axis, ticks: int = 8) -> alt.X:
    return alt.X(
        "at:Q",
        title=axis_title(axis),
        scale=alt.Scale(zero=False, nice=False),
        axis=alt.Axis(tickCount=ticks, grid=False),
    )


def _y(ends: tuple[float, float], title: str | None = "value", ticks: int = 8) -> alt.Y:
    axis = alt.Axis(tickCount=ticks)
    return alt.Y("value:Q", title=title, scale=alt.Scale(domain=list(ends), nice=False), axis=axis)


def measured_chart(values: Array) -> alt.LayerChart:
    """The numbers (m,) that one curve was reconstructed from, as bars against their number on a logarithmic scale. Only
    positive ones are drawn.
    """
    frame = pd.DataFrame({"detector": np.arange(len(values)), "signal": values})
    frame = frame[frame["signal"] > 0]
    low, high = (int(np.floor(np.log10(frame["signal"].min() / 1.5))), int(np.ceil(np.log10(frame["signal"].max()))))
    frame["floor"] = 10.0**low  # a logarithmic scale has no zero to stand on
    x = alt.X(
        "detector:O",
        title="detector number",
        axis=alt.Axis(labelAngle=0, grid=False),
        scale=alt.Scale(domain=list(range(len(values)))),
    )
    y = alt.Y(
        "signal:Q",
        title="measured signal",
        scale=alt.Scale(type="log", domain=[10.0**low, 10.0**high], nice=False),
        axis=alt.Axis(values=[10.0**k for k in range(low, high + 1)], format=".0e"),
    )
    tips = [alt.Tooltip("detector:O"), alt.Tooltip("signal:Q", title="measured signal", format=".3~g")]
    bars = alt.Chart(frame).mark_bar(color="#7d8ca3").encode(x, y, alt.Y2("floor:Q"), tooltip=tips)
    return styled(bars, height=170)
