"""A table of methods by boards. A cell says where a method stands on a board, or why it stands nowhere."""

from collections.abc import Sequence
from dataclasses import dataclass

import pandas as pd

from benchmark.report.board import Board, Row
from benchmark.report.decimals import digits
from benchmark.report.filters import Selection
from benchmark.report.formats import View
from benchmark.report.order import improves, sign
from benchmark.report.tables import Column, count, interval, number, with_unit

HOW_RANKS = (
    "A cell is the method's rank on the board by the primary metric, among all complete rows, including rows that the filters "
    "hide. Rank 1 is best. Methods share a rank if the test does not separate them from the first of their group. Deeper blue: "
    "closer to rank 1. Striped: no result. k/n: only k of n scores, so no rank. –: complete, but too few instances for ranks. "
    "\\*: not at the recommended hyperparameters."
)
HOW_GAINS = (
    "A cell is the mean paired difference to the task's baseline, in the unit of the primary metric. Blue: better than the "
    "baseline. Orange: worse. Colours are scaled within each column, because units differ. In brackets: the 95 % interval "
    "contains zero, there are too few instances for an interval, or the row is incomplete. Striped: no result of the method or "
    "of the baseline. \\*: not at the recommended hyperparameters."
)


@dataclass(frozen=True)
class Cell:
    """The cell of one method and board. level is its colour from -1 to 1, below 0 for worse than the baseline, or None."""

    text: str
    detail: str
    level: float | None = None
    muted: bool = False


@dataclass(frozen=True)
class MethodsByBoards:
    """cells maps (method, column) to its cell; a pair without result is missing. complete counts the boards that a method
    has all scores of.
    """

    boards: tuple[Board, ...]
    methods: tuple[str, ...]
    cells: dict[tuple[str, int], Cell]
    complete: dict[str, int]

    def coverage(self, method: str) -> str:
        """On how many of the boards a method is complete, as '3 of 12'."""
        return f"{self.complete[method]} of {len(self.boards)}"


def name(board: Board) -> str:
    """The name of a board, as 'denoising / small'."""
    return f"{board.task.name} / {board.preset}"


def of_selection(selection: Selection, gains: bool = False) -> MethodsByBoards:
    """The cells of a selection. Methods with complete results on more boards come first, then those with better ranks."""
    cells: dict[tuple[str, int], Cell] = {}
    shares: dict[str, list[float]] = {method: [] for method in selection.methods}
    complete = dict.fromkeys(selection.methods, 0)
    for column, (board, rows) in enumerate(zip(selection.boards, selection.rows, strict=True)):
        ranked = max((row.rank for row in board.rows if row.rank), default=1)
        finished = sum(row.complete for row in board.rows)
        largest = max((abs(row.gain.mean) for row in rows.values() if row.gain), default=0.0) or 1.0
        for method, row in rows.items():
            complete[method] += row.complete
            if row.rank:
                shares[method].append((row.rank - 1) / max(ranked - 1, 1))
            cell = _gain_cell(board, row, largest) if gains else _rank_cell(board, row, ranked, finished)
            if cell:
                cells[method, column] = cell
    order = sorted(selection.methods, key=lambda m: (-complete[m], _mean(shares[m]), m))
    return MethodsByBoards(selection.boards, tuple(order), cells, complete)


def _mean(numbers: Sequence[float]) -> float:
    return sum(numbers) / len(numbers) if numbers else 2.0


def _rank_cell(board: Board, row: Row, ranked: int, finished: int) -> Cell:
    star = "" if row.label == row.method else "*"
    detail = f"{row.label} on {name(board)}: {_score(board, row)}"
    if not row.complete:
        return Cell(f"{row.done}/{row.expected}{star}", f"{detail}; no rank, {row.done} of {row.expected} scores", muted=True)
    if row.rank is None:
        return Cell(f"–{star}", f"{detail}; no rank, {board.instances} instances are too few", muted=True)
    place = f"rank {row.rank} of {finished} rows (95 %: {row.standing.interval})"
    return Cell(f"{row.rank}{star}", f"{detail}; {place}", 1 - (row.rank - 1) / max(ranked - 1, 1))


def _gain_cell(board: Board, row: Row, largest: float) -> Cell | None:
    star = "" if row.label == row.method else "*"
    detail = f"{row.label} on {name(board)}: {_score(board, row)}"
    if row is board.baseline:
        return Cell("base", f"{detail}; the baseline", muted=True)
    if row.gain is None:
        return None
    primary, places = board.task.primary, digits([row.gain])
    text = f"{number(row.gain.mean, places, signed=True)}{star}"
    unclear = not row.complete or improves(row.gain, primary) == "unclear"
    spread = interval(row.gain, places, signed=True)
    note = f"{detail}; difference to {board.task.baseline} {with_unit(text, primary)} {spread}"
    return Cell(f"({text})" if unclear else text, note, sign(primary) * row.gain.mean / largest, muted=unclear)


def _score(board: Board, row: Row) -> str:
    primary = board.task.primary
    return f"{primary.name} {with_unit(f'{row.mean(primary):.4g}', primary)}, {count(len(row.seeds), 'seed')}"


def view(found: MethodsByBoards, gains: bool, about: Sequence[str]) -> View:
    """The same cells as a table to download. It has a line for each method, and an empty text where there is no result."""
    values: dict[str, list[str]] = {
        "method": list(found.methods),
        "complete on": [found.coverage(method) for method in found.methods],
    }
    columns = {"method": Column("name", 160), "complete on": Column("boards on which every instance has a score", 90)}
    for column, board in enumerate(found.boards):
        heading = name(board) + (f" ({board.task.primary.unit})" if gains and board.task.primary.unit else "")
        cells = [found.cells.get((method, column)) for method in found.methods]
        values[heading] = [cell.text if cell else "" for cell in cells]
        columns[heading] = Column("difference to the baseline" if gains else "rank on this board", 80)
    first = {method for (method, _), cell in found.cells.items() if cell.text.rstrip("*") == "1"}
    title = "Difference to the baseline, methods x boards" if gains else "Ranks, methods x boards"
    best = [method in first and not gains for method in found.methods]
    return View(title, pd.DataFrame(values), columns, best, frozenset({"method"}), about)
