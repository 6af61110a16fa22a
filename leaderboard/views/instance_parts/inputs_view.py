"""Part of the instance page that shows what methods were given: masks, kernels, measurements, texts. It needs torch, so it is
imported on demand.
"""

from typing import Any

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from benchmark.errors import UserError
from benchmark.report.board import Board
from benchmark.spec import Picture
from benchmark.statistics import Key
from leaderboard.artifacts import inputs
from leaderboard.artifacts.inputs import Given
from leaderboard.charts import pixels
from leaderboard.ui import downloads, kept, widgets
from leaderboard.ui.plain import plain
from leaderboard.views.instance_parts import tiles

# one row for each estimate, as benchmark.instances.drawn keeps them
_LABELS, _GRADES = (Picture(name=name, kind="heat", title=name) for name in ("labels", "image"))


@st.cache_resource(max_entries=64, show_spinner="Making the instance anew")
def _given(task: str, version: int, preset: str, key: Key) -> Given:
    return inputs.make(task, version, preset, key)


def show(board: Board, key: Key, place: DeltaGenerator) -> None:
    """Into a place above, last of all, so that the rest of the page does not wait for it; of tasks with something to show."""
    if inputs.offered(board.task):
        with place:
            _show(board, key)


def _show(board: Board, key: Key) -> None:
    st.subheader("What the methods were given")
    try:
        found = _given(board.task.name, board.task.version, board.preset, key)
    except UserError as error:
        st.info(f"The observations cannot be shown: {plain(error)}.")
        return
    same = {label for label, seen in kept.observations(board, key).items() if seen == found.observation}
    if not same:
        st.info("The observations cannot be shown: the data here are not those that the methods saw.")
        return
    if others := [row.label for row in board.rows if row.label not in same]:
        st.caption(f"These methods saw other observations than these, or none are recorded: {plain(', '.join(others))}.")
    if found.texts:
        _texts(board, key, found, same)
    else:
        _plates(found)


def _plates(found: Given) -> None:
    flow = st.container(horizontal=True)
    for plate in found.plates:
        with flow.container(width=tiles.TILE, gap="xsmall"):
            st.markdown(f"**{plain(plate.title)}**")
            st.image(pixels.picture_png(plate.picture, 1.0), width="stretch", alt=f"{plate.title}: {plate.about}")
            st.caption(plain(plate.about))


def _texts(board: Board, key: Key, found: Given, same: set[str]) -> None:
    """Each text with the names that the methods gave it."""
    grades = not all(float(label).is_integer() for label in found.labels)
    picture = _GRADES if grades else _LABELS
    named = kept.figures_of(board, key, picture)[0].estimates
    fitting = {label: array for label, array in named.items() if label in same and array.size == len(found.texts)}
    frame = inputs.texts(found, fitting, board)
    narrow, wide = st.column_config.Column(width=60), st.column_config.TextColumn(width=640)
    config: dict[str, Any] = {"number": narrow, "text": wide, "true": narrow}
    st.dataframe(frame, hide_index=True, column_config=config, width="stretch")
    view = widgets.view(f"texts of seed {key[0]}, instance {key[1]}", frame, {})
    downloads.of_board(board, {"texts": view}, f"{key[0]}_{key[1]}")
    wrong = (
        "texts that most methods classify wrongly come first. ✓: correct; ✗: the label that the method gave" if fitting else ""
    )
    st.caption(f"{len(frame)} texts" + (f"; {wrong}." if wrong and not grades else "."))
    if missing := [row.label for row in board.rows if row.label not in fitting]:
        st.caption(
            f"The labels that these methods gave were not kept, because their runs are older: {plain(', '.join(missing))}."
        )
