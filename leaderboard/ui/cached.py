"""Boards and what is computed from them, once for each state of the database. Shared between visitors: not to be changed."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import streamlit as st
from sqlalchemy.orm import Session

from benchmark.report import across, boards, curves, filters, leaders, outlines, pairs
from benchmark.report.board import Board
from benchmark.statistics import Key
from leaderboard.artifacts.figures import Array
from leaderboard.charts import thumbnail
from leaderboard.charts.task_cards import Card
from leaderboard.ui import kept
from leaderboard.ui.opened import database_name, engine, version


@st.cache_resource(max_entries=64, show_spinner=False)
def _board(version: tuple[Any, ...], task: str, preset: str) -> Board:
    with Session(engine()) as session:
        return boards.board(session, task, preset)


@st.cache_resource(max_entries=256, show_spinner=False)
def _outline(name: str, state: outlines.State | None, task: str, preset: str) -> Board:
    with Session(engine()) as session:
        return outlines.outline(session, task, preset)


@st.cache_resource(max_entries=256, show_spinner=False)
def _outline_with_gains(name: str, state: outlines.State | None, task: str, preset: str) -> Board:
    return outlines.with_gains(_outline(name, state, task, preset))


@st.cache_resource(max_entries=8, show_spinner=False)
def _boards(version: tuple[Any, ...]) -> list[tuple[str, str]]:
    with Session(engine()) as session:
        return boards.boards(session)


@st.cache_resource(max_entries=16, show_spinner=False)
def _counted(version: tuple[Any, ...], task: str, preset: str) -> Board:
    return filters.count_truncated(_board(version, task, preset))


@st.cache_resource(max_entries=32, show_spinner=False)
def _lines(version: tuple[Any, ...], task: str, preset: str, counted: bool) -> pd.DataFrame:
    shown = (_counted if counted else _board)(version, task, preset)
    with Session(engine()) as session:
        return curves.summarise(boards.curves(session, shown.comparable))


@st.cache_resource(max_entries=32, show_spinner=False)
def _times(version: tuple[Any, ...], task: str, preset: str, reference: str, counted: bool) -> pd.DataFrame:
    shown = (_counted if counted else _board)(version, task, preset)
    with Session(engine()) as session:
        points = boards.curves(session, shown.comparable)
    return pairs.times_to_quality(shown, points, next(row for row in shown.rows if row.label == reference))


@st.cache_resource(max_entries=64, show_spinner=False)
def _averages(
    name: str, places: tuple[tuple[str, str, outlines.State | None], ...]
) -> tuple[across.Across, list[tuple[tuple[str, ...], int]]]:
    found = [_outline(name, state, task, preset) for task, preset, state in places]
    return across.across(found), across.shared(found)


@st.cache_resource(max_entries=256, show_spinner=False)
def _ahead(name: str, state: outlines.State | None, task: str, preset: str) -> str:
    return leaders.ahead(_outline(name, state, task, preset))


@st.cache_resource(max_entries=256, show_spinner=False)
def _thumbnail(name: str, state: outlines.State | None, task: str, preset: str) -> str:
    board = _outline(name, state, task, preset)
    for row in board.rows:
        alone = replace(board, rows=[row])
        for key in kept.keys(alone)[:1]:
            for figure in kept.drawn(alone, key)[:1]:
                if figure.truth is not None and (found := thumbnail.of(figure.picture, _halves(board, key, figure.truth))):
                    return found
    means = [row.means[board.task.primary.name] for row in board.comparable]
    return thumbnail.dots([(one.mean, one.low, one.high) for one in means])


def _halves(board: Board, key: Key, truth: Array) -> Array:
    """The truth, whose left half is what a baseline makes of the measurements without solving anything, where that was kept."""
    naive = [row for row in board.rows if row.kind == "baseline"][:1]
    for figure in kept.drawn(replace(board, rows=naive), key)[:1] if naive else ():
        for estimate in figure.estimates.values():
            if figure.picture.kind == "image" and estimate.shape == truth.shape:
                half = truth.shape[-1] // 2
                return np.concatenate([estimate[..., :half], truth[..., half:]], -1)
    return truth


def cards(shown: Sequence[Board]) -> list[Card]:
    """A card for each task of these outlines, by its board `small` or its first."""
    name = database_name()
    with Session(engine()) as session:
        states = outlines.states(session)
    found = []
    for task in dict.fromkeys(board.task.name for board in shown):
        every = [board for board in shown if board.task.name == task]
        main = next((board for board in every if board.preset == "small"), every[0])
        place = (task, main.preset)
        state = states.get(place)
        others = [board for board in every if board is not main]
        found.append(Card(main, _thumbnail(name, state, *place), _ahead(name, state, *place), others))
    return found


def known_boards() -> list[tuple[str, str]]:
    """Every (task, preset) with a score."""
    return _boards(version())


def board(task: str, preset: str) -> Board:
    """The board of a task and a preset."""
    return _board(version(), task, preset)


def outline(task: str, preset: str) -> Board:
    """The same with the primary metric alone, and without instances and curves."""
    with Session(engine()) as session:
        state = outlines.states(session).get((task, preset))
    return _outline(database_name(), state, task, preset)


def with_truncated(shown: Board) -> Board:
    """The same board with ranks that count what instances scored that their budget ended."""
    return _counted(version(), shown.task.name, shown.preset)


def overview(gains: bool = False) -> list[Board]:
    """Outlines of every board, with differences to the baseline if asked for; only those that changed are computed anew."""
    name = database_name()
    with Session(engine()) as session:
        states = outlines.states(session)
    make = _outline_with_gains if gains else _outline
    return [make(name, states.get(place), *place) for place in known_boards()]


def averages(shown: Sequence[Board]) -> tuple[across.Across, list[tuple[tuple[str, ...], int]]]:
    """Average ranks over boards of one preset, and the sets of tasks that methods share there."""
    with Session(engine()) as session:
        states = outlines.states(session)
    places = [(board.task.name, board.preset) for board in shown]
    return _averages(database_name(), tuple((*place, states.get(place)) for place in places))


def lines(shown: Board) -> pd.DataFrame:
    """The curves of a board as charts.summarise gives them."""
    return _lines(version(), shown.task.name, shown.preset, shown.counts_truncated)


def times(shown: Board, reference: str) -> pd.DataFrame:
    """How soon each method of a board is as good as the row with the label `reference`."""
    return _times(version(), shown.task.name, shown.preset, reference, shown.counts_truncated)


def levels(shown: Board) -> pd.DataFrame:
    """When the curves of a board reach the levels of its primary metric."""
    with Session(engine()) as session:
        return pairs.levels(shown, boards.curves(session, shown.comparable))
