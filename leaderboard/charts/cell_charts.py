"""A metric by cell of a grid of sizes or groups, drawn: dots, lines, panels or maps."""

import json

import altair as alt
import numpy as np
import pandas as pd

from benchmark.report.board import Board
from benchmark.report.cells import named
from benchmark.spec import Metric
from leaderboard.charts.marks import (
    LEGEND_LINE,
    PLAIN,
    colours,
    legend_columns,
    limits,
    marked,
    metric_title,
    shapes,
    styled,
    value_scale,
)

_COLUMNS = 5  # small pictures in a row
_SIDE = 150  # pixels of a small picture's side
_LEVEL = 4  # names of groups that have room side by side
_FULL = 10  # lines that are not faint at first, as many as there are colours


def chart(frame: pd.DataFrame, board: Board, metric: Metric, fields: list[str]) -> alt.LayerChart | alt.FacetChart:
    """One field gives a line for each method, or dots where the field holds names. Two fields give a panel for each name where
    just one of them holds names, else a small picture for each method, the best first.
    """
    if len(fields) == 1 and named(board, fields[0]):
        return _dots(frame, board, metric, fields[0])
    if sum(named(board, field) for field in fields) == 1 < len(fields):
        return _panels(frame, board, metric, fields)
    return _lines(frame, board, metric, fields[0]) if len(fields) == 1 else _maps(frame, board, metric, fields)


def caption(board: Board, metric: Metric, fields: list[str]) -> str:
    """What the picture of these fields shows."""
    if sum(named(board, field) for field in fields) == 1 < len(fields):
        labels = [row.label for row in board.rows if row.scores.get(metric.name)]
        faint = f" Faint at first: all but the {_FULL} best and the baseline." if _first(board, labels) != labels else ""
        return (
            f"Mean of {metric.name} over the instances of a cell ({' and '.join(fields)}) and over seeds; methods in the order "
            "of the table. Cells are different problems, so compare methods within a cell. All panels share one vertical scale."
            f"{faint} Click a name to highlight it, the background to see all."
        )
    if len(fields) > 1 or not named(board, fields[0]):
        what = "another kind or size" if any(named(board, name) for name in fields) else "a size"
        return (
            f"Mean of {metric.name} over the instances of a cell and over seeds. Each cell is {what} of the problem: the "
            "picture shows where a method works."
        )
    return (
        f"Mean of {metric.name} over the instances of a {fields[0]} and over seeds; methods in the order of the table. Bars: "
        "95 % interval of that mean over instances (none for fewer than 4). Groups are different problems, so compare methods "
        "within a group. Click a name to highlight it."
    )


def _lines(frame: pd.DataFrame, board: Board, metric: Metric, field: str) -> alt.LayerChart:
    labels, palette = list(dict.fromkeys(frame["label"])), colours(board)
    spread = frame[field].min() > 0 and frame[field].max() > 20 * frame[field].min()
    scale = alt.Scale(type="log" if spread else "linear", nice=False, padding=10)
    x = alt.X(f"{field}:Q", scale=scale, axis=alt.Axis(values=sorted(set(frame[field])), grid=False, labelExpr=PLAIN))
    y = alt.Y("value:Q", title=metric_title(metric), scale=value_scale(frame["value"], limits(board, metric)))
    pick = alt.selection_point(fields=["label"], bind="legend")
    colour = alt.Color(
        "label:N",
        scale=alt.Scale(domain=labels, range=[palette[name] for name in labels]),
        legend=alt.Legend(title=None, orient="bottom", columns=4, labelLimit=260, symbolType="stroke", labelExpr=marked(board)),
    )
    tips = [
        alt.Tooltip("label:N", title="method"),
        f"{field}:Q",
        alt.Tooltip("value:Q", title=metric.name, format=".3~g"),
        "scores:Q",
    ]
    opacity = alt.condition(pick, alt.value(1.0), alt.value(0.12))
    lines = alt.Chart(frame).mark_line(point=True, strokeWidth=2).encode(x, y, colour, opacity=opacity, tooltip=tips)
    return styled(lines.add_params(pick), height=340)


def _dots(frame: pd.DataFrame, board: Board, metric: Metric, field: str) -> alt.LayerChart:
    """The groups stand side by side in the order of the preset. Each holds a dot with its interval for each method, the best
    first.
    """
    labels = list(dict.fromkeys(frame["label"]))
    groups, columns = list(board.task.presets[board.preset][field]), legend_columns(labels)
    pick = alt.selection_point(fields=["label"], bind="legend")
    edges = alt.Axis(tickBand="extent", grid=True, labelAngle=0 if len(groups) <= _LEVEL else -35, labelLimit=160)
    x = alt.X(f"{field}:N", title=None, sort=groups, axis=edges, scale=alt.Scale(paddingInner=0, paddingOuter=0))
    offset = alt.XOffset("label:N", sort=labels, scale=alt.Scale(domain=labels, paddingOuter=1))
    colour, shape = _marks(board, labels)
    opacity = alt.condition(pick, alt.value(1.0), alt.value(0.12))
    tips = [
        alt.Tooltip(f"{field}:N"),
        alt.Tooltip("label:N", title="method"),
        alt.Tooltip("value:Q", title=metric.name, format=".3~g"),
        alt.Tooltip("low:Q", title="95 % from", format=".3~g"),
        alt.Tooltip("high:Q", title="95 % to", format=".3~g"),
        alt.Tooltip("scores:Q"),
    ]
    ends = limits(board, metric)
    frame = frame.assign(low=frame["low"].clip(*ends), high=frame["high"].clip(*ends))
    base = alt.Chart(frame).encode(x, offset, colour, opacity=opacity, tooltip=tips)
    bars = base.transform_filter("isValid(datum.low)").mark_rule(strokeWidth=2).encode(alt.Y("low:Q"), alt.Y2("high:Q"))
    y = alt.Y("value:Q", title=metric_title(metric), scale=value_scale([*frame["value"], *frame["low"], *frame["high"]], ends))
    dots = base.mark_point(filled=True, size=70).encode(y, shape)
    # A legend takes clicks only where the first layer that it belongs to has the selection
    return styled(bars.add_params(pick), dots, height=340 + LEGEND_LINE * -(-len(labels) // columns))


def _panels(frame: pd.DataFrame, board: Board, metric: Metric, fields: list[str]) -> alt.LayerChart:
    """The panels stand in the order of the preset, one for each name. Each holds a line for each method over the numbers.

    It is one picture and not a facet, which would keep its width on a narrow screen: panel k lies between k and k + 1 of its
    axis.
    """
    name, number = fields if named(board, fields[0]) else fields[::-1]
    preset, labels = board.task.presets[board.preset], list(dict.fromkeys(frame["label"]))
    groups, shares = list(preset[name]), _shares(sorted(set(preset[number])))
    frame = frame.assign(at=[groups.index(g) + shares[v] for g, v in zip(frame[name], frame[number], strict=True)])
    ticks = {round(k + share, 4): f"{value:g}" for k in range(len(groups)) for value, share in shares.items()}
    ends = alt.Scale(domain=[0, len(groups)], nice=False)
    below = alt.Axis(values=list(ticks), grid=False, labelExpr=_named_ticks(ticks), labelOverlap="greedy")
    titles = {k + 0.5: group for k, group in enumerate(groups)}
    above = alt.Axis(
        orient="top",
        values=list(titles),
        labelExpr=_named_ticks(titles),
        labelFontSize=13,
        labelFontWeight="bold",
        labelAngle=0 if len(groups) <= _LEVEL else -20,
        labelLimit=200,
        labelOverlap=False,
        grid=False,
        ticks=False,
        domain=False,
    )
    x = alt.X("at:Q", title=number, scale=ends, axis=below)
    y = alt.Y("value:Q", title=metric_title(metric), scale=value_scale(frame["value"], limits(board, metric)))
    first, columns = _first(board, labels), legend_columns(labels)
    chosen = [{"label": label} for label in first] if first != labels else alt.Undefined
    pick = alt.selection_point(fields=["label"], bind="legend", value=chosen)
    tips = [
        alt.Tooltip("label:N", title="method"),
        alt.Tooltip(f"{name}:N"),
        alt.Tooltip(f"{number}:Q", format="~g"),
        alt.Tooltip("value:Q", title=metric.name, format=".3~g"),
        alt.Tooltip("scores:Q"),
    ]
    colour, shape = _marks(board, labels)
    opacity = alt.condition(pick, alt.value(1.0), alt.value(0.12))
    base = alt.Chart(frame).encode(x, y, colour, opacity=opacity, tooltip=tips)
    lines = base.mark_line(strokeWidth=2).encode(detail=f"{name}:N")
    dots = base.mark_point(filled=True, size=55).encode(alt.X("at:Q", scale=ends, axis=None), shape)
    edges = alt.Chart(pd.DataFrame({"at": range(len(groups) + 1)})).mark_rule(color="#ddd")
    edges = edges.encode(alt.X("at:Q", title=None, scale=ends, axis=above))
    chart = styled(edges, lines.add_params(pick), dots, height=380 + LEGEND_LINE * -(-len(labels) // columns))
    found: alt.LayerChart = chart.resolve_axis(x="independent")
    return found


def _shares(numbers: list[float]) -> dict[float, float]:
    """Maps each number to the place across a panel where it lies, from 0 to 1. The numbers ascend, and are spread on a
    logarithmic scale where the largest is at least four times the smallest.
    """
    log = numbers[0] > 0 and numbers[-1] >= 4 * numbers[0]
    scaled = np.log(numbers) if log else np.array(numbers, float)
    across = 0.14 + 0.72 * (scaled - scaled[0]) / np.ptp(scaled)
    return dict(zip(numbers, across.tolist(), strict=True))


def _named_ticks(names: dict[float, str]) -> str:
    """An expression for the texts of an axis whose ticks stand at these places."""
    return f"{json.dumps({f'{at:.4f}': name for at, name in names.items()})}[format(datum.value, '.4f')]"


def _first(board: Board, labels: list[str]) -> list[str]:
    """The rows, of these in their order from the best, that are drawn in full before a visitor chooses."""
    base = board.baseline.label if board.baseline else None
    return [label for number, label in enumerate(labels) if number < _FULL or label == base]


def _marks(board: Board, labels: list[str]) -> tuple[alt.Color, alt.Shape]:
    """Colours and shapes of these rows, with one legend for both."""
    palette, forms = colours(board), shapes(board)
    names = alt.Legend(
        title=None, orient="bottom", columns=legend_columns(labels), labelLimit=260, symbolSize=60, labelExpr=marked(board)
    )
    colour = alt.Color("label:N", scale=alt.Scale(domain=labels, range=[palette[name] for name in labels]), legend=names)
    return colour, alt.Shape("label:N", scale=alt.Scale(domain=labels, range=[forms[name] for name in labels]), legend=names)


def _maps(frame: pd.DataFrame, board: Board, metric: Metric, fields: list[str]) -> alt.FacetChart:
    across, up = fields
    share = frame["value"].min() >= 0 and frame["value"].max() <= 1 and metric.better == "higher"
    colour = alt.Color(
        "value:Q",
        title=metric.name,
        scale=alt.Scale(scheme="viridis", reverse=metric.better == "lower", domain=[0, 1] if share else alt.Undefined),
        legend=alt.Legend(orient="top", gradientLength=220),
    )
    kinds = {name: "N" if named(board, name) else "Q" for name in fields}
    places = [f"{name}:{kind}" for name, kind in kinds.items()]
    tips = ["label:N", *places, alt.Tooltip("value:Q", title=metric.name, format=".3~g"), "scores:Q"]
    order_of = board.task.presets[board.preset]
    sort = order_of[across] if named(board, across) else "ascending"
    x = alt.X(f"{across}:O", sort=sort, axis=alt.Axis(labelAngle=0, ticks=False))
    y = alt.Y(f"{up}:O", sort=order_of[up] if named(board, up) else "descending", axis=alt.Axis(ticks=False))
    cells = alt.Chart(frame).mark_rect(stroke="white", strokeWidth=1).encode(x, y, colour, tooltip=tips)
    order = list(dict.fromkeys(frame["label"]))
    found: alt.FacetChart = (
        cells.properties(width=_SIDE, height=_SIDE)
        .facet(
            alt.Facet(
                "label:N",
                title=None,
                sort=order,
                header=alt.Header(labelFontSize=12, labelLimit=200, labelExpr=marked(board)),
            ),
            columns=_COLUMNS,
        )
        .configure_view(stroke=None)
    )
    return found
