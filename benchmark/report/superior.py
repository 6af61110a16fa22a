"""Which rows of a board beat one of them, by paired differences over instances."""

from dataclasses import dataclass

from benchmark import statistics
from benchmark.report.board import Board, Row
from benchmark.report.order import sign
from benchmark.statistics import Estimate


@dataclass(frozen=True)
class Superior:
    """A row, and its paired difference to the one that it beats, in the unit of the primary metric."""

    row: Row
    gain: Estimate


def superior(board: Board, row: Row) -> list[Superior]:
    """The complete rows whose whole 95 % interval of the difference to `row` is on the better side, the largest first.

    Each interval is for its pair alone. Too few instances for an interval give none.
    """
    primary, found = board.task.primary, []
    for other in board.rows:
        if other is row or not other.complete or primary.name not in other.scores:
            continue
        gain = statistics.paired_difference(other.scores[primary.name], row.scores[primary.name])
        if gain is not None and min(sign(primary) * gain.low, sign(primary) * gain.high) > 0:
            found.append(Superior(other, gain))
    return sorted(found, key=lambda one: -sign(primary) * one.gain.mean)
