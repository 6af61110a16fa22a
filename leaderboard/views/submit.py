"""Hand in a method: predictions are scored at once, code is kept until a maintainer runs it. Nothing uploaded runs here."""

import os
import time
from collections import deque
from pathlib import Path

import streamlit as st
from sqlalchemy.orm import Session
from streamlit import config
from streamlit.runtime.uploaded_file_manager import UploadedFile

from benchmark import registry
from benchmark.errors import Halted, UserError
from benchmark.report import submissions_table
from benchmark.store.database import open_database
from benchmark.store.models import Submission
from benchmark.submissions import private, store, tokens
from benchmark.submissions.entry import made_entry
from leaderboard.protection import is_loopback
from leaderboard.ui import downloads, opened, widgets
from leaderboard.ui.plain import plain

COMMANDS = """python -m runners.submit export-inputs --task mri --preset small --output answers   # observations, no truth
# answer each instance with a tensor `estimate` in answers/predictions/SEED-INSTANCE.safetensors; fill in answers/entry.toml
cd answers
python -m zipfile -c ../bundle.zip entry.toml predictions"""
HOUR = 3600.0  # seconds
LIMIT = "LOWDIMBENCH_HAND_INS"  # how many an hour; --hand-ins of the command
TOKEN = "Token of an earlier submission under this name (empty for the first)"


@st.cache_resource(max_entries=64, show_spinner=False)
def _times(name: str) -> deque[float]:
    """When something was handed in to a database, refused or not, by this server."""
    return deque()


def limit() -> int:
    """How many hand-ins an hour this server takes, from all visitors together."""
    text = os.environ.get(LIMIT, "")
    return int(text) if text.isdecimal() else 20


def admit() -> None:
    """Count a hand-in. Raises UserError where the hour's number is reached."""
    found, now = _times(opened.database_name()), time.monotonic()
    while found and found[0] <= now - HOUR:
        found.popleft()
    if len(found) >= limit():
        again = f"; try again in {(found[0] + HOUR - now) / 60:.0f} minutes" if found else ""
        raise UserError(f"this board takes {limit()} submissions an hour, from all visitors together{again}")
    found.append(now)


def who() -> None:
    """Who may write here."""
    address = config.get_option("server.address")
    if is_loopback(address):
        st.caption("Only this machine reaches this page.")
        return
    st.info(
        f"This page is open: every machine that reaches {plain(address or 'this one')} may submit. It takes {limit()} "
        "submissions an hour from all visitors together. Predictions are scored at once; code is only kept. The token that is "
        "shown after a submission withdraws it."
    )


def writable() -> Session:
    """Other pages read a database that they cannot change. This one writes submissions."""
    return Session(open_database(opened.database_name()))


def folder() -> Path:
    """Where files of the database lie, as for `runners.submit`."""
    name = opened.database_name()
    return (Path("results") if "://" in name else Path(name).parent).absolute()


def outcome(row: Submission, token: str, given: str) -> None:
    """The outcome of a submission in one box. Its token is shown once."""
    if row.state != "refused" and tokens.is_new(row, token, given):
        st.warning(f"Its token: {tokens.ONCE}.")
        st.code(token, language=None)
    if row.state == "refused":
        st.error(f"Submission {row.id} is refused: {plain(row.reason)}")
    elif row.state == "scored":
        near = store.public(row)["near"]
        st.success(
            f"Submission {row.id} is scored"
            + (f"; its predictions are nearly those of {plain(near)}, and it is marked so." if near else ".")
        )
        widgets.go("task", f"{row.task} / {row.preset}: the board", task=row.task, preset=row.preset)
    else:
        st.success(f"Submission {row.id} is {row.state}: {submissions_table.STATES[row.state]}.")


def private_seed() -> None:
    """What visitors may know of the board's private seed, where it has one."""
    if not (file := private.place(opened.database_name())).exists():
        return
    try:
        commitment = private.read(file).commitment
    except UserError as error:
        st.warning(plain(error))
        return
    st.info(
        f"This board has the private seed {commitment}. Its owner gives out inputs that it draws, and nobody else can draw "
        "them again. Predictions for them are submitted here, and stand on boards whose names end in it."
    )


def chosen(sent: bool, file: UploadedFile | None) -> UploadedFile | None:
    """The file of a form that was sent; one that was sent without says so."""
    if sent and file is None:
        st.error("Choose a file first.")
    return file if sent else None


def predictions() -> None:
    """A bundle, scored while one waits."""
    st.subheader("Predictions")
    st.write("Predictions are scored here, on instances that the suite makes itself. Self-reported scores are not accepted.")
    st.code(COMMANDS, language="bash", wrap_lines=True)
    private_seed()
    with st.form("predictions"):
        file = st.file_uploader("bundle.zip: entry.toml and predictions/*.safetensors or *.npy", type="zip")
        given = st.text_input(TOKEN, type="password", key="token_predictions")
        sent = st.form_submit_button("Check and score")
    if (file := chosen(sent, file)) is None:
        return
    bar = st.progress(0.0, "checking")

    def show(done: int, total: int) -> None:
        bar.progress(done / total, f"{done} of {total} instances")

    try:
        admit()
        with writable() as session:
            token = tokens.token_for(session, given)
            row = store.receive_predictions(
                session,
                file.getvalue(),
                folder(),
                file.name,
                token=token,
                seed_file=private.place(opened.database_name()),
                on_instance=show,
            )
            bar.empty()
            outcome(row, token, given)
    except (Halted, UserError) as error:
        bar.empty()
        st.error(plain(error))


def code() -> None:
    """A method's file, kept until a maintainer has read it."""
    st.subheader("Code")
    st.write(
        "One Python file that defines one method and has its name (`python -m runners.new method NAME` writes one that works). "
        "The file is kept, and runs only after a maintainer has read it. Its results are then `reproduced`. "
        "For installed packages, a maintainer submits the method: `python -m runners.submit code PACKAGE`."
    )
    tasks = registry.tasks()
    task = st.selectbox("Task to run it on", sorted(tasks), key="submit_task")
    with st.form("code"):
        left, right = st.columns(2)
        preset = left.selectbox("Preset to run it on", list(tasks[task].spec.presets), index=1)
        seeds = right.number_input("Number of seeds (0, 1, 2, ...)", 1, 100, 1)
        authors = left.text_input("Authors (separate with ;)")
        contact = right.text_input("Contact (for the maintainers; not shown)")
        link = left.text_input("Link (may be empty)")
        licence = right.text_input("Licence of the code (may be empty)")
        description = st.text_input("Description in one sentence (may be empty)")
        file = st.file_uploader("my_method.py", type="py")
        given = st.text_input(TOKEN, type="password", key="token_code")
        sent = st.form_submit_button("Submit the code")
    if (file := chosen(sent, file)) is None:
        return
    told = {"link": link, "licence": licence, "description": description}
    values: dict[str, object] = {
        "method": Path(file.name).stem,
        "authors": [name.strip() for name in authors.split(";") if name.strip()],
        "contact": contact,
        **{name: value for name, value in told.items() if value},
    }
    try:
        entry = made_entry(values, "the form")
        admit()
        with writable() as session:
            token = tokens.token_for(session, given)
            row = store.receive_code(
                session,
                file.getvalue(),
                entry,
                task=task,
                preset=str(preset),
                seeds=int(seeds),
                folder=folder(),
                name=file.name,
                token=token,
            )
            outcome(row, token, given)
    except (Halted, UserError) as error:
        st.error(plain(error))


def everything() -> None:
    """All submissions, and the door out."""
    st.subheader("Submissions")
    asked = [state for state in st.query_params.get_all("state") if state in store.STATES]
    states = st.pills("State", store.STATES, selection_mode="multi", default=asked or None, key="submit_states")
    st.query_params["state"] = list(states)
    with Session(opened.engine()) as session:
        found = submissions_table.table(session, list(states) or list(store.STATES))
        total = len(store.listed(session))
    view = widgets.view("Submissions", found, submissions_table.COLUMNS)
    if total:
        widgets.table(view)
        hidden = f"; {total - len(found)} in other states are hidden" if len(found) < total else ""
        st.caption(f"{len(found)} of {total}{hidden}. {store.RULE}")
        downloads.menus({"submissions": view}, "all")
    else:
        st.write("There is no submission yet.")
    with st.expander("Withdraw a submission"), st.form("withdraw"):
        left, right = st.columns(2)
        number = left.number_input("Number of the submission", 1, None, 1)
        proof = right.text_input("Its token (without a token: its contact)", type="password")
        reason = st.text_input("Reason (shown on this page)")
        if st.form_submit_button("Withdraw"):
            try:
                with writable() as session:
                    store.withdraw(session, int(number), reason, proof)
                st.success(f"Submission {number} is withdrawn; its results are gone. Reload the page to see it in the table.")
            except (Halted, UserError) as error:
                st.error(plain(str(error)))


st.header("Submit a method")
who()
predictions()
code()
everything()
