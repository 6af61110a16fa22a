"""A table of who leads on each board, and by how much over the baseline."""

from collections.abc import Sequence

import pandas as pd

from benchmark.report import tables
from benchmark.report.board import Board
from benchmark.report.order import improves
from benchmark.report.pairs import comparison
from benchmark.report.tables import Column

HOW = (
    "Leading: the methods of rank 1 by the primary metric, among all rows of the board. Methods share rank 1 if a test of all "
    "pairs does not separate them from the method with the best mean (chance of any false separation: at most 5 %). "
    "Difference: the paired difference of the best row to the baseline, averaged over instances, with its 95 % bootstrap-t "
    "interval."
)


def table(boards: Sequence[Board]) -> tuple[pd.DataFrame, dict[str, Column]]:
    """A table with one line for each board, and what its columns mean."""
    values = {
        "task": [board.task.name for board in boards],
        "preset": [board.preset for board in boards],
        "size": [size(board) for board in boards],
        "metric": [tables.heading(board.task.primary) for board in boards],
        "leading": [leaders(board) for board in boards],
        "difference to the baseline": [lead(board) for board in boards],
    }
    helps = {
        "task": "name of the task",
        "preset": "size of the task",
        "size": "instances, seeds and methods with results",
        "metric": "that ranks, with its direction and unit",
        "leading": "methods of rank 1, or the best in the mean where there are no ranks",
        "difference to the baseline": "of the best row, with its interval",
    }
    return pd.DataFrame(values), {name: Column(text, 160) for name, text in helps.items()}


def size(board: Board) -> str:
    """The size of a board, as '10 instances x 2 seeds, 10 methods, 1 row incomplete'."""
    seeds = {run.seed for row in board.rows for run in row.runs}
    partial = sum(not row.complete for row in board.rows)
    parts = [
        f"{tables.count(board.instances, 'instance')} x {tables.count(len(seeds), 'seed')}",
        tables.count(len({row.method for row in board.rows}), "method"),
        *([f"{tables.count(partial, 'row')} incomplete"] if partial else []),
    ]
    return ", ".join(parts)


def leaders(board: Board) -> str:
    """The methods of rank 1. Without ranks, the best in the mean and the reason why there are none."""
    first = [row.label for row in board.rows if row.rank == 1]
    if not first:
        why = "no complete row" if board.rankable else f"{board.instances} instances are too few for ranks"
        return f"{board.rows[0].label} in the mean; {why}"
    rest = f" — not separable from it: {', '.join(first[1:])}" if first[1:] else ""
    return f"{first[0]}{rest}"


def ahead(board: Board) -> str:
    """How far the best row is ahead of the next, with its interval: 'psnr +0.88 dB [+0.46, +1.22] over tv'."""
    rows, primary = board.comparable, board.task.primary
    if len(rows) < 2:
        return "no other method to compare with"
    found = comparison(board, rows[0], rows[1])
    if found is None:
        return f"no instance in common with {rows[1].label}"
    text = tables.gain_text(found.difference, primary)
    if not found.difference.mean:
        return f"same mean {primary.name} as {rows[1].label}"
    unclear = improves(found.difference, primary) == "unclear" and tables.TOO_FEW not in text
    return f"{primary.name} {tables.ARROW[primary.better]} {text} over {rows[1].label}{': no clear lead' if unclear else ''}"


def lead(board: Board) -> str:
    """The difference of the best row to the baseline with its interval, or the reason why there is none."""
    best, base = board.rows[0], board.task.baseline
    if board.baseline is None:
        return f"no difference: {base} has no results here"
    if best is board.baseline:
        return f"the baseline {base} leads"
    if best.gain is None:
        return f"no difference: no seed in common with {base}"
    text = tables.gain_text(best.gain, board.task.primary)
    unclear = improves(best.gain, board.task.primary) == "unclear" and tables.TOO_FEW not in text
    return f"{text} against {base}{' (the interval contains zero)' if unclear else ''}"
