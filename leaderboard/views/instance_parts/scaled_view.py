"""Part of the instance page for heat maps and lines: a tile or a chart of each method, all on one scale."""

from dataclasses import replace

import streamlit as st

from benchmark.report.board import Board, Row
from benchmark.statistics import Key
from leaderboard.artifacts import figures, scales
from leaderboard.artifacts.figures import TRUTH, Figure
from leaderboard.charts import figure_charts
from leaderboard.ui.plain import plain
from leaderboard.views.instance_parts import tiles


def show(board: Board, figure: Figure, key: Key) -> None:
    """The truth's tile, then those of the methods, and how to read them."""
    ends, what = scales.limits(figure), f"picture '{figure.picture.title}'"
    if figure.empty:
        st.write("None was kept for this instance.")
    elif ends is None:
        st.write("None of its numbers can be drawn.")
    else:
        rows: list[Row | None] = list(figures.ordered(board, figure))
        alone = figure.truth is not None and (figure.picture.kind == "heat" or not rows)
        flow = st.container(horizontal=True)
        for row in [None, *rows] if alone else rows:
            with flow.container(width=tiles.TILE, gap="xsmall"):
                _tile(board, figure, key, row, ends)
        if figure.truth is None and figure.picture.kind == "heat":
            with st.container(width=tiles.TILE):
                _scale(figure, ends)
        _said(figure)
    tiles.problems(figure.problems, what)
    if not figure.empty:
        tiles.absent(board, figure.estimates, figure.problems, what)


def example(board: Board, figure: Figure, label: str) -> None:
    """The truth alone, on a scale of its own."""
    alone = replace(figure, estimates={})
    ends = scales.limits(alone)
    if ends is not None:
        with st.container(width=tiles.TILE):
            drawing(board, alone, TRUTH, ends)
        st.caption(f"The truth of one instance, {plain(label)}: {plain(figure.picture.title)}")


def _tile(board: Board, figure: Figure, key: Key, row: Row | None, ends: tuple[float, float]) -> None:
    """The truth where there is no row."""
    if row is None:
        st.markdown("**truth**")
        st.caption("the same for all methods")
    else:
        tiles.heading(board, row, key)
    drawing(board, figure, TRUTH if row is None else row.label, ends)
    if row is None and figure.picture.kind == "heat":
        _scale(figure, ends)


def drawing(board: Board, figure: Figure, label: str, ends: tuple[float, float]) -> None:
    """The picture of one method, or of the truth."""
    array = figure.truth if label == TRUTH else figure.estimates[label]
    assert array is not None
    if figure.picture.kind == "heat":
        st.image(figure_charts.tile(array, ends), width="stretch", alt=f"{label}: {figure.picture.name}")
        st.caption(f"{array.shape[0]} x {array.shape[1]}")
    else:
        st.altair_chart(figure_charts.chart(figure, label, board, ends), width="stretch")
        if (step := figure_charts.thinned(array)) > 1:
            st.caption(f"{array.shape[0]} x {array.shape[1]} numbers; drawn is one column of {step}")


def _scale(figure: Figure, ends: tuple[float, float]) -> None:
    """The colour scale of all tiles of a picture."""
    st.caption(f"All tiles: {plain(figure.picture.value)}, on this scale:")
    tiles.bar([f"{number:.3g}" for number in (ends[0], (ends[0] + ends[1]) / 2, ends[1])])


def _said(figure: Figure) -> None:
    """How to read lines, and what is not drawn."""
    picture, lines = figure.picture, figure.picture.kind == "lines"
    if lines:
        grey = " Broad and grey: the truth's." if figure.truth is not None and figure.estimates else ""
        st.caption(f"A line for each {plain(picture.rows)}; all charts share both axes.{grey}")
    if names := scales.beyond(figure):
        cut = "and is cut off" if lines else "and has the colour of the end"
        st.caption(f"Reaches beyond the scale {cut}: {plain(', '.join(names))}.")
    if names := scales.odd(figure):
        why = "zero, negative or not finite" if picture.log and lines else "not finite"
        st.caption(f"{'Gaps' if lines else 'Grey'} where its numbers are {why}: {plain(', '.join(names))}.")
