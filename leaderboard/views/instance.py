"""One instance: the truth, every estimate and its error, the scores, and how hard the instance is among the others."""

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from benchmark.report import information, tables
from benchmark.report.board import Board
from benchmark.report.decimals import digits
from benchmark.report.order import sign
from benchmark.report.tables import Column
from benchmark.statistics import Key
from leaderboard.charts import instance_strip, spectrum_charts
from leaderboard.ui import choices, downloads, drawing, kept, widgets
from leaderboard.ui.plain import plain
from leaderboard.views.instance_parts import drawings, inputs_view, tiles


def choose_key(board: Board, left: DeltaGenerator, right: DeltaGenerator) -> Key:
    """Selectors of seed and instance in two columns."""
    with left:
        seed = choices.choose("Seed", "seed", sorted({seed for seed, _ in board.labels}))
    with right:
        numbers = sorted(i for s, i in board.labels if s == seed)
        number = choices.choose("Instance", "instance", numbers, lambda i: f"{i}: {board.labels[seed, i]}")
    return seed, number


def singular_along(board: Board, key: Key) -> None:
    """Singular values along the run, of the methods that kept them."""
    frame = kept.singular_values(board, key)
    if frame.empty:
        return
    st.subheader("Singular values of the iterate")
    drawing.show(spectrum_charts.spectra_chart(frame, board), f"{downloads.stem(board)}_iterate")
    st.caption(
        "Of the running estimate's largest singular values, one line each, in the units of the matrix. A method that "
        "finds low rank by itself lifts a few of them and leaves the rest where they began."
    )


def difficulty(board: Board, key: Key) -> None:
    """Where this instance stands among all instances of its seed."""
    primary = board.task.primary
    st.subheader("How hard is this instance?")
    reference = board.baseline or board.rows[0]
    scores = {i: v for (s, i), v in reference.scores[primary.name].items() if s == key[0]}
    mine = scores.get(key[1])
    if mine is not None:
        harder = sum(sign(primary) * (mine - value) > 0 for value in scores.values())
        st.write(
            f"By {plain(primary.name)} of {plain(reference.label)} it is the {tables.ordinal(harder + 1)}hardest of the "
            f"{tables.count(len(scores), 'instance')} of seed {key[0]}."
        )
    drawing.show(instance_strip.strip(board, key), f"{downloads.stem(board)}_hard")
    st.caption("Tick: one instance of this seed. Dot: the instance chosen above.")


def scores(board: Board, key: Key) -> None:
    """Every metric of every method on this instance."""
    st.subheader("Scores on this instance")
    frame = tables.instance_scores(board, key)
    columns = {"method": Column("In brackets: changed hyperparameters", 240)}
    for metric in tables.ordered(board):
        places = digits(row.means.get(metric.name) for row in board.rows)
        columns[tables.heading(metric)] = Column(metric.description, 110, f"%.{places}f")
    if board.baseline:
        text = f"Difference to {board.baseline.label} on this instance"
        columns[tables.gain_heading(board)] = Column(text, 110, f"%+.{tables.primary_digits(board)}f")
    columns["seconds"] = Column("The method's own time on this instance", 100, "%.3g")
    more = information.extra(board)
    names = [f"{name} {information.text(more.get(name, ()))}".strip() for name in frame["method"]]
    widgets.numbers(frame.assign(method=names), columns)
    view = widgets.view(f"seed {key[0]}, instance {key[1]}: {board.labels[key]}", frame, columns)
    downloads.of_board(board, {"scores": view}, f"{key[0]}_{key[1]}")
    tiles.sources(board, key)


def elsewhere(board: Board, key: Key) -> None:
    """Where there is something to see, if nothing was kept of this instance."""
    found = [one for one in kept.keys(board) if one in board.labels]
    if found and key not in found:
        seed, number = min(found, key=lambda one: (one[0] != key[0], one))
        place = {"task": board.task.name, "preset": board.preset, "seed": seed, "instance": number}
        name = f"seed {seed}, instance {number} ({board.labels[seed, number]})"
        widgets.go("instance", f"See {name}: its estimates were kept →", **place)


selectors = st.columns(4)
shown = choices.choose_board(*selectors[:2])
if not shown.labels:
    st.write("No instance of this board has finished.")
    st.stop()
chosen = choose_key(shown, *selectors[2:])
st.header(plain(f"{shown.task.title} / {shown.preset}: {shown.labels[chosen] or f'instance {chosen[1]}'}"))
place = {"task": shown.task.name, "preset": shown.preset}
widgets.go("task", "← Back to the board", **place)
given = st.container()
drawings.show(shown, chosen)
elsewhere(shown, chosen)
singular_along(shown, chosen)
scores(shown, chosen)
difficulty(shown, chosen)
inputs_view.show(shown, chosen, given)
