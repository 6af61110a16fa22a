"""Part of a paper's page: one instance with the paper's method, a rival of its claims and the best classical method."""

from dataclasses import replace

import streamlit as st

from benchmark.report import tables
from benchmark.report.board import Board, Row
from benchmark.statistics import Key
from leaderboard.artifacts.figures import Figure
from leaderboard.charts import pixels
from leaderboard.ui import kept, widgets
from leaderboard.ui.claimed import Found
from leaderboard.ui.plain import plain
from leaderboard.views.instance_parts import drawings, tiles

PIXELS = ("image", "matrix")
WHOLE = ("heat", "strip", "lines")  # drawn as the instance's own page draws them


def show(found: Found, rows: list[tuple[Board, Row]]) -> None:
    """The first instance that was kept of the paper's method and of another on the boards of its claims, or of it alone."""
    kept_of = [(board, row, keys[0]) for board, row in rows if (keys := kept.keys(replace(board, rows=[row])))]
    there = [(board, [row, *_others(found, board, row, key)], key) for board, row, key in kept_of if board.task.pictures]
    if there:
        _one(*max(there, key=lambda one: min(len(one[1]), 2)))  # the first of those that are alike


def _others(found: Found, board: Board, row: Row, key: Key) -> list[Row]:
    """The rival that the claims name first on this board, and the best classical method; of both something was kept."""
    claimed = [runs.method for one in found.verdicts for runs in one.claim.runs if runs.task == board.task.name]
    kept_there = {one.label for one in board.rows if key in kept.keys(replace(board, rows=[one]))}
    rivals = [
        one
        for name in claimed
        for one in board.rows
        if one.label == name and one.label in kept_there and name not in found.paper.methods
    ]
    classical = [one for one in board.rows if one.kind == "classical" and one.label in kept_there and one is not row]
    first = rivals[:1]
    return first + [one for one in classical if one not in first][:1]


def _one(board: Board, rows: list[Row], key: Key) -> None:
    few = replace(board, rows=rows, baseline=None)
    found = next(iter(kept.drawn(few, key)), None)
    place = {"task": board.task.name, "preset": board.preset, "seed": key[0], "instance": key[1]}
    st.subheader("One instance")
    st.caption(plain(f"{board.task.name} / {board.preset}, seed {key[0]}, instance {key[1]}"))
    widgets.go("instance", "All methods on it →", **place)
    if found is not None and found.picture.kind in PIXELS and found.truth is not None:
        _tiles(board, rows, key, found)
    elif found is not None and found.picture.kind in WHOLE and not found.empty:
        drawings.part(found.picture)(few, found, key)


def _tiles(board: Board, rows: list[Row], key: Key, figure: Figure) -> None:
    assert figure.truth is not None
    top = float(figure.truth.max())
    flow = st.container(horizontal=True)
    with flow.container(width=tiles.TILE, gap="xsmall"):
        st.markdown("**truth**")
        st.caption(f"{figure.truth.shape[-2]} x {figure.truth.shape[-1]} pixels")
        st.image(pixels.picture_png(figure.truth, top), width="stretch", alt="the truth")
    for row in (row for row in rows if row.label in figure.estimates):
        with flow.container(width=tiles.TILE, gap="xsmall"):
            st.markdown(f"**{tiles.name(row)}**")
            st.caption(plain(tables.caption(board, row, key)))
            estimate = pixels.picture_png(figure.estimates[row.label], top)
            st.image(estimate, width="stretch", alt=f"{row.label}: its estimate")
