"""One instance: the truth, every estimate and its error, the scores, and how hard the instance is among the others."""

import pandas as pd
import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from benchmark.report import tables
from benchmark.report.board import Board, Row
from benchmark.report.order import sign
from benchmark.report.tables import Column
from benchmark.statistics import Key
from leaderboard.artifacts import images, stacks
from leaderboard.charts import confusion, instance_strip, pixels, singular_values, spectrum_charts, stack_charts
from leaderboard.ui import downloads, drawing, shell, widgets, wipe
from leaderboard.views.instance_parts import inputs_view, pictures_view, tiles, videos


def choose_key(board: Board, left: DeltaGenerator, right: DeltaGenerator) -> Key:
    """Selectors of seed and instance in two columns."""
    with left:
        seed = shell.choose("Seed", "seed", sorted({seed for seed, _ in board.labels}))
    with right:
        numbers = sorted(i for s, i in board.labels if s == seed)
        number = shell.choose("Instance", "instance", numbers, lambda i: f"{i}: {board.labels[seed, i]}")
    return seed, number


def grid(board: Board, found: images.Pictures, key: Key) -> None:
    """Truth first, then the baseline, then the rest of the rows in the order of the board; errors beneath."""
    truth = found.truth
    if truth is None:
        if not found.problems:
            st.write("This instance has no images: its task draws none, or they were not kept.")
        tiles.problems(found.problems)
        return
    top, limit = float(truth.max()), pixels.error_limit(found)
    rows = sorted(board.rows, key=lambda row: row is not board.baseline)
    every: list[Row | None] = [None, *(row for row in rows if row.label in found.estimates)]
    flow = st.container(horizontal=True)
    for row in every:
        with flow.container(width=tiles.TILE, gap="xsmall"):
            if row is None:
                st.markdown("**truth**")
                st.caption(f"{truth.shape[-2]} x {truth.shape[-1]} pixels")
                st.image(pixels.picture_png(truth, top), width="stretch")
                scale(top, limit, colour=truth.ndim == 3)
            else:
                tiles.heading(board, row, key)
                st.image(pixels.picture_png(found.estimates[row.label], top), width="stretch")
                st.image(pixels.heat_png(pixels.error_map(found.estimates[row.label], truth), limit), width="stretch")
    tiles.problems(found.problems)
    tiles.absent(board, found.estimates, found.problems)
    overlay(board, found, truth, top)


def overlay(board: Board, found: images.Pictures, truth: images.Array, top: float) -> None:
    """Two methods, or one and the truth, on one picture with a slider; the link says which."""
    rows = sorted((row for row in board.rows if row.label in found.estimates), key=lambda row: row is not board.baseline)
    every = {row.label: found.estimates[row.label] for row in rows} | {"truth": truth}
    if len(every) < 2:
        return
    st.subheader("Two on top of each other")
    left, right, _ = st.columns([1, 1, 2])
    with left:
        first = shell.choose("Left", "first", list(every))
    with right:
        second = shell.choose("Right", "second", [label for label in every if label != first])
    png = {label: pixels.picture_png(every[label], top, side=1) for label in (first, second)}
    wipe.show(first, png[first], second, png[second])
    st.caption("Drag on the picture, or move the slider with the arrow keys. Both share the scale of the tiles above.")
    if "truth" not in (first, second):
        place = {"task": board.task.name, "preset": board.preset, "first": first, "second": second}
        widgets.go("compare", "Compare these two over all instances →", **place)


def labels(board: Board, found: images.Pictures, key: Key) -> None:
    """What each method named the test texts, the baseline first; grades against the true ones."""
    truth = found.truth
    if truth is None:
        st.write("Of this instance no labels were kept.")
        tiles.problems(found.problems, "labels")
        return
    classes = confusion.tells_classes(truth)
    st.caption(
        "Of the test texts of each true class (row) the share that a method gives each name (column). Right is the diagonal. "
        "Classes are numbered as their data name them."
        if classes
        else "A dot for each test text; on the dashed line the estimate is the true grade."
    )
    flow = st.container(horizontal=True)
    for row in sorted(board.rows, key=lambda row: row is not board.baseline):
        if row.label in found.estimates:
            with flow.container(width=tiles.TILE, gap="xsmall"):
                tiles.heading(board, row, key)
                estimate = found.estimates[row.label]
                st.altair_chart(confusion.matrix(estimate) if classes else confusion.grades(truth, estimate), width="stretch")
    tiles.problems(found.problems, "labels")
    tiles.absent(board, found.estimates, found.problems, "labels")


def scale(top: float, limit: float, colour: bool) -> None:
    """The two scales that all tiles share."""
    span = f"each channel from 0 to {top:.3g}" if colour else f"0 (black) to {top:.3g} (white)"
    st.caption(f"Upper images: {span}, the largest value of the truth.")
    st.caption(f"Lower images: error |estimate - truth|, {'mean over the channels, ' if colour else ''}all on this scale:")
    tiles.bar(["0", f"{limit / 2:.2g}", f"≥ {limit:.2g}"])


def one_curve(board: Board, key: Key) -> None:
    """One curve of the instance: truth and chosen estimates, what was measured, then each estimate by itself."""
    found = shell.stack(board, key)
    if found.truth is None:
        if not found.problems:
            kept_without = "no truth to compare its estimates with" if found.estimates else "no curves: none were kept"
            st.write(f"This instance has {kept_without}.")
        tiles.problems(found.problems, "line")
        return
    with st.columns(4)[0]:
        number = shell.choose("Curve", "curve", range(len(found.truth)))
    labels = [row.label for row in board.rows if row.label in found.estimates]
    chosen = st.multiselect("Methods in the large picture", labels, stack_charts.first_choice(board, labels))
    every = stack_charts.table(found, board.task, number, labels)
    large = every[every["label"].isin([stacks.TRUTH, *chosen])]
    drawing.show(stack_charts.chart(large, board), f"{downloads.stem(board)}_curve_{number}")
    beyond(large)
    measured(found, number)
    if labels:
        multiples(board, key, found, number, every)
    tiles.problems(found.problems, "line")
    tiles.absent(board, found.estimates, found.problems, "line")


def beyond(frame: pd.DataFrame) -> None:
    """Which lines are cut off."""
    if names := stack_charts.cut(frame):
        st.caption(f"Reaches beyond this picture and is cut off: {', '.join(names)}.")


def measured(found: stacks.Stack, number: int) -> None:
    """The signal that the curve was reconstructed from."""
    if found.measured is None:
        return
    signal = found.measured[number]
    hidden = int((signal <= 0).sum())
    if hidden < len(signal):
        st.markdown(f"**Measured signal of curve {number}** (what methods reconstruct it from; logarithmic scale)")
        st.altair_chart(stack_charts.measured_chart(signal), width="stretch")
    if hidden:
        st.caption(f"Not drawn on the logarithmic scale: {hidden} of {len(signal)} values that are zero or negative.")


def multiples(board: Board, key: Key, found: stacks.Stack, number: int, frame: pd.DataFrame) -> None:
    """A small picture of each estimate beside the truth, the baseline first, with its RMSE on this curve."""
    assert found.truth is not None
    st.subheader(f"Curve {number}, method by method")
    st.caption(
        f"Grey and broad: the truth. RMSE of this curve alone: {stack_charts.HOW_RMSE}, "
        f"over its {found.truth.shape[1]} points; "
        "the scores of the whole instance are in the table below."
    )
    beyond(frame)
    ends = stack_charts.span(frame)
    flow = st.container(horizontal=True)
    for row in sorted(board.rows, key=lambda row: row is not board.baseline):
        if row.label not in found.estimates:
            continue
        error = stack_charts.rmse(found.estimates[row.label][number], found.truth[number])
        with flow.container(width=tiles.TILE, gap="xsmall"):
            tiles.heading(board, row, key)
            st.caption(f"RMSE of this curve {error:.3f}")
            st.altair_chart(stack_charts.small_chart(frame, board, row.label, ends), width="stretch")


def matrix_spectra(board: Board, found: images.Pictures) -> None:
    """Singular values of the matrices in the tiles."""
    frame = singular_values.table(found)
    if frame.empty:
        return
    st.subheader("Singular values of the matrices")
    drawing.show(singular_values.chart(frame, board), f"{downloads.stem(board)}_singular_values")
    st.caption(singular_values.about(found))


def singular_along(board: Board, key: Key) -> None:
    """Singular values along the run, of the methods that kept them."""
    frame = shell.singular_values(board, key)
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
            f"By {primary.name} of {reference.label} it is number {harder + 1} of the {len(scores)} instances of "
            f"seed {key[0]}, counted from the hardest."
        )
    drawing.show(instance_strip.strip(board, key), f"{downloads.stem(board)}_hard")
    st.caption("Tick: one instance of this seed. Dot: the instance chosen above.")


def scores(board: Board, key: Key) -> None:
    """Every metric of every method on this instance."""
    st.subheader("Scores on this instance")
    frame = tables.instance_scores(board, key)
    columns = {"method": Column("In brackets: changed hyperparameters", 240)}
    for metric in tables.ordered(board):
        places = tables.digits(row.means.get(metric.name) for row in board.rows)
        columns[tables.heading(metric)] = Column(metric.description, 110, f"%.{places}f")
    if board.baseline:
        text = f"Difference to {board.baseline.label} on this instance"
        columns[tables.gain_heading(board)] = Column(text, 110, f"%+.{tables.primary_digits(board)}f")
    columns["seconds"] = Column("The method's own time on this instance", 100, "%.3g")
    shell.table(frame, columns)
    view = widgets.view(f"seed {key[0]}, instance {key[1]}: {board.labels[key]}", frame, columns)
    downloads.of_board(board, {"scores": view}, f"{key[0]}_{key[1]}")
    tiles.sources(board, key)


def elsewhere(board: Board, key: Key) -> None:
    """Where there is something to see, if nothing was kept of this instance."""
    found = [one for one in shell.with_pictures(board) if one in board.labels]
    if found and key not in found:
        seed, number = min(found, key=lambda one: (one[0] != key[0], one))
        place = {"task": board.task.name, "preset": board.preset, "seed": seed, "instance": number}
        name = f"seed {seed}, instance {number} ({board.labels[seed, number]})"
        widgets.go("instance", f"See {name}: of it answers were kept →", **place)


selectors = st.columns(4)
shown = shell.choose_board(*selectors[:2])
if not shown.labels:
    st.write("No instance of this board has finished.")
    st.stop()
chosen = choose_key(shown, *selectors[2:])
st.header(f"{shown.task.title} / {shown.preset}: {shown.labels[chosen] or f'instance {chosen[1]}'}")
place = {"task": shown.task.name, "preset": shown.preset}
st.page_link("views/task.py", label=":blue[← Back to the board]", query_params=place)
if shown.task.pictures:
    pictures_view.show(shown, chosen)
elif shown.task.poses == "FewShot":
    labels(shown, shell.pictures(shown, chosen), chosen)
elif shown.task.poses == "Retrieval":
    found = shell.pictures(shown, chosen)
    videos.show(shown, found, chosen)
    tiles.problems(found.problems, "nearest videos")
    tiles.absent(shown, found.estimates, found.problems, "nearest videos")
elif shown.task.axis is None:
    found = shell.pictures(shown, chosen)
    grid(shown, found, chosen)
    if shown.task.poses == "Completion":
        matrix_spectra(shown, found)
else:
    one_curve(shown, chosen)
elsewhere(shown, chosen)
inputs_view.show(shown, chosen)
singular_along(shown, chosen)
scores(shown, chosen)
difficulty(shown, chosen)
