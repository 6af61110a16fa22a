"""Part of the instance page for curves of which a reader chooses one."""

import pandas as pd
import streamlit as st

from benchmark.report.board import Board
from benchmark.statistics import Key
from leaderboard.artifacts.figures import TRUTH, Array, Figure
from leaderboard.charts import stack_charts
from leaderboard.ui import choices, downloads, drawing, kept
from leaderboard.ui.plain import plain
from leaderboard.views.instance_parts import tiles


def show(board: Board, found: Figure, key: Key) -> None:
    """One curve of the instance: truth and chosen estimates, what was measured, then each estimate by itself."""
    if found.truth is None:
        if not found.problems:
            kept_without = "no truth to compare its estimates with" if found.estimates else "no curves: none were kept"
            st.write(f"This instance has {kept_without}.")
        tiles.problems(found.problems, "line")
        return
    with st.columns(4)[0]:
        number = choices.choose("Curve", "curve", range(len(found.truth)))
    labels = [row.label for row in board.rows if row.label in found.estimates]
    chosen = st.multiselect("Methods in the large picture", labels, stack_charts.first_choice(board, labels))
    every = stack_charts.table(found, number, labels)
    large = every[every["label"].isin([TRUTH, *chosen])]
    drawing.show(
        stack_charts.chart(large, board, stack_charts.axis_of(found.picture)), f"{downloads.stem(board)}_curve_{number}"
    )
    beyond(large)
    measured(kept.measured(board, key), found.truth, number)
    if labels:
        multiples(board, key, found, number, every)
    tiles.problems(found.problems, "line")
    tiles.absent(board, found.estimates, found.problems, "line")


def beyond(frame: pd.DataFrame) -> None:
    """Which lines are cut off."""
    if names := stack_charts.cut(frame):
        st.caption(f"Reaches beyond this picture and is cut off: {plain(', '.join(names))}.")


def measured(signals: Array | str | None, truth: Array, number: int) -> None:
    """The signal that the curve was reconstructed from."""
    if signals is None:
        return
    if not isinstance(signals, str) and len(signals) != len(truth):
        signals = f"it has {len(signals)} rows, the truth {len(truth)}"
    if isinstance(signals, str):
        tiles.problems({"the measured signal": signals}, "line")
        return
    signal = signals[number]
    hidden = int((signal <= 0).sum())
    if hidden < len(signal):
        st.markdown(f"**Measured signal of curve {number}** (what methods reconstruct it from; logarithmic scale)")
        st.altair_chart(stack_charts.measured_chart(signal), width="stretch")
    if hidden:
        st.caption(f"Not drawn on the logarithmic scale: {hidden} of {len(signal)} values that are zero or negative.")


def multiples(board: Board, key: Key, found: Figure, number: int, frame: pd.DataFrame) -> None:
    """A small picture of each estimate beside the truth, the baseline first, with its RMSE on this curve."""
    assert found.truth is not None
    st.subheader(f"Curve {number}, method by method")
    st.caption(
        f"Grey and broad: the truth. RMSE of this curve alone: {stack_charts.HOW_RMSE}, "
        f"over its {found.truth.shape[1]} points; "
        "the scores of the whole instance are in the table below."
    )
    beyond(frame)
    ends, axis = stack_charts.span(frame), stack_charts.axis_of(found.picture)
    flow = st.container(horizontal=True)
    for row in sorted(board.rows, key=lambda row: row is not board.baseline):
        if row.label not in found.estimates:
            continue
        error = stack_charts.rmse(found.estimates[row.label][number], found.truth[number])
        with flow.container(width=tiles.TILE, gap="xsmall"):
            tiles.heading(board, row, key)
            st.caption(f"RMSE of this curve {error:.3f}")
            st.altair_chart(stack_charts.small_chart(frame, board, axis, row.label, ends), width="stretch")
