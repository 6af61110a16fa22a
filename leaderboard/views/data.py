"""Every source of data: what it is and is not, origin, licence, checksums, and which presets read it."""

import pandas as pd
import streamlit as st

from benchmark.report import data_sources
from benchmark.report.tables import Column
from benchmark.store import schema
from leaderboard.addresses import address
from leaderboard.ui import cached, choices, downloads, widgets
from leaderboard.ui.plain import plain

USES = {
    "task": Column("", 150),
    "preset": Column("", 130),
    "version": Column("Of the task", 70, "%d"),
    "source": Column("What the preset reads; empty: made from the seed alone", 190),
    "about": Column("What is special about the preset", 420),
}
CHECKSUMS = {"file": Column("", 420), "SHA-256": Column("", 520)}


@st.cache_data(ttl=600, max_entries=64, show_spinner=False)
def checked(name: str) -> str:
    """data.check, not at every click: an encoder is 90 MB."""
    return data_sources.check(name)


def everything(found: dict[str, data_sources.Source]) -> None:
    """All sources in one table."""
    view = widgets.view("Sources of data (benchmark/datasets/SOURCES.md)", data_sources.overview(found), data_sources.COLUMNS)
    links = [address("data", source=name) for name in found]
    widgets.table(view, links)
    downloads.menus({"sources": view}, "data")


def one(source: data_sources.Source) -> None:
    """One source in full."""
    st.subheader(source.name)
    about = source.about
    for heading in ("what it is", "what it is not", "origin", "licence", "made by", "SHA-256"):
        if about.get(heading):
            st.markdown(f"**{heading[0].upper()}{heading[1:]}**: {about[heading]}")
    if not about:
        st.write("SOURCES.md has no row for it.")
    st.markdown(f"**Where**: {source.kind}" + (f"; {plain(source.how)}" if source.how else ""))
    st.caption(plain(checked(source.name)))
    if source.files:
        frame = pd.DataFrame(source.files, columns=list(CHECKSUMS))
        view = widgets.view(f"Files of {source.name}", frame, CHECKSUMS)
        widgets.table(view)
        downloads.menus({"checksums": view}, f"data_{source.name}")
    if source.licence_text:
        with st.expander("The licence in full"):
            st.code(source.licence_text, language=None, wrap_lines=True)
    readers(source)


def readers(source: data_sources.Source) -> None:
    """Links to the boards of presets that read the source; without results, their names."""
    boards = set(cached.known_boards())
    with_results = [pair for pair in source.used if pair in boards]
    rest = [f"{task} / {preset}" for task, preset in source.used if (task, preset) not in boards]
    st.markdown("**Read by**" + ("" if source.used else ": no preset"))
    with st.container(horizontal=True):
        for task, preset in with_results:
            widgets.go("task", f"{task} / {preset}", task=task, preset=preset)
    if rest:
        st.caption(f"Without results here: {plain(', '.join(rest))}.")


def by_preset() -> None:
    """Which preset reads what."""
    st.subheader("The sources that each preset reads")
    frame = data_sources.uses()
    view = widgets.view("What each preset reads", frame, USES)
    widgets.table(view)
    downloads.menus({"presets": view}, "data")


def database() -> None:
    """What the tables of the database hold, from their classes."""
    st.subheader("The tables of this database")
    st.write("Any tool that reads SQLite or PostgreSQL can read the database. Most questions need only the view `scores`:")
    st.code(schema.EXAMPLE, language="sql", wrap_lines=True)
    for table in schema.tables():
        with st.expander(f"{table.name}: {plain(table.about.splitlines()[0])}"):
            st.code(table.about, language=None, wrap_lines=True)
            widgets.lines(table.columns, ["column", "type", "what"])


st.header("Data")
sources = data_sources.known()
yours = sum(source.kind == "you bring it" for source in sources.values())
st.write(
    f"{len(sources)} sources. {len(sources) - yours} come with the suite or with packages that it depends on, and work "
    f"offline. {yours} are not shipped: you supply them with `--data-dir`. Every file that is shipped has a SHA-256, which is "
    "checked whenever the file is read. The checksums are part of the key of each run, so runs on other data are other runs."
)
everything(sources)
with st.columns(3)[0]:
    chosen = choices.choose("Source in full", "source", list(sources))
one(sources[chosen])
by_preset()
database()
