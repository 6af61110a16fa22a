"""Confusion matrices of names, and grades against their estimates."""

from typing import Any

import altair as alt
import numpy as np
import pandas as pd

from leaderboard.artifacts.figures import Array
from leaderboard.charts.marks import styled

_CELL = 84  # pixels


def tells_classes(truth: Array) -> bool:
    """Whether a truth is that of classes, (K, K), and not a row of grades."""
    return truth.ndim == 2 and truth.shape[0] == truth.shape[1] > 1


def matrix(shares: Array) -> alt.LayerChart:
    """A confusion matrix. shares (K, K) holds for each true class (row) the part that is given each name (column); rows sum to
    1 and are shown as percentages.
    """
    K = len(shares)
    frame = pd.DataFrame(
        [
            {"true": i, "named": j, "share": float(shares[i, j]), "text": f"{100 * shares[i, j]:.0f} %"}
            for i in range(K)
            for j in range(K)
        ]
    )
    plain: dict[str, Any] = {"labelAngle": 0, "ticks": False, "domain": False}
    x = alt.X("named:O", title="named", axis=alt.Axis(orient="top", **plain))
    y = alt.Y("true:O", title="true", axis=alt.Axis(titleAngle=0, titleAlign="right", **plain))
    colour = alt.Color("share:Q", scale=alt.Scale(scheme="blues", domain=[0, 1.15]), legend=None)
    tips = ["true:O", "named:O", alt.Tooltip("share:Q", format=".3f")]
    base = alt.Chart(frame).encode(x, y)
    cells = base.mark_rect(stroke="white", strokeWidth=2).encode(colour, tooltip=tips)
    dark = alt.condition("datum.share > 0.6", alt.value("white"), alt.value("#222"))
    text = base.mark_text(fontSize=14 if K < 6 else 10).encode(alt.Text("text:N"), color=dark)
    return styled(cells, text, height=min(_CELL * K, 260), grid=False)


def grades(truth: Array, estimate: Array) -> alt.LayerChart:
    """A dot for each text at its grade and its estimate; truth and estimate are (1, N)."""
    frame = pd.DataFrame({"true": truth.ravel(), "estimate": estimate.ravel()})
    span = alt.Scale(zero=False, nice=False, padding=8)
    dots = (
        alt.Chart(frame)
        .mark_circle(size=18, opacity=0.4)
        .encode(
            alt.X("true:Q", title="true grade", scale=span),
            alt.Y("estimate:Q", title="estimate", scale=span),
            tooltip=[alt.Tooltip("true:Q", format=".2f"), alt.Tooltip("estimate:Q", format=".2f")],
        )
    )
    best = np.array([truth.min(), truth.max()])
    line = alt.Chart(pd.DataFrame({"true": best, "estimate": best})).mark_line(color="#9a9a9a", strokeDash=[4, 3])
    return styled(line.encode(alt.X("true:Q"), alt.Y("estimate:Q")), dots, height=200)
