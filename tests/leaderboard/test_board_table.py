"""The ranks of a board as HTML."""

from collections.abc import Callable
from xml.etree import ElementTree

import pytest
from sqlalchemy.orm import Session

from benchmark.report import boards
from benchmark.report.board import Board
from leaderboard.charts import board_table, marks


@pytest.fixture
def board(session_of: Callable[[str], Session]) -> Board:
    return boards.board(session_of("full"), "imaging", "small")


def lines(board: Board) -> list[ElementTree.Element]:
    return list(ElementTree.fromstring(board_table.html(board)).iter("tr"))[1:]


def test_a_line_for_each_row_with_its_colour_and_its_method(board: Board) -> None:
    found = lines(board)
    names = ["".join(next(line.iter("a")).itertext()) for line in found]
    assert names == [row.label for row in board.rows]
    assert next(found[0].iter("a")).get("href") == f"method?method={board.rows[0].method}"
    palette = marks.colours(board)
    swatches = [next(one for one in line.iter("span") if one.get("class") == "ldb-swatch").get("style") for line in found]
    assert swatches == [f"background:{palette[row.label]}" for row in board.rows]


def test_a_bar_joins_the_rows_that_share_a_rank(board: Board) -> None:
    shared = [row.rank for row in board.rows if row.rank is not None]
    groups = {rank: shared.count(rank) for rank in shared if shared.count(rank) > 1}
    assert groups
    bars = [cell.get("rowspan") for line in lines(board) for cell in line.iter("td") if cell.get("class") == "tie"]
    assert bars == [str(count) for count in groups.values()]


def test_the_ranks_that_the_data_allow_are_a_bar(board: Board) -> None:
    row, ranked = board.rows[0], sum(row.rank is not None for row in board.rows)
    page = ElementTree.fromstring(board_table.html(board))
    said = [one.get("aria-label") for one in page.iter("div") if one.get("role") == "img"]
    assert len(said) == ranked
    assert said[0] == f"rank {row.rank}; the data allow {row.standing.interval}"


def test_a_method_that_sees_more_is_marked_in_table_and_charts(board: Board) -> None:
    assert "+prior" not in board_table.html(board)
    board.rows[0].kind = "diffusion prior"
    found = lines(board)
    assert [one.text for one in found[0].iter("span") if one.get("class") == "ldb-sees"] == ["+prior"]
    assert not [one for line in found[1:] for one in line.iter("span") if one.get("class") == "ldb-sees"]
    assert f'"{board.rows[0].label} +prior"' in marks.marked(board)
