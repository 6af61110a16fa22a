"""The part of the instance page that is for retrieval: queries and their nearest videos as moving pictures, two methods side by
side.
"""

import numpy as np
import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from benchmark.errors import UserError
from benchmark.report.board import Board, Row
from benchmark.statistics import Key
from leaderboard.artifacts import nearest
from leaderboard.artifacts.figures import Figure
from leaderboard.artifacts.nearest import SHOWN, Places, Videos
from leaderboard.charts import clips, retrieval_classes
from leaderboard.ui import choices, downloads, drawing, kept, widgets
from leaderboard.ui.plain import plain
from leaderboard.views.instance_parts import tiles

PAGE = 5  # queries shown at once


@st.cache_resource(max_entries=2, show_spinner="Making the videos of this instance")
def _videos(task: str, version: int, preset: str, key: Key) -> Videos:
    return nearest.make(task, version, preset, key)


@st.cache_data(max_entries=400, show_spinner=False)
def _strip(observation: str, query: int, places: tuple[int, ...], moving: bool, _videos: Videos) -> str:
    """HTML of one query and its nearest, whole or the middle frame."""
    videos, chosen = _videos, np.array(places)
    right = videos.right(chosen[None], query)[0].tolist()
    shown = np.concatenate([videos.queries[query][None], videos.gallery[chosen]])
    middle = shown.shape[1] // 2
    picture = clips.strip(shown if moving else shown[:, middle : middle + 1], right)
    names = [videos.name(label) for label in videos.classes[chosen].tolist()]
    return clips.figure(picture, f"{query}: {videos.name(int(videos.asked[query]))}", names, right)


def show(board: Board, found: Figure, key: Key) -> None:
    """The nearest videos by method, and the methods of which nothing can be shown."""
    _compared(board, found, key)
    tiles.problems(found.problems, "nearest videos")
    tiles.absent(board, found.estimates, found.problems, "nearest videos")


def _compared(board: Board, found: Figure, key: Key) -> None:
    """Two methods on some of the queries, and on each class; without the videos, the places of the nearest."""
    near = {label: nearest.places(picture) for label, picture in found.estimates.items()}
    if not near:
        st.write("No nearest videos were kept for this instance.")
        return
    try:
        videos = _videos(board.task.name, board.task.version, board.preset, key)
        near = believed(board, near, key, videos)
    except UserError as error:
        st.info(f"The videos cannot be shown: {plain(error)}.")
        _table(board, near, found)
        return
    boxes = st.columns(4)
    chosen = choose_methods(board, near, *boxes[:2])
    with boxes[2]:
        queries = choose_filter(videos, [near[row.label] for row in chosen])
    with boxes[3]:
        first = choose_query(videos, queries)
    place = queries.index(first)
    page = queries[place : place + PAGE]
    rest = (
        f" Shown are {len(page)} of {len(queries)} queries; begin with another to see more." if len(page) < len(queries) else ""
    )
    st.caption(
        "In each strip the query comes first, then its five nearest videos of the gallery, nearest first. Green with a check "
        f"mark: of the query's class. Orange with a cross: of another class. Below each video: its class.{rest}"
    )
    moving = st.toggle("Play", value=True)
    for column, row in zip(st.columns(len(chosen), gap="medium"), chosen, strict=True):
        with column:
            strips(board, row, key, videos, near[row.label], page, moving)
    summary(board, videos, {row.label: near[row.label] for row in chosen})


def believed(board: Board, near: dict[str, Places], key: Key, videos: Videos) -> dict[str, Places]:
    """The neighbours that belong to these videos. The page says why the others do not. Raises UserError where none does."""
    observations = kept.observations(board, key)
    same = {label: one for label, one in near.items() if observations.get(label) == videos.observation}
    if not same:
        raise UserError("the data here are not those that the methods were shown")
    for label in sorted(near.keys() - same.keys()):
        st.caption(f"No nearest videos of {plain(label)}: it was shown other data than those here.")
    for label, problem in [(label, nearest.misfit(one, videos)) for label, one in sorted(same.items())]:
        if problem:
            st.caption(f"No nearest videos of {plain(label)}: {plain(problem)}.")
            del same[label]
    if not same:
        raise UserError("the kept neighbours do not fit these videos")
    return same


def choose_methods(board: Board, near: dict[str, Places], *boxes: DeltaGenerator) -> list[Row]:
    """The baseline and the best one before a visitor chooses; one where there is no other."""
    rows = {row.label: row for row in board.rows if row.label in near}
    with boxes[0]:
        first = choices.choose("First method", "first", sorted(rows, key=lambda label: rows[label] is not board.baseline))
    if others := [label for label in rows if label != first]:
        with boxes[1]:
            return [rows[first], rows[choices.choose("Second method", "second", others)]]
    return [rows[first]]


def choose_filter(videos: Videos, found: list[Places]) -> list[int]:
    """The queries to go through."""
    every = list(range(len(videos.queries)))
    apart = nearest.different(videos, *found) if len(found) == 2 else []
    if not apart:
        st.selectbox("Queries", [f"all {len(every)}"], disabled=True, help="The nearest is right for the same queries")
        return every
    names = {"different": f"answered differently: {len(apart)} of {len(every)}", "all": f"all {len(every)}"}
    return apart if choices.choose("Queries", "queries", list(names), names.__getitem__) == "different" else every


def choose_query(videos: Videos, queries: list[int]) -> int:
    """Where to begin; the next one of the choice above where the last query is not among them any more."""
    wanted = st.query_params.get("query", "")
    if wanted.isdecimal() and int(wanted) < len(videos.queries) and int(wanted) not in queries:
        st.query_params["query"] = str(next((q for q in queries if q > int(wanted)), queries[0]))
    number: int = choices.choose("Query to begin with", "query", queries, lambda q: f"{q}: {videos.name(int(videos.asked[q]))}")
    return number


def strips(board: Board, row: Row, key: Key, videos: Videos, found: Places, queries: list[int], moving: bool) -> None:
    """One method: how it does, and a page of queries."""
    tiles.heading(board, row, key)
    st.caption(nearest.hits(videos, found))
    for query in queries:
        st.html(_strip(videos.observation, query, tuple(found[query, :SHOWN].tolist()), moving, videos))


def summary(board: Board, videos: Videos, found: dict[str, Places]) -> None:
    """All queries of the instance: by method, and by class."""
    st.subheader("All queries")
    left, right = st.columns(2, gap="medium")
    with left:
        frame, columns = nearest.shares(videos, found)
        widgets.numbers(frame, columns)
        downloads.of_board(board, {"queries": widgets.view("shares of the queries of one instance", frame, columns)})
        if (chance := nearest.chance(videos)) is not None:
            st.caption(
                f"A gallery video taken at random would have the query's background for {100 * chance:.1f} % of the queries. A "
                "method that finds it much more often goes by the background."
            )
    with right:
        drawing.show(retrieval_classes.class_chart(nearest.by_class(videos, found), board), f"{downloads.stem(board)}_classes")
        if len(found) == 2:
            first, second = found
            st.caption(
                f"By class of the query. Classes in which {plain(second)} is furthest ahead of {plain(first)} come first."
            )


def _table(board: Board, near: dict[str, Places], found: Figure) -> None:
    """What can be said without the videos."""
    chosen = choose_methods(board, near, *st.columns(4)[:2])
    truth = None if found.truth is None else nearest.places(found.truth)
    frame, columns = nearest.without_videos({row.label: near[row.label] for row in chosen}, truth)
    widgets.numbers(frame, columns, pinned="query")
    downloads.of_board(
        board, {"neighbours": widgets.view("nearest videos of each query, as places in the gallery", frame, columns)}
    )
    if truth is not None:
        st.caption(f"✓: one of the {truth.shape[1]} videos of the query's class that were kept as the truth; it may have more.")
