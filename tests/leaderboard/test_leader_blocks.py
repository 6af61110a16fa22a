from collections.abc import Callable

import pytest
from sqlalchemy.orm import Session

from benchmark.report import boards as reading
from benchmark.report import leaders
from benchmark.report.board import Board
from leaderboard.charts import leader_blocks


@pytest.fixture
def boards(session_of: Callable[[str], Session]) -> list[Board]:
    session = session_of("varied")
    return [reading.board(session, *place) for place in reading.boards(session)]


def test_a_block_links_to_its_board(boards: list[Board]) -> None:
    frame, _ = leaders.table(boards)
    assert "task?task=beta&amp;preset=small" in leader_blocks.html(boards, frame)
