import json
from collections.abc import Callable

import pytest
from sqlalchemy.orm import Session

from benchmark.report import boards, comparison
from benchmark.report.board import Board, Row
from leaderboard.charts import comparison_charts

PLAIN = "net_plain [steps=100]"


def row(board: Board, label: str) -> Row:
    return next(row for row in board.rows if row.label == label)


@pytest.fixture
def fight(session_of: Callable[[str], Session]) -> comparison.Duel:
    board = boards.board(session_of("full"), "imaging", "small")
    return comparison.duel(board, row(board, "net_guided"), row(board, PLAIN), board.task.primary)


def test_scatter_has_a_diagonal_one_scale_and_a_link_for_each_point(fight: comparison.Duel) -> None:
    spec = comparison_charts.scatter(
        fight, {key: f"instance?seed={key[0]}&instance={key[1]}" for key in fight.signed}
    ).to_dict()
    diagonal, points = spec["layer"]
    assert points["encoding"]["x"]["scale"] == points["encoding"]["y"]["scale"] == diagonal["encoding"]["x"]["scale"]
    assert points["encoding"]["href"]["field"] == "url"
    assert "labelColor" not in json.dumps(spec.get("config", {}))  # the page's, light or dark


def test_a_row_against_itself_is_drawn(fight: comparison.Duel) -> None:
    one = comparison.duel(fight.board, fight.first, fight.first, fight.metric)
    for chart in (comparison_charts.differences(one), comparison_charts.scatter(one, dict.fromkeys(one.signed, "instance"))):
        assert json.loads(chart.to_json())["layer"]
