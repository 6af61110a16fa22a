"""Singular values of the matrices whose pictures were kept, drawn. No Streamlit here.

A picture of a matrix M is (M / max |truth| + 1) / 2, perhaps of its first rows and columns alone (benchmark/metrics/matrix.py).
Its singular values are those of 2 picture - 1. Pictures have single precision.
"""

import altair as alt
import numpy as np
import pandas as pd

from leaderboard.board import Board
from leaderboard.charts import colours, legend_columns, styled
from leaderboard.images import Array, Pictures

TRUTH = "truth"
SHOWN = 60  # the largest ones
FLOOR = 1e-7  # of the largest one of the truth: what rounding leaves
_NEUTRAL = "#c4c4c4"


def values(picture: Array) -> np.ndarray:
    """The SHOWN largest singular values of a picture (H, W), in units of the truth's largest entry; largest first."""
    return np.asarray(np.linalg.svd(2 * np.nan_to_num(picture.astype(float)) - 1, compute_uv=False)[:SHOWN])


def table(found: Pictures) -> pd.DataFrame:
    """Columns label, number, value: of the truth first, 1 the largest."""
    every = {**({} if found.truth is None else {TRUTH: found.truth}), **found.estimates}
    parts = [
        pd.DataFrame({"label": label, "number": np.arange(1, len(one) + 1), "value": one})
        for label, one in ((label, values(picture)) for label, picture in every.items() if picture.ndim == 2)
    ]
    return pd.concat(parts, ignore_index=True) if parts else pd.DataFrame(columns=["label", "number", "value"])


def chart(frame: pd.DataFrame, board: Board) -> alt.LayerChart:
    """A line for each method, the truth's broad and grey; frame: as `table` gives it."""
    labels, palette = list(dict.fromkeys(frame["label"])), {TRUTH: _NEUTRAL, **colours(board)}
    first = frame[frame["label"] == (TRUTH if TRUTH in labels else labels[0])]
    floor = FLOOR * float(first["value"].max() or 1.0)
    frame = frame.assign(value=frame["value"].clip(lower=floor))
    columns = legend_columns(labels)
    names = alt.Legend(title=None, orient="top", columns=columns, labelLimit=260, symbolType="stroke", symbolStrokeWidth=4)
    colour = alt.Color("label:N", scale=alt.Scale(domain=labels, range=[palette[name] for name in labels]), legend=names)
    x = alt.X("number:Q", title="number, the largest first", axis=alt.Axis(grid=False, tickMinStep=1))
    y = alt.Y("value:Q", title="singular value", scale=alt.Scale(type="log"), axis=alt.Axis(format=".0e", tickCount=6))
    tips = ["label:N", "number:Q", alt.Tooltip("value:Q", format=".3~g")]
    base = alt.Chart(frame)
    broad = base.transform_filter(f"datum.label == '{TRUTH}'").mark_line(strokeWidth=7, strokeCap="round").encode(x, y, colour)
    thin = base.transform_filter(f"datum.label != '{TRUTH}'").mark_line(strokeWidth=1.6).encode(x, y, colour)
    dots = base.mark_circle(size=24).encode(x, y, colour, tooltip=tips)
    return styled(broad, thin, dots, height=290 + 20 * -(-len(labels) // columns))
