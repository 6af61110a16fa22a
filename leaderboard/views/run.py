"""One run: everything that is stored about it, and how to reproduce it."""

import json
from pathlib import Path

import streamlit as st
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from benchmark.errors import UserError
from benchmark.report import runs, tables
from benchmark.report.runs import Detail
from benchmark.store.models import Run
from benchmark.store.queries import pick_run
from leaderboard.addresses import address
from leaderboard.charts import run_curves
from leaderboard.ui import cached, downloads, drawing, ends, opened, widgets
from leaderboard.ui.plain import plain


def ask() -> str:
    """Number or start of a digest, kept in the URL as `run`."""
    asked = st.query_params.get("run", "")[:64]
    if "run_text" not in st.session_state or asked != st.session_state.get("last_run", ""):
        st.session_state["run_text"] = asked  # a link, and not what stands there since the last input
    with st.columns(3)[0]:
        text = st.text_input("Run", key="run_text", placeholder="its number, or the start of its digest", max_chars=64)
    st.session_state["last_run"] = text.strip()
    if text.strip():
        st.query_params["run"] = text.strip()
    elif "run" in st.query_params:
        del st.query_params["run"]
    return text.strip()


def what_there_is(session: Session) -> None:
    """The newest runs, each with a link."""
    every = session.scalar(select(func.count(Run.id))) or 0
    if not every:
        st.write("The database holds no run yet. This fills it:")
        st.code(ends.FILL, language="bash")
        return
    frame = runs.listing(session)
    newest = f"; the newest {len(frame)} are listed" if len(frame) < every else ""
    st.subheader("Runs in this database")
    st.caption(f"{tables.count(every, 'run')}{newest}, newest first. A method's page lists the runs of that method.")
    view = widgets.view("Runs", frame, runs.LISTING)
    widgets.table(view, [address("run", run=number) for number in frame["run"]])
    downloads.menus({"list": view}, "runs")


def where(found: Detail) -> None:
    """Links to its board and method, and how it stands on the board."""
    with st.container(horizontal=True):
        widgets.go("method", f"Method {found.method} →", method=found.method)
        if (found.task.name, found.preset) in cached.known_boards():
            widgets.go("task", f"Board {found.task.name} / {found.preset} →", task=found.task.name, preset=found.preset)
    if (found.task.name, found.preset) not in cached.known_boards():
        st.caption("Its task and preset have no board, because no run of them has a score.")
        return
    row, why = runs.place(cached.board(found.task.name, found.preset), found)
    if row is None:
        st.info(f"It is not on the board of its task and preset: {plain(why)}.")
    else:
        rank = f"rank {row.rank}" if row.rank else "without a rank"
        st.caption(f"On the board it is part of the row {plain(row.label)} ({rank}, seeds {seeds(row.seeds)}).")


def seeds(numbers: list[int]) -> str:
    """'0, 1, 2'."""
    return ", ".join(map(str, numbers))


def stored(found: Detail) -> None:
    """Key, outcome and environment."""
    left, right = st.columns(2)
    with left:
        st.subheader("Key")
        widgets.facts(found.key)
    with right:
        st.subheader("Outcome")
        widgets.facts(found.outcome)
    st.subheader("Environment")
    widgets.facts(found.environment)


def again(found: Detail) -> None:
    """Commands."""
    st.subheader("Reproduce")
    st.code(found.command, language="bash", wrap_lines=True)
    st.caption("The first command says what has changed since the run, the second runs it again and compares the scores:")
    st.code(f"python -m runners.show {found.id}\npython -m runners.reproduce {found.id}", language="bash", wrap_lines=True)


def scores(found: Detail) -> None:
    """Means and a line for each instance, which leads to its page."""
    st.subheader("Scores by instance")
    if found.scores.empty:
        st.write("The run ended before its first instance was done.")
        return
    means = widgets.view(f"Means of run {found.id}", found.means, runs.MEANS)
    table = widgets.view(f"Scores of run {found.id}", found.scores, found.score_columns)
    widgets.table(widgets.view(means.title, found.means[list(runs.MEANS)], runs.MEANS))
    on_page = (found.task.name, found.preset) in cached.known_boards() and found.split == "test"
    place = {"task": found.task.name, "preset": found.preset, "seed": found.seed}
    links = [address("instance", **place, instance=number) for number in found.scores["instance"]]
    widgets.table(table, links if on_page else None)
    downloads.menus({"scores": table, "means": means}, f"run_{found.id}")


def progress(found: Detail) -> None:
    """The points of its curves."""
    st.subheader("Curves")
    if found.curves.empty:
        st.write("The method recorded no intermediate estimates.")
        return
    left, right = st.columns(2)
    drawing.show(run_curves.chart(found.curves, found.task, "step"), f"run_{found.id}_steps", left)
    drawing.show(run_curves.chart(found.curves, found.task, "seconds"), f"run_{found.id}_seconds", right)
    st.caption(
        f"One line for each instance and series, {len(found.curves):,} points in all. The series `estimate` is what the method "
        "would return if it stopped there. Other series are other iterates, or other quantities that the task computes."
    )
    downloads.menus({"curves": widgets.view(f"Curves of run {found.id}", found.curves, {})}, f"run_{found.id}")


def files(found: Detail) -> None:
    """The files that the run kept beside the database."""
    st.subheader("Files it kept")
    if found.artifacts.empty:
        st.write("None.")
        return
    view = widgets.view(f"Files of run {found.id}", found.artifacts, runs.ARTIFACTS)
    widgets.table(view)
    downloads.menus({"files": view}, f"run_{found.id}")


def show(found: Detail) -> None:
    """The page of a run."""
    st.header(f"Run {found.id}: {plain(found.label)}")
    st.write(plain(f"{found.task.title} / {found.preset}, seed {found.seed}"))
    where(found)
    if found.errors:
        st.subheader("What went wrong")
        for name, text in found.errors:
            st.caption(plain(name))
            st.code(text, language=None, wrap_lines=True)
    stored(found)
    again(found)
    scores(found)
    progress(found)
    files(found)
    text = json.dumps(runs.content(found), indent=1, ensure_ascii=False)
    name = f"run_{found.id}.json"
    st.download_button("Everything as JSON", text, name, "application/json", on_click="ignore")


text = ask()
database = opened.database_name()
with Session(opened.engine()) as session:
    if not text:
        st.header("Run")
        what_there_is(session)
    else:
        try:
            run = pick_run(session, text)
        except UserError as error:
            st.header("Run")
            st.warning(plain(error))
            what_there_is(session)
        else:
            show(runs.detail(session, run, None if "://" in database else Path(database).resolve().parent))
