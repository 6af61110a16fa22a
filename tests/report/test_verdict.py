from collections.abc import Callable
from dataclasses import replace

import pytest
from sqlalchemy.orm import Session

from benchmark.report import boards
from benchmark.report.board import Board
from benchmark.report.verdict import verdict


@pytest.fixture
def board(session_of: Callable[[str], Session]) -> Board:
    return boards.board(session_of("full"), "imaging", "small")


def test_it_says_who_leads_by_how_much_and_who_beats_the_baseline(board: Board) -> None:
    first, second = board.comparable[:2]
    said = verdict(board)
    assert said.startswith(f"{first.label} has the best mean; its difference to {second.label} is +")
    assert f"{board.task.primary.unit} [" in said
    assert "shares rank 1 with it" in said or "share rank 1 with it" in said
    better = sum(bool(row.gain and row.gain.low > 0) for row in board.comparable if row is not board.baseline)
    assert f"{better} of {len(board.comparable) - 1} other rows are better than the baseline base_fill." in said


def test_a_clear_lead_is_called_one(board: Board) -> None:
    first, *others = board.comparable
    apart = [replace(row, standing=replace(row.standing, rank=2)) for row in others]
    assert verdict(replace(board, rows=[first, *apart])).startswith(
        f"{first.label} leads; its difference to {apart[0].label} is "
    )


def test_a_board_that_has_nothing_to_say_says_nothing(board: Board) -> None:
    assert verdict(replace(board, rows=[])) == ""
    assert verdict(replace(board, rows=board.comparable[:1], baseline=None)).endswith("is alone on this board.")
