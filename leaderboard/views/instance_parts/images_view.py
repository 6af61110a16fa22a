"""Part of the instance page for images, and for matrices drawn as images: a tile for each method with its error beneath."""

import streamlit as st

from benchmark.report.board import Board, Row
from benchmark.statistics import Key
from leaderboard.artifacts.figures import Array, Figure
from leaderboard.charts import pixels, singular_values
from leaderboard.ui import choices, downloads, drawing, widgets, wipe
from leaderboard.ui.plain import plain
from leaderboard.views.instance_parts import tiles


def show(board: Board, found: Figure, key: Key) -> None:
    """Truth first, then the baseline, then the rest of the rows in the order of the board; errors beneath."""
    truth = found.truth
    if truth is None:
        if not found.problems:
            st.write("This instance has no images: its task draws none, or they were not kept.")
        tiles.problems(found.problems)
        return
    top, limit = float(truth.max()), pixels.error_limit(found)
    rows = sorted(board.rows, key=lambda row: row is not board.baseline)
    every: list[Row | None] = [None, *(row for row in rows if row.label in found.estimates)]
    flow = st.container(horizontal=True)
    for row in every:
        with flow.container(width=tiles.TILE, gap="xsmall"):
            if row is None:
                st.markdown("**truth**")
                st.caption(f"{truth.shape[-2]} x {truth.shape[-1]} pixels")
                st.image(pixels.picture_png(truth, top), width="stretch", alt="the truth")
                scale(top, limit, colour=truth.ndim == 3)
            else:
                tiles.heading(board, row, key)
                estimate = found.estimates[row.label]
                st.image(pixels.picture_png(estimate, top), width="stretch", alt=f"{row.label}: its estimate")
                error = pixels.heat_png(pixels.error_map(estimate, truth), limit)
                st.image(error, width="stretch", alt=f"{row.label}: its error at each pixel")
    tiles.problems(found.problems)
    tiles.absent(board, found.estimates, found.problems)
    overlay(board, found, truth, top)


def overlay(board: Board, found: Figure, truth: Array, top: float) -> None:
    """Two methods, or one and the truth, on one picture with a slider; the link says which."""
    rows = sorted((row for row in board.rows if row.label in found.estimates), key=lambda row: row is not board.baseline)
    every = {row.label: found.estimates[row.label] for row in rows} | {"truth": truth}
    if len(every) < 2:
        return
    st.subheader("Compare two reconstructions")
    left, right, _ = st.columns([1, 1, 2])
    with left:
        first = choices.choose("Left", address("first", found), list(every))
    with right:
        second = choices.choose("Right", address("second", found), [label for label in every if label != first])
    png = {label: pixels.picture_png(every[label], top, side=1) for label in (first, second)}
    wipe.show(first, png[first], second, png[second])
    st.caption("Drag on the picture, or move the slider with the arrow keys. Both share the scale of the tiles above.")
    if "truth" not in (first, second):
        place = {"task": board.task.name, "preset": board.preset, "first": first, "second": second}
        widgets.go("compare", "Compare these two over all instances →", **place)


def address(name: str, found: Figure) -> str:
    """The name of a choice in the address: each picture of a task has its own."""
    return name if found.picture.name == "image" else f"{name}_{found.picture.name}"


def scale(top: float, limit: float, colour: bool) -> None:
    """The two scales that all tiles share."""
    span = f"each channel from 0 to {top:.3g}" if colour else f"0 (black) to {top:.3g} (white)"
    st.caption(f"Upper images: {span}, the largest value of the truth.")
    st.caption(f"Lower images: error |estimate - truth|, {'mean over the channels, ' if colour else ''}all on this scale:")
    tiles.bar(["0", f"{limit / 2:.2g}", f"≥ {limit:.2g}"])


def example(board: Board, found: Figure, label: str) -> None:
    """The truth alone."""
    assert found.truth is not None
    st.image(pixels.picture_png(found.truth, float(found.truth.max())), width=240, alt=f"the truth: {label}")
    st.caption(f"The truth of one instance: {plain(label)}, {found.truth.shape[-2]} x {found.truth.shape[-1]} pixels")


def matrix(board: Board, found: Figure, key: Key) -> None:
    """The same for matrices, and below it the singular values of those in the tiles."""
    show(board, found, key)
    frame = singular_values.table(found)
    if frame.empty:
        return
    st.subheader("Singular values of the matrices")
    drawing.show(singular_values.chart(frame, board), f"{downloads.stem(board)}_singular_values")
    st.caption(plain(singular_values.about(found)))
