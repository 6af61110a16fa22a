"""Average ranks of methods across the tasks of one preset, as a table and as sentences."""

import math
import string
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from benchmark import statistics
from benchmark.report.board import Board, Row
from benchmark.report.order import sign
from benchmark.report.tables import Column, count, representatives
from benchmark.statistics import Aggregate, Key

HOW_AVERAGED = (
    "Average rank: the methods that are complete on all of these tasks are ranked on each instance by the primary metric "
    "(seeds averaged first; 1 is best, ties share a rank). Ranks are averaged over the instances of a task, then over tasks, "
    "so that each task has the same weight. Other methods have no average rank, because they were not run on the same tasks. A "
    "bar (in files: a shared letter) joins methods whose average ranks differ by less than the critical difference."
)


@dataclass(frozen=True)
class Across:
    """Average ranks over several tasks.

    frame      one line for each method, the ranked ones first
    columns    how each column of the frame is shown
    sentences  what the ranks allow to say
    tasks      the names of the tasks that are averaged over
    intervals  ranked method -> average rank and the ends of its interval, the best method first
    hidden     how many methods `only` has left out
    """

    preset: str
    frame: pd.DataFrame
    columns: dict[str, Column]
    sentences: list[str]
    tasks: tuple[str, ...]
    intervals: dict[str, tuple[float, float, float]]
    hidden: int = 0

    def only(self, methods: Collection[str]) -> "Across":
        """The same table with the lines of some methods alone. They keep the ranks that they have among all."""
        kept = self.frame[self.frame["method"].isin(list(methods))].reset_index(drop=True)
        intervals = {method: found for method, found in self.intervals.items() if method in methods}
        return replace(self, frame=kept, intervals=intervals, hidden=len(self.frame) - len(kept))


def by_preset(boards: Sequence[Board]) -> dict[str, list[Board]]:
    """The boards of each preset that at least two tasks have results on, in the order of the boards."""
    groups: dict[str, list[Board]] = {}
    for board in boards:
        groups.setdefault(board.preset, []).append(board)
    return {preset: group for preset, group in groups.items() if len(group) > 1}


def shared(boards: Sequence[Board]) -> list[tuple[tuple[str, ...], int]]:
    """Sets of tasks on which the same two or more methods are complete, each with the number of methods.

    Sets with most results come first. Among sets with the same methods only the largest is kept.
    """
    complete: dict[str, set[str]] = {}
    for board in boards:
        for method, row in representatives(board).items():
            if row.complete:
                complete.setdefault(method, set()).add(board.task.name)
    own = {frozenset(tasks) for tasks in complete.values()}
    sets = {a & b for a in own for b in own if len(a & b) > 1}
    methods = {tasks: frozenset(m for m, done in complete.items() if tasks <= done) for tasks in sets}
    largest = [tasks for tasks in sets if not any(tasks < other and methods[tasks] == methods[other] for other in sets)]
    found = [(tuple(sorted(tasks)), len(methods[tasks])) for tasks in largest if len(methods[tasks]) > 1]
    return sorted(found, key=lambda one: (-len(one[0]) * one[1], one[0]))


def across(boards: Sequence[Board]) -> Across:
    """Ranks the methods of several boards of one preset. One without complete results on each task is listed, not ranked."""
    chosen = [representatives(board) for board in boards]
    methods = sorted({name for rows in chosen for name in rows})
    found = statistics.aggregate([_scores(board, rows, methods) for board, rows in zip(boards, chosen, strict=True)])
    nan_last = np.where(np.isnan(found.average_rank), np.inf, found.average_rank)
    order = sorted(range(len(methods)), key=lambda at: (nan_last[at], -found.coverage[at], methods[at]))
    tied = letters(found)
    best = max(int(np.isfinite(found.average_rank).sum()), 1)
    ranks, borda = np.clip(found.average_rank_interval, 1, best), np.clip(found.borda_interval, 0, (best - 1) * found.tasks)
    values: dict[str, list[object]] = {
        "average rank": [_number(found.average_rank[at]) for at in order],
        "rank 95 %": [_interval(ranks[at], 2) for at in order],
        "method": [methods[at] for at in order],
        "tie": [tied.get(at, "") for at in order],
        "tasks": [f"{found.coverage[at]} of {found.tasks}" for at in order],
        "Borda": [_number(found.borda[at]) for at in order],
        "Borda 95 %": [_interval(borda[at], 1) for at in order],
        "remark": [_remark(boards, chosen, methods[at]) for at in order],
    }
    columns = {
        "average rank": Column("Rank on each instance, averaged over the instances of a task, then over tasks", 92, "%.2f"),
        "rank 95 %": Column(
            "Bootstrap-t interval, instances resampled within each task; it does not hold for other tasks", 110
        ),
        "method": Column("At its recommended hyperparameters, unless the remark says otherwise", 200),
        "tie": Column(
            "Methods that share a letter are not significantly different (critical difference)",
            50,
        ),
        "tasks": Column("Tasks on which every instance of the method has a score", 70),
        "Borda": Column(
            "Borda count: ranked methods beaten on an instance (tie: half), averaged over instances, summed over tasks",
            70,
            "%.1f",
        ),
        "Borda 95 %": Column("Interval as for the average rank", 110),
        "remark": Column("Why a method is not ranked, and where its hyperparameters are not the recommended ones", 420),
    }
    ranked = [at for at in order if math.isfinite(found.average_rank[at])]
    intervals = {}
    for at in ranked:
        low, high = ranks[at].tolist()
        intervals[methods[at]] = (float(found.average_rank[at]), low, high)
    tasks = tuple(board.task.name for board in boards)
    return Across(boards[0].preset, pd.DataFrame(values), columns, _sentences(found, methods), tasks, intervals)


def letters(found: Aggregate) -> dict[int, str]:
    """Position of a ranked method -> the letters of its groups. A method that is in no group has a letter of its own."""
    ranked = [int(at) for at in np.argsort(found.average_rank) if math.isfinite(found.average_rank[at])]
    if len(ranked) < 2:
        return {}
    groups = statistics.critical_groups(found.average_rank, statistics.critical_difference(len(ranked), found.tasks))
    grouped = {at for group in groups for at in group}
    groups += [[at] for at in ranked if at not in grouped]
    groups.sort(key=lambda group: ranked.index(group[0]))
    names = [string.ascii_lowercase[at % 26] * (1 + at // 26) for at in range(len(groups))]
    return {at: " ".join(name for name, group in zip(names, groups, strict=True) if at in group) for at in ranked}


def _scores(board: Board, rows: dict[str, Row], methods: Sequence[str]) -> NDArray[np.float64]:
    """Scores (methods, instances) with seeds averaged, higher is better. The row of an incomplete method is NaN."""
    name = board.task.primary.name
    empty: Mapping[Key, float] = {}
    complete = [rows[method].scores[name] if method in rows and rows[method].complete else empty for method in methods]
    cube = statistics.table(complete)
    seeds = np.isfinite(cube).sum(2)
    means = np.where(np.isfinite(cube), cube, 0.0).sum(2) / np.maximum(seeds, 1)
    oriented: NDArray[np.float64] = np.where(seeds > 0, sign(board.task.primary) * means, np.nan)
    return oriented


def _remark(boards: Sequence[Board], chosen: Sequence[dict[str, Row]], method: str) -> str:
    absent = [board.task.name for board, rows in zip(boards, chosen, strict=True) if method not in rows]
    partial = [
        f"{board.task.name} ({rows[method].done} of {rows[method].expected})"
        for board, rows in zip(boards, chosen, strict=True)
        if method in rows and not rows[method].complete
    ]
    other = [
        board.task.name
        for board, rows in zip(boards, chosen, strict=True)
        if method in rows and rows[method].label != rows[method].method
    ]
    parts = [f"not ranked: no results on {', '.join(absent)}"] if absent else []
    if partial:
        parts.append(f"{'' if absent else 'not ranked: '}incomplete on {', '.join(partial)}")
    if other:
        parts.append(f"not at the recommended hyperparameters on {', '.join(other)}")
    return "; ".join(parts)


def _sentences(found: Aggregate, methods: Sequence[str]) -> list[str]:
    ranked = np.flatnonzero(np.isfinite(found.average_rank))
    if len(ranked) < 2:
        return ["Fewer than two methods are complete on every task, so there are no average ranks."]
    limit = statistics.critical_difference(len(ranked), found.tasks)
    said = [
        f"Critical difference (Nemenyi, 5 %, {count(len(ranked), 'method')}, {count(found.tasks, 'task')}): {limit:.2f}. "
        "Average ranks that differ by less are not significantly different"
    ]
    groups = statistics.critical_groups(found.average_rank, limit)
    names = "; ".join(", ".join(methods[at] for at in group) for group in groups)
    said[0] += f": {names}." if groups else "; none differ by less here."
    p = statistics.friedman(found.ranks[:, ranked])
    if not math.isnan(p):
        said.append(f"Friedman test that all methods rank alike (ranks by mean score): p = {p:.2g}.")
    return said


def _number(value: float) -> float | None:
    return None if math.isnan(value) else float(value)


def _interval(ends: NDArray[np.float64], places: int) -> str:
    return "" if np.isnan(ends).any() else f"[{ends[0]:.{places}f}, {ends[1]:.{places}f}]"
