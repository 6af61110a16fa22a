"""Part of the instance page for what methods named texts."""

import streamlit as st

from benchmark.report.board import Board
from benchmark.statistics import Key
from leaderboard.artifacts.figures import Figure
from leaderboard.charts import confusion
from leaderboard.views.instance_parts import tiles


def show(board: Board, found: Figure, key: Key) -> None:
    """What each method named the test texts, the baseline first; grades against the true ones."""
    truth = found.truth
    if truth is None:
        st.write("No labels were kept for this instance.")
        tiles.problems(found.problems, "labels")
        return
    classes = confusion.tells_classes(truth)
    st.caption(
        "Row: true class of the test texts. Column: label that a method gives. Cell: share of the row. The diagonal is "
        "correct. Classes are numbered as in their data."
        if classes
        else "Each dot is a test text. On the dashed line the estimate is the true grade."
    )
    flow = st.container(horizontal=True)
    for row in sorted(board.rows, key=lambda row: row is not board.baseline):
        if row.label in found.estimates:
            with flow.container(width=tiles.TILE, gap="xsmall"):
                tiles.heading(board, row, key)
                estimate = found.estimates[row.label]
                st.altair_chart(confusion.matrix(estimate) if classes else confusion.grades(truth, estimate), width="stretch")
    tiles.problems(found.problems, "labels")
    tiles.absent(board, found.estimates, found.problems, "labels")
