"""Presets whose instances lie on a grid of cells, such as sizes and ranks: a metric by cell. No Streamlit here."""

from collections import defaultdict
from itertools import product

import altair as alt
import numpy as np
import pandas as pd

from benchmark.spec import Metric
from leaderboard.board import Board
from leaderboard.charts import colours, metric_title, styled

_COLUMNS = 5  # of small pictures in a row
_SIDE = 150  # pixels of one


def axes(board: Board) -> list[str]:
    """The fields of the grid that take several values, in its order; empty where there are none, or more than two."""
    preset = board.task.presets.get(board.preset, {})
    found = [name for name in preset.get("grid", []) if len(preset.get(name, [])) > 1]
    return found if len(found) <= 2 else []


def values(board: Board, metric: Metric) -> pd.DataFrame:
    """Columns label, the fields of the grid, value, scores: means over the instances of a cell and over seeds."""
    preset = board.task.presets[board.preset]
    names = preset["grid"]
    cells = list(product(*(preset[name] for name in names)))
    lines = []
    for row in board.rows:
        found: dict[int, list[float]] = defaultdict(list)
        for (_, instance), value in row.scores.get(metric.name, {}).items():
            found[instance % len(cells)].append(value)
        for cell, several in sorted(found.items()):
            place = dict(zip(names, cells[cell], strict=True))
            lines.append({"label": row.label, **place, "value": float(np.mean(several)), "scores": len(several)})
    return pd.DataFrame(lines)


def chart(frame: pd.DataFrame, board: Board, metric: Metric, fields: list[str]) -> alt.LayerChart | alt.FacetChart:
    """One field: a line for each method. Two: a small picture for each method, the best first."""
    return _lines(frame, board, metric, fields[0]) if len(fields) == 1 else _maps(frame, board, metric, fields)


def _lines(frame: pd.DataFrame, board: Board, metric: Metric, field: str) -> alt.LayerChart:
    labels, palette = list(dict.fromkeys(frame["label"])), colours(board)
    spread = frame[field].min() > 0 and frame[field].max() > 20 * frame[field].min()
    scale = alt.Scale(type="log" if spread else "linear", nice=False, padding=10)
    x = alt.X(f"{field}:Q", scale=scale, axis=alt.Axis(values=sorted(set(frame[field])), grid=False, format="~g"))
    y = alt.Y("value:Q", title=metric_title(metric), scale=alt.Scale(zero=False))
    pick = alt.selection_point(fields=["label"], bind="legend")
    colour = alt.Color(
        "label:N",
        scale=alt.Scale(domain=labels, range=[palette[name] for name in labels]),
        legend=alt.Legend(title=None, orient="bottom", columns=4, labelLimit=260, symbolType="stroke"),
    )
    tips = [
        alt.Tooltip("label:N", title="method"),
        f"{field}:Q",
        alt.Tooltip("value:Q", title=metric.name, format=".3~g"),
        "n:Q",
    ]
    opacity = alt.condition(pick, alt.value(1.0), alt.value(0.12))
    lines = alt.Chart(frame).mark_line(point=True, strokeWidth=2).encode(x, y, colour, opacity=opacity, tooltip=tips)
    return styled(lines.add_params(pick), height=340)


def _maps(frame: pd.DataFrame, board: Board, metric: Metric, fields: list[str]) -> alt.FacetChart:
    across, up = fields
    share = frame["value"].min() >= 0 and frame["value"].max() <= 1 and metric.better == "higher"
    colour = alt.Color(
        "value:Q",
        title=metric.name,
        scale=alt.Scale(scheme="viridis", reverse=metric.better == "lower", domain=[0, 1] if share else alt.Undefined),
        legend=alt.Legend(orient="top", gradientLength=220),
    )
    tips = ["label:N", f"{across}:Q", f"{up}:Q", alt.Tooltip("value:Q", title=metric.name, format=".3~g"), "scores:Q"]
    x = alt.X(f"{across}:O", axis=alt.Axis(labelAngle=0, ticks=False))
    y = alt.Y(f"{up}:O", sort="descending", axis=alt.Axis(ticks=False))
    cells = alt.Chart(frame).mark_rect(stroke="white", strokeWidth=1).encode(x, y, colour, tooltip=tips)
    order = list(dict.fromkeys(frame["label"]))
    found: alt.FacetChart = (
        cells.properties(width=_SIDE, height=_SIDE)
        .facet(
            alt.Facet("label:N", title=None, sort=order, header=alt.Header(labelFontSize=12, labelLimit=200)), columns=_COLUMNS
        )
        .configure_view(stroke=None)
    )
    return found
