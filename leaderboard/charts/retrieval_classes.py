"""Right nearest videos of each class, as bars."""

import altair as alt
import pandas as pd

from benchmark.report.board import Board
from leaderboard.charts.marks import INK, colours, styled


def class_chart(frame: pd.DataFrame, board: Board) -> alt.LayerChart:
    """A bar for each class and method."""
    labels, order = list(dict.fromkeys(frame["label"])), list(dict.fromkeys(frame["class"]))
    palette = colours(board)
    scale = alt.Scale(domain=labels, range=[palette[name] for name in labels])
    legend = alt.Legend(title=None, orient="top", labelLimit=300)
    base = alt.Chart(frame).encode(
        alt.Y("class:N", sort=order, title=None, scale=alt.Scale(paddingInner=0.2), axis=alt.Axis(ticks=False, labelLimit=200)),
        alt.YOffset("label:N", sort=labels),
        tooltip=["class:N", alt.Tooltip("label:N", title="method"), alt.Tooltip("text:N", title="nearest right")],
    )
    top = alt.Scale(domain=[0, 1.1], nice=False)
    x = alt.X("share:Q", title="nearest video right", scale=top, axis=alt.Axis(format="%", values=[0, 0.25, 0.5, 0.75, 1]))
    bars = base.mark_bar().encode(x, alt.Color("label:N", scale=scale, legend=legend))
    texts = base.mark_text(align="left", dx=4, fontSize=10, color=INK).encode(x, alt.Text("text:N"))
    return styled(bars, texts, height=60 + 18 * len(order) * len(labels))
