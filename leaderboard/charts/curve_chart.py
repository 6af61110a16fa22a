"""The primary metric along a run, as Altair charts."""

import altair as alt
import pandas as pd

from benchmark.report.board import Board
from benchmark.report.decimals import digits
from leaderboard.charts.marks import (
    LEGEND_LINE,
    PLOT,
    baseline_rule,
    colours,
    dashes,
    legend_columns,
    limits,
    marked,
    metric_title,
    plain_axis,
    styled,
    value_scale,
)

_PHONE = 340  # pixels across a chart on a screen of 400


def curve(summary: pd.DataFrame, board: Board, axis: str, log: bool = False, seeds: bool = False) -> alt.LayerChart:
    """The primary metric against step or seconds. Lines have bands of instances, or of seeds if `seeds`; a rule is the
    baseline's mean. Curves besides the estimate's are thin lines.
    """
    low, high = ("seed_low", "seed_high") if seeds else ("low", "high")
    primary, palette, forms = board.task.primary, colours(board), dashes(board)
    labels = [row.label for row in board.rows if row.label in set(summary["label"])]
    title = {"step": "step", "seconds": "seconds of the method's own time, one instance"}[axis]
    summary = summary[summary[axis] > 0] if log else summary
    span = alt.Scale(type="log" if log else "linear", nice=False)
    x = alt.X(f"{axis}:Q", title=title, scale=span, axis=plain_axis())
    ends = limits(board, primary)
    summary = summary.assign(**{name: summary[name].clip(*ends) for name in (low, high)})
    base_mean = [] if board.baseline is None else [board.baseline.means[primary.name].mean]
    scale = value_scale(
        [*summary["mean"], *base_mean, *(summary[low] if seeds else []), *(summary[high] if seeds else [])], ends
    )
    if scale.type == "log":
        summary = summary.assign(**{name: summary[name].clip(lower=summary["mean"].min()) for name in (low, high)})
    y = alt.Y("mean:Q", title=metric_title(primary), scale=scale)
    pick = alt.selection_point(fields=["label"], bind="legend")
    columns = legend_columns(labels, _PHONE)
    names = alt.Legend(
        title=None,
        orient="bottom",
        columns=columns,
        labelLimit=260,
        symbolType="stroke",
        symbolOpacity=1,
        labelExpr=marked(board),
    )
    colour = alt.Color("label:N", scale=alt.Scale(domain=labels, range=[palette[name] for name in labels]), legend=names)
    dash = alt.StrokeDash("label:N", scale=alt.Scale(domain=labels, range=[forms[name] for name in labels]), legend=names)
    width = alt.condition("datum.series == 'estimate'", alt.value(2), alt.value(0.8))
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
    lines = base.mark_line().encode(
        x,
        y,
        colour,
        dash,
        alt.Detail("series:N"),
        alt.Order("step:Q"),
        strokeWidth=width,
        opacity=alt.condition(pick, alt.value(1.0), alt.value(0.12)),
        tooltip=tips,
    )
    layers: list[alt.Chart] = [
        band.encode(x, alt.Y(f"{low}:Q"), alt.Y2(f"{high}:Q"), colour, opacity=shade),
        lines.add_params(pick),
    ]
    if board.baseline is not None and board.baseline.label not in labels:
        layers += baseline_rule(board, primary)
    return styled(*layers, height=PLOT + LEGEND_LINE * -(-len(labels) // columns))
