"""Two methods of one board: who is better, by how much, on which instances, at what cost."""

import pandas as pd
import streamlit as st

from benchmark.report import comparison, information, tables
from benchmark.report.board import Board, Row
from benchmark.report.comparison import Duel
from leaderboard.addresses import address
from leaderboard.charts import comparison_charts
from leaderboard.ui import choices, downloads, drawing, widgets
from leaderboard.ui.plain import plain


def choose_rows(board: Board) -> tuple[Row, Row]:
    """Selectors of two rows; at first the best one and its rival."""
    rows = {row.label: row for row in board.rows}
    left, right = st.columns(2)
    with left:
        first = choices.choose("Method", "first", list(rows))
    rival = comparison.rival(board, rows[first])
    others = sorted((label for label in rows if label != first), key=lambda label: label != rival.label)
    with right:
        second = choices.choose("against", "second", others)
    return rows[first], rows[second]


def links(one: Duel) -> None:
    """To the board and to the methods."""
    board = one.board
    with st.container(horizontal=True):
        widgets.go("task", f"← Board {board.task.name} / {board.preset}", task=board.task.name, preset=board.preset)
        for method in dict.fromkeys([one.first.method, one.second.method]):
            widgets.go("method", f"Method {method} →", method=method)


def verdict(one: Duel) -> None:
    """The comparison in words."""
    st.markdown(f"### {plain(one.verdict())}")
    if one.found is None:
        return
    alone = f" Left out: {tables.count(one.alone, 'score')} that only one of them has." if one.alone else ""
    st.write(plain(one.wins() + alone))
    more = information.extra(one.board)
    for row in (one.first, one.second):
        if row.label in more:
            st.markdown(f"{plain(row.label)} {plain(information.said(more[row.label]))}.")
    st.caption(
        "The numbers depend on these two rows alone. Paired by instance, seeds averaged first. The interval is a 95 % "
        "bootstrap-t interval over instances. p is two-sided and for this one comparison: of many comparisons some have "
        "p < 0.05 by chance. The ranks of the board are corrected for that."
    )


def pictures(one: Duel, addresses: dict[tuple[int, int], str]) -> None:
    """Scatter and differences."""
    left, right = st.columns(2)
    drawing.show(comparison_charts.scatter(one, addresses), f"{name(one)}_scatter", left)
    above = "above" if one.metric.better == "higher" else "below"
    left.caption(
        f"Each point is one instance of one seed. {above.capitalize()} the dashed line {plain(one.first.label)} is better. "
        "Click a point to open its instance."
    )
    drawing.show(comparison_charts.differences(one), f"{name(one)}_differences", right)
    right.caption(
        f"The difference on each instance, {plain(one.first.label)} − {plain(one.second.label)}; {above} zero "
        f"{plain(one.first.label)} is better. Dashed: mean of the differences. Grey band: its 95 % interval."
    )


def instances(one: Duel, addresses: dict[tuple[int, int], str]) -> None:
    """Every (seed, instance), sorted by the difference."""
    st.subheader("Instance by instance")
    frame, columns = comparison.instances(one)
    view = widgets.view(title(one), frame, columns)
    keys = zip(frame["seed"], frame["instance"], strict=True)
    widgets.table(view, [addresses[int(seed), int(instance)] for seed, instance in keys])
    st.caption(f"Sorted by difference: the instance on which {plain(one.first.label)} leads most comes first.")
    downloads.menus({"instances": view}, name(one))


def metrics(one: Duel) -> None:
    """All metrics of the preset."""
    st.subheader("All metrics")
    frame, columns = comparison.metrics(one.board, one.first, one.second)
    view = widgets.view(title(one), frame, columns)
    widgets.table(widgets.view("", frame[list(columns)], columns))
    downloads.menus({"metrics": view}, name(one))


def costs(one: Duel) -> None:
    """Cost, trust and hyperparameters beside each other."""
    st.subheader("Cost and settings")
    lines = comparison.side_by_side(one.board, one.first, one.second)
    widgets.lines(lines, ["what", one.first.label, one.second.label])
    if one.first.devices != one.second.devices:
        st.caption("Measured on different devices: do not compare their seconds.")
    frame = pd.DataFrame(lines, columns=["what", f"of {one.first.label}", f"of {one.second.label}"])
    downloads.menus({"cost": widgets.view(title(one), frame, {})}, name(one))


def title(one: Duel) -> str:
    """The title of the tables."""
    task = one.board.task
    return f"{task.name} version {task.version}, {one.board.preset}: {one.first.label} against {one.second.label}"


def name(one: Duel) -> str:
    """The name of the files. It has the method of each label and none of its hyperparameters."""
    return f"compare_{one.board.task.name}_{one.board.preset}_{one.first.method}_{one.second.method}"


def show(board: Board) -> None:
    """The page of a board with two rows at least."""
    first, second = choose_rows(board)
    known = {metric.name: metric for metric in tables.ordered(board)}
    with st.columns(3)[0]:
        metric = known[choices.choose("Metric", "metric", list(known))]
    one = comparison.duel(board, first, second, metric)
    st.header(f"{plain(first.label)} against {plain(second.label)}")
    st.write(plain(f"{board.task.title} / {board.preset}"))
    links(one)
    verdict(one)
    place = {"task": board.task.name, "preset": board.preset}
    addresses = {key: address("instance", **place, seed=key[0], instance=key[1]) for key in one.signed}
    if one.found is not None:
        pictures(one, addresses)
        metrics(one)
        instances(one, addresses)
    costs(one)


board = choices.choose_board(*st.columns(2))
if len(board.rows) < 2:
    st.header("Compare")
    st.write(f"This board has {tables.count(len(board.rows), 'row')}: nothing to compare.")
else:
    show(board)
