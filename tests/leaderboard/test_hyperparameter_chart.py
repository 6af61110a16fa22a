"""A metric against a hyperparameter: the chart and its caption."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from sqlalchemy.orm import Session

from benchmark.report import boards, studies
from benchmark.report.board import Board, Row
from benchmark.statistics import Estimate
from leaderboard.charts import hyperparameter_chart, marks


@pytest.fixture
def board(session_of: Callable[[str], Session]) -> Board:
    return boards.board(session_of("full"), "imaging", "small")


def row(board: Board, method: str, mean: float = 20.0, low: float = 19.0, **parameters: Any) -> Row:
    """A complete row with this mean, over 8 instances."""
    label = f"{method} {parameters}"
    means = {"psnr": Estimate(mean, low, mean + 1, 8)}
    return replace(board.rows[0], label=label, method=method, parameters=parameters, means=means, marks=())


def ranks(board: Board, method: str, *values: float, **others: Any) -> list[Row]:
    return [row(board, method, mean=20 + value, rank=value, **others) for value in values]


def test_points_of_one_value_stand_side_by_side_on_a_logarithmic_axis(board: Board) -> None:
    board = replace(board, rows=ranks(board, "a", 2, 8, 32) + ranks(board, "b", 2, 8, 32))
    found = studies.families(board)["rank"]
    frame = studies.values(found, "rank", board.task.primary)
    assert frame["value"].tolist() == [2, 8, 32] * 2
    assert frame["mean"].tolist() == [22, 28, 52] * 2
    a, b = (np.log(frame[frame["family"] == name]["at"].to_numpy()) for name in "ab")
    assert np.all(a < b)
    assert b - a == pytest.approx(np.full(3, np.log(16) * studies._SIDE))
    x = hyperparameter_chart.chart(frame, board, board.task.primary, "rank").to_dict()["layer"][0]["encoding"]["x"]
    assert x["scale"]["type"] == "log"
    assert x["axis"]["values"] == [2, 8, 32]
    assert x["title"] == "rank"


def test_an_axis_that_does_not_spread_is_linear(board: Board) -> None:
    board = replace(board, rows=ranks(board, "a", 0, 10, 100))
    frame = studies.values(studies.families(board)["rank"], "rank", board.task.primary)
    assert frame["at"].tolist() == [0, 10, 100]
    drawn = hyperparameter_chart.chart(frame, board, board.task.primary, "rank").to_dict()
    assert drawn["layer"][0]["encoding"]["x"]["scale"]["type"] == "linear"


def test_intervals_that_are_not_known_are_not_drawn_and_the_baseline_is_a_rule(board: Board) -> None:
    rows = [row(board, "a", low=low, rank=rank) for rank, low in ((1, np.nan), (2, 19.0), (3, 18.0))]
    board = replace(board, rows=rows)
    frame = studies.values(studies.families(board)["rank"], "rank", board.task.primary)
    bars, lines, dots, rule, text = hyperparameter_chart.chart(frame, board, board.task.primary, "rank").to_dict()["layer"]
    assert (bars["encoding"]["y"]["field"], bars["encoding"]["y2"]["field"]) == ("low", "high")
    assert bars["transform"] == [{"filter": "isValid(datum.low)"}]
    assert lines["encoding"]["y"]["title"] == dots["encoding"]["y"]["title"] == "psnr (dB), ↑ higher is better"
    assert rule["mark"]["strokeDash"] == [2, 3]
    assert text["encoding"]["text"]["field"] == "text"
    alone = replace(board, baseline=None)
    assert len(hyperparameter_chart.chart(frame, alone, board.task.primary, "rank").to_dict()["layer"]) == 3


def test_the_first_line_of_a_method_has_its_colour_and_no_two_are_alike(board: Board) -> None:
    rows = [one for start in "xyz" for one in ranks(board, "net_plain", 1, 2, 3, start=start)]
    board = replace(board, rows=[*rows, *ranks(board, "net_guided", 1, 2, 3)])
    frame = studies.values(studies.families(board)["rank"], "rank", board.task.primary)
    drawn = hyperparameter_chart.chart(frame, board, board.task.primary, "rank").to_dict()["layer"]
    palette = drawn[2]["encoding"]["color"]["scale"]["range"]
    usual = marks.colours(board)
    assert (palette[0], palette[3]) == (usual["net_plain"], usual["net_guided"])
    assert len(set(palette)) == 4
    assert drawn[2]["encoding"]["shape"]["scale"]["range"] == ["circle", "square", "triangle-up", "circle"]


def test_the_caption_counts_and_says_the_marks(board: Board) -> None:
    first, *rest = ranks(board, "a", 1, 2, 3)
    board = replace(board, rows=[first, *(replace(one, marks=("chosen on test data",)) for one in rest)])
    found = studies.families(board)["rank"]
    frame = studies.values(found, "rank", board.task.primary)
    text = hyperparameter_chart.caption(frame, found, board, board.task.primary, "rank")
    assert "Mean of psnr over 8 instances and 2 seeds." in text
    assert "that differ in rank alone" in text
    assert "Dotted: the mean of the baseline base_fill." in text
    assert "Marked points: chosen on test data (2 of 3)." in text
