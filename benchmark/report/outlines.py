"""Boards as an overview needs them: with the primary metric alone, and without instances, curves and p.

The same functions as in benchmark.report.boards.board compute the rows, their ranks and their differences to the baseline from
the same scores. What an outline leaves out is empty. The best row has its difference to the baseline. The others get theirs
from `with_gains`, because intervals of differences take longer than ranks.
"""

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from benchmark import statistics
from benchmark.report import boards
from benchmark.report.board import Board, Row
from benchmark.report.order import baseline
from benchmark.spec import Metric
from benchmark.store.models import Run, Task
from benchmark.store.queries import entries_and_hidden

State = tuple[Any, ...]


def states(session: Session) -> dict[tuple[str, str], State]:
    """(task, preset) -> a value that changes with its runs and their scores. A runner sets the heartbeat with every score."""
    columns = (Task.name, Run.preset, func.count(Run.id), func.max(Run.id), func.max(Run.finished), func.max(Run.heartbeat))
    rows = session.execute(select(*columns).join(Run, Run.task_id == Task.id).group_by(Task.name, Run.preset))
    return {(task, preset): tuple(rest) for task, preset, *rest in rows}


def outline(session: Session, task: str, preset: str) -> Board:
    """The outline of a board that has a score. Its `left_out` counts the runs without a row."""
    version, info = boards.shown_version(session, task, preset)
    primary = info.primary
    found, _ = entries_and_hidden(session, task, version, preset, metrics=[primary.name])
    found = [entry for entry in found if primary.name in entry.scores]
    places = boards.environments(session)
    size = int(info.presets.get(preset, {}).get("instances", 0))
    rows = [boards.row(entry, info, size, {}, places) for entry in found]
    base = baseline(rows, info.baseline)
    rows = boards.ordered(rows, primary, None)
    add_gain(rows[:1], primary, base)
    every = session.scalar(select(func.count(Run.id)).join(Task).where(Task.name == task, Run.preset == preset)) or 0
    return Board(
        task=info,
        preset=preset,
        rows=rows,
        baseline=base,
        hidden=[],
        labels={},
        unequal=[],
        by_processor=[],
        known_methods=sorted({row.method for row in rows}),
        left_out=every - sum(len(row.runs) for row in rows),
    )


def add_gain(rows: Iterable[Row], primary: Metric, base: Row | None) -> None:
    """Give each row its difference to the baseline."""
    for row in rows:
        if base is not None and row is not base:
            gain = statistics.paired_difference(row.scores[primary.name], base.scores[primary.name])
            row.standing = replace(row.standing, gain=gain)


def with_gains(board: Board) -> Board:
    """A copy of an outline in which each row has its difference to the baseline."""
    rows = [replace(row) for row in board.rows]
    base = next((new for new, old in zip(rows, board.rows, strict=True) if old is board.baseline), None)
    add_gain(rows, board.task.primary, base)
    return replace(board, rows=rows, baseline=base)
