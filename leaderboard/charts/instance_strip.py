"""One instance among the others: the scores of a seed, in which that instance is marked."""

import altair as alt
import pandas as pd

from benchmark.report.board import Board
from benchmark.statistics import Key
from leaderboard.charts.marks import INK, colours, limits, marked, metric_title, plain_axis, styled, value_scale


def strip(board: Board, key: Key) -> alt.LayerChart:
    """The scores of all instances of one seed, a line of ticks for each method. One instance is a filled dot."""
    primary, palette = board.task.primary, colours(board)
    lines = [
        {"label": row.label, "instance": i, "name": board.labels.get((s, i), ""), "value": v, "chosen": (s, i) == key}
        for row in board.rows
        for (s, i), v in row.scores[primary.name].items()
        if s == key[0]
    ]
    frame = pd.DataFrame(lines)
    names = [row.label for row in board.rows if row.label in set(frame["label"])]
    x = alt.X(
        "value:Q", title=metric_title(primary), scale=value_scale(frame["value"], limits(board, primary)), axis=plain_axis()
    )
    y = alt.Y("label:N", title=None, sort=names, axis=alt.Axis(labelLimit=260, labelOverlap=False, labelExpr=marked(board)))
    colour = alt.Color("label:N", scale=alt.Scale(domain=names, range=[palette[n] for n in names]), legend=None)
    tips = ["label:N", "instance:Q", "name:N", alt.Tooltip("value:Q", title=primary.name, format=".4~g")]
    ticks = alt.Chart(frame).mark_tick(thickness=2, size=16, opacity=0.4, color=INK).encode(x, y, tooltip=tips)
    dots = alt.Chart(frame).transform_filter("datum.chosen").mark_circle(size=130, opacity=1)
    return styled(ticks, dots.encode(x, y, colour, tooltip=tips), height=34 * len(names) + 50)
