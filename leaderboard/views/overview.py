"""Every task and preset with results: who leads, by how much over the baseline, and what cannot be told apart."""

import streamlit as st

from leaderboard import charts, shell, tables
from leaderboard.across import Across, by_preset
from leaderboard.board import Board
from leaderboard.ranking import improves

WIDTHS = [2.2, 3.6, 2.8]


def leaders(board: Board) -> str:
    """The methods of rank 1, or why there are no ranks."""
    first = [row.label for row in board.rows if row.rank == 1]
    if not first:
        why = "no complete row" if board.rankable else f"{board.instances} instances are too few for ranks"
        return f"**{board.rows[0].label}** in the mean; {why}"
    rest = f" — not separable from it: {', '.join(first[1:])}" if first[1:] else ""
    return f"**{first[0]}**{rest}"


def lead(board: Board) -> str:
    """Difference of the best row to the baseline, with interval."""
    best, base = board.rows[0], board.task.baseline
    if board.baseline is None:
        return f"No difference: {base} has no results here"
    if best is board.baseline:
        return f"The baseline {base} leads"
    if best.gain is None:
        return f"No difference: no seed in common with {base}"
    text = tables.gain_text(best.gain, board.task.primary)
    unclear = improves(best.gain, board.task.primary) == "unclear" and tables.TOO_FEW not in text
    return f"Against {base}: {text}{' (zero not excluded)' if unclear else ''}"


def line(board: Board) -> None:
    """One task and preset: where it is, who leads, by how much."""
    place = {"task": board.task.name, "preset": board.preset}
    seeds, methods = ({run.seed for row in board.rows for run in row.runs}, {row.method for row in board.rows})
    partial = sum(not row.complete for row in board.rows)
    parts = [
        f"{tables.count(board.instances, 'instance')} x {tables.count(len(seeds), 'seed')}",
        tables.count(len(methods), "method"),
    ]
    if partial:
        parts.append(f"{tables.count(partial, 'row')} incomplete")
    with st.container(border=True):
        title, best, difference = st.columns(WIDTHS, vertical_alignment="center")
        title.page_link(
            "views/task.py", label=f":blue[**{board.task.title}** / {board.preset}]", query_params=place, width="stretch"
        )
        title.caption(" · ".join(parts))
        best.write(f"Best by {board.task.primary.name}: {leaders(board)}")
        difference.write(lead(board))


def average_ranks(ranked: Across) -> None:
    """The methods across all tasks with results on one preset."""
    st.subheader(f"Average rank over tasks, preset {ranked.preset}")
    shell.table(ranked.frame, ranked.columns)
    st.caption(
        " ".join(ranked.sentences) + " Average rank: on each instance the methods that are complete on all of these tasks are "
        "ranked by the primary metric (seeds averaged first; 1 is best, ties share a rank), ranks are averaged over the "
        "instances of a task, then over tasks, so that each task counts the same. Other methods follow without a rank, because "
        "averages over other tasks do not compare."
    )


st.header("LowDimBench")
st.write(
    "Methods that exploit low-dimensional structure, on versioned tasks. Every method meets the same instances, so "
    "differences are paired; intervals are 95 % bootstrap intervals over instances. Methods lead together unless the first is "
    "separated from them by a test of all pairs at once (any false separation: at most 5 %)."
)
found = [shell.board(task, preset) for task, preset in shell.boards()]
for one in found:
    line(one)

for across in by_preset(found):
    average_ranks(across)

st.subheader("Difference to the baseline in each task's primary metric")
table = tables.gains(found)
if table.empty:
    st.write("No task has results of its baseline, so there is no difference to show.")
else:
    st.altair_chart(charts.heat_map(table, list(dict.fromkeys(table["board"]))), width="stretch")
    st.caption(
        "Blue: better than the baseline; orange: worse. Colour is scaled within each row and units are never mixed. "
        "In brackets: the interval contains zero, or there are too few instances for one, or the row is incomplete. "
        "\\*: not at the recommended hyperparameters. Hover for the interval."
    )
