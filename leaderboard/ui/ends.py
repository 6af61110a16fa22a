"""The text of a page without results, and the foot of every page."""

import streamlit as st
from sqlalchemy.orm import Session

from benchmark import environment
from benchmark.report import boards
from leaderboard.ui.opened import database_name, engine, short_name
from leaderboard.ui.plain import plain

FILL = "make demo\n# or\npython -m runners.run --task mri --method all"


def nothing_yet(reason: str) -> None:
    """The page of a database without results."""
    st.header("No results yet")
    st.write(f"{reason} This command runs methods on tasks and fills it; then reload this page:")
    st.code(FILL, language="bash")


def footer(opened: bool) -> None:
    """Code commit, time of the newest result, name of the database."""
    parts = [f"code {environment.commit_text(*environment.commit(), 10)}"]
    if opened:
        with Session(engine()) as session:
            newest = boards.newest_result(session)
        parts.append(f"newest result {newest:%Y-%m-%d %H:%M} UTC" if newest else "no result yet")
    parts.append(f"database {plain(short_name(database_name()))}")
    st.divider()
    st.caption(" · ".join(parts) + " · every number is computed from the raw scores when the page is shown")
