"""Where a method stands on each board: its rank and the ranks that the data allow, on a line as long as the board has ranks."""

from collections.abc import Sequence

import altair as alt
import pandas as pd

from benchmark.report.board import Board, Row
from leaderboard.charts.marks import INK, PALETTE, styled

_LINE = 30  # pixels


def frame(found: Sequence[tuple[Board, Row]]) -> pd.DataFrame:
    """A line for each ranked row: board, rank, low, high, of. Boards in the order given."""
    lines = []
    for board, row in found:
        if row.rank is not None:
            name = f"{board.task.name} / {board.preset}"
            name += "" if row.label == row.method else f", {row.label.removeprefix(row.method).strip()}"
            of = sum(other.rank is not None for other in board.rows)
            lines.append([name, row.rank, row.standing.low, row.standing.high, of, 1])
    return pd.DataFrame(lines, columns=["board", "rank", "low", "high", "of", "first"])


def chart(lines: pd.DataFrame) -> alt.LayerChart:
    """Dots with bars on grey lines; further left is better. lines: as `frame` gives them, not empty."""
    last = int(lines["of"].max())
    axis = alt.Axis(values=list(range(1, last + 1, max(1, -(-last // 10)))), format="d", grid=False)
    scale = alt.Scale(domain=[0.5, last + 0.5], nice=False)
    x = alt.X("rank:Q", title="rank among the rows of the board, 1 is best", scale=scale, axis=axis)
    y = alt.Y("board:N", title=None, sort=list(lines["board"]), axis=alt.Axis(labelLimit=330, labelOverlap=False, grid=False))
    tips = [alt.Tooltip("board:N"), *(alt.Tooltip(f"{name}:Q") for name in ("rank", "low", "high", "of"))]
    base = alt.Chart(lines)
    whole = base.mark_rule(color=INK, opacity=0.35, strokeWidth=1).encode(alt.X("first:Q"), y, alt.X2("of:Q"))
    bars = base.mark_rule(color=PALETTE[0], opacity=0.5, strokeWidth=6).encode(alt.X("low:Q"), y, alt.X2("high:Q"))
    dots = base.mark_circle(color=PALETTE[0], size=110, opacity=1).encode(x, y, tooltip=tips)
    return styled(whole, bars, dots, height=_LINE * len(lines) + 60)
