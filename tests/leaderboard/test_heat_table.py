from collections.abc import Callable
from xml.etree import ElementTree

import pytest
from sqlalchemy.orm import Session

from benchmark.report import boards as reading
from benchmark.report import filters, methods_by_boards
from benchmark.report.board import Board
from leaderboard.charts import heat_table


@pytest.fixture
def boards(session_of: Callable[[str], Session]) -> list[Board]:
    session = session_of("varied")
    return [reading.board(session, *place) for place in reading.boards(session)]


def test_names_cannot_be_markup(boards: list[Board]) -> None:
    found = methods_by_boards.of_selection(filters.select(boards, {}))
    page = heat_table.html(found)
    assert "<b>" not in page
    assert "&lt;b&gt;odd&lt;/b&gt; &amp; way" in page
    assert page.count("no result") == 20 - 12
    picture = ElementTree.fromstring(heat_table.svg(found, "Rank <on> each board"))
    words = {element.text for element in picture.iter() if element.text}
    assert {"<b>odd</b> & way", "5/8", "beta small", "3 of 4"} <= words
