"""Choices that live in the address of a page, so that a link shows the same."""

from collections.abc import Callable, Sequence
from typing import Any

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from benchmark.report.board import Board
from leaderboard.ui import cached
from leaderboard.ui.plain import plain


def choose(label: str, key: str, options: Sequence[Any], name: Callable[[Any], str] = str) -> Any:
    """A selection that lives in the URL as `key`. Keeps the last choice across pages."""
    state, last = f"choose_{key}", st.session_state.get(f"last_{key}")
    known = {str(option): option for option in options}
    asked = st.query_params.get(key)
    wanted: str = str(st.session_state.get(state, last))
    if asked is not None and asked != last:  # a link, and not what stands there since the last choice
        wanted = asked
        if asked not in known:
            st.warning(f"the link asks for {key} '{plain(asked)}', which is not there; showing {plain(next(iter(known)))}")
    # by its key and not by a default: a default that follows the URL makes another widget, which forgets what was clicked
    st.session_state[state] = known.get(wanted, options[0])
    chosen = st.selectbox(label, options, format_func=name, key=state)
    st.query_params[key] = st.session_state[f"last_{key}"] = str(chosen)
    return chosen


def choose_board(left: DeltaGenerator, right: DeltaGenerator) -> Board:
    """Selectors of task and preset in two columns, and the board they name."""
    every = cached.known_boards()
    with left:
        task = choose("Task", "task", sorted({t for t, _ in every}))
    with right:
        preset = choose("Preset", "preset", [p for t, p in every if t == task])
    return cached.board(task, preset)
