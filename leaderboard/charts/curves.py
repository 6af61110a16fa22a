"""The charts, as Altair objects. No Streamlit here.

Colours tell methods apart in any form of colour blindness, and a method keeps its colour on every preset of a task.
"""

from collections.abc import Sequence
from typing import Any

import altair as alt
import numpy as np
import pandas as pd

from benchmark.report.board import Board, Row
from benchmark.report.order import pareto
from benchmark.report.tables import ARROW, digits, interval
from benchmark.spec import Metric
from benchmark.statistics import Key

# Okabe and Ito (2008) without yellow, then Paul Tol's muted colours.
PLAIN = "format(datum.value, '~g')"  # a label of a tick: as a format of the axis, 10 becomes 1e+1
PALETTE = ["#0072B2", "#D55E00", "#009E73", "#CC79A7", "#56B4E9", "#E69F00", "#882255", "#44AA99", "#7C6BD6", "#999933"]
BASELINE = "#6F6F6F"
INK = "#767676"  # of texts: a contrast of 4.5 on white and of 4.1 on the dark page
SHAPES = ["circle", "square", "triangle-up", "diamond"]
LEGEND_LINE = 28  # pixels
_POINTS = 160  # of one line
_LEVEL_NAMES = 8  # methods whose names have room side by side
_FAINT = "rgba(128, 128, 128, 0.3)"
_DASHES = [[1, 0], [5, 3], [2, 2], [8, 2]]  # of a curve's series, "estimate" first
_FONT: dict[str, Any] = {
    "labelFontSize": 12,
    "titleFontSize": 12,
    "labelColor": INK,
    "titleColor": INK,
    "titleFontWeight": "normal",
}


def colours(board: Board) -> dict[str, str]:
    """Label -> colour: by the order of method names on this task, then other hyperparameters; the baseline is grey."""
    found = {name: PALETTE[i % len(PALETTE)] for i, name in enumerate(_coloured(board))}
    return {**found, board.task.baseline: BASELINE}


def shapes(board: Board) -> dict[str, str]:
    """Label -> shape of its points: another one where the colours begin anew."""
    found = {name: SHAPES[i // len(PALETTE) % len(SHAPES)] for i, name in enumerate(_coloured(board))}
    return {**found, board.task.baseline: SHAPES[0]}


def _coloured(board: Board) -> list[str]:
    extra = sorted(row.label for row in board.rows if row.label not in board.known_methods)
    return [name for name in board.known_methods if name != board.task.baseline] + extra


def metric_title(metric: Metric) -> str:
    """'psnr (dB), ↑ higher is better'."""
    unit = f" ({metric.unit})" if metric.unit else ""
    return f"{metric.name}{unit}, {ARROW[metric.better]} {metric.better} is better"


def summarise(points: pd.DataFrame) -> pd.DataFrame:
    """Each line's points: columns label, series, step, seconds, mean, low, high, seed_low, seed_high, n.

    points: columns label, series, seed, instance, step, seconds, value. At each step: the mean of the seconds, the mean and the
    middle half of the values, all over instances (seeds of one instance are averaged first); seed_low and seed_high are the
    lowest and the highest mean over instances of any one seed, NaN for a single seed. A run that has ended keeps its
    last point, and a line begins where every instance has begun.
    """
    parts = []
    for (label, series), line in points.sort_values("step").groupby(["label", "series"], sort=True):
        steps = _steps(line)
        values = _by_instance(line, steps, "value")  # (instances, steps)
        part = {"label": label, "series": series, "step": steps, "mean": values.mean(), "n": len(values)}
        spread = {"low": values.quantile(0.25), "high": values.quantile(0.75), **_over_seeds(line, steps)}
        parts.append(pd.DataFrame({**part, **spread, "seconds": _by_instance(line, steps, "seconds").mean()}))
    names = ["label", "series", "step", "seconds", "mean", "low", "high", "seed_low", "seed_high", "n"]
    return pd.concat(parts, ignore_index=True)[names] if parts else pd.DataFrame(columns=names)


def _over_seeds(line: pd.DataFrame, steps: np.ndarray) -> dict[str, np.ndarray]:
    """Lowest and highest mean of any one seed at each step."""
    by_seed = [_by_instance(runs, steps, "value").mean().to_numpy() for _, runs in line.groupby("seed")]
    if len(by_seed) < 2:
        return dict.fromkeys(("seed_low", "seed_high"), np.full(len(steps), np.nan))
    return {"seed_low": np.min(by_seed, axis=0), "seed_high": np.max(by_seed, axis=0)}


def _steps(line: pd.DataFrame) -> np.ndarray:
    """The steps at which a line is drawn."""
    steps = np.unique(line["step"].to_numpy())
    steps = steps[steps >= line.groupby(["seed", "instance"])["step"].min().max()]
    return np.asarray(steps[np.unique(np.linspace(0, len(steps) - 1, _POINTS).round().astype(int))])


def _by_instance(line: pd.DataFrame, steps: np.ndarray, column: str) -> pd.DataFrame:
    """A column of the points at the given steps, a row for each instance, averaged over its seeds."""
    rows = []
    for _, runs in line.groupby("instance"):
        held = [np.interp(steps, one["step"], one[column]) for _, one in runs.groupby("seed")]
        rows.append(np.mean(held, axis=0))
    return pd.DataFrame(rows)


_PHONE = 340  # pixels across a chart on a screen of 400


def curve(summary: pd.DataFrame, board: Board, axis: str, log: bool = False, seeds: bool = False) -> alt.LayerChart:
    """Primary metric against step or seconds: lines with bands of instances or seeds, and the baseline's mean as a rule."""
    low, high = ("seed_low", "seed_high") if seeds else ("low", "high")
    primary, palette, series = board.task.primary, colours(board), _series(summary)
    labels = [row.label for row in board.rows if row.label in set(summary["label"])]
    title = {"step": "step", "seconds": "seconds of the method's own time, one instance"}[axis]
    summary = summary[summary[axis] > 0] if log else summary
    span = alt.Scale(type="log" if log else "linear", nice=False)
    x = alt.X(f"{axis}:Q", title=title, scale=span, axis=_plain_axis())
    y = alt.Y("mean:Q", title=metric_title(primary), scale=alt.Scale(zero=False))
    pick = alt.selection_point(fields=["label"], bind="legend")
    columns = legend_columns(labels, _PHONE)
    names = alt.Legend(title=None, orient="bottom", columns=columns, labelLimit=260, symbolType="stroke", symbolOpacity=1)
    colour = alt.Color("label:N", scale=alt.Scale(domain=labels, range=[palette[name] for name in labels]), legend=names)
    dashes = alt.StrokeDash(
        "series:N",
        scale=alt.Scale(domain=series, range=_DASHES[: len(series)]),
        legend=alt.Legend(title=None, orient="top", symbolStrokeColor=INK) if len(series) > 1 else None,
    )
    places = digits(row.means.get(primary.name) for row in board.rows)
    tips = [
        alt.Tooltip("label:N", title="method"),
        alt.Tooltip("series:N"),
        alt.Tooltip("step:Q"),
        alt.Tooltip("seconds:Q", format=".3~g"),
        alt.Tooltip("mean:Q", title=primary.name, format=f".{places}f"),
        alt.Tooltip("n:Q", title="instances"),
    ]
    base = alt.Chart(summary)
    band = base.transform_filter("datum.series == 'estimate'").mark_area()
    shade = alt.condition(pick, alt.value(0.14), alt.value(0.02))
    lines = base.mark_line(strokeWidth=2).encode(
        x, y, colour, dashes, alt.Order("step:Q"), opacity=alt.condition(pick, alt.value(1.0), alt.value(0.12)), tooltip=tips
    )
    layers: list[alt.Chart] = [
        band.encode(x, alt.Y(f"{low}:Q"), alt.Y2(f"{high}:Q"), colour, opacity=shade),
        lines.add_params(pick),
    ]
    if board.baseline is not None and board.baseline.label not in labels:
        layers += baseline_rule(board, primary)
    return styled(*layers, height=360)


def legend_columns(labels: Sequence[str], room: int = 540) -> int:
    """So many names stand side by side in `room` pixels, four at most."""
    widest = max((min(260.0, 5.2 * len(label)) for label in labels), default=0.0)  # pixels
    return min(4, max(1, int(room // (widest + 25))))


def _plain_axis() -> alt.Axis:
    return alt.Axis(tickCount=8, grid=False)


def _series(summary: pd.DataFrame) -> list[str]:
    return sorted(set(summary["series"]), key=lambda name: (name != "estimate", name))


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


def quality_against_time(board: Board) -> alt.LayerChart:
    """Mean primary metric with its interval against mean seconds on one instance; a line joins the Pareto front."""
    primary, palette = board.task.primary, colours(board)
    rows = [row for row in board.rows if row.time]
    frame = _place_names(pd.DataFrame([_point(row, primary, pareto(board.rows, primary)) for row in rows]))
    span = alt.Scale(type="log", domain=[frame["seconds"].min() / 2, frame["seconds"].max() * 8], nice=False)
    title = "seconds of the method's own time, one instance (log scale)"
    x = alt.X("seconds:Q", title=title, scale=span, axis=_plain_axis())  # room on the right for the names
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
    """Adds side and name_y: names stand right of their points (side "left": where the text begins), but left of them where
    another point follows on the right; and lower where the names of two points with similar times would overlap.
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
        "seconds": row.time,
        "mean": mean.mean,
        "low": mean.low if known else mean.mean,
        "high": mean.high if known else mean.mean,
        "text": f"{mean.mean:.{places}f} {interval(mean, places)}",
        "front": row.label in front,
        "note": "on the Pareto front" if row.label in front else "not on it" if row.complete else "incomplete",
    }


def strip(board: Board, key: Key) -> alt.LayerChart:
    """Scores of all instances of one seed, a line of ticks for each method, with one instance as a filled dot."""
    primary, palette = board.task.primary, colours(board)
    lines = [
        {"label": row.label, "instance": i, "name": board.labels.get((s, i), ""), "value": v, "chosen": (s, i) == key}
        for row in board.rows
        for (s, i), v in row.scores[primary.name].items()
        if s == key[0]
    ]
    frame = pd.DataFrame(lines)
    names = [row.label for row in board.rows if row.label in set(frame["label"])]
    x = alt.X("value:Q", title=metric_title(primary), scale=alt.Scale(zero=False, padding=12), axis=_plain_axis())
    y = alt.Y("label:N", title=None, sort=names, axis=alt.Axis(labelLimit=260))
    colour = alt.Color("label:N", scale=alt.Scale(domain=names, range=[palette[n] for n in names]), legend=None)
    tips = ["label:N", "instance:Q", "name:N", alt.Tooltip("value:Q", title=primary.name, format=".4~g")]
    ticks = alt.Chart(frame).mark_tick(thickness=2, size=16, opacity=0.4, color=INK).encode(x, y, tooltip=tips)
    dots = alt.Chart(frame).transform_filter("datum.chosen").mark_circle(size=130, opacity=1)
    return styled(ticks, dots.encode(x, y, colour, tooltip=tips), height=34 * len(names) + 50)


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
