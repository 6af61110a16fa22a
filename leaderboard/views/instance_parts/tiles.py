"""Shared by the parts of the instance page: a tile for each method with links, the colour scale, and missing estimates."""

from collections.abc import Mapping, Sequence

import streamlit as st

from benchmark.report import information, tables
from benchmark.report.board import Board, Row
from benchmark.statistics import Key
from leaderboard.addresses import address, anchor, of_method
from leaderboard.artifacts.figures import TRUTH
from leaderboard.charts import board_table, pixels
from leaderboard.charts.marks import colours
from leaderboard.ui import widgets
from leaderboard.ui.plain import plain

TILE = 290  # pixels: four side by side on a usual screen, two on a narrow one


def heading(board: Board, row: Row, key: Key) -> None:
    """A method's name, which leads to its page; how it does here, and the run that says so."""
    more, colour = information.extra(board).get(row.label, ()), colours(board)[row.label]
    st.html(
        f'{board_table.SEES}<div class="ldb-tile"><span class="ldb-swatch" style="background:{colour}"></span>'
        f"<b>{anchor(of_method(row.method), row.label)}</b>{board_table.sees(more)}</div>"
    )
    st.caption(" · ".join([plain(tables.caption(board, row, key)), widgets.run_links(runs(row, key))]))


def name(row: Row) -> str:
    """Markdown of a row's name, which leads to the page of its method."""
    return f"[{plain(row.label)}]({address('method', method=row.method)})"


def sources(board: Board, key: Key) -> None:
    """The run behind each row, in one piece of text."""
    found = [f"{name(row)} {widgets.run_links(runs(row, key))}" for row in board.rows if runs(row, key)]
    st.caption(f"From {', '.join(found)}")


def runs(row: Row, key: Key) -> list[int]:
    """Numbers of the runs behind a row on one (seed, instance)."""
    return [run.id for run in row.runs if run.seed == key[0]]


def bar(texts: Sequence[str]) -> None:
    """The colour scale, and what its left end, middle and right end stand for."""
    st.image(pixels.bar_png(), width="stretch", alt=f"colour scale: {', '.join(texts)}")
    with st.container(horizontal=True, horizontal_alignment="distribute"):
        for text in texts:
            st.caption(text, width="content")


def problems(found: Mapping[str, str], what: str = "image") -> None:
    """Why an image, or a line, that was kept is not shown."""
    for label, problem in sorted(found.items()):
        st.caption(f"No {plain(what)} of {'the truth' if label == TRUTH else plain(label)}: {plain(problem)}.")


def absent(board: Board, shown: Mapping[str, object], said: Mapping[str, str], what: str = "image") -> None:
    """The methods of which nothing was kept."""
    rest = [row.label for row in board.rows if row.label not in shown and row.label not in said]
    if rest:
        st.caption(f"No {plain(what)} of {plain(', '.join(rest))}: none was kept for this instance.")
