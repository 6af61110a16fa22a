from collections.abc import Callable

import pytest
from sqlalchemy.orm import Session

from benchmark.report import boards as reading
from benchmark.report import leaders
from benchmark.report.board import Board


@pytest.fixture
def boards(session_of: Callable[[str], Session]) -> list[Board]:
    session = session_of("varied")
    return [reading.board(session, *place) for place in reading.boards(session)]


def test_leaders_and_their_lead(boards: list[Board]) -> None:
    frame, columns = leaders.table(boards)
    assert list(frame.columns) == list(columns)
    line = frame[(frame["task"] == "beta")].iloc[0]
    assert line["leading"] == "new_way"
    assert line["difference to the baseline"].endswith("against base_fill")
