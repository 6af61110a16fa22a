"""What a board says, in a sentence or two."""

from benchmark.report import information
from benchmark.report.board import Board, Row
from benchmark.report.order import improves
from benchmark.report.pairs import comparison
from benchmark.report.tables import count, gain_text


def verdict(board: Board) -> str:
    """Who leads, its difference to the next, who shares rank 1, and how many rows are better than the baseline.

    Empty for a board without complete rows.
    """
    rows = board.comparable
    if not rows:
        return ""
    if not board.rankable:
        return f"{count(board.instances, 'instance')} are too few to rank {count(len(rows), 'method')}."
    sentences = [_leads(board, rows)]
    if board.baseline is not None:
        others = [row for row in rows if row is not board.baseline and row.gain is not None]
        better = sum(improves(row.gain, board.task.primary) == "better" for row in others if row.gain)
        if others:
            verb = "is" if better == 1 else "are"
            rest = count(len(others), "other row")
            sentences.append(f"{better} of {rest} {verb} better than the baseline {board.baseline.label}.")
    return " ".join(sentences)


def _leads(board: Board, rows: list[Row]) -> str:
    first, marks = rows[0], information.extra(board)
    if len(rows) == 1:
        return f"{first.label} is alone on this board."
    ties = [row.label for row in rows[1:] if row.rank == first.rank]
    found = comparison(board, first, rows[1])
    more = f" {first.label} {information.said(marks[first.label])}." if first.label in marks else ""
    gap = "" if found is None else f"; its difference to {rows[1].label} is {gain_text(found.difference, board.task.primary)}"
    if not ties:
        return f"{first.label} leads{gap}.{more}"
    shared = f"{ties[0]} shares" if len(ties) == 1 else f"{count(len(ties), 'other')} share"
    return f"{first.label} has the best mean{gap}. {shared} rank 1 with it.{more}"


def by_processor(board: Board) -> str:
    """What to say where observations differ between kinds of processors alone; empty where none do."""
    if not board.by_processor:
        return ""
    where = count(len(board.by_processor), "(seed, instance) pair")
    return (
        f"Rows of different processors saw observations that differ on {where}: rounding, which is not the same on all "
        "processors, is enough for that. On each processor all methods saw the same."
    )
