"""The singular values that methods keep along a run, besides their estimates."""

import altair as alt
import pandas as pd

from benchmark.report.board import Board
from leaderboard.charts.marks import colours

_COLUMNS = 3


def spectra_chart(frame: pd.DataFrame, board: Board) -> alt.FacetChart:
    """A small chart for each method, all on one logarithmic scale. Steps are each method's own."""
    labels, palette = [row.label for row in board.rows if row.label in set(frame["label"])], colours(board)
    floor = 1e-12 * float(frame["value"].max() or 1.0)
    colour = alt.Color("label:N", scale=alt.Scale(domain=labels, range=[palette[name] for name in labels]), legend=None)
    lines = (
        alt.Chart(frame.assign(value=frame["value"].clip(lower=floor)))
        .mark_line(strokeWidth=1.5)
        .encode(
            alt.X("step:Q", title="step", axis=alt.Axis(tickCount=4, grid=False)),
            alt.Y("value:Q", title="singular value", scale=alt.Scale(type="log"), axis=alt.Axis(format=".0e", tickCount=6)),
            colour,
            detail="number:N",
            tooltip=["label:N", "step:Q", "number:Q", alt.Tooltip("value:Q", format=".3~g")],
        )
        .properties(width=300, height=200)
    )
    found: alt.FacetChart = (
        lines.facet(alt.Facet("label:N", title=None, sort=labels, header=alt.Header(labelFontSize=12)), columns=_COLUMNS)
        .resolve_scale(x="independent")
        .configure_view(stroke=None)
    )
    return found
