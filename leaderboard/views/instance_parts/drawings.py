"""Part of the instance page that draws whatever the task declares: each picture by the part for its kind."""

from collections.abc import Callable

import streamlit as st

from benchmark.report.board import Board
from benchmark.spec import Picture
from benchmark.statistics import Key
from leaderboard.artifacts.figures import Figure
from leaderboard.ui import kept
from leaderboard.ui.plain import plain
from leaderboard.views.instance_parts import curves_view, images_view, names_view, scaled_view, strips_view, videos

PARTS: dict[str, Callable[[Board, Figure, Key], None]] = {
    "image": images_view.show,
    "strip": strips_view.show,
    "heat": scaled_view.show,
    "lines": scaled_view.show,
    "matrix": images_view.matrix,
    "text": names_view.show,
    "video": videos.show,
}
# of those whose truth alone says what the task is about
EXAMPLES: dict[str, Callable[[Board, Figure, str], None]] = {
    "image": images_view.example,
    "strip": strips_view.example,
    "heat": scaled_view.example,
    "lines": scaled_view.example,
    "matrix": images_view.example,
}


def show(board: Board, key: Key) -> None:
    """Every declared picture of a (seed, instance) that was kept, one below the other: a preset need not draw all of them."""
    found = kept.drawn(board, key)
    for figure in [figure for figure in found if not (figure.empty and not figure.problems)] or found[:1]:
        if figure.picture.title:
            st.subheader(plain(figure.picture.title))
        if figure.picture.about:
            st.caption(plain(figure.picture.about))
        part(figure.picture)(board, figure, key)


def part(picture: Picture) -> Callable[[Board, Figure, Key], None]:
    """The function that draws such a picture."""
    return curves_view.show if picture.one_by_one else PARTS[picture.kind]


def example(board: Board, key: Key) -> None:
    """The first declared picture whose truth can be shown alone."""
    for figure in kept.drawn(board, key):
        if figure.truth is not None and figure.picture.kind in EXAMPLES and not figure.picture.one_by_one:
            EXAMPLES[figure.picture.kind](board, figure, board.labels[key])
            return
