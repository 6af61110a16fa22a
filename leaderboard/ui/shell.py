"""What every page needs from Streamlit: the open database, cached boards, choices kept in the URL, and the footer."""

import argparse
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pandas as pd
import streamlit as st
from sqlalchemy import Engine, make_url
from sqlalchemy.orm import Session
from streamlit.delta_generator import DeltaGenerator

from benchmark.environment import commit
from benchmark.report import across, boards, curves, outlines, pairs
from benchmark.report.board import Board
from benchmark.report.tables import Column
from benchmark.spec import Picture
from benchmark.statistics import Key
from benchmark.store.database import location, open_database
from leaderboard.artifacts import images, nearest, spectra
from leaderboard.artifacts.figures import Figure, read_figures
from leaderboard.artifacts.stacks import Stack, read_stack
from leaderboard.ui.plain import plain

FILL = "make demo\n# or\npython -m runners.run --task mri --method all"


def database_name() -> str:
    """What the user named: `-- --db PATH` after streamlit run, else LOWDIMBENCH_DB, else the default."""
    parser = argparse.ArgumentParser(add_help=False, allow_abbrev=False)
    parser.add_argument("--db")
    return location(parser.parse_known_args(sys.argv[1:])[0].db)


def is_missing(name: str) -> bool:
    """Whether the database is a file that nobody has made yet."""
    return "://" not in name and not Path(name).exists()


def short_name(name: str) -> str:
    """The file's name without its folder, or the database of a URL without its password."""
    return str(make_url(name).database) if "://" in name else Path(name).name


@st.cache_resource(max_entries=4, show_spinner=False)
def _engine(name: str, inode: int) -> Engine:
    return open_database(name, create=False, read_only=True)


def engine() -> Engine:
    """The open database; opened again where its file was replaced. Raises UserError."""
    name = database_name()
    return _engine(name, 0 if "://" in name else Path(name).stat().st_ino)


def _version() -> tuple[Any, ...]:
    """The key of every cache: changes with the file, its write-ahead log, or what is in the tables."""
    name = database_name()
    files = [] if "://" in name else [Path(name), Path(f"{name}-wal")]
    stamps = tuple(p.stat().st_mtime_ns for p in files if p.exists())
    return (name, stamps, boards.data_version(engine()))


@st.cache_resource(max_entries=64, show_spinner=False)
def _board(version: tuple[Any, ...], task: str, preset: str) -> Board:
    with Session(engine()) as session:
        return boards.board(session, task, preset)


@st.cache_resource(max_entries=256, show_spinner=False)
def _outline(name: str, state: outlines.State | None, task: str, preset: str) -> Board:
    with Session(engine()) as session:
        return outlines.outline(session, task, preset)


@st.cache_resource(max_entries=8, show_spinner=False)
def _boards(version: tuple[Any, ...]) -> list[tuple[str, str]]:
    with Session(engine()) as session:
        return boards.boards(session)


@st.cache_resource(max_entries=32, show_spinner=False)
def _lines(version: tuple[Any, ...], task: str, preset: str) -> pd.DataFrame:
    with Session(engine()) as session:
        return curves.summarise(boards.curves(session, _board(version, task, preset).comparable))


@st.cache_resource(max_entries=32, show_spinner=False)
def _times(version: tuple[Any, ...], task: str, preset: str, reference: str) -> pd.DataFrame:
    shown = _board(version, task, preset)
    with Session(engine()) as session:
        points = boards.curves(session, shown.comparable)
    return pairs.times_to_quality(shown, points, next(row for row in shown.rows if row.label == reference))


def known_boards() -> list[tuple[str, str]]:
    """Every (task, preset) with a score."""
    return _boards(_version())


def board(task: str, preset: str) -> Board:
    """A board, computed once for each state of the database. Shared between visitors: not to be changed."""
    return _board(_version(), task, preset)


@st.cache_resource(max_entries=256, show_spinner=False)
def _outline_with_gains(name: str, state: outlines.State | None, task: str, preset: str) -> Board:
    return outlines.with_gains(_outline(name, state, task, preset))


@st.cache_resource(max_entries=64, show_spinner=False)
def _averages(
    name: str, places: tuple[tuple[str, str, outlines.State | None], ...]
) -> tuple[across.Across, list[tuple[tuple[str, ...], int]]]:
    found = [_outline(name, state, task, preset) for task, preset, state in places]
    return across.across(found), across.shared(found)


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


def lines(task: str, preset: str) -> pd.DataFrame:
    """The curves of a board as charts.summarise gives them."""
    return _lines(_version(), task, preset)


def times(task: str, preset: str, reference: str) -> pd.DataFrame:
    """How soon each method of a board is as good as the row with the label `reference`."""
    return _times(_version(), task, preset, reference)


def levels(task: str, preset: str) -> pd.DataFrame:
    """When the curves of a board reach the levels of its primary metric."""
    shown = board(task, preset)
    with Session(engine()) as session:
        return pairs.levels(shown, boards.curves(session, shown.comparable))


def singular_values(shown: Board, key: Key) -> pd.DataFrame:
    """Singular values that methods kept along one (seed, instance)."""
    name = database_name()
    if "://" in name:
        return pd.DataFrame()
    with Session(engine()) as session:
        return spectra.spectra(session, Path(name).resolve().parent, shown.rows, key)


def pictures(shown: Board, key: Key) -> images.Pictures:
    """The images of one (seed, instance); files are looked for beside the database."""
    name = database_name()
    if "://" in name:
        return images.Pictures(None, {}, {})
    with Session(engine()) as session:
        return images.pictures(session, Path(name).resolve().parent, shown.rows, key)


def with_pictures(shown: Board) -> list[Key]:
    """Each (seed, instance) of which an estimate was kept; none where files cannot be looked for."""
    if "://" in database_name():
        return []
    with Session(engine()) as session:
        return images.kept(session, shown.rows)


def drawn(shown: Board, key: Key) -> list[Figure]:
    """What the task declares that it draws, of one (seed, instance), in its order; files are looked for beside the database."""
    return figures_of(shown, key, *shown.task.pictures)


def figures_of(shown: Board, key: Key, *pictures: Picture) -> list[Figure]:
    """These pictures, declared or not."""
    name = database_name()
    if "://" in name:
        return [Figure(picture, None, {}, {}) for picture in pictures]
    with Session(engine()) as session:
        return read_figures(session, Path(name).resolve().parent, shown.rows, key, pictures)


def observations(shown: Board, key: Key) -> dict[str, str]:
    """Label -> hash of what the method was shown as one (seed, instance)."""
    with Session(engine()) as session:
        return nearest.observations(session, shown.rows, key)


def stack(shown: Board, key: Key) -> Stack:
    """The curves of one (seed, instance), of a task with an axis; files are looked for beside the database."""
    name = database_name()
    if "://" in name:
        return Stack(None, {}, None, {})
    with Session(engine()) as session:
        return read_stack(session, Path(name).resolve().parent, shown.rows, key)


def choose(label: str, key: str, options: Sequence[Any], name: Callable[[Any], str] = str) -> Any:
    """A selection that lives in the URL as `key`, so that a link shows the same. Keeps the last choice across pages."""
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
    every = known_boards()
    with left:
        task = choose("Task", "task", sorted({t for t, _ in every}))
    with right:
        preset = choose("Preset", "preset", [p for t, p in every if t == task])
    return board(task, preset)


def table(frame: pd.DataFrame, columns: dict[str, Column], pinned: str = "method") -> None:
    """A sortable table; numbers stay numbers. Columns without a description are shown as they are."""
    config: dict[str, Any] = {}
    for name, column in columns.items():
        stuck = name in ("rank", pinned)
        if column.format is None:
            config[name] = st.column_config.TextColumn(help=column.help, width=column.width, pinned=stuck)
        else:
            config[name] = st.column_config.NumberColumn(
                help=column.help, width=column.width, pinned=stuck, format=column.format
            )
    st.dataframe(frame, hide_index=True, column_config=config, width="stretch", placeholder="")


def link(source: str) -> str:
    """Markdown link of a paper given as 'arXiv:...' or 'doi:...'; other text as it is."""
    kind, _, rest = source.partition(":")
    home = {"arxiv": "https://arxiv.org/abs/", "doi": "https://doi.org/"}.get(kind.lower())
    return f"[{source}]({home}{rest})" if home and rest else source


def nothing_yet(reason: str) -> None:
    """The page of a database without results."""
    st.header("No results yet")
    st.write(f"{reason} This command runs methods on tasks and fills it; then reload this page:")
    st.code(FILL, language="bash")


def footer(opened: bool) -> None:
    """Code commit, time of the newest result, name of the database."""
    head, dirty = commit()
    parts = [f"code {head[:10]}{' + uncommitted changes' if dirty and head != 'unknown' else ''}"]
    if opened:
        with Session(engine()) as session:
            newest = boards.newest_result(session)
        parts.append(f"newest result {newest:%Y-%m-%d %H:%M} UTC" if newest else "no result yet")
    parts.append(f"database {short_name(database_name())}")
    st.divider()
    st.caption(" · ".join(parts) + " · every number is computed from the raw scores when the page is shown")
