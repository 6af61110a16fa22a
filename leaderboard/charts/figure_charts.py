"""The pictures that a task declares of an estimate (`benchmark.spec.Picture`) are read as arrays and drawn.

heat    (H, W), a tile of any size, which may differ between methods
lines   (R, n), a curve in each row; column j stands at axis.start + j * axis.step

All drawings of one picture share their scales. The truth's may lack: then it means nothing. Values that are not finite are left
out of the scales. They are grey in a heat map and a gap in a line.
"""

import altair as alt
import numpy as np
import pandas as pd

from benchmark.report.board import Board
from benchmark.spec import Picture
from leaderboard.artifacts.figures import TRUTH, Array, Figure
from leaderboard.charts.marks import BASELINE, colours, styled
from leaderboard.charts.pixels import heat_png
from leaderboard.charts.stack_charts import axis_of, axis_title

POINTS = 4000  # the most points of one chart and one matrix; of more, every second, third ... column is drawn
_LONG = 2  # the largest ratio of a tile's sides
_NEUTRAL = "#c4c4c4"  # of the truth, as in stack_charts


# --- heat maps --------------------------------------------------------------------------------------------------------


def tile(array: Array, ends: tuple[float, float]) -> bytes:
    """A PNG of an array (H, W) on the colour scale from ends[0] to ends[1]. The pixels of a long matrix are longer the other
    way.
    """
    height, width = array.shape
    shown = array.repeat(max(1, width // (_LONG * height)), axis=0).repeat(max(1, height // (_LONG * width)), axis=1)
    return heat_png(np.asarray(shown, np.float32), ends[1], low=ends[0])


# --- lines ------------------------------------------------------------------------------------------------------------


def thinned(array: Array) -> int:
    """The step between the columns of (R, n) that are drawn: 1 where all are."""
    return -(-array.size // POINTS)


def table(array: Array, picture: Picture) -> pd.DataFrame:
    """Columns row, at, value of a matrix (R, n), without what is not drawn."""
    axis, step = axis_of(picture), thinned(array)
    columns = np.arange(0, array.shape[1], step)
    shown = array[:, columns].copy()
    shown[~np.isfinite(shown) | ((shown <= 0) & picture.log)] = np.nan  # NaN is a gap
    return pd.DataFrame(
        {
            "row": np.arange(len(array)).repeat(len(columns)),
            "at": np.tile(axis.start + axis.step * columns, len(array)),
            "value": shown.ravel(),
        }
    )


def chart(figure: Figure, label: str, board: Board, ends: tuple[float, float]) -> alt.LayerChart:
    """The lines of one estimate, in its colour, before the truth's, which are broad and grey; or the truth's alone. All charts
    of a picture share their scales.
    """
    picture = figure.picture
    x, y = _axes(figure, ends)
    layers = []
    if figure.truth is not None:
        base = alt.Chart(table(figure.truth, picture)).encode(x, y, alt.Detail("row:N"), alt.Order("at:Q"))
        layers.append(base.mark_line(clip=True, color=_NEUTRAL, strokeWidth=5, strokeCap="round"))
    mine = figure.truth if label == TRUTH else figure.estimates[label]
    assert mine is not None
    colour = BASELINE if label == TRUTH else colours(board)[label]
    frame = table(mine, picture)
    if label != TRUTH:
        lines = alt.Chart(frame).mark_line(clip=True, color=colour, strokeWidth=1.6, opacity=0.85)
        layers.append(lines.encode(x, y, alt.Detail("row:N"), alt.Order("at:Q")))
    layers.append(_points(frame, x, y, picture, colour))
    return styled(*layers, height=190)


def _points(frame: pd.DataFrame, x: alt.X, y: alt.Y, picture: Picture, colour: str) -> alt.Chart:
    """The dots that a pointer finds, each with the row that it belongs to and its numbers."""
    near = alt.selection_point(on="pointerover", clear="pointerout", nearest=True, fields=["row", "at"], empty=False)
    tips = [
        alt.Tooltip("row:Q", title=picture.rows),
        alt.Tooltip("at:Q", title=axis_title(axis_of(picture)), format="~g"),
        alt.Tooltip("value:Q", title=picture.value, format=".3~g"),
    ]
    dots = alt.Chart(frame).mark_circle(clip=True, size=45, color=colour)
    found: alt.Chart = dots.encode(x, y, opacity=alt.condition(near, alt.value(1), alt.value(0)), tooltip=tips)
    return found.add_params(near)


def _axes(figure: Figure, ends: tuple[float, float]) -> tuple[alt.X, alt.Y]:
    picture, axis = figure.picture, axis_of(figure.picture)
    arrays = [*([] if figure.truth is None else [figure.truth]), *figure.estimates.values()]
    last = axis.start + axis.step * max(1, max(array.shape[1] for array in arrays) - 1)
    x = alt.X(
        "at:Q",
        title=axis_title(axis),
        scale=alt.Scale(domain=[axis.start, last], nice=False),
        axis=alt.Axis(tickCount=4, grid=False),
    )
    if picture.log:
        scale, ticks = alt.Scale(type="log", domain=list(ends)), alt.Axis(values=powers(ends), format=".0e")
    else:
        room = 0.03 * (ends[1] - ends[0])
        scale, ticks = alt.Scale(domain=[ends[0] - room, ends[1] + room], nice=False), alt.Axis(tickCount=4)
    return x, alt.Y("value:Q", title=picture.value, scale=scale, axis=ticks)


def powers(ends: tuple[float, float]) -> list[float]:
    """The powers of ten between the ends, six at most, or the ends themselves where there are fewer than two."""
    low, high = int(np.ceil(np.log10(ends[0]))), int(np.floor(np.log10(ends[1])))
    found = [10.0**k for k in range(low, high + 1, max(1, -(-(high - low + 1) // 6)))]
    return found if len(found) > 1 else list(ends)
