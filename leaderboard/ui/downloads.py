"""Buttons that save what a page shows. The contents are made when a button is clicked."""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial

import pandas as pd
import streamlit as st

from benchmark import environment
from benchmark.report import formats
from benchmark.report.board import Board
from benchmark.report.formats import View
from benchmark.report.tables import Column
from leaderboard.ui import opened

FORMATS = {
    "CSV": ("csv", "csv", "text/csv"),
    "JSON": ("json", "json", "application/json"),
    "LaTeX": ("latex", "tex", "text/x-tex"),
    "Markdown": ("markdown", "md", "text/markdown"),
}


def about(*lines: str) -> list[str]:
    """How to find a view again: the code, the database, and what the page adds."""
    return [
        f"code: commit {environment.commit_text(*environment.commit(), 10)}",
        f"database: {opened.short_name(opened.database_name())}",
        *lines,
    ]


def buttons(view: Callable[[], View], stem: str, picture: Callable[[], str] | None = None, label: str = "Save") -> None:
    """A menu of them: the table `view()` in each format, and an SVG where there is one. stem: see `file`.

    A menu, because a browser makes what is in it only when it is opened: ten buttons cost a page half a second.
    """
    with st.popover(label, icon=":material/download:", type="tertiary", key=f"menu_{stem}"):
        for label, (name, suffix, mime) in FORMATS.items():
            _button(label, partial(_table, view, name), file(stem, suffix), mime)
        if picture is not None:
            _button("SVG", picture, file(stem, "svg"), "image/svg+xml")


def menus(views: Mapping[str, View], name: str) -> None:
    """A menu for each view; its key says what it holds. name: start of the files' names."""

    def menu(what: str, view: View) -> None:
        buttons(lambda: view, f"{name}_{what}", label=f"Save {what}")

    with st.container(horizontal=True):
        for what, view in views.items():
            menu(what, view)


def of_board(board: Board, views: Mapping[str, View], name: str = "") -> None:
    """The same for tables about a board, which stands before their titles and in the files' names, or about `name` on it."""
    about = f"{board.task.name} version {board.task.version}, {board.preset}"
    titled = {what: replace(view, title=f"{about}: {view.title}") for what, view in views.items()}
    menus(titled, f"{stem(board)}_{name}" if name else stem(board))


def stem(board: Board) -> str:
    """How the names of files about a board begin."""
    return f"{board.task.name}_v{board.task.version}_{board.preset}"


def file(stem: str, suffix: str) -> str:
    """The name of a file: 'lowdimbench_mri_v1_small_steps.svg'."""
    return re.sub(r"[^\w.-]+", "_", f"lowdimbench_{stem}.{suffix}")


def _table(view: Callable[[], View], name: str) -> str | bytes:
    return formats.FORMATS[name](view())


def _button(label: str, contents: Callable[[], str | bytes], file: str, mime: str) -> None:
    st.download_button(label, contents, file, mime, key=f"save_{file}", on_click="ignore", type="tertiary")


def simple(title: str, frame: pd.DataFrame, columns: Mapping[str, Column], lines: Sequence[str]) -> View:
    """A table without a best line."""
    return View(title, frame, columns, [False] * len(frame), frozenset(), lines)
