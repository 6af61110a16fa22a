"""Singular values of the matrices whose pictures were kept.

A picture of a matrix M is (M / max |truth| + 1) / 2, perhaps of its first rows and columns alone (benchmark/metrics/matrix.py).
Its singular values are those of 2 picture - 1, down to what rounding to half or single precision adds: errors of standard
deviation s in m x n entries have singular values up to about s (sqrt m + sqrt n).
"""

import altair as alt
import numpy as np
import pandas as pd

from benchmark.report.board import Board
from leaderboard.artifacts.figures import TRUTH, Array, Figure
from leaderboard.charts.figure_charts import powers
from leaderboard.charts.marks import colours, legend_columns, styled

SHOWN = 60  # singular values, the largest ones
HOW = (
    f"Of the matrices in the tiles above, as they are drawn: the {SHOWN} largest at most, in units of the truth's largest "
    "entry. Where a tile shows some entries alone, all others are 0 here. A line ends where the rest is below what rounding of "
    "the kept picture adds"
)
_NEUTRAL = "#c4c4c4"


def rounding(picture: Array) -> float:
    """The value up to which the singular values of a picture (H, W) may be rounding. The bits of numbers of half precision tell
    them.
    """
    half = np.array_equal(picture, picture.astype(np.float16))
    step = 2.0 ** (-11 if half else -24)  # between neighbours from 1/2 to 1; smaller numbers lie closer
    height, width = picture.shape
    return float(1.2 * 2 * step / np.sqrt(12) * (np.sqrt(height) + np.sqrt(width)))


def values(picture: Array) -> np.ndarray:
    """The SHOWN largest singular values of a picture (H, W) that are above its rounding, the largest first."""
    found = np.linalg.svd(2 * np.nan_to_num(picture.astype(float)) - 1, compute_uv=False)
    return np.asarray(found[found > rounding(picture)][:SHOWN])


def table(figure: Figure) -> pd.DataFrame:
    """A frame with the columns label, number, value. The truth comes first, and number 1 is the largest value."""
    parts = [
        pd.DataFrame({"label": label, "number": np.arange(1, len(one) + 1), "value": one})
        for label, one in ((label, values(picture)) for label, picture in figure.every.items())
    ]
    return pd.concat(parts, ignore_index=True) if parts else pd.DataFrame(columns=["label", "number", "value"])


def about(figure: Figure) -> str:
    """The text that says what the chart shows, and where its lines end."""
    return f"{HOW}, about {max(map(rounding, figure.every.values())):.0e}."


def chart(frame: pd.DataFrame, board: Board) -> alt.LayerChart:
    """A line for each method, the truth's broad and grey. frame is as `table` gives it."""
    known = set(frame["label"])
    labels = [label for label in (TRUTH, *(row.label for row in board.rows)) if label in known]
    palette = {TRUTH: _NEUTRAL, **colours(board)}
    ends = (float(frame["value"].min()) / 1.5, float(frame["value"].max()) * 1.5)
    columns = legend_columns(labels)
    names = alt.Legend(title=None, orient="top", columns=columns, labelLimit=260, symbolType="stroke", symbolStrokeWidth=4)
    colour = alt.Color("label:N", scale=alt.Scale(domain=labels, range=[palette[name] for name in labels]), legend=names)
    x = alt.X("number:Q", title="number, the largest first", axis=alt.Axis(grid=False, tickMinStep=1))
    ticks = alt.Axis(format=".0e", values=powers(ends))
    y = alt.Y("value:Q", title="singular value", scale=alt.Scale(type="log", domain=list(ends)), axis=ticks)
    tips = ["label:N", "number:Q", alt.Tooltip("value:Q", format=".3~g")]
    base = alt.Chart(frame)
    broad = base.transform_filter(f"datum.label == '{TRUTH}'").mark_line(strokeWidth=7, strokeCap="round").encode(x, y, colour)
    thin = base.transform_filter(f"datum.label != '{TRUTH}'").mark_line(strokeWidth=1.6).encode(x, y, colour)
    dots = base.mark_circle(size=24).encode(x, y, colour, tooltip=tips)
    return styled(broad, thin, dots, height=290 + 20 * -(-len(labels) // columns))
